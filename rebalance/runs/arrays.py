"""The arrays that a run keeps, as safetensors: written, and read with a look at what they are.

Each file appears whole or not at all. May not import torch or click.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from rebalance.atomic import replacing
from rebalance.errors import DataError
from rebalance.metrics import FeatureRanges
from rebalance.reading import read_whole
from rebalance.scoring.classifier import TrainingEmbedding
from rebalance.scoring.embedded import EmbeddedImages

EARLY_LAYER = "pool"  # or what the head's hidden layer gave


Made = TypeVar("Made")

AGAIN = "train again"  # what to do about a damaged file


def read_arrays(
    path: Path, make: Callable[[dict[str, NDArray[Any]]], Made | None], mend: str = AGAIN
) -> Made | None:
    """Return what ``make`` makes of the arrays of a file, by their names; None where there is none.

    make: gives None for arrays that are something else. mend: what to do where the file is damaged,
    which is a DataError.
    """
    from safetensors.numpy import load

    if not path.exists():
        return None
    try:
        made = make(load(read_whole(path)))
        if made is None:
            raise ValueError("it holds something else")
    except Exception as error:  # a damaged header makes numpy raise nearly anything
        raise DataError(f"{str(path)!r} is damaged ({error}): {mend}") from None
    return made


def write_arrays(path: Path, named: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays by their names as safetensors."""
    from safetensors.numpy import save

    with replacing(path) as (partial,):
        partial.write_bytes(
            save({name: np.ascontiguousarray(each) for name, each in named.items()})
        )


def write_ranges(path: Path, ranges: FeatureRanges) -> None:
    """Write the ranges of training features, an array [2, D] for each class index.

    An array is called by the layer and that index.
    """
    named = {f"{ranges.layer}.{label}": values for label, values in ranges.by_class.items()}
    write_arrays(path, named)


def read_ranges(path: Path) -> FeatureRanges | None:
    """Return what ``write_ranges`` wrote.

    None where there is none. Before there was an embedding, arrays were called by the index alone,
    and of the layer ``EARLY_LAYER``. DataError for a damaged file.
    """

    def made(named: dict[str, NDArray[Any]]) -> FeatureRanges | None:
        layers = {name.rpartition(".")[0] or EARLY_LAYER for name in named}
        found = {int(name.rpartition(".")[2]): values for name, values in named.items()}
        fit = _are_ranges(found.values()) and len(layers) <= 1 and len(found) == len(named)
        return FeatureRanges(found, *layers) if fit else None

    return read_arrays(path, made)


def write_embedded(path: Path, images: EmbeddedImages) -> None:
    """Write points of images."""
    write_arrays(path, {"rows": images.rows, "components": images.components})


def read_embedded(path: Path) -> EmbeddedImages | None:
    """Return what ``write_embedded`` wrote.

    None where there is none. DataError for a damaged file.
    """

    def made(found: dict[str, NDArray[Any]]) -> EmbeddedImages | None:
        rows, components = found["rows"], found["components"]
        return EmbeddedImages(rows, components) if _are_points(rows, components) else None

    return read_arrays(path, made)


def write_neighbours(path: Path, seen: TrainingEmbedding) -> None:
    """Write training images, as the network embeds them."""
    write_arrays(path, {"features": seen.features, "labels": seen.labels})


def read_neighbours(path: Path, classes: int) -> TrainingEmbedding | None:
    """Return what ``write_neighbours`` wrote, of so many classes.

    None where there is none. DataError for a damaged file.
    """

    def made(found: dict[str, NDArray[Any]]) -> TrainingEmbedding | None:
        seen = TrainingEmbedding(found["features"], found["labels"])
        return seen if _are_seen(seen, classes) else None

    return read_arrays(path, made, "delete it, and evaluate makes it again")


def _are_seen(seen: TrainingEmbedding, classes: int) -> bool:
    """Tell whether these are finite features [N, D], and a class index for each."""
    features, labels = seen
    return (
        features.dtype == np.float32
        and labels.dtype == np.int64
        and features.ndim == 2
        and len(features) > 0
        and labels.shape == (len(features),)
        and bool(np.isfinite(features).all())
        and labels.min() >= 0
        and labels.max() < classes
    )


def _are_points(rows: NDArray[Any], components: NDArray[Any]) -> bool:
    """Tell whether these are rising places [n], and as many points [n, d] of finite numbers."""
    return (
        rows.dtype == np.int64
        and components.dtype == np.float32
        and rows.ndim == 1
        and components.ndim == 2
        and len(rows) == len(components) > 0
        and components.shape[1] > 0
        and bool((np.diff(rows, prepend=-1) > 0).all() and np.isfinite(components).all())
    )


def _are_ranges(arrays: Collection[NDArray[Any]]) -> bool:
    """Tell whether these have one shape [2, D], and finite numbers of double precision."""
    return len({array.shape for array in arrays}) <= 1 and all(
        array.shape[:1] == (2,)
        and array.ndim == 2
        and array.dtype == np.float64
        and bool(np.isfinite(array).all())
        for array in arrays
    )
