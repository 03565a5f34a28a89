import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from rebalance.losses import CRL

COUNTS = [100, 50, 10]
OMEGA = (0 + 0.5 + 0.9) / 3
LOGITS = torch.randn(8, 3, generator=torch.Generator().manual_seed(0))


def rectification(
    logits: Tensor, targets: Tensor, *embeddings: Tensor, margin: float = 0.5, kappa: int = 3
) -> float:
    """L_crl alone."""
    value = CRL(COUNTS, 1.0, margin, kappa)(logits, targets, *embeddings)
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


def test_instance_level_by_hand() -> None:
    # On a line: anchors at 0 and 2, the strangers nearest to each at 1, and then -2 and 5.
    points = torch.tensor([[0.0], [2.0], [1.0], [-2.0], [5.0], [9.0]])
    logits, targets = torch.zeros(6, 3), torch.tensor([2, 2, 0, 0, 0, 0])
    hinges = [0.5 + 2 - 1, 0.5 + 2 - 2, 0.5 + 2 - 1, 0.5 + 2 - 3]
    expected = sum(max(0, hinge) for hinge in hinges) / 4
    assert rectification(logits, targets, points, kappa=2) == pytest.approx(expected)


def test_near_embeddings_far_from_the_origin_keep_their_distances() -> None:
    points = torch.randn(6, 40, generator=torch.Generator().manual_seed(0)).mul(8).round() / 64
    logits, targets = torch.zeros(6, 3), torch.tensor([2, 2, 0, 0, 0, 0])
    near = rectification(logits, targets, points)
    assert rectification(logits, targets, points + 4096) == pytest.approx(near, rel=1e-5)


def test_a_positive_is_another_image_even_where_its_embedding_is_the_same() -> None:
    points = torch.tensor([[1.0], [1.0], [1.0], [4.0]], requires_grad=True)
    targets = torch.tensor([2, 2, 0, 0])
    value = CRL(COUNTS, eta=1)(torch.zeros(4, 3), targets, points)
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
    for embeddings in ([], [torch.randn(len(targets), 5)]):
        leaf = logits.clone().requires_grad_()
        value = CRL(COUNTS, eta=1)(leaf, labels, *embeddings)
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
    own = points[5:].detach()
    before = torch.pdist(own).mean()
    for _ in range(200):
        value = CRL(COUNTS, eta=1)(torch.zeros(8, 3), targets, points)
        (slopes,) = torch.autograd.grad(value, points)
        with torch.no_grad():
            points -= 0.1 * slopes
    assert torch.pdist(points[5:].detach()).mean() < before
    assert rectification(torch.zeros(8, 3), targets, points.detach()) < 1e-3


def test_embeddings_that_do_not_fit_are_refused() -> None:
    targets = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2])
    with pytest.raises(ValueError, match=r"embeddings must be \[8, D\], not \[7, 2\]"):
        CRL(COUNTS)(LOGITS, targets, torch.zeros(7, 2))
    with pytest.raises(ValueError, match=r"embeddings must be \[8, D\], not \[8\]"):
        CRL(COUNTS)(LOGITS, targets, torch.zeros(8))


def test_narrow_embeddings_are_widened() -> None:
    targets = torch.tensor([0, 0, 0, 0, 1, 1, 2, 2])
    narrow = torch.randn(8, 4, generator=torch.Generator().manual_seed(0)).bfloat16()
    loss = CRL(COUNTS, eta=1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(LOGITS, targets, narrow)
    assert torch.equal(value, loss(LOGITS, targets, narrow.float()))
