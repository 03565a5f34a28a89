import pytest
import torch
from torch import Tensor, fx, nn

from rebalance.forward.packing import ACTIVATIONS, PackedConvolution, pack
from rebalance.forward.tracing import trace_body
from rebalance.models.backbones import build
from rebalance.models.network import network_of

ARCHITECTURES = (
    "cifar_resnet20",
    "cifar_wrn16_4",
    "densenet121",
    "efficientnet_b0",
    "efficientnet_lite0",
    "googlenet",
    "mobilenet_v2",
    "mobilenet_v3_small",
    "regnet_y_400mf",
    "resnet18",
    "shufflenet_v2_x0_5",
    "squeezenet1_1",
)


def lively(body: nn.Module) -> nn.Module:
    """The same with BatchNorms that have seen something: fresh ones fold into nearly nothing."""
    rng = torch.Generator().manual_seed(1)
    for module in body.modules():
        if isinstance(module, nn.BatchNorm2d):
            for values, low, high in (
                (module.weight, 0.5, 1.5),
                (module.bias, -0.5, 0.5),
                (module.running_mean, -0.5, 0.5),
                (module.running_var, 0.5, 2.0),
            ):
                with torch.no_grad():
                    values.uniform_(low, high, generator=rng)
    return body.eval()


def packed(body: nn.Module, images: Tensor, dtype: torch.dtype = torch.float32) -> fx.GraphModule:
    return pack(trace_body(body), images[:1], len(images), dtype)


def left(graph: fx.GraphModule) -> list[str]:
    """What is done outside packed convolutions."""
    modules = dict(graph.named_modules())
    done = [node for node in graph.graph.nodes if node.op not in ("placeholder", "output")]
    is_packed = [isinstance(modules.get(str(node.target)), PackedConvolution) for node in done]
    return [str(node.target) for node, skip in zip(done, is_packed, strict=True) if not skip]


def off(found: Tensor, expected: Tensor) -> float:
    return float((found.float() - expected).norm() / expected.norm())


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_packed_bodies_give_what_the_plain_ones_do(arch: str) -> None:
    torch.manual_seed(0)
    size = 32 if arch.startswith("cifar_") else 64
    body = lively(network_of(arch, build(arch, classes=3), size).body)
    images = torch.randn(3, 3, size, size)
    with torch.inference_mode():
        exact = body(images)
        assert off(packed(body, images)(images), exact) < 1e-5
        with torch.autocast("cpu", torch.bfloat16):
            rounded = packed(body, images, torch.bfloat16)(images)
            assert off(rounded, exact) < 1.5 * off(body(images), exact)
        assert torch.equal(body(images), exact)  # packing left the network as it was


def test_nothing_of_a_residual_network_is_left_but_its_pooling() -> None:
    body = network_of("resnet18", build("resnet18", 3), 64).body.eval()
    assert left(packed(body, torch.randn(2, 3, 64, 64))) == ["maxpool"]


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_activations_are_absorbed(kind: type[nn.Module]) -> None:
    body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), kind()).eval()
    images = 4 * torch.randn(2, 3, 9, 9)
    graph = packed(body, images)
    assert left(graph) == []
    with torch.inference_mode():
        torch.testing.assert_close(graph(images), body(images), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [nn.GELU(approximate="tanh"), nn.Hardtanh(-2, 3)])
def test_activations_bring_their_numbers(kind: nn.Module) -> None:
    body = nn.Sequential(nn.Conv2d(3, 8, 1), kind).eval()
    images = 9 * torch.randn(2, 3, 9, 9)
    with torch.inference_mode():
        found = packed(body, images)(images)
        torch.testing.assert_close(found, body(images), rtol=1e-4, atol=1e-5)


class Join(nn.Module):
    """Two convolutions joined in one of many ways."""

    def __init__(self, how: str) -> None:
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(3, 6, 1)
        self.small = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 6, 1))
        self.swish = nn.SiLU()
        self.how = how

    def forward(self, images: Tensor) -> Tensor:
        one, two = self.one(images), self.two(images)
        if self.how == "sum":
            return one + two
        if self.how == "rectified in place":
            one += two
            return one.relu_()
        if self.how == "other side":
            return torch.relu(torch.add(two.sigmoid(), one))
        if self.how == "another activation":
            return self.swish(one + two)
        if self.how == "broadcast":
            return one + self.small(images)
        if self.how == "scaled":
            return torch.add(one, two, alpha=2)
        if self.how == "constant":
            return one + 1
        if self.how == "used twice":
            return torch.relu(one) + one
        return one + one  # "doubled"


WAYS = {
    "sum": 0,
    "rectified in place": 0,
    "other side": 1,
    "another activation": 1,
    "broadcast": 2,
    "scaled": 1,
    "constant": 1,
    "used twice": 2,
    "doubled": 1,
}


@pytest.mark.parametrize("how", WAYS)
def test_additions_are_absorbed_where_that_changes_nothing(how: str) -> None:
    torch.manual_seed(0)
    body, images = Join(how).eval(), torch.randn(2, 3, 8, 8)
    graph = packed(body, images)
    assert len(left(graph)) == WAYS[how], left(graph)
    with torch.inference_mode():
        torch.testing.assert_close(graph(images), body(images), rtol=1e-5, atol=1e-5)


class Twice(nn.Module):
    """The same convolution for two sizes, with its own BatchNorm each time."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.first, self.second = nn.BatchNorm2d(4), nn.BatchNorm2d(4)
        self.pool, self.drop = nn.MaxPool2d(2), nn.Dropout(0.5)

    def forward(self, features: Tensor) -> Tensor:
        features = self.pool(torch.relu(self.first(self.conv(features))))
        return self.second(self.conv(self.drop(features)))


def test_a_module_called_twice_is_folded_and_packed_for_each_call() -> None:
    torch.manual_seed(0)
    body, images = lively(Twice()), torch.randn(2, 4, 8, 8)
    graph = packed(body, images)
    assert left(graph) == ["pool"]
    with torch.inference_mode():
        torch.testing.assert_close(graph(images), body(images), rtol=1e-5, atol=1e-5)


def test_padding_that_is_not_zeros_is_left_alone() -> None:
    body = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"), nn.ReLU()).eval()
    images = torch.randn(2, 3, 8, 8)
    graph = packed(body, images)
    assert len(left(graph)) == 2
    with torch.inference_mode():
        assert torch.equal(graph(images), body(images))


def test_padding_by_name_is_left_alone() -> None:
    body = nn.Sequential(nn.Conv2d(3, 4, 3, padding="same")).eval()
    images = torch.randn(2, 3, 8, 8)
    with torch.inference_mode():
        assert torch.equal(packed(body, images)(images), body(images))


class Normalised(nn.Module):
    """A BatchNorm as other libraries write it: the function, behind a look at the shape."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width)

    def forward(self, features: Tensor) -> Tensor:
        torch._assert(features.ndim == 4, "expected a map")
        norm = self.norm
        mean, variance = norm.running_mean, norm.running_var
        return nn.functional.batch_norm(
            features, mean, variance, norm.weight, norm.bias, self.training, 0.1, norm.eps
        )


class Remembering(nn.Module):
    """A layer that keeps what it computed of its weights until training begins."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(8, 1, 1))
        self.kept: Tensor | None = None

    def train(self, mode: bool = True) -> "Remembering":
        if mode:
            self.kept = None
        return super().train(mode)

    def forward(self, features: Tensor) -> Tensor:
        if self.kept is None:
            self.kept = self.weight.exp()
        return features + self.kept


@pytest.mark.parametrize("bias", [True, False])
def test_what_other_libraries_do_is_folded_and_forgotten(bias: bool) -> None:
    convolution = nn.Conv2d(3, 8, 3, bias=bias)
    body = lively(nn.Sequential(convolution, Normalised(8), nn.ReLU(), Remembering()))
    images = torch.randn(2, 3, 9, 9)
    graph = packed(body, images)
    assert left(graph) == ["3.weight", "exp", "<built-in function add>"]
    assert not any(node.target is nn.functional.batch_norm for node in graph.graph.nodes)
    with torch.inference_mode():
        torch.testing.assert_close(graph(images), body(images), rtol=1e-4, atol=1e-5)
    assert convolution.bias is None or bias
