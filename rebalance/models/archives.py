"""Zip archives as ``torch.save`` writes them, looked through before torch reads them.

torch itself unpacks what is compressed, whatever that comes to, and passes over checksums. Imports
the standard library and ``rebalance.reading``.
"""

import zipfile
from pathlib import Path

from rebalance.reading import check_regular

PART = 2**20  # bytes that are looked at at a time
_START = b"PK\x03\x04"
_MAKER = b"bytearray"


def check_archive(path: Path) -> None:
    """Raise ValueError for a zip that is damaged, and for what would take more room than it has.

    Files that are no zips, as torch once wrote them, are looked through too. Raises OSError where
    it cannot be read.
    """
    check_regular(path)
    _check_makers(path)
    with path.open("rb") as file:
        if file.read(len(_START)) != _START and not zipfile.is_zipfile(path):
            return
    try:
        with zipfile.ZipFile(path) as archive:
            _check_sizes(archive, path.stat().st_size)
            _check_contents(archive)
    except (OSError, ValueError):
        raise
    except Exception as error:  # zipfile raises nearly anything on a damaged archive
        raise ValueError(str(error) or type(error).__name__) from error


def names_in(path: Path) -> list[str]:
    """List the files in an archive; none where ``path`` is no zip, or a damaged one."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except Exception:  # as above
        return []


def _check_makers(path: Path) -> None:
    """Refuse a pickle that makes bytes of any number, the only such thing that torch lets pass."""
    end = b""
    with path.open("rb") as file:
        while part := file.read(PART):
            if _MAKER in end + part:
                raise ValueError("it makes bytes of its own, and weights are tensors alone")
            end = part[-len(_MAKER) :]


def _check_sizes(archive: zipfile.ZipFile, size: int) -> None:
    """Compare what the archive says of itself with what is there; nothing is unpacked."""
    entries = archive.infolist()
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise ValueError("it is compressed, and torch.save compresses nothing")
    if sum(entry.file_size for entry in entries) > size:
        raise ValueError("it says that it holds more than its own size")


def _check_contents(archive: zipfile.ZipFile) -> None:
    """Read every file once, which raises where its checksum is another."""
    for entry in archive.infolist():
        if entry.CRC:  # torch can be told to compute none, and then writes a zero
            with archive.open(entry) as content:
                while content.read(PART):
                    pass
