"""The shape of records that were read: held against their JSON Schemas by another library."""

import copy
import json
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemas import faults

from rebalance.records import DecisionRecord, ManifestRecord, RunRecord
from rebalance.records.shape import misfit
from rebalance.schemas import schema

CENTRES = {"means": [[0.5, 1.0], [2, 3.0]], "temperature": 1}
RULE = {"threshold": "none", "options": {}, "centres": None}
DECISION = {
    "own": {**RULE, "centres": CENTRES},
    "draws": [1.0, 2.0],
    "weights": [1, 1],
    "others": {"head, none": RULE},
}
NETWORK = {"arch": None, "weights": "imagenet", "image_size": 32}
SOURCE = {"data": "/a", "root": None, "allow_empty": False, "val_fraction": 0.2, "groups": None}
TEXTS = ("sampler", "regime", "threshold", "classifier", "device", "precision", "data")
OPTIONS = {
    **dict.fromkeys((*TEXTS, "validation"), "x"),
    "recipe": {"name": "paper", "epochs": 3},
    "network": NETWORK,
    "loss": {"name": "ce"},
    "seed": 0,
    "counts": {"cat": 3},
    "source": SOURCE,
    "head": {"manifest": "M.csv", "content": "ab", "counts": {"cat": 3}, "seed": 1},
}
OLD = Path(__file__).with_name("format_1") / "M.json"
RECORDS = {
    "manifest": (ManifestRecord, json.loads(OLD.read_bytes())),
    "decision": (DecisionRecord, DECISION),
    "options": (RunRecord, {"format": 1, "rebalance": "0.1.0", "options": OPTIONS}),
}
ODD = [None, True, -1, 7, 0.5, "", "7", [], [[]], ["a"], [1.5], {}, {"a": {}}, {"a": 1}]


def tolerant(name):
    """The schema as a reader has it, who passes over keys of a later version."""
    text = json.dumps(schema(name)).replace('"additionalProperties": false', '"minProperties": 0')
    return Draft202012Validator(json.loads(text))


READERS = {name: tolerant(name) for name in RECORDS}


def places(record, path=()):
    """Every value in a record, by the keys that lead to it."""
    if not isinstance(record, dict | list):
        return
    for key, value in record.items() if isinstance(record, dict) else enumerate(record):
        yield (*path, key)
        yield from places(value, (*path, key))


def changed(record, path, value):
    record = copy.deepcopy(record)
    place = record
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return record


@pytest.mark.parametrize("name", RECORDS)
def test_a_sound_record_has_no_misfit(name):
    wanted, record = RECORDS[name]
    assert not faults(name, record)
    assert misfit(record, wanted) is None
    assert misfit({**record, "of a later version": 1}, wanted) is None


@settings(deadline=None)
@given(st.data())
def test_it_refuses_what_the_schema_refuses(data):
    name = data.draw(st.sampled_from(sorted(RECORDS)))
    wanted, record = RECORDS[name]
    path = data.draw(st.sampled_from(list(places(record))))
    spoilt = changed(record, path, data.draw(st.sampled_from(ODD)))
    assert (misfit(spoilt, wanted) is None) == READERS[name].is_valid(spoilt)


@pytest.mark.parametrize(
    ("path", "value", "told"),
    [
        (("own", "centres", "means", 1, 0), "2", "it.own.centres.means[1][0] is '2', and a finite"),
        (("draws", 0), True, "it.draws[0] is True, and a finite number is needed"),
        (("draws", 0), float("nan"), "it.draws[0] is nan, and a finite number is needed"),
        (("others",), [], "it.others is [], and an object is needed"),
        (("own", "threshold"), ["x" * 99], "it.own.threshold is ['xxx"),
    ],
)
def test_the_place_is_named(path, value, told):
    fault = misfit(changed(DECISION, path, value), DecisionRecord)
    assert fault.startswith(told) and len(fault) < 200


def test_a_key_that_is_missing_is_named():
    assert misfit({}, DecisionRecord, "decision") == "decision lacks 'draws'"


def test_true_is_no_number_of_a_format():
    assert misfit(1, Literal[1]) is None
    assert misfit(True, Literal[1]) == "it is True, and 1 is needed"


def test_a_tuple_is_a_list_of_its_length():
    pair = tuple[float, int]
    assert misfit([0.5, 2], pair) is None
    assert misfit([0.5, "2"], pair) == "it[1] is '2', and a whole number is needed"
    assert misfit([0.5], pair) == "it is [0.5], and a list of 2 is needed"
    assert misfit(0.5, pair) == "it is 0.5, and a list of 2 is needed"
