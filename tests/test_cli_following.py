"""After a command, a line on stderr says which may come next, as it can be typed."""

import os
import shlex
import shutil
import sys

import pytest

from rebalance.cli import main


@pytest.fixture
def place(make_folder, tmp_path, monkeypatch):
    """A folder to work in, with images whose folder has a blank in its name."""
    make_folder(tmp_path / "my photos", {"cat": 5, "dog": 2})
    make_folder(tmp_path / "even", {"cat": 2, "dog": 2})
    make_folder(tmp_path / "test", {"cat": 1, "dog": 1}, size=(11, 12))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def following(found):
    """The words of the one line that says what comes next."""
    assert found.status == 0, found.err
    (line,) = (line for line in found.err.splitlines() if line.startswith("next: "))
    assert found.err.splitlines()[-1] == line and "next:" not in found.out
    return shlex.split(line.removeprefix("next: "))


def test_each_line_can_be_run_and_leads_on(run, place):
    words = following(run("inspect", "my photos"))
    assert words == ["rebalance", "undersample", "my photos", "-o", "balanced.csv"]
    words = following(run(*words[1:], "--method", "random"))
    assert words == ["rebalance", "report", "balanced.csv", "-o", "balanced.html"]
    words = following(run(*words[1:]))
    assert words == ["rebalance", "train", "balanced.csv", "--test", "TEST", "-o", "run"]
    words = following(run("materialize", "balanced.csv", "out", "--test", "test"))
    assert words == ["rebalance", "train", "out/train", "--test", "out/test", "-o", "run"]


def test_blends_of_features_are_for_the_head(run, place, extractor):
    smote = ["--method", "smote", "--neighbours", "1", *extractor]
    words = following(run("oversample", "my photos", "-o", "more.csv", *smote))
    words = following(run(*words[1:]))
    images = [str(place / "my photos"), "--rebalance-head", "more.csv"]
    assert words[1:] == ["train", *images, "--test", "TEST", "-o", "run"]


def test_what_is_there_is_not_replaced(run, place):
    (place / "balanced.csv").touch()
    assert following(run("inspect", "my photos"))[-1] == "balanced-2.csv"


def test_even_classes_are_trained_on_as_they_are_read(run, place):
    words = following(run("inspect", "even", "--against", "test", "--extensions", ".avif"))
    assert words[1:] == [
        *("train", "even", "--test", "test", "-o", "run", "--extensions", ".avif"),
    ]


def test_a_run_and_another_decision_are_looked_at(run, place):
    few = ["--arch", "cifar_resnet20", "--weights", "scratch", "--recipe", "scratch"]
    few += ["--epochs", "1", "--image-size", "8", "--batch-size", "4", "--device", "cpu"]
    words = following(run("train", "my photos", "--test", "test", "-o", "run.1", *few))
    assert words == ["rebalance", "report", "run.1", "-o", "run.1.html"]
    assert following(run("evaluate", "run.1", "test")) == words
    shutil.copytree("run.1", "run.2")
    words = following(run("evaluate", "run.1", "run.2", "test"))
    assert words[1:] == ["report", "run.1", "run.2", "-o", "runs.html"]


@pytest.mark.parametrize("silenced", ["-q", "--json"])
def test_quiet_and_json_say_nothing(run, place, silenced):
    assert "next:" not in run("inspect", "my photos", silenced).err


def test_a_failed_gate_is_not_gone_on_from(run, place):
    assert "next:" not in run("inspect", "my photos", "--fail-above", "2").err


def test_whoever_reads_the_output_in_a_pipe_is_not_disturbed(place, monkeypatch, capfd):
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "argv", ["rebalance", "inspect", "my photos"])
    with os.fdopen(writing, "w") as pipe, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", pipe)
        with pytest.raises(SystemExit):
            main()
    with os.fdopen(reading) as pipe:
        assert "cat" in pipe.read()
    assert "next:" not in capfd.readouterr().err
