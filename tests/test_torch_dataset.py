"""ManifestDataset beside torchvision's ImageFolder, and beside what materialize writes."""

import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, DataLoader, Subset, random_split
from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import default_loader
from torchvision.transforms import v2

import rebalance
from rebalance import Manifest, Row
from rebalance.data.presence import missing
from rebalance.errors import DataError, SettingError
from rebalance.materialization.names import RECORD
from rebalance.reading import read_json
from rebalance.records import ManifestRecord
from rebalance.torch import ManifestDataset
from rebalance.torch.packing import PackedRows

SIZE = (8, 6)


def manifest_of(root: Path, classes: Sequence[str], rows: Sequence[Row]) -> Manifest:
    record: ManifestRecord = {"root": str(root), "classes": [*classes]}
    return Manifest(root, tuple(classes), tuple(rows), record=record)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of two classes; the second cat is a JPEG that a camera held sideways."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name in ("cat/1.png", "cat/2.jpg", "cat/é.png", "dog/1.png", "dog/in/2.png"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        image = Image.fromarray(rng.integers(0, 256, (*SIZE, 3), np.uint8))
        exif = Image.Exif()
        exif[0x0112] = 6
        image.save(root / name, **({"exif": exif} if name.endswith("jpg") else {}))
    return root


ROWS = (
    Row("dog/in/2.png", "dog", cluster=1, distance=0.25),
    Row("cat/1.png", "cat"),
    Row("cat/1.png", "cat", kind="duplicate"),
    Row("cat/1.png", "cat", kind="synthetic", partner="cat/é.png", weight=0.25),
    Row("cat/é.png", "cat", kind="duplicate"),
    Row("cat/2.jpg", "cat", kind="synthetic", partner="dog/1.png", weight=0.5, share=0.25),
    Row("dog/1.png", "dog"),
    Row("cat/é.png", "cat"),
)


@pytest.fixture
def manifest(photos: Path) -> Manifest:
    """One with repeated and blended rows, and a class without any."""
    return manifest_of(photos, ("ant", "cat", "dog"), ROWS)


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image)


def test_a_folder_and_a_manifest_of_it_are_what_image_folder_has(
    photos: Path, tmp_path: Path
) -> None:
    theirs = ImageFolder(photos)
    names = [Path(path).relative_to(photos).as_posix() for path, _ in theirs.imgs]
    rows = [Row(name, name.partition("/")[0]) for name in names]
    path = tmp_path / "all.csv"
    rebalance.write_manifest(path, manifest_of(photos, theirs.classes, rows))
    for ours in (ManifestDataset(photos), ManifestDataset(path)):
        assert ours.classes == theirs.classes and ours.class_to_idx == theirs.class_to_idx
        assert ours.samples == theirs.samples and theirs.imgs == ours.imgs
        assert ours.targets == ours.get_labels() == theirs.targets and len(ours) == len(theirs)
        for index, ((image, target), (other, label)) in enumerate(zip(ours, theirs, strict=True)):
            assert target == label and type(target) is int
            if not theirs.samples[index][0].endswith("jpg"):  # which torchvision leaves on its side
                assert np.array_equal(pixels(image), pixels(other))
        assert ours[1][0].size == SIZE and theirs[1][0].size == SIZE[::-1]
        assert ours[-1][1] == theirs[-1][1] == ours[np.int64(4)][1]
    with pytest.raises(IndexError):
        ours[5]


def test_items_are_the_images_that_materialize_writes(manifest: Manifest, tmp_path: Path) -> None:
    rebalance.write_manifest(tmp_path / "M.csv", manifest)
    folder = rebalance.materialize(tmp_path / "M.csv", tmp_path / "folder", allow_empty=True)
    names = read_json(folder.path / RECORD)["samples"]
    dataset = ManifestDataset(tmp_path / "M.csv")
    for (image, target), name, row in zip(dataset, names, ROWS, strict=True):
        written = default_loader(str(folder.path / name))
        assert np.array_equal(pixels(image), pixels(written)), row
        assert dataset.classes[target] == row.label


def test_repeat_transform_is_for_blends_and_what_was_shown_before(manifest: Manifest) -> None:
    dataset = ManifestDataset(
        manifest,
        lambda image: ("once", image.size),
        lambda target: target + 10,
        repeat_transform=lambda image: ("again", image.size),
        with_index=True,
    )
    found = [(item[0][0], *item[1:]) for item in dataset]
    kinds = ["once", "once", "again", "again", "once", "again", "once", "again"]
    assert found == list(zip(kinds, [12, 11, 11, 11, 11, 11, 12, 11], range(8), strict=True))
    dataset.repeat_transform = None
    assert {item[0][0] for item in dataset} == {"once"}
    said = repr(dataset)
    assert "8 (4 images, 2 repeated, 2 blended)" in said and "3, of 0 to 6" in said


def test_targets_that_classes_share(manifest: Manifest, caplog: pytest.LogCaptureFixture) -> None:
    soft = ManifestDataset(manifest, soft_targets=True)
    assert not caplog.records
    assert soft[5][1].tolist() == [0, 0.75, 0.25] and soft[5][1].dtype == torch.float32
    assert soft[3][1].tolist() == [0, 1, 0]
    assert ManifestDataset(manifest)[5][1] == 1
    assert "1 samples have a label that two classes share" in caplog.text


def test_the_rows_and_what_is_pickled_of_them(manifest: Manifest) -> None:
    dataset = ManifestDataset(manifest)
    assert dataset.targets and dataset.manifest == manifest
    there = pickle.loads(pickle.dumps(dataset))
    assert "targets" not in vars(there) and there.targets == dataset.targets
    assert there.manifest == manifest and there.samples == dataset.samples
    first = list(dataset.samples[:1])
    assert dataset.samples + first == [*dataset.samples, *first]
    assert first + dataset.samples == [*first, *dataset.samples]
    many = replace(manifest, rows=tuple(Row(f"cat/{n}.png", "cat") for n in range(10_000)))
    packed = PackedRows.of(many)
    assert len(pickle.dumps(packed)) < 90 * 10_000
    assert tuple(packed.rows(many.classes)) == many.rows


@pytest.mark.parametrize("start", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_workers_read_the_same_items(manifest: Manifest, start: str) -> None:
    steps = v2.Compose([v2.Resize((4, 4)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    dataset = ManifestDataset(manifest, steps, with_index=True)
    loader = DataLoader(dataset, 8, num_workers=1, multiprocessing_context=start)
    (images, targets, indices) = next(iter(loader))
    assert torch.equal(images, torch.stack([item[0] for item in dataset]))
    assert targets.tolist() == dataset.targets and indices.tolist() == [*range(8)]


def test_torchs_own_wrappers_take_it(manifest: Manifest) -> None:
    dataset = ManifestDataset(manifest)
    one, other = random_split(dataset, [3, 5])
    both = ConcatDataset([Subset(one, [0]), other])
    assert len(both) == 6 and both[0][1] == one[0][1]


def test_a_loader_reads_plain_rows_and_both_sides_of_a_blend(manifest: Manifest) -> None:
    dataset = ManifestDataset(manifest, loader=default_loader)
    assert dataset[3][0].tobytes() == ManifestDataset(manifest)[3][0].tobytes()
    paths = ManifestDataset(manifest, loader=str)
    assert paths[0][0] == paths.samples[0][0] == str(manifest.root / "dog/in/2.png")
    with pytest.raises(SettingError, match=r"item 3 is made of images.*it returned str"):
        paths[3]


def test_what_cannot_be_followed_is_a_line(manifest: Manifest, tmp_path: Path) -> None:
    gone = replace(manifest, rows=(*ROWS, Row("cat/9.png", "cat"), Row("no/1.png", "dog")))
    with pytest.raises(DataError, match=r"2 of 7 are not there \('cat/9.png', 'no/1.png'\)"):
        ManifestDataset(gone)
    with pytest.raises(DataError, match=r"label of 'ant'.*some have 'elk'"):
        ManifestDataset(replace(manifest, rows=(Row("cat/1.png", "elk"),)))
    with pytest.raises(DataError, match="no folder here"):
        ManifestDataset(manifest, root=tmp_path / "nowhere")
    with pytest.raises(DataError, match="needed, not a NoneType"):
        ManifestDataset(None)
    with pytest.raises(TypeError, match="slice"):
        ManifestDataset(manifest)[:2]
    with pytest.raises(DataError, match="EmbeddingDataset"):
        ManifestDataset(replace(manifest, record={"space": "embedding"}))
    (tmp_path / "cat").mkdir()
    (tmp_path / "cat" / "1.png").write_bytes(b"no image")
    dataset = ManifestDataset(replace(manifest, root=tmp_path, rows=ROWS[1:2]))
    with pytest.raises(DataError, match=r"item 0 needs 'cat/1.png', which cannot be read \("):
        dataset[0]


def test_files_are_missing_where_nothing_is(photos: Path) -> None:
    names = ["cat/1.png", "cat/3.png", "elk/1.png", "dog/in/2.png", "dog/in", "cat/\0", "1.png"]
    assert missing(photos, names) == [
        name for name in names if "\0" in name or not (photos / name).exists()
    ]
