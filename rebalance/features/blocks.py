"""Blocks of features on disk, and the place of each image in them.

A block is two files, ``<name>.npy`` (float16 [n, D]) and ``<name>.keys.npy`` (n digests); it never
changes once it is there, so its name can say what both files add up to. CRC-32 finds what disks and
transfers do, at three gigabytes a second. Imports numpy and nothing heavier.
"""

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from io import BytesIO
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import IO, Any, NamedTuple, overload
from uuid import uuid4
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError
from rebalance.reading import check_regular, read_whole

KEY = np.dtype("V16")
HALF = np.dtype(np.float16)
FEATURES, KEYS = ".npy", ".keys.npy"
_SORTABLE = np.dtype("S16")  # the same bytes, as numpy can sort and find them

# Mapped at a time, in the whole process: each takes a file descriptor, and systems give a process
# as few as 256.
MAPPED = 128

SMALLEST = 256  # images of a block, at first
SHARE = 64  # later, one part in so many of what was kept before
LARGEST = 2**25  # bytes of a block
PART = 2**20  # bytes of a file that are looked at at a time


def block_size(kept: int, columns: int) -> int:
    """Choose how many images the next block of a run holds, which is what it may lose if killed.

    Blocks grow with the images that the run has kept, so that there are thousands of files and
    never millions, and stay below 32 MiB (columns: of the widest layer) where that is more than 256
    images.
    """
    return max(SMALLEST, min(kept // SHARE, LARGEST // (2 * max(1, columns))))


class Places(Mapping[bytes, tuple[int, int]]):
    """The block and the row of every image, by digest; 24 bytes for each.

    Of images that are in several blocks, or repeatedly in one, the first place counts.
    """

    def __init__(
        self, keys: NDArray[np.void], blocks: NDArray[np.int32], rows: NDArray[np.int32]
    ) -> None:
        digests = keys.view(_SORTABLE)
        order = np.argsort(digests, kind="stable")
        digests = digests[order]
        first = np.ones(len(digests), bool)
        first[1:] = digests[1:] != digests[:-1]
        self._keys, order = digests[first], order[first]
        self._blocks, self._rows = blocks[order], rows[order]

    @classmethod
    def nowhere(cls) -> "Places":
        """Make a table that knows no image."""
        return cls(np.empty(0, KEY), np.empty(0, np.int32), np.empty(0, np.int32))

    def with_blocks(self, keys: Sequence[NDArray[np.void]], number: int) -> "Places":
        """Return a table with more blocks: the digests of each, numbered from ``number``."""
        sizes = [len(each) for each in keys]
        numbers = np.arange(number, number + len(keys), dtype=np.int32)
        rows = [np.arange(size, dtype=np.int32) for size in sizes]
        return Places(
            np.concatenate([self._keys.view(KEY), *keys]),
            np.concatenate([self._blocks, np.repeat(numbers, sizes)]),
            np.concatenate([self._rows, *rows]),
        )

    def find(self, keys: Sequence[bytes]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Find the block and row of each of ``keys``; -1 and -1 for one that has no place."""
        wanted = np.frombuffer(b"".join(keys), _SORTABLE)
        if not len(self._keys):
            return np.full(len(wanted), -1), np.full(len(wanted), -1)
        order = np.argsort(wanted)  # in memory, what is looked up next then lies near
        at = np.empty(len(wanted), np.intp)
        at[order] = np.searchsorted(self._keys, wanted[order])
        at[at == len(self._keys)] = 0
        there = self._keys[at] == wanted
        return np.where(there, self._blocks[at], -1), np.where(there, self._rows[at], -1)

    def has(self, keys: Sequence[bytes]) -> NDArray[np.bool_]:
        """Tell for each of ``keys`` whether it has a place."""
        return self.find(keys)[0] >= 0

    def __getitem__(self, key: bytes) -> tuple[int, int]:
        (block,), (row,) = self.find([key])
        if block < 0:
            raise KeyError(key)
        return int(block), int(row)

    def __iter__(self) -> Iterator[bytes]:
        return (key.tobytes() for key in self._keys.view(KEY))

    def __len__(self) -> int:
        return len(self._keys)


class BlockFile(NamedTuple):
    """A file of features, float16 [rows, columns], which begin ``offset`` bytes into it."""

    path: Path
    rows: int
    columns: int
    offset: int


class MappedBlocks(Sequence[NDArray[np.float16]]):
    """Feature matrices [n, D], each mapped into memory when it is asked for."""

    def __init__(self, files: Sequence[BlockFile] = ()) -> None:
        self.files = tuple(files)

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, number: int) -> NDArray[np.float16]: ...
    @overload
    def __getitem__(self, number: slice) -> "MappedBlocks": ...
    def __getitem__(self, number: int | slice) -> "NDArray[np.float16] | MappedBlocks":
        if isinstance(number, slice):
            return MappedBlocks(self.files[number])
        try:
            return _mapped(self.files[number])
        except (OSError, ValueError) as error:
            raise FeatureError(
                f"features that were in the cache are gone ({str(self.files[number].path)!r}): let "
                "nobody clear it during a run, and run the command again"
            ) from error


@lru_cache(MAPPED)
def _mapped(block: BlockFile) -> NDArray[np.float16]:
    # np.load would read the header again each time, and takes ten times as long.
    with block.path.open("rb") as file:
        content = mmap(file.fileno(), 0, access=ACCESS_READ)
    count = block.rows * block.columns
    values = np.frombuffer(content, np.float16, count, block.offset)
    return values.reshape(block.rows, block.columns)


def block_name(features: bytes, keys: bytes) -> str:
    """Make a name for a block, of its own, with the checksum of its two files in it."""
    return f"{uuid4().hex}-{crc32(keys, crc32(features)):08x}"


def read_block(keys: Path) -> tuple[BlockFile, NDArray[np.void]] | None:
    """Open a block by the file of its digests, and hold it to the checksum in its name.

    None for a block that is damaged. A block of an early version has no checksum; it is taken as it
    is if its numbers are finite, for to extract it anew may take hours. Raises OSError for one that
    cannot be read.
    """
    name = keys.name.removesuffix(KEYS)
    path = keys.with_name(name + FEATURES)
    known = name.partition("-")[2]
    try:
        check_regular(path)
        digests = read_whole(keys)
        if known and known != f"{crc32(digests, _checksum(path)):08x}":
            return None
        found, file = _digests(digests), _block_file(path)
    except ValueError:
        return None
    if len(found) != file.rows or not (known or np.isfinite(_mapped(file)).all()):
        return None
    return file, found


def _block_file(path: Path) -> BlockFile:
    """Read what a file says it holds. Raises ValueError where it is no whole float16 matrix."""
    with path.open("rb") as file:
        (rows, columns), offset = _header(file, HALF, 2)
        size = os.fstat(file.fileno()).st_size
    if size != offset + HALF.itemsize * rows * columns:
        raise ValueError("it is cut short")
    return BlockFile(path, rows, columns, offset)


def _digests(content: bytes) -> NDArray[np.void]:
    """Read the digests in a file's content. Raises ValueError where it is no whole list of them."""
    (count,), offset = _header(BytesIO(content), KEY, 1)
    if len(content) != offset + KEY.itemsize * count:
        raise ValueError("it is cut short")
    return np.frombuffer(content, KEY, count, offset)


def _header(file: IO[bytes], dtype: np.dtype[Any], dimensions: int) -> tuple[tuple[int, ...], int]:
    """Read the header of a .npy file: the shape, and where the numbers begin."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what a flipped bit makes of the header's text
            np.lib.format.read_magic(file)
            shape, transposed, found = np.lib.format.read_array_header_1_0(file)
    except Exception as error:  # numpy takes the header for Python, and raises nearly anything
        raise ValueError("its header is damaged") from error
    if len(shape) != dimensions or transposed or found != dtype or min(shape) < 0:
        raise ValueError("it holds something else")
    return shape, file.tell()


def _checksum(path: Path) -> int:
    """Compute the checksum of a file, never more than a part of it in memory."""
    checksum = 0
    with path.open("rb") as file:
        while part := file.read(PART):
            checksum = crc32(part, checksum)
    return checksum
