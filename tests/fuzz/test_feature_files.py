"""Files of features whose bytes were mutated are read, or refused in a line: never anything else.

A fixed seed and about a second; longer by REBALANCE_FUZZ_SECONDS.
"""

import json
import os
import random
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from rebalance.errors import FeatureFileError
from rebalance.features.files import read_feature_file

NAMES = [f"a/{number}.png" for number in range(12)]
X = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
T = {"features": torch.from_numpy(X), "paths": NAMES}


def write_table(path: Path) -> None:
    rows = [
        f"{name},{','.join(map(str, row))}" for name, row in zip(NAMES, X.tolist(), strict=True)
    ]
    path.write_text("\n".join(["path,a,b,c,d", *rows]))


def write_parquet(path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    pq.write_table(pa.table({"path": NAMES, "v": pa.array(X.tolist())}), path)


WRITERS = {
    "a.npy": lambda path: np.save(path, X),
    "a.npz": lambda path: np.savez(path, features=X, file_name=NAMES),
    "b.npz": lambda path: np.savez_compressed(path, features=X, file_name=NAMES),
    "a.csv": write_table,
    "a.safetensors": lambda path: save_file({"x": X}, path, {"paths": json.dumps(NAMES)}),
    "a.pt": lambda path: torch.save(T, path),
    "a.pth": lambda path: torch.save(T, path, _use_new_zipfile_serialization=False),
    "a.parquet": write_parquet,
}
SECONDS = float(os.environ.get("REBALANCE_FUZZ_SECONDS", "1")) / len(WRITERS)


def mutated(content: bytes, rng: random.Random) -> bytes:
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = rng.randrange(max(1, len(found)))
        change = rng.randrange(6)
        if change < 3:
            found[place : place + 1] = rng.randbytes(1)
        elif change == 3:
            del found[place : place + rng.randrange(1, 20)]
        elif change == 4:
            found[place:place] = rng.randbytes(rng.randrange(1, 9))
        else:
            del found[place:]
    return bytes(found)


@pytest.mark.parametrize("name", WRITERS)
def test_mutated_files_are_read_or_refused_in_a_line(tmp_path, name):
    WRITERS[name](tmp_path / name)
    (tmp_path / "names.txt").write_text("\n".join(NAMES))
    content, rng = (tmp_path / name).read_bytes(), random.Random(name)
    names = tmp_path / "names.txt" if name == "a.npy" else None
    refused, until = 0, time.perf_counter() + SECONDS
    while time.perf_counter() < until or not refused:
        (tmp_path / name).write_bytes(mutated(content, rng))
        try:
            for matrix in read_feature_file(tmp_path / name, names).layers.values():
                assert np.isfinite(matrix.read(slice(None), slice(None))).all()
        except FeatureFileError as error:
            refused += 1
            assert "\n" not in str(error) and len(str(error)) < 500
