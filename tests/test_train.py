"""``rebalance train`` and ``evaluate``: the real commands on real scans."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.metrics import balanced_accuracy_score

import rebalance
from rebalance.settings import AUGMENTATIONS, LOSSES

QUICK = ["--recipe", "scratch", "--arch", "cifar_resnet20", "--epochs", "1", "--device", "cpu"]


@pytest.fixture(scope="session")
def few(sample, tmp_path_factory):
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


def test_help_names_every_registry_key():
    from rebalance import augmentation, losses

    assert tuple(losses.LOSSES) == LOSSES
    assert tuple(augmentation.AUGMENTATIONS) == AUGMENTATIONS


def test_a_run_holds_what_it_promises(run, few, tmp_path):
    data, test = few
    folder = tmp_path / "run"
    found = run("train", data, "--test", test, "-o", folder, *QUICK, "--val-fraction", "0.3")
    assert found.status == 0, found.err
    assert "balanced_accuracy" in found.out
    metrics = json.loads((folder / "metrics.json").read_bytes())
    with (folder / "predictions.csv").open(newline="") as file:
        predictions = list(csv.DictReader(file))
    truth = [row["label"] for row in predictions]
    said = [row["prediction"] for row in predictions]
    assert metrics["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, said))
    for row in predictions:
        shares = {name: float(row[f"probability_{name}"]) for name in ("curves", "lines", "loops")}
        assert sum(shares.values()) == pytest.approx(1)
        assert row["prediction"] == max(shares, key=shares.get)
    with (folder / "summary.csv").open(newline="") as file:
        (epoch,) = csv.DictReader(file)
    assert set(epoch) >= {"epoch", "train_loss", "lr", "val_f1_macro"}
    again = run("evaluate", folder, test, "--json", "-o", tmp_path / "p.csv")
    assert json.loads(again.out) == metrics
    assert (tmp_path / "p.csv").read_bytes() == (folder / "predictions.csv").read_bytes()
    table = rebalance.extract(test, extractor=str(folder), device="cpu")
    assert table.layers["pool"].shape == (20, 128)


@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "cost"])
def test_every_loss_trains_and_is_scored_again_alike(run, few, tmp_path, loss):
    data, test = few
    found = run("train", data, "--test", test, "-o", tmp_path / "run", *QUICK, "--loss", loss, "-q")
    assert found.status == 0, found.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_bytes())
    assert np.isfinite(metrics["log_loss"])
    assert json.loads(run("evaluate", tmp_path / "run", test, "--json").out) == metrics


def test_costs_from_a_file(run, few, tmp_path):
    data, test = few
    (tmp_path / "cost.csv").write_text("0,1,1\n1,0,9\n1,1,0\n")
    options = [*QUICK, "--loss", "cost", "--loss-option", f"matrix={tmp_path / 'cost.csv'}"]
    options += ["--threshold", f"cost:{tmp_path / 'cost.csv'}"]
    found = run("train", data, "--test", test, "-o", tmp_path / "run", *options)
    assert found.status == 0, found.err
    assert json.loads((tmp_path / "run" / "metrics.json").read_bytes())["threshold"] == "cost"


@pytest.mark.parametrize(
    "options",
    [
        ["--sampler", "balanced", "--threshold", "prior"],
        ["--sampler", "sqrt", "--classifier", "centres"],
        ["--regime", "two-phase", "--weights", "scratch", "--augment", "none"],
        ["--regime", "drw", "--loss", "ldam", "--epochs", "2"],
        ["--regime", "dynamic", "--val-fraction", "0.3", "--epochs", "2"],
        ["--weighting", "effective", "--loss", "weighted", "--grad-accum", "2"],
        ["--loss", "cce", "--loss-option", "gamma=-0.5", "--schedule", "one-cycle"],
        ["--recipe", "transfer", "--weights", "scratch", "--batch-size", "16"],
    ],
)
def test_options_go_together(run, few, tmp_path, options):
    data, test = few
    found = run("train", data, "--test", test, "-o", tmp_path / "run", *QUICK, *options)
    assert found.status == 0, found.err
    assert (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--loss", "cce", "--loss-option", "beta=1"], "has no option 'beta'"),
        (["--loss", "focal", "--loss-option", "gamma=x"], "gamma"),
        (["--loss", "cost"], "matrix"),
        (["--regime", "dynamic"], "dynamic"),
        (["--val", "nowhere"], "does not exist"),
        (["--val", "nowhere", "--val-fraction", ".2"], "exclude each other"),
        (["--val-fraction", "2"], "must lie above 0 and below 1"),
        (["--groups", "g.csv"], "--val-fraction"),
        (["--threshold", "best"], "a threshold is none, prior or cost:FILE"),
        (["--classifier", "best"], "no classifier 'best'"),
        (["--weights", "nowhere.pth"], "--weights is scratch, imagenet, or"),
        (["--resume"], "does not exist"),
    ],
)
def test_bad_options_are_one_line(run, few, tmp_path, options, message):
    data, test = few
    found = run("train", data, "--test", test, "-o", tmp_path / "run", *QUICK, *options)
    assert (found.status, found.out) == (1, "")
    assert message in found.error
    assert not (tmp_path / "run").exists()


def test_images_on_both_sides_are_refused(run, few, tmp_path):
    data, _ = few
    options = ["--test", data, *QUICK]
    found = run("train", data, *options, "-o", tmp_path / "run")
    assert found.status == 1
    assert "60 of 60 images to score are also trained on" in found.error
    assert not (tmp_path / "run").exists()
    found = run("train", data, *options, "-o", tmp_path / "run", "--allow-overlap")
    assert found.status == 0, found.err


def test_classes_of_the_test_set(run, few, sample, tmp_path, make_folder):
    data, _ = few
    test = make_folder(tmp_path / "test", {"lines": 3, "loops": 3}, size=(32, 32))
    found = run("train", data, "--test", test, "-o", tmp_path / "run", *QUICK)
    assert found.status == 0, found.err
    assert "without images: curves" in found.out
    (test / "loops").rename(test / "zebra")
    found = run("evaluate", tmp_path / "run", test)
    assert "'zebra'" in found.error


def test_killed_and_resumed_ends_with_the_same_weights(few, tmp_path):
    data, test = few
    options = [str(data), "--test", str(test), *QUICK, "--epochs", "6", "--regime", "drw"]

    def start(*more):
        command = [sys.executable, "-m", "rebalance", "train", *options, *map(str, more)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    whole = start("-o", tmp_path / "whole")
    assert whole.wait() == 0, whole.stderr.read()
    killed = start("-o", tmp_path / "killed")
    while not (tmp_path / "killed" / "state.pt").exists():
        assert killed.poll() is None, killed.stderr.read()
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    resumed = start("-o", tmp_path / "killed", "--resume")
    _, log = resumed.communicate()
    assert resumed.returncode == 0, log
    assert "going on after epoch" in log
    once, twice = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert once.keys() == twice.keys()
    for name in once:
        np.testing.assert_array_equal(once[name], twice[name])
    for file in ("summary.csv", "metrics.json", "predictions.csv"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "killed" / file).read_bytes()


def test_resuming_with_other_options_is_refused(run, few, tmp_path):
    data, test = few
    options = ["train", data, "--test", test, "-o", tmp_path / "run"]
    assert run(*options, *QUICK).status == 0
    assert "--overwrite" in run(*options, *QUICK).error
    found = run(*options, *QUICK, "--resume", "--seed", "1")
    assert "seed was 0 and is now 1" in found.error
