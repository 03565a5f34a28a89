"""Archives of arrays: as ``extract`` writes them, or as ``numpy.savez`` does of features and names.

Arrays that are stored as they are stay in the archive and are mapped; what is compressed is
unpacked into memory. Imports numpy and nothing heavier.
"""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import shortened
from rebalance.features.files.choosing import choose_layers, find_names
from rebalance.features.files.feature_file import Content
from rebalance.features.files.matrices import InArray, RawMatrix
from rebalance.features.files.memory import check_room
from rebalance.features.files.npy import Header, check_matrix, on_disk, read_header, read_strings
from rebalance.features.files.steady import SteadyFile

ENDING = ".npy"
HEADER = 2**16  # bytes of an array by which its header is read
PART = 2**22  # bytes that are unpacked at a time
MOST = 1000  # arrays of an archive
DAMAGED = (  # what zipfile raises for archives that are no good
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    struct.error,
)
_LOCAL = 30  # bytes before the name of an entry, where it begins
_ENCRYPTED = 1


class ArchivedArray(NamedTuple):
    """An array in an archive."""

    entry: zipfile.ZipInfo
    header: Header
    what: str  # in a message


def read_npz(file: SteadyFile) -> Content:
    """Find the matrices and the names in an archive."""
    with _reading(file), file.opened() as content, zipfile.ZipFile(content) as archive:
        members = _members(file, archive)
        kinds = {name: member.header.dtype.kind for name, member in members.items()}
        # Objects may be meant to be either, and are refused where they are chosen.
        text = [name for name, kind in kinds.items() if kind in "USO"]
        shapes = {name: members[name].header.shape for name in kinds if kinds[name] not in "US"}
        layers = choose_layers(file, shapes, ours="about" in members)
        return Content(
            {layer: _numbers(file, archive, members[name]) for layer, name in layers.items()},
            _names(file, archive, members, text),
        )


def _members(file: SteadyFile, archive: zipfile.ZipFile) -> dict[str, ArchivedArray]:
    entries = [entry for entry in archive.infolist() if entry.filename.endswith(ENDING)]
    if not 0 < len(entries) <= MOST:
        raise file.fault(f"holds {len(entries)} arrays", "save it with numpy.savez")
    members = {}
    for entry in entries:
        name = entry.filename.removesuffix(ENDING)
        if entry.flag_bits & _ENCRYPTED:
            raise file.fault("is encrypted", "save it without a password")
        if name in members:
            raise file.fault(f"holds two arrays called {name!r}", "save it again")
        what = f"an array {name!r}"
        with archive.open(entry) as stream:
            # Apart from reading the header, in which damage to the archive would be taken for its.
            beginning = BytesIO(stream.read(HEADER))
        members[name] = ArchivedArray(entry, read_header(file, beginning, what), what)
    return members


def _names(
    file: SteadyFile, archive: zipfile.ZipFile, members: dict[str, ArchivedArray], text: list[str]
) -> list[str] | None:
    key = find_names(file, text)
    if key is None:
        return None
    entry, _, what = members[key]
    check_room(file, entry.file_size, None if _is_stored(entry) else entry.compress_size)
    with archive.open(entry) as stream:
        return read_strings(file, stream, what, entry.file_size)


def _numbers(file: SteadyFile, archive: zipfile.ZipFile, member: ArchivedArray) -> RawMatrix:
    entry, header, what = member
    if not _is_stored(entry):
        check_matrix(file, header, what, entry.file_size)
        check_room(file, entry.file_size, entry.compress_size)
        return InArray(_unpacked(archive, member))
    start = _start(file, entry)
    numbers = on_disk(file, header, what, start, entry.file_size)
    with archive.open(entry) as stream:
        while stream.read(PART):  # which raises where the checksum is another
            pass
    return numbers


def _unpacked(archive: zipfile.ZipFile, member: ArchivedArray) -> NDArray[Any]:
    entry, header, _ = member
    values = np.empty(header.shape, header.dtype, order="F" if header.transposed else "C")
    space = values.reshape(-1, order="A").view(np.uint8)
    with archive.open(entry) as stream:
        stream.seek(header.length)
        done = 0
        while part := stream.read(PART):
            space[done : done + len(part)] = np.frombuffer(part, np.uint8)
            done += len(part)
    return values


def _start(file: SteadyFile, entry: zipfile.ZipInfo) -> int:
    """Find where the content of an entry begins that is stored as it is."""
    with file.opened() as content:
        content.seek(entry.header_offset)
        local = content.read(_LOCAL)
    start = entry.header_offset + _LOCAL
    start += int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little")
    if start + entry.file_size > file.size:
        raise zipfile.BadZipFile("an array lies beyond its end")
    return start


def _is_stored(entry: zipfile.ZipInfo) -> bool:
    return entry.compress_type == zipfile.ZIP_STORED


@contextmanager
def _reading(file: SteadyFile) -> Iterator[None]:
    """Let what zipfile finds wrong be an error that names the file."""
    try:
        yield
    except MemoryError as error:
        raise file.fault("does not fit into memory", "save it as .npy") from error
    except DAMAGED as error:
        raise file.fault(
            f"is a damaged archive ({shortened(str(error))})", "save it again"
        ) from error
