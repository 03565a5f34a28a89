"""The run folder: what is written, what is refused, and what survives being killed."""

import csv
import json
import os
import signal
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from launching import finish, start
from safetensors.numpy import save
from scipy.spatial.distance import pdist

from rebalance.errors import DataError, ExtractorError, OutputError, SettingError
from rebalance.metrics import FeatureRanges
from rebalance.models.building import fresh_network
from rebalance.models.checkpoints import load_network
from rebalance.models.transforms import CIFAR_TRANSFORM
from rebalance.runs import DECISION, FILES, METRICS, RANGES, Run
from rebalance.scoring.embedded import EmbeddedImages

OPTIONS = {
    "recipe": {"name": "paper", "epochs": 3, "lr": 0.1, "milestones": [0.3, 0.6]},
    "network": {"arch": "cifar_resnet20", "weights": None, "image_size": None},
    "loss": {"name": "cce", "gamma": -1},
    "sampler": "none",
    "regime": "plain",
    "threshold": "none",
    "classifier": "head",
    "seed": 0,
    "device": "cpu",
    "precision": "fp32",
    "counts": {"cat": 9, "dog": 6, "eel": 3},
    "source": {
        "data": "/photos",
        "root": None,
        "allow_empty": False,
        "val_fraction": None,
        "groups": None,
    },
    "data": "0a",
    "validation": "0b",
    "head": None,
    "val": None,
    "workers": 2,
}
ROW = {"epoch": 1, "phase": "whole", "loss": 0.1 + 0.2, "lr": 1e-05}


def listing(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def one_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "results" / "run"


@pytest.fixture
def run(path) -> Run:
    return Run.create(path, OPTIONS, overwrite=False)


def test_a_run_opens_with_the_options_it_was_made_with(path):
    made = Run.create(path, {**OPTIONS, "class": "eel\udcff\n", "pair": (1, 2)}, overwrite=False)
    assert listing(path) == {"options.json"}
    assert Run.open(path) == made
    assert made.options == {**OPTIONS, "class": "eel\udcff\n", "pair": [1, 2]}


def test_an_empty_folder_is_taken_and_half_written_files_do_not_count(path):
    path.mkdir(parents=True)
    (path / ".options.json.0a1b.partial").write_text("{")
    Run.create(path, OPTIONS, overwrite=False)
    assert listing(path) == {"options.json"}


def test_a_run_is_replaced_on_request_only_and_strange_files_stay(run, path):
    run.record_epoch(ROW, {})
    run.write_record(METRICS, {"accuracy": 1.0})
    (path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"run already: .* --overwrite, or go on .* --resume"):
        Run.create(path, OPTIONS, overwrite=False)
    assert len(run.epochs()) == 1
    other = {**OPTIONS, "loss": {"name": "ce"}}
    replaced = Run.create(path, other, overwrite=True)
    assert listing(path) == {"options.json", "notes.txt"}
    assert Run.open(path).options == replaced.options == other


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_is_no_run_is_never_replaced(path, overwrite):
    path.mkdir(parents=True)
    (path / "options.json").write_text('{"options": {}}')
    with pytest.raises(OutputError, match="is no run of ours") as error:
        Run.create(path, OPTIONS, overwrite=overwrite)
    assert str(path) in one_line(error)
    (path.parent / "file").write_text("")
    with pytest.raises(OutputError, match="is a file; a run is a folder"):
        Run.create(path.parent / "file", OPTIONS, overwrite=overwrite)
    assert listing(path) == {"options.json"}


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        Run.create(tmp_path / "file" / "run", OPTIONS, overwrite=False)


def test_what_is_no_run_does_not_open(tmp_path):
    with pytest.raises(DataError, match="does not exist; give the folder of a run"):
        Run.open(tmp_path / "none")
    with pytest.raises(DataError, match="is no run"):
        Run.open(tmp_path)
    for text in ("", "[]", "{", '{"options": 1, "format": 1, "rebalance": ""}', "[" * 100_000):
        (tmp_path / "options.json").write_text(text)
        with pytest.raises(DataError, match="is no run") as error:
            Run.open(tmp_path)
        one_line(error)
    with pytest.raises(DataError, match="is a file"):
        Run.open(tmp_path / "options.json")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"counts": ["cat"]}, r"options.counts is \['cat'\], and an object is needed"),
        ({"counts": {"cat": "9"}}, "options.counts.cat is '9', and a whole number is needed"),
        ({"seed": True}, "options.seed is True"),
        ({"loss": None}, "options.loss is None"),
        ({"source": {}}, "options.source lacks 'allow_empty'"),
        ({"head": {"manifest": 3}}, "options.head"),
    ],
)
def test_options_of_other_types_do_not_open(run, path, change, told):
    record = json.loads((path / "options.json").read_text())
    record["options"].update(change)
    (path / "options.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match=f"options.json of .* is damaged .{told}.*train again"):
        Run.open(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(run):
    for name in FILES[1:]:
        os.mkfifo(run.path / name)
    for ask in (
        run.epochs,
        run.resume_point,
        run.load_ranges,
        run.load_model,
        lambda: run.read_record(DECISION),
        lambda: next(run.predictions()),
    ):
        with pytest.raises((DataError, ExtractorError)) as error:
            ask()
        one_line(error)
    (run.path / "options.json").unlink()
    os.mkfifo(run.path / "options.json")
    with pytest.raises(DataError, match="is no run"):
        Run.open(run.path)


@pytest.mark.parametrize(
    "text", ["epoch,loss\n1\n", "epoch,loss\n1,2,3\n", 'epoch\n"1', "\x00\xff"]
)
def test_a_table_of_epochs_that_is_damaged_is_one_line(run, text):
    (run.path / "summary.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(
        DataError, match=r"summary.csv' is damaged \(.*\): begin another run"
    ) as error:
        run.epochs()
    one_line(error)


def test_a_later_format_does_not_open(run, path):
    record = json.loads((path / "options.json").read_text())
    (path / "options.json").write_text(json.dumps({**record, "format": 2}))
    with pytest.raises(DataError, match="format 2, and 1 is needed"):
        Run.open(path)


def test_resuming_needs_the_same_options(run, path):
    assert Run.resume(path, OPTIONS) == run
    assert Run.resume(path, {**OPTIONS, "workers": 0}, free=["workers"]) == run
    (path / ".state.pt.77.partial").write_bytes(b"half")
    Run.resume(path, OPTIONS)
    assert listing(path) == {"options.json"}


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"loss": {"name": "ce", "gamma": -1}}, 'loss.name was "cce" and is now "ce"'),
        ({"recipe": {**OPTIONS["recipe"], "epochs": 4}}, "recipe.epochs was 3 and is now 4"),
        ({"recipe": {**OPTIONS["recipe"], "milestones": [0.3]}}, "recipe.milestones was"),
        ({"loss": {"name": "cce"}}, "loss.gamma was -1 and is now absent"),
        ({"extra": None}, "extra was absent and is now null"),
        ({"val": {}, "workers": 3}, r"val was null and is now \{\}"),
        ({"workers": 3}, "workers was 2 and is now 3"),
    ],
)
def test_the_first_option_that_differs_is_named(run, path, changed, told):
    with pytest.raises(SettingError, match=told) as error:
        Run.resume(path, {**OPTIONS, **changed})
    assert "--resume" in one_line(error)


def test_an_option_that_differs_is_not_repeated_at_any_length(run, path):
    matrix = [[0.5] * 300] * 300
    with pytest.raises(SettingError, match="matrix was absent and is now") as error:
        Run.resume(path, {**OPTIONS, "matrix": matrix})
    assert len(str(error.value)) < 500


def test_a_run_that_cannot_be_gone_on_with_says_what_to_do(tmp_path):
    for head, said in ((None, "--resume"), ({"of": "digest"}, "train --from again, with --over")):
        begun = Run.create(tmp_path / str(bool(head)), {**OPTIONS, "head": head}, overwrite=False)
        with pytest.raises(DataError, match=said):
            begun.load_model()


def test_epochs_are_rows_and_the_state_comes_back(run):
    assert run.epochs() == [] and run.resume_point() == (0, None)
    parameter = torch.nn.Parameter(torch.tensor([1.5, -2.0]))
    optimiser = torch.optim.AdamW([parameter], lr=0.1)
    parameter.sum().backward()
    optimiser.step()
    state = {"optimiser": optimiser.state_dict(), "name": "drw", "rng": torch.get_rng_state()}
    run.record_epoch(ROW, {})
    run.record_epoch({**ROW, "epoch": 2}, state)
    with (run.path / "summary.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2"]
    assert float(rows[1]["loss"]) == ROW["loss"] and float(rows[0]["lr"]) == ROW["lr"]
    assert run.epochs() == rows
    finished, found = run.resume_point()
    assert finished == 2 and found is not None
    moments = found["optimiser"]["state"][0]
    assert torch.equal(moments["exp_avg"], optimiser.state[parameter]["exp_avg"])
    assert found["name"] == "drw" and torch.equal(found["rng"], state["rng"])
    assert listing(run.path) == {"options.json", "summary.csv", "state.pt"}


@pytest.mark.parametrize("finished", [0, 1, 2])
def test_a_row_without_its_state_is_taken_back(run, finished):
    for epoch in range(1, finished + 1):
        run.record_epoch({**ROW, "epoch": epoch}, {"epoch": epoch})
    before = (run.path / "state.pt").read_bytes() if finished else None
    run.record_epoch({**ROW, "epoch": finished + 1}, {"epoch": finished + 1})
    if before is None:  # as if killed between the two renames
        (run.path / "state.pt").unlink()
    else:
        (run.path / "state.pt").write_bytes(before)
    assert run.resume_point() == (finished, {"epoch": finished} if finished else None)
    assert len(run.epochs()) == finished
    run.record_epoch({**ROW, "epoch": 9}, {"epoch": 9})
    assert [row["epoch"] for row in run.epochs()] == [*map(str, range(1, finished + 1)), "9"]


class Dangerous:
    def __reduce__(self):
        return os.system, ("exit 1",)


def test_a_state_that_is_damaged_or_no_data_is_refused(run):
    run.record_epoch(ROW, {"weights": torch.zeros(9)})
    path = run.path / "state.pt"
    whole = path.read_bytes()
    torch.save({"epochs": 1, "state": {"x": Dangerous()}}, path)
    with pytest.raises(DataError, match="cannot go on from") as error:
        run.resume_point()
    one_line(error)
    for damaged in (b"", whole[: len(whole) // 2], b"hello"):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="begin another run") as error:
            run.resume_point()
        one_line(error)
    flipped = bytearray(whole)
    flipped[whole.index(bytes(36))] ^= 1  # in the weights, which torch does not look after
    path.write_bytes(flipped)
    with pytest.raises(DataError, match="Bad CRC-32"):
        run.resume_point()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("state/data.pkl", bytes(10**6))
    with pytest.raises(DataError, match=r"it is compressed, and torch\.save compresses nothing"):
        run.resume_point()
    path.write_bytes(whole)
    (run.path / "summary.csv").unlink()
    with pytest.raises(DataError, match="row for 0 epochs but the state after 1"):
        run.resume_point()


def test_the_network_loads_as_an_extractor(run):
    with pytest.raises(DataError, match="no trained network yet"):
        run.load_model()
    network = fresh_network("cifar_resnet20", 3)
    classes = ("cat", "dog", "eel")
    run.save_model(
        network, arch="cifar_resnet20", classes=classes, transform=CIFAR_TRANSFORM, extra={"a": "b"}
    )
    for saved in (run.load_model(), load_network(run.model_path)):
        assert saved.classes == classes and saved.transform == CIFAR_TRANSFORM
        for name, value in network.state_dict().items():
            assert torch.equal(value, saved.network.state_dict()[name])
    other = Run(run.path, {**OPTIONS, "counts": {"cat": 9, "dog": 6}})
    with pytest.raises(DataError, match="not of the same classes"):
        other.load_model()
    run.model_path.write_bytes(run.model_path.read_bytes()[:-9])
    with pytest.raises(ExtractorError, match="damaged"):
        run.load_model()


def test_records_come_back_or_are_said_to_be_missing(run):
    for name in (METRICS, DECISION):
        with pytest.raises(DataError, match=f"no readable {name}"):
            run.read_record(name)
        run.write_record(name, {"accuracy": 0.1 + 0.2, "äöü 🐈": None})
        assert run.read_record(name) == {"accuracy": 0.1 + 0.2, "äöü 🐈": None}
        (run.path / name).write_text("{")
        with pytest.raises(DataError, match=f"no readable {name}"):
            run.read_record(name)


def test_predictions_with_any_name_survive(run):
    header = ("file_name", "label", 'probability_a,"b"\r')
    rows = [("a\r.png", "=x", 0.1 + 0.2), ("b\n,c.png", "ß 🐈", 1e-300)]
    run.write_predictions(header, rows)
    with (run.path / "predictions.csv").open(encoding="utf-8", newline="") as file:
        found = [tuple(line) for line in csv.reader(file)]
    assert found[0] == header
    assert [(*line[:2], float(line[2])) for line in found[1:]] == rows


KILLED = """
import sys, torch
from rebalance.runs import Run
run = Run.open(sys.argv[1])
weights = torch.zeros(1_000_000)
for epoch in range(1, 100_000):
    run.record_epoch({"epoch": epoch, "loss": 0.5}, {"weights": weights + epoch})
    if epoch == 1:
        open(sys.argv[2], "x").close()
"""


@pytest.mark.together
def test_killed_at_any_moment_it_goes_on_from_a_whole_epoch(run, tmp_path):
    for wait in (0.05, 0.13):
        ready = tmp_path / f"ready{wait}"
        process = start("-c", KILLED, run.path, ready)
        while not ready.exists():
            assert process.poll() is None, finish(process)
            time.sleep(0.002)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        assert finish(process)[0] == -signal.SIGKILL
        again = Run.resume(run.path, OPTIONS)
        finished, state = again.resume_point()
        assert len(again.epochs()) == finished
        assert listing(run.path) <= set(FILES)
        assert state is not None
        last = float(again.epochs()[-1]["epoch"])
        assert torch.equal(state["weights"], torch.full((1_000_000,), last))


def test_ranges_survive_a_round_trip(run):
    assert run.load_ranges() is None
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 12  # "10" comes before "2" as text
    ranges = FeatureRanges.of(rng.normal(size=(40, 5)).astype(np.float32), labels)
    run.save_ranges(ranges)
    found = run.load_ranges()
    assert set(found.by_class) == set(range(12))
    for label, values in ranges.by_class.items():
        np.testing.assert_array_equal(found.by_class[label], values)
        assert found.by_class[label].dtype == np.float64
    assert found.gap(ranges).net == 0.0
    written = (run.path / RANGES).read_bytes()
    run.save_ranges(found)
    assert (run.path / RANGES).read_bytes() == written
    assert found.layer == "embedding"


def test_ranges_of_early_runs_are_of_another_layer(run):
    values = np.ones((2, 3))
    (run.path / RANGES).write_bytes(save({"0": values, "11": values}))
    found = run.load_ranges()
    assert (found.layer, set(found.by_class)) == ("pool", {0, 11})
    (run.path / RANGES).write_bytes(save({"0": values, "embedding.1": values}))
    with pytest.raises(DataError, match="is damaged"):
        run.load_ranges()


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: kept[:-3],
        lambda kept: b"",
        lambda kept: b"{" * 9,
        lambda kept: kept[:-8] + b"\xff" * 8,
        lambda kept: kept.replace(b"F64", b"I64"),
        lambda kept: kept.replace(b"[2,3]", b"[3,2]"),
        lambda kept: kept.replace(b'.1"', b'.x"'),
    ],
)
def test_damaged_ranges_are_one_line(run, damage):
    run.save_ranges(FeatureRanges.of(np.ones((2, 3)), [0, 1]))
    path = run.path / RANGES
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(
        DataError, match=r"ranges\.safetensors' is damaged .*: train again"
    ) as error:
        run.load_ranges()
    one_line(error)


def test_predictions_come_back_row_by_row_as_they_were_written(run):
    with pytest.raises(DataError, match=r"predictions.csv' cannot be read .*: train again"):
        next(run.predictions())
    assert not run.holds("predictions.csv")
    run.write_predictions(
        ["file_name", "p, of 1"], [['a "b".png', 0.1 + 0.2], ["c\r\nd.png", 1e-300]]
    )
    assert run.holds("predictions.csv")
    found = list(run.predictions())
    assert [row["file_name"] for row in found] == ['a "b".png', "c\r\nd.png"]
    assert [float(row["p, of 1"]) for row in found] == [0.1 + 0.2, 1e-300]
    (run.path / "predictions.csv").write_text('"file_name"\n"cut off')
    with pytest.raises(DataError, match="cannot be read") as error:
        list(run.predictions())
    one_line(error)


def test_embedded_images_survive_a_round_trip_and_many_are_drawn_from(run, monkeypatch):
    assert run.load_embedded() is None
    features = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    monkeypatch.setattr("rebalance.scoring.embedded.MAPPED", 20)
    images = EmbeddedImages.of(features, np.random.default_rng(0))
    run.save_embedded(images)
    found = run.load_embedded()
    assert len(set(found.rows.tolist())) == 20 and found.components.shape == (20, 4)
    np.testing.assert_array_equal(found.rows, images.rows)
    np.testing.assert_array_equal(found.components, images.components)
    # Standardised and turned: distances are those of the standardised features.
    drawn = features[found.rows]
    scaled = (drawn - drawn.mean(axis=0)) / drawn.std(axis=0)
    np.testing.assert_allclose(pdist(found.components), pdist(scaled), rtol=1e-4)


@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: kept[:-3],
        lambda kept: kept.replace(b"rows", b"cows"),
        lambda kept: kept.replace(b"I64", b"F64"),
        lambda kept: kept[:-4] + b"\xff" * 4,
    ],
)
def test_damaged_embedded_images_are_one_line(run, damage):
    run.save_embedded(EmbeddedImages(np.arange(3), np.ones((3, 2), np.float32)))
    path = run.path / "embedding.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"embedding\.safetensors' is damaged .*: train") as error:
        run.load_embedded()
    one_line(error)
