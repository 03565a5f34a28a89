"""How many images there were before resampling, at the beginning of every chain of steps."""

import csv
from collections import Counter

import pytest

import rebalance
from rebalance import Manifest, Row
from rebalance.manifest import Dropped
from rebalance.manifest.beginning import counts_at_first

WHOLE = {"cat": 12, "dog": 6}


@pytest.fixture
def data(make_folder, tmp_path):
    return make_folder(tmp_path / "data", WHOLE, size=(8, 8))


def listed(path):
    """The images of each class in a manifest, repetitions left out, by csv alone."""
    with path.open(newline="") as file:
        return dict(Counter(label for _, label in {
            (row["file_name"], row["label"]) for row in csv.DictReader(file)}))  # fmt: skip


def test_each_step_is_traced_to_the_folder(data, tmp_path):
    (data / "cat" / "broken.png").write_text("no image")
    cut, larger, level = (tmp_path / f"{name}.csv" for name in ("cut", "larger", "level"))
    rebalance.undersample(data, cut, method="random", to=4)
    rebalance.oversample(cut, larger, to=9)
    rebalance.hybrid(data, level, to=9, under="random", over="ros")
    for path in (cut, larger, level):
        assert counts_at_first(rebalance.read_manifest(path)) == WHOLE
    assert listed(cut) == {"cat": 4, "dog": 4}


def test_a_long_tail_is_data_of_its_own(data, tmp_path):
    tail, larger = tmp_path / "tail.csv", tmp_path / "larger.csv"
    rebalance.longtail(data, tail, rho=3)
    rebalance.oversample(tail, larger)
    sizes = listed(tail)
    assert sizes != WHOLE
    for path in (tail, larger):
        assert counts_at_first(rebalance.read_manifest(path)) == sizes
    assert len(set(rebalance.read_manifest(larger).counts.values())) == 1


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"counts": 3},
        {"counts": {"readable": {"cat": 9}}},
        {"counts": {"readable": {"cat": 9, "dog": "many"}}, "source": [1]},
    ],
)
def test_where_no_record_tells_kept_and_dropped_are_counted(tmp_path, record):
    rows = Row("cat/1", "cat"), Row("cat/1", "cat", kind="duplicate"), Row("dog/1", "dog")
    dropped = (Dropped("cat/2", "cat", None, None, "pick"),)
    manifest = Manifest(tmp_path, ("cat", "dog"), rows, dropped, record)
    assert counts_at_first(manifest) == {"cat": 2, "dog": 1}
