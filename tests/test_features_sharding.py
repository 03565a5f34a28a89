"""``extract`` under torchrun: the same bytes as one process, whatever ends one of them."""

import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from launching import TWO, finish, finish_together, finish_two, said, start, start_ranks
from torch.distributed import TCPStore

from rebalance.distributed.processes import Processes, alone
from rebalance.distributed.shutdown import Ended, ended_in_order
from rebalance.features.sharding import share

EXTRACT = ["-m", "rebalance", "extract"]


def digests(cache):
    """The images that a cache has features of."""
    files = cache.glob("features/*/pool/*.keys.npy")
    return {key for file in files for key in np.load(file).tolist()}


def by_hand(count, *arguments, **how):
    """Processes that torchrun did not start, once they have ended; see ``start_ranks``."""
    return [finish(process) for process in start_ranks(count, *arguments, **how)]


def in_any_number(count, *arguments, **environment):
    """As ``by_hand``; a single process is not told of others."""
    if count == 1:
        return [finish(start(*arguments, **environment))]
    return by_hand(count, *arguments, **environment)


@given(st.integers(0, 60), st.integers(1, 9), st.integers(1, 5))
def test_shares_are_the_batches_of_one_process_each_in_one_place(count, batch, world):
    items = list(range(count))
    shares = [share(items, batch, Processes(rank, world)) for rank in range(world)]
    assert sorted(item for own in shares for item in own) == items
    batches = [own[first : first + batch] for own in shares for first in range(0, len(own), batch)]
    assert sorted(batches) == [items[first : first + batch] for first in range(0, count, batch)]
    sizes = [len(own) for own in shares]
    assert max(sizes) - min(sizes) <= batch


@pytest.mark.together
@pytest.mark.slow
def test_two_processes_write_the_bytes_of_one(tmp_path, make_folder, extractor):
    data = make_folder(tmp_path / "data", {"cat": 33, "dog": 20}, (20, 20))
    (data / "cat" / "bad.png").write_bytes((data / "cat" / "000.png").read_bytes()[:90])
    (data / "dog" / "worse.png").write_text("no image")
    (data / "dog" / "empty.png").touch()
    shutil.copy(data / "dog" / "003.png", data / "dog" / "again.png")
    options = [*extractor, "--layer", "auto", "--batch-size", "7", "--json"]
    found = {}
    for name, launcher in (("one", []), ("two", TWO)):
        output = ["-o", tmp_path / f"{name}.npz", "--cache-dir", tmp_path / name]
        status, out, err = finish(start(*launcher, *EXTRACT, data, *output, *options))
        assert status == 0, err
        found[name] = json.loads(out), said(err)
    assert (tmp_path / "two.npz").read_bytes() == (tmp_path / "one.npz").read_bytes()
    assert found["two"][0] == found["one"][0]
    assert found["two"][0]["images"] == 54
    assert found["two"][0]["computed"] == 53
    assert [image["path"] for image in found["two"][0]["unreadable"]] == [
        "cat/bad.png",
        "dog/empty.png",
        "dog/worse.png",
    ]
    for _, lines in found.values():
        for name in ("bad.png", "worse.png", "empty.png"):
            assert sum(name in line for line in lines) == 1
    assert len(found["two"][1]) == len(found["one"][1])
    assert digests(tmp_path / "two") == digests(tmp_path / "one")
    assert not list((tmp_path / "two").glob(".*"))  # nothing is left of what they agreed by


@pytest.mark.together
@pytest.mark.slow
def test_more_processes_than_batches(tmp_path, make_folder, extractor):
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 2})
    output = ["-o", tmp_path / "f.npz", "--json"]
    command = (2, *EXTRACT, data, *output, *extractor)
    outcomes = by_hand(*command)
    assert [status for status, _, _ in outcomes] == [0, 0], outcomes
    assert json.loads("".join(out for _, out, _ in outcomes))["computed"] == 5
    outcomes = by_hand(*command)
    assert [(status, out) for status, out, _ in outcomes] == [(1, ""), (1, "")]
    (line,) = [line for _, _, err in outcomes for line in said(err)]
    assert "exists" in line


@pytest.mark.together
@pytest.mark.slow
@pytest.mark.parametrize(("lost", "again"), [(0, 1), (1, 2)])
def test_what_a_killed_process_leaves_is_gone_on_with(
    tmp_path, make_folder, run, extractor, lost, again
):
    count = 960
    data = make_folder(tmp_path / "data", {"cat": count // 2, "dog": count // 2}, (8, 8))
    options = [*extractor, "--batch-size", "3", "--image-size", "8", "--precision", "fp32"]
    both = ["--cache-dir", tmp_path / "both", "-o", tmp_path / "both.npz", "--json"]
    # As torchrun does, this process holds what they agree by, which outlives each of them.
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    held = {"MASTER_PORT": str(store.port), "TORCHELASTIC_USE_AGENT_STORE": "True"}
    command = (*EXTRACT, data, *both, *options)
    running = start_ranks(2, *command, each=lambda rank: ([], held))
    while not digests(tmp_path / "both"):
        assert running[lost].poll() is None, finish_together(running)
        time.sleep(0.01)
    running[lost].send_signal(signal.SIGKILL)
    status, out, err = finish_together(running)
    assert (status, out) == (1, "")
    (line,) = [line for line in said(err) if "error" in line]
    assert "another process has ended without a word" in line
    assert "run the command again" in line
    assert not (tmp_path / "both.npz").exists()

    kept = digests(tmp_path / "both")
    files = {path: path.read_bytes() for path in (tmp_path / "both").rglob("*.npy")}
    assert 256 <= len(kept) < count
    outcomes = in_any_number(again, *command)
    assert {status for status, _, _ in outcomes} == {0}, outcomes
    told = json.loads("".join(out for _, out, _ in outcomes))
    assert told["cached"] == len(kept)
    assert told["computed"] == count - len(kept)
    for path, content in files.items():
        assert path.read_bytes() == content
    new = set((tmp_path / "both").rglob("*.keys.npy")) - files.keys()
    assert kept.isdisjoint(key for path in new for key in np.load(path).tolist())

    one = ["--cache-dir", tmp_path / "one", "-o", tmp_path / "one.npz"]
    assert run("extract", data, *one, *options).status == 0
    assert (tmp_path / "both.npz").read_bytes() == (tmp_path / "one.npz").read_bytes()


# The command itself, with a training of two epochs.
BRIEFLY = """
import dataclasses
from rebalance.cli import main
from rebalance.settings import Recipe

recipe = dataclasses.replace(Recipe.from_scratch(), epochs=2)
Recipe.from_scratch = staticmethod(lambda: recipe)
main()
"""


@pytest.mark.together
@pytest.mark.slow
def test_the_network_is_trained_once_and_as_by_one_process(tmp_path, make_folder):
    data = make_folder(tmp_path / "data", {"cat": 18, "dog": 14}, (8, 8))
    (tmp_path / "briefly.py").write_text(BRIEFLY)
    options = ["--extractor", "finetune", "--device", "cpu", "--precision", "fp32"]
    threads = str(len(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else "1"
    lines = {}
    for name, count, environment in (
        ("one", 1, {"OMP_NUM_THREADS": threads}),
        ("two", 2, {"OMP_NUM_THREADS": "1", "LOCAL_WORLD_SIZE": "2"}),  # as torchrun sets it
    ):
        output = ["-o", tmp_path / f"{name}.npz", "--cache-dir", tmp_path / name]
        command = [tmp_path / "briefly.py", "extract", data, *output, *options]
        outcomes = in_any_number(count, *command, **environment)
        assert {status for status, _, _ in outcomes} == {0}, outcomes
        lines[name] = [line for _, _, err in outcomes for line in said(err)]
    assert (tmp_path / "two.npz").read_bytes() == (tmp_path / "one.npz").read_bytes()
    assert len(lines["two"]) == len(lines["one"])
    assert sum("training" in line for line in lines["two"]) == 1
    assert sum("epoch" in line for line in lines["two"]) == 2


@pytest.mark.together
def test_a_command_of_one_process_says_so_once(tmp_path):
    status, out, err = finish_two("-m", "rebalance", "undersample", tmp_path)
    assert status != 0
    assert out == ""
    (line,) = said(err)
    assert "undersample is one: start extract, train or evaluate that way" in line


@pytest.mark.together
def test_machines_with_caches_of_their_own_are_told(tmp_path, make_folder, extractor):
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 2})
    outcomes = by_hand(
        *(2, *EXTRACT, data, *extractor),
        each=lambda rank: ([], {"REBALANCE_CACHE_DIR": str(tmp_path / f"cache{rank}")}),
    )
    (line,) = [line for _, _, err in outcomes for line in said(err)]
    assert "all machines need one cache" in line
    assert [status for status, _, _ in outcomes] == [1, 1]
    assert not list(tmp_path.glob("cache*/features"))


@pytest.mark.together
def test_machines_that_would_compute_different_features_are_told(tmp_path, make_folder, extractor):
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 2})
    outcomes = by_hand(
        *(2, *EXTRACT, data, *extractor),
        each=lambda rank: (["--image-size", 32 + 8 * rank], {}),
    )
    (line,) = [line for _, _, err in outcomes for line in said(err) if "error" in line]
    assert "its image_size is 32 on" in line
    assert "and 40 on" in line
    assert [status for status, _, _ in outcomes] == [1, 1]


PLACES = """
import sys
from pathlib import Path
from rebalance.errors import RebalanceError
from rebalance.distributed.processes import joined
from rebalance.features.sharding import check_places

try:
    with joined("cpu") as processes:
        check_places(Path(sys.argv[2 + processes.rank]), Path(sys.argv[1]), processes)
except RebalanceError as error:
    sys.exit(f"rebalance: {error}")
"""


@pytest.mark.together
def test_a_machine_without_the_images_is_told(tmp_path):
    places = [tmp_path / "cache", tmp_path, tmp_path / "elsewhere"]
    outcomes = by_hand(2, "-c", PLACES, *places)
    lines = [line for _, _, err in outcomes for line in said(err)]
    assert [status for status, _, _ in outcomes] == [1, 1]
    assert sum("every machine needs the images at the same place" in line for line in lines) == 1
    assert any("elsewhere' is no folder" in line for line in lines)


@pytest.mark.together
def test_a_world_that_nobody_started_is_one_clear_error(tmp_path, make_folder, extractor):
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 2})
    process = start(*EXTRACT, data, *extractor, WORLD_SIZE="2", RANK="0")
    status, _, err = finish(process)
    assert status == 1
    (line,) = said(err)
    assert "WORLD_SIZE is 2" in line
    assert "unset WORLD_SIZE" in line


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize(("arch", "side"), [("cifar_resnet20", 32), ("mobilenet_v2", 64)])
def test_features_do_not_depend_on_what_else_is_in_the_batch(
    tmp_path, make_folder, arch, side, precision
):
    import torch

    import rebalance
    from rebalance.models.backbones import build

    torch.manual_seed(0)
    torch.save(build(arch, 10).state_dict(), tmp_path / "random.pth")
    make_folder(tmp_path / "all", {"cat": 12, "dog": 5}, (side, side))
    shutil.copytree(tmp_path / "all", tmp_path / "some")
    for number in (0, 4, 5):  # whatever follows lies elsewhere in its batch, beside others
        (tmp_path / "some" / "cat" / f"{number:03d}.png").unlink()
    features = {}
    for name in ("all", "some"):
        table = rebalance.extract(
            tmp_path / name,
            extractor=str(tmp_path / "random.pth"),
            arch=arch,
            image_size=side,
            batch_size=5,
            precision=precision,
            device="cpu",
            cache_dir=tmp_path / f"cache-{name}",
        )
        values = table.layers["pool"].read(slice(None), slice(None))
        features[name] = dict(zip(table.folder.paths, values, strict=True))
    assert len(features["some"]) == 14
    assert np.isfinite(list(features["some"].values())).all()
    for path, values in features["some"].items():
        np.testing.assert_array_equal(values, features["all"][path])


def test_a_signal_to_end_is_an_exception_once():
    before = signal.getsignal(signal.SIGTERM)
    ended = []
    with ended_in_order():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(1)
        except Ended:
            ended.append(1)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
    assert ended == [1]
    assert signal.getsignal(signal.SIGTERM) == before


def test_one_process_is_not_alone_in_the_sense_of_others_that_wait():
    assert not alone()
    assert Processes().by_first(alone) is False
