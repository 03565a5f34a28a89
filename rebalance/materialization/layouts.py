"""The layouts that a folder can have, and what their readers make of them.

Imports the standard library and the rest of this package, and nothing else.
"""

from collections.abc import Mapping
from typing import NamedTuple

from rebalance.data.endings import TIMM_ENDINGS, ULTRALYTICS_ENDINGS
from rebalance.data.folder import EXTENSIONS

SIDES = ("train", "val", "test")
CACHES = tuple(f"{name}.cache" for name in SIDES)  # Ultralytics' notes of the images that it read


class FolderLayout(NamedTuple):
    """What the readers of a folder ask of it.

    called: those readers. endings: of the files that they read. alone: whether they take a folder
    of training images, and nothing to validate on.
    """

    called: str
    endings: tuple[str, ...]
    alone: bool


LAYOUTS: Mapping[str, FolderLayout] = {
    "imagefolder": FolderLayout("image folders", EXTENSIONS, alone=True),
    "ultralytics": FolderLayout("Ultralytics", ULTRALYTICS_ENDINGS, alone=False),
    "timm": FolderLayout("timm", TIMM_ENDINGS, alone=False),
}
