"""transformers' models as networks: small ones with random weights, beside transformers itself."""

import json
import os
import shutil
from collections.abc import Callable
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
from rebalance.models.libraries import shelf_of, transformers_networks
from rebalance.models.network import Network, layer_widths
from rebalance.models.transforms import Transform
from rebalance.progress import silent

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
pytestmark = pytest.mark.together

SIZE = 32
VIT = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "image_size": SIZE,
    "patch_size": 8,
}
TEXT = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 9}
STAGES = {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1]}
EDGES = {"size": {"shortest_edge": 40}, "crop_size": {"height": SIZE, "width": SIZE}}
SIDES = {"size": {"height": SIZE, "width": SIZE}}
DINO = {name: value for name, value in VIT.items() if name != "intermediate_size"}

# type of model: its class, its configuration, its image processor and what that is given
MODELS: dict[str, tuple[str, dict[str, Any], str, dict[str, Any]]] = {
    "vit": ("ViTModel", VIT, "ViTImageProcessor", SIDES),
    "beit": ("BeitModel", VIT, "BeitImageProcessor", SIDES),
    "deit": (
        "DeiTModel",
        VIT,
        "DeiTImageProcessor",
        {**EDGES, "size": {"height": 40, "width": 40}},
    ),
    "dinov2_with_registers": ("Dinov2WithRegistersModel", DINO, "BitImageProcessor", EDGES),
    "dinov3_vit": ("DINOv3ViTModel", VIT, "DINOv3ViTImageProcessor", SIDES),
    "convnextv2": (
        "ConvNextV2Model",
        STAGES,
        "ConvNextImageProcessor",
        {"size": {"shortest_edge": 64}},
    ),
    "resnet": (
        "ResNetModel",
        {**STAGES, "embedding_size": 8, "layer_type": "basic"},
        "ConvNextImageProcessor",
        {"size": {"shortest_edge": 64}},
    ),
    "swin": (
        "SwinModel",
        {"image_size": SIZE, "patch_size": 2, "embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2]}
        | {"window_size": 4},
        "ViTImageProcessor",
        SIDES,
    ),
    "clip": (
        "CLIPModel",
        {"vision_config": VIT, "text_config": TEXT, "projection_dim": 24},
        "CLIPImageProcessor",
        EDGES,
    ),
    "clip_vision_model": (
        "CLIPVisionModelWithProjection",
        {**VIT, "projection_dim": 24},
        "CLIPImageProcessor",
        EDGES,
    ),
    "siglip": (
        "SiglipModel",
        {"vision_config": VIT, "text_config": TEXT},
        "SiglipImageProcessor",
        SIDES,
    ),
}


@pytest.fixture(scope="module")
def library() -> ModuleType:
    found = pytest.importorskip("transformers")
    found.utils.logging.disable_progress_bar()
    return found


Save = Callable[[str], Path]


@pytest.fixture(scope="module")
def save(library: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Save:
    """Save a model of a type with its image processor, once, and return the folder."""
    saved: dict[str, Path] = {}

    def make(kind: str) -> Path:
        if kind not in saved:
            folder = tmp_path_factory.mktemp(kind)
            name, options, processor, sizes = MODELS[kind]
            own = getattr(library, name)
            torch.manual_seed(0)
            own(own.config_class(**options)).save_pretrained(folder)
            getattr(library, processor)(**sizes).save_pretrained(folder)
            saved[kind] = folder
        return saved[kind]

    return make


def load(folder: Path) -> tuple[Network, Transform]:
    return transformers_networks.find(str(folder), None, "").load(silent)


def picture(width: int = 97, height: int = 61) -> Image.Image:
    rng = np.random.default_rng(1)
    few = rng.integers(60, 190, (height // 6, width // 6, 3), dtype=np.uint8)
    return Image.fromarray(few).resize((width, height), Image.Resampling.BICUBIC)


def seen(network: Network, transform: Transform, image: Image.Image) -> Tensor:
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    with torch.inference_mode():
        inputs = transform.normalise(transform.fitted(pixels)[None])
        return network.layers(inputs, ["pool"])["pool"]


def expected(library: ModuleType, folder: Path, kind: str, image: Image.Image) -> Tensor:
    """What transformers itself says: its processor, its model, and its own pooled vector."""
    processor = library.AutoImageProcessor.from_pretrained(folder)
    model = getattr(library, MODELS[kind][0]).from_pretrained(folder).eval()
    inputs = processor(images=image, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        ahead = model.get_image_features if kind in ("clip", "siglip") else model
        found = ahead(pixel_values=inputs)
    vectors: Tensor = found["image_embeds" if kind == "clip_vision_model" else "pooler_output"]
    return vectors.flatten(1)


@pytest.mark.parametrize("kind", MODELS)
def test_features_are_those_of_transformers(library: ModuleType, save: Save, kind: str) -> None:
    folder = save(kind)
    network, transform = load(folder)
    image = picture()
    # DINOv3's processor resizes numbers where all others, and we, resize bytes.
    off = 1e-2 if kind == "dinov3_vit" else 1e-5
    wanted = expected(library, folder, kind, image)
    found = seen(network, transform, image)
    assert found.shape == wanted.shape
    assert float((found - wanted).norm() / wanted.norm()) < off
    assert network.available == ("pool", "embedding")


@pytest.mark.parametrize("kind", ["vit", "clip", "dinov2_with_registers", "resnet"])
def test_a_network_is_built_again_of_its_description(save: Save, kind: str) -> None:
    network, transform = load(save(kind))
    description = json.loads(json.dumps(network.body.description))
    again = transformers_networks.build("a name that is nowhere", 3, description)
    assert not any("text" in name for name in again.state_dict())
    assert again.output[0].out_features == 3
    again.body.load_state_dict(network.body.state_dict())
    image = picture()
    torch.testing.assert_close(seen(again, transform, image), seen(network, transform, image))


def test_a_pooling_that_nobody_trained_is_not_used(library: ModuleType, tmp_path: Path) -> None:
    """A ViT that was trained to classify has no pooler: AutoModel would put a random one there."""
    model = library.ViTForImageClassification(library.ViTConfig(**VIT)).eval()
    model.save_pretrained(tmp_path)
    library.ViTImageProcessor(**SIDES).save_pretrained(tmp_path)
    network, transform = load(tmp_path)
    image = picture()
    found = seen(network, transform, image)
    inputs = library.ViTImageProcessor(**SIDES)(images=image, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        wanted = model.vit(inputs).last_hidden_state[:, 0]  # what its classifier sees
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_a_masked_autoencoder_sees_all_of_an_image(library: ModuleType, tmp_path: Path) -> None:
    own = library.ViTMAEModel(library.ViTMAEConfig(**VIT)).eval()
    own.save_pretrained(tmp_path)
    library.ViTImageProcessor(**SIDES).save_pretrained(tmp_path)
    network, transform = load(tmp_path)
    image = picture()
    found = seen(network, transform, image)
    torch.testing.assert_close(seen(network, transform, image), found, rtol=0, atol=0)
    plain = library.ViTModel(library.ViTConfig(**VIT), add_pooling_layer=False).eval()
    plain.load_state_dict(own.state_dict())
    inputs = library.ViTImageProcessor(**SIDES)(images=image, return_tensors="pt")["pixel_values"]
    with torch.inference_mode():
        wanted = plain(inputs).last_hidden_state[:, 0]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_positions_are_fitted_to_another_size(save: Save) -> None:
    network, _ = load(save("vit"))
    assert layer_widths(network, 2 * SIZE)["pool"] == VIT["hidden_size"]


@pytest.mark.parametrize(
    ("processor", "options", "transform"),
    [
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 224}}, (256, 224, "crop")),
        ("ConvNextImageProcessor", {"size": {"shortest_edge": 384}}, (384, 384, "stretch")),
        ("LevitImageProcessor", {}, (256, 224, "crop")),
        ("PoolFormerImageProcessor", {}, (248, 224, "crop")),
        ("DeiTImageProcessor", {}, (256, 224, "squash")),
        ("CLIPImageProcessor", {"resample": 1}, (224, 224, "crop")),
        ("MobileViTImageProcessor", {"size": {"shortest_edge": 288}}, (288, 256, "crop")),
        ("EfficientNetImageProcessor", {}, (346, 346, "stretch")),
        ("ViTImageProcessor", {"do_normalize": False}, (224, 224, "stretch")),
        ("ViTImageProcessor", {"do_rescale": False}, (224, 224, "stretch")),
    ],
)
@pytest.mark.parametrize("size", [(90, 61), (61, 91), (75, 75)])
def test_processors_are_understood(
    library: ModuleType,
    processor: str,
    options: dict[str, Any],
    transform: tuple[int, int, str],
    size: tuple[int, int],
) -> None:
    from rebalance.models.libraries.transformers_processors import transform_of

    theirs = getattr(library, processor)(**options)
    found = transform_of(theirs, "it")
    own = found.transform
    assert (own.resize, own.crop, own.fit) == transform
    image = picture(*size)
    pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    ours = own.normalise(own.fitted(pixels)[None])[0]
    wanted = theirs(images=image, return_tensors="pt")["pixel_values"][0]
    one_level = max(1 / (255 * own.std[0]), 1e-4)
    off = (ours.flip(0) if found.is_reversed else ours) - wanted
    assert float(off.abs().mean()) < 0.05 * one_level


@pytest.mark.parametrize(
    ("processor", "options", "told"),
    [
        ("Siglip2ImageProcessor", {}, "does not make a picture of a picture"),
        ("ViTImageProcessor", {"do_resize": False}, "does not make squares of one size"),
        ("ViTImageProcessor", {"size": {"height": 32, "width": 64}}, "does not make squares"),
        ("Owlv2ImageProcessor", {"size": {"height": 64, "width": 64}}, "that is not known here"),
    ],
)
def test_processors_that_make_other_things_are_one_line(
    library: ModuleType, processor: str, options: dict[str, Any], told: str
) -> None:
    from rebalance.models.libraries.transformers_processors import transform_of

    with pytest.raises(ExtractorError, match=told) as caught:
        transform_of(getattr(library, processor)(**options), "'owner/name'")
    assert "'owner/name'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_processor_that_leaves_images_oblong_is_said(
    library: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    from rebalance.models.libraries.transformers_processors import transform_of

    theirs = library.CLIPImageProcessor(size={"shortest_edge": 64}, do_center_crop=False)
    found = transform_of(theirs, "it").transform
    assert (found.resize, found.crop) == (64, 64)
    assert "leaves an oblong image oblong" in caplog.text


def changed(folder: Path, to: Path, **config: object) -> Path:
    shutil.copytree(folder, to)
    path = to / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    return to


def test_code_of_a_repository_is_never_run(save: Save, tmp_path: Path) -> None:
    code = {"AutoConfig": "own.Own", "AutoModel": "own.Own"}
    folder = changed(save("vit"), tmp_path / "own", model_type="own", auto_map=code)
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    with pytest.raises(ExtractorError, match="code that comes with it, and such code is never run"):
        load(folder)
    assert not (tmp_path / "ran").exists()


def test_a_type_that_is_not_known_is_one_line(save: Save, tmp_path: Path) -> None:
    folder = changed(save("vit"), tmp_path / "own", model_type="of-tomorrow")
    with pytest.raises(ExtractorError, match="does not know: update it"):
        load(folder)


def test_weights_are_never_unpickled(save: Save, tmp_path: Path) -> None:
    folder = changed(save("vit"), tmp_path / "own")
    (folder / "model.safetensors").unlink()
    torch.save({"weight": Path("no tensor")}, folder / "pytorch_model.bin")
    with pytest.raises(ExtractorError, match="no model can be made of") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["cut", "lacking", "none", "other shapes"])
def test_damaged_weights_are_one_line(save: Save, tmp_path: Path, damage: str) -> None:
    from safetensors.torch import load_file, save_file

    folder = changed(save("vit"), tmp_path / "own")
    path = folder / "model.safetensors"
    state = load_file(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "none":
        path.unlink()
    elif damage == "lacking":
        save_file({name: each for name, each in state.items() if "layernorm" not in name}, path)
    else:
        changed(save("vit"), tmp_path / "other", hidden_size=64)
        folder = tmp_path / "other"
    with pytest.raises(ExtractorError, match=r"no model can be made|lacks weights") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_a_model_of_text_is_one_line(library: ModuleType, save: Save, tmp_path: Path) -> None:
    folder = changed(save("vit"), tmp_path / "own")
    library.BertModel(library.BertConfig(**TEXT, intermediate_size=16)).save_pretrained(folder)
    with pytest.raises(ExtractorError, match="sees no images"):
        load(folder)


def test_nothing_is_written_while_a_model_is_loaded(
    save: Save, capfd: pytest.CaptureFixture[str]
) -> None:
    load(save("clip"))
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_run_outlives_the_folder_it_came_from(
    save: Save, make_folder: MakeFolder, tmp_path: Path
) -> None:
    """Extract, cut, train a probe and score it, the last without the model's folder."""
    import rebalance

    model = tmp_path / "model"
    shutil.copytree(save("dinov2_with_registers"), model)
    data = make_folder(tmp_path / "data", {"a": 8, "b": 6})
    run = tmp_path / "run"
    name = f"hf:{model}"
    cold = rebalance.extract(data, extractor=name, workers=0)
    warm = rebalance.extract(data, extractor=name, workers=0)
    assert (cold.computed, warm.computed, warm.cached) == (14, 0, 14)
    rebalance.undersample(data, tmp_path / "m.csv", extractor=name, to=5, workers=0)
    probe = {"recipe": "probe", "weights": name, "allow_overlap": True}
    rebalance.train(tmp_path / "m.csv", data, run, workers=0, **probe)
    shutil.rmtree(model)
    scores = rebalance.evaluate(run, data, workers=0)
    again = rebalance.extract(data, extractor=str(run), layers=("embedding",), workers=0)
    assert scores["accuracy"] > 0.5
    whole = slice(None), slice(None)
    here, there = again.layers["embedding"].read(*whole), cold.layers["pool"].read(*whole)
    np.testing.assert_allclose(here, there, atol=2e-2)


def test_its_names_are_of_this_shelf() -> None:
    pytest.importorskip("transformers")
    found = shelf_of("hf:owner/name")
    assert found == (transformers_networks, "owner/name")
