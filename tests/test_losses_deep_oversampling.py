"""DOS: the neighbours that it finds, and what it draws embeddings to, against slow loops."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rebalance.losses import CE, DOS
from rebalance.losses import deep_oversampling as room
from rebalance.losses.loss import Answers

LABELS = [0, 1, 0, 2, 1, 0, 0, 1, 0, 0]
COUNTS = [6, 3, 1]


def answers(labels: list[int], points: Tensor) -> Answers:
    return Answers(torch.full((len(labels), 3), 1 / 3), points, torch.tensor(labels))


def drawn(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed)).double()


def slow_members(points: Tensor, labels: list[int], raised: set[int], k: int) -> list[list[int]]:
    ways = [[x / math.hypot(*row) for x in row] for row in points.tolist()]
    most = min(k, max(labels.count(y) for y in labels) - 1)
    found = []
    for i, y in enumerate(labels):
        others = [j for j in range(len(labels)) if j != i and labels[j] == y and y in raised]
        near = sorted(others, key=lambda j: (math.dist(ways[i], ways[j]), j))[:k]
        found.append([i, *near, *[-1] * (most - len(near))])
    return found


@pytest.mark.parametrize("block", [3, 1024])
@pytest.mark.parametrize(("raised", "classes"), [("all", {0, 1, 2}), ("minority", {1, 2})])
@pytest.mark.parametrize("k", [1, 2, 9])
def test_neighbours_are_the_nearest_of_the_class(
    monkeypatch: pytest.MonkeyPatch, block: int, raised: str, classes: set[int], k: int
) -> None:
    monkeypatch.setattr(room, "BLOCK", block)
    loss, points = DOS(COUNTS, k=k, raised=raised), drawn(len(LABELS))
    loss.learn(answers(LABELS, points))
    assert loss.members.tolist() == slow_members(points, LABELS, classes, k)
    same = torch.ones(len(LABELS), 2)  # ties: the earlier
    loss.learn(answers(LABELS, same))
    assert loss.members.tolist() == slow_members(same, LABELS, classes, k)


def test_an_image_is_not_its_own_neighbour_though_another_is_the_same() -> None:
    loss = DOS([3, 3], k=1, raised="all")
    points = torch.tensor([[0.0, 1], [5, 0], [9, 0], [1, 1], [2, 2], [0, 3]])
    loss.learn(answers([0, 0, 0, 1, 1, 1], points))
    assert loss.members.tolist() == [[0, 1], [1, 2], [2, 1], [3, 4], [4, 3], [5, 3]]


def slow_value(
    logits: list[list[float]],
    targets: list[int],
    embeddings: list[list[float]],
    ways: list[list[float]],
    members: list[list[int]],
    weights: list[list[float]],
    pull: float,
    raised: set[int],
) -> float:
    total = 0.0
    for row, y, seen, own, draws in zip(logits, targets, embeddings, members, weights, strict=True):
        top = max(row)
        total += top + math.log(sum(math.exp(z - top) for z in row)) - row[y]
        if y not in raised:
            continue
        taken = [(w, j) for w, j in zip(draws, own, strict=True) if j >= 0]
        length = max(math.hypot(*seen), 1e-3)
        for w, j in taken:
            apart = sum((x / length - v) ** 2 for x, v in zip(seen, ways[j], strict=True))
            total += pull * w / sum(w for w, _ in taken) * apart
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
@pytest.mark.parametrize(("raised", "all_raised"), [("all", True), ("minority", False)])
def test_value_and_gradient(case: str, raised: str, all_raised: bool) -> None:
    places, size, counts, labels = CASES[case]
    loss, points = DOS(counts, pull=0.7, k=2, raised=raised), drawn(len(labels))
    loss.learn(answers(labels, points))
    positions, targets = torch.tensor(places), [labels[i] for i in places]
    logits, seen = size * drawn(len(places), 1)[:, : len(counts)], size * drawn(len(places), 2)
    torch.manual_seed(5)
    weights = (1 - torch.rand(len(places), loss.members.shape[1])).tolist()
    ways = [[x / math.hypot(*row) for x in row] for row in points.tolist()]
    classes = {c for c, n in enumerate(counts) if all_raised or n < sum(counts) / len(counts)}
    members = [loss.members[i].tolist() for i in places]

    def slow(logits: Tensor, seen: Tensor) -> float:
        told = (logits.tolist(), targets, seen.tolist(), ways, members, weights)
        return slow_value(*told, 0.7, classes)

    leaves = logits.clone().requires_grad_(), seen.clone().requires_grad_()
    torch.manual_seed(5)
    value = loss(leaves[0], torch.tensor(targets), leaves[1], positions)
    assert value.item() == pytest.approx(slow(logits, seen), rel=1e-6)
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
    torch.manual_seed(5)
    single = loss(narrow[0], torch.tensor(targets), narrow[1], positions)
    assert single.item() == pytest.approx(value.item(), rel=1e-4)
    assert all(slope.isfinite().all() for slope in torch.autograd.grad(single, narrow))


def test_an_embedding_of_nothing_has_finite_slopes() -> None:
    loss = DOS([4, 2], raised="all")
    loss.learn(answers([0, 0, 0, 0, 1, 1], torch.zeros(6, 3)))
    seen = torch.zeros(2, 3, requires_grad=True)
    value = loss(torch.zeros(2, 2), torch.tensor([0, 1]), seen, torch.tensor([0, 5]))
    assert torch.autograd.grad(value, seen)[0].isfinite().all()


def test_without_neighbours_it_is_the_cross_entropy_and_each_sight_draws_elsewhere() -> None:
    logits, targets, seen = torch.randn(3, 3), torch.tensor([1, 1, 0]), torch.randn(3, 4)
    positions = torch.tensor([1, 4, 0])
    loss = DOS(COUNTS)
    plain = CE(COUNTS)(logits, targets)
    assert torch.equal(loss(logits, targets, seen, positions), plain)
    loss.learn(answers(LABELS, drawn(len(LABELS))))
    assert torch.equal(loss(logits, targets), plain)
    first, second = (loss(logits, targets, seen, positions) for _ in "ab")
    assert first != second and first > plain
    large = loss(logits[2:], targets[2:], seen[2:], positions[2:])
    torch.testing.assert_close(large, cross_entropy(logits[2:], targets[2:]))
    with pytest.raises(ValueError, match=r"embeddings must be \[3, D\] and positions \[3\], not"):
        loss(logits, targets, seen, positions[:2])


def test_weights_of_classes_count_for_all_of_it() -> None:
    loss, embeddings = DOS(COUNTS, raised="all"), drawn(2, 3).float()
    loss.learn(answers(LABELS, drawn(len(LABELS))))
    logits, targets, positions = torch.randn(2, 3), torch.tensor([1, 0]), torch.tensor([1, 0])
    values = []
    for weights in ([1.0, 0, 0], [0, 1.0, 0], [3.0, 1.0, 0]):
        loss.reweight(weights)
        torch.manual_seed(1)
        values.append(loss(logits, targets, embeddings, positions).item())
    assert values[2] == pytest.approx((3 * values[0] + values[1]) / 4, rel=1e-5)


def test_drawn_embeddings_of_a_class_come_together() -> None:
    points = drawn(6).requires_grad_()
    labels, loss = torch.tensor([0, 0, 0, 0, 1, 1]), DOS([4, 2], pull=1.0, raised="all")

    def spread() -> float:
        return torch.pdist(torch.nn.functional.normalize(points.detach()[:4])).mean().item()

    before = spread()
    for _ in range(30):
        loss.learn(answers(labels.tolist(), points.detach()))
        value = loss(torch.zeros(6, 2), labels, points, torch.arange(6))
        (slopes,) = torch.autograd.grad(value, points)
        with torch.no_grad():
            points -= slopes
    assert spread() < before / 2
