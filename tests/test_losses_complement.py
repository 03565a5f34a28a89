import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from rebalance.losses import CCE, CE, COT, complement_entropy

COUNTS = [60, 30, 20, 10]
TARGETS = torch.tensor([0, 0, 0, 1, 1, 2, 3, 0])


def drawn(classes: int = 4, spread: float = 2.0) -> Tensor:
    return spread * torch.randn(8, classes, generator=torch.Generator().manual_seed(0))


def test_complement_entropy_of_known_cases() -> None:
    even = torch.tensor([[9.0, 1.0, 1.0, 1.0]])
    one = torch.tensor([[0.0, 5e3, -5e3, -5e3]])
    halves = torch.tensor([[1.0, 7.0, -1e4, 7.0]])
    true = torch.tensor([0])
    assert complement_entropy(even, true).item() == pytest.approx(math.log(3))
    assert complement_entropy(one, true).item() == 0
    assert complement_entropy(halves, true).item() == pytest.approx(math.log(2))
    three = complement_entropy(torch.cat([even, one, halves]), torch.zeros(3, dtype=torch.int64))
    assert three.item() == pytest.approx((math.log(3) + math.log(2)) / 3)


@given(st.integers(2, 9), st.integers(1, 5), st.floats(0, 1e4), st.integers(0, 10**6))
def test_complement_entropy_lies_between_its_bounds(
    classes: int, samples: int, spread: float, seed: int
) -> None:
    rng = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(samples, classes, generator=rng)
    targets = torch.randint(classes, (samples,), generator=rng)
    entropy = complement_entropy(logits, targets).item()
    assert -1e-6 <= entropy <= math.log(classes - 1) + 1e-5


def test_the_logit_of_the_true_class_does_not_matter() -> None:
    moved = drawn()
    moved[torch.arange(8), TARGETS] = 123.0
    assert torch.equal(complement_entropy(drawn(), TARGETS), complement_entropy(moved, TARGETS))


def test_two_classes_have_no_complement() -> None:
    logits, targets = drawn(2).requires_grad_(), TARGETS.clamp(max=1)
    entropy = complement_entropy(logits, targets)
    (slopes,) = torch.autograd.grad(entropy, logits)
    assert entropy.item() == 0
    assert not slopes.any()


@pytest.mark.parametrize("gamma", [-1.0, 3.0])
def test_cce_of_two_classes_is_the_cross_entropy(gamma: float) -> None:
    logits, targets = drawn(2), TARGETS.clamp(max=1)
    assert torch.equal(CCE([9, 4], gamma)(logits, targets), CE([9, 4])(logits, targets))
    torch.testing.assert_close(CCE([9, 4])(logits, targets), cross_entropy(logits, targets))


def test_cce_at_gamma_0_is_the_cross_entropy() -> None:
    value = CCE(COUNTS, gamma=0)(drawn(), TARGETS)
    assert torch.equal(value, CE(COUNTS)(drawn(), TARGETS))
    torch.testing.assert_close(value, cross_entropy(drawn(), TARGETS))


def test_cce_subtracts_what_the_published_code_adds() -> None:
    expected = cross_entropy(drawn(), TARGETS) - complement_entropy(drawn(), TARGETS) / 3
    torch.testing.assert_close(CCE(COUNTS)(drawn(), TARGETS), expected)


def test_cce_may_be_negative() -> None:
    logits = torch.tensor([[30.0, 0.0, 0.0, 0.0]])
    value = CCE(COUNTS)(logits, torch.tensor([0]))
    assert value.item() == pytest.approx(-math.log(3) / 3)


@pytest.mark.parametrize("gamma", [-1.0, 1.0])
def test_the_logits_at_which_dividing_by_the_rest_is_nan(gamma: float) -> None:
    logits = torch.tensor([[30.0, 0.0, -1.0]], requires_grad=True)
    p = logits.softmax(dim=1)
    assert (p[0, 1] / (1 - p[0, 0])).isinf(), "float32 leaves nothing of 1 - p"
    value = CCE([3, 2, 1], gamma)(logits, torch.tensor([0]))
    (slopes,) = torch.autograd.grad(value, logits)
    share = math.e / (math.e + 1)
    entropy = -share * math.log(share) - (1 - share) * math.log(1 - share)
    assert value.item() == pytest.approx(gamma / 2 * entropy, rel=1e-5)
    slope = gamma / 2 * -share * (math.log(share) + entropy)
    assert slopes.tolist()[0] == pytest.approx([0, slope, -slope], rel=1e-5, abs=1e-9)


def step(logits: Tensor, value: Tensor, rate: float) -> None:
    (slopes,) = torch.autograd.grad(value, logits)
    with torch.no_grad():
        logits -= rate * slopes


def test_the_complement_term_of_cce_raises_the_complement_entropy_step_by_step() -> None:
    """A linear model on fixed inputs: its loss with γ, less its loss without, is the term alone."""
    rng = torch.Generator().manual_seed(1)
    inputs, targets = torch.randn(40, 6, generator=rng), torch.randint(4, (40,), generator=rng)
    weight = torch.randn(6, 4, generator=rng).requires_grad_()
    with_term, without = CCE(COUNTS), CE(COUNTS)
    entropies = [complement_entropy(inputs @ weight, targets).item()]
    for _ in range(60):
        logits = inputs @ weight
        step(weight, with_term(logits, targets) - without(logits, targets), 0.5)
        entropies.append(complement_entropy(inputs @ weight, targets).item())
    assert all(later > earlier for earlier, later in pairwise(entropies))
    assert entropies[-1] > entropies[0] + 0.2


def test_cce_raises_the_complement_entropy_of_a_toy_model_where_its_opposite_lowers_it() -> None:
    inputs = torch.eye(8)
    reached = {}
    for gamma in (-1.0, 0.0, 1.0):
        weight = drawn().requires_grad_()
        entropies = [complement_entropy(inputs @ weight, TARGETS).item()]
        for _ in range(100):
            step(weight, CCE(COUNTS, gamma)(inputs @ weight, TARGETS), 0.5)
            entropies.append(complement_entropy(inputs @ weight, TARGETS).item())
        if gamma < 0:
            assert all(later > earlier for earlier, later in pairwise(entropies))
            assert (weight.argmax(dim=1) == TARGETS).all()
        reached[gamma] = entropies[-1]
    assert reached[-1.0] > reached[0.0] > reached[1.0]


def test_cot_takes_two_steps() -> None:
    loss, logits = COT(COUNTS), drawn().requires_grad_()
    assert torch.equal(loss(logits, TARGETS), CE(COUNTS)(logits, TARGETS))
    before = complement_entropy(logits, TARGETS)
    torch.testing.assert_close(loss.complement(logits, TARGETS), -before / 3)
    step(logits, loss.complement(logits, TARGETS), 1.0)
    assert complement_entropy(logits, TARGETS) > before


def test_narrow_logits_are_widened() -> None:
    loss = COT(COUNTS)
    narrow = drawn().bfloat16()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert complement_entropy(narrow, TARGETS).dtype == torch.float32
        second = loss.complement(narrow, TARGETS)
    assert torch.equal(second, loss.complement(narrow.float(), TARGETS))


def test_batches_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"logits must be \[N, K\] with K at least 2"):
        complement_entropy(torch.zeros(2, 1), torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ValueError, match="the batch is empty"):
        complement_entropy(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"logits must be \[N, 4\], not \[8, 3\]"):
        COT(COUNTS).complement(drawn(3), TARGETS)
