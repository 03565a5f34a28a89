import pytest
import torch
from torch import nn

from rebalance.models.cifar import CIFAR_RESNETS, BasicBlock, CifarResNet


@pytest.mark.parametrize(
    ("name", "millions"),
    [("cifar_resnet20", 0.27), ("cifar_resnet32", 0.46), ("cifar_resnet56", 0.85)],
)
def test_parameters_are_as_many_as_he_et_al_count(name: str, millions: float) -> None:
    net = CIFAR_RESNETS[name](num_classes=10)
    assert sum(p.numel() for p in net.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)


@pytest.mark.parametrize("depth", [20, 32, 56])
def test_the_name_counts_the_layers_with_weights(depth: int) -> None:
    net = CIFAR_RESNETS[f"cifar_resnet{depth}"](num_classes=10)
    assert sum(isinstance(m, nn.Conv2d | nn.Linear) for m in net.modules()) == depth


def test_a_32_pixel_image_ends_as_64_maps_of_8_pixels() -> None:
    net = CifarResNet(20, num_classes=3).eval()
    seen = []
    net.layer3.register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 3)
    assert seen == [(2, 64, 8, 8)]


def test_a_shortcut_takes_every_second_pixel_and_adds_empty_channels() -> None:
    block = BasicBlock(16, 32, stride=2).eval()
    nn.init.zeros_(block.conv2.weight)  # nothing but the shortcut is left
    images = torch.rand(1, 16, 7, 7)
    out = block(images)
    assert torch.equal(out[:, :16], images[:, :, ::2, ::2])
    assert not out[:, 16:].any()


def test_the_signal_neither_dies_nor_explodes() -> None:
    torch.manual_seed(0)
    logits = CifarResNet(56, num_classes=10)(torch.randn(16, 3, 32, 32))
    assert 0.05 < logits.std() < 20


@pytest.mark.parametrize("depth", [2, 18, 21])
def test_other_depths_are_refused(depth: int) -> None:
    with pytest.raises(ValueError, match=r"6n \+ 2"):
        CifarResNet(depth, num_classes=10)
