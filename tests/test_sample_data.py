"""The sample data is what its README says, and what its script makes."""

import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

SAMPLE_DATA = Path(__file__).resolve().parents[1] / "sample_data"
SPLITS = ("train", "test")


def images(root: Path) -> dict[str, bytes]:
    files = (path for split in SPLITS for path in (root / split).rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def subclasses() -> list[dict[str, str]]:
    with (SAMPLE_DATA / "subclasses.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_train_is_imbalanced_and_test_is_balanced() -> None:
    counts = Counter(tuple(name.split("/")[:2]) for name in images(SAMPLE_DATA))
    assert counts == {
        ("train", "curves"): 60,
        ("train", "lines"): 180,
        ("train", "loops"): 360,
        ("test", "curves"): 60,
        ("test", "lines"): 60,
        ("test", "loops"): 60,
    }


def test_subclasses_name_every_image_once(subclasses: list[dict[str, str]]) -> None:
    assert Counter(row["file_name"] for row in subclasses) == Counter(images(SAMPLE_DATA).keys())
    assert all(row["file_name"].split("/")[1] == row["label"] for row in subclasses)


def test_each_class_has_a_rare_digit_to_train_on(subclasses: list[dict[str, str]]) -> None:
    digits = Counter(
        (row["label"], row["subclass"])
        for row in subclasses
        if row["file_name"].startswith("train/")
    )
    assert digits == {
        ("curves", "2"): 20,
        ("curves", "3"): 26,
        ("curves", "5"): 14,
        ("lines", "1"): 90,
        ("lines", "4"): 30,
        ("lines", "7"): 60,
        ("loops", "0"): 30,
        ("loops", "6"): 150,
        ("loops", "8"): 80,
        ("loops", "9"): 100,
    }


def test_no_image_is_there_twice() -> None:
    found = images(SAMPLE_DATA)
    assert len(set(found.values())) == len(found)


def test_images_are_the_scans_they_are_named_after(subclasses: list[dict[str, str]]) -> None:
    target = pytest.importorskip("sklearn.datasets").load_digits().target
    for row in subclasses:
        assert str(target[int(Path(row["file_name"]).stem)]) == row["subclass"]


def test_images_are_small_grey_pictures() -> None:
    for name in images(SAMPLE_DATA):
        with Image.open(SAMPLE_DATA / name) as image:
            assert (image.format, image.mode, image.size) == ("PNG", "L", (32, 32))


def test_all_of_it_stays_under_a_megabyte() -> None:
    assert sum(len(data) for data in images(SAMPLE_DATA).values()) < 1_000_000


def test_the_script_makes_the_same_bytes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SAMPLE_DATA / "make.py", tmp_path], check=True)
    assert images(tmp_path) == images(SAMPLE_DATA)
    name = "subclasses.csv"
    assert (tmp_path / name).read_bytes() == (SAMPLE_DATA / name).read_bytes()
