"""Category centres against scikit-learn, and their probabilities against a slow search."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.neighbors import NearestCentroid

from rebalance.errors import FeatureError, MetricError
from rebalance.metrics import score
from rebalance.scoring import Centres, centres, class_centres, nearest_centre
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.classifier import TrainingEmbedding
from rebalance.scoring.rules import find_rule


def normals(
    images: int, spread: float, distance: float, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Three round normal classes at the corners of a triangle, in four dimensions."""
    rng = np.random.default_rng(seed)
    labels = np.arange(images) % 3
    features = rng.normal(scale=spread, size=(images, 4))
    features[:, :3] += distance * np.eye(3)[labels]
    return features, labels


def surprises(
    temperatures: NDArray[np.float64],
    features: NDArray[np.float64],
    labels: NDArray[np.intp],
    classes: int,
) -> NDArray[np.float64]:
    """What a temperature minimises, image by image, each centre averaged anew without it."""
    images = [image for image in range(len(labels)) if np.sum(labels == labels[image]) > 1]
    smoothing = 1 / (len(images) + classes)
    total = np.zeros(len(temperatures))
    for image in images:
        others = np.arange(len(labels)) != image
        logits = np.array(
            [
                -np.sum((features[image] - features[others & (labels == c)].mean(axis=0)) ** 2)
                for c in range(classes)
            ]
        )
        scaled = logits / temperatures[:, None]
        logs = scaled - np.logaddexp.reduce(scaled, axis=1, keepdims=True)
        wanted = np.full(classes, smoothing)
        wanted[labels[image]] += len(images) * smoothing
        total -= logs @ wanted
    return total / len(images)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 5), st.integers(1, 4), st.sampled_from([1e-3, 1, 1e3]))
def test_the_nearest_centre_is_scikit_learns(
    seed: int, classes: int, width: int, scale: float
) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(20) % classes)
    features, unseen = scale * rng.normal(size=(20, width)), scale * rng.normal(size=(9, width))
    found = class_centres(features, labels, classes)
    reference = NearestCentroid().fit(features, labels)
    np.testing.assert_allclose(found.means, reference.centroids_, atol=1e-12 * scale)
    decision = nearest_centre(unseen, found)
    np.testing.assert_array_equal(decision.predicted, reference.predict(unseen))
    np.testing.assert_allclose(decision.probabilities.sum(axis=1), 1)
    np.testing.assert_array_equal(decision.probabilities.argmax(axis=1), decision.predicted)


@pytest.mark.parametrize("block", [1, 7, 4096])
def test_blocks_do_not_show(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = normals(30, 1.0, 2.0)
    expected = nearest_centre(features, class_centres(features, labels, 3))
    monkeypatch.setattr(centres, "BLOCK", block)
    measured = nearest_centre(features, class_centres(features, labels, 3))
    np.testing.assert_array_equal(measured.probabilities, expected.probabilities)


def test_a_tie_goes_to_the_lower_class() -> None:
    found = Centres(np.array([[9.0, 9.0], [1.1, 0.3], [-1.1, -0.3], [0.3, 1.1]]), 1.0)
    decision = nearest_centre([[0.0, 0.0]], found)
    assert decision.predicted.tolist() == [1]
    assert decision.probabilities[0, 1] == decision.probabilities[0, 2]


def test_probabilities_by_hand() -> None:
    decision = nearest_centre([[0.0], [1.0]], Centres(np.array([[0.0], [2.0]]), 2.0))
    away = np.exp(-4 / 2)
    np.testing.assert_allclose(
        decision.probabilities, [[1 / (1 + away), away / (1 + away)], [0.5, 0.5]]
    )


@pytest.mark.parametrize("distance", [1.0, 2.0])
def test_round_normal_classes_are_given_their_true_probabilities(distance: float) -> None:
    """For a spread of s about the centre the posterior is softmax(−distance² / 2s²)."""
    found = class_centres(*normals(6000, 0.7, distance), 3)
    assert found.temperature == pytest.approx(2 * 0.7**2, rel=0.1)


@pytest.mark.parametrize(("spread", "distance"), [(1.0, 1.0), (0.3, 1.0), (0.01, 1.0)])
def test_the_temperature_is_that_of_a_slow_search(spread: float, distance: float) -> None:
    features, labels = normals(13, spread, distance, seed=3)
    labels[-1] = 3  # one image: has no say, yet is a class that others may be mistaken for
    labels = labels.astype(np.intp)
    found = class_centres(features, labels, 4).temperature
    least = slow_best(features, labels, 4)
    assert found == pytest.approx(least, rel=0.02)


def slow_best(features: NDArray[np.float64], labels: NDArray[np.intp], classes: int) -> float:
    candidates = np.geomspace(1e-5, 1e3, 2000)
    return float(candidates[surprises(candidates, features, labels, classes).argmin()])


def test_classes_that_training_separates_keep_a_ranking() -> None:
    features, labels = normals(300, 0.02, 1.0)
    found = class_centres(features, labels, 3)
    unseen, truth = normals(300, 0.5, 1.0, seed=1)
    decision = nearest_centre(unseen, found)
    scored = score(truth, decision.probabilities, "abc", predicted=decision.predicted)
    assert len(np.unique(decision.probabilities)) > 800
    assert scored["log_loss"] < 3
    assert scored["accuracy"] > 0.6


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_the_scale_of_the_features_does_not_show(scale: float) -> None:
    features, labels = normals(60, 1.0, 2.0)
    expected = nearest_centre(features, class_centres(features, labels, 3))
    measured = nearest_centre(scale * features, class_centres(scale * features, labels, 3))
    np.testing.assert_allclose(measured.probabilities, expected.probabilities, rtol=1e-4)


def test_one_image_per_class_is_its_own_centre() -> None:
    features = np.array([[0.0, 0.0], [3.0, 4.0]])
    found = class_centres(features, [0, 1], 2)
    assert found.means.tolist() == features.tolist()
    assert found.temperature == 25 / 2  # the mean of 0, 25, 25 and 0
    assert nearest_centre(features, found).predicted.tolist() == [0, 1]


def test_all_images_on_one_spot_leave_all_classes_as_likely() -> None:
    found = class_centres(np.ones((6, 3)), np.arange(6) % 3, 3)
    decision = nearest_centre(np.ones((2, 3)), found)
    np.testing.assert_allclose(decision.probabilities, 1 / 3)
    assert decision.predicted.tolist() == [0, 0]


def test_half_precision_is_averaged_in_double() -> None:
    features = np.array([[2000], [2001], [4000], [4002]], np.float16)
    found = class_centres(features, [0, 0, 1, 1], 2)
    assert found.means.tolist() == [[2000.5], [4001]]
    assert nearest_centre(features, found).predicted.tolist() == [0, 0, 1, 1]


def test_arrays_are_not_modified() -> None:
    features, labels = normals(12, 1.0, 1.0)
    before = features.copy(), labels.copy()
    nearest_centre(features, class_centres(features, labels, 3))
    np.testing.assert_array_equal(features, before[0])
    np.testing.assert_array_equal(labels, before[1])


def test_a_class_without_images_is_named() -> None:
    with pytest.raises(FeatureError, match="at least one training image") as caught:
        class_centres([[1.0], [2.0]], [0, 2], 3)
    assert "class 'dog'" in str(caught.value.named(["cat", "dog", "eel"]))


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ([[1.0]], "the centres are of 2 features, but the images have 1"),
        ([[1.0, np.nan]], "finite"),
        ([1.0, 2.0], r"the shape \(2,\)"),
        (np.zeros((0, 2)), r"the shape \(0, 2\)"),
    ],
)
def test_features_that_do_not_fit_are_refused(features: Any, message: str) -> None:
    with pytest.raises(FeatureError, match=message):
        nearest_centre(features, Centres(np.eye(2), 1.0))


@pytest.mark.parametrize("labels", [[0], [0, 2], [0.0, 1.0]])
def test_labels_that_do_not_fit_are_refused(labels: list[Any]) -> None:
    with pytest.raises(MetricError, match="label"):
        class_centres([[1.0], [2.0]], labels, 2)


def test_a_class_that_centres_lack_is_named() -> None:
    with pytest.raises(FeatureError, match="class 'dog'"):
        seen = TrainingEmbedding(np.ones((2, 4), np.float32), np.array([0, 2]))
        find_rule(
            "centres",
            "none",
            ("cat", "dog", "eel"),
            Amounts((), ()),
            lambda chosen: chosen.fit(seen, 3),
        )


def test_centres_are_the_class_means() -> None:
    features = np.random.default_rng(2).normal(size=(30, 4))
    found = class_centres(features, np.arange(30) % 3, 3).means
    np.testing.assert_allclose(found, [features[label::3].mean(axis=0) for label in range(3)])
