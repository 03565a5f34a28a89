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
from launching import finish, finish_together, start, start_ranks

import rebalance

ROOT = Path(__file__).resolve().parents[1]
PAGES = ROOT / "docs" / "trainers"
INDEX = (PAGES / "README.md").read_text(encoding="utf-8")
BLOCK = r"^<!-- {mark}: (.+?) -->\n```(\w+)\n(.*?)^```$"
EPOCHS = 3  # of every page

# Runs blocks of Python as one program. What a loss is given while a network learns, and what it
# says of it, is told for each block.
WATCH = """
import json, sys, torch
told, theirs, within = {}, torch.nn.functional.cross_entropy, []
def watched(input, target, *rest, **named):
    within.append(None)
    loss = theirs(input, target, *rest, **named)
    within.pop()
    if torch.is_grad_enabled() and not within:  # it calls itself for tensors of a class of fastai's
        told.setdefault(running, []).append((target.tolist(), float(loss.detach().mean())))
    return loss
torch.nn.functional.cross_entropy = watched
for running, block in json.loads(sys.argv[1]):
    exec(compile(block, running, "exec"), globals())
open(sys.argv[2], "w", encoding="utf-8").write(json.dumps(told))
"""


@dataclass(frozen=True)
class Trial:
    """What the block of a page came to that leads from a manifest to training.

    folder: where it ran. out: what the whole page printed. batches: the targets of every batch that
    a loss was given to learn from. losses: what it said of each.
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
    assert sum(counts) == trial.counts.total() > 0
    assert max(counts) - min(counts) <= EPOCHS, counts
    third = len(trial.losses) // EPOCHS
    assert sum(trial.losses[-third:]) < sum(trial.losses[:third]), trial.losses


def learned_from_every_row(trial: Trial) -> None:
    """In each epoch every row of the manifest was learned from, and no other."""
    rows = rebalance.read_manifest(trial.folder / "balanced.csv").counts.values()
    assert trial.counts == {target: EPOCHS * count for target, count in enumerate(rows)}


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


def showed_a_leak(trial: Trial) -> None:
    """The page printed an image that lies on both sides, and is one that the manifest repeats."""
    assert re.search(r"validated on: .*photos/train/owl", trial.out)


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
    "pytorch": Trainer(),
    "lightning": Trainer(("lightning",)),
    "accelerate": Trainer(("accelerate",)),
    "fastai": Trainer(("fastai",), all_of(*EVERY_ROW, showed_a_leak)),
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


def blocks(text: str, mark: str = "run") -> dict[str, tuple[str, str]]:
    """The marked blocks of a page in order: the language of each, and its text."""
    found = re.findall(BLOCK.format(mark=mark), text, re.MULTILINE | re.DOTALL)
    return {name: (language, block) for name, language, block in found}


def page(name: str) -> str:
    return (PAGES / f"{name}.md").read_text(encoding="utf-8")


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


def watched(parts: dict[str, str], told: Path) -> tuple[str, ...]:
    """The arguments of a Python that runs these blocks, and tells there what they learned from."""
    return ("-c", WATCH, json.dumps(list(parts.items())), str(told))


def learned(told: Path, block: str) -> tuple[list[list[int]], list[float]]:
    """The targets and the loss of each batch that a block of a program learned from."""
    pairs = json.loads(told.read_text("utf-8")).get(block, [])
    return [targets for targets, _ in pairs], [loss for _, loss in pairs]


def run_python(name: str, parts: dict[str, str], folder: Path) -> Trial:
    """Run the Python of a page in a process of its own, as libraries change others' modules."""
    told = folder / "told.json"
    arguments = watched(parts, told)
    if TRAINERS[name].needs:
        out = run_alone([sys.executable, *arguments], name, folder)
    else:
        status, out, err = finish(start(*arguments))
        assert status == 0, err
    return Trial(folder, out, *learned(told, name))


def run_shell(name: str, parts: dict[str, str], folder: Path) -> Trial:
    """Run the commands of a page."""
    command = ["bash", "-euo", "pipefail", "-c", "\n".join(parts.values())]
    return Trial(folder, run_alone(command, name, folder), [], [])


def run_alone(command: list[str], name: str, folder: Path) -> str:
    """What a command prints, started afresh, with those of this Python's environment first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    own = {"PATH": path, "OMP_NUM_THREADS": "1", **dict(TRAINERS[name].env)}
    environment = {**os.environ, **own}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


RUN = {"python": run_python, "sh": run_shell}


@pytest.mark.slow
@pytest.mark.together
@pytest.mark.parametrize("name", TRAINERS)
def test_a_page_runs_as_printed_and_trains_on_classes_alike(name, photos):
    for module in TRAINERS[name].needs:
        if find_spec(module) is None:
            pytest.skip(f"needs {module}, which is not installed")
    marked = blocks(page(name))
    (language,) = {language for language, _ in marked.values()}
    parts = {each: block for each, (_, block) in marked.items()}
    TRAINERS[name].check(RUN[language](name, parts, photos))


@pytest.mark.slow
@pytest.mark.together
def test_two_processes_of_torchrun_learn_from_one_draw(photos):
    """Together they learn from as many images of each class, and each from as many."""
    parts = {"yours": blocks(page("pytorch"))["yours"][1]}
    parts["torchrun"] = blocks(page("pytorch"), "run by two")["torchrun"][1]
    told = [photos / f"told{rank}.json" for rank in range(2)]
    ranks = start_ranks(2, each=lambda rank: (watched(parts, told[rank]), {}))
    status, _, err = finish_together(ranks)
    assert status == 0, err
    (first, losses), (second, others) = (learned(file, "torchrun") for file in told)
    assert [len(batch) for batch in first] == [len(batch) for batch in second]
    both = [one + two for one, two in zip(first, second, strict=True)]
    means = [sum(pair) / 2 for pair in zip(losses, others, strict=True)]
    learned_from_all_alike(Trial(photos, "", both, means))


def test_the_way_from_a_manifest_to_training_is_ten_lines_at_most():
    for path in PAGES.glob("*.md"):
        if path.stem != "README":
            _, block = blocks(page(path.stem))[path.stem]
            lines = [line for line in block.splitlines() if line.strip()]
            assert len(lines) <= 10, (path.name, len(lines))
            assert all(len(line) <= 100 for line in lines), path.name


def test_every_page_is_run_and_in_the_index():
    pages = {page.stem for page in PAGES.glob("*.md")} - {"README"}
    assert pages == set(TRAINERS)
    assert pages == set(re.findall(r"\]\((\w+)\.md\)", INDEX))
