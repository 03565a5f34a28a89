"""One image file as it lies on disk: its bytes, its digest, and who may decode it.

Imports Pillow; never numpy, torch or click.
"""

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


def read_bytes(path: Path) -> bytes:
    """Read the content of a regular file; links are followed.

    Raises UnreadableImage where there is none, as for a broken link, a folder, a pipe (without
    waiting on it), a file without permission, an empty file or one over ``MAX_FILE_BYTES``; and for
    a path that is not valid UTF-8, which a manifest could not name.
    """
    if not is_utf8(str(path)):
        raise UnreadableImage("file name is not valid UTF-8")
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):
            raise UnreadableImage("not a regular file")
        if status.st_size > MAX_FILE_BYTES:
            raise UnreadableImage(
                f"file of {status.st_size} bytes, more than the {MAX_FILE_BYTES} allowed"
            )
        data = path.read_bytes()
    except (OSError, ValueError, MemoryError) as error:
        raise PassingFault(_why_not_read(path, error)) from error
    if not data:
        raise UnreadableImage("empty file (0 bytes)")
    return data


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
    ending = Path(path).suffix.lower()
    if ending in EXTENSIONS:
        return FORMATS
    found = _decoders().get(ending)
    return FORMATS if found in (None, *REFUSED) else (*FORMATS, found)


@cache
def _decoders() -> dict[str, str]:
    """Return Pillow's decoder for each ending, with those of packages that extend it."""
    with suppress(ImportError):
        import_module("pillow_heif").register_heif_opener()
    return Image.registered_extensions()


def _why_not_read(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, FileNotFoundError):
        return "broken link" if path.is_symlink() else "no such file"
    return f"cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}"
