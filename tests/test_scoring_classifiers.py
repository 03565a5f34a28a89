"""Neighbours and machines that decide in the head's place, held against loops and scikit-learn."""

import json
import math

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import log_loss
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from rebalance.errors import FeatureError
from rebalance.scoring.classifier import TrainingEmbedding
from rebalance.scoring.classifiers import CLASSIFIERS, classifier_of, spelled_classifier
from rebalance.scoring.outputs import Outputs

FITTED = [name for name in CLASSIFIERS if name != "head"]


def images(counts, seed, width=6, apart=1.5):
    """A cloud for each class, as embeddings are: float32, of other scales by column."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(len(counts)), counts)
    features = rng.normal(size=(len(labels), width)) + apart * np.eye(len(counts), width)[labels]
    return TrainingEmbedding((features * 3 ** np.arange(width)).astype(np.float32), labels)


def outputs(features):
    return Outputs(np.ones((len(features), 1)), np.asarray(features, np.float32))


@pytest.mark.parametrize("k", [1, 4])
def test_neighbours_vote_as_in_a_slow_loop(k):
    seen, test = images((20, 9, 0, 4), 0), images((5, 5, 5, 5), 1).features
    found = classifier_of(f"knn:k={k}").fit(seen, 4)
    said = found.decide(outputs(test))
    for features, shares, predicted in zip(test.astype(float), *said, strict=True):
        away = [float(((features - each) ** 2).sum()) for each in seen.features.astype(float)]
        votes = [0] * 4
        for place in sorted(range(len(away)), key=away.__getitem__)[:k]:
            votes[seen.labels[place]] += 1
        assert shares.tolist() == [vote / k for vote in votes]
        assert predicted == votes.index(max(votes))
    known = KNeighborsClassifier(k).fit(*seen).predict(test)
    assert np.array_equal(said.predicted, known)


def test_the_prior_of_votes_is_that_of_the_images():
    assert classifier_of("knn").fit(images((6, 3, 1), 0), 3).shares == [0.6, 0.3, 0.1]


@pytest.mark.parametrize(("counts", "cost"), [((20, 9, 4), 1.0), ((20, 9), 0.01), ((9, 1, 1), 1.0)])
def test_the_machine_is_scikit_learns(counts, cost):
    seen, test = images(counts, 0), images((30,) * len(counts), 1).features
    said = classifier_of(f"svm:C={cost}").fit(seen, len(counts)).decide(outputs(test))
    known = make_pipeline(StandardScaler(), LinearSVC(C=cost, dual=False)).fit(*seen)
    assert np.array_equal(said.predicted, known.predict(test))
    margins = known.decision_function(test)
    log_odds = np.log(said.probabilities[:, 1:] / said.probabilities[:, :1])
    expected = margins[:, None] if len(counts) == 2 else margins[:, 1:] - margins[:, :1]
    surest = np.unravel_index(np.abs(expected).argmax(), expected.shape)
    temperature = expected[surest] / log_odds[surest]  # one for all images and classes
    np.testing.assert_allclose(log_odds * temperature, expected, rtol=1e-4, atol=1e-5)


def test_the_temperature_of_a_machine_is_of_images_it_did_not_see():
    """Beside Platt's scaling in folds, which has two numbers for each class, it loses little."""
    seen, test = images((60, 30, 12), 0), images((200,) * 3, 1)
    said = classifier_of("svm").fit(seen, 3).decide(outputs(test.features))
    machine = make_pipeline(StandardScaler(), LinearSVC(dual=False))
    platt = CalibratedClassifierCV(machine, cv=3).fit(*seen).predict_proba(test.features)
    assert log_loss(test.labels, said.probabilities) < 1.1 * log_loss(test.labels, platt)


@pytest.mark.parametrize("name", FITTED)
@pytest.mark.parametrize("scale", [1e4, 1e-4, 0.0])
def test_features_of_any_size_are_decided_on(name, scale):
    seen = images((7, 5), 0)._replace(features=images((7, 5), 0).features * np.float32(scale))
    given = seen.features.copy()
    found = CLASSIFIERS[name]().fit(seen, 2)
    said = found.decide(outputs(seen.features[:1]))
    assert np.isfinite(said.probabilities).all() and said.probabilities.shape == (1, 2)
    assert said.probabilities.sum() == pytest.approx(1)
    assert np.array_equal(seen.features, given)
    again = CLASSIFIERS[name]().read(json.loads(json.dumps(found.values())), 2)
    assert again.outdated == (found.kept_apart is not None)


@pytest.mark.parametrize("name", FITTED)
def test_features_that_are_not_are_refused(name):
    seen = images((7, 5), 0)
    found = CLASSIFIERS[name]().fit(seen, 2)
    with pytest.raises(FeatureError, match="6 features, but the images have 2"):
        found.decide(outputs([[1.0, 2.0]]))
    with pytest.raises(FeatureError, match="must be finite"):
        found.decide(outputs([[np.nan] * 6]))
    seen.features[0, 0] = np.inf
    with pytest.raises(FeatureError, match="must be finite"):
        CLASSIFIERS[name]().fit(seen, 2)


def test_equal_choices_are_spelled_alike():
    assert {spelled_classifier(text) for text in ("knn", "knn:k=5", "knn: k = 5")} == {"knn"}
    assert spelled_classifier("svm:C=0.10") == "svm:C=0.1"
    assert spelled_classifier("head") == "head"


@pytest.mark.parametrize("k", [1, 3, 50])
def test_clusters_decide_as_in_a_slow_loop(k):
    """The paper's rule, eq. 3, and what it leaves open: a class without a centre among k."""
    seen, test = images((20, 9, 1), 0), images((6, 6, 6), 1).features
    found = classifier_of(f"clusters:k={k},size=4").fit(seen, 3)
    assert found.owners.tolist() == [0] * 5 + [1] * 2 + [2]
    said = found.decide(outputs(test))
    for features, shares, predicted in zip(test.astype(float), *said, strict=True):
        own = features / math.hypot(*features)
        away = [float(((own - centre) ** 2).sum()) for centre in found.centres.astype(float)]
        near = sorted(range(len(away)), key=away.__getitem__)[:k]
        margins, of_paper = [], {}
        for label in range(3):
            mine = [away[j] for j in near if found.owners[j] == label]
            others = [away[j] for j in near if found.owners[j] != label]
            if mine:
                of_paper[label] = min(others, default=math.inf) - max(mine)
            anywhere = [away[j] for j in range(len(away)) if found.owners[j] != label]
            nearest = min(away[j] for j in range(len(away)) if found.owners[j] == label)
            margins.append(min(anywhere) - (max(mine) if mine else nearest))
        assert predicted == max(of_paper, key=of_paper.__getitem__)
        powers = [math.exp((each - max(margins)) / found.temperature) for each in margins]
        np.testing.assert_allclose(shares, np.divide(powers, sum(powers)), rtol=1e-9)


def test_centres_of_clusters_come_back_to_the_last_bit():
    found = classifier_of("clusters:size=3").fit(images((20, 9, 4), 0), 3)
    again = classifier_of("clusters:size=3").read(json.loads(json.dumps(found.values())), 3)
    assert np.array_equal(again.centres, found.centres) and again.centres.dtype == np.float32
    assert np.array_equal(again.owners, found.owners) and again.temperature == found.temperature
