"""Zip archives as ``torch.save`` writes them, looked through before torch reads them.

torch itself unpacks what is compressed, whatever that comes to, and passes over checksums. Imports
the standard library and ``rebalance.reading``.
"""

import zipfile
from pathlib import Path

from rebalance.reading import check_regular

PART = 2**20  # bytes that are looked at at a time
_START = b"PK\x03\x04"


def check_archive(path: Path) -> None:
    """Raise ValueError for a zip that is damaged, or holds more than its own size.

    A file that is no zip passes. Raises OSError where it cannot be read.
    """
    check_regular(path)
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
