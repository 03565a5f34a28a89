"""open_clip's image towers as networks: small ones with random weights, beside open_clip itself."""

import json
import logging
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from conftest import MakeFolder
from PIL import Image
from torch import Tensor

from rebalance.errors import ExtractorError
from rebalance.models.libraries import open_clip_networks
from rebalance.models.network import Network
from rebalance.models.transforms import Transform
from rebalance.progress import silent

pytestmark = pytest.mark.together

VIT = {"image_size": 32, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8}
TEXT = {"context_length": 8, "vocab_size": 99, "width": 16, "heads": 2, "layers": 1}
SIGLIP = {"mean": [0.5] * 3, "std": [0.5] * 3, "resize_mode": "squash"}
TOWERS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "vit": (VIT, {}),
    "resnet": ({"image_size": 64, "layers": [1, 1, 1, 1], "width": 16, "head_width": 16}, {}),
    "of timm": ({"timm_model_name": "test_vit", "image_size": 160}, SIGLIP),
    "coca": (
        {**VIT, "attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True},
        {"interpolation": "bilinear"},
    ),
}


@pytest.fixture(scope="module")
def library() -> ModuleType:
    return pytest.importorskip("open_clip")


@pytest.fixture(scope="module")
def folders(library: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of each kind of tower a folder, as save_for_hf leaves it."""
    from safetensors.torch import save_file

    found = {}
    root = logging.getLogger()
    root.addHandler(silence := logging.NullHandler())  # or open_clip would make a handler there
    for kind, (vision, preparing) in TOWERS.items():
        folder = tmp_path_factory.mktemp("tower")
        model: dict[str, Any] = {"embed_dim": 24, "vision_cfg": vision, "text_cfg": TEXT}
        if kind == "coca":
            model |= {"multimodal_cfg": TEXT, "custom_text": True}
        config = {"model_cfg": model, "preprocess_cfg": preparing}
        (folder / "open_clip_config.json").write_text(json.dumps(config))
        torch.manual_seed(0)
        made = library.create_model(f"local-dir:{folder}", load_weights=False)
        save_file(dict(made.state_dict()), folder / "open_clip_model.safetensors")
        found[kind] = folder
    root.removeHandler(silence)
    return found


def load(name: str, weights: Path | None = None) -> tuple[Network, Transform]:
    return open_clip_networks.find(name, weights, "pass another").load(silent)


def picture() -> Image.Image:
    rng = np.random.default_rng(1)
    return Image.fromarray(rng.integers(0, 256, (61, 97, 3), dtype=np.uint8))


def seen(network: Network, transform: Transform, image: Image.Image) -> Tensor:
    with torch.inference_mode():
        return network.layers(transform.normalise(transform.image(image)[None]), ["pool"])["pool"]


@pytest.mark.parametrize("kind", TOWERS)
def test_features_are_those_of_open_clip(
    library: ModuleType, folders: dict[str, Path], kind: str
) -> None:
    folder = folders[kind]
    network, transform = load(f"local-dir:{folder}")
    model, _, prepare = library.create_model_and_transforms(f"local-dir:{folder}")
    image = picture()
    with torch.inference_mode():
        wanted = model.eval().encode_image(prepare(image)[None], normalize=False)
    found = seen(network, transform, image)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)
    assert network.available == ("pool", "embedding")

    description = json.loads(json.dumps(network.body.description))
    again = open_clip_networks.build("a name that is nowhere", 3, description)
    again.body.load_state_dict(network.body.state_dict())
    torch.testing.assert_close(seen(again, transform, image), found)


def test_a_model_it_knows_takes_a_file(library: ModuleType, tmp_path: Path) -> None:
    """A file of the whole model, of its image tower, or one trained on images of another size."""
    tower = library.CustomTextCLIP(
        **{**library.get_model_config("ViT-S-32"), "text_cfg": TEXT}
    ).visual
    whole = {f"visual.{name}": each for name, each in tower.state_dict().items()}
    whole["text.of_no_weight"] = torch.ones(1)
    torch.save(whole, tmp_path / "whole.pt")
    torch.save(tower.state_dict(), tmp_path / "tower.pt")
    for name, file in ((f"ViT-S-32/{tmp_path}/whole.pt", None), ("ViT-S-32", "tower.pt")):
        source = open_clip_networks.find(name, file and tmp_path / file, "")
        network, transform = source.load(silent)
        assert source.arch == "open_clip:ViT-S-32"
        assert (transform.crop, transform.interpolation) == (224, "bicubic")
        for key, value in tower.state_dict().items():
            assert torch.equal(network.body.visual.state_dict()[key], value)
    key = "visual.positional_embedding"
    torch.save({**whole, key: torch.ones(1 + 9, 384)}, tmp_path / "small.pt")
    resized = load("ViT-S-32", tmp_path / "small.pt")[0].body.visual.positional_embedding
    assert torch.allclose(resized, torch.ones(50, 384))
    torch.save({"visual.proj": torch.ones(2)}, tmp_path / "other.pt")
    with pytest.raises(ExtractorError, match="name the model that it was made for"):
        load("ViT-S-32", tmp_path / "other.pt")


def test_a_file_without_a_tag_is_prepared_for_as_all_tags_are(library: ModuleType) -> None:
    assert open_clip_networks._preparing("ViT-B-16-SigLIP", "")["resize_mode"] == "squash"


def test_a_border_is_not_put_around_images(
    library: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    from rebalance.models.libraries.open_clip_towers import transform_of

    assert transform_of({"resize_mode": "longest"}, 32, "it").fit == "stretch"
    assert "puts a border around images" in caplog.text


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("RN51/openai", "no model 'RN51': try RN50"),
        ("RN50/nothing", "has no weights 'nothing': it has 'openai'"),
        ("RN50/openai", r"bring the cache .* give a file as open_clip:RN50/FILE, or pass another"),
        ("hf-hub:no-one/nothing", "not in the cache"),
    ],
)
def test_what_open_clip_has_not_is_one_line(
    library: ModuleType, name: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ExtractorError, match=told) as caught:
        load(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "weights", "told"),
    [
        ("RN50", None, "does not say which weights"),
        ("RN50/openai", "w.pt", "leave out 'openai' or the file of others"),
        ("RN50/w.pt", None, "no weights can be read at 'w.pt'"),
        ("RN50/some/where", None, "no weights can be read at 'some/where'"),
        ("RN50", "nowhere.pt", "no weights can be read at 'nowhere.pt'"),
        ("hf-hub:a/b", "w.pt", "has its own weights"),
        ("hf-hub:../b", None, "no name on the hub"),
        ("local-dir:nowhere", None, "has no open_clip_config.json"),
    ],
)
def test_names_without_weights_are_one_line(name: str, weights: str | None, told: str) -> None:
    with pytest.raises(ExtractorError, match=told) as caught:
        open_clip_networks.find(name, None if weights is None else Path(weights), "")
    assert "\n" not in str(caught.value)


def test_a_folder_without_a_model_or_weights_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text("{}")
    source = open_clip_networks.find(f"local-dir:{tmp_path}", None, "")
    with pytest.raises(ExtractorError, match="has no model_cfg"):
        open_clip_networks._own_config(source.repository)
    with pytest.raises(ExtractorError, match=r"has no open_clip_model\.safetensors"):
        open_clip_networks._own_weights(source.repository, "")


def test_a_run_outlives_the_folder_it_came_from(
    folders: dict[str, Path], make_folder: MakeFolder, tmp_path: Path
) -> None:
    import shutil

    import rebalance

    model = tmp_path / "model"
    shutil.copytree(folders["vit"], model)
    data = make_folder(tmp_path / "data", {"a": 8, "b": 6})
    probe = {"recipe": "probe", "weights": f"open_clip:local-dir:{model}", "allow_overlap": True}
    rebalance.train(data, data, tmp_path / "run", workers=0, **probe)
    shutil.rmtree(model)
    assert rebalance.evaluate(tmp_path / "run", data, workers=0)["accuracy"] > 0.5
