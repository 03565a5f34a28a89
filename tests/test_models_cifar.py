import pytest
import torch
import torchvision
from torch import Tensor, nn
from torch.nn.functional import batch_norm, conv2d, relu

from rebalance.models.backbones import build
from rebalance.models.cifar import CIFAR_NETWORKS, BasicBlock, CifarResNet
from rebalance.models.wide_resnet import WideResNet

# In millions, to as many digits as the papers and those who reproduced them count.
PARAMETERS = {
    "cifar_resnet20": "0.27",
    "cifar_resnet32": "0.46",
    "cifar_resnet56": "0.85",
    "cifar_resnet18": "11.17",
    "cifar_resnet34": "21.28",
    "cifar_resnet50": "23.52",
    "cifar_wrn16_4": "2.7",
    "cifar_wrn16_8": "11.0",
    "cifar_wrn28_2": "1.5",
    "cifar_wrn28_10": "36.5",
    "cifar_wrn40_2": "2.2",
    "cifar_wrn40_4": "8.9",
}


def test_parameters_are_as_many_as_the_papers_count() -> None:
    with torch.device("meta"):
        nets = {name: build(name, classes=10) for name in CIFAR_NETWORKS}
    digits = {name: len(told.partition(".")[2]) for name, told in PARAMETERS.items()}
    millions = {name: sum(p.numel() for p in net.parameters()) / 1e6 for name, net in nets.items()}
    assert {name: f"{n:.{digits[name]}f}" for name, n in millions.items()} == PARAMETERS


@pytest.mark.parametrize("depth", [20, 32, 56])
def test_the_name_counts_the_layers_with_weights(depth: int) -> None:
    net = CIFAR_NETWORKS[f"cifar_resnet{depth}"](num_classes=10)
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


def test_but_for_the_stem_it_is_torchvisions_resnet() -> None:
    torch.manual_seed(0)
    net = CIFAR_NETWORKS["cifar_resnet18"](num_classes=3).eval()
    theirs = torchvision.models.resnet18(num_classes=3).eval()
    stem = net.conv1.weight
    weights = {**net.state_dict(), "conv1.weight": theirs.conv1.weight}  # which is not used
    theirs.load_state_dict(weights)
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        features = theirs.relu(theirs.bn1(conv2d(images, stem, padding=1)))
        assert features.shape == (1, 64, 32, 32)
        for stage in (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4):
            features = stage(features)
        assert features.shape[2:] == (4, 4)
        expected = theirs.fc(features.mean((2, 3)))
        torch.testing.assert_close(net(images), expected, rtol=1e-4, atol=1e-4)


def test_the_stem_starts_as_the_other_convolutions_do() -> None:
    torch.manual_seed(0)
    weight = CIFAR_NETWORKS["cifar_resnet18"](num_classes=2).conv1.weight
    assert weight.std().item() == pytest.approx((2 / (64 * 9)) ** 0.5, rel=0.05)


def wide_logits(images: Tensor, weights: dict[str, Tensor], blocks: int) -> Tensor:
    """A WideResNet in evaluation mode, as a sequence of formulas."""

    def activated(features: Tensor, name: str) -> Tensor:
        stored = (weights[f"{name}.{part}"] for part in ("running_mean", "running_var"))
        learned = (weights[f"{name}.{part}"] for part in ("weight", "bias"))
        return relu(batch_norm(features, *stored, *learned))

    features = conv2d(images, weights["conv1.weight"], padding=1)
    for group in (1, 2, 3):
        for number in range(blocks):
            block = f"layer{group}.{number}"
            stride = 2 if group > 1 and number == 0 else 1
            first = activated(features, f"{block}.bn1")
            inner = conv2d(first, weights[f"{block}.conv1.weight"], stride=stride, padding=1)
            inner = activated(inner, f"{block}.bn2")
            inner = conv2d(inner, weights[f"{block}.conv2.weight"], padding=1)
            shortcut = weights.get(f"{block}.shortcut.weight")
            features = inner + (
                features if shortcut is None else conv2d(first, shortcut, stride=stride)
            )
    pooled = activated(features, "bn1").mean((2, 3))
    return pooled @ weights["fc.weight"].T + weights["fc.bias"]


@pytest.mark.parametrize("width", [1, 2])
def test_a_wide_network_is_what_its_authors_write_down(width: int) -> None:
    torch.manual_seed(0)
    net = WideResNet(16, width, num_classes=3).double()
    images = torch.randn(3, 3, 32, 32, dtype=torch.float64)
    net(images)  # a step of training, so that no BatchNorm is as it began
    net.eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.bias)
    with torch.no_grad():
        found, expected = net(images), wide_logits(images, net.state_dict(), blocks=2)
    torch.testing.assert_close(found, expected)
    # Of the groups, the first changes the number of channels only where it is wider than the stem.
    shortcuts = sum(key.endswith("shortcut.weight") for key in net.state_dict())
    assert shortcuts == (2 if width == 1 else 3)


def test_the_depth_of_a_wide_network_counts_its_convolutions() -> None:
    with torch.device("meta"):
        net = WideResNet(28, 10, num_classes=10)
    assert sum(isinstance(module, nn.Conv2d) for module in net.modules()) == 28
    assert net.layer3[0].bn2.num_features == 640


@pytest.mark.parametrize(("depth", "width"), [(4, 1), (18, 1), (28, 0)])
def test_other_wide_networks_are_refused(depth: int, width: int) -> None:
    with pytest.raises(ValueError, match=rf"6n \+ 4.*got {depth} and {width}"):
        WideResNet(depth, width, num_classes=10)
