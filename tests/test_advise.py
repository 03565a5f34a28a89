"""The advise command on real scans: its files, its script, how it goes on, and every refusal."""

import html
import json
import shlex
import time

import numpy as np
import pytest
from schemas import faults

from rebalance.advice.bench import bench_for
from rebalance.advice.candidates import candidates
from rebalance.advice.collecting import SHOWN, collected, seconds_needed
from rebalance.advice.commands import AdviceRequest, commands, without_training
from rebalance.advice.story import look_at, try_out
from rebalance.advice.telling import recorded
from rebalance.progress import silent
from rebalance.settings import ExtractorOptions, FolderOptions, RunOptions

BRIEF = ("--budget", "0.01s", "--folds", 2, "--workers", 0)


def cells(folder):
    return {path: path.stat().st_mtime_ns for path in (folder / "cells").glob("*/*.json")}


@pytest.mark.together
def test_a_folder_of_advice_holds_what_to_do_and_goes_on_from_its_cells(
    run, few, extractor, tmp_path
):
    output = tmp_path / "it's advice"
    words = ("advise", few[0], "--test", few[1], "-o", output, *extractor, *BRIEF)
    found = run(*words)
    assert found.status == 0, found.err
    record = json.loads((output / "advice.json").read_bytes())
    assert faults("advice", record) == []
    assert found.out.startswith("What to do:\n- ") and "advice.html there says" in found.out
    page = (output / "advice.html").read_text()
    assert html.escape(record["do"]["sentences"][0]) in page
    # A report makes the same page of the record alone.
    assert run("report", output, "-o", tmp_path / "a.html").status == 0
    assert (tmp_path / "a.html").read_text() == page
    assert "took all the time" in found.err and record["story"]["ended"] == "budget"
    names = {each["name"] for each in record["candidates"]}
    assert {"nothing", "prior"} < names and len(names) == 3
    assert {each["kind"] for each in record["looks"]} >= {"imbalance"}
    assert all(each["gain"]["pairs"] in (0, 6) for each in record["candidates"])
    untried = {each["question"] for each in record["open"] if each["images"] is None}
    assert untried and not untried & names
    before = cells(output)
    again = run(*words)
    assert again.status == 0 and cells(output) == before
    changing = ("story", "rounds")
    same = json.loads((output / "advice.json").read_bytes())
    assert all(same[key] == record[key] for key in record if key not in changing)
    # The script is what the record says, and may be run.
    script = output / "do.sh"
    assert script.stat().st_mode & 0o100
    assert set(record["do"]["commands"]) <= set(script.read_text().splitlines())


@pytest.mark.together
def test_the_commands_of_a_cut_of_blends_and_of_another_decision_run(run, few, weights, tmp_path):
    seen = ExtractorOptions(str(weights), "cifar_resnet20", image_size=16)
    asked = AdviceRequest(
        *(few[0], tmp_path, few[1], None, None, "5m", 5),
        *(seen, FolderOptions(), RunOptions(device="cpu")),
    )
    by_name = {each.name: each for each in candidates({"a": 36, "b": 18, "c": 6})}
    lines = [
        *commands(by_name["coverage-typical to 4x + prior"], asked),
        *commands(by_name["skew-mix + whiten"], asked),
        *without_training(by_name["prior"], asked),
    ]
    for line in dict.fromkeys(lines):
        done = run(*shlex.split(line)[1:])
        assert done.status == 0, (line, done.err)
    assert {each.name for each in tmp_path.iterdir() if each.is_dir()} == {"run", "network"}
    options = json.loads((tmp_path / "run" / "options.json").read_bytes())["options"]
    assert options["recipe"]["whiten"] == 0.4


def test_features_of_a_file_are_named_in_every_command_and_these_run(run, make_folder, tmp_path):
    for name, counts in (("train", (12, 8)), ("test", (5, 4))):
        folder = make_folder(tmp_path / name, dict(zip("ab", counts, strict=True)))
        paths = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.png"))]
        rng = np.random.default_rng(len(paths))
        values = (
            rng.normal(size=(len(paths), 4))
            + 2 * np.eye(2, 4)[["ab".index(path[0]) for path in paths]]
        )
        np.savez(tmp_path / f"{name}.npz", features=values, file_name=paths)
    words = ("--features", tmp_path / "train.npz", "--test-features", tmp_path / "test.npz")
    data = ("advise", tmp_path / "train", "-o", tmp_path / "advice", *BRIEF)
    found = run(*data, "--test", tmp_path / "test", *words)
    assert found.status == 0, found.err
    record = json.loads((tmp_path / "advice" / "advice.json").read_bytes())
    assert record["story"]["extractor"] == {"features": str(tmp_path / "train.npz")}
    lines = [*record["do"]["commands"], *(record["second"] or {"commands": []})["commands"]]
    for line in dict.fromkeys(lines):
        done = run(*shlex.split(line)[1:])
        assert done.status == 0, (line, done.err)
    assert (tmp_path / "advice" / "run" / "metrics.json").exists()
    assert "--test-features goes with --f" in run(*data, "--test", "x", *words[2:]).error
    assert "the features of --test" in run(*data, *words).error


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--extractor", "finetune"), "imagenet, or the path of a checkpoint"),
        (("--budget", "soon"), "such as 90s, 5m or 1h"),
        (("--folds", 1), "folds"),
        (("--test", "nowhere"), "nowhere"),
    ],
)
def test_what_cannot_be_asked_for_is_told_in_a_line(run, few, extractor, tmp_path, options, told):
    found = run("advise", few[0], "-o", tmp_path / "advice", *extractor, *BRIEF, *options)
    assert found.status in (1, 2) and told in found.error
    assert not (tmp_path / "advice" / "advice.json").exists()


def test_a_class_of_one_image_is_named(run, make_folder, extractor, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 8, "owl": 1})
    found = run("advise", data, "-o", tmp_path / "advice", *extractor, *BRIEF)
    assert found.status == 1 and "'owl'" in found.error and "add images" in found.error


def test_time_that_is_left_tells_what_to_collect(few, weights, tmp_path):
    seen = ExtractorOptions(str(weights), "cifar_resnet20", image_size=16)
    run = RunOptions(device="cpu", workers=0)
    asked = AdviceRequest(few[0], tmp_path, None, None, None, "1s", 2, seen, FolderOptions(), run)
    found = look_at(asked, silent)
    bench = bench_for(found, asked, silent)
    trial = try_out(bench, began := time.time(), began)
    assert collected(bench, trial, began + seconds_needed(trial, 3) / 2) is None
    collection = collected(bench, trial, time.time() + seconds_needed(trial, 3) + 1)
    record = recorded(found, bench, trial, asked, collection)
    assert faults("advice", json.loads(json.dumps(record))) == []
    assert record["collection"] is collection
    assert {each["label"] for each in collection["classes"]} == {"curves", "lines", "loops"}
    # What is short is shown by its own images, those of a class in its folder.
    needs = {need["label"]: need for need in collection["classes"]}
    looks = [look for look in record["looks"] if look["kind"] == "short"]
    short = [(label, each) for label in needs for each in needs[label]["subclasses"]]
    assert len(looks) == min(sum(each["short"] for _, each in short), SHOWN)
    for look in looks:
        ((label, count),) = look["classes"].items()
        assert count in {each["images"] for each in needs[label]["subclasses"] if each["short"]}
        assert all(name.startswith(f"{label}/") for name in look["images"][0])
        assert look["sentence"].startswith(label)
