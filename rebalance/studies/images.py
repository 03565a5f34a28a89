"""The images of a study, and advice in the words of its file. May not import torch or click."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from rebalance.data.source import Source, open_source
from rebalance.errors import DataError, RebalanceError, some
from rebalance.settings import (
    ExtractorOptions,
    FolderOptions,
    StudyOptions,
    TrainOptions,
    calls,
    keys_of,
)

SECTIONS = {"study": StudyOptions, "extractor": ExtractorOptions, "training": TrainOptions}


def reading(options: StudyOptions) -> FolderOptions:
    """Return how the folders of a study are read."""
    return FolderOptions(as_classes=options.as_classes, extensions=options.extensions)


def open_images(options: StudyOptions) -> Source:
    """The images that a study divides into folds. Raises DataError for a class without any."""
    how = reading(options)
    source = open_source(
        options.data,
        FolderOptions(allow_empty=True, as_classes=how.as_classes, extensions=how.extensions),
    )
    folder = source.folder
    empty = [name for name, count in zip(folder.classes, folder.counts, strict=True) if not count]
    if empty:
        raise DataError(
            f"a study needs images of every class, but {len(empty)} of {len(folder.classes)} in "
            f"{str(options.data)!r} have none: {some(empty)}; take them away"
        )
    return source


@contextmanager
def in_keys(first: str = "extractor") -> Iterator[None]:
    """Let errors that advise an option name the key of the study that says it.

    first: as of ``keyed``.
    """
    try:
        yield
    except RebalanceError as error:
        text = keyed(str(error), first)
        if text == str(error):
            raise
        raise type(error)(text) from error


def keyed(text: str, first: str = "extractor") -> str:
    """Put keys of a study in the place of options that the command ``study`` has not.

    first: the section that is meant where several have the key.

    >>> from rebalance.studies.images import keyed
    >>> keyed("leave out --arch, or give --cache-dir")
    'leave out extractor.arch, or give --cache-dir'
    >>> keyed("give --weights PATH", "training")
    'give training.weights PATH'
    """
    own = calls.STUDY.keywords()
    keys = {
        key: f"{section}.{key}"
        for section, options in sorted(SECTIONS.items(), key=lambda each: each[0] == first)
        for key in keys_of(options)
        if key not in own
    }
    keys["layer"] = "the key layer of a rebalancing"

    def key(found: re.Match[str]) -> str:
        return keys.get(found[1].replace("-", "_"), found[0])

    return re.sub(r"--([a-z][a-z-]*)", key, text)
