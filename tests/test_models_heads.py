"""The cosine output layer, and networks that end with it."""

import math

import pytest
import torch
from torch import nn

from rebalance.errors import ExtractorError
from rebalance.models.building import fresh_network
from rebalance.models.cosine import CosineLinear
from rebalance.models.heads import (
    gives_cosines,
    has_fresh_output,
    output_width,
    weight_norms,
    with_cosine_output,
    with_fresh_output,
    with_pooled_head,
)
from rebalance.models.network import ConcatPool, Network, network_of


def own_head(arch: str) -> Network:
    from rebalance.models.backbones import build

    return network_of(arch, build(arch, 5), 32)


def test_logits_are_the_cosines_of_the_angles() -> None:
    torch.manual_seed(0)
    layer = CosineLinear(7, 3)
    features = torch.randn(4, 7) * 50
    found = layer(features).detach()
    for sample, row in zip(features, found, strict=True):
        for weight, cosine in zip(layer.weight.detach(), row, strict=True):
            lengths = math.sqrt(sum(sample**2)) * math.sqrt(sum(weight**2))
            assert cosine.item() == pytest.approx((sum(sample * weight) / lengths).item(), abs=1e-6)
    assert torch.allclose(layer.weight.norm(dim=1), torch.ones(3))
    assert [name for name, _ in layer.named_parameters()] == ["weight"]


def test_features_of_zero_have_finite_cosines_and_gradients() -> None:
    layer = CosineLinear(7, 3)
    features = torch.zeros(2, 7, requires_grad=True)
    layer(features).sum().backward()
    assert features.grad is not None
    assert features.grad.isfinite().all()


def test_cosines_are_exact_under_autocast() -> None:
    torch.manual_seed(0)
    layer, features = CosineLinear(64, 10), torch.randn(8, 64)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = layer(features)
        narrow = layer(features.bfloat16())
    assert found.dtype == narrow.dtype == torch.float32
    assert torch.equal(found, layer(features))


@pytest.mark.parametrize(
    "make", [lambda: fresh_network("cifar_resnet20", 5), lambda: own_head("cifar_resnet20")]
)
def test_only_the_last_layer_is_replaced(make) -> None:
    torch.manual_seed(0)
    network = make().eval()
    cosines = with_cosine_output(network).eval()
    assert (output_width(network), output_width(cosines)) == (5, 5)
    assert (gives_cosines(network), gives_cosines(cosines)) == (False, True)
    images = torch.randn(3, 3, 32, 32)
    assert cosines(images).abs().max() <= 1 + 1e-6
    assert torch.equal(
        network.layers(images, ["pool"])["pool"], cosines.layers(images, ["pool"])["pool"]
    )
    before = {name for name in network.state_dict() if not name.startswith("output")}
    assert before < cosines.state_dict().keys()
    assert network(images).shape == (3, 5)  # still whole


@pytest.mark.parametrize(
    "layer", [nn.Linear(6, 4), CosineLinear(6, 4), nn.Conv2d(6, 4, 1), nn.Conv2d(6, 4, 2)]
)
def test_a_class_is_weighed_by_its_row_of_the_last_layer(layer) -> None:
    output = nn.Sequential(nn.BatchNorm2d(6), layer, nn.ReLU())
    found = weight_norms(Network(nn.Identity(), None, output))
    rows = layer.weight.detach().double().reshape(4, -1)
    assert found == pytest.approx([math.sqrt(sum(x * x for x in row)) for row in rows.tolist()])


def test_a_network_without_a_linear_output_is_refused() -> None:
    network = Network(nn.Conv2d(3, 4, 3), None, nn.Sequential(ConcatPool(), nn.ReLU()))
    for function in (output_width, with_cosine_output):
        with pytest.raises(ExtractorError, match="ends with a linear layer, found ReLU"):
            function(network)


@pytest.mark.parametrize(
    ("make", "width"),
    [
        (lambda: fresh_network("cifar_resnet20", 5), 512),
        (lambda: own_head("cifar_resnet20"), 64),
        (lambda: with_cosine_output(fresh_network("cifar_resnet20", 5)), 512),
        (lambda: own_head("mobilenet_v3_small"), 1024),
        (lambda: own_head("squeezenet1_1"), 512),
        (lambda: with_pooled_head(own_head("cifar_resnet20"), 5), 128),
        (lambda: with_fresh_output(own_head("cifar_resnet20"), 5), 64),
    ],
)
def test_a_fresh_output_sees_what_the_last_layer_saw(make, width: int) -> None:
    torch.manual_seed(0)
    network = make().eval()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    headed = with_fresh_output(network, 7).eval()
    assert has_fresh_output(headed)
    assert headed.body is network.body and headed.hidden is network.hidden
    assert (output_width(headed), gives_cosines(headed)) == (7, False)
    assert headed.image_size == network.image_size
    own = [value for name, value in headed.named_parameters() if name.startswith("output.fresh")]
    assert sum(value.numel() for value in own) == 7 * (width + 1)
    images = torch.randn(3, 3, 64, 64)
    embedding = network.layers(images, ["embedding"])["embedding"]
    torch.testing.assert_close(headed(images), headed.last(embedding))
    after = network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


def test_the_head_of_a_resnet_for_cifar_has_less_than_a_thousand_parameters() -> None:
    headed = with_fresh_output(own_head("cifar_resnet32"), 10)
    assert sum(value.numel() for value in headed.last.parameters()) == 650


def test_a_body_that_gives_vectors_takes_a_fresh_output() -> None:
    body = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())  # as a transformer's class token
    headed = with_fresh_output(Network(body, None, nn.Sequential(nn.Linear(12, 5)), 32), 3)
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(headed(images), headed.last(body(images)))
