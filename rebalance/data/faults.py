"""Why an image could not be decoded, and whether that follows from its bytes.

Imports Pillow and numpy; never torch or click.
"""

import re
from textwrap import shorten

import numpy as np
from PIL import UnidentifiedImageError

from rebalance.data.contents import is_misnamed, what_it_is
from rebalance.errors import PassingFault, UnreadableImage

MAX_REASON = 120  # characters
SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"II*\0", b"MM\0*")
# What Pillow raises for a codec's own error 9, whether or not it has words for it.
OUT_OF_MEMORY = ("out of memory", "decoder error -9")
# Of WebP, before anybody knows its size, the decoder asks for two of the largest images.
WEBP_BYTES = 2 * 4 * 16383**2


def fault_of(data: bytes, error: Exception, needed: int) -> UnreadableImage:
    """Return why ``data`` was not decoded: a PassingFault where that is not in its bytes.

    needed: the bytes of memory that decoding takes, 0 where the header was not read. Many decoders
    do not tell that they ran out of memory from damage; it counts as that where so much memory is
    not to be had.
    """
    webp = data.startswith(b"RIFF") and data[8:12] == b"WEBP"
    short = _ran_out(error) or not memory_for(needed or (WEBP_BYTES if webp else 0))
    if short:
        return PassingFault("not enough memory to decode it")
    by_name = isinstance(error, UnidentifiedImageError) and is_misnamed(data)
    passing = getattr(error, "errno", None) is not None or by_name
    return (PassingFault if passing else UnreadableImage)(_reason(data, error, webp))


def memory_for(size: int) -> bool:
    """Tell whether the system would give ``size`` bytes now."""
    try:
        np.empty(size, np.uint8)  # which is not written to, and so takes no time
    except MemoryError:
        return False
    return True


def _ran_out(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(text in str(error) for text in OUT_OF_MEMORY)


def _reason(data: bytes, error: Exception, webp: bool) -> str:
    """Say in one short line why decoding failed, the same for the same data.

    Pillow's own texts may hold memory addresses.
    """
    text = re.sub(r"<[^<>]* at 0x[0-9a-fA-F]+>", "the data", str(error)) or type(error).__name__
    bomb = re.search(r"\((\d+) pixels\) exceeds limit of (\d+) pixels", text)
    if bomb:
        reason = f"decompression bomb: {bomb[1]} pixels, more than the {bomb[2]} allowed"
    elif not isinstance(error, UnidentifiedImageError):
        reason = f"{'truncated' if 'truncated' in text.lower() else 'damaged'}: {text}"
    elif data.startswith(SIGNATURES) or webp:
        reason = "damaged: the header cannot be read"
    else:
        reason = what_it_is(data)
    return shorten(reason, MAX_REASON, placeholder=" ...")
