"""Files that somebody else wrote, opened in a way that neither waits nor stumbles.

Imports the standard library and nothing else.
"""

from pathlib import Path
from typing import TextIO


def is_regular_file(path: Path) -> bool:
    """Tell whether ``path`` is a file that can be read to its end; links are followed.

    A pipe is none, since opening one would wait for its writer, and neither is a device.
    """
    return path.is_file()


def open_csv(path: Path) -> TextIO:
    """Open a CSV for reading, with the byte order mark of spreadsheets or without."""
    return path.open(encoding="utf-8-sig", newline="")
