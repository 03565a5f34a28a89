"""What tests share: real images on disk, the data beside the checkout, a cache of their own."""

import gc
import itertools
import json
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from schemas import check_records

from rebalance.parallel import chosen_workers

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # or a library waits for a network that is not there

ROOT = Path(__file__).resolve().parents[1]

NUMBERS = itertools.count()

MakeFolder = Callable[..., Path]


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """As many processes for ``-n auto`` as there are processors, but no more than 8.

    More would each load torch for a minute's work.
    """
    return min(8, chosen_workers(None))


def pytest_configure(config: pytest.Config) -> None:
    """Let each of several processes compute in one thread, so that they do not wait for each other.

    Before they start, since the libraries read it as they are loaded. What is loaded until the
    tests begin stays to the end: looking through it for garbage would be a fourth of that work.
    """
    gc.disable()
    if getattr(config.option, "numprocesses", None):
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # for those that tests give more


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what is marked ``together`` first: one process runs it, and others do not load it too.

    pytest-xdist deals the tests in as many stretches as there are processes, and a process that has
    done its own takes over from the end of another's.
    """
    items.sort(key=lambda item: item.get_closest_marker("together") is None)


def pytest_collection_finish() -> None:
    """Look for garbage among what the tests leave, and never again among what they start with."""
    gc.freeze()
    gc.set_threshold(5_000, 10, 20)
    gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what is marked ``gpu`` where torch sees no CUDA device."""
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has an empty cache of its own, in processes it starts too.

    It is made when it is needed, as a folder for each of thousands of tests takes seconds.
    """
    cache = tmp_path_factory.getbasetemp() / "caches" / str(next(NUMBERS))
    monkeypatch.setenv("REBALANCE_CACHE_DIR", str(cache))
    return cache


@pytest.fixture(autouse=True, scope="session")
def unsynced() -> Iterator[None]:
    """No write waits for the disk: what a power cut would leave, no test can see.

    Those of processes that tests start do.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda file: None)
        yield


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real data sets and weights that may lie beside the checkout."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("needs ../shared, the real data sets and weights beside the checkout")
    return folder


@pytest.fixture(scope="session")
def sample() -> Path:
    """The training side of the sample data: 600 real images in three imbalanced classes."""
    return ROOT / "sample_data" / "train"


@pytest.fixture(scope="session")
def few(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """60 of the sample's training scans, 20 of its test scans, as manifests."""
    folder = tmp_path_factory.mktemp("few")
    for side, step in (("train", 10), ("test", 9)):
        root = sample.parent / side
        rows = ["file_name,label"]
        for path in sorted(root.rglob("*.png"))[::step]:
            rows.append(f"{path.parent.name}/{path.name},{path.parent.name}")
        (folder / f"{side}.csv").write_text("\n".join(rows) + "\n")
        record = {"root": str(root), "classes": ["curves", "lines", "loops"]}
        (folder / f"{side}.json").write_text(json.dumps(record))
    return folder / "train.csv", folder / "test.csv"


@pytest.fixture
def make_folder() -> MakeFolder:
    """``make_folder(root, {"cat": 5, "dog": 3}, size=(12, 12))`` writes an image folder there.

    Every image is a PNG unlike any other; those of a class share a colour and differ by noise.
    """

    def make(root: Path, counts: Mapping[str, int], size: tuple[int, int] = (12, 12)) -> Path:
        for place, (label, count) in enumerate(counts.items()):
            (root / label).mkdir(parents=True)
            colour = np.random.default_rng(place).integers(40, 216, 3)
            for number in range(count):
                noise = np.random.default_rng((place, number)).integers(-40, 40, (*size[::-1], 3))
                image = Image.fromarray((colour + noise).astype(np.uint8))
                image.save(root / label / f"{number:03d}.png")
        return root

    return make


@dataclass(frozen=True)
class Outcome:
    """What a run of the command came to."""

    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line that says what went wrong."""
        lines = [line for line in self.err.splitlines() if "error" in line.lower()]
        assert len(lines) == 1, self.err
        return lines[0]


Run = Callable[..., Outcome]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """``run("inspect", folder)``: the real command line in this process.

    What it wrote to ``-o`` is held to the JSON Schemas. The log is left at the level it had: that
    of ``-q`` would be the next test's.
    """
    from rebalance.cli import main

    log = logging.getLogger("rebalance")

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr("sys.argv", ["rebalance", *map(str, arguments)])
        level = log.level
        with pytest.raises(SystemExit) as left:
            main()
        log.setLevel(level)
        out, err = capfd.readouterr()
        status = int(left.value.code or 0)
        if status == 0 and "-o" in arguments:
            check_records(Path(str(arguments[arguments.index("-o") + 1])))
        return Outcome(status, out, err)

    return call


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state dict of cifar_resnet20 with random weights: an extractor that is quick to run."""
    import torch

    from rebalance.models.backbones import build

    path = tmp_path_factory.mktemp("weights") / "random.pth"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        torch.save(build("cifar_resnet20", 10).state_dict(), path)
    return path


def train_briefly(monkeypatch: pytest.MonkeyPatch, epochs: int = 2) -> None:
    """Have ``--extractor finetune`` train for so many epochs."""
    from rebalance.settings import Recipe

    brief = replace(Recipe.from_scratch(), epochs=epochs)
    monkeypatch.setattr(Recipe, "from_scratch", staticmethod(lambda: brief))


@pytest.fixture
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """``--extractor finetune`` trains for two epochs, for tests of what comes after."""
    train_briefly(monkeypatch)


@pytest.fixture
def extractor(weights: Path) -> list[str]:
    """Options of a quick extractor, which sees small images."""
    options = ["--extractor", str(weights), "--arch", "cifar_resnet20", "--device", "cpu"]
    return [*options, "--image-size", "16"]
