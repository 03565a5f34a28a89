"""One image file as it lies on disk: its bytes, its digest, and who may decode it.

Imports Pillow; never numpy, torch or click.
"""

import os
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from stat import S_ISREG

from PIL import Image

from rebalance.data.folder import EXTENSIONS, is_utf8
from rebalance.errors import PassingFault, UnreadableImage

# The formats of folder.EXTENSIONS and GIF, which scrapers like to misname; JPEG includes MPO, what
# cameras write. No other decoder may be reached through a misnamed file: EPS starts a program.
FORMATS = ("JPEG", "PNG", "PPM", "BMP", "TIFF", "WEBP", "GIF")
# Decoders that start programs, or whose files are pages rather than pictures.
REFUSED = ("EPS", "PDF", "WMF", "MPEG", "FITS", "GRIB", "HDF5", "BUFR")

# Uncompressed, the largest image within Pillow's pixel limit takes 1.4 GB (16-bit RGBA).
MAX_FILE_BYTES = 2**31
CHUNK = 2**20  # bytes read at a time of a file that is not as long as it was said to be


READING = os.O_RDONLY | getattr(os, "O_BINARY", 0)  # Windows would change the ends of lines


def read_bytes(path: Path | str) -> bytes:
    """Read the content of a regular file; links are followed.

    Raises UnreadableImage where there is none, as for a broken link, a folder, a pipe (without
    waiting on it), a file without permission, an empty file or one over ``MAX_FILE_BYTES``; and for
    a path that is not valid UTF-8, which a manifest could not name.
    """
    name = str(path)
    if not is_utf8(name):
        raise UnreadableImage("file name is not valid UTF-8")
    try:
        status = os.stat(name)  # noqa: PTH116 - a Path takes as long to make as the file to read
        if not S_ISREG(status.st_mode):
            raise UnreadableImage("not a regular file")
        if status.st_size > MAX_FILE_BYTES:
            raise UnreadableImage(
                f"file of {status.st_size} bytes, more than the {MAX_FILE_BYTES} allowed"
            )
        data = _content(name, status.st_size)
    except (OSError, ValueError, MemoryError) as error:
        raise PassingFault(_why_not_read(name, error)) from error
    if not data:
        raise UnreadableImage("empty file (0 bytes)")
    return data


def _content(name: str, size: int) -> bytes:
    """Read a file that most likely has ``size`` bytes, with as few calls as there can be."""
    file = os.open(name, READING)
    try:
        data = os.read(file, size + 1)
        if len(data) == size:  # a byte more was asked for: there is none
            return data
        parts = [data]
        while parts[-1]:
            parts.append(os.read(file, CHUNK))
        return b"".join(parts)
    finally:
        os.close(file)


def digest(data: bytes) -> bytes:
    """Compute the BLAKE2b digest of ``data``, 16 bytes: equal files have equal digests."""
    return blake2b(data, digest_size=16).digest()


def formats_of(path: Path | str) -> tuple[str, ...]:
    """Return Pillow's decoders that may read a file of this name.

    They are ``FORMATS``, and for a name of another ending, which is read because somebody asked
    for it, the decoder of that ending: HEIC by pillow-heif, where that is installed.

    >>> from rebalance.data.files import formats_of
    >>> set(formats_of("cat/1.ico")) - set(formats_of("cat/1.jpg"))
    {'ICO'}
    """
    if str(path).lower().endswith(EXTENSIONS):
        return FORMATS
    found = _decoders().get(Path(path).suffix.lower())
    return FORMATS if found in (None, *REFUSED) else (*FORMATS, found)


@cache
def _decoders() -> dict[str, str]:
    """Return Pillow's decoder for each ending, with those of packages that extend it."""
    with suppress(ImportError):
        import_module("pillow_heif").register_heif_opener()
    return Image.registered_extensions()


def _why_not_read(name: str, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, FileNotFoundError):
        return "broken link" if Path(name).is_symlink() else "no such file"
    return f"cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}"
