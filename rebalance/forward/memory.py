"""The heap while networks run: pages stay with the process from one forward pass to the next.

Imports nothing heavy.
"""

import ctypes
import platform
from collections.abc import Iterator
from contextlib import contextmanager

# Names and numbers of glibc's malloc.h.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3

# As high as it lets them be, or higher than needed: freed pages stay, new ones come by the dozen.
KEEP = {M_MMAP_THRESHOLD: 2**25, M_TRIM_THRESHOLD: 2**30, M_TOP_PAD: 2**26}
# Where its own thresholds, which adapt to what is freed until they are set, end up at the most.
AFTERWARDS = {M_MMAP_THRESHOLD: 2**25, M_TRIM_THRESHOLD: 2**26, M_TOP_PAD: 2**17}


@contextmanager
def pages_kept() -> Iterator[None]:
    """Let malloc keep freed memory for a while; do nothing where the C library is not glibc.

    A forward pass allocates and frees tens of megabytes at a time. glibc takes such blocks from the
    system and gives them back each time, and every page of them is mapped and zeroed anew, which
    was measured to take from a twentieth to nearly half of the time, depending on the machine.
    Afterwards, what is free goes back to the system at once. The settings are the process's own:
    other threads have them too.
    """
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    c = ctypes.CDLL(None)
    _set(c, KEEP)
    try:
        yield
    finally:
        _set(c, AFTERWARDS)
        c.malloc_trim(0)


def _set(c: ctypes.CDLL, settings: dict[int, int]) -> None:
    for name, value in settings.items():
        c.mallopt(name, value)
