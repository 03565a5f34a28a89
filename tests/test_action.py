"""The Action of action.yml: its steps run as the scripts that they are."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Run

Perform = Callable[..., tuple[int, str]]

ROOT = Path(__file__).resolve().parents[1]
ACTION = (ROOT / "action.yml").read_text(encoding="utf-8")
INPUTS = re.findall(r"^  ([\w-]+):$", ACTION.split("\noutputs:")[0], re.MULTILINE)
STEPS = {
    script: dict(re.findall(r"^        ([A-Z_]+): (.+)$", rest, re.MULTILINE))
    for script, rest in re.findall(
        r"GITHUB_ACTION_PATH/(\.ci/action/\w+)\"'\n((?:      .*\n)*)", ACTION
    )
}


# A command that asks this process to be ``rebalance``, which has loaded what it needs.
COMMAND = """#!/usr/bin/env bash
printf '%s\\n' "$#" "$@" >&"$ASK"
read -r status <&"$ANSWER"
cat out.txt
cat err.txt >&2
exit "$status"
"""


@pytest.fixture
def perform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> Perform:
    """Run a step as a runner would, in the test's folder: its status, and what it printed.

    Every variable that the step has is there, and empty if it is not given.
    """
    command = tmp_path / "bin" / "rebalance"
    command.parent.mkdir()
    command.write_text(COMMAND)
    command.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{command.parent}{os.pathsep}{os.environ['PATH']}")

    def call(script: str, **given: str) -> tuple[int, str]:
        told = {name: given.get(name, "") for name in STEPS[script] if "CACHE" not in name}
        told |= {"PAGES": "pages", "GITHUB_STEP_SUMMARY": "summary.md"}
        asked, ask = os.pipe()
        answer, answered = os.pipe()
        told |= {"ASK": str(ask), "ANSWER": str(answer)}
        with (
            Path("log.txt").open("w+") as log,
            os.fdopen(asked) as asking,
            os.fdopen(answered, "w") as tell,
        ):
            process = subprocess.Popen(
                [ROOT / script],
                env=os.environ | told,
                stdout=log,
                stderr=log,
                pass_fds=(ask, answer),
            )
            os.close(ask)
            os.close(answer)
            while count := asking.readline():
                found = run(*(asking.readline().rstrip("\n") for _ in range(int(count))))
                Path("out.txt").write_text(found.out, encoding="utf-8")
                Path("err.txt").write_text(found.err, encoding="utf-8")
                print(found.status, file=tell, flush=True)
            status = process.wait()
            log.seek(0)
            return status, log.read()

    return call


@pytest.fixture
def photos(tmp_path: Path, sample: Path) -> Path:
    """A few images of two classes, to train on and to test by, in a folder with a space."""
    for side in ("train", "test"):
        for name in ("curves", "lines"):
            target = tmp_path / "my photos" / side / name
            target.mkdir(parents=True)
            for path in sorted((sample.parent / side / name).glob("*.png"))[::30]:
                shutil.copy(path, target)
    return tmp_path / "my photos"


def test_every_input_goes_into_a_step_and_every_script_is_there() -> None:
    assert set(STEPS) == {f".ci/action/{path.name}" for path in (ROOT / ".ci/action").iterdir()}
    assert set(INPUTS) == set(re.findall(r"\$\{\{ inputs\.([\w-]+)", ACTION))
    for script, given in STEPS.items():
        assert os.access(ROOT / script, os.X_OK), script
        text = (ROOT / script).read_text(encoding="utf-8")
        named = set(re.findall(r"\$\{?([A-Z_]+)", text)) - {"BASH_SOURCE", "GITHUB_STEP_SUMMARY"}
        assert named == {name for name in given if "CACHE" not in name}, script
    # What a user wrote reaches a shell as a variable, never as a part of its program.
    assert not re.search(r"run: .*\$\{\{", ACTION)


def test_the_example_gives_inputs_that_there_are() -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"<!-- action -->\n```yaml\n(.*?)```", page, re.DOTALL)
    given = re.findall(r"^          ([\w-]+): ", example, re.MULTILINE)
    assert {"data", "manifest"} <= set(given) <= set(INPUTS)


def test_inspect_passes_and_fails_as_its_gates_do(perform: Perform, photos: Path) -> None:
    sides = {"DATA": "my photos/train", "AGAINST": "my photos/test"}
    status, told = perform(".ci/action/inspect", **sides, OPTIONS="--extensions '.png,.x y'")
    assert status == 0, told
    assert "All gates passed" in Path("pages/inspection.html").read_text(encoding="utf-8")
    shutil.copy(next(photos.glob("test/*/*.png")), photos / "train" / "lines" / "new.png")
    status, told = perform(".ci/action/inspect", **sides)
    assert (status, "leakage (equal files on both sides)" in told) == (3, True), told
    status, told = perform(".ci/action/inspect", **sides, OPTIONS="--strict 'never closed")
    assert (status, "quote" in told) == (1, True), told
    summary = Path("summary.md").read_text(encoding="utf-8")
    assert summary.count("### rebalance inspect") == 2
    assert "leakage (equal files on both sides)" in summary


def test_compare_fails_where_the_manifest_is_another(
    perform: Perform, photos: Path, run: Run
) -> None:
    made = ("--method", "random", "--class", "lines=1")
    assert run("undersample", "my photos/train", "-o", "kept.csv", *made).status == 0
    asked = {"DATA": "my photos/train", "OPTIONS": "--method random --class 'lines=1'"}
    status, told = perform(".ci/action/compare", **asked, MANIFEST="kept.csv")
    assert status == 0, told
    assert Path("pages/report.html").is_file()
    next(photos.glob("train/curves/*")).unlink()
    assert perform(".ci/action/compare", **asked, MANIFEST="kept.csv")[0] == 3
    assert "### rebalance diff" in Path("summary.md").read_text(encoding="utf-8")
