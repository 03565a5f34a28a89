import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from rebalance.losses import CRL
from rebalance.losses.rectification import LEVELS

COUNTS = [100, 50, 10]
OMEGA = (0 + 0.5 + 0.9) / 3
LOGITS = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))


def rectification(
    logits: Tensor, targets: Tensor, *embeddings: Tensor, margin: float = 0.5, kappa: int = 3
) -> float:
    """L_crl alone; of embeddings, at the level of instances."""
    level = "instance" if embeddings else "class"
    value = CRL(COUNTS, 1.0, margin, kappa, level)(logits, targets, *embeddings)
    return (value - (1 - OMEGA) * cross_entropy(logits, targets)).item() / OMEGA


def with_scores_of_class_2(scores: list[float]) -> Tensor:
    p = torch.tensor(scores, dtype=torch.float64)
    return torch.stack([(1 - p) / 2, (1 - p) / 2, p], dim=1).log()


def test_alpha_is_the_imbalance_times_eta() -> None:
    assert CRL(COUNTS, eta=0.3).alpha == pytest.approx(0.3 * OMEGA)
    assert CRL([7, 7]).alpha == 0
    assert CRL([5, 0], eta=1).alpha == 0.5


@pytest.mark.parametrize("counts", [[9, 9, 9], COUNTS])
def test_without_imbalance_or_eta_it_is_the_cross_entropy(counts: list[int]) -> None:
    targets = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2])
    value = CRL(counts, eta=0)(LOGITS, targets)
    torch.testing.assert_close(value, cross_entropy(LOGITS, targets))
    even = CRL([9, 9, 9], eta=1)(LOGITS, targets)
    torch.testing.assert_close(even, cross_entropy(LOGITS, targets))


def test_class_level_by_hand() -> None:
    # Anchors .6 and .3 of class 2; hardest strangers .5 and .4 of the four.
    logits = with_scores_of_class_2([0.6, 0.3, 0.5, 0.4, 0.1, 0.2])
    targets = torch.tensor([2, 2, 0, 0, 0, 0])
    hinges = [0.5 + 0.3 - 0.1, 0.5 + 0.3 - 0.2, 0.5 + 0.3 + 0.2, 0.5 + 0.3 + 0.1]
    assert rectification(logits, targets, kappa=2) == pytest.approx(sum(hinges) / 4)
    assert rectification(logits, targets, kappa=1) == pytest.approx((hinges[0] + hinges[2]) / 2)


def at(*places: tuple[float, float]) -> Tensor:
    """Points of the plane, each by its angle in degrees and its length."""
    return torch.tensor(
        [[r * math.cos(math.radians(a)), r * math.sin(math.radians(a))] for a, r in places]
    )


def test_instance_level_by_hand() -> None:
    # Normalised, points lie on a circle: apart by 2 sin(a / 2) where their angles are a apart.
    # Anchors at 0 and 60 degrees: 1 apart. Nearest of the strangers, at 90 and 270 both times the
    # root of 2; at 120 exactly 1, and at 90 2 sin 15. Without norms other ones would be nearest.
    points = at((0, 3), (60, 0.5), (90, 50), (180, 1), (120, 40), (270, 70))
    logits, targets = torch.zeros(6, 3), torch.tensor([2, 2, 0, 0, 0, 0])
    near = 2 * math.sin(math.radians(15))
    hinges = [0.5 + 1 - math.sqrt(2), 0.5 + 1 - math.sqrt(2), 0.5 + 1 - near, 0.5 + 1 - 1]
    assert rectification(logits, targets, points, kappa=2) == pytest.approx(sum(hinges) / 4)
    nearest = (hinges[0] + hinges[2]) / 2
    assert rectification(logits, targets, points, kappa=1) == pytest.approx(nearest)


def test_the_class_level_is_the_default_and_does_not_look_at_embeddings() -> None:
    targets = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2])
    loss = CRL(COUNTS, eta=1)
    assert not loss.takes_embeddings
    assert torch.equal(loss(LOGITS, targets, torch.randn(8, 2)), loss(LOGITS, targets))
    by_instance = CRL(COUNTS, eta=1, level="instance")
    assert by_instance.takes_embeddings
    with pytest.raises(ValueError, match="compares embeddings, and none were given"):
        by_instance(LOGITS, targets)


def test_only_the_directions_of_embeddings_count() -> None:
    points = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))
    targets = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2])
    lengths = torch.tensor([1, 2, 30, 0.5, 4, 1, 0.1, 8])[:, None]
    value = rectification(LOGITS, targets, points)
    assert rectification(LOGITS, targets, points * lengths) == pytest.approx(value, rel=1e-5)


def test_embeddings_of_nearly_one_direction_keep_their_distances() -> None:
    # About .001 apart: a distance by matrix product would be off by a tenth.
    points = 1 + 1e-3 * torch.randn(6, 40, generator=torch.Generator().manual_seed(0))
    logits, targets = torch.zeros(6, 3).double(), torch.tensor([2, 2, 0, 0, 0, 0])
    exact = rectification(logits, targets, points.double(), margin=0)
    assert 0 < exact < 0.001
    assert rectification(logits, targets, points, margin=0) == pytest.approx(exact, rel=5e-3)


def test_a_positive_is_another_image_even_where_its_embedding_is_the_same() -> None:
    points = at((0, 1), (0, 2), (0, 3), (180, 1)).requires_grad_()
    targets = torch.tensor([2, 2, 0, 0])
    value = CRL(COUNTS, eta=1, level="instance")(torch.zeros(4, 3), targets, points)
    (slopes,) = torch.autograd.grad(value, points)
    assert slopes.isfinite().all(), "the slope of a distance of 0"
    # Of each anchor's two strangers, one is where it is and one too far to matter.
    assert rectification(torch.zeros(4, 3), targets, points.detach()) == pytest.approx(0.25)


@pytest.mark.parametrize(
    "targets",
    [[0] * 8, [2], [2, 0], [2, 0, 0], [0, 0, 0, 0, 0, 0, 1, 2]],
    ids=[
        "one class",
        "one image",
        "an image each",
        "one image of the minority",
        "two classes of one",
    ],
)
def test_without_a_triplet_rectification_is_0(targets: list[int]) -> None:
    logits, labels = LOGITS[: len(targets)], torch.tensor(targets)
    expected = (1 - OMEGA) * cross_entropy(logits, labels)
    for level in LEVELS:
        leaf = logits.clone().requires_grad_()
        value = CRL(COUNTS, eta=1, level=level)(leaf, labels, torch.randn(len(targets), 5))
        torch.testing.assert_close(value.detach(), expected)
        (slopes,) = torch.autograd.grad(value, leaf)
        assert slopes.isfinite().all()


def minority(targets: list[int], counts: list[int] = COUNTS) -> list[int]:
    return list(CRL(counts)._minority(torch.tensor(targets)))


def test_minority_are_the_smallest_classes_that_hold_at_most_half_the_batch() -> None:
    assert minority([0] * 4 + [1] * 2 + [2] * 2) == [2, 1]
    assert minority([0] * 3 + [1] * 2 + [2] * 2) == [2]
    assert minority([2] * 6 + [1] * 3 + [0] * 2) == [0, 1]
    assert minority([0, 0, 1, 1], [5, 5]) == [0]


def test_of_classes_alike_in_the_batch_the_rarer_one_is_the_minority() -> None:
    assert minority([0, 0, 1, 1], [5, 3]) == [1]
    assert minority([0] * 4 + [1] * 4) == [1]


def test_a_class_with_one_image_takes_its_room_but_has_no_anchor() -> None:
    assert minority([0] * 3 + [1] * 2 + [2]) == [1]
    assert minority([0] * 2 + [1] * 2 + [2]) == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=12), st.integers(0, 10**6))
def test_minority_by_property(targets: list[int], seed: int) -> None:
    found = minority(targets)
    assert 2 * sum(targets.count(c) for c in found) <= len(targets)
    assert all(targets.count(c) >= 2 for c in found)
    larger = [c for c in set(targets) - set(found) if targets.count(c) >= 2]
    assert all(targets.count(a) <= targets.count(b) for a in found for b in larger)
    # The order of the samples does not matter.
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
    logits = torch.randn(len(targets), 3, generator=torch.Generator().manual_seed(seed))
    labels = torch.tensor(targets)
    loss = CRL(COUNTS, eta=1)
    torch.testing.assert_close(loss(logits, labels), loss(logits[order], labels[order]))


def test_rectification_pulls_a_class_together_and_away_from_its_neighbours() -> None:
    rng = torch.Generator().manual_seed(3)
    points = torch.randn(8, 2, generator=rng).requires_grad_()
    targets = torch.tensor([0, 0, 0, 0, 0, 2, 2, 2])
    before = torch.pdist(normalize(points[5:].detach())).mean()
    for _ in range(200):
        value = CRL(COUNTS, eta=1, level="instance")(torch.zeros(8, 3), targets, points)
        (slopes,) = torch.autograd.grad(value, points)
        with torch.no_grad():
            points -= 0.1 * slopes
    assert torch.pdist(normalize(points[5:].detach())).mean() < before
    assert rectification(torch.zeros(8, 3), targets, points.detach()) < 1e-3


def test_embeddings_that_do_not_fit_are_refused() -> None:
    targets = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2])
    with pytest.raises(ValueError, match=r"embeddings must be \[8, D\], not \[7, 2\]"):
        CRL(COUNTS, level="instance")(LOGITS, targets, torch.zeros(7, 2))
    with pytest.raises(ValueError, match=r"embeddings must be \[8, D\], not \[8\]"):
        CRL(COUNTS, level="instance")(LOGITS, targets, torch.zeros(8))


def test_narrow_embeddings_are_widened() -> None:
    targets = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2])
    narrow = torch.randn(8, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    loss = CRL(COUNTS, eta=1, level="instance")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(LOGITS, targets, narrow)
    assert torch.equal(value, loss(LOGITS, targets, narrow.float()))
