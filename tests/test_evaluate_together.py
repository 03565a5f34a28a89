"""``evaluate`` of several runs: held against the predictions that each writes by itself."""

import csv
import json

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss

import rebalance
from rebalance.errors import SettingError
from rebalance.scoring.fusion import fused
from rebalance.scoring.rules import DecisionRule
from rebalance.scoring.thresholds import none

CPU = {"device": "cpu"}
CLASSES = "abc"


def write_set(folder, name, counts, seed):
    """A folder of files that are no images, and ``name.npz`` with the features of each."""
    rng = np.random.default_rng(seed)
    paths = [f"{c}/{n}.png" for c, count in zip(CLASSES, counts, strict=True) for n in range(count)]
    for path in paths:
        (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / path).touch()
    centres = np.eye(len(CLASSES), 6)[[CLASSES.index(path[0]) for path in paths]]
    values = (centres + rng.normal(size=(len(paths), 6))).astype(np.float32)
    np.savez(folder / f"{name}.npz", features=values, file_name=paths)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two probes of one test set, ``one`` and ``two``, which saw the classes in other shares."""
    folder = tmp_path_factory.mktemp("together")
    for seed, (name, counts) in enumerate(
        {"first": (24, 12, 6), "second": (8, 9, 16), "test": (15, 12, 9)}.items()
    ):
        write_set(folder, name, counts, seed)
    for run, seen in (("one", "first"), ("two", "second")):
        rebalance.train(
            folder / seen,
            folder / "test",
            folder / run,
            recipe="probe",
            features=folder / f"{seen}.npz",
            test_features=folder / "test.npz",
            **CPU,
        )
    return folder


def predictions(path):
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = [f"probability_{name}" for name in CLASSES]
    said = np.array([[float(row[column]) for column in columns] for row in rows])
    return rows, said


def scored(runs, names, output, **options):
    given = {"features": runs / "test.npz", "overwrite": True, **CPU, **options}
    found = rebalance.evaluate([runs / name for name in names], runs / "test", output, **given)
    return found, *predictions(output)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"threshold": "prior"},
        {"classifier": "centres"},
        {"classifier": "svm"},
        {"classifier": "clusters:size=4"},
    ],
)
def test_the_probabilities_that_each_decides_by_are_averaged(runs, tmp_path, options):
    output = tmp_path / "p.csv"
    alone = [scored(runs, [name], output, **options) for name in ("one", "two")]
    found, rows, said = scored(runs, ["one", "two"], output, **options)
    mean = (alone[0][2] + alone[1][2]) / 2
    assert np.allclose(said, mean, rtol=1e-12)
    assert [row["prediction"] for row in rows] == [CLASSES[each] for each in mean.argmax(axis=1)]
    truth = [CLASSES.index(row["label"]) for row in rows]
    assert found["balanced_accuracy"] == pytest.approx(
        balanced_accuracy_score(truth, mean.argmax(axis=1))
    )
    assert found["log_loss"] == pytest.approx(log_loss(truth, mean))
    told = [each["balanced_accuracy"] for each in found["runs"]]
    assert told == [metrics["balanced_accuracy"] for metrics, *_ in alone]
    assert [each["run"] for each in found["runs"]] == [str(runs / "one"), str(runs / "two")]
    assert found["groups"]["medium"]["classes"] == 1  # the 24 of the first run's a


def test_costs_are_applied_to_the_mean(runs, tmp_path):
    costs = tmp_path / "costs.csv"
    costs.write_text("0,1,9\n1,0,9\n1,1,0\n")
    found, rows, said = scored(runs, ["one", "two"], tmp_path / "p.csv", threshold=f"cost:{costs}")
    matrix = np.array([[0, 1, 9], [1, 0, 9], [1, 1, 0]])
    expected = [min(range(3), key=lambda k: matrix[k] @ each) for each in said]
    assert [CLASSES.index(row["prediction"]) for row in rows] == expected
    assert (found["threshold"], found["classifier"]) == ("cost", "head")
    plain, *_ = scored(runs, ["one", "two"], tmp_path / "p.csv", threshold="none")
    assert found["per_class"]["c"]["recall"] > plain["per_class"]["c"]["recall"]


def test_one_of_them_is_as_ever(runs, tmp_path):
    both = {"features": runs / "test.npz", **CPU}
    alone = rebalance.evaluate([runs / "one"], runs / "test", **both)
    assert alone == rebalance.evaluate(runs / "one", runs / "test", **both)
    assert "runs" not in alone


def test_the_command_tells_each(runs, run):
    given = [runs / "one", runs / "two", runs / "test", "--features", runs / "test.npz"]
    found = run("evaluate", *given, "--device", "cpu")
    assert found.status == 0 and "each by itself" in found.out
    assert str(runs / "two") in found.out
    told = json.loads(run("evaluate", *given, "--device", "cpu", "--json").out)
    assert len(told["runs"]) == 2


def test_what_cannot_be_is_said(runs, tmp_path):
    both = {"features": runs / "test.npz", **CPU}
    with pytest.raises(SettingError, match="given twice"):
        rebalance.evaluate([runs / "one", runs / "." / "one"], runs / "test", **both)
    with pytest.raises(SettingError, match="none was given"):
        rebalance.evaluate([], runs / "test", **both)
    prior = {"recipe": "probe", "threshold": "prior", "features": runs / "first.npz"}
    prior |= {"test_features": runs / "test.npz", **CPU}
    rebalance.train(runs / "first", runs / "test", tmp_path / "prior", **prior)
    with pytest.raises(SettingError, match=r"head, none, and .*head, prior: say how with"):
        rebalance.evaluate([runs / "one", tmp_path / "prior"], runs / "test", **both)
    fused_by = {"threshold": "none", **both}
    found = rebalance.evaluate([runs / "one", tmp_path / "prior"], runs / "test", **fused_by)
    assert found["threshold"] == "none"


def test_other_classes_are_said(runs, tmp_path):
    write_set(tmp_path, "few", (9, 9, 0), 5)
    given = {"recipe": "probe", "features": tmp_path / "few.npz", **CPU}
    rebalance.train(
        tmp_path / "few", tmp_path / "few", tmp_path / "run", allow_overlap=True, **given
    )
    both = {"features": runs / "test.npz", **CPU}
    with pytest.raises(SettingError, match="the same classes in the same order"):
        rebalance.evaluate([runs / "one", tmp_path / "run"], runs / "test", **both)


def test_a_tie_goes_to_the_lower_class():
    ties = [none([[0.25, 0.75]]), none([[0.75, 0.25]])]
    assert fused(ties, DecisionRule()).predicted.tolist() == [0]
