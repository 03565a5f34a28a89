"""Folders that are taken for classes and are not: splits, and parts that hold the classes in turn.

Imports the standard library and nothing else.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from itertools import chain

KINDS = {
    "train": ("train", "training", "trn"),
    "val": ("val", "valid", "validation", "dev", "eval", "evaluation"),
    "test": ("test", "testing", "tst", "holdout"),
}
WORDS = {word: kind for kind, words in KINDS.items() for word in words}
WHOLE = re.compile(rf"({'|'.join(WORDS)})([ _-]?(set|data|split))?", re.IGNORECASE)


def split_kind(name: str) -> str | None:
    """``train``, ``val`` or ``test`` for a name that says just this, such as Training_set."""
    found = WHOLE.fullmatch(name)
    return WORDS[found[1].lower()] if found else None


def splits(names: Collection[str]) -> list[str]:
    """The names of folders that are splits, the training one first; none where there is no pair.

    Splits are known by their whole name (train, Testing, val_set) or in disguise, by a name that
    differs from another's in the split alone (train2017 and val2017, x_train and x_test).
    """
    whole = {name: kind for name in names if (kind := split_kind(name))}
    for found in (whole, *_disguised(names)):
        if len(set(found.values())) > 1:
            return sorted(found, key=lambda name: (found[name] != "train", name))
    return []


def _disguised(names: Collection[str]) -> list[dict[str, str]]:
    """Names with a split's word in them, those together whose other letters are the same."""
    families: dict[tuple[str, ...], dict[str, str]] = {}
    for name in names:
        words = re.findall("[a-z]+", name.lower())
        for place, word in enumerate(words):
            if word in WORDS:
                family = (*words[:place], "", *words[place + 1 :])
                families.setdefault(family, {})[name] = WORDS[word]
    return list(families.values())


def repeated(inside: Mapping[str, Collection[str]]) -> tuple[list[str], list[str]]:
    """Folders that hold the same sub-folders, and the names of these; two empty lists if none do.

    inside: the sub-folders of each folder that has no images of its own. A folder counts when two
    of its sub-folders, or all that it has, are found in other folders too. Folders of one
    sub-folder each, all of one name (cat/images, dog/images), are as good as flat and do not count.
    """
    counts = Counter(chain.from_iterable(inside.values()))
    names = {name for name, count in counts.items() if count > 1}
    alike = sorted(
        folder
        for folder, own in inside.items()
        if len(names.intersection(own)) >= min(2, len(own)) > 0
    )
    as_good_as_flat = len(counts) == 1
    if len(alike) < 2 or as_good_as_flat:
        return [], []
    return alike, sorted(names)
