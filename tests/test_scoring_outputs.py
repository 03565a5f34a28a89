"""What real networks say of real files."""

import numpy as np
import pytest
import torch

from rebalance.data.folder import scan
from rebalance.errors import DataError
from rebalance.losses import LOSSES
from rebalance.models.backbones import build
from rebalance.models.building import fresh_network
from rebalance.models.network import network_of
from rebalance.models.transforms import CIFAR_TRANSFORM
from rebalance.scoring.outputs import predict
from rebalance.training.augmentation import NoAugmentation, PaperAugmentation
from rebalance.training.dataset import ImageDataset

HOW = {"device": "cpu", "precision": "fp32", "batch_size": 4, "workers": 0}


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
    assert network.available[-1] == "embedding"
    expected = logits.double().softmax(dim=1).numpy()
    np.testing.assert_allclose(found.probabilities, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.features, features.numpy(), rtol=1e-4, atol=1e-5)
    assert found.probabilities.dtype == np.float64 and found.features.dtype == np.float32


def test_a_network_without_a_hidden_layer_gives_the_mean_of_its_map(dataset):
    net = network_of("cifar_resnet20", build("cifar_resnet20", 3), 32).eval()
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
