"""Files of safetensors: a matrix and its names, or a vector for each image under the image's path.

The tensors stay in the file and are mapped. Imports numpy and nothing heavier. The format:
https://huggingface.co/docs/safetensors.
"""

from collections.abc import Mapping
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

import numpy as np

from rebalance.errors import shown
from rebalance.features.files.choosing import are_by_name, choose_layers, find_names
from rebalance.features.files.feature_file import Content
from rebalance.features.files.matrices import OnDisk
from rebalance.features.files.npy import check_shape
from rebalance.features.files.steady import SteadyFile
from rebalance.models.headers import LENGTH_BYTES, read_header
from rebalance.reading import parse_json
from rebalance.records.shape import misfit

TYPES = {
    "F16": "<f2", "F32": "<f4", "F64": "<f8", "I8": "<i1", "U8": "<u1", "I16": "<i2", "U16": "<u2",
    "I32": "<i4", "U32": "<u4", "I64": "<i8", "U64": "<u8",
}  # fmt: skip
BRAIN = "BF16"
DAMAGED = "is no safetensors file, or is damaged"


class Tensor(NamedTuple):
    """A tensor in the file: its type, its shape, and from where to where it lies."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


def read_safetensors(file: SteadyFile) -> Content:
    """Find the matrices of a file, and their names if it has any."""
    header = read_header(file.path)
    if header is None:
        raise file.fault(DAMAGED, "save it again")
    texts = _texts(header.pop("__metadata__", None))
    tensors = _tensors(file, header)
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    if tensors and are_by_name(shapes):
        return _by_name(file, tensors)
    key = find_names(file, list(texts))
    layers = choose_layers(file, shapes)
    return Content(
        {layer: _numbers(file, name, tensors[name]) for layer, name in layers.items()},
        None if key is None else texts[key],
    )


def _tensors(file: SteadyFile, header: Mapping[str, Any]) -> dict[str, Tensor]:
    """Read where each tensor lies; they follow each other, and fill the file."""
    before = LENGTH_BYTES + int.from_bytes(file.beginning(LENGTH_BYTES), "little")
    found = {}
    for name, said in header.items():
        if not isinstance(said, dict):
            raise file.fault(DAMAGED, "save it again")
        shape: list[int] = said.get("shape", 0)
        ends: list[int] = said.get("data_offsets", 0)
        if misfit(shape, list[int]) or misfit(ends, list[int]) or len(ends) != 2:
            raise file.fault(DAMAGED, "save it again")
        found[name] = Tensor(
            str(said.get("dtype")), tuple(shape), before + ends[0], before + ends[1]
        )
    places = sorted((tensor.start, tensor.end) for tensor in found.values())
    bounds = [(before, before), *places, (file.size, file.size)]
    if any(first[1] != second[0] for first, second in pairwise(bounds)):
        raise file.fault(
            "has tensors that overlap, leave gaps or lie outside of it", "save it again"
        )
    return found


def _numbers(file: SteadyFile, name: str, tensor: Tensor, rows: int | None = None) -> OnDisk:
    """Return the numbers of a tensor; ``rows``: of so many that follow it and are like it."""
    what = f"a tensor {shown(name)}"
    shape = tensor.shape if rows is None else (rows, tensor.shape[-1])
    if tensor.dtype not in TYPES and tensor.dtype != BRAIN:
        raise file.fault(
            f"holds {what} of {shown(tensor.dtype)}", "save numbers, as float16 or float32"
        )
    check_shape(file, what, shape)
    dtype = np.dtype(TYPES.get(tensor.dtype, "<u2"))
    if prod(tensor.shape) * dtype.itemsize != tensor.end - tensor.start:
        raise file.fault(
            f"says that {what} is {shown(tensor.shape)} of {tensor.dtype}, and has "
            f"{tensor.end - tensor.start} bytes for it",
            "save it again",
        )
    return OnDisk(file, dtype, (shape[0], shape[1]), tensor.start, brain=tensor.dtype == BRAIN)


def _by_name(file: SteadyFile, tensors: Mapping[str, Tensor]) -> Content:
    """Take vectors under the names of their images as a matrix, in their order in the file."""
    names = sorted(tensors, key=lambda name: tensors[name].start)
    first = tensors[names[0]]
    for name in names:
        each = tensors[name]
        if each.shape[-1] != first.shape[-1] or each.dtype != first.dtype:
            raise file.fault(
                f"holds {first.shape[-1]} numbers of {first.dtype} for {shown(names[0])}, and "
                f"{each.shape[-1]} of {each.dtype} for {shown(name)}",
                "save vectors of one length and type",
            )
    return Content({"pool": _numbers(file, names[0], first, len(names))}, names)


def _texts(metadata: Any) -> dict[str, list[str]]:
    """Return what the metadata holds as JSON lists of texts."""
    found = {}
    for key, value in (metadata if isinstance(metadata, dict) else {}).items():
        try:
            texts = parse_json(value) if isinstance(value, str) and value[:1] == "[" else None
        except ValueError:
            continue
        if texts and misfit(texts, list[str]) is None:
            found[key] = texts
    return found
