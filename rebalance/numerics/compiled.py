"""Loops compiled by numba, once for all later processes.

numba would keep what it compiles beside the package's own files, where pip does not know of it: an
uninstalled package left a folder behind that hid the next installation. It is kept in the user's
cache instead, or in $NUMBA_CACHE_DIR.

Loops let go of Python's lock, and callers run them in threads of their own. numba's threads
(``parallel=True``) would round differently in the process that compiles and in later ones, which
load the same loop after one more optimisation. Loading this module loads numba.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
import platformdirs

config: Any = numba.config  # its settings are set at run time, where no type checker sees them


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Apply ``numba.njit(nogil=True, **options)``, and keep the result in the user's cache.

    Where that folder cannot be made, each process compiles for itself.
    """

    def compile_and_keep(loop: Callable[..., Any]) -> Any:
        set_by_user = config.CACHE_DIR
        folder = Path(set_by_user or platformdirs.user_cache_path("rebalance") / "compiled")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            return numba.njit(nogil=True, **options)(loop)
        config.CACHE_DIR = str(folder)
        try:
            return numba.njit(nogil=True, cache=True, **options)(loop)
        finally:
            config.CACHE_DIR = set_by_user

    return compile_and_keep
