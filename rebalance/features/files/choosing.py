"""Which of the arrays or columns that a file holds are features, and which are names.

Imports the standard library and this package's words for columns and layers.
"""

import re
from collections.abc import Mapping, Sequence

from rebalance.errors import some
from rebalance.features.files.steady import SteadyFile
from rebalance.settings import LAYERS
from rebalance.tables.columns import (
    GROUP_NAMES,
    LABEL_NAMES,
    LABEL_NAMES_TOO,
    OTHER_NAMES,
    PATH_NAMES,
    PATH_NAMES_TOO,
    Column,
    plain,
)

# Usual names of what holds a vector for each image, those of an earlier line before a later one's.
VECTORS = (
    "features", "embeddings", "embedding", "feature", "vectors", "vector", "feats", "feat",
    "image_embeddings", "image_embedding", "image_features",
)  # fmt: skip
_SEVERAL = (
    "file_names", "filenames", "files", "file_paths", "filepaths", "paths", "images",
    "image_paths", "image_names", "image_files", "names", "keys",
)  # fmt: skip
NAMES = Column("path", "the path of each image", (PATH_NAMES, _SEVERAL, PATH_NAMES_TOO))

LISTED = 10  # arrays or columns that a message names


def find_names(file: SteadyFile, texts: Sequence[str]) -> str | None:
    """Find the array of names among those that hold ``texts``; None where there is none.

    Raises FeatureFileError where it may be one of several.
    """
    places = NAMES.places(texts)
    if len(places) > 1:
        found = some([texts[place] for place in places], LISTED)
        raise file.fault(f"has names of images in each of {found}", "call one of them file_name")
    return texts[places[0]] if places else None


def choose_layers(
    file: SteadyFile, shapes: Mapping[str, Sequence[int]], *, ours: bool = False
) -> dict[str, str]:
    """Choose among arrays of numbers those that are features, by the name of their layer.

    Arrays that are called as layers of ours are; otherwise the one with a usual name, or the only
    matrix, is ``pool``. A lone ``embedding`` is a layer in a file of ``ours``, and elsewhere just
    any name. Raises FeatureFileError where there is none, or no telling.
    """
    layers = {name: name for name in shapes if name in LAYERS}
    if layers and (ours or list(layers) != ["embedding"]):
        return layers
    by_name = {plain(name): name for name in shapes}
    for name in VECTORS:
        if name in by_name:
            return {"pool": by_name[name]}
    matrices = [name for name, shape in shapes.items() if len(shape) == 2]
    if len(matrices) == 1:
        return {"pool": matrices[0]}
    found = some(matrices or list(shapes), LISTED) or "none"
    raise file.fault(f"needs an array of features, and holds {found}", "call it features")


def are_by_name(shapes: Mapping[str, Sequence[int]]) -> bool:
    """Tell whether arrays are one vector for each image, called by the image's name."""
    usual = {*LAYERS, *VECTORS}
    return all(
        len(shape) == 1 or (len(shape) == 2 and shape[0] == 1 < len(shapes))
        for name, shape in shapes.items()
    ) and usual.isdisjoint(map(plain, shapes))


def number_columns(header: Sequence[str], others: Sequence[int]) -> list[int]:
    """Find the columns that are features, one number each, among those of a table.

    They are the largest family of names that differ in a number, 0, 1, 2... or 1, 2, 3...; without
    such, all columns but ``others`` and those whose names say that they are something else.
    """
    families: dict[str, dict[int, int]] = {}
    for place, name in enumerate(header):
        found = _NUMBERED.fullmatch(name.strip())
        if found and place not in others and len(found[2]) < 10:
            families.setdefault(found[1], {})[int(found[2])] = place
    whole = [each for each in families.values() if _is_counted(each)]
    if whole:
        largest = max(whole, key=len)
        return [largest[number] for number in sorted(largest)]
    return [
        place
        for place, name in enumerate(header)
        if place not in others and plain(name) not in _NO_FEATURES and name.strip()
    ]


_NUMBERED = re.compile(r"(.*?)(\d+)", re.ASCII)
_NO_FEATURES = {
    *PATH_NAMES, *PATH_NAMES_TOO, *LABEL_NAMES, *LABEL_NAMES_TOO, *OTHER_NAMES, *GROUP_NAMES,
    "unnamed:_0",
}  # fmt: skip


def _is_counted(family: Mapping[int, int]) -> bool:
    first = min(family)
    return len(family) > 1 and first in (0, 1) and max(family) - first == len(family) - 1
