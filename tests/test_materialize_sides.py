"""A manifest as a folder with sides: what is validated and tested on lies beside it, and apart."""

import json
import shutil
from pathlib import Path

import pytest

import rebalance
from rebalance import materialize
from rebalance.data.folder import scan
from rebalance.errors import DataError, OutputError, SettingError
from rebalance.manifest import Manifest, Row, write_manifest
from rebalance.materialization.names import CLASS_MAP, RECORD, sample_names


def write(path: Path, root: Path, rows, classes=("cat", "dog")) -> Path:
    record = {"classes": list(classes), "root": str(root)}
    manifest = Manifest(root, tuple(classes), tuple(rows), record=record)
    write_manifest(path, manifest, overwrite=True)
    return path


def tree(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def photos(tmp_path, make_folder) -> Path:
    """Images of two classes; 000 and 001 are trained on, 002 and 003 are not."""
    return make_folder(tmp_path / "photos", {"cat": 4, "dog": 4})


@pytest.fixture
def rows() -> list[Row]:
    return [
        Row("cat/000.png", "cat"),
        Row("cat/000.png", "cat", "duplicate"),
        Row("cat/000.png", "cat", "synthetic", "cat/001.png", 0.5),
        Row("dog/000.png", "dog"),
    ]


@pytest.fixture
def manifest(tmp_path, photos, rows) -> Path:
    return write(tmp_path / "m.csv", photos, rows)


@pytest.fixture
def val(tmp_path, photos) -> Path:
    return write(
        tmp_path / "val.csv", photos, [Row("cat/002.png", "cat"), Row("dog/002.png", "dog")]
    )


@pytest.fixture
def test_folder(tmp_path, make_folder) -> Path:
    """Images of one class, in a folder of their own; the other class has none."""
    return make_folder(tmp_path / "elsewhere", {"dog": 3}, size=(9, 9))


@pytest.mark.parametrize("layout", ["imagefolder", "ultralytics", "timm"])
def test_sides_lie_beside_each_other_under_the_same_numbers(
    tmp_path, photos, rows, manifest, val, test_folder, layout, caplog
):
    out = tmp_path / "out"
    made = materialize(manifest, out, val=val, test=test_folder, layout=layout)
    assert made.sides == {
        "train": {"cat": 3, "dog": 1},
        "val": {"cat": 1, "dog": 1},
        "test": {"cat": 0, "dog": 3},
    }
    assert made.counts == made.sides["train"]
    for side, counts in made.sides.items():
        found = scan(out / side, allow_empty=True)
        assert dict(zip(found.classes, found.counts, strict=True)) == counts
    assert "test has no images of 'cat'" in caplog.text
    written = tree(out)
    assert {name for name in written if "/" not in name} == {*made.sides, CLASS_MAP, RECORD}
    assert {f"train/{name}" for name in sample_names(rows)} <= set(written)
    assert written["val/cat/002.png"] == (photos / "cat" / "002.png").read_bytes()
    record = json.loads(written[RECORD])
    assert (record["format"], record["layout"]) == (2, layout)
    assert (out / record["sides"]["test"]["data"]).resolve() == test_folder
    assert record["sides"]["train"]["samples"][2] == "train/cat/000-blend.png"
    assert sum(len(side["samples"]) for side in record["sides"].values()) == 9


def test_without_sides_a_folder_is_as_it_was(tmp_path, manifest):
    made = materialize(manifest, tmp_path / "out")
    record = json.loads((tmp_path / "out" / RECORD).read_bytes())
    assert list(record) == ["format", "rebalance", "manifest", "root", "classes", "samples"]
    assert record["format"] == 1
    assert made.sides == {"train": {"cat": 3, "dog": 1}}
    assert scan(tmp_path / "out").counts == [3, 1]


@pytest.mark.parametrize(
    ("layout", "name", "odd"), [("ultralytics", "Ultralytics", "ppm"), ("timm", "timm", "bmp")]
)
def test_a_trainer_needs_images_to_validate_on_in_formats_it_reads(
    tmp_path, photos, test_folder, caplog, layout, name, odd
):
    shutil.copy(photos / "cat" / "000.png", photos / "cat" / f"odd.{odd}")
    listed = [Row(f"cat/odd.{odd}", "cat"), Row("dog/000.png", "dog")]
    path = write(tmp_path / "m.csv", photos, listed)
    said = f"{name} looks for images to validate on.*there are none: give them with --val"
    with pytest.raises(SettingError, match=said):
        materialize(path, tmp_path / "out", layout=layout)
    materialize(path, tmp_path / "out", layout=layout, test=test_folder)
    assert f"no image to {name}, the first is 'train/cat/odd.{odd}': images end" in caplog.text


@pytest.mark.parametrize("place", ["same", "copy", "partner", "link"])
def test_an_image_on_two_sides_is_named_and_nothing_is_written(
    tmp_path, photos, manifest, val, place
):
    if place == "copy":
        shutil.copy(photos / "cat" / "000.png", photos / "dog" / "003.png")
    if place == "link":
        (photos / "dog" / "link.png").symlink_to("../cat/000.png")
    shared = {"same": "cat/000.png", "copy": "dog/003.png", "partner": "cat/001.png"}
    name = shared.get(place, "dog/link.png")
    held_out = write(tmp_path / "h.csv", photos, [Row("dog/002.png", "dog"), Row(name, name[:3])])
    with pytest.raises(DataError, match="1 images of test are also in train") as raised:
        materialize(manifest, tmp_path / "out", test=held_out)
    twin = "" if place in ("same", "partner") else f", equal to {str(photos / 'cat/000.png')!r}"
    assert f"the first is {str(photos / name)!r}{twin}: take them" in str(raised.value)
    with pytest.raises(DataError, match="images of test are also in val"):
        materialize(manifest, tmp_path / "out", val=val, test=val)
    assert not (tmp_path / "out").exists() and not list(tmp_path.glob(".out*"))


def test_what_repeats_or_blends_is_nothing_to_validate_on(tmp_path, manifest):
    with pytest.raises(DataError, match="a manifest of originals, each once, was needed"):
        materialize(manifest, tmp_path / "out", val=manifest)
    assert not (tmp_path / "out").exists()


def test_a_class_that_training_has_not_is_refused(tmp_path, make_folder, manifest):
    odd = make_folder(tmp_path / "odd", {"bird": 1, "cat": 1})
    with pytest.raises(DataError, match=r"classes trained on.*has 1 of 'bird'"):
        materialize(manifest, tmp_path / "out", val=odd)


def test_a_file_that_is_gone_or_has_no_name_in_text_is_told(tmp_path, manifest, test_folder):
    (test_folder / "dog" / "gone.png").symlink_to("nowhere")
    with pytest.raises(DataError, match=r"1 of 4 cannot be read.*broken link.*or take them away"):
        materialize(manifest, tmp_path / "out", test=test_folder)
    (test_folder / "dog" / "gone.png").rename(test_folder / "dog" / "\udcff.png")
    with pytest.raises(DataError, match="need names in UTF-8"):
        materialize(manifest, tmp_path / "out", test=test_folder)


def test_a_folder_is_not_written_into_what_is_validated_on(tmp_path, manifest, test_folder):
    before = tree(tmp_path)
    for place in (test_folder, test_folder / "out", test_folder / "dog" / "out"):
        with pytest.raises(OutputError):
            materialize(manifest, place, val=test_folder)
    assert tree(tmp_path) == before


def test_sides_are_replaced_as_a_whole(tmp_path, manifest, val):
    out = tmp_path / "out"
    materialize(manifest, out, val=val, layout="ultralytics")
    for name in ("train.cache", "val.cache"):  # Ultralytics' own notes of the images it read
        (out / name).write_bytes(b"theirs")
    (out / "val" / "mine.txt").write_text("mine")
    before = tree(out)
    with pytest.raises(OutputError, match=r"'val/mine.txt', which materialize did not write"):
        materialize(manifest, out, overwrite=True)
    assert tree(out) == before
    (out / "val" / "mine.txt").unlink()
    materialize(manifest, out, overwrite=True)
    assert scan(out).counts == [3, 1] and not list(tmp_path.glob(".out*"))
    materialize(manifest, out, val=val, overwrite=True)
    assert set(tree(out)) >= {"train/dog/000.png", "val/dog/002.png"}
    assert not (out / "dog").exists()


def test_sides_that_break_off_leave_what_was_there(tmp_path, manifest, val):
    materialize(manifest, tmp_path / "out")
    before = tree(tmp_path)

    def interrupted(items, **told):
        if told["what"] == "writing val":
            raise KeyboardInterrupt
        return items

    with pytest.raises(KeyboardInterrupt):
        materialize(manifest, tmp_path / "out", val=val, overwrite=True, progress=interrupted)
    assert tree(tmp_path) == before


def test_the_command_counts_by_side(tmp_path, manifest, val, run):
    made = run("materialize", manifest, tmp_path / "out", "--val", val, "--layout", "ultralytics")
    assert made.status == 0, made.err
    assert [line.split() for line in made.out.splitlines()[:3]] == [
        ["class", "train", "val"],
        ["cat", "3", "1"],
        ["dog", "1", "1"],
    ]
    again = run("materialize", manifest, tmp_path / "out", "--val", val, "--overwrite", "--json")
    assert json.loads(again.out)["sides"]["val"] == {"cat": 1, "dog": 1}


def test_whoever_splits_afterwards_is_told_once(tmp_path, photos, manifest, val, run):
    said = "validates on images trained on"
    shutil.rmtree(photos / "dog")
    shutil.copytree(photos / "cat", photos / "dog")
    for place in sorted((photos / "dog").iterdir())[1:]:
        place.unlink()
    grown = run("oversample", photos, "-o", tmp_path / "grown.csv")
    assert grown.err.count(said) == 1 and "3 of 8 samples repeat" in grown.err
    for arguments in (
        ["materialize", tmp_path / "grown.csv", tmp_path / "out"],
        ["export", tmp_path / "grown.csv", "-o", tmp_path / "t.csv"],
    ):
        found = run(*arguments)
        assert found.status == 0 and found.err.count(said) == 1
        assert said not in run(*arguments, "--overwrite", "--quiet").err
    plain = write(tmp_path / "plain.csv", photos, [Row("cat/001.png", "cat")], ["cat"])
    held = write(tmp_path / "held.csv", photos, [Row("cat/002.png", "cat")], ["cat"])
    repeated = [Row("cat/001.png", "cat"), Row("cat/001.png", "cat", "duplicate")]
    twice = write(tmp_path / "twice.csv", photos, repeated, ["cat"])
    assert said not in run("materialize", plain, tmp_path / "a").err
    assert said not in run("materialize", twice, tmp_path / "b", "--val", held).err
    shutil.copy(photos / "cat" / "001.png", photos / "cat" / "made.png")
    new = [Row("cat/001.png", "cat"), Row("cat/made.png", "cat", "generated")]
    made = write(tmp_path / "made.csv", photos, new, ["cat"])
    assert said not in run("materialize", made, tmp_path / "c").err


def test_what_is_validated_on_may_need_further_endings(tmp_path, manifest, test_folder):
    for path in list((test_folder / "dog").iterdir()):
        path.rename(path.with_suffix(".gif"))
    with pytest.raises(DataError, match="--extensions"):
        materialize(manifest, tmp_path / "out", test=test_folder)
    made = materialize(manifest, tmp_path / "out", test=test_folder, extensions=[".gif"])
    assert made.sides["test"] == {"cat": 0, "dog": 3}
    assert rebalance.read_manifest(manifest).counts == {"cat": 3, "dog": 1}
