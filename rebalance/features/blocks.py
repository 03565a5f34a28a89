"""Blocks of features on disk, and the place of each image in them.

A block is two files, ``<name>.npy`` (float16 [n, D]) and ``<name>.keys.npy`` (n digests); it never
changes once it is there. Imports numpy and nothing heavier.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError

KEY = np.dtype("V16")
FEATURES, KEYS = ".npy", ".keys.npy"
_SORTABLE = np.dtype("S16")  # the same bytes, as numpy can sort and find them

# Mapped at a time, in the whole process: each takes a file descriptor, and systems give a process
# as few as 256.
MAPPED = 128

SMALLEST = 256  # images of a block, at first
SHARE = 64  # later, one part in so many of what was kept before
LARGEST = 2**25  # bytes of a block


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


def read_block(keys: Path, width: int | None) -> tuple[BlockFile, NDArray[np.void]] | None:
    """Open a block and its digests; None where it is damaged or not ``width`` columns wide."""
    path = keys.with_name(keys.name.removesuffix(KEYS) + FEATURES)
    try:
        found = np.load(keys)
        if found.dtype != KEY or found.ndim != 1:
            return None
        block = _whole_block(path)
    except (OSError, ValueError, EOFError):
        return None  # cleared or cut short by somebody else: its images count as missing
    if block is None or (block.rows, block.columns) != (len(found), width):
        return None
    return block, found


def _whole_block(path: Path) -> BlockFile | None:
    """Read what a file says it holds; None where it is no whole float16 matrix."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, transposed, dtype = np.lib.format.read_array_header_1_0(file)
        offset, size = file.tell(), os.fstat(file.fileno()).st_size
    if len(shape) != 2 or transposed or dtype != np.float16:
        return None
    whole = size == offset + dtype.itemsize * shape[0] * shape[1]
    return BlockFile(path, *shape, offset) if whole else None
