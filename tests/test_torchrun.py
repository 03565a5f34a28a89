"""``train`` under torchrun: the real command in two processes, against the same one alone."""

import csv
import json
import logging
import signal
import sys
import time

import numpy as np
import pytest
from launching import TWO, finish, finish_two, said, start, start_ranks
from safetensors.numpy import load_file

from rebalance.distributed.processes import Processes, is_first, joined, own_workers
from rebalance.errors import ExtractorError

pytestmark = pytest.mark.together

# At a low rate, so that rounding does not grow into other decisions.
OPTIONS = [
    *("--recipe", "scratch", "--arch", "cifar_resnet20", "--device", "cpu"),
    *("--precision", "fp32", "--lr", "0.002", "--batch-size", "16"),
]


@pytest.fixture
def few(tmp_path, make_folder):
    """48 images to train on, and 12 to test on."""
    data = make_folder(tmp_path / "train", {"cat": 36, "dog": 24}, (32, 32))
    for path in sorted(data.rglob("*.png"))[::5]:
        (tmp_path / "test" / path.parent.name).mkdir(parents=True, exist_ok=True)
        path.rename(tmp_path / "test" / path.parent.name / path.name)
    return data, tmp_path / "test"


CLOSE = {"rel": 1e-3, "abs": 1e-5}


def train(few, folder, *options):
    data, test = few
    return ["-m", "rebalance", "train", data, "--test", test, "-o", folder, *OPTIONS, *options]


def summary(folder):
    with (folder / "summary.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def numbers(value):
    """Every number in nested JSON, in order."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for inner in value for number in numbers(inner)]
    return [value] if isinstance(value, int | float) else []


def same(first, second, name):
    one, two = (json.loads((folder / name).read_bytes()) for folder in (first, second))
    assert numbers(one) == pytest.approx(numbers(two), **CLOSE)


@pytest.mark.slow
def test_two_processes_do_as_one(few, tmp_path):
    options = ["--epochs", "2", "--regime", "dynamic", "--val-fraction", "0.3"]
    options += ["--classifier", "centres", "--json"]
    alone = start(*train(few, tmp_path / "alone", *options))
    status, both_out, both_err = finish_two(*train(few, tmp_path / "both", *options))
    assert status == 0, both_err
    status, out, err = finish(alone)
    assert status == 0, err
    assert numbers(json.loads(both_out)) == pytest.approx(numbers(json.loads(out)), **CLOSE)
    assert len(said(both_err)) == len(said(err)) == 2  # an epoch each
    names = {path.name for path in (tmp_path / "alone").iterdir()}
    assert {path.name for path in (tmp_path / "both").iterdir()} == names
    for name in ("metrics.json", "decision.json"):
        same(tmp_path / "alone", tmp_path / "both", name)
    for one, two in zip(summary(tmp_path / "alone"), summary(tmp_path / "both"), strict=True):
        assert float(two["train_loss"]) == pytest.approx(float(one["train_loss"]), rel=1e-4)
        assert two["val_f1_macro"] == one["val_f1_macro"]


@pytest.mark.slow
def test_a_run_that_exists_ends_all_processes_with_one_line(few, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").touch()
    status, out, err = finish_two(*train(few, tmp_path / "run", "--epochs", "1"))
    assert (status, out) == (1, "")
    (line,) = said(err)
    assert line.startswith("rebalance: error:") and "holds files and is no run of ours" in line
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine.txt"]


def test_wrong_usage_is_said_once(few, tmp_path):
    status, _, err = finish_two(*train(few, tmp_path / "run", "--epochs", "none"))
    assert status != 0
    assert err.count("Invalid value for '--epochs'") == 1


@pytest.mark.slow
def test_ended_and_resumed_it_ends_with_the_same_weights(few, tmp_path):
    options = ["--epochs", "3", "--loss", "ldam", "--regime", "drw"]
    status, _, err = finish_two(*train(few, tmp_path / "whole", *options))
    assert status == 0, err
    ended = start(*TWO, *train(few, tmp_path / "ended", *options))
    while not (tmp_path / "ended" / "state.pt").exists():
        assert ended.poll() is None, finish(ended)
        time.sleep(0.002)
    ended.send_signal(signal.SIGTERM)
    finish(ended)
    assert not (tmp_path / "ended" / "model.safetensors").exists()
    status, _, err = finish_two(*train(few, tmp_path / "ended", *options, "--resume"))
    assert status == 0, err
    assert sum("going on after epoch" in line for line in said(err)) == 1
    once, twice = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "ended"))
    assert once.keys() == twice.keys()
    for name in once:
        np.testing.assert_array_equal(once[name], twice[name])
    for name in ("summary.csv", "metrics.json", "decision.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "ended" / name).read_bytes()


# A caller that has initialised torch.distributed itself; argv: folder, rank, DATA, TEST.
CALLER = """
import json, sys
from pathlib import Path
from torch import distributed
import rebalance

folder, rank = Path(sys.argv[1]), int(sys.argv[2])
store = f"file://{folder / 'store'}"
distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
how = dict(recipe="scratch", arch="cifar_resnet20", epochs=1, device="cpu", workers=1, loss="mfe")
metrics = rebalance.train(sys.argv[3], sys.argv[4], folder / "run", **how)
try:
    rebalance.train(sys.argv[3], sys.argv[4], folder / "run", **how)
except rebalance.RebalanceError as error:
    print(json.dumps([metrics, str(error)]))
distributed.barrier()
distributed.destroy_process_group()
"""


@pytest.mark.slow
def test_callers_with_processes_of_their_own_all_get_the_metrics_and_the_error(few, tmp_path):
    running = [start("-c", CALLER, tmp_path, rank, *few) for rank in range(2)]
    found = []
    for process in running:
        status, out, err = finish(process)
        assert status == 0, err
        found.append(json.loads(out))
    assert found[0] == found[1]
    metrics, error = found[0]
    assert metrics == json.loads((tmp_path / "run" / "metrics.json").read_bytes())
    assert "is a run already" in error


# Processes of which some fail between collectives; argv: what to do in which rank.
FAIL = """
import sys
from rebalance import errors
from rebalance.distributed import processes
import torch
from torch import distributed

with processes.joined("cpu") as found:
    if found.rank == int(sys.argv[2]):
        if sys.argv[1] == "vanish":
            import os
            os._exit(7)
        raise errors.DataError("rank %d needs images" % found.rank)
    found.by_each(lambda: 0)
"""

MAIN = """
import sys
from rebalance.errors import PeerFailed, RebalanceError
try:
    exec(open(sys.argv[3]).read())
except PeerFailed:
    sys.exit(1)
except RebalanceError as error:
    print("rebalance: error:", error, file=sys.stderr, flush=True)
    sys.exit(1)
"""


@pytest.mark.parametrize("rank", [0, 1])
def test_what_one_process_alone_fails_of_is_said_by_it(tmp_path, rank):
    (tmp_path / "fail.py").write_text(FAIL)
    (tmp_path / "main.py").write_text(MAIN)
    arguments = [tmp_path / "main.py", "raise", rank, tmp_path / "fail.py"]
    status, _, err = finish_two(*arguments)
    assert status == 1
    assert said(err) == [f"rebalance: error: rank {rank} needs images"]


# Threads left after the processes have parted; an optimizer imports modules that hold the group.
LEFT = """
import sys
from pathlib import Path
from rebalance.distributed.processes import joined

with joined("cpu") as found:
    import torch
    torch.optim.SGD(torch.nn.Linear(2, 2).parameters(), lr=0.1)
    found.by_each(lambda: 0)
names = sorted(task.read_text().strip() for task in Path("/proc/self/task").glob("*/comm"))
left = [name for name in names if "gloo" in name or "store" in name]
sys.stdout.write(f"{left}\\n")  # at once: print writes the end of the line on its own
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the names of threads in /proc")
def test_no_thread_of_the_group_outlives_it(tmp_path):
    (tmp_path / "left.py").write_text(LEFT)
    status, out, err = finish_two(tmp_path / "left.py")
    assert status == 0, err
    assert out.splitlines() == ["[]", "[]"]


def test_of_a_process_that_vanishes_another_tells(tmp_path):
    (tmp_path / "fail.py").write_text(FAIL)
    (tmp_path / "main.py").write_text(MAIN)
    arguments = [tmp_path / "main.py", "vanish", 1, tmp_path / "fail.py"]
    # torchrun would end the one left before it can tell.
    first, second = start_ranks(2, *arguments)
    assert finish(second)[0] == 7
    status, _, err = finish(first)
    assert status == 1
    (line,) = said(err)
    assert "another process has ended without a word" in line


def test_alone_nothing_is_exchanged(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined("cpu") as processes:
        assert processes == Processes() and processes.first
        assert processes.by_first(lambda: 3) == 3
        assert processes.by_each(lambda: 3) == [3]
        with pytest.raises(ExtractorError):
            processes.by_first(lambda: raising(ExtractorError("no")))
    assert is_first()


def raising(error):
    raise error


def test_who_is_who_is_read_from_the_environment(monkeypatch):
    monkeypatch.setenv("RANK", "1")
    assert is_first()  # a rank of what is no torchrun
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert not is_first()
    monkeypatch.setenv("RANK", "0")
    assert is_first()


def test_processors_are_shared_out_among_the_processes_of_a_machine(monkeypatch):
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    whole = own_workers(None)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    assert own_workers(None) == max(1, whole // 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "100000")
    assert own_workers(None) == 1
    assert [own_workers(0), own_workers(7)] == [0, 7]


def test_the_log_is_left_as_it_was():
    before = list(logging.getLogger("rebalance").filters)
    with joined("cpu"):
        pass
    assert logging.getLogger("rebalance").filters == before
