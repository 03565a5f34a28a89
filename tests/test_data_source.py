"""DATA as a folder or a manifest, and what is said of files that cannot be read."""

import logging

import pytest

from rebalance import import_csv
from rebalance.data.folder import Unreadable, scan
from rebalance.data.source import FIRST, NAMED_AT_MOST, open_files, open_source, source_of
from rebalance.data.unreadable import report_unreadable
from rebalance.errors import DataError
from rebalance.manifest import Dropped, Manifest, Row, write_manifest
from rebalance.settings import FolderOptions


@pytest.fixture
def photos(make_folder, tmp_path):
    return make_folder(tmp_path / "photos", {"cat": 3, "dog": 2})


def theirs(path, lines, header="file_name,label"):
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def test_a_folder_is_scanned(photos):
    source = open_source(photos, FolderOptions())
    assert source.folder == scan(photos)
    assert (source.rows, source.dropped, source.unreadable) == ((), (), ())
    assert (source.manifest, source.record) == (None, None)
    with pytest.raises(DataError, match="--root is for manifests"):
        open_source(photos, FolderOptions(root=photos))


def test_a_manifest_keeps_its_order_and_all_it_knows(photos, tmp_path):
    rows = (
        Row("dog/001.png", "dog", cluster=1, distance=0.25),
        Row("cat/002.png", "cat"),
        Row("dog/000.png", "dog", cluster=0, distance=1.5),
    )
    dropped = (Dropped("cat/000.png", "cat", 0, 2.0, "closest: not among them"),)
    gone = {"file_name": "cat/001.png", "label": "cat", "reason": "empty file (0 bytes)"}
    record = {"format": 1, "root": str(photos), "classes": ["dog", "cat"], "unreadable": [gone]}
    manifest = Manifest(photos, ("dog", "cat"), rows, dropped, record)
    write_manifest(tmp_path / "m.csv", manifest)
    source = open_source(tmp_path / "m.csv", FolderOptions())
    assert source.folder.root == photos
    assert source.folder.classes == ("dog", "cat")
    assert source.folder.paths == ("dog/001.png", "cat/002.png", "dog/000.png")
    assert source.folder.labels == (0, 1, 0)
    assert source.rows == rows
    assert source.dropped == dropped
    assert source.unreadable == (Unreadable(*gone.values()),)
    assert (source.manifest, source.record) == (tmp_path / "m.csv", record)
    assert source_of(manifest).manifest is None


def test_for_a_look_at_files_rows_stand_for_what_they_are_made_of(photos, tmp_path, caplog):
    rows = (
        Row("dog/001.png", "dog"),
        Row("dog/001.png", "dog", "duplicate"),
        Row("dog/001.png", "dog", "synthetic", "cat/002.png", 0.25),
    )
    record = {"root": str(photos), "classes": ["cat", "dog"]}
    write_manifest(tmp_path / "m.csv", Manifest(photos, ("cat", "dog"), rows, record=record))
    found = open_files(tmp_path / "m.csv", FolderOptions(allow_empty=True)).folder
    assert (found.paths, found.labels) == (("dog/001.png", "cat/002.png"), (1, 0))
    assert "the 3 rows of" in caplog.text and "made of 2 files" in caplog.text
    assert open_files(photos, FolderOptions()).folder == scan(photos)


def test_only_originals_each_once_can_be_worked_on(photos, tmp_path):
    header = "file_name,label,kind,partner,weight"
    lines = [
        "cat/000.png,cat,original,,",
        "cat/000.png,cat,duplicate,,",
        "dog/000.png,dog,original,,",
        "dog/000.png,dog,original,,",
        "dog/000.png,dog,synthetic,dog/001.png,0.5",
    ]
    path = theirs(tmp_path / "m.csv", lines, header)
    with pytest.raises(DataError, match="2 samples that were added and 1 repeated files"):
        open_source(path, FolderOptions(root=photos))


@pytest.mark.parametrize("name", ["/cat/000.png", "../cat/000.png", "./cat/000.png", "cat//0.png"])
def test_files_and_partners_are_named_plainly(photos, tmp_path, name):
    header = "file_name,label,kind,partner,weight"
    partner = theirs(tmp_path / "p.csv", [f"cat/000.png,cat,synthetic,{name},0.5"], header)
    file = theirs(tmp_path / "f.csv", [f"{name},cat,original,,"], header)
    for path in (partner, file):
        with pytest.raises(DataError, match="file names are relative to the folder"):
            open_source(path, FolderOptions(root=photos))


def test_a_wrong_root_is_said_at_once(photos, tmp_path):
    lines = [f"cat/{number:03d}.png,cat" for number in range(3)]
    path = theirs(tmp_path / "m.csv", [*lines, "dog/000.png,dog"])
    with pytest.raises(DataError, match=r"no 'cat/000.png', nor any of the next: .*--root"):
        open_source(path, FolderOptions(root=tmp_path))
    with pytest.raises(DataError, match="is no folder here: say where they are with --root"):
        open_source(path, FolderOptions(root=tmp_path / "nowhere"))
    assert len(open_source(path, FolderOptions(root=photos)).folder.paths) == 4


@pytest.mark.parametrize(("absent", "accepted"), [(FIRST - 1, True), (FIRST, False)])
def test_one_of_the_first_files_must_be_there(photos, tmp_path, absent, accepted):
    lines = [f"cat/absent{number}.png,cat" for number in range(absent)]
    path = theirs(tmp_path / "m.csv", [*lines, "cat/000.png,cat", "dog/000.png,dog"])
    if accepted:
        assert len(open_source(path, FolderOptions(root=photos)).folder.paths) == absent + 2
    else:
        with pytest.raises(DataError, match="nor any of the next"):
            open_source(path, FolderOptions(root=photos))


def test_an_empty_manifest_and_an_empty_class_are_refused(photos, tmp_path):
    with pytest.raises(DataError, match="has no images of any class"):
        open_source(theirs(tmp_path / "m.csv", []), FolderOptions(root=photos))
    record = {"format": 1, "root": str(photos), "classes": ["cat", "dog"]}
    manifest = Manifest(photos, ("cat", "dog"), (Row("cat/000.png", "cat"),), record=record)
    write_manifest(tmp_path / "n.csv", manifest)
    with pytest.raises(DataError, match="has no images of 'dog'"):
        open_source(tmp_path / "n.csv", FolderOptions())
    source = open_source(tmp_path / "n.csv", FolderOptions(allow_empty=True))
    assert source.folder.counts == [1, 0]


# --- files that cannot be read -----------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, NAMED_AT_MOST, NAMED_AT_MOST + 1, 5000])
def test_the_first_unreadable_files_are_named_and_the_rest_counted(caplog, count):
    files = [Unreadable(f"cat/{number}.png", "cat", "not an image") for number in range(count)]
    with caplog.at_level(logging.WARNING):
        report_unreadable(files, count + 1, strict=False)
    named = [f"unreadable: {file.path!r}: not an image" for file in files[:20]]
    more = [f"unreadable: {count - 20} more; all are named in M.json and by --json"]
    assert caplog.messages == named + more * (count > 20)


def test_all_unreadable_files_are_in_the_record(run, photos, tmp_path):
    for number in range(33):
        (photos / "cat" / f"zero{number:02d}.png").touch()
    found = run("undersample", photos, "-o", tmp_path / "m.csv", "--method", "random")
    assert found.status == 0
    assert found.err.count("unreadable: ") == 21
    assert "unreadable: 13 more" in found.err
    source = open_source(tmp_path / "m.csv", FolderOptions())
    assert len(source.unreadable) == 33


def test_a_table_none_of_whose_files_is_there_is_one_line(run, photos, tmp_path):
    lines = [f"absent/{number}.png,cat" for number in range(50)]
    table = theirs(photos / "t.csv", lines)
    found = run("import", table, "-o", tmp_path / "m.csv")
    assert found.status == 1
    assert found.err.count("\n") == 1
    assert "the nearest is 'cat/002.png': correct the paths, or say where" in found.error


def test_the_absent_files_of_a_table_are_named_once_and_not_all(photos, caplog):
    lines = [f"absent/{number}.png,cat" for number in range(50)]
    table = theirs(photos / "t.csv", [*lines, *lines, "cat/000.png,cat"])
    found = import_csv(table)
    assert [entry["file_name"] for entry in found.record["unreadable"]] == [
        f"absent/{number}.png" for number in range(50)
    ]
    unreadable = [text for text in caplog.messages if text.startswith("unreadable")]
    assert len(unreadable) == 21
    assert unreadable[-1].startswith("unreadable: 30 more")
    (advice,) = set(caplog.messages) - set(unreadable)
    assert "no file 'absent/0.png'" in advice and "find 1 of 101 rows" in advice
