"""The manifest's files: round trips, atomic writing, and what a reader refuses."""

import csv
import json
import os
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rebalance.errors import ManifestError, OutputError
from rebalance.manifest import (
    COLUMNS,
    DROPPED_COLUMNS,
    MAP_COLUMNS,
    Dropped,
    Manifest,
    Place,
    Row,
    check_output,
    companions,
    read_manifest,
    write_manifest,
)

# Everything a POSIX file name may hold, with what CSV and spreadsheets trip over made likely.
text = st.text(
    st.one_of(
        st.sampled_from(",\"'\n\r\t =+-@;|\\äß漢🐈\ufeff"),
        st.characters(exclude_characters="\0/", exclude_categories=["Cs"]),
    ),
    min_size=1,
    max_size=12,
)
distance = st.none() | st.floats(0, 1e6, allow_nan=False)
cluster = st.none() | st.integers(0, 20)
originals = st.builds(Row, text, text, cluster=cluster, distance=distance)
synthetics = st.builds(
    Row, text, text, st.just("synthetic"), partner=text, weight=st.floats(0, 1), cluster=cluster
)
places = st.builds(Place, text, text, st.floats(-99, 99), st.floats(-99, 99))
dropped_rows = st.builds(Dropped, text, text, cluster, distance, text)


PLACE = Place("a/1.png", "a", 0.25, -1.5)


def write(folder: Path, rows, dropped=(), record=None, places=()) -> Path:
    path = folder / "m.csv"
    classes = tuple(sorted({row.label for row in rows}))
    record = {"classes": list(classes), "root": str(folder), **(record or {})}
    manifest = Manifest(folder, classes, tuple(rows), tuple(dropped), record, tuple(places))
    write_manifest(path, manifest)
    return path


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(originals | synthetics, min_size=1, max_size=8),
    st.lists(dropped_rows, max_size=4),
    st.lists(places, max_size=4),
)
def test_any_name_survives_a_round_trip(tmp_path, rows, dropped, places):
    for path in companions(tmp_path / "m.csv"):
        path.unlink(missing_ok=True)
    found = read_manifest(write(tmp_path, rows, dropped, places=places))
    assert found.rows == tuple(rows)
    assert found.dropped == tuple(dropped)
    assert found.places == tuple(places)
    assert found.root == tmp_path


def test_columns_are_those_that_other_code_builds_on():
    assert COLUMNS == ("file_name", "label", "kind", "partner", "weight", "cluster", "distance")
    assert DROPPED_COLUMNS == ("file_name", "label", "cluster", "distance", "reason")
    assert MAP_COLUMNS == ("file_name", "label", "x", "y")


def test_the_file_is_plain_csv(tmp_path):
    path = write(tmp_path, [Row("a/=1,x.png", "a", cluster=2, distance=0.5)])
    with path.open(newline="", encoding="utf-8") as file:
        assert list(csv.reader(file)) == [
            list(COLUMNS),
            ["a/=1,x.png", "a", "original", "", "", "2", "0.5"],
        ]
    assert b"\r" not in path.read_bytes()


def test_a_label_that_two_classes_share_has_a_column_where_there_is_one(tmp_path):
    soft = Row("a/1.png", "a", "synthetic", "b/1.png", 0.25, share=0.125)
    rows = [Row("a/1.png", "a"), Row("b/1.png", "b"), soft]
    path = write(tmp_path, rows)
    assert path.read_text().splitlines()[0] == ",".join((*COLUMNS, "share"))
    assert path.read_text().splitlines()[-1] == "a/1.png,a,synthetic,b/1.png,0.25,,,0.125"
    assert read_manifest(path).rows == tuple(rows)
    none = "file_name,label,kind,partner,weight,share\na,a,synthetic,b,.5,0\nb,b,original,,,\n"
    path.write_text(none)
    assert [row.share for row in read_manifest(path).rows] == [None, None]


def test_equal_manifests_are_equal_bytes(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    rows = [Row("a/1.png", "a", distance=1 / 3)]
    first, second = (
        write(tmp_path / name, rows, record={"root": "/same"}, places=[PLACE])
        for name in ("one", "two")
    )
    for one, two in zip(companions(first), companions(second), strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_two_columns_of_somebody_elses_are_enough(tmp_path):
    path = tmp_path / "theirs.csv"
    path.write_text("\ufefflabel,file_name\nb,b/1.png\na,a/1.png\n", encoding="utf-8")
    found = read_manifest(path)
    assert found.root == tmp_path
    assert found.classes == ("a", "b")
    assert found.rows == (Row("b/1.png", "b"), Row("a/1.png", "a"))


def test_a_lone_surrogate_in_the_record_survives(tmp_path):
    record = {"unreadable": [{"file_name": "a/\udcff.png", "label": "a", "reason": "bad"}]}
    path = write(tmp_path, [Row("a/1.png", "a")], record=record)
    assert read_manifest(path).record["unreadable"] == record["unreadable"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "needs one column with file_name; found none"),
        ("file_name\na.png\n", "needs one column with label; found none among 'file_name' columns"),
        ("path,class\na.png,a\n", "or make a manifest of another table with rebalance import"),
        ("file_name,label\na.png\n", "line 2: has more or fewer cells"),
        ("file_name,label\na.png,a,extra\n", "line 2: has more or fewer cells"),
        ("file_name,label\n,a\n", "line 2: file_name and label must not be empty"),
        ("file_name,label,kind\na.png,a,copy\n", "line 2: kind is 'copy'"),
        ("file_name,label,kind\na.png,a,synthetic\n", "line 2: a synthetic row"),
        ("file_name,label,partner,weight\na.png,a,b.png,.5\n", "line 2: a synthetic row"),
        ("file_name,label,kind,partner,weight\na,a,synthetic,b,1.5\n", "weight is 1.5"),
        (
            "file_name,label,kind,partner,weight\na,a,synthetic,b,nan\n",
            "needs a partner and a weight",
        ),
        ("file_name,label,kind,partner,weight,share\na,a,synthetic,b,.5,1.5\n", "share is 1.5"),
        ("file_name,label,share\na.png,a,.5\n", "only a synthetic row has one"),
        ("file_name,label,kind\na,a,augmented\n", "an augmented row, and no other, needs an oper"),
        ("file_name,label,operation\na,a,flip\n", "an augmented row, and no other, needs an oper"),
        (
            "file_name,label,kind,weight,operation\na,a,augmented,.5,flip\n",
            "weight is 0.5; an augmented row has none",
        ),
        ("file_name,label,made_as\na.png,a,b\n", "made_as is 'b'; only a synthetic row has one"),
        ("file_name,label,weight\na.png,a,x\n", "line 2: weight is 'x', and a number was needed"),
        ("file_name,label,cluster\na.png,a,x\n", "line 2: cluster is 'x', and a number was needed"),
        ("file_name,label,cluster\na.png,a,1.5\n", "cluster is '1.5', and a whole number was"),
        ("file_name,label,distance\na.png,a,inf\n", "distance is 'inf', and a finite number"),
        ('file_name,label,distance\na.png,a,"1,500"\n', "may be 1.500 or 1500"),
        ("file_name,label,label\na.png,a,b\n", "has a column twice"),
        ('file_name,label\n"a.png,a\n', "unexpected end of data"),
    ],
)
def test_a_bad_line_is_named(tmp_path, content, message):
    path = tmp_path / "bad.csv"
    path.write_text(content)
    with pytest.raises(ManifestError, match=message) as raised:
        read_manifest(path)
    assert "\n" not in str(raised.value)


def test_other_unreadable_manifests(tmp_path):
    with pytest.raises(ManifestError, match="no manifest at"):
        read_manifest(tmp_path / "none.csv")
    (tmp_path / "zeros.csv").write_bytes(b"file_name,label\n\0\0\0.png,a\n")
    with pytest.raises(ManifestError, match="is no text"):
        read_manifest(tmp_path / "zeros.csv")
    path = write(tmp_path, [Row("a/1.png", "a")], record={"classes": ["b"]})
    with pytest.raises(ManifestError, match="does not: 'a'"):
        read_manifest(path)
    for record in (
        {"classes": 5},
        {"classes": "ab"},
        {"classes": ["a", "a"]},
        {"root": 5},
        {"unreadable": [1]},
        {"unreadable": [{"file_name": "x"}]},
    ):
        path.with_suffix(".json").write_text(json.dumps(record))
        with pytest.raises(ManifestError, match="not the record of a manifest"):
            read_manifest(path)
    for text in (
        "{",
        "[" * 100_000,
        '{"options": ' + '{"a":' * 500 + "1" + "}" * 501,
        '{"a": 1e999}',
    ):
        path.with_suffix(".json").write_text(text)
        with pytest.raises(ManifestError, match="not readable as JSON"):
            read_manifest(path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"per_class": "none"}, "per_class is 'none', and an object is needed"),
        ({"per_class": {"a": {"k": "3"}}}, "per_class.a.k is '3', and a whole number is needed"),
        ({"counts": {"before": {"a": None}}}, "counts.before.a is None, and a whole number"),
        ({"source": {"seed": []}}, r"source.seed is \[\], and a whole number"),
    ],
)
def test_a_record_of_ours_that_is_damaged_names_the_place(tmp_path, change, told):
    theirs = {"options": "of another tool", **change}
    path = write(tmp_path, [Row("a/1.png", "a")], record=theirs)
    assert read_manifest(path).record["options"] == "of another tool"  # their keys, their business
    record = json.loads(path.with_suffix(".json").read_bytes())
    path.with_suffix(".json").write_text(
        json.dumps({**record, "rebalance": "0.1.0", "options": {}})
    )
    with pytest.raises(ManifestError, match=f"is damaged .the record.{told}.*take it away"):
        read_manifest(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
def test_a_record_that_is_no_file_is_not_waited_for(tmp_path):
    path = write(tmp_path, [Row("a/1.png", "a")])
    path.with_suffix(".json").unlink()
    os.mkfifo(path.with_suffix(".json"))
    with pytest.raises(ManifestError, match="no regular file"):
        read_manifest(path)


def test_nothing_is_silently_replaced(tmp_path):
    path = write(tmp_path, [Row("a/1.png", "a")], places=[PLACE])
    before = path.read_bytes()
    for name in companions(path):
        kept = {other: other.read_bytes() for other in companions(path) if other != name}
        for other in kept:
            other.unlink()
        with pytest.raises(OutputError, match="--overwrite"):
            check_output(path, overwrite=False)
        for other, content in kept.items():
            other.write_bytes(content)
    write_manifest(path, Manifest(tmp_path, ("b",), (Row("b/1.png", "b"),)), overwrite=True)
    assert path.read_bytes() != before
    assert not path.with_suffix(".map.csv").exists()  # it was the other manifest's


@pytest.mark.parametrize("line", ["a.png,a,one,2", "a.png,a,nan,2", "a.png,a,1", "a.png,a,inf,2"])
def test_a_map_needs_numbers(tmp_path, line):
    path = write(tmp_path, [Row("a.png", "a")])
    path.with_suffix(".map.csv").write_text(f"file_name,label,x,y\n{line}\n")
    with pytest.raises(ManifestError, match="line 2"):
        read_manifest(path)


@pytest.mark.parametrize("name", ["m.txt", "m", "missing/m.csv"])
def test_a_place_that_cannot_be_written_to(tmp_path, name):
    with pytest.raises(OutputError):
        check_output(tmp_path / name, overwrite=False)


def test_a_failed_write_leaves_what_was_there(tmp_path):
    path = write(tmp_path, [Row("a/1.png", "a")], places=[PLACE])
    before = {name: name.read_bytes() for name in companions(path)}
    broken = Manifest(tmp_path, ("b",), (Row("b/1.png", "b"),), record={"x": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        write_manifest(path, broken, overwrite=True)
    assert {name: name.read_bytes() for name in companions(path)} == before
    assert sorted(tmp_path.iterdir()) == sorted(before)


def test_counts_follow_the_class_order():
    rows = (Row("b/1", "b"), Row("b/2", "b"), Row("a/1", "a"))
    assert Manifest(Path("/"), ("a", "b", "c"), rows).counts == {"a": 1, "b": 2, "c": 0}


def test_the_record_is_json_people_can_read(tmp_path):
    path = write(tmp_path, [Row("a/1.png", "a")], record={"note": "Größe"})
    raw = path.with_suffix(".json").read_text(encoding="utf-8")
    assert "Größe" in raw
    assert json.loads(raw)["note"] == "Größe"
    assert set(raw) <= set(string.printable) | set("öß")


# --- what other programs make of it -------------------------------------------------------------

PLAIN = (Row("a/1.png", "a", cluster=1, distance=0.5), Row("b/1.png", "b"))


@pytest.mark.parametrize(
    "content",
    [
        "file_name,label,kind,partner,weight,cluster,distance\n"
        "a/1.png,a,original,,,1.0,0.5\nb/1.png,b,original,,,,\n",
        "file_name,label,kind,partner,weight,cluster,distance\n"
        "a/1.png,a,original,NaN,NaN,1.0,0.5\nb/1.png,b,NaN,<NA>,nan,NA,NaN\n",
        ",cluster,distance,label,mine,file_name\n0,1.0,0.5,a,x,a/1.png\n1,,,b,y,b/1.png\n",
        ",,file_name,label,cluster,distance\n0,0,a/1.png,a,1.0,0.5\n1,1,b/1.png,b,,\n",
        "\ufefffile_name;label;cluster;distance\r\na/1.png;a;1;0,5\r\nb/1.png;b;;\r\n;;;\r\n",
        "file_name\tlabel\tcluster\tdistance\na/1.png\ta\t1\t5e-1\nb/1.png\tb\t\t\n",
        "File_Name, Label ,cluster,distance\na/1.png,a, 1 , 0.5\nb/1.png,b,,\n",
        "file_name,label,cluster,distance,,\na/1.png,a,1.0,.5,,\nb/1.png,b,,,,\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_manifest_is_the_same_after_another_program_wrote_it(tmp_path, content, encoding):
    path = tmp_path / "m.csv"
    path.write_bytes(content.encode(encoding))
    assert read_manifest(path).rows == PLAIN


def test_map_and_dropped_rows_are_the_same_after_pandas(tmp_path):
    gone = Dropped("a/2.png", "a", 1, 0.5, "farther")
    path = write(tmp_path, PLAIN, [gone], places=[PLACE])
    dropped, record, places = companions(path)[1:]
    record.write_text('{"classes": ["a", "b"]}')
    dropped.write_text(",reason,file_name,label,cluster,distance\n0,farther,a/2.png,a,1.0,0.5\n")
    places.write_text(",x,y,file_name,label\n0,0.25,-1.50,a/1.png,a\n")
    read = read_manifest(path)
    assert (read.dropped, read.places) == ((gone,), (PLACE,))


@pytest.mark.parametrize(("name", "written"), [("00007", "7"), ("00007", "7.0"), ("true", "True")])
def test_labels_that_pandas_changed_are_recognised(tmp_path, caplog, name, written):
    path = write(tmp_path, [Row("x/1.png", name), Row("b/1.png", "b")])
    path.write_text(path.read_text().replace(f"png,{name}", f"png,{written}"))
    assert read_manifest(path).rows == (Row("x/1.png", name), Row("b/1.png", "b"))
    assert f"such as the class {name!r} to {written!r}" in caplog.text


def test_a_label_that_may_be_two_classes_is_refused(tmp_path):
    path = write(tmp_path, [Row("x/1.png", "007"), Row("b/1.png", "07")])
    path.write_text("file_name,label\nx/1.png,7\n")
    with pytest.raises(ManifestError, match="may be the class '007' or '07'"):
        read_manifest(path)


def test_a_class_that_pandas_takes_for_missing_is_explained(tmp_path):
    path = write(tmp_path, [Row("x/1.png", "NA")])
    path.write_text("file_name,label\nx/1.png,\n")
    with pytest.raises(ManifestError, match="label is; pandas writes a class that is called NA"):
        read_manifest(path)


@pytest.mark.parametrize(
    "foreign",
    [
        '{"images": [], "annotations": []}',
        '{"classes": ["x"], "labels": {}}',
        '{"cat": 0, "dog": 1}',
        "[1]",
    ],
)
def test_json_of_another_program_beside_a_table_is_left_out(tmp_path, caplog, foreign):
    (tmp_path / "m.csv").write_text("file_name,label\na/1.png,a\n")
    (tmp_path / "m.json").write_text(foreign)
    read = read_manifest(tmp_path / "m.csv")
    assert (read.classes, read.record) == (("a",), {})
    assert "m.json' beside the table is of another program, and left out" in caplog.text


def test_a_table_we_did_not_write_is_read_without_the_spaces_around_cells(tmp_path, caplog):
    (tmp_path / " x.png").touch()
    path = tmp_path / "m.csv"
    path.write_text("file_name,label\n x.png, cat\n y.png,cat\nz.png,Cat\n")
    read = read_manifest(path)
    assert read.rows == (Row(" x.png", "cat"), Row("y.png", "cat"), Row("z.png", "Cat"))
    assert "labels are one where only spaces" in caplog.text
    assert "look alike are taken as different: 'cat' (2 rows) and 'Cat' (1 rows)" in caplog.text


def test_a_manifest_of_ours_keeps_the_spaces_of_its_classes(tmp_path, caplog):
    rows = (Row("x.png", " cat"), Row("y.png", "cat"))
    assert read_manifest(write(tmp_path, rows)).rows == rows
    assert not caplog.text


def test_what_a_recipe_makes_and_as_what_have_columns_where_there_are_any(tmp_path):
    rows = [
        Row("a/1.png", "a"),
        Row("b/1.png", "b"),
        Row("a/1.png", "a", "synthetic", "b/1.png", 0.25, made_as="b"),
        Row("a/1.png", "a", "augmented", operation="flip,rotate=12.5"),
        Row("a/1.png", "a", "augmented", "b/1.png", share=0.5, operation="paste=0:0:0.5:1"),
        Row("a/gan.png", "a", "generated"),
    ]
    path = write(tmp_path, rows)
    lines = path.read_text().splitlines()
    assert lines[0] == ",".join((*COLUMNS, "share", "made_as", "operation"))
    assert lines[3] == "a/1.png,a,synthetic,b/1.png,0.25,,,,b,"
    assert lines[5] == "a/1.png,a,augmented,b/1.png,,,,0.5,,paste=0:0:0.5:1"
    read = read_manifest(path)
    assert read.rows == tuple(rows)
    assert read.counts == {"a": 4, "b": 2}  # what was relabelled counts as what it is trained as
    assert [row.is_made for row in rows] == [False, False, True, True, True, False]


def test_a_class_that_is_only_made_is_a_class(tmp_path):
    path = tmp_path / "m.csv"
    path.write_text(
        "file_name,label,kind,partner,weight,made_as\na.png,a,synthetic,b.png,.5, Cat \n"
    )
    read = read_manifest(path)
    assert read.classes == ("Cat", "a") and read.counts == {"Cat": 1, "a": 0}
    path.with_suffix(".json").write_text(json.dumps({"classes": ["a", "cat"], "format": 1}))
    with pytest.raises(ManifestError, match=r"labels that its \.json does not: ' Cat '"):
        read_manifest(path)
