"""Heads on features that stay as they are, against scikit-learn and slow loops."""

import numpy as np
import pytest
from scipy.optimize import check_grad
from scipy.special import softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression

from rebalance.heads import Sides, fit_head
from rebalance.heads.examples import Examples
from rebalance.heads.logistic import PenalisedLoss, fit_logistic
from rebalance.heads.regression import PENALTIES
from rebalance.heads.scaling import standardised, whitening, within_classes
from rebalance.oversampling.soft_labels import SoftLabels

COUNTS = [60, 25, 10]
LABELS = np.repeat(np.arange(3), COUNTS)


def features(width=6):
    rng = np.random.default_rng(0)
    spread = np.linalg.qr(rng.normal(size=(width, width)))[0] * np.linspace(0.2, 2, width)
    return 3 + rng.normal(size=(len(LABELS), width)) @ spread + rng.normal(size=(3, width))[LABELS]


@pytest.mark.parametrize("weights", [None, np.array([0.5, 1.0, 4.0])])
def test_logistic_regression_is_that_of_scikit_learn(weights):
    inputs, penalty = features(), 0.03
    counted = np.ones(len(LABELS)) if weights is None else weights[LABELS]
    ones = np.ones(3) if weights is None else weights
    own = fit_logistic(Examples(inputs, SoftLabels.plain(LABELS), ones), penalty)
    other = LogisticRegression(C=1 / penalty / counted.sum(), tol=1e-9, max_iter=5000)
    other.fit(inputs, LABELS, sample_weight=counted)
    np.testing.assert_allclose(own.weight, other.coef_, atol=2e-4)
    shares = softmax(own.logits(inputs), axis=1)
    np.testing.assert_allclose(shares, other.predict_proba(inputs), atol=2e-4)


def shared_labels():
    """Labels of which every third is shared with the next class."""
    share = np.where(np.arange(len(LABELS)) % 3, 0.0, 0.3)
    return SoftLabels(LABELS, (LABELS + 1) % 3, share)


@pytest.mark.parametrize("labels", [SoftLabels.plain(LABELS), shared_labels()])
def test_the_slope_of_the_loss_is_its_finite_difference(labels):
    objective = PenalisedLoss(Examples(features(), labels, np.array([0.5, 1.0, 4.0])), 0.03)
    at = np.random.default_rng(1).normal(size=21)
    value, _ = objective(at)
    assert check_grad(lambda x: objective(x)[0], lambda x: objective(x)[1], at) < 1e-5 * value


def test_a_shared_label_is_two_samples_that_count_in_part():
    inputs, labels, weights = features(), shared_labels(), np.array([0.5, 1.0, 4.0])
    own = fit_logistic(Examples(inputs, labels, weights), 0.03)
    twice = np.concatenate([labels.own, labels.other])
    counted = np.concatenate([1 - labels.share, labels.share]) * weights[twice]
    other = LogisticRegression(C=1 / 0.03 / counted.sum(), tol=1e-9, max_iter=5000)
    other.fit(np.vstack([inputs, inputs]), twice, sample_weight=counted)
    np.testing.assert_allclose(own.weight, other.coef_, atol=2e-4)


def test_the_covariance_within_classes_is_a_slow_loop():
    inputs = features()
    expected = np.zeros((6, 6))
    for label in range(3):
        own = inputs[label == LABELS]
        for row in own:
            apart = row - own.mean(axis=0)
            expected += np.outer(apart, apart) / len(inputs)
    np.testing.assert_allclose(within_classes(inputs, LABELS), expected, atol=1e-12)


@pytest.mark.parametrize("amount", [0.0, 0.4, 1.0])
def test_whitened_distances_are_those_of_shrunken_discriminant_analysis(amount):
    inputs = standardised(features())(features())
    turn = whitening(inputs, LABELS, amount)
    model = LinearDiscriminantAnalysis(
        "lsqr", shrinkage=1 - amount, priors=np.bincount(LABELS) / 95
    )
    # Theirs standardises again within each class before it shrinks: given what needs none.
    covariance = within_classes(inputs, LABELS)
    spread = np.trace(covariance) / 6
    shrunken = (1 - amount) * spread * np.eye(6) + amount * covariance
    np.testing.assert_allclose(turn @ turn, spread * np.linalg.inv(shrunken), atol=1e-9)
    np.testing.assert_allclose(turn, turn.T, atol=1e-12)
    means = np.stack([inputs[label == LABELS].mean(axis=0) for label in range(3)])
    # With one spread in every column and class, both are one.
    alike = np.vstack([mean + sign * np.eye(6) for mean in means for sign in (1, -1)])
    which = np.repeat(np.arange(3), 12)
    model.set_params(priors=[1 / 3] * 3).fit(alike, which)
    even = whitening(alike, which, amount)
    nearest = np.square((alike[:, None] - means) @ even).sum(axis=2).argmin(axis=1)
    assert nearest.tolist() == model.predict(alike).tolist()


def test_wide_features_are_turned_to_their_components():
    values = features(8)
    few = standardised(values, components=5)(values)
    whole = (values - values.mean(axis=0)) / values.std(axis=0)
    _, _, axes = np.linalg.svd(whole, full_matrices=False)
    np.testing.assert_allclose(np.abs(few), np.abs(whole @ axes[:5].T), atol=1e-9)
    assert standardised(np.ones((4, 3)))(np.ones((4, 3))).tolist() == [[0.0] * 3] * 4


def sides():
    place = np.arange(len(LABELS))
    return [Sides(place[place % 3 != fold], place[place % 3 == fold]) for fold in range(3)]


def test_a_probe_is_one_linear_layer_on_the_features_as_they_come():
    values = features()
    head = fit_head("logistic", values, LABELS, 3, whiten=0.4, sides=sides())
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    turned = scaled @ whitening(scaled, LABELS, 0.4)
    other = LogisticRegression(C=1 / head.chosen["penalty"] / len(LABELS), tol=1e-9, max_iter=5000)
    expected = other.fit(turned, LABELS).predict_proba(turned)
    np.testing.assert_allclose(softmax(head.layer.logits(values), axis=1), expected, atol=1e-3)


def test_the_penalty_is_the_one_of_least_balanced_loss_on_what_was_held_out():
    values = features()
    head = fit_head("logistic", values, LABELS, 3, whiten=0.0, sides=sides())
    tried = head.tried["penalty"]
    scaled = (values - values.mean(axis=0)) / values.std(axis=0)
    expected = []
    for penalty in tried:
        losses = np.zeros(len(LABELS))
        for side in sides():
            own = LABELS[side.fitted]
            model = LogisticRegression(C=1 / penalty / len(own), tol=1e-8, max_iter=5000)
            said = model.fit(scaled[side.fitted], own).predict_proba(scaled[side.compared])
            said /= np.bincount(own)
            said /= said.sum(axis=1, keepdims=True)
            losses[side.compared] = -np.log(said[np.arange(len(said)), LABELS[side.compared]])
        expected.append(np.mean([losses[label == LABELS].mean() for label in range(3)]))
    np.testing.assert_allclose(list(tried.values()), expected, rtol=5e-3)
    assert head.chosen["penalty"] == PENALTIES[int(np.argmin(expected))]
    assert len(tried) < len(PENALTIES)  # it did not go on where lower ones did worse


def test_what_is_compared_by_only_is_not_learned_from():
    values = features()
    more, labels = np.vstack([values, 100 + values[:9]]), np.append(LABELS, LABELS[:9])
    only = [Sides(np.arange(95), np.arange(95, 104))]
    head = fit_head("logistic", more, labels, 3, whiten=0.4, sides=only, seen=95)
    alone = fit_head("logistic", values, LABELS, 3, whiten=0.4)
    assert head.chosen["penalty"] in head.tried["penalty"] and not alone.tried["penalty"]
    scaled = standardised(values)(values)
    turn = whitening(scaled, LABELS, 0.4)
    samples = Examples(scaled @ turn, SoftLabels.plain(LABELS), np.ones(3))
    again = fit_logistic(samples, head.chosen["penalty"])
    np.testing.assert_allclose(head.layer.logits(values), again.logits(scaled @ turn), atol=1e-6)
