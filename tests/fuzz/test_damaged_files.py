"""Files of ours that were damaged: bits flipped, cut short, exchanged, of another shape.

A cache that is damaged gives what an empty one gives. A run folder or a manifest that is damaged
gives a result, or status 1 or 2 and one line. Each test takes about a second, or its share of
REBALANCE_FUZZ_SECONDS; a failure names the case, which is the seed of all that happened in it.
"""

import json
import os
import random
import shutil
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

SECONDS = float(os.environ.get("REBALANCE_FUZZ_SECONDS", "1"))
FIRST = int(os.environ.get("REBALANCE_FUZZ_FIRST", "0"))

ODD = (
    *(None, True, -1, 0, 7, 0.5, 1e999, float("nan"), 10**400, 2**63),
    *("", "7", "nan", "../x", "a\nb", "a\0b", "\udcff", "\ud800"),
    *([], [[]], ["a", "a"], [1, [2]], {}, {"a": {"a": {}}}, {"": None}),
)
JUNK = (
    *(b"", b"\0", b"{", b"[]", b"{}", b"null", b"NaN", b"7", b'"a"', b"\xff\xfe{}", b"PK\x05\x06"),
    *(b"[" * 100_000, b'{"a":' * 900 + b"1" + b"}" * 900, b"PK\x03\x04" + bytes(99)),
    *(b"\x80\x04]q\x00.", b"\x93NUMPY\x01\x00v\x00{'descr': '<f2', 'shape': (" + b"9" * 99),
)


def cases(share: float) -> Iterator[random.Random]:
    """A source of chance for each case, until the time is up."""
    begun, case = time.monotonic(), FIRST
    while case == FIRST or time.monotonic() - begun < SECONDS * share:
        chance = random.Random(case)
        chance.case = case
        yield chance
        case += 1


def flip(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    # Headers are a small part of a file, and most of what can go wrong.
    reach = len(content) if chance.random() < 0.5 else min(len(content), 200)
    for _ in range(chance.choice((1, 1, 2, 8))):
        content[chance.randrange(reach)] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def cut(path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes()[: chance.randrange(path.stat().st_size)])


def add(path: Path, chance: random.Random) -> None:
    path.write_bytes(path.read_bytes() + chance.randbytes(chance.choice((1, 16, 1000))))


def blank(path: Path, chance: random.Random) -> None:
    content = bytearray(path.read_bytes())
    start = chance.randrange(len(content))
    some = content[start : start + chance.choice((2, 16, 512))]
    content[start : start + len(some)] = chance.choice((b"\0", b"\xff", b"~")) * len(some)
    path.write_bytes(content)


def exchange(path: Path, chance: random.Random) -> None:
    others = [other for other in path.parent.iterdir() if other.is_file()]
    path.write_bytes(chance.choice(others).read_bytes())


def junk(path: Path, chance: random.Random) -> None:
    path.write_bytes(chance.choice(JUNK))


def no_file(path: Path, chance: random.Random) -> None:
    path.unlink()
    if (kind := chance.choice(("nothing", "folder", "pipe", "link"))) == "folder":
        path.mkdir()
    elif kind == "pipe" and hasattr(os, "mkfifo"):
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to("nowhere")


def odd_value(path: Path, chance: random.Random) -> None:
    """Put something odd in the place of a value, or of a cell of a table, whichever it is."""
    if path.suffix == ".csv":
        lines = path.read_text(errors="replace").split("\n")
        row = chance.randrange(len(lines))
        cells = lines[row].split(",")
        cells[chance.randrange(len(cells))] = chance.choice(("", "x", "nan", "inf", '"', "1,2"))
        path.write_text("\n".join([*lines[:row], ",".join(cells), *lines[row + 1 :]]))
        return
    try:
        record = json.loads(path.read_bytes())
        places = list(containers(record))
    except (ValueError, RecursionError):
        places = []
    if not places:
        flip(path, chance)
        return
    place = chance.choice(places)
    key = chance.choice(list(place) if isinstance(place, dict) else range(len(place)))
    if chance.random() < 0.2:
        del place[key]
    else:
        place[key] = chance.choice(ODD)
    path.write_text(json.dumps(record))


def containers(record: object) -> Iterator[Any]:
    """Every list and object in a record that holds something, itself first."""
    if isinstance(record, dict | list) and record:
        yield record
        for inner in record.values() if isinstance(record, dict) else record:
            yield from containers(inner)


DAMAGES = (flip, flip, cut, add, blank, exchange, junk, no_file, odd_value, odd_value)
Damage = Callable[[Path, random.Random], None]


def harm(folder: Path, chance: random.Random, *names: str) -> list[str]:
    """Damage a file or two of a folder; what was done, for whoever reads of a failure."""
    done = [f"case {chance.case}"]
    for _ in range(chance.choice((1, 1, 2))):
        files = sorted(
            path
            for path in folder.rglob("*")
            if path.is_file() and path.stat().st_size and (not names or path.name in names)
        )
        if files:
            path, damage = chance.choice(files), chance.choice(DAMAGES)
            damage(path, chance)
            done.append(f"{damage.__name__} {path.relative_to(folder)}")
    return done


def fresh(source: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target


@pytest.fixture
def told(run):
    """``told(done, *arguments)`` runs a command, which may succeed, or fail in one line."""

    def call(done: list[str], *arguments: object) -> int:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                outcome = run(*arguments)
            except BaseException as error:
                raise AssertionError(f"{done}: {error!r}") from error
        assert outcome.status in (0, 1, 2), (done, outcome)
        assert "Traceback" not in outcome.err, (done, outcome)
        if outcome.status:
            assert len(outcome.error) < 1500, (done, outcome)
        return outcome.status

    return call


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads would wait for each other longer than a tiny network takes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def data(make_folder, tmp_path) -> Path:
    return make_folder(tmp_path / "data", {"cat": 5, "dog": 3}, (32, 32))


def test_a_damaged_cache_gives_what_an_empty_one_gives(told, data, extractor, tmp_path, own_cache):
    (data / "dog" / "000.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    extract = ["extract", data, *extractor, "--layer", "auto", "--workers", 0]
    assert told(["empty"], *extract, "-o", tmp_path / "empty.npz") == 0
    wanted = (tmp_path / "empty.npz").read_bytes()
    kept = fresh(own_cache, tmp_path / "kept")
    for chance in cases(1 / 3):
        fresh(kept, own_cache)
        done = harm(own_cache, chance)
        stuck = any(path.is_dir() for path in own_cache.rglob("*.json"))
        for time_ in (1, 2):
            output = tmp_path / f"{time_}.npz"
            status = told(done, *extract, "-o", output, "--overwrite")
            assert status == stuck, done
            assert stuck or output.read_bytes() == wanted, done


TRAIN = ["--arch", "cifar_resnet20", "--image-size", 16, "--epochs", 1]
TRAIN += ["--threshold", "prior", "--device", "cpu"]


def test_a_damaged_run_is_told_in_a_line(told, data, weights, make_folder, tmp_path):
    test = make_folder(tmp_path / "test", {"cat": 2, "dog": 2}, (32, 30))
    train = ["train", data, "--test", test, "--weights", weights, *TRAIN, "--workers", 0]
    assert told(["sound"], *train, "-o", tmp_path / "sound") == 0
    run = tmp_path / "run"
    commands = (
        ["evaluate", run, test, "--device", "cpu", "--workers", 0],
        ["report", run, "-o", tmp_path / "page.html", "--overwrite"],
        [*train, "-o", run, "--resume"],
    )
    for chance in cases(1 / 3):
        fresh(tmp_path / "sound", run)
        for _ in range(chance.choice((0, 0, 1))):  # as if it had not ended
            (run / "metrics.json").unlink()
        told(harm(run, chance), *chance.choice(commands))


def test_a_damaged_manifest_is_told_in_a_line(told, data, tmp_path):
    cut_down = ["undersample", data, "--method", "random", "--to", 3]
    sound, harmed, again = tmp_path / "sound", tmp_path / "harmed", ["-o", tmp_path / "next.csv"]
    sound.mkdir()
    assert told(["sound"], *cut_down, "-o", sound / "M.csv") == 0
    again.append("--overwrite")
    manifest = harmed / "M.csv"
    commands = (
        ["inspect", manifest],
        ["undersample", manifest, "--method", "random", *again],
        ["diff", manifest, sound / "M.csv"],
        ["report", manifest, "-o", tmp_path / "page.html", "--overwrite"],
        ["export", manifest, "--to", "fiftyone", *again],
    )
    for chance in cases(1 / 3):
        fresh(sound, harmed)
        told(harm(harmed, chance, "M.json"), *chance.choice(commands))
