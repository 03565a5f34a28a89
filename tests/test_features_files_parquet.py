"""Tables of parquet, as pyarrow, pandas, datasets and FiftyOne's users write them."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rebalance.errors import FeatureFileError
from rebalance.features.files import read_feature_file

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

ROWS, COLUMNS = 40, 5
NAMES = [f"cat/ä {number}.png" for number in range(ROWS)]
ALL = slice(None)
X = np.random.default_rng(0).normal(size=(ROWS, COLUMNS)).astype(np.float32)


def vectors(values: NDArray[np.floating], kind: str = "list") -> "pa.Array":
    flat = pa.array(values.ravel())
    if kind == "fixed":
        return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
    if kind == "tensor":
        return pa.FixedShapeTensorArray.from_numpy_ndarray(values)
    made = {"list": pa.ListArray, "large": pa.LargeListArray}[kind]
    return made.from_arrays(np.arange(len(values) + 1) * values.shape[1], flat)


def images() -> "pa.Array":
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.array([{"bytes": b"\x89PNG", "path": name} for name in NAMES], kind)


def write(path: Path, /, **columns: object) -> Path:
    pq.write_table(pa.table(columns), path, row_group_size=17)
    return path


def check(path: Path, values: NDArray[np.floating] = X) -> None:
    found = read_feature_file(path)
    assert list(found.names) == NAMES
    assert np.array_equal(found.layers["pool"].read(ALL, ALL), values.astype(np.float32))


@pytest.mark.parametrize("kind", ["list", "large", "fixed", "tensor"])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8])
def test_a_column_of_vectors(tmp_path, kind, dtype):
    values = (X * 9).astype(dtype)
    check(write(tmp_path / "a.parquet", path=NAMES, vector=vectors(values, kind)), values)


def test_hugging_face_has_the_path_within_the_image(tmp_path):
    labels = pa.array(range(ROWS))
    check(write(tmp_path / "a.parquet", image=images(), label=labels, embedding=vectors(X)))


def test_fiftyone_has_file_paths_and_other_fields(tmp_path):
    made = write(
        tmp_path / "a.parquet",
        id=[str(n) for n in range(ROWS)],
        filepath=pa.array(NAMES).dictionary_encode(),
        tags=pa.array([["a"]] * ROWS),
        clip_embeddings=vectors(X),
    )
    check(made)


def test_a_column_for_each_dimension(tmp_path):
    columns = {f"embedding_{n}": X[:, n] for n in range(COLUMNS)}
    check(write(tmp_path / "a.parquet", filenames=NAMES, **columns, labels=np.arange(ROWS)))


def test_pandas_writes_lists_of_arrays(tmp_path):
    pd = pytest.importorskip("pandas")
    pd.DataFrame({"path": NAMES, "emb": list(X)}).to_parquet(tmp_path / "a.parquet")
    check(tmp_path / "a.parquet")
    frame = pd.DataFrame(X.astype(np.float64), index=pd.Index(NAMES, name="file"))
    frame.columns = [str(name) for name in frame.columns]
    frame.to_parquet(tmp_path / "b.parquet")
    check(tmp_path / "b.parquet")


def bad_vectors(kind: str) -> "pa.Array":
    rows = X.tolist()
    if kind == "varies":
        rows[20] = rows[20][:3]
    elif kind == "missing":
        rows[20] = None
    elif kind == "hole":
        rows[20][1] = None
    elif kind == "empty":
        rows = [[]] * ROWS
    return pa.array(rows, pa.list_(pa.float32()))


BAD = {
    "varies": "5 numbers of 'vector' in row 0, and 3 in row 20",
    "missing": "and 0 in row 20",
    "hole": "misses values in 'vector'",
    "empty": "40 rows and 0 columns",
}


@pytest.mark.parametrize("kind", BAD)
def test_vectors_that_do_not_make_a_matrix_are_refused_in_a_line(tmp_path, kind):
    path = write(tmp_path / "a.parquet", path=NAMES, vector=bad_vectors(kind))
    with pytest.raises(FeatureFileError, match=BAD[kind]) as caught:
        read_feature_file(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


OTHERS = {
    "no path": ({"vector": vectors(X)}, "--names"),
    "no vector": ({"path": NAMES, "words": NAMES}, "needs a column of vectors"),
    "two vectors": ({"path": NAMES, "a": vectors(X), "b": vectors(X)}, "'a', 'b'"),
    "two paths": ({"path": NAMES, "file_name": NAMES, "v": vectors(X)}, "'path', 'file_name'"),
    "nested": ({"path": NAMES, "v": pa.array([[[1.0]]] * ROWS)}, "needs a column of vectors"),
    "a path missing": ({"path": [*NAMES[1:], None], "v": vectors(X)}, "no name in row 39"),
    "no rows": ({"path": pa.array([], pa.string()), "v": vectors(X[:0])}, "no rows"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_tables_are_refused_in_a_line(tmp_path, kind):
    columns, told = OTHERS[kind]
    with pytest.raises(FeatureFileError, match=told) as caught:
        read_feature_file(write(tmp_path / "a.parquet", **columns))
    assert "\n" not in str(caught.value)


def test_damage_is_told_in_a_line(tmp_path):
    whole = write(tmp_path / "a.parquet", path=NAMES, v=vectors(X)).read_bytes()
    for content in (whole[:-9], whole[: len(whole) // 2], b"PAR1" + bytes(30) + b"PAR1"):
        (tmp_path / "b.parquet").write_bytes(content)
        with pytest.raises(FeatureFileError, match="damaged") as caught:
            read_feature_file(tmp_path / "b.parquet")
        assert "\n" not in str(caught.value)
