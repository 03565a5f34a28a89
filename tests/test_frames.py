"""Results as DataFrames: the columns of pandas and their types, and what polars makes of them."""

import sys
from dataclasses import fields, replace
from pathlib import Path

import pytest

import rebalance
from rebalance.errors import OutputError, SettingError
from rebalance.frames import TypedColumn, arrow_table, pandas_frame
from rebalance.manifest import KINDS, Dropped, Manifest, Place, Row, read_manifest, write_manifest
from rebalance.manifest.columns import RARE
from rebalance.manifest.difference import compare
from rebalance.reports import Report
from rebalance.reports.manifests.members import class_histories
from rebalance.reports.manifests.tables import tables_of

CLASSES = ("zebra", "00007", "NA")  # not in the order of the alphabet, and no text to many
ROWS = (
    Row("zebra/a.png", "zebra", cluster=1, distance=0.25),
    Row("7/b.png", "00007"),
    Row("7/b.png", "00007", "duplicate"),
    Row("zebra/a.png", "zebra", "synthetic", "NA/c.png", 0.1, share=0.5),
    Row("NA/c.png", "NA", distance=1e-6),
)
MANIFEST = Manifest(
    Path("/photos"),
    CLASSES,
    ROWS,
    (Dropped("zebra/z.png", "zebra", None, None, "not picked"),),
    {"classes": list(CLASSES), "root": "/photos"},
    (Place("zebra/a.png", "zebra", 1.5, -2.0),),
)


@pytest.fixture(scope="module")
def pandas():
    return pytest.importorskip("pandas", reason="needs pandas, which is no dependency")


def values(frame):
    """The rows of a frame with None for what is missing."""
    import pandas

    return [
        tuple(None if pandas.isna(cell) else cell for cell in row)
        for row in frame.itertuples(index=False)
    ]


def test_a_manifest_is_a_frame(pandas):
    frame = MANIFEST.to_pandas()
    columns = [each.name for each in fields(Row) if each.name not in RARE]
    assert list(frame.columns) == columns
    assert values(frame) == [tuple(vars(row)[name] for name in columns) for row in ROWS]
    assert list(frame["label"].cat.categories) == list(CLASSES)
    assert list(frame["kind"].cat.categories) == list(KINDS)
    kinds = {name: str(kind) for name, kind in frame.dtypes.items()}
    assert kinds["cluster"] == "Int64"
    assert {kinds[name] for name in ("weight", "distance", "share")} == {"float64"}
    assert kinds["file_name"] == kinds["partner"] == str(pandas.Series(["a"]).dtype)


def test_types_do_not_hang_on_what_a_manifest_holds(pandas):
    empty = replace(MANIFEST, rows=())
    plain = replace(MANIFEST, rows=(ROWS[1],))
    assert (empty.to_pandas().dtypes == MANIFEST.to_pandas().dtypes).all()
    assert (plain.to_pandas().dtypes == MANIFEST.to_pandas().dtypes).all()


def test_what_was_dropped_and_the_map_are_frames_too(pandas):
    assert values(MANIFEST.to_pandas("dropped")) == [
        ("zebra/z.png", "zebra", None, None, "not picked")
    ]
    assert values(MANIFEST.to_pandas("map")) == [("zebra/a.png", "zebra", 1.5, -2.0)]
    with pytest.raises(SettingError, match="no table 'rest': choose one of rows, dropped, map"):
        MANIFEST.to_pandas("rest")


def test_a_frame_written_by_pandas_is_a_manifest_again(pandas, tmp_path, caplog):
    write_manifest(tmp_path / "m.csv", MANIFEST)
    frame = read_manifest(tmp_path / "m.csv").to_pandas()
    frame[frame["kind"] != "duplicate"].to_csv(tmp_path / "m.csv", index=False)
    found = read_manifest(tmp_path / "m.csv")
    assert found.rows == tuple(row for row in ROWS if row.kind != "duplicate")
    assert found.classes == CLASSES
    assert "was changed after it was written" in caplog.text


def test_a_label_that_is_no_class_is_not_lost(pandas):
    found = replace(MANIFEST, classes=("zebra",)).to_pandas()
    assert list(found["label"]) == [row.label for row in ROWS]


def test_a_file_name_that_is_no_utf8_is_not_lost(pandas):
    name = b"cat/\xe9.png".decode("utf-8", "surrogateescape")
    assert list(pandas_frame([TypedColumn("file_name", str, [name])])["file_name"]) == [name]


def test_a_difference_is_two_frames(pandas):
    other = replace(MANIFEST, rows=(*ROWS[1:], Row("zebra/new.png", "zebra")))
    found = compare(MANIFEST, other)
    assert values(found.to_pandas()) == [
        (name, change.kept, change.dropped, change.added) for name, change in found.changes.items()
    ]
    assert list(found.to_pandas()["label"].cat.categories) == list(CLASSES)
    samples = found.to_pandas("samples")
    assert values(samples[["change", "file_name"]]) == [
        ("dropped", "zebra/a.png"),
        ("added", "zebra/new.png"),
    ]
    assert list(samples.columns) == ["change", *MANIFEST.to_pandas().columns]


def test_polars_takes_the_frames(pandas):
    polars = pytest.importorskip("polars", reason="needs polars, which is no dependency")
    pytest.importorskip("pyarrow", reason="polars needs pyarrow to read a frame of pandas")
    frame = MANIFEST.to_pandas()
    for found in (polars.from_pandas(frame), polars.DataFrame(frame)):
        assert found.rows() == values(frame)
        assert isinstance(found["label"].dtype, polars.Categorical | polars.Enum)


def test_the_table_of_arrow_holds_the_same(pandas):
    pytest.importorskip("pyarrow", reason="needs pyarrow, which is no dependency")
    from rebalance.manifest.columns import columns_of

    frame = arrow_table(columns_of(MANIFEST)).to_pandas()
    assert values(frame) == values(MANIFEST.to_pandas())
    assert list(frame["label"].cat.categories) == list(CLASSES)


def test_what_to_install_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(OutputError, match=r"pip install 'rebalance\[pandas\]'"):
        MANIFEST.to_pandas()
    with pytest.raises(OutputError, match=r"pip install 'rebalance\[parquet\]'"):
        arrow_table([])


def test_an_inspection_is_two_frames(pandas, tmp_path, make_folder):
    folder = make_folder(tmp_path / "photos", {"cat": 3, "dog": 2})
    (folder / "dog" / "same.png").write_bytes((folder / "cat" / "000.png").read_bytes())
    (folder / "dog" / "bad.png").write_bytes(b"text")
    found = rebalance.inspect(folder)
    assert values(found.to_pandas()) == [
        ("cat", 3, 3, 3 / 7, "few"),
        ("dog", 4, 3, 4 / 7, "few"),
    ]
    frame = found.to_pandas("findings")
    assert values(frame.drop(columns="detail")) == [
        ("unreadable", 0, "dog/bad.png", "dog", "data"),
        ("conflicts", 1, "cat/000.png", "cat", "data"),
        ("conflicts", 1, "dog/same.png", "dog", "data"),
    ]
    assert list(frame.query("kind == 'unreadable'")["detail"]) == [found.unreadable[0].reason]


def test_a_report_tells_every_class_and_cluster(pandas):
    rows = tuple(Row(f"cat/{n}.png", "cat", cluster=n % 2, distance=n / 9) for n in range(4))
    others = (
        Row("cat/0.png", "cat", "duplicate"),
        Row("dog/0.png", "dog"),
        Row("dog/0.png", "dog", "synthetic", "dog/0.png", 0.5),
        Row("ant/0.png", "ant"),
    )
    record = {
        "counts": {"before": {"cat": 5, "dog": 1}},
        "per_class": {"cat": {"layer": "pool", "k": 2, "silhouettes": {"pool": {"2": 0.5}}}},
    }
    dropped = (Dropped("cat/9.png", "cat", 1, 0.9, "not picked"),)
    manifest = Manifest(Path("/photos"), ("cat", "dog", "ant"), rows + others, dropped, record)
    histories = class_histories(manifest)
    report = Report("", {}, tables_of(manifest, histories, {"cat": 5, "dog": 1}))
    assert values(report.to_pandas()) == [
        ("cat", 5, 5, 4, 1, 1, 0, "pool", 2, 0.5, None),
        ("dog", 1, 2, 1, 0, 0, 1, None, None, None, None),
        ("ant", None, 1, 1, 0, 0, 0, None, None, None, None),
    ]
    assert values(report.to_pandas("clusters")) == [("cat", 0, 2, 2), ("cat", 1, 3, 2)]
    with pytest.raises(SettingError, match="those of a manifest"):
        Report("", {}).to_pandas()


def test_the_calls_of_the_page_give_frames(pandas, tmp_path, make_folder, monkeypatch):
    make_folder(tmp_path / "photos" / "train", {"cat": 6, "dog": 3})
    monkeypatch.chdir(tmp_path)
    manifest = rebalance.undersample("photos/train", "balanced.csv", method="random")
    write_manifest("cats.csv", replace(manifest, rows=manifest.rows[:3]))
    page = (Path(__file__).parents[1] / "docs" / "python.md").read_text(encoding="utf-8")
    calls = [line[4:] for line in page.splitlines() if line.startswith(">>>") and "SKIP" in line]
    assert len(calls) == 5
    names = {"rebalance": rebalance, "manifest": manifest}
    for call in calls:
        exec(call, names)
    assert (tmp_path / "near.csv").is_file()
