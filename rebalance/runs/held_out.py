"""What a run says of images that it did not learn from: kept for what is asked for later.

May not import torch or click.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.runs.arrays import read_arrays, write_arrays
from rebalance.scoring.outputs import HeldOut, Outputs


def write_held_out(path: Path, held: HeldOut) -> None:
    """Write the probabilities and the labels, without the features."""
    labels = np.array(held.labels, dtype=np.int64)
    write_arrays(path, {"probabilities": held.outputs.probabilities, "labels": labels})


def read_held_out(path: Path) -> HeldOut | None:
    """Return what ``write_held_out`` wrote, but for the features.

    None where there is none, as of a run that held nothing out, or an early one. DataError for a
    damaged file.
    """

    def made(found: dict[str, NDArray[Any]]) -> HeldOut | None:
        said, labels = found["probabilities"], found["labels"]
        if not _fit(said, labels):
            return None
        outputs = Outputs(said, np.empty((len(said), 0), np.float32))
        return HeldOut(outputs, labels.tolist(), "images held out")

    return read_arrays(path, made)


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
