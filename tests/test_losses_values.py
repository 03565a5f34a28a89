"""Every loss, its value and its gradient, against formulas written out in 40-digit decimals.

The references loop over plain numbers and share nothing with torch; gradients are their central
differences. 40 digits make both exact, at logits of ±1e4 too, as far as floats can tell.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from rebalance.losses import COT, CRL, LOSSES, complement_entropy

Numbers = list[Decimal]
Rows = list[Numbers]
DIGITS = 40
STEP = Decimal("1e-12")


@lru_cache(4096)  # a central difference moves one logit, and looks at all
def exp(x: Decimal) -> Decimal:
    return x.exp()


@lru_cache(4096)
def ln(x: Decimal) -> Decimal:
    return x.ln()


def softmax(row: Sequence[Decimal]) -> Numbers:
    powers = [exp(z - max(row)) for z in row]
    return [power / sum(powers) for power in powers]


def without(values: Sequence[Any], place: int) -> list[Any]:
    return [value for i, value in enumerate(values) if i != place]


def mean(values: Sequence[Decimal]) -> Decimal:
    return sum(values, Decimal(0)) / len(values)


def times_log(x: Decimal, p: Decimal) -> Decimal:
    return x * ln(p)


def scaled(weights: Numbers) -> Numbers:
    return [weight * len(weights) / sum(weights) for weight in weights]


def weights_of(counts: Sequence[int], weighting: str, beta: float) -> Numbers:
    if weighting == "balanced":
        return [Decimal(sum(counts)) / (len(counts) * n) for n in counts]
    if weighting == "inverse":
        return scaled([1 / Decimal(n) for n in counts])
    return scaled([(1 - Decimal(beta)) / (1 - Decimal(beta) ** n) for n in counts])


def weighted_mean(losses: Numbers, targets: list[int], w: Numbers) -> Decimal:
    total = sum(w[y] * loss for loss, y in zip(losses, targets, strict=True))
    return Decimal(total / sum(w[y] for y in targets))


def ce(rows: Rows, targets: list[int], counts: list[int]) -> Decimal:
    return mean([-ln(softmax(row)[y]) for row, y in zip(rows, targets, strict=True)])


def weighted(
    rows: Rows, targets: list[int], counts: list[int], weighting: str, beta: float = 0.9999
) -> Decimal:
    w = weights_of(counts, weighting, beta)
    return weighted_mean(
        [-ln(softmax(row)[y]) for row, y in zip(rows, targets, strict=True)], targets, w
    )


def entropy_of_wrong(rows: Rows, targets: list[int]) -> Decimal:
    """The paper's form: p over what the true class leaves."""
    entropies = []
    for row, y in zip(rows, targets, strict=True):
        wrong = without(softmax(row), y)
        shares = [p / sum(wrong) for p in wrong]
        entropies.append(-sum(times_log(share, share) for share in shares))
    return mean(entropies)


def cce(rows: Rows, targets: list[int], counts: list[int], gamma: float) -> Decimal:
    extra = Decimal(gamma) / (len(counts) - 1) * entropy_of_wrong(rows, targets)
    return ce(rows, targets, counts) + extra


def focal(
    rows: Rows, targets: list[int], counts: list[int], gamma: float, alpha: Any = None
) -> Decimal:
    if alpha == "effective":
        a = weights_of(counts, "effective", 0.9999)
    else:
        a = [Decimal(alpha[c] if alpha else 1) for c in range(len(counts))]
    losses = []
    for row, y in zip(rows, targets, strict=True):
        p = softmax(row)
        losses.append(-a[y] * sum(without(p, y)) ** Decimal(gamma) * ln(p[y]))
    return mean(losses)


def focal_sigmoid(
    rows: Rows, targets: list[int], counts: list[int], gamma: float, alpha: float
) -> Decimal:
    losses = []
    for row, y in zip(rows, targets, strict=True):
        total = Decimal(0)
        for c, z in enumerate(row):
            yes, no = 1 / (1 + exp(-z)), 1 / (1 + exp(z))
            if c == y:
                total -= Decimal(alpha) * no ** Decimal(gamma) * ln(yes)
            else:
                total -= (1 - Decimal(alpha)) * yes ** Decimal(gamma) * ln(no)
        losses.append(total)
    return mean(losses)


def ldam(
    rows: Rows, targets: list[int], counts: list[int], max_margin: float, scale: float
) -> Decimal:
    losses = []
    for row, y in zip(rows, targets, strict=True):
        margin = Decimal(max_margin) * (Decimal(min(counts)) / counts[y]) ** Decimal("0.25")
        moved = [Decimal(scale) * (z - margin if c == y else z) for c, z in enumerate(row)]
        losses.append(-ln(softmax(moved)[y]))
    return mean(losses)


def logit_adjusted(rows: Rows, targets: list[int], counts: list[int], tau: float) -> Decimal:
    losses = []
    for row, y in zip(rows, targets, strict=True):
        shares = [Decimal(n) / sum(counts) for n in counts]
        moved = [z + Decimal(tau) * ln(pi) for z, pi in zip(row, shares, strict=True)]
        losses.append(-ln(softmax(moved)[y]))
    return mean(losses)


def balanced_softmax(rows: Rows, targets: list[int], counts: list[int]) -> Decimal:
    losses = []
    for row, y in zip(rows, targets, strict=True):
        terms = [n * exp(z - max(row)) for z, n in zip(row, counts, strict=True)]
        losses.append(-ln(terms[y] / sum(terms)))
    return mean(losses)


def asl(
    rows: Rows,
    targets: list[int],
    counts: list[int],
    gamma_pos: float,
    gamma_neg: float,
    smoothing: float,
) -> Decimal:
    losses = []
    for row, y in zip(rows, targets, strict=True):
        p = softmax(row)
        total = Decimal(0)
        for c in range(len(row)):
            target = (1 - Decimal(smoothing)) * (c == y) + Decimal(smoothing) / len(row)
            if c == y:
                weight = sum(without(p, c)) ** Decimal(gamma_pos)
            else:
                weight = p[c] ** Decimal(gamma_neg)
            total -= target * weight * ln(p[c])
        losses.append(total)
    return mean(losses)


def false_errors(rows: Rows, targets: list[int]) -> Numbers:
    """One for each class that is there."""
    found: dict[int, Numbers] = {}
    for row, y in zip(rows, targets, strict=True):
        p = softmax(row)
        missed = [(sum(without(p, y)) if c == y else p[c]) ** 2 / 2 for c in range(len(row))]
        found.setdefault(y, []).append(sum(missed))
    return [mean(errors) for errors in found.values()]


def mfe(rows: Rows, targets: list[int], counts: list[int]) -> Decimal:
    return sum(false_errors(rows, targets))


def msfe(rows: Rows, targets: list[int], counts: list[int]) -> Decimal:
    return sum(error**2 for error in false_errors(rows, targets))


def cost(rows: Rows, targets: list[int], counts: list[int], matrix: Any) -> Decimal:
    classes = range(len(counts))
    w = [mean([Decimal(matrix[guess][y]) for guess in classes if guess != y]) for y in classes]
    losses = [-ln(softmax(row)[y]) for row, y in zip(rows, targets, strict=True)]
    return weighted_mean(losses, targets, w)


def minority(targets: list[int], counts: list[int]) -> list[int]:
    """All classes of at most half the batch when counted from the smallest one on."""
    found: list[int] = []
    order = sorted({*targets}, key=lambda c: (targets.count(c), counts[c], c))
    while order and sum(y in [*found, order[0]] for y in targets) <= len(targets) / 2:
        found.append(order.pop(0))
    return found


def length(row: Sequence[Decimal]) -> Decimal:
    return sum((a**2 for a in row), Decimal(0)).sqrt()


def crl(
    rows: Rows,
    targets: list[int],
    counts: list[int],
    eta: float,
    margin: float,
    kappa: int,
    embeddings: Rows | None = None,
) -> Decimal:
    def apart(i: int, j: int) -> Decimal:
        return length([a - b for a, b in zip(directions[i], directions[j], strict=True)])

    directions = [[a / length(row) for a in row] for row in embeddings or []]

    p = [softmax(row) for row in rows]
    hinges = []
    for c in minority(targets, counts):
        members = [i for i, y in enumerate(targets) if y == c]
        strangers = [i for i, y in enumerate(targets) if y != c]
        for a in members:
            others = [i for i in members if i != a]
            if embeddings is None:
                positives = sorted(others, key=lambda i: p[i][c])[:kappa]
                negatives = sorted(strangers, key=lambda i: -p[i][c])[:kappa]
                pull = [abs(p[a][c] - p[i][c]) for i in positives]
                push = [p[a][c] - p[i][c] for i in negatives]
            else:
                pull = sorted([apart(a, i) for i in others], reverse=True)[:kappa]
                push = sorted([apart(a, i) for i in strangers])[:kappa]
            hinges += [max(Decimal(0), Decimal(margin) + d - e) for d in pull for e in push]
    gaps = [Decimal(max(counts) - n) / max(counts) for n in counts]
    alpha = Decimal(eta) * mean(gaps)
    rectification = mean(hinges) if hinges else Decimal(0)
    return alpha * rectification + (1 - alpha) * ce(rows, targets, counts)


REFERENCES: dict[str, Callable[..., Decimal]] = {
    "ce": ce,
    "weighted": weighted,
    "cce": cce,
    "cot": ce,
    "focal": focal,
    "focal-sigmoid": focal_sigmoid,
    "ldam": ldam,
    "balanced-softmax": balanced_softmax,
    "logit-adjusted": logit_adjusted,
    "asl": asl,
    "mfe": mfe,
    "msfe": msfe,
    "cost": cost,
    "cosen": ce,
    "dos": ce,
    "lmle": ce,
    "crl": crl,
}

OPTIONS: dict[str, list[dict[str, Any]]] = {
    "ce": [{}],
    "weighted": [
        {"weighting": "balanced"},
        {"weighting": "inverse"},
        {"weighting": "effective", "beta": 0.99},
    ],
    "cce": [{"gamma": -1.0}, {"gamma": -0.3}],
    "cot": [{}],
    "focal": [
        {"gamma": 2.0},
        {"gamma": 0.5, "alpha": [0.5, 1.5, 2.0, 0.25]},
        {"gamma": 1.0, "alpha": "effective"},
    ],
    "focal-sigmoid": [{"gamma": 2.0, "alpha": 0.25}, {"gamma": 0.5, "alpha": 0.9}],
    "ldam": [{"max_margin": 0.5, "scale": 30.0}, {"max_margin": 0.2, "scale": 4.0}],
    "balanced-softmax": [{}],
    "logit-adjusted": [{"tau": 1.0}, {"tau": 0.4}],
    "asl": [
        {"gamma_pos": 0.0, "gamma_neg": 4.0, "smoothing": 0.1},
        {"gamma_pos": 0.5, "gamma_neg": 1.5, "smoothing": 0.4},
    ],
    "mfe": [{}],
    "msfe": [{}],
    "cost": [{"matrix": [[0, 1, 4, 2], [3, 0, 0.5, 7], [2, 1, 0, 0], [1, 9, 0, 0]]}],
    "cosen": [{}],  # as it begins; with costs, see test_losses_learned_costs.py
    "dos": [{}],  # as it begins; of embeddings, see test_losses_deep_oversampling.py
    "lmle": [{}],  # as it begins; of embeddings, see test_losses_quintuplets.py
    "crl": [
        {"eta": 0.01, "margin": 0.5, "kappa": 3},
        {"eta": 1.0, "margin": 0.5, "kappa": 1},
        {"eta": 0.7, "margin": 0.1, "kappa": 2},
    ],
}
CHOICES = [(name, options) for name, all_options in OPTIONS.items() for options in all_options]
IDS = [f"{name}-{i}" for name, found in OPTIONS.items() for i in range(len(found))]


@dataclass(frozen=True)
class Batch:
    logits: list[list[float]]
    targets: list[int]
    counts: list[int]


def drawn(seed: int, targets: list[int], counts: list[int], spread: float) -> Batch:
    rng = random.Random(seed)
    logits = [[rng.uniform(-spread, spread) for _ in counts] for _ in targets]
    return Batch(logits, targets, counts)


BATCHES = {
    "ordinary": drawn(0, [0, 1, 0, 2, 3, 0, 1, 0], [500, 90, 17, 3], 3),
    "one sample": drawn(1, [2], [500, 90, 17, 3], 3),
    "two classes": drawn(2, [0, 1, 0, 0, 1], [80, 9], 3),
    "two classes, one sample": drawn(3, [1], [80, 9], 3),
    "three classes": drawn(4, [2, 2, 0, 0, 0, 1], [80, 9, 2], 8),
    "classes are absent": drawn(5, [0, 0, 3], [500, 90, 17, 3], 3),
    "a balanced batch": drawn(6, [0, 1, 2, 3] * 2, [50, 20, 17, 3], 2),
    "huge": drawn(7, [0, 1, 2, 3, 0, 3, 0], [500, 90, 17, 3], 1e4),
    "huge, two classes": drawn(8, [0, 1, 0, 0, 1], [80, 9], 1e4),
    "the extremes": Batch(
        [[1e4, -1e4, -1e4, -1e4], [1e4, -1e4, 1e4, -1e4], [-1e4, 1e4, 1e4, 1e4]],
        [0, 1, 0],
        [500, 90, 17, 3],
    ),
    "the extremes, two classes, one sample": Batch([[1e4, -1e4]], [1], [80, 9]),
    "a clear winner": Batch([[30.0, 0.0, -1.0], [0.0, 30.0, 40.0]], [0, 2], [10, 5, 2]),
    "all alike": Batch([[0.0] * 4] * 3, [1, 1, 0], [500, 90, 17, 3]),
}


def fitted(options: dict[str, Any], classes: int) -> dict[str, Any]:
    """``options``, written down for four classes, for fewer."""
    found = dict(options)
    if "matrix" in options:
        found["matrix"] = [row[:classes] for row in options["matrix"][:classes]]
    if isinstance(options.get("alpha"), list):
        found["alpha"] = options["alpha"][:classes]
    return found


def expected(compute: Callable[[Rows], Decimal], values: Tensor) -> tuple[Tensor, Tensor]:
    """What the reference and its central differences say, in float64."""
    with localcontext() as context:
        context.prec = DIGITS
        rows = [[Decimal(z) for z in row] for row in values.tolist()]
        value = compute(rows)
        slopes = torch.zeros(values.shape, dtype=torch.float64)
        for i, row in enumerate(rows):
            for c, z in enumerate(row):
                row[c] = z + STEP
                above = compute(rows)
                row[c] = z - STEP
                slopes[i, c] = float((above - compute(rows)) / (2 * STEP))
                row[c] = z
    return torch.tensor(float(value), dtype=torch.float64), slopes


def found(loss: Callable[[Tensor], Tensor], values: Tensor) -> tuple[Tensor, Tensor]:
    leaf = values.clone().requires_grad_()
    value = loss(leaf)
    assert value.shape == ()
    (slopes,) = torch.autograd.grad(value, leaf)
    return value.detach(), slopes


def assert_as_expected(
    loss: Callable[[Tensor], Tensor], compute: Callable[[Rows], Decimal], values: Tensor
) -> None:
    """In both precisions, of values that both hold exactly."""
    values = values.float().double()
    wanted = expected(compute, values)
    # In float64 too, the class weights are float32.
    for dtype, rtol, atol in [(torch.float64, 2e-7, 1e-8), (torch.float32, 2e-6, 2e-6)]:
        for actual, exact in zip(found(loss, values.to(dtype)), wanted, strict=True):
            assert actual.dtype == dtype
            size = max(1.0, exact.abs().max().item())
            torch.testing.assert_close(actual.double(), exact, rtol=rtol, atol=atol * size)


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
@pytest.mark.parametrize(("name", "options"), CHOICES, ids=IDS)
def test_value_and_gradient(name: str, options: dict[str, Any], batch: Batch) -> None:
    options = fitted(options, len(batch.counts))
    loss, targets = LOSSES[name](batch.counts, **options), torch.tensor(batch.targets)
    assert_as_expected(
        lambda logits: loss(logits, targets),
        lambda rows: REFERENCES[name](rows, batch.targets, batch.counts, **options),
        torch.tensor(batch.logits),
    )


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
def test_complement_entropy(batch: Batch) -> None:
    targets = torch.tensor(batch.targets)
    assert_as_expected(
        lambda logits: complement_entropy(logits, targets),
        lambda rows: entropy_of_wrong(rows, batch.targets),
        torch.tensor(batch.logits),
    )


@pytest.mark.parametrize("batch", BATCHES.values(), ids=BATCHES)
def test_complement_of_cot(batch: Batch) -> None:
    loss, targets = COT(batch.counts), torch.tensor(batch.targets)
    assert_as_expected(
        lambda logits: loss.complement(logits, targets),
        lambda rows: -entropy_of_wrong(rows, batch.targets) / (len(batch.counts) - 1),
        torch.tensor(batch.logits),
    )


@pytest.mark.parametrize("options", OPTIONS["crl"])
@pytest.mark.parametrize("spread", [0.4, 1e4])
def test_crl_of_embeddings(options: dict[str, Any], spread: float) -> None:
    batch = BATCHES["ordinary"]
    loss = CRL(batch.counts, **options, level="instance")
    targets, logits = torch.tensor(batch.targets), batch.logits
    rng = random.Random(9)
    embeddings = torch.tensor([[rng.uniform(-spread, spread) for _ in "xyz"] for _ in logits])
    exact = [[Decimal(z) for z in row] for row in torch.tensor(logits).tolist()]
    assert_as_expected(
        lambda points: loss(torch.tensor(logits, dtype=points.dtype), targets, points),
        lambda points: crl(exact, batch.targets, batch.counts, **options, embeddings=points),
        embeddings,
    )


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    """Any logits up to ±1e4, with ties and absent classes."""
    counts = draw(st.lists(st.integers(1, 10**6), min_size=2, max_size=4))
    targets = draw(st.lists(st.integers(0, len(counts) - 1), min_size=1, max_size=6))
    logit = st.floats(-1e4, 1e4, width=32) | st.sampled_from([-1e4, 0.0, 30.0, 1e4])
    row = st.lists(logit, min_size=len(counts), max_size=len(counts))
    return Batch([draw(row) for _ in targets], targets, counts)


@pytest.mark.parametrize("name", LOSSES)
@settings(max_examples=25, deadline=None)
@given(batch=batches(), data=st.data())
def test_finite_and_as_the_reference_whatever_the_batch(
    name: str, batch: Batch, data: st.DataObject
) -> None:
    options = fitted(data.draw(st.sampled_from(OPTIONS[name])), len(batch.counts))
    loss, targets = LOSSES[name](batch.counts, **options), torch.tensor(batch.targets)
    values = torch.tensor(batch.logits)
    value, slopes = found(lambda logits: loss(logits, targets), values)
    assert value.isfinite()
    assert slopes.isfinite().all()
    with localcontext() as context:
        context.prec = DIGITS
        rows = [[Decimal(z) for z in row] for row in values.tolist()]
        exact = float(REFERENCES[name](rows, batch.targets, batch.counts, **options))
    # LDAM multiplies the logits, and the last digit that float32 holds of them, by its scale.
    rounding = options.get("scale", 1) * values.abs().max().item() * 1e-7
    assert value.item() == pytest.approx(exact, rel=2e-6, abs=2e-6 + rounding)
