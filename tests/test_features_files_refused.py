"""Files of features that are damaged, hostile or something else: one line each, and nothing run."""

import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch

from rebalance.errors import FeatureFileError
from rebalance.features.files import read_feature_file
from rebalance.features.files.memory import MOST_UNPACKED, UNSUSPICIOUS

ROWS, COLUMNS = 6, 3
NAMES = [f"cat/{number}.png" for number in range(ROWS)]
X = np.arange(ROWS * COLUMNS, dtype=np.float32).reshape(ROWS, COLUMNS) / 7


class Bomb:
    """What a pickle runs when it is opened: it makes a folder beside the file."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.place),)


def array(header: str, data: bytes = b"") -> bytes:
    """A .npy file with this header, true or not."""
    text = header.encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def says(shape: object, dtype: str = "<f4", data: bytes = bytes(12)) -> bytes:
    return array(f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}}}", data)


def saved(values: object, **options: bool) -> bytes:
    content = BytesIO()
    np.save(content, values, **options)
    return content.getvalue()


def archive(*, packed: bool = False, **arrays: object) -> bytes:
    content = BytesIO()
    (np.savez_compressed if packed else np.savez)(content, **arrays)
    return content.getvalue()


def without_checksum(content: bytes) -> bytes:
    """The archive with another number in its features, and the checksum of those before."""
    return content.replace(X[2].tobytes(), X[2][::-1].tobytes())


def bomb() -> bytes:
    """An archive of few bytes that says of itself that it unpacks to a great many."""
    header = says((2**20, 1024), data=b"")
    said, real = len(header) + 2**32 - 2**12, len(header) + 24
    shape = header.replace(b"(1048576, 1024)", b"(1048575, 1024)")
    content = BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("file_name.npy", saved(np.array(["a"])))
        file.writestr("features.npy", shape + bytes(24))
    return content.getvalue().replace(struct.pack("<L", real), struct.pack("<L", said))


def tensors(header: object, data: bytes = bytes(24)) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def tensor(shape: list[int], *ends: int, dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": list(ends)}


def torched(value: object, **options: bool) -> bytes:
    content = BytesIO()
    torch.save(value, content, **options)
    return content.getvalue()


def table(rows: list[list[object]]) -> bytes:
    return "".join(",".join(map(str, row)) + "\n" for row in rows).encode()


def changed(row: int, column: int, value: float, dtype: str = "f4") -> np.ndarray:
    values = X.astype(dtype)
    values[row, column] = value
    return values


LINES = [[name, *row] for name, row in zip(NAMES, X.tolist(), strict=True)]
HEAD = ["file_name", "a", "b", "c"]
THINGS = np.array([[{}] * COLUMNS] * ROWS, dtype=object)
T = torch.from_numpy(X)

# The name of a file, its bytes, and what the one line must say of it.
ALONE: dict[str, tuple[bytes, str]] = {
    "pickle.npy": (saved(THINGS, allow_pickle=True), "Python objects (a pickle), which are never"),
    "truths.npy": (saved(X > 1), "of truth values"),
    "complex.npy": (saved(X.astype(complex)), "of complex numbers"),
    "text.npy": (saved(np.array(NAMES)), "of text"),
    "records.npy": (saved(np.zeros(6, "f4,f4")), "of records"),
    "cube.npy": (saved(X[None]), "two dimensions are needed"),
    "flat.npy": (saved(X[:, 0]), "two dimensions are needed"),
    "point.npy": (saved(np.float32(1)), "two dimensions are needed"),
    "no rows.npy": (saved(X[:0]), "0 rows and 3 columns"),
    "no columns.npy": (saved(X[:, :0]), "6 rows and 0 columns"),
    "long.npy": (saved(np.zeros((6, 3), np.longdouble)), "save numbers, as float16 or float32"),
    "cut.npy": (saved(X)[:-5], "it is cut short or damaged"),
    "more.npy": (saved(X) + b"0000", "it is cut short or damaged"),
    "lies.npy": (says((10**12, 768)), "has 12 bytes for it"),
    "huge lies.npy": (says((10**30, 10**30)), "has 12 bytes for it"),
    "below zero.npy": (says((-6, 3)), "-6 rows and 3 columns"),
    "code.npy": (array("__import__('os').mkdir('ran')"), "header is damaged"),
    "deep.npy": (array("(" * 900), "header is damaged"),
    "version.npy": (b"\x93NUMPY\x09\x09" + bytes(200), "header is damaged"),
    "short.npy": (b"\x93NUMPY\x01", "header is damaged"),
    "empty.npy": (b"", "is empty (0 bytes)"),
    "zip.npy": (archive(features=X), "begins as .npz or .pt or .pth does, and as no .npy"),
    "image.npy": (b"\x89PNG\r\n\x1a\n", "does not begin as a .npy file does"),
    "pickle.npz": (
        archive(features=THINGS, label=np.arange(6), file_name=NAMES),
        "'features' of Python objects",
    ),
    "pickled names.npz": (
        archive(features=X, file_name=np.array(NAMES, dtype=object)),
        "'file_name' of Python objects",
    ),
    "counts.npz": (archive(features=X, file_name=NAMES[:5]), "5 names, and 6 rows of features"),
    "twice.npz": (archive(features=X, file_name=NAMES[:5] + NAMES[:1]), "'cat/0.png' twice, in r"),
    "nameless.npz": (archive(features=X, file_name=[*NAMES[:5], " "]), "no name in row 5"),
    "surrogate.npz": (archive(features=X, file_name=[*NAMES[:5], "\udcff"]), "'\\udcff', in row 5"),
    "latin.npz": (
        archive(features=X, file_name=np.array([b"\xff"] * ROWS)),
        "'file_name' that are no text",
    ),
    "names of names.npz": (archive(features=X, file_name=[NAMES]), "'file_name' of shape (1, 6)"),
    "nan.npz": (archive(features=changed(4, 1, np.nan), file_name=NAMES), "'cat/4.png' (row 4, "),
    "infinite.npz": (archive(features=changed(2, 0, -np.inf), file_name=NAMES), "'cat/2.png'"),
    "large.npz": (archive(features=changed(2, 0, 1e39, "f8"), file_name=NAMES), "'cat/2.png'"),
    "whole.npz": (archive(features=changed(3, 0, 2**25 + 1, "i8"), file_name=NAMES), "whole num"),
    "which.npz": (archive(a=X, b=X, file_name=NAMES), "holds 'a', 'b': call it features"),
    "none.npz": (archive(file_name=NAMES), "needs an array of features, and holds none"),
    "names twice.npz": (archive(features=X, path=NAMES, image=NAMES), "in each of 'path', 'image'"),
    "damaged.npz": (without_checksum(archive(features=X, file_name=NAMES)), "Bad CRC-32"),
    "packed.npz": (
        archive(packed=True, features=X, file_name=NAMES)[:-30],
        "is a damaged archive",
    ),
    "no zip.npz": (b"PK\x03\x04" + bytes(100), "is a damaged archive"),
    "no arrays.npz": (b"PK\x05\x06" + bytes(18), "holds 0 arrays"),
    "overlap.safetensors": (
        tensors({"a": tensor([2, 2], 0, 16), "b": tensor([2, 2], 8, 24)}),
        "overlap, leave gaps or lie outside",
    ),
    "outside.safetensors": (tensors({"a": tensor([3, 3], 0, 36)}), "or lie outside of it"),
    "gap.safetensors": (tensors({"a": tensor([2, 2], 0, 16)}), "leave gaps"),
    "below.safetensors": (tensors({"a": tensor([-2, -3], 0, 24)}), "-2 rows and -3 columns"),
    "backwards.safetensors": (
        tensors({"a": tensor([2, 2], 8, 0), "b": tensor([2, 2], 0, 24)}),
        "overlap, leave gaps",
    ),
    "lies.safetensors": (tensors({"a": tensor([10**12, 768], 0, 24)}), "has 24 bytes for it"),
    "truths.safetensors": (tensors({"a": tensor([4, 6], 0, 24, dtype="BOOL")}), "of 'BOOL'"),
    "texts.safetensors": (tensors({"a": "b"}), "is no safetensors file, or is damaged"),
    "half.safetensors": (tensors({"a": tensor([2, 3], 0)}), "is no safetensors file"),
    "varies.safetensors": (
        tensors({"x/1.png": tensor([4], 0, 16), "x/2.png": tensor([2], 16, 24)}),
        "4 numbers of F32 for 'x/1.png', and 2 of F32 for 'x/2.png'",
    ),
    "other.safetensors": (b"PK\x03\x04" + bytes(100), "is no safetensors file"),
    "module.pt": (torched(torch.nn.Linear(3, 3)), "a pickle that holds more than tensors"),
    "array.pt": (torched({"features": X, "paths": NAMES}), "holds more than tensors"),
    "expanded.pt": (torched(T[:1].expand(10**6, 3)), "not all there"),
    "sparse.pt": (torched(T.to_sparse()), "not all there"),
    "truths.pt": (torched(T > 1), "of torch.bool"),
    "cube.pt": (torched(T[None]), "two dimensions are needed"),
    "varies.pt": (torched({"a.png": T[0], "b.png": T[0, :2]}), "and 2 of torch.float32 for"),
    "numbers.pt": (torched({"lr": 0.1}), "'lr', and no tensor"),
    "keys.pt": (torched({1: T}), "keys that are no text, such as 1"),
    "number.pt": (torched(7), "holds a int"),
    "two.pt": (torched([T, T]), "needs an array of features, and holds '0', '1'"),
    "cut.pt": (torched(T)[:-40], "is no file of torch.save, or is damaged"),
    "old pickle.pth": (pickle.dumps({"a": [1]}), "more than tensors"),
    "varies.csv": (table([HEAD, *LINES[:3], LINES[3][:3]]), "line 5: has 3 cells, and the first"),
    "text.csv": (table([HEAD, *LINES[:2], ["x.png", 1, "two", 3]]), "line 4: column 'b' holds 'tw"),
    "gap.csv": (table([HEAD, *LINES[:2], ["x.png", 1, "", 3]]), "column 'b' holds nothing"),
    "nan.csv": (table([HEAD, *LINES[:2], ["x.png", 1, "nan", 3]]), "'x.png' (row 2"),
    "large.csv": (table([HEAD, *LINES[:2], ["x.png", 1, "1e60", 3]]), "'x.png' (row 2"),
    "no path.csv": (table([["a", "b"], [1, 2]]), "needs one column with the path of each image"),
    "only paths.csv": (table([["file_name", "label"],  *([n, n] for n in NAMES)]), "no column of"),
    "header.csv": (table([HEAD]), "no line below its header"),
    "list.csv": (b'file_name,embedding\na.png,"[1, 2]"\n', "write one column for each dimension"),
    "zip.csv": (archive(features=X), "ZIP archive"),
    "twice.csv": (table([HEAD, *LINES, LINES[0]]), "twice, in rows 0 and 6"),
    "ending.txt": (b"", "needs an ending that says what it is: .npz, .npy"),
}  # fmt: skip


def refused(path: Path, names: Path | None = None) -> str:
    """The line that is said of a file, and that its matrices cannot be had."""
    before = sorted(path.parent.iterdir())
    with pytest.raises(FeatureFileError) as caught:
        for matrix in read_feature_file(path, names).layers.values():
            assert matrix
    message = str(caught.value)
    assert str(path) in message or str(names) in message
    assert "\n" not in message and len(message) < 400
    assert sorted(path.parent.iterdir()) == before
    return message


@pytest.mark.parametrize("name", ALONE)
def test_a_file_is_refused_in_a_line(tmp_path, name):
    content, told = ALONE[name]
    (tmp_path / name).write_bytes(content)
    names = tmp_path / "names.txt"
    names.write_text("\n".join(NAMES))
    wants_names = name.endswith((".npy", "truths.pt"))
    assert told in refused(tmp_path / name, names if wants_names else None)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.pt", "a.pth"])
@pytest.mark.parametrize("protocol", [0, 2, 5])
def test_no_pickle_is_run(tmp_path, name, protocol):
    trap = tmp_path / "ran"
    content = BytesIO()
    thing = np.array([[Bomb(trap)]], dtype=object)
    if name == "a.npy":
        np.save(content, thing, allow_pickle=True)
    elif name == "a.npz":
        np.savez(content, features=thing, file_name=["a"])
    elif name == "a.pt":
        torch.save({"features": Bomb(trap)}, content, pickle_protocol=max(2, protocol))
    else:
        pickle.dump({"features": Bomb(trap)}, content, protocol=protocol)
    (tmp_path / name).write_bytes(content.getvalue())
    refused(tmp_path / name)
    assert not trap.exists()


def test_a_bomb_is_not_unpacked(tmp_path):
    (tmp_path / "a.npz").write_bytes(content := bomb())
    assert len(content) * MOST_UNPACKED < UNSUSPICIOUS
    assert "unpack to" in refused(tmp_path / "a.npz")


def fifo(path: Path) -> None:
    os.mkfifo(path)


PLACES: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda path: None, "does not exist: check the name"),
    "a folder": (Path.mkdir, "is a folder, and a file was needed"),
    "a pipe": (fifo, "is no regular file"),
    "a broken link": (lambda path: path.symlink_to("nowhere"), "is no regular file"),
    "a device": (lambda path: path.symlink_to("/dev/zero"), "is no regular file"),
}


@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_file_is_refused_without_waiting(tmp_path, place):
    make, told = PLACES[place]
    make(tmp_path / "a.npy")
    assert told in refused(tmp_path / "a.npy")
    (tmp_path / "b.npy").write_bytes(saved(X))
    (tmp_path / "a.npy").rename(tmp_path / "n") if place != "nothing" else None
    assert told in refused(tmp_path / "b.npy", tmp_path / "n")


NAME_FILES: dict[str, tuple[bytes, str]] = {
    "few.txt": ("\n".join(NAMES[:5]).encode(), "5 names, and 6 rows"),
    "many.txt": ("\n".join([*NAMES, "a.png"]).encode(), "7 names, and 6 rows"),
    "twice.txt": ("\n".join(NAMES[:5] + NAMES[:1]).encode(), "'cat/0.png' twice"),
    "gap.txt": ("\n".join([NAMES[0], "", *NAMES[2:]]).encode(), "no name in row 1"),
    "mixed.txt": ("\n".join(NAMES).encode() + "ä".encode() + b"\xff", "partly in UTF-8"),
    "zeros.txt": (bytes(40), "is no text"),
    "zip.txt": (archive(a=X), "ZIP archive"),
    "numbers.json": (b"[1, 2, 3, 4, 5, 6]", "a JSON list of other things"),
    "object.json": (b'{"a": 1}', "needs one column with the path"),
    "nested.json": (b"[" * 10**5, "nest too deeply"),
    "table.csv": (b"a,b\n1,2\n", "needs one column with the path"),
    "pickle.npy": (saved(np.array(NAMES, dtype=object), allow_pickle=True), "Python objects"),
    "long.npy": (says((6,), "<U100000000"), "for it"),
}


@pytest.mark.parametrize("name", NAME_FILES)
def test_a_file_of_names_is_refused_in_a_line(tmp_path, name):
    content, told = NAME_FILES[name]
    (tmp_path / name).write_bytes(content)
    (tmp_path / "a.npy").write_bytes(saved(X))
    assert told in refused(tmp_path / "a.npy", tmp_path / name)


def test_names_are_said_once(tmp_path):
    (tmp_path / "a.npz").write_bytes(archive(features=X, file_name=NAMES))
    (tmp_path / "names.txt").write_text("\n".join(NAMES))
    assert "leave --names away" in refused(tmp_path / "a.npz", tmp_path / "names.txt")
    (tmp_path / "b.npy").write_bytes(saved(X))
    assert "--names" in refused(tmp_path / "b.npy")


def test_pyarrow_is_asked_for_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    (tmp_path / "a.parquet").write_bytes(b"PAR1" + bytes(20))
    assert "pip install 'rebalance[parquet]'" in refused(tmp_path / "a.parquet")
