"""Rows of a table of features find their images by name."""

import unicodedata
from pathlib import Path

import numpy as np
import pytest

from rebalance.data.folder import ImageFolder
from rebalance.errors import DataError
from rebalance.features.matching import match

ROOT = Path("/data/set/train")
PATHS = ("cat/1.png", "cat/2.png", "dog/bär 3.png", "dog/sub/4.png")


def folder(*paths: str, root: Path = ROOT) -> ImageFolder:
    names = paths or PATHS
    classes = sorted({name.split("/")[0] for name in names})
    labels = tuple(classes.index(name.split("/")[0]) for name in names)
    return ImageFolder(root, tuple(classes), names, labels)


@pytest.mark.parametrize(
    "written",
    [
        "{}",
        "./{}",
        " {} ",
        "train/{}",
        "set/train/{}",
        "../train/{}",
        "/data/set/train/{}",
        "/data//set/other/../train/{}",
        "file:///data/set/train/{}",
        "elsewhere/{}",
        "/home/me/{}",
        "s3://bucket/photos/{}",
        "C:/photos/{}",
    ],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
@pytest.mark.parametrize("separator", ["/", "\\"])
def test_names_are_read_as_the_paths_they_mean(written: str, form: str, separator: str) -> None:
    names = [written.format(path) for path in reversed(PATHS)]
    names = [unicodedata.normalize(form, name).replace("/", separator) for name in names]
    if separator == "\\" and "://" in written:
        names = [name.replace(":\\\\", "://") for name in names]
    found = match(folder(), names, Path("f.npz"))
    assert found.images.tolist() == [0, 1, 2, 3]
    assert found.rows.tolist() == [3, 2, 1, 0]
    assert not len(found.missing) and not len(found.unused) and not len(found.repeats)


def test_what_is_left_over_on_either_side_is_told() -> None:
    found = match(folder(), ["dog/9.png", "cat/2.png", "cat/1.png", "cat/2.png"], Path("f.npz"))
    assert (found.images.tolist(), found.rows.tolist()) == ([0, 1], [2, 1])
    assert (found.missing.tolist(), found.unused.tolist()) == ([2, 3], [0])
    assert (found.repeats.tolist(), found.repeated.tolist()) == ([3], [1])


def test_a_table_of_several_folders_gives_each_its_own() -> None:
    names = ["val/cat/1.png", "train/cat/1.png", "val/cat/2.png", "val/dog/bär 3.png"]
    found = match(folder(), names, Path("f.npz"))
    assert (found.images.tolist(), found.rows.tolist()) == ([0], [1])


def test_an_end_counts_where_it_is_of_one_image() -> None:
    found = match(folder(), ["4.png", "bär 3.png", "2.png"], Path("f.npz"))
    assert (found.images.tolist(), found.rows.tolist()) == ([1, 2, 3], [2, 1, 0])
    with pytest.raises(DataError, match=r"'1.png', which may be 'cat/1.png' or 'dog/1.png' in"):
        match(folder("cat/1.png", "dog/1.png", "dog/2.png"), ["2.png", "1.png"], Path("f.npz"))


@pytest.mark.parametrize(
    "names", [["CAT/1.PNG"], ["cat/1.jpg"], ["0", "1"], ["bird/1.png"], ["at/1.png"], ["", "/"]]
)
def test_other_names_are_of_no_image(names: list[str]) -> None:
    with pytest.raises(DataError, match="names none of the images in '/data/set/train'"):
        match(folder(), names, Path("f.npz"))


def test_files_whose_names_differ_in_form_alone_are_two() -> None:
    composed, apart = (unicodedata.normalize(form, "cat/ä.png") for form in ("NFC", "NFD"))
    found = match(folder(composed, apart), [apart, composed], Path("f.npz"))
    assert found.rows.tolist() == [1, 0]


def test_a_backslash_in_a_name_is_a_letter_first() -> None:
    found = match(folder("cat/a\\b.png", "cat/c.png"), ["cat/c.png", "cat/a\\b.png"], Path("f"))
    assert found.rows.tolist() == [1, 0]


def test_a_few_names_by_chance_make_no_table_of_these_images() -> None:
    paths = [f"cat/{number}.png" for number in range(100)]
    names = ["cat/7.png", *(f"cat/other{number}.png" for number in range(99))]
    with pytest.raises(DataError, match=r"names 1 of the images in .*100 rows for 100 images"):
        match(folder(*paths), names, Path("f.npz"))
    assert len(match(folder(*paths), ["cat/7.png"], Path("f.npz")).missing) == 99
    assert len(match(folder("cat/7.png"), names, Path("f.npz")).unused) == 99


def test_names_that_lead_to_other_files_are_of_another_folder(tmp_path: Path) -> None:
    for name in ("train", "val", "again"):
        (tmp_path / name / "cat").mkdir(parents=True)
    for name in ("train", "val"):
        (tmp_path / name / "cat" / "1.png").write_bytes(name.encode())
    (tmp_path / "again" / "cat" / "1.png").hardlink_to(tmp_path / "train" / "cat" / "1.png")
    own = folder("cat/1.png", root=tmp_path / "train")
    for name in (f"{tmp_path}/val/cat/1.png", "val/cat/1.png"):
        with pytest.raises(DataError, match=r"val/cat/1.png', which is another file than .*train"):
            match(own, [name], tmp_path / "f.npz")
    assert match(own, ["again/cat/1.png"], tmp_path / "f.npz").rows.tolist() == [0]


def test_matching_agrees_with_a_slow_look_at_every_pair() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        paths = sorted({"/".join(rng.choice(list("ab"), rng.integers(2, 4))) for _ in range(5)})
        names = ["x/" + path if rng.random() < 0.7 else path + "z" for path in paths]
        rng.shuffle(names)
        longest = {
            name: max((path for path in paths if name.endswith(f"/{path}")), key=len, default=None)
            for name in names
        }
        if not any(longest.values()):
            continue
        found = match(folder(*paths), names, Path("f.npz"))
        for image, row in zip(found.images, found.rows, strict=True):
            assert longest[names[row]] == paths[image]
        assert {paths[image] for image in found.images} == {*filter(None, longest.values())}
