"""Extractors by one name each, where several stand side by side: ``PATH:ARCH`` and the like.

Imports the standard library and our settings; nothing heavier.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePath

from rebalance.errors import ExtractorError
from rebalance.settings import ExtractorOptions

PUBLISHED = "imagenet"
LIBRARIES = ("timm", "hf", "open_clip")


def named(name: str, view: ExtractorOptions) -> ExtractorOptions:
    """Read what ``--extractor`` takes, and after a colon what else is to be said of it.

    ``imagenet:ARCH`` and ``PATH:ARCH`` are ``--extractor`` with ``--arch``. A path may hold colons:
    it ends at the first one before which there is a file or a folder. view: how images are looked
    at, which is the same for all. Raises ExtractorError for what learns from the very images that
    extractors are compared on.

    >>> from rebalance.comparison.naming import named
    >>> found = named("imagenet:mobilenet_v2", ExtractorOptions())
    >>> found.extractor, found.arch
    ('imagenet', 'mobilenet_v2')
    """
    source, _, arch = name.partition(":")
    if source == "finetune":
        raise ExtractorError(
            "extractors are compared on images that they have not learned from, and finetune "
            "learns from DATA: name a run that was trained on other images"
        )
    if source != PUBLISHED:
        source, arch = _divided(name)
    return replace(view, extractor=source, arch=arch or None)


def _divided(name: str) -> tuple[str, str]:
    """Divide a name into a path that is there, the longest if it can be, and what comes after."""
    for path, more in _readings(name):
        if Path(path).exists():
            return path, more
    path, _, more = name.rpartition(":")
    # Behind the last colon of no path at all may be an architecture, and never a path's end.
    return (path, more) if path and "/" not in more and "\\" not in more else (name, "")


def _readings(name: str) -> Iterator[tuple[str, str]]:
    """Yield every way to read a name as a path and more: first as a path alone."""
    yield name, ""
    for place, sign in enumerate(name):
        if sign == ":":
            yield name[:place], name[place + 1 :]


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Return extractors by their names, each as a sentence has it: paths without their folders.

    Where two would be called alike, each keeps its name.

    >>> from rebalance.comparison.naming import short_names
    >>> list(short_names(["runs/a", "weights/b.pth:resnet18", "hf:owner/model"]).values())
    ['a', 'b.pth:resnet18', 'hf:owner/model']
    """
    short = {name: _without_folders(name) for name in names}
    often = Counter(short.values())
    return {name: told if often[told] == 1 else name for name, told in short.items()}


def _without_folders(name: str) -> str:
    if name.partition(":")[0] in (PUBLISHED, *LIBRARIES):
        return name
    path, more = _divided(name)
    return (PurePath(path).name or path) + (f":{more}" if more else "")
