"""Outputs of real networks on real files, the rules that decide, and what is told of them."""

import json

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score

from rebalance.data.folder import scan
from rebalance.errors import DataError, FeatureError, SettingError
from rebalance.losses import LOSSES
from rebalance.models.backbones import build
from rebalance.models.network import fresh_network, network_of
from rebalance.models.transforms import CIFAR_TRANSFORM
from rebalance.scoring import cost_decision, nearest_centre, prior_shift
from rebalance.scoring.evaluation import (
    DecisionRule,
    Outputs,
    evaluate,
    find_rule,
    fit_centres,
    predict,
    prediction_table,
)
from rebalance.training.augmentation import NoAugmentation, PaperAugmentation
from rebalance.training.dataset import ImageDataset

CLASSES = ("cat", "dog", "eel")
HOW = {"device": "cpu", "precision": "fp32", "batch_size": 4, "workers": 0}


def prior():
    return [0.7, 0.2, 0.1]


@pytest.fixture(scope="module")
def network():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return fresh_network("cifar_resnet20", 3).eval()


@pytest.fixture
def dataset(tmp_path, make_folder) -> ImageDataset:
    folder = scan(make_folder(tmp_path / "test", {"cat": 5, "dog": 3, "eel": 2}))
    return ImageDataset(folder.root, folder.paths, folder.labels, CIFAR_TRANSFORM, NoAugmentation())


def pixels(dataset):
    images = torch.stack([dataset.pixels(position) for position in range(len(dataset))])
    return CIFAR_TRANSFORM.normalise(images)


def one_by_one(network, dataset):
    """Logits and features, each image on its own."""
    with torch.inference_mode():
        images = pixels(dataset)
        logits = torch.cat([network(image[None]) for image in images])
        layer = network.available[-1]
        features = torch.cat([network.layers(image[None], [layer])[layer] for image in images])
    return logits, features


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_outputs_are_those_of_each_image_alone(network, dataset, workers, batch_size):
    found = predict(network, dataset, **{**HOW, "workers": workers, "batch_size": batch_size})
    logits, features = one_by_one(network, dataset)
    assert network.available[-1] == "linear"
    expected = logits.double().softmax(dim=1).numpy()
    np.testing.assert_allclose(found.probabilities, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.features, features.numpy(), rtol=1e-4, atol=1e-5)
    assert found.probabilities.dtype == np.float64 and found.features.dtype == np.float32


def test_a_network_without_a_hidden_layer_gives_the_pooled_map(dataset):
    net = network_of("cifar_resnet20", build("cifar_resnet20", 3), 32).eval()
    assert net.available[-1] == "pool"
    _, features = one_by_one(net, dataset)
    found = predict(net, dataset, **HOW)
    np.testing.assert_allclose(found.features, features.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["ce", "ldam", "focal-sigmoid"])
def test_probabilities_are_those_of_the_loss(network, dataset, name):
    loss = LOSSES[name]([5, 3, 2])
    found = predict(network, dataset, loss.probabilities, **HOW).probabilities
    expected = loss.probabilities(one_by_one(network, dataset)[0].double()).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-6)
    plain = predict(network, dataset, **HOW).probabilities
    assert np.allclose(found, plain) == (name == "ce")


def test_confident_images_are_still_told_apart(network, dataset):
    def confident(logits):
        return (logits + torch.tensor([25.0, 0.0, 0.0])).softmax(dim=1)

    found = predict(network, dataset, confident, **HOW).probabilities[:, 0]
    assert len(np.unique(found.astype(np.float32))) == 1
    assert len(np.unique(found)) == len(dataset)


def test_the_network_comes_back_as_it_was_but_evaluating(network, dataset):
    net = fresh_network("cifar_resnet20", 3).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    strides = [parameter.stride() for parameter in net.parameters()]
    predict(net, dataset, **HOW)
    assert not any(module.training for module in net.modules())
    assert strides == [parameter.stride() for parameter in net.parameters()]
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])


def test_some_images_in_the_order_wanted(network, dataset):
    whole = predict(network, dataset, **HOW)
    found = predict(network, dataset, positions=range(9, 0, -3), **HOW)
    np.testing.assert_allclose(found.probabilities, whole.probabilities[9:0:-3], rtol=1e-4)
    np.testing.assert_allclose(found.features, whole.features[9:0:-3], rtol=1e-4, atol=1e-5)
    with pytest.raises(DataError, match="there are none"):
        predict(network, dataset, positions=(), **HOW)


def test_augmentation_is_left_out(network, dataset):
    plain = predict(network, dataset, **HOW)
    dataset.augmentation = PaperAugmentation()
    assert np.array_equal(predict(network, dataset, **HOW).probabilities, plain.probabilities)


def test_images_that_are_gone_are_named_and_none_is_an_error(network, dataset):
    (dataset.root / dataset.paths[3]).unlink()
    with pytest.raises(DataError, match="cat/003"):
        predict(network, dataset, **HOW)
    dataset.paths = dataset.labels = ()
    with pytest.raises(DataError, match="there are none"):
        predict(network, dataset, **HOW)


@pytest.fixture
def outputs() -> Outputs:
    rng = np.random.default_rng(0)
    return Outputs(rng.dirichlet(np.ones(3), 40), rng.normal(size=(40, 5)).astype(np.float32))


LABELS = [0] * 20 + [1] * 12 + [2] * 8


def centres():
    rng = np.random.default_rng(1)
    return fit_centres(rng.normal(size=(30, 5)), np.arange(30) % 3, CLASSES)


def never():
    raise AssertionError("neither the head needs centres nor they a prior")


def test_the_head_alone_decides_by_the_largest_probability(outputs):
    rule = find_rule("head", "none", CLASSES, prior, never)
    decision = rule.decide(outputs)
    assert np.array_equal(decision.predicted, outputs.probabilities.argmax(axis=1))
    assert np.array_equal(decision.probabilities, outputs.probabilities)
    assert rule.classifier == "head"


def test_the_prior_of_training_is_divided_out(outputs):
    decision = find_rule("head", "prior", CLASSES, prior, never).decide(outputs)
    expected = prior_shift(outputs.probabilities, prior(), np.ones(3))
    np.testing.assert_allclose(decision.probabilities, expected)
    assert np.array_equal(decision.predicted, expected.argmax(axis=1))


def test_costs_are_read_from_a_file(outputs, tmp_path):
    path = tmp_path / "a:b.csv"
    path.write_text("0,9,1\n1,0,1\n1,1,0\n")
    decision = find_rule("head", f"cost:{path}", CLASSES, prior, never).decide(outputs)
    expected = cost_decision(outputs.probabilities, [[0, 9, 1], [1, 0, 1], [1, 1, 0]])
    assert np.array_equal(decision.predicted, expected)
    assert not np.array_equal(expected, outputs.probabilities.argmax(axis=1))


def test_centres_know_no_prior(outputs):
    rule = find_rule("centres", "none", CLASSES, never, centres)
    expected = nearest_centre(outputs.features, centres())
    for threshold in ("none", "prior"):
        decision = find_rule("centres", threshold, CLASSES, never, centres).decide(outputs)
        np.testing.assert_allclose(decision.probabilities, expected.probabilities)
        assert np.array_equal(decision.predicted, expected.predicted)
    assert rule.classifier == "centres"


@pytest.mark.parametrize("classifier", ["head", "centres"])
@pytest.mark.parametrize("threshold", ["none", "prior", "cost"])
def test_a_rule_decides_the_same_after_a_round_trip(outputs, tmp_path, classifier, threshold):
    path = tmp_path / "costs.csv"
    path.write_text("0,9,1\n1,0,1\n1,1,0\n")
    choice = f"cost:{path}" if threshold == "cost" else threshold
    rule = find_rule(classifier, choice, CLASSES, prior, centres)
    again = DecisionRule.from_record(json.loads(json.dumps(rule.to_record())))
    assert (again.classifier, again.threshold) == (classifier, threshold)
    for found, expected in zip(again.decide(outputs), rule.decide(outputs), strict=True):
        assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"threshold": "other", "options": {}, "centres": None},
        {"threshold": "none", "options": [], "centres": None},
        {"threshold": "none", "options": {}, "centres": {"means": [["x"]], "temperature": 1}},
        {"threshold": "none", "options": {}, "centres": {"means": [[1.0]]}},
        {"threshold": [], "options": {}, "centres": None},
    ],
)
def test_a_damaged_rule_is_refused(record):
    with pytest.raises(DataError, match="decision that the run keeps is damaged"):
        DecisionRule.from_record(record)


@pytest.mark.parametrize("threshold", ["", "cost", "cost:", "none:x", "prior:x", "half"])
def test_thresholds_that_are_not_are_refused(threshold):
    with pytest.raises(SettingError, match="none, prior or cost:FILE"):
        find_rule("head", threshold, CLASSES, prior, never)


def test_classifiers_that_are_not_are_refused():
    with pytest.raises(SettingError, match="head, centres"):
        find_rule("knn", "none", CLASSES, prior, never)


def test_a_class_that_centres_lack_is_named():
    with pytest.raises(FeatureError, match="class 'dog'"):
        fit_centres(np.ones((2, 4)), [0, 2], CLASSES)


def test_centres_are_the_class_means():
    features = np.random.default_rng(2).normal(size=(30, 4))
    found = fit_centres(features, np.arange(30) % 3, CLASSES).means
    np.testing.assert_allclose(found, [features[label::3].mean(axis=0) for label in range(3)])


def test_metrics_are_of_the_decisions_and_ready_for_json(outputs):
    rule = find_rule("head", "prior", CLASSES, prior, never)
    metrics, decision = evaluate(outputs, LABELS, CLASSES, rule, [500, 50, 5])
    expected = balanced_accuracy_score(LABELS, decision.predicted)
    assert metrics["balanced_accuracy"] == pytest.approx(expected)
    assert (metrics["images"], metrics["classifier"], metrics["threshold"]) == (40, "head", "prior")
    assert [metrics["groups"][name]["support"] for name in ("many", "medium", "few")] == [20, 12, 8]
    assert json.loads(json.dumps(metrics, allow_nan=False)) == metrics


def test_predictions_have_a_column_per_class(outputs):
    rule = DecisionRule()
    header, rows = prediction_table(
        ["a.png", "b.png"],
        [2, 0],
        ("cat", "label", "eel"),
        rule.decide(Outputs(np.array([[0.1, 0.6, 0.3], [0.4, 0.4, 0.2]]), outputs.features[:2])),
    )
    assert header == [
        *("file_name", "label", "prediction"),
        *("probability_cat", "probability_label", "probability_eel"),
    ]
    assert rows == [
        ["a.png", "eel", "label", 0.1, 0.6, 0.3],
        ["b.png", "cat", "cat", 0.4, 0.4, 0.2],
    ]
