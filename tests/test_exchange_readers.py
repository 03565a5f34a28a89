"""What is exported, read by the tools it is exported for, where they are installed."""

import gc
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from rebalance import export, import_csv
from rebalance.errors import DataError, LossError
from rebalance.losses import WEIGHTINGS, class_weights
from rebalance.manifest import Dropped, Manifest, Row, read_manifest, write_manifest
from rebalance.manifest.columns import RARE

# datasets leaves files open that it has read.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

CLASSES = ("dog", "00007", "cat")  # not in the order of the alphabet, and one looks like a number


class Exported(NamedTuple):
    """A manifest of real images: its path, what it holds, and the folder of the images."""

    path: Path
    manifest: Manifest
    root: Path

    @property
    def labels(self) -> list[int]:
        """The label of each row, as a place in the classes."""
        return [self.manifest.classes.index(row.label) for row in self.manifest.rows]


@pytest.fixture
def once(tmp_path, make_folder) -> Exported:
    """Four of six images, one of them with a subclass; the others were left out."""
    root = make_folder(tmp_path / "photos", {"00007": 2, "cat": 3, "dog": 1})
    rows = (
        Row("cat/001.png", "cat", cluster=1, distance=0.25),
        Row("dog/000.png", "dog"),
        Row("00007/001.png", "00007", cluster=0, distance=1e-6),
        Row("cat/000.png", "cat"),
    )
    dropped = (
        Dropped("cat/002.png", "cat", 1, 2.5, 'too far, "away"'),
        Dropped("00007/000.png", "00007", None, None, "not picked"),
    )
    record = {"root": str(root), "classes": list(CLASSES)}
    manifest = Manifest(root, CLASSES, rows, dropped, record)
    write_manifest(tmp_path / "M.csv", manifest)
    return Exported(tmp_path / "M.csv", manifest, root)


@pytest.fixture
def more(once) -> Exported:
    """The same, with an image repeated and a blend."""
    rows = (
        *once.manifest.rows,
        Row("dog/000.png", "dog", "duplicate"),
        Row("cat/000.png", "cat", "synthetic", "dog/000.png", 0.25, share=0.25),
    )
    manifest = replace(once.manifest, rows=rows)
    write_manifest(once.path, manifest, overwrite=True)
    return once._replace(manifest=manifest)


# --- Hugging Face ------------------------------------------------------------------------------


@pytest.fixture
def datasets(tmp_path, monkeypatch):
    found = pytest.importorskip("datasets", reason="needs Hugging Face datasets")
    monkeypatch.setattr(found.config, "HF_DATASETS_CACHE", tmp_path / "hf")
    monkeypatch.setattr(found.config, "HF_DATASETS_OFFLINE", True)
    yield found
    gc.collect()  # here, and in no test of others


def loaded(datasets, root):
    return datasets.load_dataset("imagefolder", data_dir=str(root))["train"]


def test_hugging_face_has_our_classes_in_our_order_from_parquet(datasets, once):
    again = Row("dog/000.png", "dog", "duplicate")
    rows = (*once.manifest.rows, again)
    write_manifest(once.path, replace(once.manifest, rows=rows), overwrite=True)
    export(once.path, once.root / "metadata.parquet", "hf")
    found = loaded(datasets, once.root)
    assert found.features["label"].names == list(CLASSES)
    assert list(found["label"]) == [*once.labels, 0]
    assert found[4]["image"].tobytes() == found[1]["image"].tobytes()
    assert found[0]["image"].size == (12, 12)


def test_hugging_face_reads_a_table_that_lies_elsewhere(datasets, once, tmp_path):
    before = sorted(once.root.rglob("*"))
    export(once.path, tmp_path / "rows.parquet", "hf")
    found = datasets.load_dataset("parquet", data_files=str(tmp_path / "rows.parquet"))["train"]
    assert found.features["label"].names == list(CLASSES)
    assert list(found["label"]) == once.labels
    for row, item in zip(once.manifest.rows, found, strict=True):
        with Image.open(once.root / row.file_name) as image:
            assert item["image"].tobytes() == image.tobytes()
    assert sorted(once.root.rglob("*")) == before


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_hugging_face_has_texts_elsewhere(datasets, once, ending):
    rows = tuple(row for row in once.manifest.rows if ending == ".jsonl" or row.label != "00007")
    write_manifest(once.path, replace(once.manifest, rows=rows), overwrite=True)
    export(once.path, once.root / f"metadata{ending}", "hf")
    found = loaded(datasets, once.root)
    assert list(found["label"]) == [row.label for row in rows]
    names = datasets.ClassLabel(names=list(CLASSES))
    cast = found.cast_column("label", names)
    assert list(cast["label"]) == [CLASSES.index(row.label) for row in rows]
    # Left to itself, it sorts them.
    assert found.class_encode_column("label").features["label"].names == sorted(
        {row.label for row in rows}
    )


@pytest.mark.parametrize("name", ["test/a.png", "cat/dev-1.png", "cat/a.train.png"])
def test_hugging_face_takes_some_names_for_splits(datasets, once, caplog, name):
    assert "of a split" not in caplog.text
    file = once.root / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes((once.root / "cat" / "000.png").read_bytes())
    rows = (*once.manifest.rows, Row(name, "cat"))
    write_manifest(once.path, replace(once.manifest, rows=rows), overwrite=True)
    export(once.path, once.root / "metadata.parquet", "hf")
    assert f"takes {name!r} for an image of a split" in caplog.text
    try:
        every = datasets.load_dataset("imagefolder", data_dir=str(once.root))
        assert sum(side.num_rows for side in every.values()) == 1  # of five
    except ValueError as error:
        assert "'label' doesn't exist" in str(error)
    found = datasets.load_dataset(
        "imagefolder", data_dir=str(once.root), data_files={"train": "**"}
    )
    assert list(found["train"]["label"]) == [*once.labels, 2]


def test_other_names_are_no_splits(once, caplog):
    file = once.root / "cat" / "tested-trainer.png"
    file.write_bytes((once.root / "cat" / "000.png").read_bytes())
    rows = (*once.manifest.rows, Row("cat/tested-trainer.png", "cat"))
    write_manifest(once.path, replace(once.manifest, rows=rows), overwrite=True)
    export(once.path, once.root / "metadata.jsonl", "hf")
    assert not caplog.text


def block(name: str) -> str:
    """The code under that mark on the page about exports."""
    page = (Path(__file__).parents[1] / "docs" / "export.md").read_text(encoding="utf-8")
    (found,) = re.findall(rf"<!-- run: {name} -->\n```python\n(.*?)```", page, re.DOTALL)
    return found


@pytest.mark.parametrize("name", ["hf", "hf elsewhere"])
def test_the_page_loads_what_hugging_face_reads(datasets, once, monkeypatch, name):
    monkeypatch.chdir(once.path.parent)
    names = {}
    exec(block(name), names)
    assert list(names["rows"]["label"]) == once.labels


# --- timm --------------------------------------------------------------------------------------


def test_timm_takes_the_class_map(tmp_path, once, caplog):
    readers = pytest.importorskip("timm.data.readers", reason="needs timm")
    export(once.path, tmp_path / "class_map.txt", "timm")
    assert (tmp_path / "class_map.txt").read_bytes() == b"dog\n00007\ncat\n"
    found = readers.create_reader(
        "", root=str(once.root), class_map=str(tmp_path / "class_map.txt")
    )
    assert found.class_to_idx == {name: place for place, name in enumerate(CLASSES)}
    by_folder = {(Path(path).parent.name, label) for path, label in found.samples}
    assert by_folder == {(name, place) for place, name in enumerate(CLASSES)}
    # It reads all of the folder, which is what the warning is about.
    assert len(found) == 6
    assert "timm reads every image of a folder" in caplog.text and "2 are left out" in caplog.text
    # Without the map it sorts by its own rule.
    assert list(readers.create_reader("", root=str(once.root)).class_to_idx) != list(CLASSES)


def test_timm_takes_the_rows_by_way_of_hugging_face(datasets, once):
    readers = pytest.importorskip("timm.data.readers", reason="needs timm")
    export(once.path, once.root / "metadata.parquet", "hf")
    found = readers.create_reader(f"hfds/{once.root}", split="train")
    labels = []
    for file, label in found:
        file.close()
        labels.append(label)
    assert labels == once.labels
    assert found.class_to_idx == {name: place for place, name in enumerate(CLASSES)}


def test_timm_gets_no_map_that_it_would_read_as_another(tmp_path, once, caplog):
    path = tmp_path / "o.csv"
    for name in (" a", "a\nb"):
        odd = Manifest(once.root, (name,), (Row("cat/000.png", name),))
        write_manifest(path, replace(odd, record={"root": str(once.root)}), overwrite=True)
        with pytest.raises(DataError, match="names of one line"):
            export(path, tmp_path / "t.txt", "timm")
    whole = Manifest(once.root, ("cat",), (Row("cat/000.png", "cat"),))
    write_manifest(path, replace(whole, record={"root": str(once.root)}), overwrite=True)
    caplog.clear()
    export(path, tmp_path / "t.txt", "timm")
    assert not caplog.text
    elsewhere = replace(whole, classes=("dog",), rows=(Row("cat/000.png", "dog"),))
    write_manifest(path, replace(elsewhere, record={"root": str(once.root)}), overwrite=True)
    export(path, tmp_path / "t.txt", "timm", overwrite=True)
    assert "1 lie in a folder that is not called as their class" in caplog.text


def test_timm_is_told_of_endings_that_it_leaves_out(tmp_path, once, caplog):
    rows = []
    for ending in ("bmp", "webp"):
        file = once.root / "dog" / f"b.{ending}"
        Image.open(once.root / "dog" / "000.png").save(file)
        rows.append(Row(f"dog/b.{ending}", "dog"))
    rows += once.manifest.rows
    write_manifest(once.path, replace(once.manifest, rows=tuple(rows)), overwrite=True)
    export(once.path, tmp_path / "c.txt", "timm")
    (key,) = re.findall("--input-key '(.*)'", caplog.text)
    assert "here are 1 .bmp, 1 .webp" in caplog.text
    readers = pytest.importorskip("timm.data.readers", reason="needs timm")
    assert len(readers.create_reader("", root=str(once.root))) == 6
    assert len(readers.create_reader("", root=str(once.root), input_key=key)) == 8


def test_lightly_train_is_told_of_endings_that_it_leaves_out(tmp_path, once, caplog):
    (once.root / "dog" / "b.avif").write_bytes(b"an image")
    rows = (*once.manifest.rows, Row("dog/b.avif", "dog"))
    write_manifest(once.path, replace(once.manifest, rows=rows), overwrite=True)
    export(once.path, tmp_path / "l.csv", "lightly-train")
    assert ".webp, .dcm, and here are 1 .avif: convert them" in caplog.text


# --- weights -----------------------------------------------------------------------------------


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_weights_are_those_of_the_losses(tmp_path, more, weighting):
    import torch

    output = tmp_path / "w.json"
    export(more.path, output, "weights", weighting=weighting, beta=0.5)
    found = json.loads(output.read_bytes())
    counts = more.manifest.counts
    assert (found["classes"], found["counts"]) == (list(CLASSES), list(counts.values()))
    assert (found["weighting"], found["beta"]) == (
        weighting,
        0.5 if weighting == "effective" else None,
    )
    # Convention of torch: the n-th number is of class n, and a sample's is that of its class.
    expected = class_weights(counts, weighting, 0.5)
    assert torch.equal(torch.tensor(found["class_weights"]), expected)
    assert torch.equal(torch.tensor(found["sample_weights"]), expected[more.labels])
    sampler = torch.utils.data.WeightedRandomSampler(found["sample_weights"], len(more.labels))
    assert len(list(sampler)) == len(more.manifest.rows)


def test_weights_by_row_stand_beside_each_file(tmp_path, more):
    table = export(more.path, tmp_path / "w.csv", "weights")
    assert [row[:2] for row in table.rows] == [
        (row.file_name, row.label) for row in more.manifest.rows
    ]
    assert {row[1]: row[2:] for row in table.rows} == {
        "dog": (2, 1.0),
        "00007": (1, 2.0),
        "cat": (3, 2 / 3),
    }


def test_a_sample_weighs_as_the_class_that_it_is_trained_as(tmp_path, once):
    made = Row("cat/000.png", "cat", "synthetic", "dog/000.png", 0.75, made_as="dog")
    write_manifest(
        once.path, replace(once.manifest, rows=(*once.manifest.rows, made)), overwrite=True
    )
    table = export(once.path, tmp_path / "w.csv", "weights")
    assert table.rows[-1] == ("cat/000.png", "dog", 2, 5 / 6)


def test_a_class_without_samples_has_no_weight(tmp_path, once):
    empty = replace(once.manifest, rows=once.manifest.rows[1:3])
    write_manifest(once.path, empty, overwrite=True)
    with pytest.raises(LossError, match="'cat'"):
        export(once.path, tmp_path / "w.csv", "weights")
    assert not (tmp_path / "w.csv").exists()


# --- parquet -----------------------------------------------------------------------------------


def test_parquet_keeps_every_column_and_every_type(tmp_path, more):
    pytest.importorskip("pyarrow", reason="needs pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    table = export(more.path, tmp_path / "m.parquet", "parquet")
    found = parquet.read_table(tmp_path / "m.parquet")
    assert [tuple(row.values()) for row in found.to_pylist()] == table.rows
    rows = [[vars(row)[name] for name in table.header] for row in more.manifest.rows]
    assert table.rows == list(map(tuple, rows)) and not set(table.header) & set(RARE)
    kinds = {field.name: str(field.type) for field in found.schema}
    assert kinds["file_name"] == kinds["partner"] == "string"
    assert kinds["cluster"] == "int64"
    assert {kinds[name] for name in ("weight", "distance", "share")} == {"double"}
    assert found["label"].combine_chunks().dictionary.to_pylist() == list(CLASSES)


def test_pandas_and_polars_read_the_parquet(tmp_path, more):
    pytest.importorskip("pyarrow", reason="needs pyarrow")
    pandas = pytest.importorskip("pandas", reason="needs pandas")
    polars = pytest.importorskip("polars", reason="needs polars")
    export(more.path, tmp_path / "m.parquet", "parquet")
    frame = pandas.read_parquet(tmp_path / "m.parquet")
    assert list(frame["label"].cat.categories) == list(CLASSES)
    labels = [row.label for row in more.manifest.rows]
    assert list(frame["label"]) == labels
    assert polars.read_parquet(tmp_path / "m.parquet")["label"].to_list() == labels
    frame.to_csv(tmp_path / "n.csv", index=False)
    assert read_manifest(tmp_path / "n.csv", more.root).rows == more.manifest.rows


# --- FiftyOne ----------------------------------------------------------------------------------


@pytest.fixture
def fields():
    """How FiftyOne is to read the columns, from the page: it takes all for texts otherwise."""
    names = {"fo": pytest.importorskip("fiftyone", reason="needs FiftyOne")}
    (told,) = re.findall(r"^fields = .*?^}", block("fiftyone"), re.DOTALL | re.MULTILINE)
    exec(told, names)
    return names["fields"]


def seen(samples):
    """What FiftyOne knows of each sample, by its file."""
    names = ("cluster", "distance", "reason")
    return {
        each.filepath: (
            each.label.label,
            *(each[name] if each.has_field(name) else None for name in names),
        )
        for each in samples
    }


def expected(exported, *, dropped):
    every = [*exported.manifest.rows, *(exported.manifest.dropped if dropped else ())]
    return {
        str(exported.root / each.file_name): (
            each.label,
            each.cluster,
            each.distance,
            getattr(each, "reason", None),
        )
        for each in every
    }


@pytest.mark.slow
@pytest.mark.parametrize("dropped", [False, True])
def test_fiftyone_reads_the_fields_with_their_types(tmp_path, once, fields, dropped):
    csv = pytest.importorskip("fiftyone.utils.csv")
    export(once.path, tmp_path / "fo.csv", "fiftyone", dropped=dropped)
    importer = csv.CSVDatasetImporter(labels_path=str(tmp_path / "fo.csv"), fields=fields)
    importer.setup()
    assert seen(importer) == expected(once, dropped=dropped)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # its drivers' own
def test_a_manifest_goes_to_fiftyone_and_back(tmp_path, once, fields):
    fo = pytest.importorskip("fiftyone")
    try:
        fo.list_datasets()
    except fo.core.config.FiftyOneConfigError as error:
        pytest.skip(f"needs a MongoDB, at FIFTYONE_DATABASE_URI or FiftyOne's own: {error}")
    export(once.path, tmp_path / "fo.csv", "fiftyone", dropped=True)
    found = fo.Dataset.from_dir(
        dataset_type=fo.types.CSVDataset,
        labels_path=str(tmp_path / "fo.csv"),
        fields=fields,
        progress=False,
    )
    try:
        assert seen(found) == expected(once, dropped=True)
        assert found.distinct("reason") == sorted(each.reason for each in once.manifest.dropped)
        kept = found.match(~fo.ViewField("reason").exists())
        kept.export(
            labels_path=str(tmp_path / "back.csv"),
            dataset_type=fo.types.CSVDataset,
            fields={"filepath": "filepath", "label.label": "label"},
            export_media=False,
            abs_paths=True,
            progress=False,
        )
    finally:
        found.delete()
    back = import_csv(tmp_path / "back.csv", root=once.root).rows
    assert sorted((row.file_name, row.label) for row in back) == sorted(
        (row.file_name, row.label) for row in once.manifest.rows
    )
