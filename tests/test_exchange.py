"""Manifests as other tools' tables, and tables as manifests."""

import csv
import json
import logging
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rebalance import export, import_csv
from rebalance.errors import DataError, OutputError, SettingError
from rebalance.exchange import EXPORTS
from rebalance.manifest import Manifest, Row, read_manifest, write_manifest
from rebalance.tables import MISSING, same_text
from rebalance.tables.columns import LABEL_NAMES, PATH_NAMES

TABLES = [to for to, export in EXPORTS.items() if ".csv" in export.endings]


def write(path: Path, rows, root: Path, classes=None) -> Path:
    names = list(classes or sorted({row.label for row in rows}))
    record = {"classes": names, "root": str(root)}
    write_manifest(path, Manifest(root, tuple(names), tuple(rows), record=record), overwrite=True)
    return path


def cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file, strict=True))


@pytest.fixture
def photos(tmp_path, make_folder) -> Path:
    return make_folder(tmp_path / "photos", {"cat": 3, "dog": 2})


@pytest.fixture
def rows() -> list[Row]:
    return [
        Row("cat/000.png", "cat", cluster=1, distance=0.5),
        Row("dog/000.png", "dog"),
        Row("cat/001.png", "cat", cluster=0, distance=2.0),
    ]


@pytest.fixture
def manifest(tmp_path, photos, rows) -> Path:
    return write(tmp_path / "m.csv", rows, photos)


@pytest.fixture
def repeated(tmp_path, photos, rows) -> Path:
    return write(tmp_path / "r.csv", [*rows, Row("dog/000.png", "dog", "duplicate")], photos)


# --- export ------------------------------------------------------------------------------------


def test_every_tool_has_its_own_columns(tmp_path, photos, manifest):
    def full(name: str) -> str:
        return str(photos / name)

    expected = {
        "csv": [
            ["file_name", "label"],
            ["cat/000.png", "cat"],
            ["dog/000.png", "dog"],
            ["cat/001.png", "cat"],
        ],
        "hf": [
            ["file_name", "label"],
            ["photos/cat/000.png", "cat"],
            ["photos/dog/000.png", "dog"],
            ["photos/cat/001.png", "cat"],
        ],
        "fiftyone": [
            ["filepath", "label", "cluster", "distance"],
            [full("cat/000.png"), "cat", "1", "0.5"],
            [full("dog/000.png"), "dog", "", ""],
            [full("cat/001.png"), "cat", "0", "2.0"],
        ],
        "lightly": [
            ["image_path", "label"],
            [full("cat/000.png"), "cat"],
            [full("dog/000.png"), "dog"],
            [full("cat/001.png"), "cat"],
        ],
        "fastdup": [
            ["filename", "label", "split"],
            [full("cat/000.png"), "cat", "train"],
            [full("dog/000.png"), "dog", "train"],
            [full("cat/001.png"), "cat", "train"],
        ],
        "weights": [
            ["file_name", "label", "count", "weight"],
            ["cat/000.png", "cat", "2", "0.75"],
            ["dog/000.png", "dog", "1", "1.5"],
            ["cat/001.png", "cat", "2", "0.75"],
        ],
    }
    expected["lightly-train"] = expected["lightly"]
    assert set(expected) == set(TABLES)
    output = tmp_path / "metadata.csv"
    for to, lines in expected.items():
        table = export(manifest, output, to, overwrite=True)
        assert cells(output) == lines
        assert [
            list(table.header),
            *(["" if c is None else str(c) for c in r] for r in table.rows),
        ] == (lines)


@pytest.mark.parametrize("to", [to for to in EXPORTS if not EXPORTS[to].takes_blends])
def test_blends_are_refused(tmp_path, photos, rows, to):
    rows = [*rows, Row("cat/000.png", "cat", "synthetic", "cat/001.png", 0.5)]
    path = write(tmp_path / "m.csv", rows, photos)
    with pytest.raises(DataError, match="1 blends: materialize it"):
        export(path, tmp_path / "metadata.csv", to)
    assert not (tmp_path / "metadata.csv").exists()


@pytest.mark.parametrize("to", ["fiftyone", "fastdup"])
def test_repeated_files_are_refused_where_the_tool_would_lose_them(tmp_path, repeated, to):
    with pytest.raises(DataError, match="1 rows repeat one: materialize"):
        export(repeated, tmp_path / "t.csv", to)


@pytest.mark.parametrize("to", ["csv", "hf", "lightly"])
def test_repeated_files_are_repeated_rows_elsewhere(tmp_path, repeated, to):
    assert len(export(repeated, tmp_path / "metadata.csv", to).rows) == 4


def test_hugging_face_needs_its_file_beside_the_images(tmp_path, photos, manifest):
    (tmp_path / "other").mkdir()
    for place in (tmp_path / "m2.csv", tmp_path / "other" / "metadata.csv"):
        with pytest.raises(OutputError, match=r"photos/metadata\.csv"):
            export(manifest, place, "hf")
    table = export(manifest, photos / "metadata.csv", "hf")
    assert table.rows[0] == ("cat/000.png", "cat")


def test_what_pandas_takes_for_missing_is_said(tmp_path, photos, caplog):
    (photos / "None").mkdir()
    path = write(tmp_path / "m.csv", [Row("cat/000.png", "None")], photos)
    export(path, tmp_path / "a.csv", "fastdup")
    assert "read 1 class names as something else: 'None' (a missing value)" in caplog.text


def test_the_missing_values_are_those_of_pandas():
    parsers = pytest.importorskip("pandas._libs.parsers", reason="needs pandas")
    assert parsers.STR_NA_VALUES - {""} == MISSING


@pytest.mark.parametrize("name", ["a,b", " a", "a\t"])
def test_lightly_splits_and_strips_labels(tmp_path, photos, name):
    path = write(tmp_path / "m.csv", [Row("cat/000.png", name)], photos)
    with pytest.raises(DataError, match="rename the class"):
        export(path, tmp_path / "t.csv", "lightly")


def test_what_export_refuses(tmp_path, photos, manifest):
    with pytest.raises(SettingError, match="no table for 'excel': choose one of csv, hf"):
        export(manifest, tmp_path / "t.csv", "excel")
    with pytest.raises(SettingError, match=r"reads a folder .* --layout ultralytics"):
        export(manifest, tmp_path / "t.csv", "ultralytics")
    with pytest.raises(SettingError, match=r"--dropped is for fiftyone, .* for weights: leave"):
        export(manifest, tmp_path / "t.csv", "weights", dropped=True)
    with pytest.raises(OutputError, match=r"a table for parquet is a \.parquet .* parquet\.parq"):
        export(manifest, tmp_path / "t.csv", "parquet")
    with pytest.raises(OutputError, match=r"a \.csv or \.jsonl file"):
        export(manifest, tmp_path / "t.txt")
    with pytest.raises(OutputError, match="belongs to the manifest"):
        export(manifest, manifest, overwrite=True)
    with pytest.raises(OutputError, match="--overwrite"):
        export(manifest, manifest)
    with pytest.raises(DataError, match="no folder here"):
        export(manifest, tmp_path / "t.csv", root=tmp_path / "nowhere")
    assert len(read_manifest(manifest).rows) == 3


# --- import ------------------------------------------------------------------------------------


def table(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


def test_a_table_becomes_a_manifest(tmp_path, photos):
    path = table(
        photos / "labels.csv",
        "\ufeffid,Label,Image Path\r\n7,dog,./dog/000.png\r\n8,cat,cat//001.png\r\n\r\n"
        f"9,cat,{photos}/cat/000.png\r\n10,dog,dog/000.png\r\n",
    )
    found = import_csv(path, tmp_path / "m.csv")
    assert found.rows == (
        Row("dog/000.png", "dog"),
        Row("cat/001.png", "cat"),
        Row("cat/000.png", "cat"),
        Row("dog/000.png", "dog", "duplicate"),
    )
    assert found.root == photos
    assert found.classes == ("cat", "dog")
    assert found.record["counts"]["before"] == {"cat": 2, "dog": 1}
    read = read_manifest(tmp_path / "m.csv")
    assert (read.rows, read.root, read.classes) == (found.rows, photos, found.classes)


@pytest.mark.parametrize("to", TABLES)
def test_what_is_exported_can_be_imported(tmp_path, photos, manifest, rows, to):
    export(manifest, tmp_path / "metadata.csv", to)
    root = tmp_path if to == "hf" else photos
    found = import_csv(tmp_path / "metadata.csv", root=root)
    names = [(root / row.file_name, row.label, row.kind) for row in found.rows]
    assert names == [(photos / row.file_name, row.label, "original") for row in rows]


@pytest.mark.parametrize("to", ["csv", "hf", "lightly"])
def test_repetitions_come_back(tmp_path, photos, repeated, to):
    export(repeated, photos / "metadata.csv", to)
    kinds = [(row.file_name, row.kind) for row in import_csv(photos / "metadata.csv").rows]
    assert kinds == [(row.file_name, row.kind) for row in read_manifest(repeated).rows]


part = st.text(
    st.one_of(
        st.sampled_from(",\"'\n\r\t =+-@;|\\äß漢🐈\ufeff"),
        st.characters(exclude_characters="\0/", exclude_categories=["Cs"]),
    ),
    min_size=1,
    max_size=12,
).filter(lambda text: text not in (".", ".."))


# No spaces around a label, which are taken off, and no bars, which are between several.
names = part.map(lambda text: same_text(text.replace("|", "")))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.dictionaries(st.tuples(part, part), part.map(same_text).filter(bool), min_size=1, max_size=5)
)
def test_any_name_survives_a_round_trip(tmp_path, listed):
    root = tmp_path / "root"
    for folder, name in listed:
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / name).touch()
    rows = [Row(f"{folder}/{name}", label) for (folder, name), label in listed.items()]
    path = write(tmp_path / "m.csv", rows, root)
    export(path, tmp_path / "t.csv", overwrite=True)
    assert import_csv(tmp_path / "t.csv", root=root).rows == tuple(rows)


@pytest.mark.parametrize("path_column", PATH_NAMES)
@pytest.mark.parametrize("label_column", LABEL_NAMES)
def test_usual_names_are_known(photos, path_column, label_column):
    header = f"{path_column.upper()},{label_column.replace('_', ' ')}"
    path = table(photos / "t.csv", f"{header}\ncat/000.png,cat\n")
    assert import_csv(path).rows == (Row("cat/000.png", "cat"),)


def test_columns_can_be_named(photos):
    path = table(photos / "t.csv", "path,old path,label,species\nx,cat/000.png,1,cat\n")
    found = import_csv(path, path_column="old path", label_column="species")
    assert found.rows == (Row("cat/000.png", "cat"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "found none among no columns: name it with --path-column"),
        ("a,b\n1,2\n", "found none among 'a', 'b' columns: name it with --path-column"),
        ("path,b,c\n1,2,3\n", "found none among 'path', 'b', 'c' columns: name it with --label"),
        ("path,file,label\n1,2,3\n", "found 'path', 'file' among"),
        ("path,path,label\n1,2,3\n", "found 'path', 'path' among"),
        ("path;label\ncat/000.png;cat;x\n", "line 2: has more or fewer cells"),
        ("path,label\n", "lists none"),
        ("path,label\ncat/000.png\n", "line 2: has more or fewer cells"),
        ("path,label\ncat/000.png,cat,x\n", "line 2: has more or fewer cells"),
        ("path,label\n,cat\n", "line 2: path and label must not be empty"),
        ("path,label\ncat/000.png,\n", "line 2: path and label must not be empty"),
        ('path,label\n"cat/000.png,cat\n', "unexpected end of data"),
        ("path,label\n../m.png,cat\n", "line 2: no file '../m.png' in .*the nearest is"),
        ("path,label\n../photos/../m.csv,cat\n", "must lie in .*line 2: say where they are with"),
        ("path,label\n/etc/hostname,cat\n", "must lie in .*line 2"),
        ("path,label\n.,cat\n", "must lie in .*line 2"),
        (
            "path,label\ncat/000.png,cat\ndog/000.png,dog\n./cat/000.png,dog\n",
            "'cat/000.png' is 'cat' in line 2 and 'dog' in line 4",
        ),
        ("path,label\ncat/9.png,cat\n", "class 'cat' needs at least one image.*'cat/9.png'"),
    ],
)
def test_a_table_that_cannot_be_read(tmp_path, photos, content, message):
    (tmp_path / "m.csv").touch()
    path = table(photos / "t.csv", content)
    with pytest.raises(DataError, match=message) as raised:
        import_csv(path, tmp_path / "n.csv")
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "n.csv").exists()


def test_other_tables_that_cannot_be_read(tmp_path, photos):
    with pytest.raises(DataError, match="no table at"):
        import_csv(photos / "none.csv")
    path = table(photos / "t.csv", "path,label\nä.png,cat\n", "latin-1")
    path.write_bytes(path.read_bytes() + "ö.png,cat\n".encode())
    with pytest.raises(DataError, match="partly in UTF-8 and partly not, as in line 2"):
        import_csv(path)
    path = table(photos / "t.csv", "path,label\ncat/000.png,cat\n")
    with pytest.raises(DataError, match="needs one column named 'Path'"):
        import_csv(path, path_column="Path")
    with pytest.raises(OutputError, match="would replace the table"):
        import_csv(path, path, overwrite=True)
    assert path.read_text() == "path,label\ncat/000.png,cat\n"


def test_a_manifest_is_no_table(tmp_path, manifest):
    with pytest.raises(DataError, match="is a manifest already"):
        import_csv(manifest, tmp_path / "n.csv")


def test_absent_files_are_named_and_left_out(tmp_path, photos, caplog):
    path = table(photos / "t.csv", "path,label\ncat/9.png,cat\ncat/000.png,cat\ncat/9.png,cat\n")
    found = import_csv(path, tmp_path / "m.csv")
    assert found.rows == (Row("cat/000.png", "cat"),)
    assert found.record["unreadable"] == [
        {"file_name": "cat/9.png", "label": "cat", "reason": "no such file"}
    ]
    assert found.record["counts"] == {"before": {"cat": 2}, "after": {"cat": 1}}
    assert caplog.text.count("unreadable: 'cat/9.png': no such file") == 1
    assert read_manifest(tmp_path / "m.csv").record == found.record


@pytest.mark.parametrize(
    ("labels", "known"),
    [
        (("A", "B", "A|B"), "A"),
        (("A", "B|A", "C"), "A"),
        (("A|B", "B|C", "D"), "B"),
        (("A", "B", '"A, B"'), "A"),
        (("A", "B", "B;A"), "A"),
    ],
)
def test_several_labels_in_one_cell_are_refused(photos, labels, known):
    lines = [f"cat/{n:03d}.png,{label}\n" for n, label in enumerate(labels)]
    path = table(photos / "t.csv", "path,label\n" + "".join(lines))
    told = rf"which may be one class or 2 \('., '.'\), for other rows have '{known}'"
    told = told.replace("'., ", "'.', ")
    with pytest.raises(DataError, match=told):
        import_csv(path)


@pytest.mark.parametrize("labels", [("A", "B, A", "C"), ("A|B", "C|D", "E"), ("A;B", "A", "C")])
def test_a_class_may_have_a_name_with_signs_in_it(photos, labels):
    lines = [f'cat/{n:03d}.png,"{label}"\n' for n, label in enumerate(labels)]
    path = table(photos / "t.csv", "path,label\n" + "".join(lines))
    assert [row.label for row in import_csv(path).rows] == list(labels)


def test_a_link_that_leads_nowhere_is_no_file(photos, caplog):
    (photos / "cat" / "x.png").symlink_to("nowhere.png")
    for text in ("cat/x.png,cat\ncat/000.png,cat\n", "cat\\x.png,cat\ncat\\000.png,cat\n"):
        found = import_csv(table(photos / "t.csv", f"path,label\n{text}"))
        assert found.rows == (Row("cat/000.png", "cat"),)
        assert found.record["unreadable"][0]["file_name"] == "cat/x.png"
        assert "links that lead nowhere" in caplog.text
        caplog.clear()


TYPED = ("00007", "1e5", "True", "NA", "2020-01-02")


@pytest.mark.parametrize("to", [to for to in TABLES if to != "weights"])
def test_class_names_that_programs_take_for_no_text_are_named(tmp_path, photos, caplog, to):
    rows = [Row(f"cat/{n:03d}.png", name) for n, name in enumerate((*TYPED, "cat")[:3])]
    export(
        write(tmp_path / "m.csv", rows, photos, sorted((*TYPED, "cat"))),
        tmp_path / "metadata.csv",
        to,
    )
    assert "read 5 class names as something else: '00007' (the number 7), '1e5' (the" in caplog.text
    assert "'NA' (a missing value)" in caplog.text and "'cat'" not in caplog.text
    assert ("write metadata.jsonl" in caplog.text) == (to in ("csv", "hf"))
    assert len(caplog.records) == 1


@pytest.mark.parametrize("to", ["csv", "hf"])
def test_lines_of_json_keep_text_text_and_come_back(tmp_path, photos, caplog, to):
    rows = [Row(f"cat/{n:03d}.png", name) for n, name in enumerate(("00007", "True", "NA"))]
    path = write(tmp_path / "m.csv", rows, photos)
    export(path, photos / "metadata.jsonl", to)
    lines = (photos / "metadata.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"file_name": row.file_name, "label": row.label} for row in rows
    ]
    assert not caplog.text
    assert import_csv(photos / "metadata.jsonl").rows == tuple(rows)
    dated = write(tmp_path / "d.csv", [Row("cat/000.png", "2020-01-02")], photos)
    export(dated, photos / "metadata.jsonl", to, overwrite=True)  # datasets makes dates of them
    assert "write .csv" in caplog.text


def test_tools_that_read_no_json_get_none(tmp_path, manifest):
    with pytest.raises(OutputError, match=r"a table for fastdup is a \.csv file"):
        export(manifest, tmp_path / "t.jsonl", "fastdup")


def test_a_column_of_splits_is_pointed_out(photos, caplog):
    path = table(
        photos / "t.csv", "path,label,Split\ncat/000.png,cat,train\ncat/001.png,cat,test\n"
    )
    import_csv(path)
    assert "column 'Split' has 2 values" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        import_csv(table(photos / "t.csv", "path,label,split\ncat/000.png,cat,train\n"))
    assert not caplog.text


# --- the commands ------------------------------------------------------------------------------


def test_the_commands(tmp_path, photos, manifest, run):
    exported = run("export", manifest, "--to", "fiftyone", "-o", tmp_path / "t.csv")
    assert exported.status == 0, exported.err
    wrote = f"wrote {tmp_path / 't.csv'}: 3 rows of filepath, label, cluster, distance\n"
    assert exported.out == wrote
    told = run("export", manifest, "-o", tmp_path / "t2.csv", "--json")
    assert json.loads(told.out)["columns"] == ["file_name", "label"]
    assert run("export", manifest, "--to", "excel", "-o", tmp_path / "t3.csv").status == 2
    foldered = run("export", manifest, "--to", "ultralytics", "-o", tmp_path / "t3.csv")
    assert foldered.status == 2 and "--layout ultralytics" in foldered.err

    imported = run("import", tmp_path / "t.csv", "-o", tmp_path / "n.csv", "--root", photos)
    assert imported.status == 0, imported.err
    assert imported.out.splitlines()[-1] == f"wrote {tmp_path / 'n.csv'}: 3 rows"
    assert len(read_manifest(tmp_path / "n.csv").rows) == 3
    failed = run("import", tmp_path / "t.csv", "-o", tmp_path / "o.csv", "--root", tmp_path / "m")
    assert failed.status == 1
    assert "--root" in failed.error
