"""A manifest is one unit: old or new whenever its writer ends, and of one writer of many."""

import json
import multiprocessing
import os
from itertools import pairwise
from pathlib import Path

import pytest

from rebalance.atomic import replacing, settled
from rebalance.errors import ManifestError, OutputError
from rebalance.manifest import Dropped, Manifest, Place, Row, read_manifest, write_manifest

CALLS = ("open", "write", "fsync", "close", "replace", "rename", "unlink", "remove", "mkdir")
fork = multiprocessing.get_context("fork")


def made(root: Path, name: str, *, places: bool = True) -> Manifest:
    """A manifest whose every file tells by which name it was made."""
    rows = (Row(f"cat/{name}.png", "cat"), Row("dog/1.png", "dog"))
    dropped = (Dropped(f"cat/not-{name}.png", "cat", None, None, "random: not selected"),)
    spots = (Place(f"cat/{name}.png", "cat", 0.0, 1.0),) if places else ()
    return Manifest(root, ("cat", "dog"), rows, dropped, {"format": 1, "seed": name}, spots)


def names_in(manifest: Manifest) -> set[str]:
    """The names by which the files of a manifest were made: one, where they are of one writing."""
    stems = [manifest.rows[0].file_name, *(place.file_name for place in manifest.places)]
    stems.append(manifest.dropped[0].file_name.replace("not-", ""))
    return {Path(stem).stem for stem in stems} | {str(manifest.record["seed"])}


def ends_at(call: int, path: Path, manifest: Manifest) -> bool:
    """Write in a process that is gone just before its system call number ``call``.

    Gives whether it was; one that makes fewer calls ends by itself.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    left = call

    def counted(function):
        def called(*arguments, **options):
            nonlocal left
            left -= 1
            if left < 0:
                os._exit(9)
            return function(*arguments, **options)

        return called

    for name in CALLS:
        setattr(os, name, counted(getattr(os, name)))
    write_manifest(path, manifest, overwrite=True)
    os._exit(0)


@pytest.mark.parametrize("places", [True, False], ids=["map", "no map"])
def test_a_writer_that_is_killed_leaves_the_old_or_the_new(tmp_path, monkeypatch, places):
    monkeypatch.setattr("rebalance.atomic.PATIENCE", 0.02)  # its writer is known to be gone
    outcomes = []
    for call in range(200):
        path = tmp_path / str(call) / "M.csv"
        path.parent.mkdir()
        write_manifest(path, made(tmp_path, "old"))
        killed = ends_at(call, path, made(tmp_path, "new", places=places))
        found = read_manifest(path)
        assert len(names_in(found)) == 1, f"half of each after {call} calls"
        outcomes.append(names_in(found).pop())
        assert bool(found.places) == (outcomes[-1] == "old" or places)
        # Whoever comes next finishes what was begun, and leaves nothing behind.
        write_manifest(path, made(tmp_path, "next"), overwrite=True)
        assert names_in(read_manifest(path)) == {"next"}
        assert not list(path.parent.glob(".*.moving"))
        if not killed:
            break
    else:
        pytest.fail("it never came to its end")
    changes = sum(one != other for one, other in pairwise(outcomes))
    assert (outcomes[0], outcomes[-1], changes) == ("old", "new", 1)


def write(path: Path, name: str, overwrite: bool, answers: "multiprocessing.Queue[str]") -> None:
    try:
        write_manifest(path, made(path.parent, name), overwrite=overwrite)
        answers.put(name)
    except OutputError:
        answers.put("")


@pytest.mark.parametrize("overwrite", [False, True])
def test_of_several_writers_at_once_one_is_found_whole(tmp_path, overwrite):
    for number in range(10):
        path = tmp_path / str(number) / "M.csv"
        path.parent.mkdir()
        answers = fork.Queue()
        writers = [
            fork.Process(target=write, args=(path, name, overwrite, answers)) for name in "abcd"
        ]
        for writer in writers:
            writer.start()
        said = [answers.get(timeout=30) for _ in writers]
        for writer in writers:
            writer.join()
        found = names_in(read_manifest(path))
        assert len(found) == 1
        assert found <= set(said)
        assert len([name for name in said if name]) == (4 if overwrite else 1)


def test_readers_find_one_writing_while_it_is_replaced(tmp_path):
    path = tmp_path / "M.csv"
    write_manifest(path, made(tmp_path, "a"))
    answers = fork.Queue()

    def replace_often() -> None:
        for number in range(60):
            write_manifest(path, made(tmp_path, "ab"[number % 2]), overwrite=True)
        answers.put("done")

    writer = fork.Process(target=replace_often)
    writer.start()
    while answers.empty():
        assert len(names_in(read_manifest(path))) == 1
    writer.join()


def test_files_of_two_writings_are_told_and_a_table_changed_by_hand_is_read(tmp_path, caplog):
    for name in ("one", "two"):
        write_manifest(tmp_path / f"{name}.csv", made(tmp_path, name))
    (tmp_path / "two.dropped.csv").replace(tmp_path / "one.dropped.csv")
    with pytest.raises(ManifestError, match="not of one writing \\(dropped\\)"):
        read_manifest(tmp_path / "one.csv")
    write_manifest(tmp_path / "M.csv", made(tmp_path, "mine"))
    (tmp_path / "M.csv").write_text("file_name,label\ncat/mine.png,cat\n")
    assert len(read_manifest(tmp_path / "M.csv").rows) == 1
    assert "was changed after it was written" in caplog.text


def test_a_record_without_digests_is_read(tmp_path):
    write_manifest(tmp_path / "M.csv", made(tmp_path, "old"))
    record = json.loads((tmp_path / "M.json").read_bytes())
    del record["digests"]
    (tmp_path / "M.json").write_text(json.dumps(record))
    assert names_in(read_manifest(tmp_path / "M.csv")) == {"old"}


def test_what_is_partial_is_tidied_when_it_is_old(tmp_path):
    left, fresh = (tmp_path / f".M.txt.{name}.partial" for name in ("left", "fresh"))
    for path in (left, fresh):
        path.touch()
    os.utime(left, (0, 0))
    with replacing(tmp_path / "M.txt") as (partial,):
        partial.write_text("whole")
    assert sorted(path.name for path in tmp_path.iterdir()) == [fresh.name, "M.txt"]
    assert settled(tmp_path / "M.txt", tmp_path / "M.txt") == (tmp_path / "M.txt",)
