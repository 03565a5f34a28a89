"""The records are what their schemas say, and the schemas what their types say."""

import copy
import csv
import json
import runpy
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from schemas import check_records, faults

import rebalance
from rebalance.errors import ManifestError, SettingError
from rebalance.oversampling import OVERSAMPLERS
from rebalance.schemas import NAMES, schema
from rebalance.schemas.derivation import derive
from rebalance.undersampling import UNDERSAMPLERS

ROOT = Path(__file__).resolve().parents[1]
OLD = Path(__file__).with_name("format_1") / "M.csv"  # written by rebalance 0.1.0
COUNTS = {"cat": 14, "dog": 9, "owl": 6}


@pytest.fixture
def data(make_folder, tmp_path):
    root = make_folder(tmp_path / "data", COUNTS)
    (root / "cat" / "text.jpg").write_text("not an image")
    return root


@pytest.fixture
def old():
    return json.loads(OLD.with_suffix(".json").read_bytes())


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_what_the_types_say(name):
    Draft202012Validator.check_schema(schema(name))
    assert schema(name) == derive(name), "run python docs/records.py"


def test_the_page_is_what_the_types_say():
    page = runpy.run_path(str(ROOT / "docs" / "records.py"))["page"]()
    assert (ROOT / "docs" / "records.md").read_text() == page, "run python docs/records.py"


@pytest.mark.parametrize("name", NAMES)
def test_every_record_and_every_key_is_described_in_a_sentence(name):
    for record in schema(name)["$defs"].values():
        for text in (record["description"], *map(sentence, record["properties"].values())):
            assert text[0].isupper() and text.endswith("."), text


def sentence(values):
    return values["description"]


def test_no_other_schema():
    with pytest.raises(SettingError, match="no schema 'run': choose one of manifest"):
        schema("run")


@pytest.mark.parametrize("method", UNDERSAMPLERS)
def test_undersample(run, data, tmp_path, extractor, method):
    # Near-duplicates and suspects add keys of their own.
    more = ["--dedupe"] if method == "random" else ["--dedupe", "--suspects", *extractor]
    found = run("undersample", data, "-o", tmp_path / "m.csv", "--method", method, *more)
    assert found.status == 0, found.err
    assert check_records(tmp_path / "m.csv") == 1


@pytest.mark.parametrize(
    "method", [name for name, method in OVERSAMPLERS.items() if not method.given]
)
def test_oversample_what_was_undersampled(run, data, tmp_path, extractor, method):
    cut, grown = tmp_path / "cut.csv", tmp_path / "grown.csv"
    assert run("undersample", data, "-o", cut, "--method", "random", "--to", 10).status == 0
    found = run("oversample", cut, "-o", grown, "--method", method, *extractor)
    assert found.status == 0, found.err
    assert check_records(grown) == 1
    assert rebalance.read_manifest(grown).record["source"]["command"] == "undersample"


def test_hybrid_longtail_and_import(run, data, tmp_path, extractor):
    for command, options in (("hybrid", ["--to", 9, *extractor]), ("longtail", ["--rho", 2])):
        found = run(command, data, "-o", tmp_path / f"{command}.csv", *options)
        assert found.status == 0, found.err
        assert check_records(tmp_path / f"{command}.csv") == 1
    table = tmp_path / "table.csv"
    with table.open("w", newline="") as file:
        rows = [("file_name", "label"), ("cat/000.png", "cat"), ("dog/000.png", "dog")]
        csv.writer(file).writerows([*rows, ("dog/gone.png", "dog")])
    found = run("import", table, "-o", tmp_path / "i.csv", "--root", data)
    assert found.status == 0, found.err
    assert check_records(tmp_path / "i.csv") == 1


def test_a_run_and_another_head_for_it(run, few, tmp_path):
    train, test = few
    options = ["--test", test, "--arch", "cifar_resnet20", "--image-size", 16]
    options += ["--recipe", "scratch", "--epochs", 1]
    found = run("train", train, *options, "-o", tmp_path / "run", "--threshold", "prior")
    assert found.status == 0, found.err
    assert check_records(tmp_path / "run") == 3
    found = run("evaluate", tmp_path / "run", test, "--classifier", "centres")
    assert found.status == 0, found.err
    assert check_records(tmp_path / "run") == 3


def test_a_study(run, few, weights, tmp_path):
    declared = tmp_path / "study.toml"
    declared.write_text(
        f'[study]\ndata = "{few[0]}"\ntest = "{few[1]}"\nseeds = 1\nfolds = 2\n'
        f'[extractor]\nextractor = "{weights}"\narch = "cifar_resnet20"\nimage_size = 16\n'
        '[grid]\nrebalance = ["random-under"]\nthreshold = ["none", "prior"]\n'
    )
    found = run("study", declared, "-o", tmp_path / "study", "--workers", 1, "--device", "cpu")
    assert found.status == 0, found.err
    assert check_records(tmp_path / "study") == 1


def test_an_inspection(run, data):
    found = run("inspect", data, "--json")
    assert found.status == 0, found.err
    assert not faults("inspection", json.loads(found.out))


def test_a_manifest_of_0_1_is_read(old):
    manifest = rebalance.read_manifest(OLD)
    assert manifest.record == old and not faults("manifest", old)
    assert old["rebalance"] == "0.1.0"
    assert manifest.counts == old["counts"]["after"]
    assert manifest.root == Path(old["root"])


def test_a_later_format_is_refused_in_one_line(tmp_path, old):
    for part in OLD.parent.iterdir():
        (tmp_path / part.name).write_bytes(part.read_bytes())
    (tmp_path / "M.json").write_text(json.dumps({**old, "format": 2}))
    with pytest.raises(ManifestError, match=r"is of format 2, and 1 is the latest .* update") as no:
        rebalance.read_manifest(tmp_path / "M.csv")
    assert "\n" not in str(no.value)
    assert faults("manifest", {**old, "format": 2})


@pytest.mark.parametrize(
    ("place", "key", "value"),
    [
        ((), "formatt", 1),
        ((), "seed", "0"),
        ((), "classes", {}),
        (("counts",), "before", {"cat": 1.5}),
        (("per_class", "cat"), "kk", 3),
        (("per_class", "cat"), "quotas", None),
        (("extractor",), "fingerprint", 7),
        (("unreadable", 0), "reason", None),
    ],
)
def test_an_unknown_key_or_a_wrong_type_is_a_fault(old, place, key, value):
    changed = copy.deepcopy(old)
    inner = changed
    for step in place:
        inner = inner[step]
    inner[key] = value
    assert faults("manifest", changed)


@pytest.mark.parametrize("key", ["format", "rebalance", "command", "classes", "counts", "source"])
def test_a_missing_key_is_a_fault(old, key):
    del old[key]
    assert faults("manifest", old)
