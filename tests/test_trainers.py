"""The pages of docs/trainers run as printed, and what each trainer learned from was balanced.

A page's blocks marked ``<!-- run: ... -->`` run one after the other, as one program in a folder of
small photographs. The block that has the page's own name leads from a manifest to training. A page
is its line in ``TRAINERS``; one whose library is not installed is skipped.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest
from launching import finish, start

import rebalance

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "trainers"
INDEX = (PAGES / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^<!-- run: (.+?) -->\n```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What the loss is given while a network learns, and what it says, told by a program's end.
WATCH = """
import atexit, json, sys, torch
told, theirs = [], torch.nn.functional.cross_entropy
def watched(input, target, *rest, **named):
    loss = theirs(input, target, *rest, **named)
    if torch.is_grad_enabled():
        told.append([target.tolist(), float(loss.detach().mean())])
    return loss
torch.nn.functional.cross_entropy = watched
exec(compile(open(sys.argv[1], encoding="utf-8").read(), sys.argv[1], "exec"), globals())
open(sys.argv[2], "w", encoding="utf-8").write(json.dumps(told))
"""


@dataclass(frozen=True)
class Trial:
    """What a page came to: what it printed, and what it did in which folder.

    batches: the targets of every batch that a loss was given to learn from. losses: what it said.
    """

    folder: Path
    out: str
    batches: list[list[int]]
    losses: list[float]

    @property
    def counts(self) -> Counter[int]:
        """How often each class was learned from."""
        return Counter(target for batch in self.batches for target in batch)


def learned_from_all_alike(trial: Trial) -> None:
    """Every class was learned from as often, but for one image an epoch, and the loss fell."""
    counts = [trial.counts[target] for target in range(3)]
    epochs = 3
    assert min(counts) > 0, counts
    assert max(counts) - min(counts) <= epochs, counts
    third = len(trial.losses) // 3
    assert sum(trial.losses[-third:]) < sum(trial.losses[:third]), trial.losses


def learned_from_every_row(trial: Trial) -> None:
    """In each of three epochs every row of the manifest was learned from, and no other."""
    rows = rebalance.read_manifest(trial.folder / "balanced.csv").counts.values()
    found = Counter(target for batch in trial.batches for target in batch)
    assert found == {target: 3 * count for target, count in enumerate(rows)}


def validated_on_others(trial: Trial) -> None:
    """No image that was to be validated on is one that was trained on, under whatever name."""
    train, val = (
        {path.read_bytes() for path in (trial.folder / "sides" / side).rglob("*.png")}
        for side in ("train", "val")
    )
    assert len(val) == 12 and not train & val


def printing(*lines: str) -> Callable[[Trial], None]:
    """A page prints these lines, as its comments say."""

    def check(trial: Trial) -> None:
        assert set(lines) <= set(trial.out.splitlines()), trial.out

    return check


def all_of(*checks: Callable[[Trial], None]) -> Callable[[Trial], None]:
    def check(trial: Trial) -> None:
        for each in checks:
            each(trial)

    return check


@dataclass(frozen=True)
class Trainer:
    """What a page needs, and how to tell that its training was balanced.

    needs: modules of its libraries. check: of what it came to. env: variables of the environment.
    """

    needs: tuple[str, ...] = ()
    check: Callable[[Trial], None] = learned_from_all_alike
    env: tuple[tuple[str, str], ...] = ()


OFFLINE = (("HF_HOME", "hub"), ("HF_HUB_OFFLINE", "1"))
SETTLED = (("YOLO_CONFIG_DIR", "settings"), ("YOLO_OFFLINE", "1"), ("CUDA_VISIBLE_DEVICES", ""))

EVERY_ROW = (learned_from_all_alike, learned_from_every_row)

TRAINERS: dict[str, Trainer] = {
    "timm": Trainer(("timm",), all_of(*EVERY_ROW, validated_on_others, printing("36 36 True"))),
    "huggingface": Trainer(
        ("transformers", "accelerate", "datasets"),
        all_of(
            *EVERY_ROW,
            validated_on_others,
            printing("{'train': 36, 'validation': 12}", "3 of 9 are also trained on"),
        ),
        OFFLINE,
    ),
    "ultralytics": Trainer(
        ("ultralytics",), all_of(learned_from_every_row, validated_on_others), SETTLED
    ),
    "keras": Trainer(("keras",), all_of(*EVERY_ROW)),
}


def blocks(text: str) -> dict[str, tuple[str, str]]:
    """The marked blocks of a page in order: the language of each, and its text."""
    return {name: (language, block) for name, language, block in BLOCK.findall(text)}


@pytest.fixture
def photos(make_folder, run, tmp_path, monkeypatch):
    """A folder to run in, with ``photos`` and the manifests that the index makes of them."""
    make_folder(tmp_path / "photos" / "train", {"cat": 24, "dog": 12, "owl": 4}, (32, 32))
    make_folder(tmp_path / "photos" / "test", {"cat": 4, "dog": 4, "owl": 4}, (40, 40))
    monkeypatch.chdir(tmp_path)
    for line in blocks(INDEX)["manifests"][1].splitlines():
        found = run(*shlex.split(line)[1:])
        assert found.status == 0, found.err
    return tmp_path


def run_python(folder: Path, text: str, trainer: Trainer) -> Trial:
    """Run the Python of a page in a process of its own, as libraries change others' modules."""
    (folder / "page.py").write_text(text, encoding="utf-8")
    told = folder / "told.json"
    status, out, err = finish(start("-c", WATCH, "page.py", told, **dict(trainer.env)))
    assert status == 0, err
    batches, losses = zip(*json.loads(told.read_text("utf-8")), strict=True)
    return Trial(folder, out, list(batches), list(losses))


def run_shell(folder: Path, text: str, trainer: Trainer) -> Trial:
    """Run the commands of a page, with those of this Python's environment first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **dict(trainer.env)}
    command = ["bash", "-euo", "pipefail", "-c", text]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return Trial(folder, done.stdout, [], [])


RUN = {"python": run_python, "sh": run_shell}


@pytest.mark.slow
@pytest.mark.together
@pytest.mark.parametrize("name", TRAINERS)
def test_a_page_runs_as_printed_and_trains_on_classes_alike(name, photos):
    trainer = TRAINERS[name]
    for module in trainer.needs:
        if find_spec(module) is None:
            pytest.skip(f"needs {module}, which is not installed")
    marked = blocks((PAGES / f"{name}.md").read_text("utf-8"))
    (language,) = {language for language, _ in marked.values()}
    text = "\n".join(block for _, block in marked.values())
    trainer.check(RUN[language](photos, text, trainer))


def test_the_way_from_a_manifest_to_training_is_ten_lines_at_most():
    for page in PAGES.glob("*.md"):
        if page.stem != "README":
            _, block = blocks(page.read_text("utf-8"))[page.stem]
            lines = [line for line in block.splitlines() if line.strip()]
            assert len(lines) <= 10, (page.name, len(lines))
            assert all(len(line) <= 100 for line in lines), page.name


def test_every_page_is_run_and_in_the_index():
    pages = {page.stem for page in PAGES.glob("*.md")} - {"README"}
    assert pages == set(TRAINERS)
    assert pages == set(re.findall(r"\]\((\w+)\.md\)", INDEX))
