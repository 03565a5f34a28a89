"""A manifest in a tree that is copied or moved finds its images, and has the bytes it had."""

import json
import shutil
from pathlib import Path

import pytest

import rebalance
from rebalance.manifest import Manifest, Row, read_manifest, write_manifest
from rebalance.manifest.rooting import absolute_root, relative_root

ROWS = (Row("cat/000.png", "cat"), Row("dog/001.png", "dog"))


def written(path: Path, root: Path, **record: object) -> str:
    """Write a manifest of images in ``root``; return the root that its record says."""
    told = {"root": str(root), "classes": ["cat", "dog"], **record}
    write_manifest(path, Manifest(root, ("cat", "dog"), ROWS, record=told))  # type: ignore[arg-type]
    said: str = json.loads(path.with_suffix(".json").read_bytes())["root"]
    return said


@pytest.mark.parametrize(
    ("place", "root", "said"),
    [
        ("m.csv", "photos/train", "photos/train"),
        ("m.csv", ".", "."),
        ("lists/m.csv", "photos", "../photos"),
        ("lists/deep/m.csv", "lists", ".."),
    ],
)
def test_the_root_is_seen_from_the_manifest(tmp_path, place, root, said):
    for each in (tmp_path / "here", tmp_path / "there" / "copy"):
        path = each / place
        path.parent.mkdir(parents=True)
        (each / root).mkdir(parents=True, exist_ok=True)
        assert written(path, each / root) == said
        found = read_manifest(path)
        assert (found.root, found.record["root"]) == (each / root, str(each / root))
    first, second = (tmp_path / each / place for each in ("here", "there/copy"))
    assert first.with_suffix(".json").read_bytes() == second.with_suffix(".json").read_bytes()


def test_a_tree_of_its_own_is_named_in_full():
    assert relative_root(Path("/mnt/photos"), Path("/work/lists")) == "/mnt/photos"
    assert relative_root(Path("/"), Path("/work")) == "/"
    assert absolute_root("/mnt/photos", Path("/work/lists")) == "/mnt/photos"


def test_links_are_followed_as_the_system_follows_them(tmp_path):
    (tmp_path / "disk" / "photos").mkdir(parents=True)
    (tmp_path / "disk" / "lists").mkdir()
    work = tmp_path / "work"
    work.mkdir()
    (work / "photos").symlink_to(tmp_path / "disk" / "photos")
    (work / "lists").symlink_to(tmp_path / "disk" / "lists")
    # Down through a link: as it is written, so that a copy with a link of its own is followed.
    assert written(work / "m.csv", work / "photos") == "photos"
    # Up from a link: from where it ends, which is where the system goes up from.
    said = written(work / "lists" / "m.csv", work / "photos")
    for path in (work / "lists" / "m.csv", tmp_path / "disk" / "lists" / "m.csv"):
        assert read_manifest(path).root.resolve() == (tmp_path / "disk" / "photos").resolve()
    assert (tmp_path / "disk" / "lists" / said).resolve() == (tmp_path / "disk" / "photos")


def test_the_manifests_before_it_move_too(tmp_path):
    source = {"manifest": "first.csv", "root": str(tmp_path / "photos"), "source": {"root": "/mnt"}}
    written(tmp_path / "m.csv", tmp_path / "photos", source=source)
    on_disk = json.loads((tmp_path / "m.json").read_bytes())["source"]
    assert (on_disk["root"], on_disk["source"]["root"]) == ("photos", "/mnt")
    assert read_manifest(tmp_path / "m.csv").record["source"] == source


def test_a_root_in_full_is_read_as_ever(tmp_path):
    written(tmp_path / "m.csv", tmp_path / "photos")
    record = json.loads((tmp_path / "m.json").read_bytes())
    (tmp_path / "m.json").write_text(json.dumps({**record, "root": "/mnt/photos"}))
    assert read_manifest(tmp_path / "m.csv").root == Path("/mnt/photos")


def test_a_moved_checkout_is_worked_on_as_before(run, make_folder, tmp_path, monkeypatch):
    first, second = tmp_path / "first", tmp_path / "second" / "copy"
    make_folder(first / "photos", {"cat": 3, "dog": 6})
    monkeypatch.chdir(first)
    cut = ("undersample", "photos", "-o", "m.csv", "--method", "random", "-q")
    grown = ("oversample", "m.csv", "-o", "n.csv", "--method", "ros", "--to", "5", "-q")
    folder = ("materialize", "n.csv", "folder", "-q")
    assert [run(*each).status for each in (cut, grown, folder)] == [0, 0, 0]
    shutil.move(first, second)
    monkeypatch.chdir(tmp_path)
    kept = {path: path.read_bytes() for path in second.glob("*.json")}
    assert rebalance.read_manifest(second / "n.csv").root == second / "photos"
    assert run("report", second / "n.csv", "-o", "page.html").status == 0
    assert run("materialize", second / "n.csv", "again").status == 0
    assert run("diff", second / "m.csv", second / "n.csv").status == 0
    # Made again in the copy, everything has the bytes it had.
    record = (second / "folder" / ".rebalance.json").read_bytes()
    shutil.rmtree(second / "folder")
    monkeypatch.chdir(second)
    again = [run(*each, *more).status for each in (cut, grown) for more in [("--overwrite",)]]
    assert (again, run(*folder).status) == ([0, 0], 0)
    assert {path: path.read_bytes() for path in second.glob("*.json")} == kept
    assert (second / "folder" / ".rebalance.json").read_bytes() == record
