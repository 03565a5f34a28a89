from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import torchvision
from torch import nn

from rebalance.errors import ExtractorError
from rebalance.models.backbones import (
    FAMILIES,
    OWN_NETWORKS,
    architectures,
    build,
    divide,
    find_family,
)
from rebalance.models.state_dicts import without_auxiliary

# A small member of each family, and the side of an image that it takes.
MEMBERS = {
    "alexnet": 64,
    "cifar_resnet18": 32,
    "cifar_resnet20": 32,
    "cifar_wrn16_4": 32,
    "convnext_tiny": 32,
    "densenet121": 32,
    "efficientnet_b0": 32,
    "efficientnet_lite0": 32,
    "googlenet": 64,
    "inception_v3": 75,
    "maxvit_t": 224,
    "mnasnet0_5": 32,
    "mobilenet_v2": 32,
    "mobilenet_v3_small": 32,
    "regnet_x_400mf": 32,
    "regnet_y_400mf": 32,
    "resnet18": 32,
    "resnext50_32x4d": 32,
    "shufflenet_v2_x0_5": 32,
    "squeezenet1_1": 32,
    "swin_t": 32,
    "swin_v2_t": 32,
    "vgg11": 32,
    "vit_b_32": 224,
    "wide_resnet50_2": 32,
}


@pytest.fixture(params=MEMBERS)
def member(request: pytest.FixtureRequest) -> Iterator[tuple[str, nn.Module, int]]:
    torch.manual_seed(0)
    net = build(request.param, classes=3)
    if request.param == "googlenet":  # its weights start so small that no image shows in the end
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
    last = [module for module in net.modules() if isinstance(module, nn.Linear | nn.Conv2d)][-1]
    nn.init.normal_(last.weight)  # torchvision starts some at zero, and then anything agrees
    yield request.param, net.eval(), MEMBERS[request.param]


def test_body_and_tail_together_are_the_net(member: tuple[str, nn.Module, int]) -> None:
    arch, net, size = member
    images = torch.randn(2, 3, size, size)
    body, tail = divide(arch, net)
    with torch.no_grad():
        features = body(images)
        logits = tail(features)
        expected = net(images)
    assert features.ndim == (2 if arch.startswith("vit") else 4)
    assert not torch.equal(expected[0], expected[1])
    assert torch.equal(logits, expected)
    # The parts share the network's parameters, and between them they have all of them.
    parts = {id(p) for p in [*body.parameters(), *tail.parameters()]}
    assert parts == {id(p) for p in net.parameters()}


def test_every_family_has_a_member_above() -> None:
    tested = [find_family(name) for name in MEMBERS]
    assert [start for start, family in FAMILIES.items() if family not in tested] == []


def test_every_architecture_belongs_to_one_family() -> None:
    for arch in architectures():
        assert sum(arch.startswith(start) for start in FAMILIES) == 1, arch


def test_architectures_are_torchvisions_and_our_own() -> None:
    theirs = torchvision.models.list_models(module=torchvision.models)
    assert set(architectures()) == {*theirs, *OWN_NETWORKS}
    assert architectures() == sorted(architectures())


@pytest.mark.parametrize(
    ("name", "close"),
    [("resnet-50", "resnet50"), ("mobilenetv2", "mobilenet_v2"), ("", "resnet50")],
)
def test_an_unknown_name_is_answered_with_close_ones(name: str, close: str) -> None:
    with pytest.raises(ExtractorError, match=f"unknown architecture.*{close}"):
        find_family(name)
    with pytest.raises(ExtractorError, match="unknown architecture"):
        build(name, classes=2)


def test_a_vision_transformer_takes_the_size_of_its_published_weights() -> None:
    weights = torchvision.models.get_model_weights("vit_h_14").DEFAULT
    with torch.device("meta"):  # 632 million parameters
        net = build("vit_h_14", classes=2)
    assert net.image_size == weights.transforms().crop_size[0] == 518


@pytest.mark.parametrize("arch", ["googlenet", "inception_v3"])
def test_auxiliary_heads_are_off_and_the_input_is_rescaled(arch: str) -> None:
    with torch.device("meta"):
        net = build(arch, classes=1000)
        published = torchvision.models.get_model(arch, weights=None, init_weights=False)
    assert net.transform_input  # as torchvision has it with its weights
    state = published.state_dict()
    assert state.keys() > net.state_dict().keys()
    assert (
        without_auxiliary(state, find_family(arch), Path("a.pth")).keys() == net.state_dict().keys()
    )
