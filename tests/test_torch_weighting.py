"""Weights and class shares as tensors: the numbers of the losses and of the scoring."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from rebalance import losses
from rebalance.errors import DataError, LossError, MetricError
from rebalance.manifest import Manifest, Row, write_manifest
from rebalance.scoring import prior_shift
from rebalance.torch import (
    BalancedSampler,
    apply_prior,
    class_weights,
    logit_prior,
    sample_weights,
)

COUNTS = {"cat": 6, "dog": 2}
LABELS = [0] * 6 + [1] * 2


class Photos(TensorDataset):
    classes, targets = ("cat", "dog"), LABELS


def manifest_of(**counts):
    rows = (Row(f"{name}/{i}.jpg", name) for name, count in counts.items() for i in range(count))
    return Manifest(Path("photos"), tuple(counts), tuple(rows))


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    path = tmp_path_factory.mktemp("weighting") / "m.csv"
    write_manifest(path, manifest_of(**COUNTS))
    photos = Photos(torch.zeros(8))
    sequences = [[6, 2], (6, 2), np.array([6, 2]), torch.tensor([6, 2])]
    return [manifest_of(**COUNTS), path, str(path), COUNTS, photos, *sequences]


@pytest.mark.parametrize("weighting", losses.WEIGHTINGS)
def test_class_weights_are_those_of_the_losses(sources, weighting):
    expected = losses.class_weights([6, 2], weighting, 0.9)
    for source in sources:
        assert torch.equal(class_weights(source, weighting, 0.9), expected)


def test_the_logarithm_of_the_shares_is_the_same_from_all(sources):
    for source in sources:
        assert logit_prior(source).exp().tolist() == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize("power", [0, 0.5, 1])
def test_weights_of_images_amount_to_the_shares_of_the_sampler(power):
    weights = sample_weights(LABELS, power)
    assert weights.mean().item() == pytest.approx(1)
    share = weights[6:].sum().item() / 8
    places = BalancedSampler(LABELS, power, length=100_000).places
    assert share == pytest.approx(places[1] / 100_000, abs=1e-5)
    assert set(weights[:6].tolist()) == {weights[0].item()}


def test_logits_under_other_shares_give_the_shifted_probabilities():
    logits = torch.randn(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    logits.requires_grad_()
    targets = [(None, [1, 1]), ([1, 9], [1, 9]), ({"cat": 0.2, "dog": 0.8}, [2, 8])]
    for target, shares in targets:
        found = apply_prior(logits, manifest_of(**COUNTS), target)
        expected = prior_shift(logits.softmax(1).detach().numpy(), [6, 2], shares)
        np.testing.assert_allclose(found.softmax(1).detach().numpy(), expected, rtol=1e-12)
    found.sum().backward()
    assert logits.grad is not None
    assert apply_prior(torch.zeros(3, 4, 2, dtype=torch.float16), COUNTS).dtype == torch.float16


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: class_weights(manifest_of(cat=1, dog=0)), LossError, "'dog' has 0 training"),
        (lambda: logit_prior(manifest_of(cat=1, dog=0)), MetricError, "is 0 for class 'dog'"),
        (lambda: logit_prior([1, 0]), MetricError, "is 0 for class 1"),
        (lambda: apply_prior(torch.zeros(1, 3), [1, 2]), MetricError, "need 2 columns"),
        (lambda: apply_prior(torch.tensor(1.0), [1, 2]), MetricError, "need 2 columns"),
        (lambda: apply_prior(torch.zeros(1, 2).int(), [1, 2]), MetricError, "not torch.int32"),
        (lambda: apply_prior(np.zeros((1, 2)), [1, 2]), MetricError, "not ndarray"),
        (lambda: class_weights(5), DataError, "for each class, in class order, not 5"),
        (lambda: logit_prior([[1, 2]]), DataError, "a count is needed"),
    ],
)
def test_what_cannot_be_weighed_is_one_line(call, error, says):
    with pytest.raises(error, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_class_shares_by_name_are_matched_by_name():
    logits, train = torch.zeros(1, 2), {"a": 1, "b": 2}
    turned = apply_prior(logits, train, {"b": 5, "a": 1})
    assert torch.equal(turned, apply_prior(logits, train, {"a": 1, "b": 5}))
    with pytest.raises(MetricError, match="same classes"):
        apply_prior(logits, train, {"c": 5, "d": 1})
    with pytest.raises(DataError, match="count is needed"):
        logit_prior(["a", "b"])
