"""Files of features, as the libraries of the field write them, are read as what was written."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors

from rebalance.errors import FeatureFileError
from rebalance.features.files import FeatureFile, read_feature_file

ROWS, COLUMNS = 40, 5
NAMES = [f"cat/ä {number}.png" for number in range(ROWS)]
ALL = slice(None)


@pytest.fixture(scope="module")
def features() -> NDArray[np.float32]:
    return np.random.default_rng(0).normal(size=(ROWS, COLUMNS)).astype(np.float32)


def half(features: NDArray[np.float32]) -> NDArray[np.float32]:
    return features.astype(np.float16).astype(np.float32)


def pool(file: FeatureFile) -> NDArray[np.floating]:
    assert list(file.names) == NAMES
    assert list(file.layers) == ["pool"]
    return file.layers["pool"].read(ALL, ALL)


def write(path: Path, content: str | list[str]) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


WRITERS = {
    "savez": lambda path, x: np.savez(path, features=x, file_name=NAMES),
    "compressed": lambda path, x: np.savez_compressed(path, embeddings=x, paths=NAMES),
    "bytes": lambda path, x: np.savez(
        path, only=x, filenames=np.array([name.encode() for name in NAMES])
    ),
    "columns": lambda path, x: np.savez(path, features=np.asfortranarray(x), file_name=NAMES),
    "packed columns": lambda path, x: np.savez_compressed(
        path, features=np.asfortranarray(x), file_name=NAMES, label=np.arange(ROWS)
    ),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_an_archive_of_numpy_is_read_as_what_was_written(tmp_path, features, writer):
    path = tmp_path / "a.npz"
    WRITERS[writer](path, features)
    assert np.array_equal(pool(read_feature_file(path)), features)


@pytest.mark.parametrize("dtype", ["<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "i1", ">i4", "u8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_every_type_and_order_of_numpy_gives_its_values(tmp_path, features, dtype, order):
    values = np.asarray(features * 20, dtype=np.dtype("f4")).clip(0, 100).astype(dtype, order=order)
    np.save(tmp_path / "a.npy", values)
    names = write(tmp_path / "names.txt", "\n".join(NAMES))
    found = pool(read_feature_file(tmp_path / "a.npy", names))
    assert found.dtype in (np.float16, np.float32)
    assert np.array_equal(found, values.astype(np.float32))


def test_what_half_precision_holds_is_the_same_matrix_in_every_type(tmp_path, features):
    names = write(tmp_path / "names.txt", "\n".join(NAMES))
    for dtype in (np.float16, np.float32, np.float64):
        np.save(tmp_path / "a.npy", half(features).astype(dtype))
        found = pool(read_feature_file(tmp_path / "a.npy", names))
        assert found.dtype == np.float16 and np.array_equal(found, half(features))


def test_rows_are_taken_in_any_order_and_taken_again(tmp_path, features):
    np.savez(tmp_path / "a.npz", features=features, file_name=NAMES)
    matrix = read_feature_file(tmp_path / "a.npz").layers["pool"]
    for wanted in ([7, 3, 39, 3], [4, 5, 6, 7], []):
        taken = matrix.take(np.array(wanted, np.intp))
        assert taken.shape == (len(wanted), COLUMNS)
        assert np.array_equal(taken.read(ALL, slice(1, 3)), features[wanted][:, 1:3])
        assert np.array_equal(taken.read(slice(1, 3), ALL), features[wanted][1:3])
    again = matrix.take(np.arange(39, -1, -1)).take(np.array([0, 2]))
    assert np.array_equal(again.read(ALL, ALL), features[[39, 37]])


NAME_FILES = {
    "names.txt": "\n".join(NAMES) + "\n\n",
    "crlf.lst": "\r\n".join(NAMES) + "\r\n",
    "headed.txt": "\n".join(["file_name", *NAMES]),
    "one.csv": "\n".join(["file_name", *NAMES]),
    "bare.csv": "\n".join(NAMES),
    "table.csv": "id,path,label\n" + "".join(f"{n},{name},x\n" for n, name in enumerate(NAMES)),
    "semicolons.csv": "path;label\n" + "".join(f"{name};x\n" for name in NAMES),
    "names.json": NAMES,
    "lines.jsonl": "".join(
        json.dumps({"label": 1, "file_name": name}, ensure_ascii=False) + "\n" for name in NAMES
    ),
    "texts.jsonl": "".join(json.dumps(name) + "\n" for name in NAMES),
}


@pytest.mark.parametrize("kind", NAME_FILES)
def test_names_are_read_from_texts_tables_and_json(tmp_path, features, kind):
    np.save(tmp_path / "a.npy", features)
    names = write(tmp_path / kind, NAME_FILES[kind])
    assert np.array_equal(pool(read_feature_file(tmp_path / "a.npy", names)), features)


def test_names_are_read_from_an_array(tmp_path, features):
    np.save(tmp_path / "a.npy", features)
    np.save(tmp_path / "names.npy", np.array(NAMES))
    assert np.array_equal(
        pool(read_feature_file(tmp_path / "a.npy", tmp_path / "names.npy")), features
    )


def test_the_digest_is_of_the_file_and_of_the_names(tmp_path, features):
    np.save(tmp_path / "a.npy", features)
    np.save(tmp_path / "b.npy", features)
    names = write(tmp_path / "names.txt", "\n".join(NAMES))
    others = write(tmp_path / "others.txt", "\n".join(reversed(NAMES)))
    of = [
        read_feature_file(tmp_path / file, given).digest
        for file, given in (("a.npy", names), ("b.npy", names), ("a.npy", others))
    ]
    assert of[0] == of[1] != of[2]


def cells(features: NDArray[np.float32]) -> list[list[str]]:
    return [[repr(float(value)) for value in row] for row in features]


def table(rows: list[list[str]], sign: str = ",") -> str:
    return "".join(sign.join(row) + "\n" for row in rows)


@pytest.mark.parametrize("kind", ["plain", "lightly", "bare", "tabs", "decimal commas", "pandas"])
def test_a_table_of_text_gives_its_numbers(tmp_path, features, kind):
    rows = cells(features)
    names = [f"d{number}" for number in range(COLUMNS)]
    named = [[name, *row] for name, row in zip(NAMES, rows, strict=True)]
    text = {
        "plain": table([["file_name", *names], *named]),
        # As lightly's writer of embeddings has it: a label at the end, which is no feature.
        "lightly": table(
            [
                ["filenames", *(f"embedding_{n}" for n in range(COLUMNS)), "labels"],
                *([*row, "3"] for row in named),
            ]
        ),
        "bare": table(named),
        "tabs": table([["path", *names], *named], "\t"),
        "decimal commas": table(
            [
                ["path", *names],
                *([row[0], *(c.replace(".", ",") for c in row[1:])] for row in named),
            ],
            ";",
        ),
        # As DataFrame.to_csv writes an index of paths.
        "pandas": table([["", *map(str, range(COLUMNS))], *named]),
    }[kind]
    path = write(tmp_path / ("a.tsv" if kind == "tabs" else "a.csv"), text)
    assert np.array_equal(pool(read_feature_file(path)), features)


def test_numbered_columns_are_in_the_order_of_their_numbers(tmp_path, features):
    wide = np.tile(features, 3)[:, :12]
    order = sorted(range(12), key=str)
    header = ["file_name", *(f"f{n}" for n in order), "f", "score2"]
    rows = [
        [name, *(row[n] for n in order), "9", "9"]
        for name, row in zip(NAMES, cells(wide), strict=True)
    ]
    path = write(tmp_path / "a.csv", table([header, *rows]))
    assert np.array_equal(pool(read_feature_file(path)), wide)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_a_table_is_read_in_other_encodings(tmp_path, features, encoding):
    rows = [[name, *row] for name, row in zip(NAMES, cells(features), strict=True)]
    text = table([["file_name", *"abcde"], *rows])
    (tmp_path / "a.csv").write_bytes(text.encode(encoding))
    assert np.array_equal(pool(read_feature_file(tmp_path / "a.csv")), features)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8])
def test_safetensors_by_layer_or_by_image(tmp_path, features, dtype):
    values = (features * 9).astype(dtype)
    save_file({"embeddings": values, "other": values[0]}, tmp_path / "a.safetensors")
    names = write(tmp_path / "names.txt", "\n".join(NAMES))
    wanted = values.astype(np.float32)
    assert np.array_equal(pool(read_feature_file(tmp_path / "a.safetensors", names)), wanted)
    save_file({"x": values}, tmp_path / "b.safetensors", {"paths": json.dumps(NAMES)})
    assert np.array_equal(pool(read_feature_file(tmp_path / "b.safetensors")), wanted)
    save_file(dict(zip(NAMES, values, strict=True)), tmp_path / "c.safetensors")
    found = read_feature_file(tmp_path / "c.safetensors")
    order = [NAMES.index(name) for name in found.names]
    assert sorted(order) == list(range(ROWS))
    assert np.array_equal(found.layers["pool"].read(ALL, ALL), wanted[order])


def test_safetensors_in_brain_floating_point(tmp_path, features):
    values = torch.from_numpy(features).bfloat16()
    save_tensors({"features": values}, tmp_path / "a.safetensors")
    names = write(tmp_path / "names.txt", "\n".join(NAMES))
    found = pool(read_feature_file(tmp_path / "a.safetensors", names))
    assert np.array_equal(found, values.float().numpy())


PICKLED = {
    "dictionary": lambda x: {"features": x, "paths": NAMES},
    "pair": lambda x: (x, NAMES),
    "by image": lambda x: dict(zip(NAMES, x, strict=True)),
    "by image, in rows": lambda x: {name: row[None] for name, row in zip(NAMES, x, strict=True)},
    "with labels": lambda x: {"emb": x, "filenames": tuple(NAMES), "labels": torch.arange(ROWS)},
}


@pytest.mark.parametrize("kind", PICKLED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_what_torch_saved_is_read(tmp_path, features, kind, dtype):
    values = torch.from_numpy(features).to(dtype)
    torch.save(PICKLED[kind](values), tmp_path / "a.pt")
    assert np.array_equal(pool(read_feature_file(tmp_path / "a.pt")), values.float().numpy())


@pytest.mark.parametrize("new", [True, False])
def test_a_tensor_of_torch_needs_names(tmp_path, features, new):
    values = torch.from_numpy(features).requires_grad_()
    torch.save(values, tmp_path / "a.pth", _use_new_zipfile_serialization=new)
    names = write(tmp_path / "names.txt", "\n".join(NAMES))
    assert np.array_equal(pool(read_feature_file(tmp_path / "a.pth", names)), features)
    with pytest.raises(FeatureFileError, match="--names"):
        read_feature_file(tmp_path / "a.pth")


def test_layers_of_ours_keep_their_names(tmp_path, features):
    np.savez(tmp_path / "a.npz", pool=features, linear=features[:, :2], file_name=NAMES)
    found = read_feature_file(tmp_path / "a.npz")
    assert found.layers.widths == {"pool": COLUMNS, "linear": 2}
    assert np.array_equal(found.layers["linear"].read(ALL, ALL), features[:, :2])


def test_a_file_that_changes_meanwhile_is_found_out(tmp_path, features):
    names = write(tmp_path / "names.txt", "\n".join(NAMES))
    np.save(tmp_path / "a.npy", features)
    matrix = read_feature_file(tmp_path / "a.npy", names).layers["pool"]
    np.save(tmp_path / "a.npy", features[:3])
    with pytest.raises(FeatureFileError, match="has changed"):
        matrix.read(ALL, ALL)
    (tmp_path / "a.npy").unlink()
    with pytest.raises(FeatureFileError, match="cannot be read"):
        matrix.read(ALL, ALL)


def test_a_large_file_is_mapped_anew_for_rows_here_and_there(tmp_path, features, monkeypatch):
    monkeypatch.setattr("rebalance.features.files.steady.KEPT", 0)
    monkeypatch.setattr("rebalance.features.files.matrices.SCATTERED", 3)
    np.savez(tmp_path / "a.npz", features=features, file_name=NAMES)
    matrix = read_feature_file(tmp_path / "a.npz").layers["pool"]
    order = np.random.default_rng(0).permutation(ROWS)
    taken = matrix.take(order)
    assert np.array_equal(taken.read(ALL, ALL), features[order])
    assert np.array_equal(taken.read(slice(3, 14), slice(1, 4)), features[order][3:14, 1:4])
    assert np.array_equal(matrix.read(ALL, ALL), features)
