"""CONTRIBUTING's "Adding a choice", done: one line in a dictionary, and the command line has it."""

import csv
import json
from collections import Counter

import numpy as np
import pytest
from torch import Tensor

from rebalance.clusters.criteria import CRITERIA, Verdict
from rebalance.exchange import EXPORTS, Export, ExportTable
from rebalance.losses import LOSSES
from rebalance.losses.loss import SampleLoss
from rebalance.metrics import METRICS
from rebalance.oversampling import OVERSAMPLERS
from rebalance.oversampling.oversamplers import Oversampler
from rebalance.oversampling.samples import Draw
from rebalance.undersampling import PICKERS, UNDERSAMPLERS, Undersampler

QUICK = ["--recipe", "scratch", "--arch", "cifar_resnet20", "--image-size", "16"]
QUICK += ["--epochs", "1", "--device", "cpu"]


class Constant(SampleLoss):
    """Half a unit for each sample, times ``share``, whatever the logits."""

    def __init__(self, class_counts, share: float = 1.0) -> None:
        super().__init__(class_counts)
        self.share = float(share)

    def per_sample(self, logits: Tensor, targets: Tensor) -> Tensor:
        return logits.sum(dim=1) * 0 + 0.5 * self.share


def test_a_loss(run, few, tmp_path, monkeypatch):
    monkeypatch.setitem(LOSSES, "constant", Constant)
    assert "|constant]" in "".join(run("train", "--help").out.split())
    data, test = few
    options = [*QUICK, "--loss", "constant", "--loss-option", "share=3"]
    found = run("train", data, "--test", test, "-o", tmp_path / "run", *options)
    assert found.status == 0, found.err
    with (tmp_path / "run" / "summary.csv").open(newline="") as file:
        (epoch,) = csv.DictReader(file)
    assert float(epoch["train_loss"]) == pytest.approx(1.5)
    assert run("evaluate", tmp_path / "run", test, "--json").status == 0


def test_a_metric(run, few, tmp_path, monkeypatch):
    monkeypatch.setitem(METRICS, "images_seen", lambda predictions: float(len(predictions.labels)))
    data, test = few
    found = run("train", data, "--test", test, "-o", tmp_path / "run", *QUICK, "--json")
    assert found.status == 0, found.err
    assert json.loads(found.out)["images_seen"] == 20


def kept(path):
    with path.open(newline="") as file:
        return [row["file_name"] for row in csv.DictReader(file)]


def test_a_picker(run, few, tmp_path, monkeypatch, extractor):
    def last(distances, count, rng):
        return np.arange(len(distances))[len(distances) - count :]

    monkeypatch.setitem(PICKERS, "last", last)
    found = {}
    for pick in ("last", "closest"):
        output = tmp_path / f"{pick}.csv"
        options = [*extractor, "--pick", pick, "-o", output]
        told = run("undersample", few[0], *options)
        assert told.status == 0, told.err
        found[pick] = kept(output)
    assert len(found["last"]) == len(found["closest"])
    assert found["last"] != found["closest"]


def test_a_criterion(run, few, tmp_path, monkeypatch, extractor):
    def most(points, labelings, seed):
        values = {k: float(k) for k in labelings}
        return Verdict(values, max(values))

    monkeypatch.setitem(CRITERIA, "most", most)
    output = tmp_path / "M.csv"
    told = run(
        "undersample", few[0], *extractor, "--criterion", "most", "--k-max", "4", "-o", output
    )
    assert told.status == 0, told.err
    record = json.loads(output.with_suffix(".json").read_bytes())
    assert '"k": 4' in json.dumps(record)


def test_an_export(run, few, tmp_path, monkeypatch):
    def names(manifest, output, chosen):
        return ExportTable(("name",), [(row.file_name,) for row in manifest.rows])

    monkeypatch.setitem(EXPORTS, "names", Export(names))
    told = run("export", few[0], "--to", "names", "-o", tmp_path / "names.csv")
    assert told.status == 0, told.err
    lines = (tmp_path / "names.csv").read_text().split()
    assert lines[0] == '"name"' and len(lines) == 61


def test_an_undersampler(run, few, tmp_path, monkeypatch):
    def keep_first(features, labels, wanted, rng):
        counts = {label: wanted.get(label, len(labels)) for label in range(labels.max() + 1)}
        firsts = [np.flatnonzero(labels == label)[:count] for label, count in counts.items()]
        return np.sort(np.concatenate(firsts))

    toy = Undersampler(keep_first, exact=True, needs_features=False)
    monkeypatch.setitem(UNDERSAMPLERS, toy.name, toy)
    output = tmp_path / "M.csv"
    told = run("undersample", few[0], "--method", "keep-first", "--to", "4", "-o", output)
    assert told.status == 0, told.err
    by_class = {name: [] for name in ("curves", "lines", "loops")}
    for path in kept(few[0]):
        by_class[path.partition("/")[0]].append(path)
    assert sorted(kept(output)) == sorted(path for paths in by_class.values() for path in paths[:4])


def test_an_oversampler(run, few, tmp_path, monkeypatch):
    def repeat_first(samples, classes, options):
        return [Draw.repeating(np.repeat(each.members[:1], each.count)) for each in classes]

    toy = Oversampler(repeat_first, needs_features=False)
    monkeypatch.setitem(OVERSAMPLERS, toy.name, toy)
    output = tmp_path / "M.csv"
    told = run("oversample", few[0], "--method", "repeat-first", "-o", output)
    assert told.status == 0, told.err
    times = Counter(kept(output))
    repeated = [path for path, count in times.items() if count > 1]
    classes = {path.partition("/")[0] for path in repeated}
    assert repeated and len(repeated) == len(classes)  # of each class the first image alone
