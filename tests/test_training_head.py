"""A linear head on embeddings, against an obvious loop and at its traps."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rebalance import seeds
from rebalance.errors import TrainingError
from rebalance.losses import CE, COT, LDAM
from rebalance.models.cosine import CosineLinear
from rebalance.oversampling.soft_labels import SoftLabels
from rebalance.training.head import (
    RECIPE,
    SQUARED_NORM,
    HeadRecipe,
    Teaching,
    fit_head,
    fit_layer,
)

QUICK = HeadRecipe(epochs=3, warmup_epochs=2, batch_size=8)


def blobs(images=60, width=6, classes=3, size=1.0, seed=0):
    """Embeddings of classes that a line tells apart, and their labels."""
    rng = np.random.default_rng(seed)
    labels = np.arange(images) % classes
    centres = 4 * np.eye(classes, width)
    features = size * (centres[labels] + rng.normal(scale=0.3, size=(images, width)))
    return features.astype(np.float32), labels.astype(np.int64)


def fit(features, labels, classes=3, **options):
    found = fit_head(features, labels, classes, **{"seed": 0, "device": "cpu", **options})
    return found.layer, found.epoch


def logits(layer, features):
    return layer(torch.from_numpy(features)).numpy()


def slow_head(features, labels, classes, seed, recipe, soft=None):
    """Every layer that an epoch ends with, on scaled embeddings, by formulas; and the scale."""
    scale = math.sqrt(SQUARED_NORM / np.mean([np.dot(row, row) for row in features]))
    inputs = torch.from_numpy(features).double() * scale
    targets = torch.from_numpy(labels)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.integer(seed, "head weights"))
        start = nn.Linear(features.shape[1], classes)
    parts = [part.detach().double().requires_grad_() for part in (start.weight, start.bias)]
    moving = [torch.zeros_like(part) for part in parts]
    layers = []
    for epoch in range(recipe.epochs):
        rate = recipe.lr
        if epoch < recipe.warmup_epochs:
            rate *= (epoch + 1) / recipe.warmup_epochs
        order = seeds.generator(seed, "head", epoch).permutation(len(labels))
        for begin in range(0, len(order), recipe.batch_size):
            batch = order[begin : begin + recipe.batch_size].tolist()
            loss = torch.zeros((), dtype=torch.float64)
            for place in batch:
                said = parts[0] @ inputs[place] + parts[1]
                own = said[targets[place]]
                if soft is not None:
                    own = (1 - soft.share[place]) * own + soft.share[place] * said[
                        soft.other[place]
                    ]
                loss = loss + said.logsumexp(0) - own
            slopes = torch.autograd.grad(loss / len(batch), parts)
            with torch.no_grad():
                for part, velocity, slope in zip(parts, moving, slopes, strict=True):
                    velocity.mul_(recipe.momentum).add_(slope + recipe.weight_decay * part)
                    part.sub_(rate * velocity)
        layers.append([part.detach().clone() for part in parts])
    return layers, scale


@pytest.mark.parametrize("size", [1.0, 40.0, 0.01])
def test_it_is_an_obvious_loop_on_scaled_embeddings(size):
    features, labels = blobs(size=size)
    layers, scale = slow_head(features, labels, 3, 7, QUICK)
    seen = []

    def judge(layer):
        seen.append(layer)
        return 0.0

    _, epoch = fit(features, labels, seed=7, recipe=QUICK, judge=judge)
    assert epoch == 1 and len(seen) == len(layers) == QUICK.epochs
    for layer, (weight, bias) in zip(seen, layers, strict=True):
        scaled = torch.from_numpy(features).double() * scale
        np.testing.assert_allclose(logits(layer, features), scaled @ weight.T + bias, atol=1e-3)
        np.testing.assert_allclose(layer.weight, weight * scale, rtol=1e-3, atol=1e-4 * scale)


def test_labels_that_two_classes_share_are_an_obvious_loop_too():
    features, labels = blobs(30)
    rng = np.random.default_rng(0)
    soft = SoftLabels(labels, (labels + rng.integers(1, 3, 30)) % 3, rng.random(30) * (labels > 0))
    layers, scale = slow_head(features, labels, 3, 7, QUICK, soft)
    weight, bias = layers[-1]
    layer, _ = fit(features, soft, seed=7, recipe=QUICK)
    np.testing.assert_allclose(layer.weight, weight * scale, rtol=1e-3, atol=1e-4 * scale)
    np.testing.assert_allclose(layer.bias, bias, rtol=1e-3, atol=1e-4)
    plain, same = (
        fit(features, each, recipe=QUICK)[0] for each in (labels, SoftLabels.plain(labels))
    )
    np.testing.assert_array_equal(plain.weight, same.weight)


def test_the_recipe_is_that_of_the_paper():
    assert HeadRecipe(10, 0.1, 0.9, 2e-4, 5, 128) == RECIPE


@settings(max_examples=20, deadline=None)
@given(st.floats(1e-3, 1e3))
def test_the_size_of_the_embeddings_changes_no_decision(size):
    features, labels = blobs()
    plain, _ = fit(features, labels, recipe=QUICK)
    other, _ = fit(features * np.float32(size), labels, recipe=QUICK)
    np.testing.assert_allclose(
        logits(other, features * np.float32(size)), logits(plain, features), atol=2e-3
    )


@pytest.mark.parametrize(
    ("scores", "best"), [([1, 3, 2], 2), ([2, 2, 2], 1), ([1, 3, 3], 2), ([0, 0, 1], 3)]
)
def test_the_best_epoch_is_kept_and_of_equals_the_first(scores, best):
    features, labels = blobs()
    seen = []

    def judge(layer):
        seen.append(layer)
        return float(scores[len(seen) - 1])

    layer, epoch = fit(features, labels, recipe=QUICK, judge=judge)
    assert epoch == best
    assert torch.equal(layer.weight, seen[best - 1].weight)
    assert torch.equal(layer.bias, seen[best - 1].bias)
    assert not torch.equal(seen[0].weight, seen[2].weight)  # each is a layer of its own


def test_without_a_judge_the_last_epoch_is_kept():
    features, labels = blobs()
    seen = []
    fit(features, labels, recipe=QUICK, judge=lambda layer: seen.append(layer) or 0.0)
    layer, epoch = fit(features, labels, recipe=QUICK)
    assert epoch == 3
    assert torch.equal(layer.weight, seen[-1].weight)


def test_the_seed_decides_alone_and_leaves_the_random_state():
    features, labels = blobs()
    kept = features.copy()
    before = torch.random.get_rng_state()
    first, _ = fit(features, labels, seed=1)
    assert torch.equal(torch.random.get_rng_state(), before)
    np.testing.assert_array_equal(features, kept)
    torch.rand(3)
    again, _ = fit(features, labels, seed=1)
    assert torch.equal(first.weight, again.weight) and torch.equal(first.bias, again.bias)
    other, _ = fit(features, labels, seed=2)
    assert not torch.equal(first.weight, other.weight)


@pytest.mark.parametrize("images", [3, 60, 129])
def test_what_a_line_tells_apart_is_learned(images):
    features, labels = blobs(images)
    layer, epoch = fit(features, labels)
    assert epoch == RECIPE.epochs
    assert (logits(layer, features).argmax(axis=1) == labels).all()
    assert layer.weight.dtype == torch.float32 and layer.weight.device.type == "cpu"
    assert not layer.weight.requires_grad


def test_embeddings_of_zero_give_a_finite_layer():
    layer, _ = fit(np.zeros((6, 4), np.float32), np.arange(6) % 3)
    assert layer.weight.isfinite().all() and layer.bias.isfinite().all()


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("judged", [False, True])
def test_embeddings_that_are_not_finite_are_one_line(value, judged):
    features, labels = blobs()
    features[5, 2] = value
    judge = (lambda layer: 1.0) if judged else None
    with pytest.raises(TrainingError, match="no longer finite") as error:
        fit(features, labels, judge=judge)
    assert "\n" not in str(error.value)


@pytest.mark.gpu
def test_on_a_cuda_device_it_comes_to_the_same():
    features, labels = blobs(300)
    here, _ = fit(features, labels)
    there, _ = fit(features, labels, device="cuda")
    assert there.weight.device.type == "cpu"
    np.testing.assert_allclose(logits(there, features), logits(here, features), atol=1e-2)


def test_a_layer_learns_by_a_loss_as_a_head_does_by_cross_entropy():
    features, labels = blobs()
    plain, _ = fit(features, labels, recipe=QUICK)
    counts = np.bincount(labels).tolist()
    found = fit_layer(
        features, labels, 3, Teaching(nn.Linear, CE(counts)), seed=0, device="cpu", recipe=QUICK
    )
    assert found.epoch == QUICK.epochs
    torch.testing.assert_close(found.layer.weight, plain.weight)


def test_every_epoch_says_how_the_layer_did_before_its_steps():
    features, labels = blobs()
    recipe = HeadRecipe(epochs=3, warmup_epochs=2, batch_size=60)  # a step an epoch
    layers = []

    def judge(layer):
        layers.append(layer)
        return len(layers) / 10

    found = fit_head(features, labels, 3, seed=0, device="cpu", judge=judge, recipe=recipe)
    assert [(each.number, each.score) for each in found.course] == [(1, 0.1), (2, 0.2), (3, 0.3)]
    assert [each.lr for each in found.course] == [0.05, 0.1, 0.1]
    for layer, later in zip(layers, found.course[1:], strict=False):
        said = torch.from_numpy(logits(layer, features))
        loss = torch.nn.functional.cross_entropy(said, torch.from_numpy(labels))
        assert later.loss == pytest.approx(float(loss), rel=1e-5)
        assert later.accuracy == pytest.approx((said.argmax(1).numpy() == labels).mean())
    assert fit_head(features, labels, 3, seed=0, device="cpu").course[0].score is None


def test_complement_objective_training_takes_a_second_step():
    features, labels = blobs()
    counts = np.bincount(labels).tolist()
    loss, recipe = COT(counts), HeadRecipe(epochs=1, warmup_epochs=1, batch_size=60)
    layer = fit_layer(
        features, labels, 3, Teaching(nn.Linear, loss), seed=0, device="cpu", recipe=recipe
    ).layer
    first, _ = fit(features, labels, recipe=recipe)
    scale = math.sqrt(SQUARED_NORM / np.mean(np.square(features).sum(1)))
    inputs, targets = torch.from_numpy(features) * scale, torch.from_numpy(labels)
    parts = [(first.weight / scale).requires_grad_(), first.bias.clone().requires_grad_()]
    slopes = torch.autograd.grad(loss.complement(inputs @ parts[0].T + parts[1], targets), parts)
    wanted = [
        part.detach() - recipe.lr * (slope + recipe.weight_decay * part.detach())
        for part, slope in zip(parts, slopes, strict=True)
    ]
    torch.testing.assert_close(layer.weight, wanted[0] * scale)
    torch.testing.assert_close(layer.bias, wanted[1])


def test_a_regime_is_told_how_the_classes_did_and_weighs_them_late():
    features, labels = blobs()
    counts = np.bincount(labels).tolist()
    asked = []

    def f1(layer):
        asked.append(layer)
        return [1.0, 1.0, 0.5]

    teaching = Teaching(nn.Linear, CE(counts), "dynamic", f1)
    layer = fit_layer(features, labels, 3, teaching, seed=0, device="cpu", recipe=QUICK).layer
    assert len(asked) == QUICK.epochs and torch.equal(asked[-1].weight, layer.weight)
    loss = CE([50, 5, 5])
    late = Teaching(nn.Linear, loss, "drw")
    uneven = np.repeat([0, 1, 2], [50, 5, 5])
    fit_layer(features, uneven, 3, late, seed=0, device="cpu", recipe=QUICK)
    assert loss.weights[1] > loss.weights[0]


def test_cosines_stay_cosines():
    features, labels = blobs(size=40.0)
    teaching = Teaching(CosineLinear, LDAM(np.bincount(labels).tolist()))
    layer = fit_layer(features, labels, 3, teaching, seed=0, device="cpu").layer
    said = logits(layer, features)
    assert (np.abs(said) <= 1 + 1e-5).all()
    assert (said.argmax(axis=1) == labels).all()


@pytest.mark.parametrize(("decays", "last"), [(False, 1.0), (True, 0.0)])
def test_the_rate_rises_and_then_stays_or_decays(decays, last):
    recipe = HeadRecipe(epochs=40, warmup_epochs=4, lr=2.0, decays=decays)
    rates = [recipe.rate(epoch) / recipe.lr for epoch in range(recipe.epochs)]
    np.testing.assert_allclose(rates[:4], [0.25, 0.5, 0.75, 1.0])
    assert rates[-1] == pytest.approx(last, abs=0.01)
    assert all(low >= high for low, high in pairwise(rates[3:]))
