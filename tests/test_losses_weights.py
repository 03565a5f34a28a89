import math
from fractions import Fraction
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rebalance.errors import LossError
from rebalance.losses import WEIGHTINGS, Weighted, class_weights

COUNTS = [5000, 640, 77, 1]
counts = st.lists(st.integers(1, 10**7), min_size=2, max_size=30)


def exact(class_counts: list[int], weighting: str, beta: float) -> list[float]:
    """In fractions; what is scaled adds up to K."""
    if weighting == "balanced":
        return [float(Fraction(sum(class_counts), len(class_counts) * n)) for n in class_counts]
    if weighting == "inverse":
        raw = [Fraction(1, n) for n in class_counts]
    else:
        raw = [(1 - Fraction(beta)) / (1 - Fraction(beta) ** n) for n in class_counts]
    return [float(weight * len(raw) / sum(raw)) for weight in raw]


@pytest.mark.parametrize("weighting", WEIGHTINGS)
@pytest.mark.parametrize("beta", [0.0, 0.5, 0.999])
def test_weights_equal_exact_fractions(weighting: str, beta: float) -> None:
    small = [300, 41, 7, 1]
    expected = torch.tensor(exact(small, weighting, beta))
    torch.testing.assert_close(class_weights(small, weighting, beta), expected)


def test_weights_of_a_known_case() -> None:
    assert class_weights([6, 3, 1]).tolist() == pytest.approx([10 / 18, 10 / 9, 10 / 3])
    assert class_weights([1, 3], "inverse").tolist() == pytest.approx([1.5, 0.5])


@given(counts, st.sampled_from(sorted(WEIGHTINGS)), st.floats(0, 1, exclude_max=True))
def test_smaller_classes_never_weigh_less(found: list[int], weighting: str, beta: float) -> None:
    weights = class_weights(found, weighting, beta).tolist()
    assert all(math.isfinite(weight) and weight > 0 for weight in weights)
    by_size = sorted(zip(found, weights, strict=True))
    assert all(a[1] >= b[1] for a, b in pairwise(by_size))


@given(counts)
def test_balanced_weights_average_1_over_the_training_set(found: list[int]) -> None:
    weights = class_weights(found, "balanced").double()
    mean = (weights * torch.tensor(found)).sum() / sum(found)
    assert mean.item() == pytest.approx(1, rel=1e-6)


@given(counts, st.sampled_from(["inverse", "effective"]))
def test_the_others_add_up_to_the_classes(found: list[int], weighting: str) -> None:
    total = class_weights(found, weighting).double().sum()
    assert total.item() == pytest.approx(len(found), rel=1e-6)


def test_effective_weights_lie_between_none_and_inverse() -> None:
    assert class_weights(COUNTS, "effective", 0).tolist() == [1, 1, 1, 1]
    almost = class_weights(COUNTS, "effective", math.nextafter(1, 0))
    torch.testing.assert_close(almost, class_weights(COUNTS, "inverse"))


def test_effective_weights_are_accurate_where_beta_to_the_n_is_almost_1() -> None:
    beta = 1 - 1e-13
    expected = torch.tensor(exact([2, 1], "effective", beta))
    torch.testing.assert_close(class_weights([2, 1], "effective", beta), expected)


def test_names_do_not_matter_to_the_weights() -> None:
    named = dict(zip("dcba", COUNTS, strict=True))
    assert torch.equal(class_weights(named), class_weights(COUNTS))


def test_what_cannot_be_weighed_is_refused() -> None:
    with pytest.raises(LossError, match="class 'b' has 0 training images"):
        class_weights({"a": 4, "b": 0})
    with pytest.raises(LossError, match="weighting must be one of balanced, inverse, effective, "):
        class_weights(COUNTS, "sqrt")
    with pytest.raises(LossError, match="beta must be a number of at least 0 and below 1, not 1"):
        class_weights(COUNTS, "effective", 1.0)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_the_weighted_loss_holds_these_weights(weighting: str) -> None:
    loss = Weighted(COUNTS, weighting, 0.99)
    assert torch.equal(loss.weights, class_weights(COUNTS, weighting, 0.99))


def test_weighted_with_equal_classes_is_torchs_cross_entropy() -> None:
    logits, targets = torch.randn(6, 3), torch.tensor([0, 1, 2, 2, 2, 0])
    for weighting in WEIGHTINGS:
        value = Weighted([7, 7, 7], weighting)(logits, targets)
        torch.testing.assert_close(value, torch.nn.functional.cross_entropy(logits, targets))


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_the_mean_is_divided_by_the_weights_as_torch_divides_it(weighting: str) -> None:
    logits, targets = torch.randn(6, 4), torch.tensor([0, 1, 2, 2, 2, 0])
    weights = class_weights(COUNTS, weighting)
    value = Weighted(COUNTS, weighting)(logits, targets)
    torch.testing.assert_close(
        value, torch.nn.functional.cross_entropy(logits, targets, weight=weights)
    )


def test_balanced_and_inverse_are_one_loss() -> None:
    logits, targets = torch.randn(6, 4), torch.tensor([0, 1, 2, 2, 2, 0])
    balanced, inverse = (
        Weighted(COUNTS, name)(logits, targets) for name in ("balanced", "inverse")
    )
    torch.testing.assert_close(balanced, inverse)


def test_a_batch_that_counts_for_nothing_is_0() -> None:
    loss = Weighted(COUNTS)
    loss.reweight([0.0, 1.0, 1.0, 1.0])
    logits = torch.randn(2, 4, requires_grad=True)
    value = loss(logits, torch.tensor([0, 0]))
    value.backward()
    assert value.item() == 0
    assert not logits.grad.any()
