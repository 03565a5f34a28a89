"""What a run says of images that it did not learn from: kept for what is asked for later.

Imports numpy and safetensors; never torch or click.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.atomic import replacing
from rebalance.errors import DataError
from rebalance.reading import read_whole
from rebalance.scoring.outputs import HeldOut, Outputs


def write_held_out(path: Path, held: HeldOut) -> None:
    """Write the probabilities and the labels as safetensors, without the features."""
    from safetensors.numpy import save

    labels = np.array(held.labels, dtype=np.int64)
    with replacing(path) as (partial,):
        named = {"probabilities": held.outputs.probabilities, "labels": labels}
        partial.write_bytes(
            save({name: np.ascontiguousarray(each) for name, each in named.items()})
        )


def read_held_out(path: Path) -> HeldOut | None:
    """Return what ``write_held_out`` wrote, but for the features.

    None where there is none, as of a run that held nothing out, or an early one. DataError for a
    damaged file.
    """
    from safetensors.numpy import load

    if not path.exists():
        return None
    try:
        found = load(read_whole(path))
        said, labels = found["probabilities"], found["labels"]
        if not _fit(said, labels):
            raise ValueError("it holds something else")
    except Exception as error:  # a damaged header makes numpy raise nearly anything
        raise DataError(f"{str(path)!r} is damaged ({error}): train again") from None
    outputs = Outputs(said, np.empty((len(said), 0), np.float32))
    return HeldOut(outputs, labels.tolist(), "images held out")


def _fit(said: NDArray[Any], labels: NDArray[Any]) -> bool:
    """Tell whether these are probabilities [n, K], and as many labels below K."""
    return (
        said.dtype == np.float64
        and labels.dtype == np.int64
        and said.ndim == 2
        and labels.shape == (len(said),)
        and bool(((said >= 0) & (said <= 1)).all())
        and bool(((labels >= 0) & (labels < said.shape[1])).all())
    )
