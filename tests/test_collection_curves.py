"""The law of a learning curve, the noise of what it is fitted to, and what is said of both."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from rebalance.collection.growth import curves_of, span
from rebalance.collection.noise import Measured, errors_of
from rebalance.collection.power_law import AMOUNTS, POWERS, WALKS, fitted, foretold, likelihoods
from rebalance.collection.rounds import Rounds, Sample, Tally
from rebalance.collection.shortage import short_subclasses
from rebalance.collection.words import answer, sentence

SIZES = np.array([5.0, 10, 20, 40, 57, 80])


def law(sizes, floor=0.1, amount=0.6, power=0.5):
    return floor + amount * np.asarray(sizes) ** -power


def measured(errors, deviation):
    """A curve whose noise is half shared by all sizes, and half each size's own."""
    covariance = deviation**2 * (np.ones((6, 6)) + np.eye(6)) / 2
    return Measured(SIZES, errors, covariance)


def test_a_law_without_noise_is_found_again():
    found = fitted({0: measured(law(SIZES), 1e-4)}, 1.0)[0]
    for before, after in ((80, 160), (100, 200), (100, 400)):
        low, high = span(found.gain(before, after))
        true = law(before) - law(after)
        assert low < true < high
        assert found.gain(before, after).quantile(0.5) == pytest.approx(true, rel=0.25)


def test_a_flat_curve_promises_nothing():
    low, high = span(fitted({0: measured(np.full(6, 0.2), 1e-3)}, 1.0)[0].gain(80, 160))
    assert low <= 0 <= high < 0.005


def test_likelihoods_are_normal_ones_with_the_level_integrated_out():
    curve = measured(law(SIZES), 0.02)
    found = likelihoods(curve, 1.0)
    levels = np.linspace(-0.3, 0.6, 4001)

    def slowly(amount, power, walk):
        along = np.log2(SIZES / SIZES[0])
        noise = curve.covariance + WALKS[walk] ** 2 * np.minimum.outer(along, along)
        bent = curve.errors[-1] * AMOUNTS[amount] * ((SIZES / 80) ** -POWERS[power] - 1)
        rest = curve.errors - bent - levels[:, None]
        return np.log(np.trapezoid(multivariate_normal(np.zeros(6), noise).pdf(rest), levels))

    nodes = [(0, 0, 0), (20, 3, 1), (30, 5, 3), (25, 2, 4)]
    expected = np.array([slowly(*node) for node in nodes])
    given = np.array([found[node] for node in nodes])
    assert given - given[0] == pytest.approx(expected - expected[0], abs=1e-4)


def test_a_hidden_error_is_foretold_as_a_normal_one_given_the_others():
    curve = measured(law(SIZES), 0.02)
    seen = SIZES < 41
    early = fitted({0: curve.only(seen)}, 1.0)[0]
    found = foretold(curve, seen, early)
    # By generalised least squares for one law: [errors seen] = level + law + noise.
    node = np.ravel_multi_index((25, 3, 2), early.weights.shape)
    along = np.log2(np.append(SIZES[seen], 80) / 5)
    places = [0, 1, 2, 3, 5]
    noise = curve.covariance[np.ix_(places, places)]
    noise = noise + WALKS[2] ** 2 * np.minimum.outer(along, along)
    bent = early.most * AMOUNTS[25] * ((np.append(SIZES[seen], 80) / 40) ** -0.5 - 1)
    wide = noise + 1e6 * np.ones((5, 5))  # a level of which nothing is known
    to_last = np.linalg.solve(wide[:4, :4], wide[:4, 4])
    mean = bent[4] + to_last @ (curve.errors[:4] - bent[:4])
    spread = wide[4, 4] - to_last @ wide[:4, 4]
    assert found.means[node] == pytest.approx(mean, abs=1e-4)
    assert found.deviations[node] == pytest.approx(np.sqrt(spread), rel=1e-3)


def test_intervals_hold_what_they_promise_of_laws_with_noise():
    rng = np.random.default_rng(0)
    held = []
    for _ in range(60):
        floor, amount, power = rng.uniform(0, 0.2), rng.uniform(0.1, 0.9), rng.uniform(0.3, 0.8)
        noise = measured(SIZES, 0.02).covariance
        errors = law(SIZES, floor, amount, power) + rng.multivariate_normal(np.zeros(6), noise)
        low, high = span(fitted({0: Measured(SIZES, errors, noise)}, 1.0)[0].gain(100, 200))
        true = law(100, floor, amount, power) - law(200, floor, amount, power)
        held.append(low <= true <= high)
    assert np.mean(held) >= 0.85


def test_the_noise_of_images_is_that_of_a_bootstrap_of_kin():
    rng = np.random.default_rng(0)
    kin = np.repeat(np.arange(100), 2)
    hits = np.repeat(rng.random((100, 1)) + rng.normal(0, 0.1, (100, 3)) > 0.3, 2, axis=0)
    labels = np.zeros(200, np.int64)
    sample = Sample(np.empty((200, 0)), labels, 1, kin, kin, True)
    curve = Tally(sizes=[np.array([1.0, 2, 3])] * 2, hits=[hits, hits])
    rounds = Rounds(held=[np.arange(200)] * 2, curves={0: curve})
    found = errors_of(rounds, 0, np.full(200, 1 / 200), sample, 2)
    assert found.errors == pytest.approx(1 - hits.mean(axis=0))
    drawn = rng.integers(100, size=(4000, 100))
    means = (~hits)[::2][drawn].mean(axis=1)
    assert found.covariance == pytest.approx(np.cov(means.T), rel=0.15)


def test_rounds_that_differ_add_their_own_noise():
    """Models that are right or wrong on everything: two of them say nothing by the images."""
    sample = Sample(np.empty((50, 0)), np.zeros(50, np.int64), 1, *[np.arange(50)] * 2, False)
    hits = [np.ones((50, 2), bool), np.zeros((50, 2), bool)]
    curve = Tally(sizes=[np.array([1.0, 2])] * 2, hits=hits)
    found = errors_of(
        Rounds([np.arange(50)] * 2, curves={0: curve}), 0, np.full(50, 0.02), sample, 2
    )
    # The variance of the mean of 0 and 1 is that of two numbers, halved.
    assert found.covariance[0, 1] == pytest.approx(np.var([0, 1], ddof=1) / 2)


def test_a_class_that_was_never_held_out_has_no_curve():
    sample = Sample(np.empty((6, 0)), np.repeat([0, 1], 3), 2, *[np.arange(6)] * 2, False)
    hits = np.array([[False, True], [True, True], [True, True]])
    made = {label: Tally(sizes=[np.array([1.0, 2])], hits=[hits]) for label in (0, 1)}
    found = curves_of(Rounds([np.arange(3)], curves=made), sample, 0.2)
    assert found.have == {0: 3}
    assert found.balanced[0].errors == pytest.approx([1 / 3, 0])


def test_subclasses_are_short_by_number_or_by_recall():
    names = ["big"] * 60 + ["small"] * 8 + ["hard"] * 32
    recognised = np.concatenate([np.ones(68), np.tile([0.0, 1.0], 16)])
    found = short_subclasses(np.arange(100, 200), names, recognised)
    assert [each["name"] for each in found] == ["hard", "small", "big"]
    assert found[0]["reason"] == "its recall is 0.50 beside 1.00"
    assert found[1]["reason"] == "it has 8 of 100 images"
    assert not found[2]["short"] and found[2]["reason"] == ""
    assert found[0]["members"][:16] == list(range(168, 200, 2))


def test_what_was_never_held_out_has_no_recall():
    found = short_subclasses(
        np.arange(4), ["a", "a", "b", "b"], np.array([1, np.nan] + [np.nan] * 2)
    )
    assert [each["recall"] for each in found] == [1.0, None]


def need(label, verdict, low, high, unknown=None):
    gain = {
        "more": 200,
        "times": 2.5,
        "balanced_accuracy": (low + high) / 2,
        "interval": (low, high),
        "verdict": verdict,
    }
    found = {"label": label, "gains": [] if unknown else [gain], "unknown": unknown}
    return {**found, "sentence": sentence(found, "images")}


def test_answers_say_what_helps_then_what_does_not_then_what_is_not_known():
    needs = [
        need("trash", "gain", 0.01, 0.05),
        need("metal", "open", -0.003, 0.02),
        need("paper", "nothing", -0.001, 0.002),
        need("rust", None, 0, 0, "it has 3 groups, and a curve takes at least 8"),
    ]
    assert list(answer(needs, "images")) == [
        "200 more images of 'trash' bring +.030 in balanced accuracy (.010 to .050).",
        "More images of 'paper' bring next to nothing.",
        "Whether more images of 'metal' help is open: the intervals are too wide.",
        "What more of 'rust' would bring cannot be told: it has 3 groups, and a curve takes at "
        "least 8.",
    ]
    assert next(answer(needs[1:], "images")) == "There is no class of which more is sure to help."
