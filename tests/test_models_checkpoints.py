import json
import logging
import re
import urllib.request
from pathlib import Path

import pytest
import torch
import torchvision
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from rebalance.errors import ExtractorError, OutputError
from rebalance.features.extractors import EXTRACTOR
from rebalance.features.finetuned import INIT
from rebalance.models.backbones import build
from rebalance.models.building import fresh_network
from rebalance.models.checkpoints import (
    is_ours,
    load_imagenet,
    load_network,
    load_state_dict_file,
    save_network,
)
from rebalance.models.heads import (
    has_fresh_output,
    has_pooled_head,
    with_cosine_output,
    with_fresh_output,
    with_pooled_head,
)
from rebalance.models.network import Network, network_of, with_new_head
from rebalance.models.pretrained import Wording, find_pretrained
from rebalance.models.transforms import (
    CIFAR_TRANSFORM,
    plain_transform,
    torchvision_transform,
    with_image_size,
)
from rebalance.progress import silent
from rebalance.training.initial_network import WEIGHTS

CLASSES = ("cat", 'dog, "big"', "bœuf 🐂")


@pytest.fixture
def torch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where torchvision keeps its downloads; from here nothing can be downloaded."""
    home = tmp_path / "torch"
    monkeypatch.setenv("TORCH_HOME", str(home))
    for scheme in ("http", "https"):
        monkeypatch.setenv(f"{scheme}_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies
    return home


def published(arch: str, home: Path) -> Path:
    """The file that torchvision keeps ``arch``'s weights in."""
    url = torchvision.models.get_model_weights(arch).DEFAULT.url
    path = home / "hub" / "checkpoints" / url.rpartition("/")[2]
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.parametrize(
    ("option", "flag", "others"),
    [
        (EXTRACTOR, "--extractor", {"--features"}),
        (INIT, "--init", set()),
        (WEIGHTS, "--weights", set()),
    ],
)
def test_without_a_network_the_error_names_the_other_ways(
    torch_home: Path,
    capsys: pytest.CaptureFixture[str],
    option: Wording,
    flag: str,
    others: set[str],
) -> None:
    with pytest.raises(ExtractorError) as caught:
        find_pretrained("imagenet", "squeezenet1_1", option).load(silent)
    message = str(caught.value)
    assert "ImageNet weights of squeezenet1_1" in message
    assert set(re.findall(r"--[a-z]+", message)) == {flag} | others, "only what this command has"
    assert f"pass {flag} lite0" in message
    assert f"downloaded checkpoint as {flag} PATH" in message
    assert "\n" not in message
    assert capsys.readouterr().out == ""


def test_weights_that_torchvision_keeps_are_used(torch_home: Path) -> None:
    net = build("squeezenet1_1", classes=1000).eval()
    torch.save(net.state_dict(), published("squeezenet1_1", torch_home))
    network, transform = load_imagenet("squeezenet1_1")
    images = torch.randn(2, 3, 64, 64)
    assert not network.training
    assert torch.equal(network(images), net(images))
    assert transform == torchvision_transform("squeezenet1_1")


def test_what_torchvision_publishes_may_hold_auxiliary_heads(
    torch_home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.manual_seed(0)
    net = torchvision.models.googlenet(transform_input=True, init_weights=False).eval()
    path = published("googlenet", torch_home)
    torch.save(net.state_dict(), path)
    images = torch.randn(2, 3, 64, 64)
    caplog.set_level(logging.INFO, "rebalance")
    with torch.inference_mode():
        expected = net(images)
        for network, transform in (
            load_imagenet("googlenet"),
            load_state_dict_file("googlenet", path),
        ):
            assert torch.equal(network(images), expected)
            assert network.available == ("body", "pool", "embedding")
            assert network.image_size == transform.crop == 224
    assert caplog.messages == [f"{path} holds auxiliary heads, which are not used"]


@pytest.mark.parametrize("content", [b"", b"<html>please log in</html>"])
def test_a_broken_download_is_one_line(torch_home: Path, content: bytes) -> None:
    published("squeezenet1_1", torch_home).write_bytes(content)
    with pytest.raises(ExtractorError, match=r"\Acannot get torchvision's .*\Z"):
        load_imagenet("squeezenet1_1")


def test_nobody_publishes_cifar_networks_for_imagenet() -> None:
    with pytest.raises(
        ExtractorError, match=r"no ImageNet weights of \S+; pass another --arch, or pass --w"
    ):
        find_pretrained("imagenet", "cifar_resnet20", WEIGHTS).load(silent)
    with pytest.raises(ExtractorError, match="unknown architecture"):
        load_imagenet("resnet")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_state_dict_for_other_classes_is_loaded(suffix: str, tmp_path: Path) -> None:
    net = build("mobilenet_v3_small", classes=3).eval()
    path = tmp_path / f"weights{suffix}"
    save = save_file if suffix == ".safetensors" else torch.save
    save(net.state_dict(), path)
    network, transform = load_state_dict_file("mobilenet_v3_small", path)
    images = torch.randn(2, 3, 64, 64)
    assert not network.training
    assert torch.equal(network(images), net(images))
    assert transform == plain_transform("mobilenet_v3_small")


REAL = {
    "mobilenet_v2": ("mobilenet_v2-int8dequant.pth", 2560),
    "squeezenet1_1": ("squeezenet1_1-fp16rounded.pth", 1024),
}


@pytest.mark.parametrize("arch", REAL)
def test_real_weights_know_a_cardboard_box(arch: str, shared: Path) -> None:
    file, width = REAL[arch]
    network, transform = load_state_dict_file(arch, shared / "weights" / file)
    photographs = sorted((shared / "data/trashnet/images/cardboard").glob("*.jpg"))[::40]
    pixels = [transform.image(Image.open(path).convert("RGB")) for path in photographs]
    inputs = transform.normalise(torch.stack(pixels))
    with torch.inference_mode():
        best = network(inputs).topk(5).indices
        pooled = network.layers(inputs, ["pool"])["pool"]
    names = torchvision.models.get_model_weights(arch).DEFAULT.meta["categories"]
    boxes = {"carton", "envelope", "packet", "crate", "mailbag", "binder", "chest"}
    known = [not boxes.isdisjoint(names[place] for place in row) for row in best]
    assert sum(known) / len(known) > 0.5  # by chance it would be .035
    assert pooled.shape == (len(photographs), width)
    assert pooled.isfinite().all()


def test_real_weights_of_another_architecture_are_refused(shared: Path) -> None:
    path = shared / "weights" / "squeezenet1_1-fp16rounded.pth"
    with pytest.raises(ExtractorError, match=r"does not fit mobilenet_v2.*--arch squeezenet1_1"):
        load_state_dict_file("mobilenet_v2", path)


def saved(path: Path, network: Network | None = None, arch: str = "cifar_resnet20") -> Network:
    torch.manual_seed(1)
    network = network or fresh_network(arch, len(CLASSES))
    transform = with_image_size(CIFAR_TRANSFORM, 40)
    extra = {"note": "ä", "seed": "7"}
    save_network(path, network, arch=arch, classes=CLASSES, transform=transform, extra=extra)
    return network.eval()


def test_a_network_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "f0.safetensors"
    network = saved(path)
    assert is_ours(path)
    loaded, classes, transform, metadata = load_network(path)
    images = torch.randn(2, 3, 40, 40)
    assert not loaded.training
    assert torch.equal(loaded(images), network(images))
    for layer in network.available:
        assert torch.equal(
            loaded.layers(images, [layer])[layer], network.layers(images, [layer])[layer]
        )
    assert classes == CLASSES
    assert transform.crop == 40
    assert metadata == {"arch": "cifar_resnet20", "note": "ä", "seed": "7"}


def test_a_network_with_its_own_head_survives_too(tmp_path: Path) -> None:
    arch = "mobilenet_v3_small"
    network = network_of(arch, build(arch, len(CLASSES)), 224)
    saved(tmp_path / "own", network, arch)
    saved(tmp_path / "new", with_new_head(network, len(CLASSES)), arch)
    images = torch.randn(2, 3, 64, 64)
    assert torch.equal(load_network(tmp_path / "own").network(images), network(images))
    assert (
        load_network(tmp_path / "new").network.layers(images, ["linear"])["linear"].shape[1] == 512
    )


def test_the_same_network_gives_the_same_bytes(tmp_path: Path) -> None:
    network = saved(tmp_path / "a")
    saved(tmp_path / "b", network.to(memory_format=torch.channels_last))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_writing_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "f0"
    path.write_text("older")
    saved(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["f0"]
    with pytest.raises(OutputError, match="cannot write"):
        saved(tmp_path / "nowhere" / "f0")


def tampered(path: Path, **changes: object) -> Path:
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        described = json.loads(file.metadata()["rebalance"])
    if changes:  # as an early version wrote it
        del described["checksum"]
    save_file(tensors, path, {"rebalance": json.dumps({**described, **changes})})
    return path


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "has format 2, and 1 is needed"),
        ({"version": None}, "has format None"),
        ({"arch": "resnet51"}, "unknown architecture"),
        ({"arch": "cifar_resnet32"}, "does not fit cifar_resnet32"),
        ({"classes": ["a"]}, "does not fit"),
        ({"classes": 3}, "is damaged"),
        ({"head": "none"}, "is damaged"),
        ({"head": "own"}, "does not fit"),
        ({"transform": {}}, "is damaged"),
        ({"extra": []}, "is damaged"),
    ],
)
def test_a_description_that_is_wrong_is_refused(
    changes: dict[str, object], message: str, tmp_path: Path
) -> None:
    saved(tmp_path / "f0")
    with pytest.raises(ExtractorError, match=message):
        load_network(tampered(tmp_path / "f0", **changes))


def test_other_files_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "f0"
    saved(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ExtractorError, match="is damaged"):
        load_network(path)
    save_file({"weight": torch.ones(2)}, path)
    with pytest.raises(ExtractorError, match="no checkpoint of rebalance"):
        load_network(path)
    with pytest.raises(ExtractorError, match="no checkpoint of rebalance"):
        load_network(tmp_path / "missing")


def test_a_flipped_bit_is_seen_in_weights_and_description(tmp_path: Path) -> None:
    path = tmp_path / "f0"
    saved(path)
    whole = path.read_bytes()
    for place in (len(whole) - 1, len(whole) // 2, whole.index(b"0.4914") + 5):
        content = bytearray(whole)
        content[place] ^= 1
        path.write_bytes(content)
        with pytest.raises(ExtractorError, match=r"is damaged .its checksum is another"):
            load_network(path)
    path.write_bytes(whole)
    load_network(path)


def test_a_checkpoint_of_an_early_version_has_no_checksum(tmp_path: Path) -> None:
    network = saved(tmp_path / "f0")
    loaded = load_network(tampered(tmp_path / "f0", version=1)).network
    images = torch.randn(2, 3, 40, 40)
    assert torch.equal(loaded(images), network(images))


@pytest.mark.parametrize("arch", ["cifar_resnet20", "squeezenet1_1"])
def test_a_fresh_output_survives_a_round_trip(arch: str, tmp_path: Path) -> None:
    own = network_of(arch, build(arch, 9), 32)
    pooled = with_pooled_head(own, 9)
    bodies = {
        "own": with_fresh_output(own, len(CLASSES)),
        "paper": with_fresh_output(fresh_network(arch, 9), len(CLASSES)),
        "cosine": with_fresh_output(with_cosine_output(fresh_network(arch, 9)), len(CLASSES)),
        "pooled": with_fresh_output(pooled, len(CLASSES)),
        "early": with_pooled_head(own, len(CLASSES)),
    }
    for name, network in bodies.items():
        network.eval()
        path = tmp_path / f"{name}.safetensors"
        options = {"arch": arch, "classes": CLASSES, "transform": CIFAR_TRANSFORM, "extra": {}}
        save_network(path, network, **options)
        saved = load_network(path)
        assert has_fresh_output(saved.network) == (name != "early")
        assert has_pooled_head(saved.network) == (name in ("pooled", "early"))
        assert saved.classes == CLASSES
        images = torch.randn(2, 3, 64, 64)
        assert torch.equal(saved.network(images), network(images))
        written = path.read_bytes()
        save_network(path, saved.network, **options)
        assert path.read_bytes() == written


def test_two_modules_that_share_a_weight_are_kept(tmp_path):
    network = network_of("cifar_resnet20", build("cifar_resnet20", len(CLASSES)), 32).eval()
    one, other = network.body.layer1[:2]
    other.conv1.weight = one.conv1.weight
    told = {"arch": "cifar_resnet20", "classes": CLASSES, "transform": CIFAR_TRANSFORM}
    save_network(tmp_path / "shared", network, **told, extra={})
    images = torch.randn(1, 3, 32, 32)
    assert torch.equal(load_network(tmp_path / "shared").network(images), network(images))
