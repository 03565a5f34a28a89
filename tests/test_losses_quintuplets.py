"""LMLE: the partners that it finds, and its hinges, against slow loops in double precision."""

import math

import pytest
import torch
from torch import Tensor

from rebalance.clusters.within_classes import cluster_classes
from rebalance.losses import CE, LMLE
from rebalance.losses import quintuplets as room
from rebalance.losses.loss import Answers

LABELS = [0, 1, 0, 2, 1, 0, 0, 1, 0, 0]
COUNTS = [6, 3, 1]
MARGINS = (0.3, 0.5, 0.9)


def answers(labels: list[int], points: Tensor) -> Answers:
    return Answers(torch.full((len(labels), 3), 1 / 3), points, torch.tensor(labels))


def drawn(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed)).double()


def lmle(counts: list[int], **options: float) -> LMLE:
    g1, g2, g3 = MARGINS
    return LMLE(counts, g1=g1, g2=g2, g3=g3, size=2, **{"share": 1.0, **options})


def ways_of(points: Tensor) -> list[list[float]]:
    return [[x / max(math.hypot(*row), 1e-3) for x in row] for row in points.tolist()]


def apart(one: list[float], other: list[float]) -> float:
    return math.fsum((x - y) ** 2 for x, y in zip(one, other, strict=True))


def slow_partners(ways: list[list[float]], labels: list[int], parts: list[int]) -> list[list[int]]:
    def first(own: int, sign: int, some: list[int]) -> int:
        return min(some, key=lambda j: (round(sign * apart(ways[own], ways[j]), 9), j), default=-1)

    found = []
    for i, label in enumerate(labels):
        mine = [j for j, other in enumerate(labels) if other == label and j != i]
        together = [j for j in mine if parts[j] == parts[i]]
        elsewhere = [j for j in mine if parts[j] != parts[i]]
        others = [j for j, other in enumerate(labels) if other != label]
        found.append(
            [
                first(i, -1, together),
                first(i, 1, elsewhere),
                first(i, -1, mine),
                first(i, 1, others),
            ]
        )
    return found


@pytest.mark.parametrize("block", [3, 1024])
def test_partners_are_those_of_a_slow_loop(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(room, "BLOCK", block)
    for labels, points in (
        (LABELS, drawn(len(LABELS))),
        (LABELS, torch.ones(len(LABELS), 2).double()),  # ties: the earlier
        ([0, 0, 0, 0], drawn(4)),
    ):
        loss = lmle(COUNTS)
        loss.learn(answers(labels, points))
        ways = ways_of(points)
        parts = cluster_classes(torch.tensor(ways).numpy(), torch.tensor(labels).numpy(), 2)
        assert loss.partners.tolist() == slow_partners(ways, labels, parts.members.tolist())


def test_partners_are_drawn_from_another_half_before_every_epoch() -> None:
    labels = [0] * 20 + [1] * 5
    points, loss = drawn(len(labels)), lmle([20, 5], share=0.5)
    seen, again = [], lmle([20, 5], share=0.5)
    for turn in range(3):
        loss.learn(answers(labels, points))
        offered = set(loss.partners.flatten().tolist()) - {-1}
        assert sum(place < 20 for place in offered) <= 10
        assert sum(place >= 20 for place in offered) <= 3  # rounded up
        seen.append(loss.partners.clone())
        if turn == 1:  # what goes on from a state draws the same
            again.load_state_dict(loss.state_dict())
    assert not torch.equal(seen[0], seen[1])
    again.learn(answers(labels, points))
    assert torch.equal(again.partners, seen[2])


def slow_value(
    logits: list[list[float]],
    targets: list[int],
    embeddings: list[list[float]],
    ways: list[list[float]],
    partners: list[list[int]],
    ce: float,
) -> float:
    total = 0.0
    for row, y, seen, four in zip(logits, targets, embeddings, partners, strict=True):
        top = max(row)
        total += ce * (top + math.log(sum(math.exp(z - top) for z in row)) - row[y])
        length = max(math.hypot(*seen), 1e-3)
        own = [x / length for x in seen]
        for g, near, far in zip(MARGINS, four, four[1:], strict=False):
            if near >= 0 and far >= 0:
                total += max(0.0, g + apart(own, ways[near]) - apart(own, ways[far]))
    return total / len(targets)


CASES = {
    "ordinary": ([0, 1, 3, 7, 4], 1.0, COUNTS, LABELS),
    "huge": ([0, 1, 3, 7], 1e4, COUNTS, LABELS),
    "nearly nothing": ([1, 3], 1e-5, COUNTS, LABELS),
    "one image": ([1], 1.0, COUNTS, LABELS),
    "two classes": ([0, 4, 5], 1.0, [4, 2], [0, 0, 0, 0, 1, 1]),
    "two classes, one image": ([5], 1e4, [4, 2], [0, 0, 0, 0, 1, 1]),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("ce", [1.0, 0.0])
def test_value_and_gradient_of_embeddings(case: str, ce: float) -> None:
    places, size, counts, labels = CASES[case]
    loss, points = lmle(counts, ce=ce), drawn(len(labels))
    loss.learn(answers(labels, points))
    positions, targets = torch.tensor(places), [labels[i] for i in places]
    logits, seen = size * drawn(len(places), 1)[:, : len(counts)], size * drawn(len(places), 2)
    ways, partners = ways_of(points), [loss.partners[i].tolist() for i in places]

    def slow(logits: Tensor, seen: Tensor) -> float:
        return slow_value(logits.tolist(), targets, seen.tolist(), ways, partners, ce)

    leaves = logits.clone().requires_grad_(), seen.clone().requires_grad_()
    value = loss(leaves[0], torch.tensor(targets), leaves[1], positions)
    assert value.item() == pytest.approx(slow(logits, seen), rel=1e-6)
    assert value > 0
    slopes = torch.autograd.grad(value, leaves)
    for place, found in enumerate(slopes):
        step = 1e-6 * size
        for i, j in ((0, 0), (len(places) - 1, 1)):
            ends = []
            for sign in (1, -1):
                moved = [logits.clone(), seen.clone()]
                moved[place][i, j] += sign * step
                ends.append(slow(*moved))
            expected = (ends[0] - ends[1]) / (2 * step)
            largest = max(1e-9, float(found.abs().max()))
            assert found[i, j].item() == pytest.approx(expected, abs=1e-3 * largest + 1e-5)
    narrow = [leaf.detach().float().requires_grad_() for leaf in leaves]
    single = loss(narrow[0], torch.tensor(targets), narrow[1], positions)
    assert single.item() == pytest.approx(value.item(), rel=1e-4)
    assert all(slope.isfinite().all() for slope in torch.autograd.grad(single, narrow))


def test_an_embedding_of_nothing_has_finite_slopes() -> None:
    loss = lmle([4, 2])
    loss.learn(answers([0, 0, 0, 0, 1, 1], torch.zeros(6, 3)))
    seen = torch.zeros(2, 3, requires_grad=True)
    value = loss(torch.zeros(2, 2), torch.tensor([0, 1]), seen, torch.tensor([0, 5]))
    assert torch.autograd.grad(value, seen)[0].isfinite().all()


def test_without_partners_it_is_the_cross_entropy() -> None:
    logits, targets, seen = torch.randn(3, 3), torch.tensor([1, 1, 0]), torch.randn(3, 4)
    positions = torch.tensor([1, 4, 0])
    loss = lmle(COUNTS)
    plain = CE(COUNTS)(logits, targets)
    assert torch.equal(loss(logits, targets, seen, positions), plain)
    loss.learn(answers(LABELS, drawn(len(LABELS))))
    assert torch.equal(loss(logits, targets), plain)
    assert loss(logits, targets, seen, positions) > plain
    with pytest.raises(ValueError, match=r"embeddings must be \[3, D\] and positions \[3\], not"):
        loss(logits, targets, seen, positions[:2])


def test_classes_count_and_the_largest_are_averaged() -> None:
    loss, embeddings = lmle(COUNTS), drawn(2, 3).float()
    loss.learn(answers(LABELS, drawn(len(LABELS))))
    logits, targets, positions = torch.randn(2, 3), torch.tensor([1, 0]), torch.tensor([1, 0])
    values = []
    for weights in ([1.0, 0, 0], [0, 1.0, 0], [3.0, 1.0, 0]):
        loss.reweight(weights)
        values.append(loss(logits, targets, embeddings, positions).item())
    assert values[2] == pytest.approx((3 * values[0] + values[1]) / 4, rel=1e-5)
    loss.reweight([1.0, 1, 1])
    loss.take_largest(1)
    assert loss(logits, targets, embeddings, positions).item() == pytest.approx(max(values[:2]))


def test_clusters_of_a_class_keep_together_and_classes_apart() -> None:
    """The order of the paper's eq. 1 comes about, where at first there is none."""
    points = drawn(16).requires_grad_()
    labels = [0] * 12 + [1] * 4
    loss = LMLE([12, 4], size=4, share=1.0, ce=0.0)

    def right() -> float:
        loss.learn(answers(labels, points.detach()))
        ways, found = loss.points, loss.partners
        away = (ways[:, None] - ways[found.clamp(min=0)]).square().sum(dim=2)
        whole = (found >= 0).all(dim=1)
        margins = torch.tensor(loss.margins)
        return float((away[whole, 1:] - away[whole, :-1] >= 0.5 * margins).double().mean())

    before = right()
    for _ in range(60):
        loss.learn(answers(labels, points.detach()))
        value = loss(torch.zeros(16, 2), torch.tensor(labels), points, torch.arange(16))
        (slopes,) = torch.autograd.grad(value, points)
        with torch.no_grad():
            points -= slopes
    assert right() > max(before + 0.2, 0.8)
