"""The recipes of docs/ci.md run, on a copy of the sample data, and their gates hold and fail."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"<!-- run: (.+?) -->\n```\w+\n(.*?)```", PAGE, re.DOTALL))
FOLDED = re.compile(r"^( *)(?:- )?(?:run|entry|cmd): >-\n((?:\1 .*\n)+)", re.MULTILINE)
PLAIN = re.compile(r"^ *(?:- )?(?:run|entry|cmd): (?!>)(.+)$", re.MULTILINE)


def commands(block):
    """Every rebalance command line of a YAML block or a shell block, in order.

    Of YAML it knows what the recipes use: ``run``, ``entry`` and ``cmd``, on one line or folded by
    ``>-``.
    """
    if not re.search(r"(run|entry|cmd):", block):
        return [line for line in block.splitlines() if line.startswith("rebalance ")]
    found = [(each.start(), " ".join(each[2].split())) for each in FOLDED.finditer(block)]
    found += [(each.start(), each[1]) for each in PLAIN.finditer(block)]
    return [text for _, text in sorted(found) if text.startswith("rebalance ")]


DEFINED = (ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")


def hook(text):
    """The hook that the repository defines, with the arguments that a text gives it."""
    (entry,) = re.findall(r"entry: (.+)", DEFINED)
    (given,) = re.findall(r"args: \[(.+)\]", text)
    return " ".join([entry, *(part.strip().strip('"') for part in given.split(", "))])


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Every eighth image of the sample data as ``photos``, to run in."""
    source = ROOT / "sample_data"
    for path in sorted([*source.glob("train/*/*.png"), *source.glob("test/*/*.png")])[::8]:
        target = tmp_path / "photos" / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def execute(run):
    """Run a command line as a shell would, with its output where ``>`` says."""

    def call(line):
        text, _, file = line.partition(" > ")
        found = run(*shlex.split(text)[1:])
        if file:
            Path(file).write_text(found.out)
        return found

    return call


def test_the_reader_finds_every_command():
    assert set(BLOCKS) == {"once", "workflow", "dvc", "hook", "remote hook"}
    every = [line for block in BLOCKS.values() for line in commands(block)]
    assert len(every) == sum(block.count("rebalance ") for block in BLOCKS.values())
    verbs = [line.split()[1] for line in every]
    assert verbs == [*["inspect", "undersample"] * 2, "report", "diff", "undersample", "inspect"]


@pytest.mark.slow
@pytest.mark.usefixtures("briefly")
def test_the_recipes_pass_and_their_gates_fail(repository, execute):
    for line in [
        *(each for block in BLOCKS.values() for each in commands(block)),
        hook(BLOCKS["remote hook"]),
    ]:
        found = execute(line)
        assert found.status == 0, (line, found.err)
    assert "All gates passed" in (repository / "inspection.html").read_text("utf-8")
    assert "<img " in (repository / "report.html").read_text("utf-8")
    # A test image gets in among those to train on, under another label.
    leak = next((repository / "photos" / "test" / "loops").glob("*.png"))
    shutil.copy(leak, repository / "photos" / "train" / "lines" / "new.png")
    for file in repository.glob("new.*"):
        file.unlink()
    (repository / "inspection.html").unlink()
    inspect, *_ = commands(BLOCKS["workflow"])
    for line in (inspect, *commands(BLOCKS["hook"]), hook(BLOCKS["remote hook"])):
        found = execute(line)
        assert found.status == 3, (line, found.err)
        assert "leakage (equal files on both sides)" in found.error
    page = (repository / "inspection.html").read_text("utf-8").replace("<wbr>", "")
    assert "1 of 6 gates failed" in page
    assert f"test/loops/{leak.name}" not in page  # names are within the folder
    assert f"loops/{leak.name} (against)" in page


def test_a_manifest_that_was_not_made_again_fails_its_gate(repository, execute):
    """As the last step of the workflow; drawn at random, since that is quick."""
    undersample = "rebalance undersample photos/train --method random -o "
    execute(undersample + "balanced.csv")
    next((repository / "photos" / "train" / "curves").glob("*.png")).unlink()
    execute(undersample + "new.csv")
    (diff,) = (line for line in commands(BLOCKS["workflow"]) if " diff " in line)
    assert execute(diff).status == 3


def test_a_stage_has_the_same_hashes_in_a_copied_tree(repository, execute, monkeypatch, tmp_path):
    (stage,) = commands(BLOCKS["dvc"])
    outs = re.findall(r"- (balanced\..+)", BLOCKS["dvc"])
    shutil.copytree(repository / "photos", copy := tmp_path / "another" / "place" / "photos")
    made = []
    for place in (repository, copy.parent):
        monkeypatch.chdir(place)
        assert execute(stage).status == 0
        made.append([(place / each).read_bytes() for each in outs])
    assert made[0] == made[1]
    assert {each.name for each in copy.parent.glob("balanced*")} == set(outs)


def test_the_hook_without_arguments_wants_every_image_to_be_readable(repository, execute):
    (repository / "src").mkdir()
    assert execute(hook(DEFINED)).status == 0
    next(repository.glob("photos/test/*/*.png")).write_bytes(b"no image")
    found = execute(hook(DEFINED))
    assert (found.status, "1 unreadable" in found.error) == (3, True), found.err


def test_the_hooks_look_at_a_commit_that_only_deletes():
    for text in (DEFINED, BLOCKS["hook"]):
        assert "always_run: true" in text and not re.search(
            "files:|types:", text.replace("pass_", "")
        )


def test_the_page_names_every_exit_status():
    from rebalance import errors

    said = {int(number) for number in re.findall(r"^\| (\d) \|", PAGE, re.MULTILINE)}
    own = {errors.RebalanceError.exit_status, errors.GateFailed.exit_status}
    assert said == {0, 2, *own}
