"""Every head is one linear layer on the features as they come: scikit-learn, slow loops."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid

from rebalance.errors import DataError, SettingError
from rebalance.heads import HEADS, Sides, fit_head, sides_of
from rebalance.heads.comparison import balanced_loss
from rebalance.heads.generative import SHRINKAGES
from rebalance.heads.scaling import whitening
from rebalance.oversampling.soft_labels import SoftLabels

COUNTS = [60, 25, 10]
LABELS = np.repeat(np.arange(3), COUNTS)


def drawn(labels, seed=0, width=6):
    """Features of Gaussians of one covariance, far from the origin and each column of its scale."""
    rng = np.random.default_rng(7)
    spread = np.linalg.qr(rng.normal(size=(width, width)))[0] * np.linspace(0.2, 2, width)
    means = rng.normal(size=(3, width))
    noise = np.random.default_rng(seed).normal(size=(len(labels), width))
    return 3 + noise @ spread + means[labels]


VALUES = drawn(LABELS)
SCALED = (VALUES - VALUES.mean(axis=0)) / VALUES.std(axis=0)
SIDES = sides_of(LABELS, 3, 0)


@pytest.fixture(scope="module")
def fitted():
    """Every head, its numbers chosen by the same folds."""
    return {head: fit_head(head, VALUES, LABELS, 3, sides=SIDES) for head in HEADS}


@pytest.mark.parametrize("head", HEADS)
def test_every_head_tells_classes_apart(head, fitted):
    found = fitted[head]
    truth = np.repeat(np.arange(3), 100)
    said = found.layer.logits(drawn(truth, seed=1))
    if HEADS[head].knows_prior:
        said = said - np.log(COUNTS)
    recall = [(said.argmax(axis=1) == truth)[truth == label].mean() for label in range(3)]
    assert np.mean(recall) > 0.7
    # What was held out is each sample once, told by layers that are much as good.
    assert sorted(found.truth) == LABELS.tolist() and found.held.shape == (95, 3)
    assert balanced_loss(found.held, found.truth) < np.log(3)
    for name, losses in found.tried.items():
        assert found.chosen[name] == min(losses, key=losses.__getitem__)


@pytest.mark.parametrize("head", HEADS)
def test_without_anything_held_out_every_head_takes_the_usual_numbers(head):
    found = fit_head(head, VALUES, LABELS, 3)
    assert not any(found.tried.values()) and not len(found.truth)
    assert np.isfinite(found.layer.weight).all() and np.isfinite(found.layer.bias).all()


@pytest.mark.parametrize("weights", [None, np.array([0.5, 1.0, 4.0])])
def test_the_gaussian_is_linear_discriminant_analysis(weights):
    found = fit_head("gaussian", VALUES, LABELS, 3, sides=SIDES, weights=weights)
    assert set(found.tried["shrinkage"]) == set(SHRINKAGES)
    amounts = COUNTS * (np.ones(3) if weights is None else weights)
    model = LinearDiscriminantAnalysis(
        "lsqr", shrinkage=found.chosen["shrinkage"], priors=amounts / amounts.sum()
    )
    prior, expected = np.log(model.priors), model.fit(SCALED, LABELS).decision_function(SCALED)
    expected = (expected - prior) * found.chosen["scale"] + prior
    np.testing.assert_allclose(
        log_softmax(found.layer.logits(VALUES), axis=1), log_softmax(expected, axis=1), atol=1e-9
    )


def test_the_nearest_mean_is_the_nearest_centroid_of_whitened_features():
    turned = SCALED @ whitening(SCALED, LABELS, 0.7)
    expected = NearestCentroid().fit(turned, LABELS).predict(turned)
    found = fit_head("nearest-mean", VALUES, LABELS, 3, whiten=0.7, sides=SIDES)
    assert found.layer.logits(VALUES).argmax(axis=1).tolist() == expected.tolist()
    means = np.stack([turned[label == LABELS].mean(axis=0) for label in range(3)])
    halves = -np.square(turned[:, None] - means).sum(axis=2) / 2 * found.chosen["scale"]
    np.testing.assert_allclose(
        log_softmax(found.layer.logits(VALUES), axis=1), log_softmax(halves, axis=1), atol=1e-9
    )


def test_crt_is_logistic_regression_of_classes_that_count_alike():
    found = fit_head("crt", VALUES, LABELS, 3, whiten=0.0, sides=SIDES)
    # Theirs weighs by N / (K n), which adds up to N.
    model = LogisticRegression(
        C=1 / found.chosen["penalty"] / 95, class_weight="balanced", tol=1e-9, max_iter=5000
    ).fit(SCALED, LABELS)
    np.testing.assert_allclose(
        log_softmax(found.layer.logits(VALUES), axis=1), model.predict_log_proba(SCALED), atol=1e-3
    )


def plain(features, labels, penalty):
    return LogisticRegression(C=1 / penalty / len(labels), tol=1e-10, max_iter=9000).fit(
        features, labels
    )


def test_tau_normalised_is_a_slow_loop():
    found = fit_head("tau-normalised", VALUES, LABELS, 3, whiten=0.0, sides=SIDES)
    model = plain(SCALED, LABELS, found.chosen["penalty"])
    tau, scale = found.chosen["tau"], found.chosen["scale"]
    norms = [sum(each**2 for each in row) ** 0.5 for row in model.coef_]
    mean = np.prod(norms) ** (1 / 3)
    rows = [
        scale * row / (norm / mean) ** tau for row, norm in zip(model.coef_, norms, strict=True)
    ]
    np.testing.assert_allclose(found.layer.logits(VALUES), SCALED @ np.array(rows).T, atol=1e-3)


def test_the_factors_of_lws_are_those_of_least_balanced_loss_on_what_was_held_out():
    found = fit_head("lws", VALUES, LABELS, 3, whiten=0.0, sides=SIDES)
    penalty = found.chosen["penalty"]
    held = [
        SCALED[each.compared] @ plain(SCALED[each.fitted], LABELS[each.fitted], penalty).coef_.T
        for each in SIDES
    ]
    truth = np.concatenate([LABELS[each.compared] for each in SIDES])
    best = minimize(lambda factors: balanced_loss(np.vstack(held) * factors, truth), np.ones(3))
    assert balanced_loss(found.held, truth) == pytest.approx(best.fun, abs=1e-4)
    rows = plain(SCALED, LABELS, penalty).coef_ * best.x[:, None]
    np.testing.assert_allclose(found.layer.logits(VALUES), SCALED @ rows.T, atol=0.05)


def test_labels_that_two_classes_share():
    share = np.where(np.arange(95) % 3, 0.0, 0.3)
    soft = SoftLabels(LABELS, (LABELS + 1) % 3, share)
    found = fit_head("crt", VALUES, soft, 3, sides=SIDES[:1])
    # Blends lie between classes: neither compared by, nor what features are scaled by.
    assert len(found.truth) == np.count_nonzero(share[SIDES[0].compared] == 0)
    for head in [name for name, each in HEADS.items() if not each.shares]:
        with pytest.raises(DataError, match="32 samples are shared by two: choose one of logi"):
            fit_head(head, VALUES, soft, 3, sides=SIDES)


def test_what_a_head_has_no_use_for_is_refused():
    with pytest.raises(SettingError, match="chooses by itself how far it shrinks"):
        fit_head("gaussian", VALUES, LABELS, 3, whiten=0.4)
    with pytest.raises(SettingError, match="no head 'ridge': choose one of logistic, nearest-mean"):
        fit_head("ridge", VALUES, LABELS, 3)


@pytest.mark.parametrize("head", ["lws", "gaussian", "nearest-mean"])
def test_a_class_that_a_fold_does_not_know_is_left_out_of_it(head):
    place = np.arange(95)
    sides = [SIDES[0], Sides(place[:85], place[80:])]
    found = fit_head(head, VALUES, LABELS, 3, sides=sides)
    assert np.isfinite(found.layer.weight).all()
    assert len(found.truth) == len(SIDES[0].compared) + 5
    assert not np.isfinite(found.held[-5:, 2]).any()  # never decided on


def test_folds_never_part_kin_and_are_none_where_nothing_may_be_parted():
    kin = np.arange(95) // 2
    sides = sides_of(LABELS, 4, 0, kin)
    assert sorted(np.concatenate([each.compared for each in sides])) == list(range(95))
    for each in sides:
        assert not set(kin[each.fitted]) & set(kin[each.compared])
    assert sides_of(LABELS, 4, 0, LABELS) == []
