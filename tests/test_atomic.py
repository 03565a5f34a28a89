"""A manifest is one unit: old or new whenever its writer ends, and of one writer of many."""

import errno
import fcntl
import io
import json
import multiprocessing
import os
import pathlib
import shutil
import sys
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from rebalance.atomic import LOCK, held, replacing, settled
from rebalance.errors import ManifestError, OutputError
from rebalance.manifest import Dropped, Manifest, Place, Row, read_manifest, write_manifest

fork = multiprocessing.get_context("fork")
spawn = multiprocessing.get_context("spawn")


def made(root: Path, name: str, *, places: bool = True) -> Manifest:
    """A manifest whose every file tells by which name it was made."""
    rows = (Row(f"cat/{name}.png", "cat"), Row("dog/1.png", "dog"))
    dropped = (Dropped(f"cat/not-{name}.png", "cat", None, None, "random: not selected"),)
    spots = (Place(f"cat/{name}.png", "cat", 0.0, 1.0),) if places else ()
    return Manifest(root, ("cat", "dog"), rows, dropped, {"format": 1, "seed": name}, spots)


def written(folder: Path, name: str) -> Path:
    """A folder with a manifest in it."""
    folder.mkdir()
    write_manifest(folder / "M.csv", made(folder, name))
    return folder


def names_in(manifest: Manifest) -> set[str]:
    """The names by which the files of a manifest were made: one, where they are of one writing."""
    stems = [manifest.rows[0].file_name, *(place.file_name for place in manifest.places)]
    stems.append(manifest.dropped[0].file_name.replace("not-", ""))
    return {Path(stem).stem for stem in stems} | {str(manifest.record["seed"])}


CALLS = {
    os: ("open", "write", "fsync", "close", "replace", "rename", "link", "unlink", "ftruncate"),
    io: ("open",),
    fcntl: ("flock",),
}
if sys.version_info < (3, 11):  # paths call what they took of os when they were loaded
    CALLS[pathlib._normal_accessor] = ("open", "replace", "rename", "link", "unlink")


class Counted:
    """Passes calls of the system on, and does something in place of number ``call``."""

    def __init__(self, call: int, instead) -> None:
        self.left, self.instead = call, instead

    def __enter__(self) -> None:
        self.own = [
            (module, name, getattr(module, name)) for module in CALLS for name in CALLS[module]
        ]
        for module, name, function in self.own:
            setattr(module, name, partial(self.pass_on, function))

    def __exit__(self, *raised) -> None:
        for module, name, function in self.own:
            setattr(module, name, function)

    def pass_on(self, function, *arguments, **options):
        self.left -= 1
        if self.left == -1:
            self.instead()
        return function(*arguments, **options)


def leave() -> None:
    os._exit(9)


def obey(orders) -> None:
    """Call what is ordered, each in a process forked of this one, and tell its exit status."""
    while order := orders.recv():
        function, *arguments = order
        if child := os.fork():
            orders.send(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            continue
        status = 1
        try:
            function(*arguments)
            status = 0
        finally:
            os._exit(status)


@pytest.fixture(scope="module")
def is_killed():
    """``is_killed(function, ...)``: call it in a process of its own, and say whether that was gone.

    It is forked of one that has loaded little: a fork of this one takes many times as long.
    """
    orders, its = multiprocessing.Pipe()
    process = spawn.Process(target=obey, args=(its,), daemon=True)
    process.start()

    def call(*order) -> bool:
        orders.send(order)
        status = orders.recv()
        assert status in (0, 9)
        return status == 9

    yield call
    orders.send(())
    process.join()


def write_until(call: int, path: Path, manifest: Manifest, overwrite: bool) -> None:
    """Write, and be gone just before the system call number ``call``, if there are as many."""
    with Counted(call, leave):
        write_manifest(path, manifest, overwrite=overwrite)


def replace_until(call: int, path: Path) -> None:
    """As ``write_until``, one that may replace nothing, while another writes."""
    unit = replacing(path, exclusive=True, unit=path)
    with Counted(call, leave), suppress(OutputError), unit as (mine,):
        # Between its first look, at which nothing was there, and the end of its work.
        write_manifest(path, made(path.parent, "old"))
        mine.write_text("mine")


def old_until_new(outcomes: list[str]) -> bool:
    """Whether what was found turned once, from what was there to what was written."""
    changes = sum(one != other for one, other in pairwise(outcomes))
    return (outcomes[0], outcomes[-1], changes) == ("old", "new", 1)


@pytest.mark.parametrize("places", [True, False], ids=["map", "no map"])
def test_a_writer_that_is_killed_leaves_the_old_or_the_new(tmp_path, is_killed, places):
    outcomes = []
    old = written(tmp_path / "old", "old")
    for call in range(200):
        path = Path(shutil.copytree(old, tmp_path / str(call)), "M.csv")
        killed = is_killed(write_until, call, path, made(tmp_path, "new", places=places), True)
        found = read_manifest(path)
        assert len(names_in(found)) == 1, f"half of each after {call} calls"
        outcomes.append(names_in(found).pop())
        assert bool(found.places) == (outcomes[-1] == "old" or places)
        # Whoever comes next finishes what was begun, and leaves nothing behind.
        write_manifest(path, made(tmp_path, "next"), overwrite=True)
        assert names_in(read_manifest(path)) == {"next"}
        assert files_in(path) == {"M.csv", "M.dropped.csv", "M.json", "M.map.csv"}
        if not killed:
            break
    else:
        pytest.fail("it never came to its end")
    assert old_until_new(outcomes)


def files_in(path: Path) -> set[str]:
    return {each.name for each in path.parent.iterdir()}


def test_a_writer_of_a_new_manifest_that_is_killed_leaves_all_or_nothing(tmp_path, is_killed):
    outcomes = []
    for call in range(200):
        path = tmp_path / str(call) / "M.csv"
        path.parent.mkdir()
        killed = is_killed(write_until, call, path, made(tmp_path, "new"), False)
        try:
            outcomes.append(names_in(read_manifest(path)).pop())
        except ManifestError as error:
            assert "no manifest at" in str(error)
            outcomes.append("old")
        # Who writes next replaces nothing that was decided on.
        if outcomes[-1] == "new":
            with pytest.raises(OutputError, match="exists"):
                write_manifest(path, made(tmp_path, "next"))
        else:
            write_manifest(path, made(tmp_path, "next"))
        expected = {"new": "new", "old": "next"}[outcomes[-1]]
        assert names_in(read_manifest(path)) == {expected}
        if not killed:
            break
    else:
        pytest.fail("it never came to its end")
    assert old_until_new(outcomes)


def test_one_that_is_killed_before_it_looks_replaces_nothing(tmp_path, is_killed):
    """What came while it worked stays, wherever an exclusive writer ends."""
    path = tmp_path / "M.csv"
    for call in range(200):
        for each in tmp_path.iterdir():
            each.unlink()
        killed = is_killed(replace_until, call, path)
        if path.exists():
            assert names_in(read_manifest(path)) == {"old"}
        if not killed:
            break
    else:
        pytest.fail("it never came to its end")


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupted_writer_leaves_the_old_or_the_new(tmp_path, error):
    """Ctrl-C, or a passing fault of the system, at any call: the process goes on after it."""
    outcomes = []

    old = written(tmp_path / "old", "old")

    def fail() -> None:
        raise error(5, "Input/output error")

    for call in range(200):
        path = Path(shutil.copytree(old, tmp_path / str(call)), "M.csv")
        counted = Counted(call, fail)
        with counted, suppress(KeyboardInterrupt, OutputError, OSError):
            write_manifest(path, made(tmp_path, "new", places=False), overwrite=True)
        found = read_manifest(path)
        assert len(names_in(found)) == 1, f"half of each after {call} calls"
        outcomes.append(names_in(found).pop())
        assert bool(found.places) == (outcomes[-1] == "old")
        write_manifest(path, made(tmp_path, "next"), overwrite=True)
        assert names_in(read_manifest(path)) == {"next"}
        if counted.left >= 0:
            break
    assert outcomes[0] == "old" and outcomes[-1] == "new"


def test_what_was_interrupted_between_two_renames_is_moved_at_once(tmp_path, monkeypatch):
    path = written(tmp_path / "old", "old") / "M.csv"
    rename, moved = Path.replace, []

    def interrupted(source, target):
        moved.append(target)
        if len(moved) == 2:
            raise KeyboardInterrupt
        return rename(source, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_manifest(path, made(tmp_path, "new"), overwrite=True)
    assert files_in(path) == {"M.csv", "M.dropped.csv", "M.json", "M.map.csv"}
    assert "new" in path.read_text()  # as other tools read it
    assert names_in(read_manifest(path)) == {"new"}


def half_moved(path: Path, is_killed) -> None:
    """Leave what a writer does who is killed between its renames."""
    old = written(path.parent.with_name("old"), "old")
    for call in range(200):
        shutil.copytree(old, path.parent)
        assert is_killed(write_until, call, path, made(path.parent, "new"), True)
        moved = "new" in (path.parent / "M.dropped.csv").read_text()
        if moved and "old" in path.read_text():
            return
        shutil.rmtree(path.parent)
    pytest.fail("it never came to its renames")


def test_several_who_come_after_a_killed_writer_lose_nothing(tmp_path, is_killed):
    half_moved(tmp_path / "killed" / "M.csv", is_killed)
    paths = [tmp_path / str(number) / "M.csv" for number in range(8)]
    for path in paths:
        shutil.copytree(tmp_path / "killed", path.parent)
        assert names_in(read_manifest(path)) == {"new"}
    for path, said in zip(paths, at_once(paths, True), strict=True):
        assert sorted(said) == list("abcd")
        assert names_in(read_manifest(path)) <= set(said)
        assert files_in(path) == {"M.csv", "M.dropped.csv", "M.json", "M.map.csv"}


def write(paths, name: str, overwrite: bool, ready, answers) -> None:
    for path in paths:
        ready.wait(30)  # for the others: all begin together
        try:
            write_manifest(path, made(path.parent, name), overwrite=overwrite)
            answers.put((path, name))
        except OutputError:
            answers.put((path, ""))


def at_once(paths: list[Path], overwrite: bool) -> list[list[str]]:
    """Have four processes write to one path after another; by which name each that succeeded did.

    Told for each path.
    """
    answers, ready = fork.Queue(), fork.Barrier(4)
    given = [(paths, name, overwrite, ready, answers) for name in "abcd"]
    writers = [fork.Process(target=write, args=each) for each in given]
    for writer in writers:
        writer.start()
    said: dict[Path, list[str]] = {path: [] for path in paths}
    for _ in range(4 * len(paths)):
        path, name = answers.get(timeout=30)
        said[path].append(name)
    for writer in writers:
        writer.join()
    return list(said.values())


@pytest.mark.parametrize("overwrite", [False, True])
def test_of_several_writers_at_once_one_is_found_whole(tmp_path, overwrite):
    paths = [tmp_path / str(number) / "M.csv" for number in range(10)]
    for path in paths:
        path.parent.mkdir()
    for path, said in zip(paths, at_once(paths, overwrite), strict=True):
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


def test_what_a_killed_writer_left_goes_and_what_another_writes_stays(tmp_path):
    left = tmp_path / f".other.txt.{'0' * 32}.partial"
    mine = tmp_path / ".mine.partial"
    for path in (left, mine):
        path.touch()
    with replacing(tmp_path / "M.txt") as (slow,):
        slow.write_text("slow")
        assert not left.exists()
        with replacing(tmp_path / "M.txt") as (partial_path,):
            partial_path.write_text("quick")
        assert (tmp_path / "M.txt").read_text() == "quick"
    assert (tmp_path / "M.txt").read_text() == "slow"
    assert sorted(path.name for path in tmp_path.iterdir()) == [".mine.partial", "M.txt"]
    assert settled(tmp_path / "M.txt", tmp_path / "M.txt") == (tmp_path / "M.txt",)


def test_where_there_are_no_locks_age_tells_what_was_left(tmp_path, monkeypatch):
    def refuse(file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    old, fresh = (tmp_path / f".M.txt.{digit * 32}.partial" for digit in "01")
    for path in (old, fresh):
        path.touch()
    os.utime(old, (0, 0))
    write_manifest(tmp_path / "M.csv", made(tmp_path, "one"))
    assert not old.exists() and fresh.exists()
    assert names_in(read_manifest(tmp_path / "M.csv")) == {"one"}


def test_a_folder_is_held_by_one_process(tmp_path):
    folder = tmp_path / "run"
    with held(folder):
        said = f"another process .{os.getpid()} on .*wait until"
        with pytest.raises(OutputError, match=said), held(folder):
            pass
        assert folder.is_dir()
    assert not folder.exists()  # nothing came to lie there
    child = os.fork()
    if not child:
        with held(folder):
            os._exit(9)
    os.waitpid(child, 0)
    assert (folder / LOCK).exists()
    with held(folder):
        (folder / "mine").touch()
    assert [path.name for path in folder.iterdir()] == ["mine"]
    with pytest.raises(OutputError, match="is a file"), held(folder / "mine"):
        pass
