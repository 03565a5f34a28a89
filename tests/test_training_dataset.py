"""Batches of images: the right pixels, the same whatever the number of workers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import rebalance
from rebalance.data.blending import blend
from rebalance.data.folder import scan
from rebalance.data.operations import operate
from rebalance.data.samples import open_training
from rebalance.errors import DataError
from rebalance.manifest import Manifest, Row, write_manifest
from rebalance.materialization.names import sample_names
from rebalance.models.transforms import Transform
from rebalance.records import ManifestRecord
from rebalance.settings import HELD_BYTES, FolderOptions
from rebalance.torch import ManifestDataset
from rebalance.training.augmentation import NoAugmentation
from rebalance.training.dataset import Batch, ImageDataset, Pass
from rebalance.training.dataset import dataset_of as training_dataset_of

SIZE = 16
PLAIN = Transform(SIZE, SIZE, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "bilinear")

MakeFolder = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path, make_folder: MakeFolder) -> Path:
    return make_folder(tmp_path / "data", {"cat": 5, "dog": 4}, size=(SIZE, SIZE))


def dataset_of(root: Path, limit: int = HELD_BYTES["auto"]) -> ImageDataset:
    folder = scan(root)
    return ImageDataset(root, folder.paths, folder.labels, PLAIN, NoAugmentation(), limit)


def pass_of(*positions: int) -> Pass:
    rng = np.random.default_rng(len(positions))
    return Pass(np.array(positions), rng.random((len(positions), 2), dtype=np.float32))


def test_images_are_the_pixels_of_the_files(root: Path) -> None:
    dataset = dataset_of(root)
    assert len(dataset) == 9
    for position, path in enumerate(dataset.paths):
        image = dataset.pixels(position)
        assert image.dtype == torch.uint8
        assert np.array_equal(image.permute(1, 2, 0).numpy(), np.asarray(Image.open(root / path)))


@pytest.mark.parametrize("limit", HELD_BYTES.values(), ids=HELD_BYTES)
@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_follow_the_passes(root: Path, workers: int, limit: int) -> None:
    dataset = dataset_of(root, limit)
    passes = [pass_of(8, 1, 3), pass_of(2, 2), pass_of(5), pass_of(*range(9)), pass_of(5, 0, 7, 4)]
    dataset.hold(workers)
    assert (dataset.held is None) is (limit == 0)
    found: list[Batch] = list(dataset.batches(iter(passes), workers, pin=False))
    assert len(found) == len(passes)
    for (positions, draws, _), batch in zip(passes, found, strict=True):
        assert batch.images.shape == (len(positions), 3, SIZE, SIZE)
        assert batch.labels.dtype == torch.int64
        assert torch.equal(batch.draws, torch.from_numpy(draws))
        for position, image, label in zip(positions, batch.images, batch.labels, strict=True):
            assert torch.equal(image, dataset.pixels(position))
            assert label == dataset.labels[position]


def test_what_is_held_is_not_read_again(root: Path) -> None:
    dataset, held = dataset_of(root), dataset_of(root)
    expected = [dataset.pixels(position) for position in range(9)]
    held.hold(workers=2)
    for path in held.paths:
        (root / path).unlink()
    for position, image in enumerate(expected):
        assert torch.equal(held.pixels(position), image)


def test_a_set_is_held_only_if_it_fits(root: Path) -> None:
    size = 9 * 3 * SIZE * SIZE
    for limit, fits in ((size - 1, False), (size, True)):
        dataset = dataset_of(root, limit)
        dataset.hold(0)
        assert (dataset.held is not None) is fits


def test_images_are_read_ahead_but_not_without_end(root: Path) -> None:
    asked: list[int] = []

    def passes():
        for index in range(10_000):
            asked.append(index)
            yield pass_of(0, 1, 2)

    feed = dataset_of(root).batches(passes(), 2, pin=False)
    for _ in range(5):
        next(feed)
    assert 5 < len(asked) < 100
    feed.close()


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_image_is_one_line_that_names_it(root: Path, workers: int) -> None:
    (root / "dog" / "002.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"'dog/002\.png'") as raised:
        list(dataset_of(root).batches([pass_of(*range(9))], workers, pin=False))
    assert "\n" not in str(raised.value)
    with pytest.raises(DataError, match=r"'dog/002\.png'"):
        dataset_of(root).hold(workers)


BLENDS = {3: ("dog/000.png", 0.25), 7: ("dog/001.png", 0.0), 8: ("cat/001.png", 0.6)}
VARIED = {0: (None, "flip,noise=0.1:3"), 5: ("cat/001.png", "paste=0.2:0:0.9:0.5,rotate=9")}


def blended(root: Path, transform: Transform = PLAIN, limit: int = 0) -> ImageDataset:
    """Blends, beside images as they are; the first image is in the set twice, once blended."""
    folder = scan(root)
    paths = (*folder.paths[:8], folder.paths[0])
    labels = (*folder.labels[:8], folder.labels[0])
    made = {
        place: Row(paths[place], "any", "synthetic", partner, weight)
        for place, (partner, weight) in BLENDS.items()
    }
    for place, (partner, operation) in VARIED.items():
        made[place] = Row(paths[place], "any", "augmented", partner, operation=operation)
    return ImageDataset(root, paths, labels, transform, NoAugmentation(), limit, made)


def opened(path: Path) -> Image.Image:
    return Image.open(path).convert("RGB")


@pytest.mark.parametrize("name", ["plain", "cut"])
def test_a_blend_is_one_of_the_images_before_their_transform(root: Path, name: str) -> None:
    cut = Transform(24, SIZE, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "bilinear")
    dataset = blended(root, {"plain": PLAIN, "cut": cut}[name])
    wide = opened(root / "dog/000.png").resize((3 * SIZE, 2 * SIZE))  # a partner of another size
    wide.save(root / "dog/000.png")
    for position, path in enumerate(dataset.paths):
        image = opened(root / path)
        if position in BLENDS:
            partner, weight = BLENDS[position]
            image = blend(image, opened(root / partner), weight)
        if position in VARIED:
            partner, operation = VARIED[position]
            image = operate(image, partner and opened(root / partner), operation)
        assert torch.equal(dataset.pixels(position), dataset.transform.image(image))
    assert not torch.equal(dataset.pixels(8), dataset.pixels(0))
    plain = [scan(root).paths.index(path) for path in dataset.paths]
    assert torch.equal(dataset.pixels(7), dataset_of(root).pixels(plain[7])) is (name == "plain")


def test_a_row_is_the_same_image_trained_materialized_and_as_an_item(
    root: Path, tmp_path: Path
) -> None:
    rows = [
        *(Row(f"{name}/000.png", name) for name in ("cat", "dog")),
        Row("cat/000.png", "cat", "duplicate"),
        Row("cat/001.png", "cat", "synthetic", "dog/001.png", 0.3, made_as="dog"),
        Row("dog/002.png", "dog", "augmented", operation="flip,rotate=9,noise=0.1:3"),
        Row("dog/003.png", "dog", "augmented", "cat/004.png", operation="paste=0.1:0:0.8:0.7"),
    ]
    Image.open(root / "cat/004.png").resize((31, 19)).save(root / "cat/004.png")
    record: ManifestRecord = {"classes": ["cat", "dog"], "root": str(root), "space": "pixel"}
    written = tmp_path / "m.csv"
    write_manifest(written, Manifest(root, ("cat", "dog"), tuple(rows), record=record))
    rebalance.materialize(written, tmp_path / "out")
    seen = open_training(written, FolderOptions(), 0, strict=True)
    trained = training_dataset_of(seen, PLAIN)
    items = ManifestDataset(written, transform=PLAIN.image)
    assert seen.folder.labels == tuple(items.targets) == (0, 1, 0, 1, 1, 1)
    assert items.manifest.rows == tuple(rows)
    for place, name in enumerate(sample_names(rows)):
        with Image.open(tmp_path / "out" / name) as image:
            wanted = PLAIN.image(image.convert("RGB"))
        assert torch.equal(trained.pixels(place), wanted), name
        assert torch.equal(items[place][0], wanted), name


@pytest.mark.parametrize("workers", [0, 2])
def test_blends_are_held_as_they_are_read(root: Path, workers: int) -> None:
    fresh, held = blended(root), blended(root, limit=HELD_BYTES["auto"])
    held.hold(workers)
    assert fresh.held is None and held.held is not None
    passes = [pass_of(8, 3, 0), pass_of(3, 7)]
    both = (each.batches(iter(passes), workers, pin=False) for each in (fresh, held))
    for read, kept in zip(*both, strict=True):
        assert torch.equal(read.images, kept.images) and torch.equal(read.labels, kept.labels)
    assert torch.equal(held.pixels(3), fresh.pixels(3))


def test_a_partner_that_cannot_be_read_is_named(root: Path) -> None:
    (root / "dog/000.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"'dog/000\.png'"):
        blended(root).pixels(3)
