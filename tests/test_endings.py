"""How commands end: told to, out of room, at a closed stream, or beside another of their kind."""

import io
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from rebalance.atomic import held
from rebalance.cli import console
from rebalance.errors import OutputError
from rebalance.runs import Run

TRAIN = ["--recipe", "scratch", "--arch", "cifar_resnet20", "--image-size", "16"]
TRAIN += ["--epochs", "1", "--device", "cpu"]


def tree(folder: Path) -> dict[str, bytes]:
    """The files below a folder, hidden ones too."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


@pytest.fixture
def photos(tmp_path, make_folder) -> Path:
    return make_folder(tmp_path / "photos", {"cat": 6, "dög": 4})


@pytest.fixture
def manifest(run, photos, tmp_path) -> Path:
    (tmp_path / "made").mkdir()
    path = tmp_path / "made" / "m.csv"
    assert run("undersample", photos, "-o", path, "--method", "random").status == 0
    return path


# --- told to end -------------------------------------------------------------------------------

LONG = {
    "inspect": ["inspect", "{photos}", "--html", "{out}/page.html"],
    "extract": ["extract", "{photos}", "-o", "{out}/f.npz", "{extractor}"],
    "undersample": ["undersample", "{photos}", "-o", "{out}/n.csv", "{extractor}"],
    "oversample": [
        "oversample",
        "{photos}",
        "-o",
        "{out}/n.csv",
        "--method",
        "smote",
        "{extractor}",
    ],
    "longtail": ["longtail", "{photos}", "-o", "{out}/n.csv", "--rho", "2"],
    "materialize": ["materialize", "{manifest}", "{out}/folder"],
    "report": ["report", "{manifest}", "-o", "{out}/page.html"],
    "train": ["train", "{manifest}", "--test", "{photos}", "-o", "{out}/run", *TRAIN],
}


@pytest.mark.parametrize(
    ("number", "status", "word"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "ended by SIGTERM"),
        (signal.SIGHUP, 129, "ended by SIGHUP"),
    ],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
@pytest.mark.parametrize("command", LONG)
def test_a_command_that_is_told_to_end_says_so_and_leaves_nothing_half_done(
    run, photos, manifest, extractor, tmp_path, monkeypatch, command, number, status, word
):
    (tmp_path / "out").mkdir()
    places = {"photos": photos, "manifest": manifest, "out": tmp_path / "out"}
    words = []
    for each in LONG[command]:
        words += extractor if each == "{extractor}" else [each.format(**places)]

    def ended(items, **told):
        for item in items:
            signal.raise_signal(number)
            yield item

    monkeypatch.setattr(console, "start", lambda **options: ended)
    # Whatever started the tests may have had them ignore a signal, as nohup does.
    usual = dict.fromkeys((signal.SIGTERM, signal.SIGHUP), signal.SIG_DFL)
    before = {each: signal.signal(each, handler) for each, handler in usual.items()}
    before[signal.SIGINT] = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        outcome = run(*words)
        assert {each: signal.getsignal(each) for each in usual} == usual
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert (outcome.status, outcome.out) == (status, "")
    assert outcome.err.splitlines()[-1].startswith(f"rebalance: {word}")
    assert "Traceback" not in outcome.err
    assert not tree(tmp_path / "out")
    assert not [path for path in tmp_path.rglob(".*") if path.name.endswith((".partial", ".lock"))]


def test_what_nohup_ignores_stays_ignored(run, photos, monkeypatch):
    def hung_up(items, **told):
        signal.raise_signal(signal.SIGHUP)
        return items

    monkeypatch.setattr(console, "start", lambda **options: hung_up)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run("inspect", photos).status == 0
    finally:
        signal.signal(signal.SIGHUP, before)


# --- beside another ----------------------------------------------------------------------------


def test_two_that_train_one_run_are_kept_apart(run, photos, manifest, tmp_path):
    folder = tmp_path / "run"
    words = ["train", manifest, "--test", photos, "-o", folder, "--allow-overlap", *TRAIN]
    begun = run(*words, "--batch-size", "4")
    assert begun.status == 0, begun.err
    before = tree(folder)
    for more in ("--resume", "--overwrite"):
        with held(folder):
            outcome = run(*words, "--batch-size", "4", more)
        assert outcome.status == 1
        assert f"another process ({os.getpid()} on " in outcome.error
        assert "wait until it has ended, or choose another place" in outcome.error
        assert tree(folder) == before
    assert run(*words, "--batch-size", "4", "--resume").status == 0
    headed = ["train", "--from", folder, "--head-only", manifest, "--test", photos]
    headed += ["-o", tmp_path / "headed", "--allow-overlap", "--device", "cpu"]
    with held(tmp_path / "headed"):
        outcome = run(*headed)
    assert outcome.status == 1 and "another process" in outcome.error


def test_what_a_killed_run_left_of_its_lock_holds_nobody_off(run, photos, manifest, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").write_text("77 on elsewhere")
    words = ["train", manifest, "--test", photos, "-o", tmp_path / "run", "--allow-overlap", *TRAIN]
    outcome = run(*words, "--batch-size", "4")
    assert outcome.status == 0, outcome.err
    assert not (tmp_path / "run" / ".lock").exists()


def test_a_missing_run_is_not_made_by_looking_for_it(run, photos, manifest, tmp_path):
    words = ["train", manifest, "--test", photos, "-o", tmp_path / "run", *TRAIN, "--resume"]
    assert "does not exist" in run(*words).error
    assert not (tmp_path / "run").exists()


def test_two_studies_in_one_folder_are_kept_apart(run, photos, weights, tmp_path):
    path = tmp_path / "study.toml"
    path.write_text(
        f'[study]\ndata = "{photos}"\nseeds = 1\nfolds = 2\n'
        f'[extractor]\nextractor = "{weights}"\narch = "cifar_resnet20"\nimage_size = 16\n'
        '[grid]\nrebalance = ["random-under"]\n'
    )
    left = tmp_path / "study" / "work" / "0" / "state.pt"
    left.parent.mkdir(parents=True)
    left.touch()
    words = ["study", path, "-o", tmp_path / "study", "--workers", "0", "--device", "cpu"]
    with held(tmp_path / "study"):
        outcome = run(*words)
    assert outcome.status == 1 and "another process" in outcome.error
    assert left.exists()  # it may be another's
    assert run(*words).status == 0
    assert {each.name for each in (tmp_path / "study").iterdir()} == {
        "cells", "study.csv", "study.html", "study.json", "study.md"}  # fmt: skip


# --- out of room -------------------------------------------------------------------------------


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow above ``size`` bytes: the system refuses to write more, as a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


WRITERS = {
    "undersample": (["undersample", "{photos}", "-o", "{out}", "--method", "random"], "n.csv"),
    "longtail": (["longtail", "{photos}", "-o", "{out}", "--rho", "2"], "n.csv"),
    "import": (["import", "{listed}", "-o", "{out}", "--root", "{photos}"], "n.csv"),
    "export": (["export", "{manifest}", "--to", "csv", "-o", "{out}"], "n.csv"),
    "report": (["report", "{manifest}", "-o", "{out}"], "page.html"),
    "inspect": (["inspect", "{photos}", "--html", "{out}"], "page.html"),
    "materialize": (["materialize", "{manifest}", "{out}", "--link", "copy"], "folder"),
    "extract": (["extract", "{photos}", "-o", "{out}", "{extractor}"], "f.npz"),
}


@pytest.mark.parametrize("command", WRITERS)
def test_a_full_disk_is_told_in_one_line_and_what_was_there_stays(
    run, make_folder, extractor, tmp_path, command
):
    words, name = WRITERS[command]
    photos = make_folder(tmp_path / "photos", {"cat": 50, "dog": 45}, size=(24, 24))
    manifest = tmp_path / "m.csv"
    assert run("undersample", photos, "-o", manifest, "--method", "random").status == 0
    listed = tmp_path / "listed.csv"
    paths = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    listed.write_text("path,class\n" + "".join(f"{path},{path[:3]}\n" for path in paths))
    (tmp_path / "out").mkdir()
    places = {"photos": photos, "manifest": manifest, "listed": listed}
    places["out"] = tmp_path / "out" / name
    given = []
    for each in words:
        given += extractor if each == "{extractor}" else [each.format(**places)]
    assert run(*given).status == 0
    before = tree(tmp_path / "out")
    with room_for(1000):  # as much as is said meanwhile, which goes to a file in tests
        outcome = run(*given, "--overwrite")
    assert outcome.status == 1
    assert f"cannot write '{tmp_path / 'out' / name.partition('.')[0]}" in outcome.error
    assert "(File too large" in outcome.error
    assert "Traceback" not in outcome.err and outcome.err.count("error:") == 1
    assert tree(tmp_path / "out") == before


def test_a_disk_full_of_state_leaves_the_epoch_before(tmp_path):
    run = Run.create(tmp_path / "run", {"loss": "ce"}, overwrite=False)  # type: ignore[typeddict-item]
    state = {"weights": torch.zeros(50_000)}
    run.record_epoch({"epoch": 1}, state)
    before = tree(tmp_path / "run")
    with room_for(100_000), pytest.raises(OutputError) as raised:
        run.record_epoch({"epoch": 2}, state)
    assert "(File too large): make room there" in str(raised.value)
    assert "\n" not in str(raised.value) and "state.pt" in str(raised.value)
    assert tree(tmp_path / "run") == before


# --- streams -----------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_a_letter_that_the_terminal_lacks_is_escaped(
    run, make_folder, extractor, tmp_path, monkeypatch, encoding
):
    photos = make_folder(tmp_path / "photos", {"cat": 4, "собака": 4})
    assert run("extract", photos, *extractor).status == 0
    for words in (["inspect", photos, "--similar", "0.5"], ["inspect", photos, "--json"]):
        shown = io.TextIOWrapper(io.BytesIO(), encoding=encoding, errors="strict")
        monkeypatch.setattr(sys, "stdout", shown)
        outcome = run(*words, *(extractor if "--similar" in words else ()))
        assert outcome.status == 0, outcome.err
        shown.seek(0)
        text = shown.buffer.read().decode(encoding)
        if "--json" in words:
            assert "собака" in str(json.loads(text))
        elif encoding == "cp1252":
            assert "\\u2248" in text and "\\u0441" in text
        elif encoding == "utf-8":
            assert "≈" in text and "собака" in text


def started(
    *words: object, closed: tuple[int, ...] = (), **streams: object
) -> tuple[int, str, str]:
    """Run the command in a process of its own, with some streams closed."""

    def close() -> None:
        for number in closed:
            os.close(number)

    process = subprocess.Popen(
        [sys.executable, "-m", "rebalance", *map(str, words)],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
        preexec_fn=close,
        text=True,
    )
    out, err = process.communicate()
    return process.returncode, out or "", err or ""


def test_closed_streams_stop_nothing(photos, tmp_path):
    words = ["undersample", photos, "-o", tmp_path / "n.csv", "--method", "random", "--overwrite"]
    every = [started(*words, closed=closed) for closed in ((1,), (0, 1, 2))]
    assert [(status, out) for status, out, _ in every] == [(0, ""), (0, "")]
    assert "Traceback" not in every[0][2]
    rows = (tmp_path / "n.csv").read_text().splitlines()
    assert len(rows) == 1 + 8


@pytest.mark.parametrize("words", [["inspect", "{photos}"], ["inspect", "--help"]])
def test_a_reader_who_has_gone_is_status_141_without_a_word(photos, words):
    read, written = os.pipe()
    os.close(read)
    try:
        status, _, err = started(*(each.format(photos=photos) for each in words), stdout=written)
    finally:
        os.close(written)
    assert (status, err) == (141, "")


def test_a_log_that_nobody_reads_stops_no_work(photos, tmp_path):
    read, written = os.pipe()
    os.close(read)
    words = ["undersample", photos, "-o", tmp_path / "n.csv", "--method", "random"]
    try:
        status, out, _ = started(*words, "--verbose", stderr=written)
    finally:
        os.close(written)
    assert status == 0 and "imbalance ratio" in out
    assert (tmp_path / "n.csv").exists()
