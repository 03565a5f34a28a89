"""What has to be unpacked is held to the memory of the machine, before any is taken.

Imports the standard library.
"""

import os

from rebalance.features.files.steady import SteadyFile

PART_OF_ALL = 0.5  # of the machine's memory, at most, for the features of one file
MOST_UNPACKED = 200  # bytes that may come out of one; features are hardly compressible
UNSUSPICIOUS = 2**28  # bytes that may come out in any case


def check_room(file: SteadyFile, needed: int, packed: int | None = None) -> None:
    """Raise FeatureFileError where so many bytes are too many for memory.

    packed: the bytes in the file that they are to come out of, which are held to be honest.
    """
    if packed is not None and needed > max(UNSUSPICIOUS, MOST_UNPACKED * packed):
        raise file.fault(
            f"says that {packed} bytes unpack to {needed}", "save it again, without compression"
        )
    room = int(PART_OF_ALL * _memory())
    if needed > room:
        raise file.fault(
            f"needs {needed / 2**30:.1f} GB of memory to be unpacked, and {room / 2**30:.1f} GB "
            "are allowed here",
            "save it as .npy or .safetensors, which is read from disk",
        )


def _memory() -> int:
    """Return the bytes of memory that this machine has; a great many where it does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return 2**40
