"""timm's networks as extractors and as what training starts from; without timm, all is skipped."""

import json
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

import rebalance
from rebalance.errors import ExtractorError
from rebalance.forward.packing import PackedConvolution, pack
from rebalance.forward.tracing import trace_body
from rebalance.models.building import untrained_network
from rebalance.models.checkpoints import load_network, save_network
from rebalance.models.heads import with_fresh_output
from rebalance.models.libraries import timm_networks
from rebalance.models.network import Network, forget, take, with_new_head
from rebalance.models.packaged import find_packaged
from rebalance.models.pretrained import Wording, find_pretrained
from rebalance.progress import silent
from rebalance.reports.manifests.commands import command_of

timm = pytest.importorskip("timm")

CPU = {"device": "cpu", "precision": "fp32"}
OPTION = Wording("--extractor is this or that", "pass another")
NAMES = ("test_resnet", "test_vit", "test_efficientnet", "test_nfnet")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of weights as timm saves them: of 7 classes, or of none."""
    folder = tmp_path_factory.mktemp("timm")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for name in NAMES:
            state = timm.create_model(name, num_classes=7).state_dict()
            torch.save(state, folder / f"{name}.pth")
        none = timm.create_model("test_resnet", num_classes=0)
        none.load_state_dict(torch.load(folder / "test_resnet.pth"), strict=False)
        save_file(none.state_dict(), folder / "headless.safetensors")
    return folder


def loaded(name: str, path: Path) -> Network:
    return find_pretrained(f"timm:{name}", None, OPTION, path).load(silent)[0]


@pytest.mark.parametrize("name", NAMES)
def test_the_pool_is_what_timm_classifies(name: str, files: Path) -> None:
    model = timm.create_model(name, num_classes=7).eval()
    model.load_state_dict(torch.load(files / f"{name}.pth"))
    network = loaded(name, files / f"{name}.pth")
    images = torch.randn(2, 3, 160, 160)
    with torch.no_grad():
        expected = model.forward_head(model.forward_features(images), pre_logits=True)
        found = network.layers(images, ["pool", "embedding"])
    assert torch.equal(found["pool"], expected)
    assert torch.equal(found["embedding"], expected)
    assert network.available == ("pool", "embedding")
    assert expected.shape[1] == model.head_hidden_size


def test_the_classes_of_a_file_do_not_matter(files: Path) -> None:
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        one, other = (
            loaded("test_resnet", files / each).body(images)
            for each in ("test_resnet.pth", "headless.safetensors")
        )
    assert torch.equal(one, other)


@pytest.mark.parametrize("size", [(301, 200), (61, 90), (160, 160)])
@pytest.mark.parametrize(
    "name",
    ["resnet18", "test_vit", "vit_base_patch16_siglip_224.webli", "vit_small_patch14_dinov2"],
)
def test_the_transform_is_timms_own(name: str, size: tuple[int, int]) -> None:
    cfg = timm.models.get_pretrained_cfg(name).to_dict()
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    config = timm.data.resolve_data_config(pretrained_cfg=cfg)
    expected = timm.data.create_transform(**config)(image)
    ours = timm_networks.usual_transform(name)
    found = ours.normalise(ours.image(image)[None])[0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-6)


def test_every_published_transform_but_those_of_rectangles_is_one() -> None:
    refused = []
    for name in timm.list_pretrained():
        try:
            timm_networks.usual_transform(name)
        except ExtractorError:
            refused.append(name)
    assert all("sapiens2" in name for name in refused)


def test_facts_and_names_are_told_without_timm(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)  # importing it is an error now
    published = find_pretrained("timm:test_resnet", None, OPTION)
    assert published.facts == {"weights": f"timm {timm.__version__}"}
    one, other = (
        find_pretrained("timm:test_resnet", None, OPTION, files / each)
        for each in ("test_resnet.pth", "headless.safetensors")
    )
    assert one.facts != other.facts
    assert one == find_pretrained(str(files / "test_resnet.pth"), "timm:test_resnet", OPTION)


def test_lite0_is_the_same_network_by_timms_name() -> None:
    packaged = find_packaged("lite0", None)
    ours, _ = packaged.load(silent)
    theirs = loaded("tf_efficientnet_lite0", packaged.path)  # whose names are those of a port
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        expected = ours.layers(images, ["embedding"])["embedding"]
        torch.testing.assert_close(theirs.body(images), expected)


def tampered(files: Path, tmp_path: Path) -> dict[str, Path]:
    state = torch.load(files / "test_resnet.pth")
    first = next(iter(state))
    found = {
        "lacking": {key: value for key, value in state.items() if key != first},
        "more": {**state, "other": torch.zeros(1)},
        "other": {**state, first: torch.zeros(1, 2)},
        "nan": {**state, first: state[first] * float("nan")},
    }
    for name, each in found.items():
        torch.save(each, tmp_path / name)
    return {name: tmp_path / name for name in found}


def test_weights_that_do_not_fit_are_one_line(files: Path, tmp_path: Path) -> None:
    told = {"lacking": "Missing key", "more": "Unexpected key", "other": "size mis", "nan": "NaN"}
    for name, path in tampered(files, tmp_path).items():
        with pytest.raises(ExtractorError, match=told[name]) as caught:
            loaded("test_resnet", path)
        assert "\n" not in str(caught.value)
    with pytest.raises(ExtractorError, match="no weights can be read"):
        loaded("test_resnet", tmp_path / "absent")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("test_resnot", "timm has no network 'test_resnot': try test_resnet"),
        ("test_vit.x", "timm's test_vit has no weights 'x': it has r160_in1k"),
        ("", "names no network"),
        pytest.param(
            "vit_base_patch16_sapiens2",
            "768 × 1024 pixels",
            marks=pytest.mark.skipif(
                not timm.is_model("vit_base_patch16_sapiens2"), reason="needs a later timm"
            ),
        ),
    ],
)
def test_a_name_that_does_not_do_is_one_line(name: str, told: str) -> None:
    with pytest.raises(ExtractorError) as caught:
        find_pretrained(f"timm:{name}", None, OPTION).load(silent)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_that_cannot_be_fetched_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ExtractorError) as caught:
        find_pretrained("timm:test_resnet", None, OPTION).load(silent)
    told = str(caught.value)
    assert "HF_HUB_CACHE" in told
    assert "--arch timm:test_resnet" in told
    assert told.endswith("or pass another")
    assert "\n" not in told


def lively(network: Network) -> Network:
    """The same with BatchNorms that have seen something."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    return network.eval()


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("test_resnet", 64),
        ("test_efficientnet", 64),
        ("test_convnext", 64),
        ("test_mambaout", 64),
        ("test_nfnet", 64),
        ("mobilenetv4_conv_small_035", 64),
        ("levit_128s", 224),  # which remembers what it computed of its weights
    ],
)
def test_packed_bodies_give_what_the_plain_ones_do(name: str, size: int) -> None:
    body = lively(untrained_network(f"timm:{name}", 3)).body
    images = torch.randn(2, 3, size, size)
    with torch.inference_mode():
        exact = body(images)
        graph = pack(trace_body(body), images[:1], len(images), torch.float32)
        assert float((graph(images) - exact).norm() / exact.norm()) < 1e-5
        assert torch.equal(body(images), exact)  # tracing left the network as it was
    assert any(isinstance(module, PackedConvolution) for module in graph.modules())
    norms = [node for node in graph.graph.nodes if node.target is torch.nn.functional.batch_norm]
    assert all(node.args[0].op != "call_module" for node in norms)  # weights may be normalised so


@pytest.mark.parametrize(
    ("name", "size", "headed"),
    [("test_vit", 96, with_new_head), ("levit_128s", 224, with_fresh_output)],
)
def test_a_saved_network_comes_back_without_weights_of_timm(
    name: str, size: int, headed, tmp_path: Path
) -> None:
    network = untrained_network(f"timm:{name}", 3)
    take(network, size)
    network = headed(network, 3)
    for parameter in network.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    forget(network)
    path, transform = tmp_path / "model.safetensors", timm_networks.usual_transform(name)
    told = {"arch": f"timm:{name}", "classes": ["a", "b", "c"], "transform": transform}
    save_network(path, network, **told, extra={})
    saved = load_network(path)
    images = torch.randn(1, 3, size, size)
    with torch.no_grad():
        assert torch.equal(saved.network(images), network(images))
    assert saved.network.image_size == size


def test_a_network_of_one_size_says_so() -> None:
    with pytest.raises(ExtractorError, match="pass --image-size 160"):
        take(untrained_network("timm:test_vit", 2), 97)


def test_from_features_to_a_probe_and_back(few, files: Path, tmp_path: Path, run) -> None:
    weights = files / "test_efficientnet.pth"
    how = {"extractor": "timm:test_efficientnet", "weights": weights, "image_size": 32, **CPU}
    rebalance.oversample(few[0], tmp_path / "M.csv", method="smote", **how)
    record = json.loads((tmp_path / "M.json").read_text())
    seen = record["extractor"]
    assert (seen["kind"], seen["file"], seen["resize"]) == ("timm", str(weights), "own")
    again = tmp_path / "again.csv"
    _, *words = shlex.split(str(command_of(record, str(again))))
    assert "features: 0 computed" in run(*words).err
    assert again.read_bytes() == (tmp_path / "M.csv").read_bytes()

    moved = tmp_path / "moved.pth"
    shutil.copy(weights, moved)
    probe = {"recipe": "probe", "weights": str(moved), "arch": "timm:test_efficientnet"}
    metrics = rebalance.train(*few, tmp_path / "run", **probe, image_size=32, **CPU)
    moved.unlink()  # a run is read again by itself
    found = rebalance.evaluate(tmp_path / "run", few[1], **CPU)
    assert found["log_loss"] == pytest.approx(metrics["log_loss"], rel=0.01)


def test_training_goes_on_from_timms_weights(few, files: Path, tmp_path: Path) -> None:
    start = {"weights": str(files / "test_resnet.pth"), "arch": "timm:test_resnet"}
    options = {"epochs": 1, "image_size": 32, "batch_size": 20, **CPU}
    metrics = rebalance.train(*few, tmp_path / "run", **start, **options)
    found = rebalance.evaluate(tmp_path / "run", few[1], **CPU)
    assert found["accuracy"] == metrics["accuracy"]
    fit = load_network(tmp_path / "run" / "model.safetensors").transform
    assert (fit.fit, fit.crop) == ("crop", 32)
