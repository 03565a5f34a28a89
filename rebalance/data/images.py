"""One image file: its bytes, its pixels, its digest, and why it cannot be read.

Whatever a file holds, the answer is an RGB image or an ``UnreadableImage`` with a short reason.
Imports Pillow and numpy; never torch, torchvision or click.
"""

import io
import logging
import re
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib import import_module
from math import ceil
from pathlib import Path
from stat import S_ISREG
from textwrap import shorten
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from rebalance.data.contents import RENAME, what_it_is
from rebalance.data.folder import EXTENSIONS, ImageFolder, is_utf8
from rebalance.data.folder import Unreadable as Unreadable
from rebalance.errors import PassingFault, UnreadableImage
from rebalance.parallel import ordered_map
from rebalance.progress import Progress, silent

# The formats of folder.EXTENSIONS and GIF, which scrapers like to misname; JPEG includes MPO, what
# cameras write. No other decoder may be reached through a misnamed file: EPS starts a program.
FORMATS = ("JPEG", "PNG", "PPM", "BMP", "TIFF", "WEBP", "GIF")
# Decoders that start programs, or whose files are pages rather than pictures.
REFUSED = ("EPS", "PDF", "WMF", "MPEG", "FITS", "GRIB", "HDF5", "BUFR")
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*")

# Uncompressed, the largest image within Pillow's pixel limit takes 1.4 GB (16-bit RGBA).
MAX_FILE_BYTES = 2**31
MAX_REASON = 120  # characters

# Pillow comments on odd files as it reads them; this package reports on files in its own way.
# Set once for the process: warnings.catch_warnings is not safe in threads.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())


Read = TypeVar("Read")


@dataclass(frozen=True)
class Probe:
    """The digest of a readable image's file, and the size (width, height) of the upright image."""

    digest: bytes
    size: tuple[int, int]


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

    >>> from rebalance.data.images import formats_of
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


def decode(
    data: bytes, least: int | None = None, formats: tuple[str, ...] = FORMATS
) -> Image.Image:
    """Decode the first frame of an image file, upright by its EXIF orientation, as 8-bit RGB.

    Transparency is laid on white. 16-bit grey, and 32-bit integers that all lie in [0, 65535],
    keep their full range (65535 becomes 255); so do floats that all lie in [0, 1]. Other integers
    and floats are stretched from their own minimum to their own maximum; NaN counts as 0, and an
    infinity as the end of that range. Colour profiles are not applied, as in torchvision.

    least: a JPEG may come at a half, quarter or eighth of its size, which takes less time, as long
    as its longer side keeps this many pixels; None is its full size. formats: the decoders that may
    read it.

    Raises UnreadableImage for data in none of ``formats``, damaged, cut short, or with more pixels
    than Pillow's limit (twice ``PIL.Image.MAX_IMAGE_PIXELS``); PassingFault where the system
    refused, as for want of memory, which says nothing of the data.
    """
    try:
        with Image.open(io.BytesIO(data), formats=formats) as image:
            if least is not None:
                scale = least / max(image.size)
                image.draft(None, (ceil(image.width * scale), ceil(image.height * scale)))
            image.load()
            _turn_upright(image)
            return _to_rgb(image)
    except Exception as error:  # Pillow's decoders raise nearly anything on damaged files.
        reason = _why_not_decoded(data, error)
        by_bytes = not _is_the_systems(error) and RENAME not in reason
        raise (UnreadableImage if by_bytes else PassingFault)(reason) from error


@dataclass(frozen=True)
class JpegHeader:
    """The size and orientation of a JPEG in grey or YCbCr, read from its header.

    size: (width, height) as stored. orientation: EXIF's, from 1 to 8.
    """

    size: tuple[int, int]
    orientation: int


def jpeg_header(data: bytes) -> JpegHeader | None:
    """Read the header of a JPEG that all decoders agree on; None for any other file.

    Other formats, CMYK, files whose header cannot be read and more pixels than Pillow allows are
    left to ``decode``.
    """
    if not data.startswith(SIGNATURES[0]):
        return None
    with suppress(Exception), Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        if image.mode not in ("L", "RGB"):
            return None
        return JpegHeader(image.size, _orientation(image))
    return None


def open_image(path: Path) -> Image.Image:
    """Read and ``decode`` the file at ``path``; raises UnreadableImage as both steps do."""
    return decode(read_bytes(path), formats=formats_of(path))


def probe(path: Path) -> Probe:
    """Read and fully decode the image file at ``path``, and return its digest and size.

    Raises UnreadableImage as ``read_bytes`` and ``decode`` do.
    """
    data = read_bytes(path)
    return Probe(digest(data), decode(data, formats=formats_of(path)).size)


def survey(
    folder: ImageFolder, workers: int, progress: Progress = silent
) -> tuple[list[Probe | None], list[Unreadable]]:
    """Call ``probe`` for each image of ``folder``, as ``read_each`` does."""
    return read_each(folder, probe, workers, progress)


def read_each(
    folder: ImageFolder, read: Callable[[Path], Read], workers: int, progress: Progress = silent
) -> tuple[list[Read | None], list[Unreadable]]:
    """Call ``read`` for every image of ``folder``; return the results, and the images that failed.

    The results are aligned with the paths of the folder.

    The list holds None where an image is unreadable; both are in the folder's order, whatever
    the number of ``workers`` (threads; 0 reads in this one).
    """

    def attempt(position: int) -> Read | Unreadable:
        try:
            return read(folder.root / folder.paths[position])
        except UnreadableImage as error:
            return folder.unreadable(position, str(error))

    total = len(folder.paths)
    outcomes = ordered_map(attempt, range(total), workers)
    seen = list(progress(outcomes, total=total, what="reading images", unit="images"))
    found = [None if isinstance(outcome, Unreadable) else outcome for outcome in seen]
    return found, [outcome for outcome in seen if isinstance(outcome, Unreadable)]


def _turn_upright(image: Image.Image) -> None:
    # Metadata that cannot be parsed leaves a good picture: it is shown as it is stored.
    with suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)


def _orientation(image: Image.Image) -> int:
    with suppress(Exception):  # as in ``_turn_upright``
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
        return int(found) if found in range(1, 9) else 1
    return 1


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _to_8_bits(image).convert("RGB")
    if image.has_transparency_data:
        return _on_white(image)
    return image.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Scale deep grey to 8-bit grey, which Pillow's own conversion would clip at 255."""
    values = np.array(image, dtype=np.float64)
    values[np.isnan(values)] = 0
    low, high = _finite_range(values)
    full = 1.0 if image.mode == "F" else 65535.0
    if low >= 0 and high <= full:
        low, high = 0.0, full
    span = (high - low) or 1.0  # One value everywhere becomes black.
    # In place, for this may be the largest image that is let through.
    np.clip(values, low, high, out=values)
    values -= low
    values *= 255 / span
    return Image.fromarray(np.rint(values, out=values).astype(np.uint8))


def _finite_range(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    finite = np.isfinite(values)
    if not finite.any():
        return 0.0, 0.0
    low = values.min(where=finite, initial=np.inf)
    return float(low), float(values.max(where=finite, initial=-np.inf))


def _on_white(image: Image.Image) -> Image.Image:
    layer = image.convert("RGBA")
    white = Image.new("RGBA", layer.size, "white")
    return Image.alpha_composite(white, layer).convert("RGB")


def _why_not_read(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "no permission to read it"
    if isinstance(error, FileNotFoundError):
        return "broken link" if path.is_symlink() else "no such file"
    return f"cannot be read: {getattr(error, 'strerror', None) or type(error).__name__}"


def _is_the_systems(error: Exception) -> bool:
    """Whether the system refused, and not Pillow, whose own OSErrors have no number."""
    return isinstance(error, MemoryError) or getattr(error, "errno", None) is not None


def _why_not_decoded(data: bytes, error: Exception) -> str:
    """Say in one short line why decoding failed, the same for the same data.

    Pillow's own texts may hold memory addresses.
    """
    text = re.sub(r"<[^<>]* at 0x[0-9a-fA-F]+>", "the data", str(error)) or type(error).__name__
    bomb = re.search(r"\((\d+) pixels\) exceeds limit of (\d+) pixels", text)
    if bomb:
        reason = f"decompression bomb: {bomb[1]} pixels, more than the {bomb[2]} allowed"
    elif isinstance(error, MemoryError):
        reason = "not enough memory to decode it"
    elif not isinstance(error, UnidentifiedImageError):
        reason = f"{'truncated' if 'truncated' in text.lower() else 'damaged'}: {text}"
    elif data.startswith(SIGNATURES):
        reason = "damaged: the header cannot be read"
    else:
        reason = what_it_is(data)
    return shorten(reason, MAX_REASON, placeholder=" ...")
