import pytest
import torch
from torch import Tensor, nn

from rebalance.errors import ExtractorError
from rebalance.models.backbones import build
from rebalance.models.building import fresh_network
from rebalance.models.heads import with_cosine_output, with_pooled_head
from rebalance.models.network import (
    ConcatPool,
    Network,
    concat_pool,
    layer_widths,
    network_of,
    with_new_head,
)


def own(arch: str, size: int = 224) -> Network:
    torch.manual_seed(0)
    return network_of(arch, build(arch, classes=4), size).eval()


def slow_pool(features: Tensor) -> Tensor:
    rows = []
    for image in features:
        channels = [channel.flatten().tolist() for channel in image]
        rows.append([max(c) for c in channels] + [sum(c) / len(c) for c in channels])
    return torch.tensor(rows)


def test_concat_pool_is_maximum_then_mean() -> None:
    features = torch.randn(3, 5, 4, 2)
    torch.testing.assert_close(concat_pool(features), slow_pool(features))
    torch.testing.assert_close(ConcatPool()(features), slow_pool(features))


def test_concat_pool_averages_half_precision_in_float32() -> None:
    features = torch.rand(2, 3, 16, 16).bfloat16()
    pooled = concat_pool(features)
    assert pooled.dtype == torch.float32
    torch.testing.assert_close(pooled, slow_pool(features), rtol=1e-6, atol=1e-6)


def test_concat_pool_passes_vectors_on() -> None:
    vectors = torch.randn(2, 7)
    assert torch.equal(concat_pool(vectors), vectors)


def test_layers_are_what_the_net_computes_on_its_way() -> None:
    net = build("mobilenet_v3_small", classes=4).eval()
    network = network_of("mobilenet_v3_small", net, 224).eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        found = network.layers(images, ["linear", "body", "pool"])
        features = net.features(images)
        hidden = net.classifier[1](net.classifier[0](net.avgpool(features).flatten(1)))
    assert list(found) == ["body", "pool", "linear"]
    assert torch.equal(found["body"], features.flatten(1))
    assert torch.equal(found["pool"], concat_pool(features))
    assert torch.equal(found["linear"], hidden)
    torch.testing.assert_close(network(images), net(images), rtol=0, atol=0)


def test_layers_pass_the_body_once() -> None:
    network = own("mobilenet_v3_small")
    passes = []
    network.body.register_forward_hook(lambda module, inputs, output: passes.append(1))
    network.layers(torch.randn(1, 3, 32, 32), network.available)
    assert len(passes) == 1


def test_only_the_wanted_layers_come_back() -> None:
    assert set(own("squeezenet1_1").layers(torch.randn(1, 3, 32, 32), {"pool"})) == {"pool"}


def test_the_body_is_flattened_in_the_same_order_whatever_the_memory_format() -> None:
    network, images = own("cifar_resnet20"), torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        plain = network.layers(images, ["body"])["body"]
        last = images.contiguous(memory_format=torch.channels_last)
        moved = network.to(memory_format=torch.channels_last).layers(last, ["body"])["body"]
    torch.testing.assert_close(plain, moved, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("arch", "size", "linear"),
    [("alexnet", 64, 4096), ("mobilenet_v3_small", 32, 1024), ("maxvit_t", 224, 512)],
)
def test_nets_with_a_linear_layer_before_the_output(arch: str, size: int, linear: int) -> None:
    network = own(arch)
    assert network.available == ("body", "pool", "linear", "embedding")
    assert layer_widths(network, size)["linear"] == linear


EMBEDDINGS = {
    "a ResNet for CIFAR": (lambda: own("cifar_resnet20"), 64),
    "of cosines": (lambda: with_cosine_output(own("cifar_resnet20")), 64),
    "the paper's head": (lambda: fresh_network("cifar_resnet20", 4), 512),
    "two linear layers": (lambda: own("mobilenet_v3_small"), 1024),
    "an early fresh head": (lambda: with_pooled_head(own("cifar_resnet20"), 4), 128),
}


@pytest.mark.parametrize("name", EMBEDDINGS)
def test_the_embedding_is_what_the_last_linear_layer_is_given(name: str) -> None:
    make, width = EMBEDDINGS[name]
    network, images = make().eval(), torch.randn(3, 3, 32, 32)
    given: list[Tensor] = []
    network.last.register_forward_pre_hook(lambda module, inputs: given.append(inputs[0]))
    with torch.inference_mode():
        logits = network(images)
        found = network.layers(images, ["embedding"])["embedding"]
        again, embedding = network.answer(images)
    assert found.shape == (3, width)
    assert torch.equal(found, given[0]) and torch.equal(embedding, given[0])
    assert torch.equal(again, logits)


def test_the_embedding_of_a_net_that_ends_with_a_convolution_is_the_mean_of_its_map() -> None:
    network, images = own("squeezenet1_1"), torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        logits, embedding = network.answer(images)
        assert torch.equal(logits, network(images))
        torch.testing.assert_close(embedding, network.body(images).mean((2, 3)))


def test_a_layer_that_is_not_there_is_refused() -> None:
    network = own("squeezenet1_1")
    assert network.available == ("body", "pool", "embedding")
    with pytest.raises(ExtractorError, match=r"no layer linear; pass --layer body\|pool"):
        network.layers(torch.randn(1, 3, 32, 32), ["pool", "linear"])


def test_a_vision_transformer_gives_its_class_token() -> None:
    net = build("vit_b_32", classes=4).eval()
    network = network_of("vit_b_32", net, 224)
    images = torch.randn(2, 3, 224, 224)
    seen: list[Tensor] = []
    net.encoder.ln.register_forward_hook(lambda module, inputs, output: seen.append(output))
    with torch.inference_mode():
        net(images)
        token, embedding = network.layers(images, ["pool", "embedding"]).values()
    assert network.available == ("pool", "embedding")
    assert torch.equal(token, seen[0][:, 0]) and torch.equal(embedding, token)
    with pytest.raises(ExtractorError, match="no layer body"):
        network.layers(images, ["body"])


def test_a_fresh_network_has_the_papers_head() -> None:
    network = fresh_network("cifar_resnet20", classes=6)
    head = [*network.hidden.children(), *network.output.children()]
    names = [type(module).__name__ for module in head]
    assert names == [
        *("ConcatPool", "BatchNorm1d", "Dropout", "Linear", "ReLU"),
        *("BatchNorm1d", "Dropout", "Linear"),
    ]
    assert [module.p for module in head if isinstance(module, nn.Dropout)] == [0.25, 0.5]
    assert isinstance(network.hidden[-1], nn.ReLU)
    widths = {"body": 64 * 8 * 8, "pool": 128, "linear": 512, "embedding": 512}
    assert layer_widths(network, 32) == widths
    assert network(torch.randn(2, 3, 32, 32)).shape == (2, 6)


def test_a_fresh_network_follows_torchs_seed() -> None:
    torch.manual_seed(3)
    first = fresh_network("cifar_resnet20", classes=2).state_dict()
    torch.manual_seed(3)
    second = fresh_network("cifar_resnet20", classes=2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_a_new_head_keeps_the_body() -> None:
    network = own("mobilenet_v2")
    images = torch.randn(2, 3, 32, 32)
    before = network.layers(images, ["pool"])["pool"]
    renewed = with_new_head(network, classes=3).eval()
    assert renewed.body is network.body
    assert torch.equal(renewed.layers(images, ["pool"])["pool"], before)
    assert renewed(images).shape == (2, 3)
    assert with_new_head(renewed, classes=5).eval()(images).shape == (2, 5)


def test_widths_are_found_without_a_trace() -> None:
    network = fresh_network("cifar_resnet20", classes=2).train()
    network.body.layer1.eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    layer_widths(network, 32)
    assert modes == [module.training for module in network.modules()]
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())


@pytest.mark.parametrize(("arch", "size"), [("vit_b_32", 64), ("alexnet", 32), ("maxvit_t", 64)])
def test_a_size_that_the_network_cannot_take_is_refused(arch: str, size: int) -> None:
    with pytest.raises(ExtractorError, match=f"images of {size} pixels; pass --image-size 224"):
        layer_widths(own(arch), size)
