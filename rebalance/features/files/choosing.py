"""Which of the arrays or columns that a file holds are features, and which are names.

Imports the standard library and this package's words for columns and layers.
"""

from collections.abc import Mapping, Sequence

from rebalance.errors import some
from rebalance.features.files.steady import SteadyFile
from rebalance.settings import LAYERS
from rebalance.tables.columns import PATH_NAMES, PATH_NAMES_TOO, Column, plain

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


def choose_layers(file: SteadyFile, shapes: Mapping[str, Sequence[int]]) -> dict[str, str]:
    """Choose among arrays of numbers those that are features, by the name of their layer.

    Arrays that are called as layers of ours are; otherwise the one with a usual name, or the only
    matrix, is ``pool``. Raises FeatureFileError where there is none, or no telling.
    """
    if layers := {name: name for name in shapes if name in LAYERS}:
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
