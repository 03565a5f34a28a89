"""Arrays as ``numpy.save`` writes them: a header, and the numbers as they are in memory.

Imports numpy and nothing heavier. The format: numpy/lib/format.py (NEP 1).
"""

import warnings
from collections.abc import Sequence
from math import prod
from typing import IO, Any, NamedTuple

import numpy as np

from rebalance.errors import shown
from rebalance.features.files.feature_file import Content
from rebalance.features.files.matrices import OnDisk
from rebalance.features.files.steady import SteadyFile

LONGEST_NAME = 2**15  # characters, far beyond what a system lets a path have
PART = 2**22  # bytes of names that are read at a time

_KINDS = {
    "O": "Python objects (a pickle), which are never opened",
    "b": "truth values",
    "c": "complex numbers",
    "U": "text",
    "S": "text",
    "V": "records",
    "M": "times",
    "m": "times",
}


class Header(NamedTuple):
    """What an array says of itself, and how many bytes that takes."""

    shape: tuple[int, ...]
    transposed: bool
    dtype: np.dtype[Any]
    length: int


def read_npy(file: SteadyFile) -> Content:
    """Find the one matrix of a .npy file, which has no names."""
    with file.opened() as stream:
        header = read_header(file, stream, "an array")
    return Content({"pool": on_disk(file, header, "an array", 0, file.size)})


def on_disk(file: SteadyFile, header: Header, what: str, start: int, size: int) -> OnDisk:
    """Return the matrix of an array that takes ``size`` bytes of a file, from ``start`` on.

    what: names the array in a message, here and below.
    """
    check_matrix(file, header, what, size)
    rows, columns = header.shape
    return OnDisk(file, header.dtype, (rows, columns), start + header.length, header.transposed)


def read_header(file: SteadyFile, stream: IO[bytes], what: str) -> Header:
    """Read the header at the start of a stream; FeatureFileError for what is no array."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a flipped bit makes of the header's text
            version = np.lib.format.read_magic(stream)
            if version == (1, 0):
                found = np.lib.format.read_array_header_1_0(stream)
            else:
                found = np.lib.format.read_array_header_2_0(stream)
        return Header(*found, stream.tell())
    except OSError:
        raise
    except Exception as error:  # numpy takes the header for Python, and raises nearly anything
        raise file.fault(f"holds {what} whose header is damaged", "save it again") from error


def check_matrix(file: SteadyFile, header: Header, what: str, size: int) -> None:
    """Raise FeatureFileError unless an array is a matrix of features, all of it there."""
    if header.dtype.kind not in "fiu" or header.dtype.itemsize > 8:
        found = _kind(header.dtype)
        raise file.fault(f"holds {what} of {found}", "save numbers, as float16 or float32")
    check_shape(file, what, header.shape)
    _check_size(file, header, what, size)


def check_shape(file: SteadyFile, what: str, shape: Sequence[int]) -> None:
    """Raise FeatureFileError unless there is a row for each image, and a column."""
    if len(shape) != 2:
        raise file.fault(
            f"holds {what} of shape {shown(tuple(shape))}, and two dimensions are needed",
            "save one vector for each image, [images, columns]",
        )
    if min(shape) < 1:
        raise file.fault(
            f"holds {what} of {shape[0]} rows and {shape[1]} columns, and at least one is needed",
            "save one vector for each image, [images, columns]",
        )


def read_strings(file: SteadyFile, stream: IO[bytes], what: str, size: int) -> list[str]:
    """Read an array [N] of texts that takes ``size`` bytes, some at a time; bytes are UTF-8."""
    header = read_header(file, stream, what)
    if header.dtype.kind not in "US":
        raise file.fault(f"holds {what} of {_kind(header.dtype)}", "save names with dtype=str")
    if len(header.shape) != 1:
        raise file.fault(f"holds {what} of shape {shown(header.shape)}", "save one for each image")
    _check_size(file, header, what, size)
    if header.dtype.itemsize > 4 * LONGEST_NAME:
        raise file.fault(f"holds {what} of more than {LONGEST_NAME} characters", "save paths")
    try:
        return _strings(stream, header)
    except ValueError as error:
        raise file.fault(f"holds {what} that are no text ({error})", "save them in UTF-8") from None


def _strings(stream: IO[bytes], header: Header) -> list[str]:
    size, (left,) = header.dtype.itemsize, header.shape
    found: list[str] = []
    while left and size:
        count = min(left, max(1, PART // size))
        texts = np.frombuffer(stream.read(count * size), header.dtype, count).tolist()
        found += [text.decode() if isinstance(text, bytes) else text for text in texts]
        left -= count
    return found + [""] * left


def _check_size(file: SteadyFile, header: Header, what: str, size: int) -> None:
    needed = prod(header.shape) * header.dtype.itemsize
    if min(header.shape, default=0) < 0 or header.length + needed != size:
        raise file.fault(
            f"says that {what} is {shown(header.shape)} of {header.dtype}, and has "
            f"{size - header.length} bytes for it",
            "it is cut short or damaged, save it again",
        )


def _kind(dtype: np.dtype[Any]) -> str:
    """Say what an array is of, where it is not of what was needed."""
    return _KINDS.get(dtype.kind, str(dtype))
