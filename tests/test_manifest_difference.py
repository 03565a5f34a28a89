"""What changed between two manifests."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rebalance
from rebalance.manifest import Manifest, Row, write_manifest
from rebalance.manifest.difference import Change, compare

CLASSES = ("cat", "dog")


def manifest(*rows, classes=CLASSES, **record):
    return Manifest(Path("/photos"), classes, rows, record={"classes": list(classes), **record})


def write(path, *rows, root="/photos", classes=CLASSES, **record):
    record = {"classes": list(classes), "root": root, **record}
    write_manifest(path, Manifest(Path(root), classes, rows, record=record))
    return path


A, B, C = (Row(f"cat/{name}.png", "cat") for name in "abc")
D = Row("dog/d.png", "dog")


def test_kept_dropped_and_added_per_class():
    found = compare(manifest(A, B, D), manifest(C, A, D))
    assert found.changes == {"cat": Change(1, 1, 1), "dog": Change(1, 0, 0)}
    assert (found.dropped, found.added) == ((B,), (C,))
    assert found.changed


def test_order_cluster_and_distance_are_no_change():
    seen = Row(A.file_name, "cat", cluster=3, distance=0.5)
    found = compare(manifest(A, B), manifest(B, seen))
    assert not found.changed
    assert found.changes["cat"] == Change(2, 0, 0)


def test_another_operation_or_another_class_to_train_as_is_a_change():
    flipped = Row(A.file_name, "cat", "augmented", operation="flip")
    blend = Row(A.file_name, "cat", "synthetic", B.file_name, 0.5)
    before = manifest(A, flipped, blend)
    after = manifest(A, replace(flipped, operation="vflip"), replace(blend, made_as="dog"))
    found = compare(before, after)
    assert found.changes == {"cat": Change(1, 2, 1), "dog": Change(0, 0, 1)}
    record = found.as_record()["added"]
    assert [each.get("operation") for each in record] == ["vflip", None]
    assert [each.get("made_as") for each in record] == [None, "dog"]


def test_repetitions_count_as_often_as_they_are_there():
    twice = Row(A.file_name, "cat", "duplicate")
    found = compare(manifest(A, twice, twice), manifest(A, twice))
    assert found.changes["cat"] == Change(2, 1, 0)
    assert found.dropped == (twice,)


def test_a_recipe_is_its_partner_its_weight_and_its_space():
    blend = Row(A.file_name, "cat", "synthetic", B.file_name, 0.25)
    other = Row(A.file_name, "cat", "synthetic", B.file_name, 0.5)
    assert compare(manifest(blend), manifest(other)).changes["cat"] == Change(0, 1, 1)
    pixel, embedding = manifest(blend, space="pixel"), manifest(blend, space="embedding")
    assert compare(pixel, embedding).changed
    assert not compare(manifest(blend), pixel).changed
    assert not compare(manifest(A, space="pixel"), manifest(A, space="embedding")).changed


def test_another_label_is_dropped_from_one_class_and_added_to_the_other():
    found = compare(manifest(A), manifest(Row(A.file_name, "dog")))
    assert found.changes == {"cat": Change(0, 1, 0), "dog": Change(0, 0, 1)}


def test_the_order_of_classes_is_a_change():
    found = compare(manifest(A), manifest(A, classes=("dog", "cat")))
    assert found.changed
    assert not found.dropped
    more = compare(manifest(A), manifest(A, classes=("cat", "cow")))
    assert list(more.changes) == ["cat", "dog", "cow"]


rows = st.lists(
    st.builds(
        Row,
        st.sampled_from(["1", "2", "3"]),
        st.sampled_from(CLASSES),
        st.sampled_from(["original", "duplicate"]),
    ),
    max_size=12,
)


@given(rows, rows)
def test_counts_are_those_of_the_multisets(old, new):
    found = compare(manifest(*old), manifest(*new))
    assert Counter(found.dropped) == Counter(old) - Counter(new)
    assert Counter(found.added) == Counter(new) - Counter(old)
    for name, change in found.changes.items():
        assert change.kept + change.dropped == sum(row.label == name for row in old)
        assert change.kept + change.added == sum(row.label == name for row in new)
    back = compare(manifest(*new), manifest(*old))
    assert (back.dropped, back.added) == (found.added, found.dropped)


def test_the_command(run, tmp_path):
    first = write(tmp_path / "a.csv", A, B, D)
    second = write(tmp_path / "b.csv", A, C, D)
    found = run("diff", first, second)
    page = second.with_suffix(".html")
    assert (found.status, found.err) == (0, f"next: rebalance report {second} -o {page}\n")
    assert found.out.splitlines() == [
        "class  kept  dropped  added",
        "cat       1        1      1",
        "dog       1        0      0",
        "",
        "2 samples kept, 1 dropped, 1 added",
    ]
    record = json.loads(run("diff", first, second, "--json").out)
    assert record["changed"] is True
    assert record["changes"]["cat"] == {"kept": 1, "dropped": 1, "added": 1}
    assert [row["file_name"] for row in record["added"]] == ["cat/c.png"]
    assert record["added"][0]["partner"] is None


def test_the_gate(run, tmp_path):
    first = write(tmp_path / "a.csv", A, B, D)
    second = write(tmp_path / "b.csv", A, D)
    assert run("diff", first, first, "--fail-if-changed").status == 0
    found = run("diff", first, second, "--fail-if-changed")
    assert found.status == 3
    assert "1 samples dropped and 0 added where --fail-if-changed allows no change" in found.error
    turned = write(tmp_path / "c.csv", A, B, D, classes=("dog", "cat"))
    found = run("diff", first, turned, "--fail-if-changed")
    assert found.status == 3
    assert "the classes, or their order, differ" in found.out


def test_other_folders_are_said(run, tmp_path):
    first = write(tmp_path / "a.csv", A)
    second = write(tmp_path / "b.csv", A, root="/elsewhere")
    found = run("diff", first, second, "--fail-if-changed")
    assert found.status == 0
    assert "different folders, '/photos' and '/elsewhere'" in found.err


@pytest.mark.parametrize("order", [0, 1])
def test_what_is_no_manifest_is_refused(run, tmp_path, order):
    first = write(tmp_path / "a.csv", A)
    found = run("diff", *[first, tmp_path / "none.csv"][:: -1 if order else 1])
    assert (found.status, found.out) == (1, "")
    assert "no manifest at" in found.error


def test_from_python(tmp_path):
    first = write(tmp_path / "a.csv", A, B)
    assert not rebalance.diff(first, str(first)).changed
