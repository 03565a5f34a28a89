"""Images of more than 8 bits through the commands: one scale, on both sides of train."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import rebalance
from rebalance import materialize
from rebalance.data.images import open_image
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.data.samples import open_scoring, open_training
from rebalance.data.separation import split_off
from rebalance.data.thumbnails import read_tile, read_tiles
from rebalance.models.backbones import build
from rebalance.models.transforms import plain_transform
from rebalance.settings import FolderOptions
from rebalance.training.dataset import dataset_of

TWELVE = DepthScale((0, 4095))


def pattern(number: int, side: int = 32) -> np.ndarray:
    """A picture from 0 to 1 that no other number has."""
    rows, columns = np.mgrid[:side, :side] / side
    wave = np.sin((3 + number) * rows + number) * np.cos((2 + number % 3) * columns)
    return (wave + 1) / 2


def plant(root: Path, counts: dict[str, int], *, white: int, kind: str = "uint16") -> Path:
    """Files of a kind of pixel in which ``white`` is the brightest of the whole set."""
    number = 0
    for name, count in counts.items():
        (root / name).mkdir(parents=True)
        for place in range(count):
            values = pattern(number) * white * (1 if place == 0 else 0.3)  # most of them are dark
            stored = np.rint(values) if kind.startswith("u") else values
            ending = "tif" if kind == "float32" else "png"
            Image.fromarray(stored.astype(kind)).save(root / name / f"{place}.{ending}")
            number += 1
    return root


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    torch.save(build("cifar_resnet20", 10).state_dict(), tmp_path / "random.pth")
    return tmp_path / "random.pth"


def features(data: Path, weights: Path) -> tuple[np.ndarray, dict]:
    table = rebalance.extract(
        data, extractor=str(weights), arch="cifar_resnet20", image_size=32, workers=0, device="cpu"
    )
    return table.layers["pool"].read(slice(None), slice(None)), table.as_record()


def test_features_are_those_of_the_same_pictures_in_8_bits(tmp_path, weights) -> None:
    deep = plant(tmp_path / "deep", {"a": 3, "b": 2}, white=4095)
    for path in sorted(deep.rglob("*.png")):
        shallow = tmp_path / "shallow" / path.relative_to(deep)
        shallow.parent.mkdir(parents=True, exist_ok=True)
        values = np.asarray(Image.open(path)).astype(float)
        Image.fromarray(np.rint(values * (255 / 4095)).astype(np.uint8)).save(shallow)
    assert (features(deep, weights)[0] == features(tmp_path / "shallow", weights)[0]).all()


def test_features_by_another_scale_are_never_met(tmp_path, weights) -> None:
    data = plant(tmp_path / "data", {"a": 3, "b": 2}, white=4095)
    found, told = features(data, weights)
    assert told["computed"] == 5
    assert features(data, weights)[1]["computed"] == 0
    Image.fromarray(np.full((32, 32), 65535, np.uint16)).save(data / "b" / "9.png")
    brighter, told = features(data, weights)
    assert told["computed"] == 6  # every picture looks different now
    assert (brighter[:5] != found).any(axis=1).all()
    (data / "b" / "9.png").unlink()
    again, told = features(data, weights)
    assert told["computed"] == 0
    assert (again == found).all()


def test_the_manifest_tells_the_scale_to_later_steps(tmp_path, weights, caplog) -> None:
    data = plant(tmp_path / "data", {"a": 6, "b": 3}, white=4095)
    manifest = rebalance.undersample(
        data, tmp_path / "m.csv", method="random", workers=0, overwrite=True
    )
    assert manifest.record["scale"] == {"integers": [0, 4095]}
    assert sum("white is 4095" in line for line in caplog.messages) == 1
    # What is left is dark, and still scaled as the whole was.
    lines = (tmp_path / "m.csv").read_text().splitlines()
    dark = [line for line in lines if "/0.png" not in line]
    (tmp_path / "n.csv").write_text("\n".join(dark) + "\n")
    record = json.loads((tmp_path / "m.json").read_text())
    del record["digests"]
    (tmp_path / "n.json").write_text(json.dumps(record))
    options = FolderOptions()
    assert open_training(tmp_path / "n.csv", options, 0, strict=True).scale == TWELVE
    found = rebalance.undersample(tmp_path / "n.csv", tmp_path / "o.csv", method="random")
    assert found.record["scale"] == {"integers": [0, 4095]}


def test_test_images_are_scaled_as_training_images_are(tmp_path, caplog) -> None:
    train = plant(tmp_path / "train", {"a": 4, "b": 4}, white=4095)
    test = plant(tmp_path / "test", {"a": 2, "b": 2}, white=1000)
    seen = open_training(train, FolderOptions(), 0, strict=True)
    tested = open_scoring(test, seen.classes, FolderOptions(), 0, strict=True, scale=seen.scale)
    assert seen.scale == tested.scale == TWELVE
    assert "are scaled as those trained on are, from 0 to 4095" in caplog.text
    _, validation = split_off(seen, 0.3, np.random.default_rng(0))
    transform = plain_transform("cifar_resnet20")
    for images in (seen, tested, validation):
        dataset = dataset_of(images, transform)
        for place, path in enumerate(images.folder.paths):
            values = np.asarray(Image.open(images.folder.root / path)).astype(float)
            shown = np.rint(values * (255 / 4095)).astype(np.uint8)
            expected = transform.image(Image.fromarray(shown).convert("RGB"))
            assert torch.equal(dataset.pixels(place), expected)


@pytest.mark.parametrize("workers", [0, 3])
def test_float_files_of_a_set_are_as_bright_as_they_are_to_each_other(tmp_path, workers) -> None:
    data = plant(tmp_path / "data", {"a": 3, "b": 2}, white=4000, kind="float32")
    manifest = rebalance.undersample(data, tmp_path / "m.csv", method="random", workers=workers)
    low, high = manifest.record["scale"]["floats"]
    brightest = max(np.asarray(Image.open(path)).max() for path in data.rglob("*.tif"))
    assert (low, high) == (pytest.approx(0, abs=60), float(brightest))


def test_inspect_looks_at_all_by_the_scale_of_the_set(tmp_path) -> None:
    # 12 bits alone are at most 15 of 255, and so would count as showing nothing.
    data = plant(tmp_path / "data", {"a": 3, "b": 2}, white=4095)
    for place, path in enumerate(sorted(data.rglob("*.png"))):
        Image.fromarray((pattern(place) * 4095).astype(np.uint16)).save(path)
    found = rebalance.inspect(data, workers=2)
    assert not any(found.findings.values())


def test_pages_show_deep_images_as_bright_as_they_are(tmp_path) -> None:
    data = plant(tmp_path / "data", {"a": 3}, white=4095)
    names = [f"a/{place}.png" for place in range(3)]
    tiles = read_tiles(data, names, 32, 0)
    assert tiles[0].max() == 255
    assert 50 < tiles[1].max() < 90
    for name, tile in zip(names, tiles, strict=True):
        assert (read_tile(data / name, 32, TWELVE) == tile).all()
    assert read_tile(data / names[0], 32, EACH_ALONE).max() < 20


def test_blends_are_written_by_the_scale_of_the_set(tmp_path) -> None:
    data = plant(tmp_path / "data", {"a": 4, "b": 2}, white=4095)
    rows = ["file_name,label,kind,partner,weight", "a/0.png,a,original,,", "b/0.png,b,original,,"]
    rows.append("a/0.png,a,synthetic,a/1.png,0.25")
    (tmp_path / "m.csv").write_text("\n".join(rows) + "\n")
    record = {"format": 1, "root": str(data), "classes": ["a", "b"], "scale": TWELVE.as_record()}
    (tmp_path / "m.json").write_text(json.dumps(record))
    made = materialize(tmp_path / "m.csv", tmp_path / "out", workers=0)
    assert made.blended == 1
    (blend,) = made.path.glob("a/*blend*")
    assert np.asarray(open_image(blend)).max() > 180


def test_sets_of_8_bits_are_not_touched(tmp_path, make_folder, caplog) -> None:
    data = make_folder(tmp_path / "data", {"cat": 4, "dog": 2})
    manifest = rebalance.undersample(data, tmp_path / "m.csv", method="random")
    assert "scale" not in manifest.record
    assert not any("bits" in line for line in caplog.messages)


def test_ignored_files_are_counted_by_extension(tmp_path, make_folder) -> None:
    data = make_folder(tmp_path / "data", {"cat": 4, "dog": 2})
    for name in ("1.HEIC", "2.heic", "notes.txt"):
        (data / "cat" / name).write_bytes(b"x")
    found = rebalance.inspect(data).as_record()
    assert found["ignored"] == {"cat": {".heic": 2, ".txt": 1}}


@pytest.mark.parametrize("ending", ["gif", ".gif", ".GIF"])
def test_the_dot_of_an_extension_may_be_left_out(tmp_path, make_folder, ending) -> None:
    data = make_folder(tmp_path / "data", {"cat": 2, "dog": 2})
    Image.new("RGB", (8, 8)).save(data / "cat" / "one.gif")
    (data / "cat" / "mygif").write_bytes(b"no image")
    found = rebalance.inspect(data, extensions=(ending,))
    assert found.counts == {"cat": 3, "dog": 2}
    assert found.ignored == {"cat": {"": 1}}
