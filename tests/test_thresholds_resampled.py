"""Thresholds after resampling: by which class shares they divide, and that a no-op is said."""

import csv
import json
from shutil import copytree

import numpy as np
import pytest

import rebalance

CLASSES = ("curves", "lines", "loops")
QUICK = {"recipe": "scratch", "arch": "cifar_resnet20", "epochs": 1, "device": "cpu"}


@pytest.fixture(scope="module")
def trained(few, tmp_path_factory):
    """A run on an oversampled manifest of 6, 18 and 36 images, decided by the prior."""
    folder = tmp_path_factory.mktemp("resampled")
    rebalance.oversample(few[0], folder / "larger.csv")
    rebalance.train(folder / "larger.csv", few[1], folder / "run", threshold="prior", **QUICK)
    return folder / "run"


@pytest.fixture
def resampled(trained, tmp_path):
    return copytree(trained, tmp_path / "run")


def probabilities(path):
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[f"probability_{name}"]) for name in CLASSES] for row in rows])


def test_the_prior_after_oversampling_is_a_no_op_that_is_said(run, few, resampled):
    metrics = json.loads((resampled / "metrics.json").read_bytes())
    assert metrics["divided_by"] == dict.fromkeys(CLASSES, pytest.approx(1 / 3))
    found = run("evaluate", resampled, few[1])
    assert found.status == 0, found.err
    (said,) = (line for line in found.err.splitlines() if "changes no decision" in line)
    assert said.startswith("rebalance: warning: the threshold prior changes no decision: training")
    assert "prior:original divides by the shares that they had before" in said
    assert (
        "the threshold prior divided by the class shares of what training drew and weighed: "
        "curves 0.333, lines 0.333, loops 0.333"
    ) in found.out


def test_the_original_prior_is_that_of_the_folder(run, few, resampled, tmp_path):
    plain, moved = tmp_path / "plain.csv", tmp_path / "moved.csv"
    assert run("evaluate", resampled, few[1], "-o", plain, "--threshold", "none").status == 0
    choice = ["-o", moved, "--threshold", "prior:original"]
    found = run("evaluate", resampled, few[1], *choice)
    assert found.status == 0 and "changes no decision" not in found.err
    assert (
        "divided by the class shares of the folder before it was resampled: "
        "curves 0.1, lines 0.3, loops 0.6"
    ) in found.out
    expected = probabilities(plain) / [6, 18, 36]
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities(moved), expected, rtol=1e-9)


def test_undersampling_with_thresholding(few, tmp_path):
    """As the literature combines them: trained on classes cut alike, divided by what was before."""
    rebalance.undersample(few[0], tmp_path / "cut.csv", method="random", to="min")
    run = tmp_path / "run"
    rebalance.train(tmp_path / "cut.csv", few[1], run, threshold="prior:original", **QUICK)
    divided = json.loads((run / "metrics.json").read_bytes())["divided_by"]
    assert divided == pytest.approx(dict(zip(CLASSES, (0.1, 0.3, 0.6), strict=True)))
    trained_on = json.loads((run / "options.json").read_bytes())["options"]["counts"]
    assert trained_on == dict.fromkeys(CLASSES, 6)


def test_a_run_of_version_0_1_reads_its_manifest_again(run, few, resampled):
    path = resampled / "decision.json"
    record = json.loads(path.read_bytes())
    assert record.pop("folder") == [6, 18, 36]
    path.write_text(json.dumps(record))
    found = run("evaluate", resampled, few[1], "--threshold", "prior:original", "--json")
    shares = json.loads(found.out)["divided_by"]
    assert shares == pytest.approx(dict(zip(CLASSES, (0.1, 0.3, 0.6), strict=True)))
    path.write_text(json.dumps(record))
    options = json.loads((resampled / "options.json").read_bytes())
    options["options"]["source"]["data"] = str(resampled / "gone.csv")
    (resampled / "options.json").write_text(json.dumps(options))
    found = run("evaluate", resampled, few[1], "--threshold", "prior:original")
    assert (found.status, found.out) == (1, "")
    assert "the manifest that the run was trained on is needed again: no manifest" in found.error
    assert run("evaluate", resampled, few[1], "--threshold", "prior").status == 0


def test_the_command_line_lists_every_threshold():
    from rebalance.scoring.thresholds import THRESHOLDS, spelled
    from rebalance.settings import calls

    for call in (calls.TRAIN, calls.EVALUATE):
        assert call.keywords()["threshold"].told.metavar == "|".join(map(spelled, THRESHOLDS))
