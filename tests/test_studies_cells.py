"""CellStore on disk: whole or not there, of this study or refused."""

import json
import math
from dataclasses import asdict

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rebalance.errors import SettingError
from rebalance.settings import TrainOptions
from rebalance.studies.cells import CellStore, seconds_of, slug
from rebalance.studies.outcomes import Outcome, Treatment
from rebalance.studies.plan import Cell, Choice, Definition
from rebalance.studies.rebalancing import Rebalancing
from rebalance.studies.rebalancings import named

TREATMENT = Treatment("smote")
CELL = Cell(TREATMENT, 3, 1)
FACTS = {"data": "abc", "folds": 5}
OUTCOME = Outcome(
    TREATMENT, 3, 1, {"accuracy": 0.1 + 0.2, "gmean": math.nan}, {"accuracy": 1 / 3}, 10, 20, 0.5
)


def cells(folder, facts=FACTS, definition=None):
    return CellStore(folder, facts, {TREATMENT: definition or Definition(named("smote"))})


def test_an_outcome_comes_back_to_the_last_bit(tmp_path):
    store = cells(tmp_path)
    assert store.read(CELL) is None
    store.write(OUTCOME)
    found = store.read(CELL)
    assert math.isnan(found.metrics["gmean"])
    assert repr(found) == repr(OUTCOME)
    assert [path.name for path in store.place(CELL).iterdir()] == ["3-1.json"]
    json.loads(store.path(CELL).read_text(), parse_constant=pytest.fail)  # no NaN in JSON
    assert seconds_of(store, [CELL, Cell(TREATMENT, 4, 1)]) == [0.5]


def test_a_cell_of_another_study_is_refused(tmp_path):
    cells(tmp_path).write(OUTCOME)
    for facts in ({**FACTS, "folds": 10}, {"data": "abc"}):
        with pytest.raises(SettingError, match="another study, whose folds was 5 and is") as error:
            cells(tmp_path, facts).read(CELL)
        assert "--overwrite" in str(error.value)


def test_cells_of_a_version_without_an_option_go_with_those_that_leave_it_out(tmp_path):
    training = asdict(TrainOptions("eos"))
    older = {name: each for name, each in training.items() if name != "momentum"}
    cells(tmp_path, {**FACTS, "training": older}).write(OUTCOME)
    assert cells(tmp_path, {**FACTS, "training": training}).read(CELL) is not None
    for other in ({"momentum": 0.5}, {"recipe": "scratch"}):
        facts = {**FACTS, "training": {**training, **other}}
        with pytest.raises(SettingError, match="another study, whose training was"):
            cells(tmp_path, facts).read(CELL)


def test_a_cell_from_before_neighbours_had_a_place_is_read(tmp_path):
    store = cells(tmp_path)
    store.write(OUTCOME)
    raised = json.loads(store.path(CELL).read_text())["definition"]["rebalance"]["raised"]
    assert raised == {
        "method": "smote", "neighbours": None, "layer": "pool", "space": "embedding",
        "exact": False,
    }  # fmt: skip


EVERY = {  # as version 0.1 told the options of a cut and of what is raised, whatever the method
    "cut": {
        "pick": "closest", "layer": "pool", "k_max": 9, "criterion": "silhouette",
        "cluster_space": "map", "layout": "fast", "landmarks": "auto", "dedupe": False,
        "suspects": False,
    },
    "raised": {"neighbours": None, "layer": "pool", "exact": False},
}  # fmt: skip


@pytest.mark.parametrize(
    ("rebalancing", "left"),
    [
        (named("random-under"), {"cut": {"method": "random"}}),
        (named("coverage"), {"cut": {"method": "coverage"}}),
        (named("random-over"), {"raised": {"method": "ros", "space": "pixel"}}),
        (Rebalancing(like=named("tomek")), {"like": {"cut": {"method": "tomek"}}}),
        (named("subclass-closest"), {}),
    ],
)
def test_a_cell_that_told_options_of_other_methods_is_read(tmp_path, rebalancing, left):
    store = cells(tmp_path, definition=Definition(rebalancing))
    store.write(OUTCOME)
    record = json.loads(store.path(CELL).read_text())
    told = record["definition"]["rebalance"]
    for inner, kept in ((told, left), (told["like"] or {}, left.get("like", {}))):
        for part in ("cut", "raised"):
            assert part not in kept or inner[part] == kept[part]
            if inner.get(part):
                inner[part] = {**EVERY[part], **inner[part]}
    store.path(CELL).write_text(json.dumps(record))
    assert repr(store.read(CELL)) == repr(OUTCOME)
    if rebalancing.cut and rebalancing.cut.method == "subclass":
        told["cut"]["k_max"] = 8
        store.path(CELL).write_text(json.dumps(record))
        assert store.read(CELL) is None


def test_a_cell_from_before_there_were_heads_is_read(tmp_path):
    store = cells(tmp_path)
    store.write(OUTCOME)
    path = store.path(CELL)
    assert path.parent.name == "smote_ce_plain_none"
    record = json.loads(path.read_text())
    assert sorted(record["definition"]) == ["costs", "loss", "rebalance", "regime", "threshold"]
    assert record["outcome"]["treatment"].pop("head") == "sgd"
    path.write_text(json.dumps(record))
    assert repr(store.read(CELL)) == repr(OUTCOME)
    other = Treatment("smote", head="logistic")
    assert slug(other) == "smote_ce_plain_none_logistic"
    assert store.read(Cell(TREATMENT, 3, 1)) is not None
    headed = Definition(named("smote"), head=Choice("logistic", (("whiten", 0.4),)))
    assert cells(tmp_path, definition=headed).read(CELL) is None


def test_a_treatment_that_means_something_else_now_is_run_again(tmp_path):
    cells(tmp_path).write(OUTCOME)
    other = Definition(named("smote"), Choice("focal"))
    assert cells(tmp_path, definition=other).read(CELL) is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"outcome": 3}', "\x00", "[" * 100_000])
def test_a_damaged_cell_is_run_again(tmp_path, text):
    store = cells(tmp_path)
    store.write(OUTCOME)
    store.path(CELL).write_text(text)
    assert store.read(CELL) is None


@pytest.mark.parametrize(
    "change",
    [{"study": []}, {"study": 3}, {"study": "ab"}, {"outcome": None}, {"format": float("inf")}],
)
def test_a_cell_of_another_shape_is_run_again(tmp_path, change):
    store = cells(tmp_path)
    store.write(OUTCOME)
    record = json.loads(store.path(CELL).read_text())
    store.path(CELL).write_text(json.dumps({**record, **change}))
    assert store.read(CELL) is None


def test_a_cell_in_another_ones_place_is_run_again(tmp_path):
    store = cells(tmp_path)
    store.write(OUTCOME)
    other = Cell(TREATMENT, 4, 1)
    store.path(CELL).rename(store.path(other))
    assert store.read(other) is None


def test_clearing_takes_cells_alone(tmp_path):
    store = cells(tmp_path)
    store.write(OUTCOME)
    (tmp_path / "notes.txt").write_text("mine")
    store.clear()
    assert store.read(CELL) is None and (tmp_path / "notes.txt").exists()


def test_slugs_are_readable():
    assert slug(Treatment("subclass-closest", "ce")) == "subclass-closest_ce_plain_none"


names = st.text(st.characters(codec="utf-8"), min_size=1)


@example((".", "ce"), ("..", "ce"))
@given(st.tuples(names, names), st.tuples(names, names))
def test_slugs_of_different_treatments_differ_and_are_file_names(one, other):
    first, second = slug(Treatment(*one)), slug(Treatment(*other))
    assert (first.lower() == second.lower()) == (one == other)
    assert "/" not in first and len(first) < 200 and not first.startswith(".")
