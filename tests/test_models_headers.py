import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from rebalance.models.headers import is_ours, read_header, saved_metadata


def write(path: Path, metadata: dict[str, str] | None) -> Path:
    save_file({"weight": torch.arange(6.0).view(2, 3)}, path, metadata)
    return path


def test_the_header_is_the_one_safetensors_reads(tmp_path: Path) -> None:
    path = write(tmp_path / "a.safetensors", {"rebalance": json.dumps({"arch": "ä"})})
    header = read_header(path)
    assert header is not None
    with safe_open(path, "pt") as reference:
        assert header["__metadata__"] == reference.metadata()
        assert header["weight"]["shape"] == reference.get_slice("weight").get_shape()


def test_ours_is_told_by_its_metadata(tmp_path: Path) -> None:
    ours = write(tmp_path / "ours", {"rebalance": json.dumps({"arch": "resnet18"})})
    assert is_ours(ours)
    assert saved_metadata(ours) == {"arch": "resnet18"}
    for name, metadata in {
        "none": None,
        "theirs": {"format": "pt"},
        "text": {"rebalance": "yes"},
        "list": {"rebalance": "[1]"},
    }.items():
        assert not is_ours(write(tmp_path / name, metadata)), name


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        b"\xff" * 8 + b"{}",
        (10**9).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (2).to_bytes(8, "little") + b"\xff\xff",
        (10**5).to_bytes(8, "little") + b"[" * 10**5,
        (20).to_bytes(8, "little") + b'{"__metadata__":[1]}',
        b"PK\x03\x04 and the rest of a zip archive",
    ],
)
def test_other_files_have_no_header_of_ours(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert not is_ours(path)


def test_what_is_no_file_has_no_header(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert not is_ours(tmp_path / "pipe")
    assert not is_ours(tmp_path / "missing")
    assert not is_ours(tmp_path)
