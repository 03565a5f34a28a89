"""CoSen: its loss, its costs and what they are learned from, against slow, obvious loops."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from rebalance.losses import CE, CoSen
from rebalance.losses import learned_costs as room
from rebalance.losses.learned_costs import LEAST, confusion_of, separability
from rebalance.losses.loss import Answers, SoftTargets

COUNTS = [60, 30, 10]
SHARES = [0.6, 0.3, 0.1]


def answers(seed: int = 0, labels: tuple[int, ...] = (0, 0, 1, 2, 1, 0, 2, 1, 0)) -> Answers:
    rng = torch.Generator().manual_seed(seed)
    said = torch.rand(len(labels), 3, generator=rng).double()
    points = torch.randn(len(labels), 4, generator=rng)
    return Answers(said / said.sum(1, keepdim=True), points, torch.tensor(labels))


def with_costs(costs: list[list[float]], counts: list[int]) -> CoSen:
    loss = CoSen(counts)
    loss.costs.copy_(torch.tensor(costs))
    return loss


def slow_loss(rows: list[list[float]], targets: list[int], costs: list[list[float]]) -> float:
    total = 0.0
    for row, y in zip(rows, targets, strict=True):
        top = max(row)
        powers = [costs[y][c] * math.exp(z - top) for c, z in enumerate(row)]
        total -= (row[y] - top + math.log(costs[y][y])) - math.log(sum(powers))
    return total / len(rows)


PRICES = [[0.5, 0.125, 1.0], [0.25, 2.0, 0.0625], [1.0, 0.75, 0.03125]]  # floats hold them exactly
BATCHES = [
    ([[1.5, -0.5, 2.0], [0.0, 0.25, -3.0], [4.0, 1.0, 1.0]], [0, 2, 1]),
    ([[0.5, 0.75, -1.0]], [2]),
    ([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4], [1e4, 1e4, -1e4]], [1, 0, 2]),
    ([[2.0, -1.0], [0.5, 0.5]], [1, 0]),
]


@pytest.mark.parametrize(("rows", "targets"), BATCHES)
def test_value_and_gradient_with_costs(rows: list[list[float]], targets: list[int]) -> None:
    classes = len(rows[0])
    loss = with_costs([row[:classes] for row in PRICES[:classes]], COUNTS[:classes])
    leaf = torch.tensor(rows, dtype=torch.float64, requires_grad=True)
    value = loss(leaf, torch.tensor(targets))
    assert value.item() == pytest.approx(slow_loss(rows, targets, PRICES), rel=1e-6)
    (slopes,) = torch.autograd.grad(value, leaf)
    for i, row in enumerate(rows):
        top = max(row)
        powers = [PRICES[targets[i]][c] * math.exp(z - top) for c, z in enumerate(row)]
        for c, power in enumerate(powers):
            expected = (power / sum(powers) - (c == targets[i])) / len(rows)
            assert slopes[i, c].item() == pytest.approx(expected, abs=1e-6)
    narrow = leaf.detach().float().requires_grad_()
    single = loss(narrow, torch.tensor(targets))
    assert single.item() == pytest.approx(value.item(), rel=1e-5)
    assert torch.autograd.grad(single, narrow)[0].isfinite().all()


def test_costs_of_one_are_the_cross_entropy_and_a_row_counts_by_its_ratios() -> None:
    logits, targets = torch.randn(5, 3), torch.tensor([0, 1, 2, 1, 0])
    assert torch.equal(CoSen(COUNTS)(logits, targets), CE(COUNTS)(logits, targets))
    halved = with_costs([[0.5] * 3, [0.01] * 3, [7.0] * 3], COUNTS)
    torch.testing.assert_close(halved(logits, targets), CE(COUNTS)(logits, targets))
    shared = SoftTargets(targets, targets.roll(1), torch.full((5,), 0.25))
    (step,) = (loss := with_costs(PRICES, COUNTS)).soft_steps()
    parts = 0.75 * loss(logits, targets) + 0.25 * loss(logits, targets.roll(1))
    torch.testing.assert_close(step.loss(logits, shared), parts)


def slow_separability(points: Tensor, labels: list[int], classes: int) -> list[list[float]]:
    def nearest(i: int, label: int) -> float:
        return min(
            (math.dist(points[i].tolist(), points[j].tolist()))
            for j, y in enumerate(labels)
            if y == label and j != i
        )

    found = [[math.nan] * classes for _ in range(classes)]
    for p in range(classes):
        members = [i for i, y in enumerate(labels) if y == p]
        if len(members) < 2:
            continue
        for q in (q for q in range(classes) if q in labels):
            pairs = [(nearest(i, p), nearest(i, q)) for i in members]
            found[p][q] = sum(1.0 if a >= b else a / b for a, b in pairs) / len(pairs)
    return found


@pytest.mark.parametrize(
    "labels", [(0, 0, 1, 2, 1, 0, 2, 1, 0), (0, 0, 0, 2, 2), (0, 1, 1, 2), (1, 1, 1)]
)
def test_separability_is_the_slow_loop(labels: tuple[int, ...]) -> None:
    points = answers(3, labels).embeddings
    expected = torch.tensor(slow_separability(points, list(labels), 3), dtype=torch.float64)
    found = separability(points, torch.tensor(labels), 3)
    torch.testing.assert_close(found, expected, equal_nan=True, rtol=1e-6, atol=1e-9)
    same = separability(torch.ones(len(labels), 2), torch.tensor(labels), 3)
    assert torch.equal(same.isnan(), expected.isnan()) and (same.nan_to_num(1) == 1).all()


def test_of_many_images_some_of_each_class_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    found = answers(5, (0,) * 40 + (1, 2, 2))
    monkeypatch.setattr(room, "COMPARED", 30)
    monkeypatch.setattr(room, "BLOCK", 7)
    kept = [*range(0, 40, 4), 40, 41, 42]
    expected = slow_separability(found.embeddings[kept], found.labels[kept].tolist(), 3)
    torch.testing.assert_close(
        separability(found.embeddings, found.labels, 3),
        torch.tensor(expected, dtype=torch.float64),
        equal_nan=True,
    )


def slow_target(found: Answers, options: dict[str, float]) -> list[list[float]]:
    labels = found.labels.tolist()
    decided = [max(range(3), key=lambda c: row[c]) for row in found.probabilities.tolist()]
    apart = slow_separability(found.embeddings, labels, 3)
    target = []
    for p in range(3):
        row = []
        for q in range(3):
            taken = sum(y == p and d == q for y, d in zip(labels, decided, strict=True))
            cost = max(SHARES[p], SHARES[q])
            if p in labels:
                away = taken / labels.count(p) - options["mu_r"]
                cost *= math.exp(-(away**2) / (2 * options["sigma_r"] ** 2))
            if not math.isnan(apart[p][q]):
                away = apart[p][q] - options["mu_s"]
                cost *= math.exp(-(away**2) / (2 * options["sigma_s"] ** 2))
            row.append(cost)
        target.append(row)
    return target


USUAL = {"mu_s": 1.0, "sigma_s": 1.0, "mu_r": 1.0, "sigma_r": 1.0}


@pytest.mark.parametrize(
    "options", [USUAL, {"mu_s": 0.3, "sigma_s": 0.5, "mu_r": 0.2, "sigma_r": 2.0}]
)
@pytest.mark.parametrize("labels", [(0, 0, 1, 2, 1, 0, 2, 1, 0), (0, 0, 0, 2)])
def test_a_step_leads_towards_the_target(
    options: dict[str, float], labels: tuple[int, ...]
) -> None:
    loss, found = CoSen(COUNTS, rate=0.2, **options), answers(1, labels)
    target = torch.tensor(slow_target(found, options))
    loss.learn(found)
    first = 1 + 0.4 * (target - 1)
    torch.testing.assert_close(loss.costs, first)
    loss.learn(found)
    torch.testing.assert_close(loss.costs, first + 0.4 * (target - first))
    assert loss.rate.item() == pytest.approx(0.2), "the error has not risen"
    whole = CoSen(COUNTS, rate=0.5, **options)
    whole.learn(found)
    torch.testing.assert_close(whole.costs, target)


def test_the_rate_falls_where_the_mean_error_of_the_classes_rises() -> None:
    good = Answers(torch.eye(3).double(), torch.randn(3, 2), torch.tensor([0, 1, 2]))
    bad = good._replace(probabilities=torch.eye(3).double()[[1, 1, 2]])
    loss = CoSen(COUNTS, rate=0.4, drop=0.5)
    rates = []
    for found in (bad, good, bad, bad, good):
        loss.learn(found)
        rates.append(round(loss.rate.item(), 6))
    assert rates == [0.4, 0.4, 0.2, 0.2, 0.2]
    assert CoSen(COUNTS).drop == 0.01


def test_what_is_learned_is_in_the_state() -> None:
    loss, other = CoSen(COUNTS), CoSen(COUNTS)
    loss.learn(answers(1))
    other.load_state_dict(loss.state_dict())
    for each in (loss, other):
        each.learn(answers(2))
    assert torch.equal(loss.costs, other.costs) and torch.equal(loss.rate, other.rate)


def test_costs_stay_above_zero_whatever_is_seen() -> None:
    loss = CoSen([5, 0, 0], rate=0.5, sigma_s=1e-6, sigma_r=1e-6)
    loss.learn(answers(1))
    loss.learn(Answers(torch.eye(3)[:1].double(), torch.zeros(1, 2), torch.tensor([2])))
    assert loss.costs.min().item() == pytest.approx(LEAST)
    assert loss(torch.tensor([[1e4, -1e4, 0.0]]), torch.tensor([1])).isfinite()


def test_confusion_is_a_share_of_each_class() -> None:
    found = confusion_of(torch.tensor([0, 1, 1, 2]), torch.tensor([0, 0, 2, 2]), 3)
    assert found[0].tolist() == [0.5, 0.5, 0] and found[2].tolist() == [0, 0.5, 0.5]
    assert found[1].isnan().all()


def test_hard_pairs_of_a_small_class_become_dear() -> None:
    # Class 2 is taken for class 0, and never for class 1.
    said = torch.eye(3).double()[[0, 0, 1, 1, 0, 0]]
    points = torch.tensor([[0.0], [1.0], [9.0], [9.5], [0.5], [1.5]])
    loss: Any = CoSen(COUNTS, rate=0.5)
    loss.learn(Answers(said, points, torch.tensor([0, 0, 1, 1, 2, 2])))
    to_large, to_middle, itself = loss.costs[2].tolist()
    assert to_large > to_middle > itself
