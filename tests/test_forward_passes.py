"""Many images through a network, on a processor and by the way a GPU takes."""

import io
import logging
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from rebalance.forward import accelerator, processor
from rebalance.forward.checking import check_images, packed_network
from rebalance.forward.memory import pages_kept
from rebalance.forward.packing import PackedConvolution
from rebalance.forward.passes import ForwardPass, ImageBatch, Passed, Picture, batched
from rebalance.forward.reading import Encoded
from rebalance.models.backbones import build
from rebalance.models.network import Network, network_of
from rebalance.models.transforms import CIFAR_TRANSFORM, Transform

PRECISIONS = ["fp32", "bf16"]


def network(arch: str = "cifar_resnet20") -> Network:
    torch.manual_seed(0)
    return network_of(arch, build(arch, classes=4), 32).eval()


def way(precision: str = "fp32", size: int = 4, net: Network | None = None) -> ForwardPass:
    layers = ["body", "pool"]
    return ForwardPass(net or network(), CIFAR_TRANSFORM, layers, size, "cpu", precision)


def pictures(count: int) -> list[tuple[bytes, Picture]]:
    return [(bytes([place]), image) for place, image in enumerate(check_images(count, 32))]


def joined(passes: Iterator[Passed]) -> tuple[list[bytes], dict[str, np.ndarray]]:
    found = list(passes)
    parts = {
        name: np.concatenate([each.features[name] for each in found]) for name in found[0].features
    }
    return [key for each in found for key in each.keys], parts


def on_processor(count: int, forward: ForwardPass, workers: int):
    batches = batched(pictures(count), forward.batch_size)
    return joined(processor.pass_batches(batches, forward, workers))


def by_device(images: list[tuple[bytes, Picture]], forward: ForwardPass):
    refused: dict[bytes, str] = {}
    batches = batched(images, forward.batch_size)
    passes = accelerator.pass_batches(batches, forward, refused.__setitem__)
    return *joined(passes), refused


def plain(count: int, forward: ForwardPass) -> dict[str, np.ndarray]:
    with torch.inference_mode():
        inputs = forward.transform.normalise(check_images(count, 32))
        found = forward.network.layers(inputs, forward.layers)
    return {name: values.numpy() for name, values in found.items()}


def off(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


def test_batches_are_consecutive_and_the_last_is_what_is_left():
    found = [batch.keys for batch in batched(pictures(7), 3)]
    assert found == [[b"\x00", b"\x01", b"\x02"], [b"\x03", b"\x04", b"\x05"], [b"\x06"]]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("count", [1, 4, 11])
def test_features_are_the_networks(precision, count):
    forward = way(precision)
    keys, found = on_processor(count, forward, 2)
    assert keys == [key for key, _ in pictures(count)]
    allowed = 1e-5 if precision == "fp32" else 2e-2
    for name, expected in plain(count, forward).items():
        assert found[name].dtype == np.float32
        assert found[name].shape == expected.shape
        assert off(found[name], expected) < allowed


@pytest.mark.parametrize("precision", PRECISIONS)
def test_any_number_of_workers_gives_the_same_bytes(precision):
    forward = way(precision)
    one = on_processor(30, forward, 1)
    for workers in (0, 2, 5):
        other = on_processor(30, forward, workers)
        assert one[0] == other[0]
        for name, values in one[1].items():
            assert values.tobytes() == other[1][name].tobytes()


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("arch", ["cifar_resnet20", "mobilenet_v2", "squeezenet1_1"])
def test_an_image_has_its_features_whatever_its_batch_holds_besides(arch, precision):
    """So that images found unreadable, which shift others, change nothing in a later run."""
    forward = way(precision, 8, network(arch))
    images = [image for _, image in pictures(9)]
    straight = on_processor(9, forward, 0)[1]["pool"]
    order = [5, 8, 0, 3, 1, 7, 2, 6, 4]
    shuffled = batched(((b"", images[place]) for place in order), 8)
    found = joined(processor.pass_batches(shuffled, forward, 0))[1]["pool"]
    assert np.array_equal(found, straight[order])


def test_threads_of_torch_are_given_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        passes = processor.pass_batches(batched(pictures(9), 4), way(), 1)
        next(passes)
        passes.close()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_pages_are_kept_more_than_once_and_arrays_still_fit():
    for _ in range(2):
        with pages_kept():
            assert np.ones(30_000_000, np.uint8).sum() == 30_000_000
    assert np.ones(80_000_000, np.uint8).sum() == 80_000_000


class Branching(nn.Module):
    """What torch.fx cannot trace."""

    def forward(self, features: Tensor) -> Tensor:
        return features if features.ndim == 4 and features.mean() < 1e9 else -features


class Unsteady(nn.Module):
    """Something else each time it is called."""

    def forward(self, features: Tensor) -> Tensor:
        return features + torch.rand_like(features)


def odd_network(module: nn.Module) -> Network:
    body = nn.Sequential(nn.Conv2d(3, 4, 3), module)
    return Network(body, None, nn.Sequential(nn.Flatten(), nn.Linear(3600, 2)), 32).eval()


def is_packed(net: Network) -> bool:
    return any(isinstance(module, PackedConvolution) for module in net.body.modules())


@pytest.mark.parametrize(
    ("module", "level", "why"),
    [
        (Branching(), logging.DEBUG, "the network as it is in fp32 (symbolically traced"),
        (Unsteady(), logging.INFO, "fused convolutions are off by"),
        (nn.ReLU(), logging.DEBUG, "1 fused convolutions in fp32"),
    ],
)
def test_the_log_says_which_network_runs(caplog, module, level, why):
    net = odd_network(module)
    with caplog.at_level(logging.DEBUG, "rebalance"):
        chosen = packed_network(net, CIFAR_TRANSFORM, 4, "fp32")
    (record,) = caplog.records
    assert record.levelno == level
    assert why in record.getMessage()
    assert is_packed(chosen) == isinstance(module, nn.ReLU)
    assert (chosen is net) != is_packed(chosen)


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_any_batch_size_can_be_checked(batch_size):
    assert is_packed(packed_network(network(), CIFAR_TRANSFORM, batch_size, "bf16"))


def test_a_network_that_is_not_traced_runs_all_the_same():
    forward = way(net=odd_network(Branching()))
    _, found = on_processor(9, forward, 2)
    for name, expected in plain(9, forward).items():
        assert off(found[name], expected) < 1e-5


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("count", [1, 4, 11])
def test_the_way_of_a_gpu_gives_the_same_features(precision, count):
    forward = way(precision)
    keys, found, refused = by_device(pictures(count), forward)
    assert keys == [key for key, _ in pictures(count)]
    assert refused == {}
    for name, expected in plain(count, forward).items():
        assert off(found[name], expected) < (1e-5 if precision == "fp32" else 2e-2)


def jpeg(image: Tensor) -> Encoded:
    file = io.BytesIO()
    Image.fromarray(image.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=95)
    return Encoded(torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8), 1)


def test_what_was_left_encoded_is_decoded_on_the_way():
    images = pictures(9)
    forward = replace(way(), transform=Transform(32, 32, (0.5,) * 3, (0.2,) * 3, "bilinear"))
    mixed = [(key, jpeg(image)) if key[0] % 3 else (key, image) for key, image in images]
    keys, found, refused = by_device(mixed, forward)
    _, straight, _ = by_device(images, forward)
    assert keys == [key for key, _ in images]
    assert refused == {}
    exact = [place for place in range(9) if place % 3 == 0]
    assert np.array_equal(found["pool"][exact], straight["pool"][exact])
    assert off(found["pool"], straight["pool"]) < 0.2  # JPEG's own loss


def test_what_no_decoder_takes_is_refused_and_the_others_are_kept():
    images = pictures(6)
    broken = Encoded(torch.zeros(50, dtype=torch.uint8), 1)
    mixed = [(key, jpeg(image)) for key, image in images]
    mixed[2] = (images[2][0], broken)
    keys, found, refused = by_device(mixed, way())
    assert keys == [key for key, _ in images if key != b"\x02"]
    assert refused == {b"\x02": "not an image (unknown format)"}
    assert len(found["pool"]) == 5


def test_a_whole_batch_may_be_refused():
    broken = Encoded(torch.zeros(50, dtype=torch.uint8), 1)
    refused: dict[bytes, str] = {}
    (passed,) = accelerator.pass_batches(
        [ImageBatch([b"a", b"b"], [broken, broken])], way(), refused.__setitem__
    )
    assert passed.keys == []
    assert {name: len(values) for name, values in passed.features.items()} == {"body": 0, "pool": 0}
    assert sorted(refused) == [b"a", b"b"]


def test_a_body_that_cannot_be_folded_runs_as_it_is(caplog):
    forward = way(net=odd_network(Branching()))
    with caplog.at_level(logging.DEBUG, "rebalance"):
        assert accelerator.prepared(forward).network is forward.network
    assert "without BatchNorms folded" in caplog.text


@pytest.mark.gpu
@pytest.mark.parametrize("precision", PRECISIONS)
def test_cuda_gives_the_same_features_and_takes_jpegs(precision, caplog):
    forward = replace(way(precision), device="cuda")
    images = [(key, jpeg(image)) if key[0] % 2 else (key, image) for key, image in pictures(21)]
    with caplog.at_level(logging.DEBUG, "rebalance"):
        keys, found, refused = by_device(images, forward)
    expected = by_device(images, way("fp32"))
    assert (keys, refused) == (expected[0], {})
    assert "with a CUDA graph" in caplog.text
    for name, values in found.items():
        assert off(values, expected[1][name]) < 5e-2
