"""A manifest as a folder: what readers of folders make of it, and what may never happen."""

import errno
import json
import os
import shutil
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from rebalance import materialize
from rebalance.atomic import alone_at
from rebalance.data.blending import blend
from rebalance.data.folder import EXTENSIONS, scan
from rebalance.data.images import open_image
from rebalance.data.operations import operate
from rebalance.errors import DataError, ManifestError, OutputError, RebalanceError, SettingError
from rebalance.manifest import Manifest, Row, write_manifest
from rebalance.materialization.names import CLASS_MAP, RECORD, check_classes, folded, sample_names


def write(folder: Path, rows, root: Path, classes=None, **record) -> Path:
    """A manifest of ``rows`` in ``folder``."""
    names = list(classes or sorted({row.label for row in rows}))
    path = folder / "m.csv"
    record = {"classes": names, "root": str(root), **record}
    write_manifest(path, Manifest(root, tuple(names), tuple(rows), record=record), overwrite=True)
    return path


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything below a folder: the content of files, None for folders."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def photos(tmp_path, make_folder) -> Path:
    return make_folder(tmp_path / "photos", {"cat": 4, "dog": 3})


@pytest.fixture
def rows(photos) -> list[Row]:
    """Originals, one of them nested, a duplicate, and two blends."""
    (photos / "cat" / "kittens").mkdir()
    shutil.copy(photos / "dog" / "000.png", photos / "cat" / "kittens" / "000.png")
    return [
        Row("cat/000.png", "cat"),
        Row("cat/kittens/000.png", "cat"),
        Row("cat/000.png", "cat", "duplicate"),
        Row("cat/001.png", "cat", "synthetic", "dog/001.png", 0.25),
        Row("cat/001.png", "cat", "synthetic", "cat/002.png", 0.5),
        Row("dog/000.png", "dog"),
    ]


@pytest.fixture
def manifest(tmp_path, photos, rows) -> Path:
    return write(tmp_path, rows, photos)


def test_torchvision_loads_every_row_under_its_class(tmp_path, photos, rows, manifest):
    datasets = pytest.importorskip("torchvision.datasets")
    made = materialize(manifest, tmp_path / "out", workers=2)
    loaded = datasets.ImageFolder(str(tmp_path / "out"))
    assert loaded.classes == ["cat", "dog"]
    assert Counter(loaded.targets) == {0: 5, 1: 1}
    assert made.counts == {"cat": 5, "dog": 1}
    found = {path: image for (path, _), (image, _) in zip(loaded.samples, loaded, strict=True)}
    for row, name in zip(rows, sample_names(rows), strict=True):
        expected = open_image(photos / row.file_name)
        if row.partner is not None:
            expected = blend(expected, open_image(photos / row.partner), row.weight)
        assert found[str(tmp_path / "out" / name)].tobytes() == expected.tobytes()


def test_hugging_face_loads_every_row_under_its_class(tmp_path, manifest):
    datasets = pytest.importorskip(
        "datasets", reason="needs Hugging Face datasets, which is no dependency"
    )
    materialize(manifest, tmp_path / "out")
    loaded = datasets.load_dataset(
        "imagefolder", data_dir=str(tmp_path / "out"), cache_dir=str(tmp_path / "hf")
    )["train"]
    names = loaded.features["label"].names
    assert Counter(names[label] for label in loaded["label"]) == {"cat": 5, "dog": 1}


def test_a_shared_label_is_said_to_become_that_of_the_base(tmp_path, photos, rows, caplog):
    soft = [replace(row, share=0.25) if row.partner else row for row in rows]
    made = materialize(write(tmp_path, soft, photos), tmp_path / "out")
    assert made.counts == {"cat": 5, "dog": 1}
    assert "2 samples have a label that two classes share" in caplog.text


def test_what_operations_make_is_written_and_what_was_relabelled_lies_in_its_new_class(
    tmp_path, photos
):
    rows = [
        *(Row("cat/000.png", "cat"), Row("dog/000.png", "dog")),
        Row("cat/000.png", "cat", "augmented", operation="rotate=9,noise=0.1:3"),
        Row("cat/001.png", "cat", "augmented", "dog/001.png", operation="paste=0:0:0.5:1"),
        Row("cat/001.png", "cat", "synthetic", "dog/001.png", 0.5, made_as="dog"),
        Row("cat/002.png", "cat", "generated"),
    ]
    made = materialize(write(tmp_path, rows, photos), tmp_path / "out", link="hard")
    assert made.counts == {"cat": 4, "dog": 2}
    assert (made.augmented, made.blended, made.linked) == (2, 1, 3)
    names = sample_names(rows)
    assert names[2:] == [
        *("cat/000-augmented.png", "cat/001-augmented.png"),
        *("dog/001-blend.png", "cat/002.png"),
    ]
    images = {name: Image.open(photos / name) for name in ("cat/000.png", "cat/001.png")}
    images["dog"] = Image.open(photos / "dog/001.png")
    wanted = [
        operate(images["cat/000.png"], None, "rotate=9,noise=0.1:3"),
        operate(images["cat/001.png"], images["dog"], "paste=0:0:0.5:1"),
        blend(images["cat/001.png"], images["dog"], 0.5),
    ]
    for name, image in zip(names[2:5], wanted, strict=True):
        assert Image.open(tmp_path / "out" / name).tobytes() == image.tobytes()


def test_an_operation_that_nobody_knows_is_one_line_before_anything_is_written(tmp_path, photos):
    rows = [Row("cat/000.png", "cat", "augmented", operation="warp=3")]
    with pytest.raises(DataError, match=r"'cat/000.png' cannot be augmented: no operation 'warp'"):
        materialize(write(tmp_path, rows, photos), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_our_own_scan_finds_every_row(tmp_path, manifest):
    materialize(manifest, tmp_path / "out")
    assert scan(tmp_path / "out").counts == [5, 1]


def test_the_names_are_readable(rows):
    assert sample_names(rows) == [
        "cat/000.png",
        "cat/kittens__000.png",
        "cat/000-2.png",
        "cat/001-blend.png",
        "cat/001-blend-2.png",
        "dog/000.png",
    ]


def test_the_folder_is_told_of(tmp_path, manifest):
    made = materialize(manifest, tmp_path / "out")
    assert (made.linked, made.symlinked, made.blended) == (0, 0, 2)
    assert made.copied + made.reflinked == 4
    assert json.loads(json.dumps(made.as_record()))["path"] == str(tmp_path / "out")
    assert (tmp_path / "out" / CLASS_MAP).read_text() == "cat\ndog\n"
    record = json.loads((tmp_path / "out" / RECORD).read_text())
    assert record["samples"][3] == "cat/001-blend.png"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        ["cat", "dog", CLASS_MAP, RECORD]
    )


def test_workers_change_nothing(tmp_path, manifest):
    materialize(manifest, tmp_path / "one", workers=0)
    materialize(manifest, tmp_path / "two", workers=3)
    assert tree(tmp_path / "one") == tree(tmp_path / "two")


@pytest.mark.parametrize("link", ["auto", "copy", "hard", "sym", "reflink"])
def test_what_is_edited_in_place_is_no_other_file(tmp_path, photos, manifest, link, rows):
    """An editor that writes into every file of the folder; links alone reach their originals."""
    try:
        materialize(manifest, tmp_path / "out", link=link)
    except OutputError as error:
        assert link == "reflink" and "choose --link copy, or auto" in str(error)
        assert not list(tmp_path.glob(".out*")) and not (tmp_path / "out").exists()
        return
    originals = tree(photos)
    every = list(zip(rows, sample_names(rows), strict=True))
    repeated = [name for row, name in every if row.kind == "duplicate"]
    before = tree(tmp_path / "out")
    for name in repeated:
        (tmp_path / "out" / name).write_bytes(b"edited")
    assert tree(photos) == originals
    assert {name for name, data in tree(tmp_path / "out").items() if data != before[name]} == {
        *repeated
    }
    for row, name in every:
        if row.kind != "duplicate":
            (tmp_path / "out" / name).write_bytes(name.encode())
    changed = {name for name, data in tree(photos).items() if data != originals[name]}
    linked = {row.file_name for row in rows if row.kind == "original"}
    assert changed == (linked if link in ("hard", "sym") else set())


def test_files_are_hard_links_where_asked_for(tmp_path, photos, manifest):
    made = materialize(manifest, tmp_path / "out", link="hard")
    assert (made.linked, made.copied, made.blended) == (3, 1, 2)
    original = photos / "cat" / "000.png"
    assert (tmp_path / "out/cat/000.png").samefile(original)
    assert not (tmp_path / "out/cat/000-2.png").samefile(original)
    assert not (tmp_path / "out/cat/000.png").is_symlink()


def test_a_table_that_lists_an_image_twice_links_it_once(tmp_path, photos):
    (photos / "cat" / "same.png").symlink_to("000.png")
    names = ("cat/000.png", "cat/000.png", "cat/same.png")
    listed = [Row(name, "cat") for name in names]
    made = materialize(write(tmp_path, listed, photos), tmp_path / "out", link="hard")
    assert (made.linked, made.copied) == (1, 2)
    assert (photos / "cat" / "000.png").stat().st_nlink == 2


@pytest.mark.parametrize("link", ["auto", "copy", "hard", "sym"])
def test_a_link_in_the_dataset_that_leads_outside_is_copied(tmp_path, photos, link, caplog):
    outside = tmp_path / "store" / "x.png"
    outside.parent.mkdir()
    shutil.copy(photos / "cat" / "000.png", outside)
    before = outside.read_bytes()
    (photos / "cat" / "link.png").symlink_to("../../store/x.png")
    (photos / "bird").symlink_to(outside.parent, target_is_directory=True)
    listed = [Row("cat/link.png", "cat"), Row("bird/x.png", "bird")]
    made = materialize(write(tmp_path, listed, photos), tmp_path / "out", link=link)
    assert made.copied + made.reflinked == 2
    for row in listed:
        file = tmp_path / "out" / row.file_name
        assert file.read_bytes() == before and not file.is_symlink()
        file.write_bytes(b"edited")
    assert outside.read_bytes() == before and outside.stat().st_nlink == 1
    said = "2 files lie outside of" in caplog.text and "'cat/link.png'" in caplog.text
    assert said == (link in ("hard", "sym"))


def test_a_link_in_the_dataset_that_stays_inside_becomes_what_it_leads_to(tmp_path, photos):
    (photos / "cat" / "link.png").symlink_to("../dog/000.png")
    path = write(tmp_path, [Row("cat/link.png", "cat")], photos)
    materialize(path, tmp_path / "out", link="hard")
    made = tmp_path / "out" / "cat" / "link.png"
    assert not made.is_symlink()
    assert made.samefile(photos / "dog" / "000.png")


@pytest.mark.parametrize("asked", [{"symlink": True}, {"link": "sym"}])
def test_symlinks_on_request(tmp_path, photos, manifest, monkeypatch, asked):
    monkeypatch.chdir(tmp_path)
    made = materialize("m.csv", "out", **asked)
    assert (made.linked, made.symlinked, made.copied, made.blended) == (0, 3, 1, 2)
    link = tmp_path / "out" / "cat" / "kittens__000.png"
    assert link.readlink() == photos / "cat" / "kittens" / "000.png"
    assert scan(tmp_path / "out").counts == [5, 1]


def test_two_kinds_of_link_at_once_are_refused(tmp_path, manifest):
    with pytest.raises(SettingError, match="--link is hard: give one"):
        materialize(manifest, tmp_path / "out", symlink=True, link="hard")
    with pytest.raises(SettingError, match="no link 'soft': choose one of auto, hard"):
        materialize(manifest, tmp_path / "out", link="soft")


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_copies_where_there_can_be_no_hard_link(tmp_path, photos, manifest, monkeypatch, code):
    def refuse(source, target, **options):
        raise OSError(code, os.strerror(code), str(source))

    monkeypatch.setattr(os, "link", refuse)
    made = materialize(manifest, tmp_path / "out", link="hard")
    assert (made.linked, made.copied) == (0, 4)
    copied = tmp_path / "out" / "cat" / "000.png"
    assert copied.read_bytes() == (photos / "cat" / "000.png").read_bytes()
    assert not copied.samefile(photos / "cat" / "000.png")


def test_files_are_linked_as_they_are(tmp_path, photos, caplog):
    (photos / "cat" / "notes.txt").write_text("no image")
    (photos / "cat" / "broken.PNG").write_bytes(b"no image either")
    listed = [Row("cat/notes.txt", "cat"), Row("cat/broken.PNG", "cat")]
    made = materialize(write(tmp_path, listed, photos), tmp_path / "out", link="hard")
    assert made.linked == 2
    assert (tmp_path / "out/cat/notes.txt").read_text() == "no image"
    assert (
        "1 files have a name that means no image to image folders, the first is 'cat/notes.txt'"
        in (caplog.text)
    )


def test_a_blend_of_an_image_on_its_side_stands_upright(tmp_path, photos):
    exif = Image.Exif()
    exif[0x0112] = 6
    values = np.random.default_rng(0).integers(0, 256, (4, 8, 3), dtype=np.uint8)
    Image.fromarray(values).save(photos / "cat" / "side.jpg", exif=exif)
    listed = [Row("cat/side.jpg", "cat", "synthetic", "cat/000.png", 0.0)]
    materialize(write(tmp_path, listed, photos), tmp_path / "out")
    with Image.open(tmp_path / "out" / "cat" / "side-blend.png") as made:
        assert made.size == (4, 8)
        assert made.tobytes() == open_image(photos / "cat" / "side.jpg").tobytes()


def test_the_order_of_the_classes_is_kept_and_said(tmp_path, photos, caplog):
    listed = [Row("dog/000.png", "dog"), Row("cat/000.png", "cat")]
    path = write(tmp_path, listed, photos, classes=["dog", "cat"])
    materialize(path, tmp_path / "out")
    assert (tmp_path / "out" / CLASS_MAP).read_text() == "dog\ncat\n"
    assert "unlike in the manifest" in caplog.text


def test_a_class_without_rows_is_an_empty_folder_where_allowed(tmp_path, photos):
    path = write(tmp_path, [Row("cat/000.png", "cat")], photos, classes=["cat", "dog"])
    with pytest.raises(DataError, match="no images of 'dog'"):
        materialize(path, tmp_path / "out")
    made = materialize(path, tmp_path / "out", allow_empty=True)
    assert made.counts == {"cat": 1, "dog": 0}
    assert scan(tmp_path / "out", allow_empty=True).classes == ("cat", "dog")


# --- names -------------------------------------------------------------------------------------

HOSTILE = ["..", ".", "../x", "a/b", "/etc", "a\\b", "a\0b", "a\nb", "a\rb", CLASS_MAP, RECORD]


@pytest.mark.parametrize("name", ["", "\udcff", CLASS_MAP.upper(), *HOSTILE])
def test_a_class_that_cannot_be_a_folder_is_refused(name):
    with pytest.raises(DataError, match="rename the class") as raised:
        check_classes(["cat", name])
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_class_writes_nothing(tmp_path, photos, name):
    path = tmp_path / "m.csv"
    with path.open("w", newline="") as file:
        file.write(f'file_name,label\ncat/000.png,"{name}"\n')
    before = tree(tmp_path)
    with pytest.raises((DataError, ManifestError)):
        materialize(path, tmp_path / "out", root=photos)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    "name", ["../photos/cat/000.png", "/etc/hostname", "cat/../../x.png", "cat/a\0b.png", "..", "."]
)
def test_a_hostile_file_name_writes_nothing(tmp_path, photos, name):
    path = tmp_path / "m.csv"
    with path.open("w", newline="") as file:
        file.write(f'file_name,label\n"{name}",cat\n')
    before = tree(tmp_path)
    with pytest.raises((DataError, ManifestError)):
        materialize(path, tmp_path / "out", root=photos)
    assert tree(tmp_path) == before


part = st.text(
    st.one_of(
        st.sampled_from("aAbBßäÄ._-\\2 :\n"),
        st.characters(exclude_characters="\0/", exclude_categories=["Cs"]),
    ),
    min_size=1,
    max_size=8,
).filter(lambda text: text not in (".", ".."))
extension = st.sampled_from(["", ".gif", ".x" * 20, *EXTENSIONS, ".PNG"])
file_names = st.builds(
    lambda parts, end: "/".join(parts) + end, st.lists(part, min_size=1, max_size=4), extension
)
labels = st.sampled_from(["a", "b", "a b"])
some_rows = st.lists(
    st.builds(Row, file_names, labels, st.sampled_from(["original", "duplicate"]))
    | st.builds(Row, file_names, labels, st.just("synthetic"), file_names, st.just(0.5)),
    max_size=12,
)


@given(some_rows, st.integers(1, 3))
def test_names_never_collide_and_never_lead_out(rows, times):
    rows = rows * times
    names = sample_names(rows)
    assert len({folded(name) for name in names}) == len(rows)
    for row, name in zip(rows, names, strict=True):
        folder, slash, file = name.partition("/")
        assert (folder, slash) == (row.label, "/")
        assert not {"/", "\\", "\0"} & set(file)
        assert file not in ("", ".", "..")
        assert len(file.encode()) <= 255
        if row.kind == "synthetic":
            assert file.endswith(".png")
        elif row.file_name.lower().endswith(EXTENSIONS):
            assert file.lower().endswith(EXTENSIONS)


def test_names_at_their_longest():
    long = "ä" * 122 + ".jpeg"
    rows = [Row(f"{'d' * 200}/{long}", "c"), Row(f"{'d' * 200}/{long}", "c", "duplicate")]
    rows += [
        Row(f"{'d' * 200}/{'e' * 200}/x.jpeg", "c"),
        Row(f"{'d' * 200}/{'f' * 200}/x.jpeg", "c"),
    ]
    names = sample_names(rows)
    assert len(set(names)) == 4
    for name in names:
        assert len(name.encode()) <= 255
        assert name.endswith(".jpeg")


def test_originals_keep_their_names():
    rows = [Row("c/a.png", "c", "duplicate"), Row("c/a-2.png", "c"), Row("c/a.png", "c")]
    assert sample_names(rows) == ["c/a-3.png", "c/a-2.png", "c/a.png"]


def test_case_and_accents_do_not_tell_names_apart():
    rows = [
        Row("c/A.png", "c"),
        Row("c/a.PNG", "c"),
        Row("c/ä.png", "c"),
        Row("c/a\u0308.png", "c"),
    ]
    assert sample_names(rows) == ["c/A.png", "c/a-2.PNG", "c/ä.png", "c/a\u0308-2.png"]


def test_many_repetitions_are_numbered_on():
    rows = [Row("c/a.png", "c")] + [Row("c/a.png", "c", "duplicate")] * 50_000
    assert sample_names(rows)[-1] == "c/a-50001.png"


csv_text = st.text(st.sampled_from("a./\\~\0\n-:\"',é "), max_size=6) | st.sampled_from(
    ["..", "../x", "cat", "cat/000.png", "dog/000.png", "/tmp/x", "cat/../../x", "out", CLASS_MAP]
)


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(csv_text, csv_text), min_size=1, max_size=3), st.sampled_from([0, 1]))
def test_whatever_a_manifest_says_nothing_outside_is_touched(tmp_path, photos, lines, workers):
    place = tmp_path / "place"
    place.mkdir(exist_ok=True)
    shutil.rmtree(place / "out", ignore_errors=True)
    with (place / "m.csv").open("w", encoding="utf-8", newline="") as file:
        file.write("file_name,label\n")
        for name, label in lines:
            file.write(",".join('"' + cell.replace('"', '""') + '"' for cell in (name, label)))
            file.write("\n")
    before = tree(tmp_path)
    try:
        materialize(place / "m.csv", place / "out", root=photos, workers=workers)
    except RebalanceError as error:
        assert "\n" not in str(error)
        assert tree(tmp_path) == before
    else:
        after = tree(tmp_path)
        assert before == {name: after[name] for name in before}
        new = [PurePosixPath(name) for name in after if name not in before]
        assert all(name.parts[:2] == ("place", "out") for name in new)


# --- what is refused before anything is written ------------------------------------------------


def test_blends_of_features_are_refused(tmp_path, photos, rows):
    path = write(tmp_path, rows, photos, space="embedding")
    with pytest.raises(DataError, match="2 samples that blend features"):
        materialize(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    without = write(tmp_path, rows[:3], photos, space="embedding")
    assert materialize(without, tmp_path / "out").counts == {"cat": 3}


@pytest.mark.parametrize("position", [0, 3])
def test_missing_files_are_named_before_anything_is_written(tmp_path, photos, rows, position):
    name = rows[position].partner or rows[position].file_name
    (photos / name).unlink()
    before = sorted(tmp_path.iterdir())
    path = write(tmp_path, rows, photos)
    with pytest.raises(DataError, match=r"1 of 6 cannot be read.*no such file") as raised:
        materialize(path, tmp_path / "out")
    assert repr(name) in str(raised.value)
    assert sorted(tmp_path.iterdir()) == sorted({*before, *tmp_path.glob("m.*")})


def test_what_is_no_file_is_said(tmp_path, photos):
    (photos / "cat" / "gone.png").symlink_to("nowhere")
    (photos / "cat" / "folder.png").mkdir()
    os.mkfifo(photos / "cat" / "pipe.png")
    for name, reason in [
        ("gone.png", "broken link"),
        ("folder.png", "not a regular file"),
        ("pipe.png", "not a regular file"),
    ]:
        path = write(tmp_path, [Row("cat/000.png", "cat"), Row(f"cat/{name}", "cat")], photos)
        with pytest.raises(DataError, match=reason):
            materialize(path, tmp_path / "out")


def test_places_that_would_mix_with_the_images(tmp_path, photos, manifest):
    (tmp_path / "elsewhere").mkdir()
    (photos / "bird").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    shutil.copy(photos / "cat" / "000.png", tmp_path / "elsewhere" / "000.png")
    listed = [Row("cat/000.png", "cat"), Row("bird/000.png", "bird")]
    path = write(tmp_path, listed, photos)
    before = tree(tmp_path)
    for place in (
        photos,
        photos / "out",
        photos / "cat" / "out",
        photos / "bird" / "out",
        tmp_path / "elsewhere" / "out",
        photos / "cat" / ".." / "out",
        tmp_path,
    ):
        with pytest.raises(OutputError):
            materialize(path, place)
        with pytest.raises(OutputError):
            materialize(path, place, overwrite=True)
    assert tree(tmp_path) == before


def test_beside_the_folders_of_images_of_a_table_is_a_place(tmp_path, photos):
    path = write(tmp_path, [Row("photos/cat/000.png", "a")], tmp_path)
    assert materialize(path, tmp_path / "out").counts == {"a": 1}
    with pytest.raises(OutputError, match="would mix"):
        materialize(path, tmp_path / "photos" / "out")


def test_a_materialized_folder_is_not_replaced_by_a_part_of_itself(tmp_path, manifest):
    made = materialize(manifest, tmp_path / "out").path
    part = write(tmp_path, [Row("cat/000.png", "cat")], made)
    before = tree(tmp_path)
    with pytest.raises(OutputError, match="would mix"):
        materialize(part, made, overwrite=True)
    assert tree(tmp_path) == before


def test_other_places_that_are_refused(tmp_path, manifest):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "empty", target_is_directory=True)
    before = tree(tmp_path)
    for place, message in [
        ("file", "is a file"),
        ("full", "not made by materialize"),
        ("link", "is a link"),
        ("missing/out", "make it"),
    ]:
        for overwrite in (False, True):
            with pytest.raises(OutputError, match=message):
                materialize(manifest, tmp_path / place, overwrite=overwrite)
    assert tree(tmp_path) == before


def test_an_empty_folder_is_a_place(tmp_path, manifest):
    (tmp_path / "out").mkdir()
    materialize(manifest, tmp_path / "out")
    assert scan(tmp_path / "out").counts == [5, 1]
    assert not list(tmp_path.glob(".out*"))


# --- overwriting, and failing ------------------------------------------------------------------


def test_overwrite_replaces_what_materialize_wrote(tmp_path, photos, manifest):
    materialize(manifest, tmp_path / "out")
    with pytest.raises(OutputError, match="--overwrite"):
        materialize(manifest, tmp_path / "out")
    path = write(tmp_path, [Row("dog/001.png", "dog")], photos)
    before = tree(photos)
    materialize(path, tmp_path / "out", overwrite=True)
    assert set(tree(tmp_path / "out")) == {"dog", "dog/001.png", CLASS_MAP, RECORD}
    assert tree(photos) == before
    assert not list(tmp_path.glob(".out*"))


@pytest.mark.parametrize("foreign", ["mine.txt", "cat/mine.png", "folder/", "cat/deep/"])
def test_overwrite_never_deletes_what_it_did_not_write(tmp_path, manifest, foreign):
    materialize(manifest, tmp_path / "out")
    place = tmp_path / "out" / foreign
    if foreign.endswith("/"):
        place.mkdir()
    else:
        place.write_text("mine")
    before = tree(tmp_path)
    with pytest.raises(OutputError, match="materialize did not write"):
        materialize(manifest, tmp_path / "out", overwrite=True)
    assert tree(tmp_path) == before


@pytest.mark.parametrize(
    "record", ["{", "[]", "{}", '{"format": 1}', '{"format": 2, "classes": [], "samples": []}']
)
def test_a_record_that_is_not_ours_is_no_leave_to_delete(tmp_path, manifest, record):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / RECORD).write_text(record)
    with pytest.raises(OutputError, match="not made by materialize"):
        materialize(manifest, tmp_path / "out", overwrite=True)


def test_a_forged_record_reaches_nothing_outside(tmp_path, manifest, photos):
    materialize(manifest, tmp_path / "out")
    (tmp_path / "precious.txt").write_text("mine")
    record = json.loads((tmp_path / "out" / RECORD).read_text())
    record["samples"] += ["../precious.txt", str(tmp_path / "precious.txt"), "../photos/cat"]
    (tmp_path / "out" / RECORD).write_text(json.dumps(record))
    before = tree(photos)
    materialize(manifest, tmp_path / "out", overwrite=True)
    assert (tmp_path / "precious.txt").read_text() == "mine"
    assert tree(photos) == before


def broken_blend(tmp_path, photos, rows) -> Path:
    (photos / "cat" / "002.png").write_bytes(b"no image")
    return write(tmp_path, rows, photos)


def test_a_blend_that_cannot_be_made_leaves_nothing(tmp_path, photos, rows):
    path = broken_blend(tmp_path, photos, rows)
    before = tree(tmp_path)
    for workers in (0, 2):
        with pytest.raises(DataError, match=r"'cat/002.png' cannot \(not an image") as raised:
            materialize(path, tmp_path / "out", workers=workers)
        assert "\n" not in str(raised.value)
        assert tree(tmp_path) == before


@pytest.mark.parametrize("workers", [0, 3])
@pytest.mark.parametrize("existing", [False, True])
def test_an_interruption_leaves_what_was_there(tmp_path, photos, manifest, workers, existing):
    if existing:
        materialize(manifest, tmp_path / "out")
    path = write(tmp_path, [Row(f"dog/00{n}.png", "dog") for n in range(3)], photos)
    before = tree(tmp_path)

    def interrupted(items, **told):
        yield next(iter(items))
        raise KeyboardInterrupt

    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt) as raised:
        materialize(path, tmp_path / "out", overwrite=True, workers=workers, progress=interrupted)
    # While the traceback still holds what was under way, as it does where folders are removed.
    assert raised.value is not None
    assert threading.active_count() == threads
    assert tree(tmp_path) == before


def test_a_full_disk_leaves_what_was_there(tmp_path, manifest, monkeypatch):
    materialize(manifest, tmp_path / "out")
    before = tree(tmp_path)

    def refuse(source, target, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OutputError, match="No space left on device") as raised:
        materialize(manifest, tmp_path / "out", overwrite=True, link="hard")
    assert "\n" not in str(raised.value)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("failing", [1, 2])
def test_a_swap_that_fails_is_taken_back(tmp_path, manifest, monkeypatch, failing):
    materialize(manifest, tmp_path / "out")
    before = tree(tmp_path)
    rename, calls = Path.rename, []

    def sometimes(self, target):
        calls.append(target)
        if len(calls) == failing:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY), str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", sometimes)
    with pytest.raises(OutputError, match="busy"):
        materialize(manifest, tmp_path / "out", overwrite=True)
    assert tree(tmp_path) == before


def test_what_comes_into_the_folder_being_replaced_is_kept(tmp_path, manifest, monkeypatch, caplog):
    materialize(manifest, tmp_path / "out")
    rename = Path.rename

    def intruding(self, target):
        moved = rename(self, target)
        if self.name == "out":
            (target / "cat" / "mine.txt").write_text("mine")
        return moved

    monkeypatch.setattr(Path, "rename", intruding)
    materialize(manifest, tmp_path / "out", overwrite=True)
    (left,) = tmp_path.glob(".out.*.replaced")
    assert tree(left) == {"cat": None, "cat/mine.txt": b"mine"}
    assert "could not be deleted wholly" in caplog.text


def test_what_comes_to_lie_there_meanwhile_is_not_lost(tmp_path, manifest):
    def intruding(items, **told):
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "mine.txt").write_text("mine")
        return items

    with pytest.raises(OutputError, match="not made by materialize"):
        materialize(manifest, tmp_path / "out", progress=intruding)
    assert tree(tmp_path / "out") == {"mine.txt": b"mine"}
    assert not list(tmp_path.glob(".out*"))


# --- the command -------------------------------------------------------------------------------


def test_the_command(tmp_path, manifest, run):
    outcome = run("materialize", manifest, tmp_path / "out", "--link", "hard")
    assert outcome.status == 0, outcome.err
    said = f"wrote {tmp_path / 'out'}: 3 linked, 1 copied, 2 blended"
    assert outcome.out.splitlines()[-1] == said
    again = run("materialize", manifest, tmp_path / "out")
    assert again.status == 1
    assert "--overwrite" in again.error
    replaced = run("materialize", manifest, tmp_path / "out", "--overwrite", "--symlink", "--json")
    assert json.loads(replaced.out)["symlinked"] == 3


# --- killed ------------------------------------------------------------------------------------


def killed_at(rename_number: int, manifest: Path, output: Path) -> None:
    """Replace a folder in a process that is gone before a rename, or before it deletes."""
    child = os.fork()
    if child:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        return
    left, rename = [rename_number], Path.rename

    def counted(self, target):
        left[0] -= 1
        return os._exit(9) if left[0] < 0 else rename(self, target)

    Path.rename = counted
    shutil.rmtree = lambda *arguments, **options: os._exit(9)
    materialize(manifest, output, overwrite=True)
    os._exit(0)


@pytest.mark.parametrize("rename_number", [0, 1, 2])
def test_what_a_killed_process_left_is_tidied(tmp_path, photos, manifest, rename_number):
    out = tmp_path / "out"
    (tmp_path / "new").mkdir()
    path = write(tmp_path / "new", [Row("dog/001.png", "dog")], photos)
    old, new = ({"cat/000.png", "cat/kittens__000.png"}, {"dog/001.png"})
    materialize(manifest, out)
    killed_at(rename_number, path, out)
    assert list(tmp_path.glob(".out*"))
    with pytest.raises(OutputError, match="--overwrite"):  # by now one of them is there again
        materialize(path, out)
    materialize(path, tmp_path / "other")
    assert tree(out).keys() >= (new if rename_number == 2 else old)
    materialize(path, out, overwrite=True)
    assert tree(out).keys() == tree(tmp_path / "other").keys()
    assert not list(tmp_path.glob(".out*"))


def test_two_at_once_are_told_apart(tmp_path, manifest):
    said = r"another process .* writes to .*out': wait until"
    alone = alone_at(tmp_path / "out", tmp_path / ".out.lock")
    with alone, pytest.raises(OutputError, match=said):
        materialize(manifest, tmp_path / "out")
    materialize(manifest, tmp_path / "out")
