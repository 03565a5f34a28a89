"""The file ``predictions.csv`` holds what a run said of each test image.

May not import torch or click.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rebalance.errors import DataError, MetricError
from rebalance.metrics import Predictions, as_predictions
from rebalance.runs import PREDICTIONS, Run


@dataclass(frozen=True, eq=False)
class StoredPredictions:
    """Stored predictions are what a run said of its test images.

    names: of their files [N]. said: the same [N].
    """

    names: Sequence[str]
    said: Predictions


def read_predictions(run: Run) -> StoredPredictions | None:
    """Read the table of a run; None where there is none.

    Raises DataError for a table that does not hold a class and a probability for each class.
    """
    if not run.holds(PREDICTIONS):
        return None
    classes = list(run.options["counts"])
    number = {name: label for label, name in enumerate(classes)}
    columns = [f"probability_{name}" for name in classes]
    names, labels, given, rows = [], [], [], []
    try:
        for row in run.predictions():
            names.append(row["file_name"])
            labels.append(number[row["label"]])
            given.append(number[row["prediction"]])
            rows.append(np.array([row[column] for column in columns], dtype=np.float64))
        return StoredPredictions(names, as_predictions(labels, np.array(rows), classes, given))
    except (KeyError, MetricError, TypeError, ValueError) as error:
        raise DataError(
            f"{PREDICTIONS} of {str(run.path)!r} is damaged ({error}): train again"
        ) from error
