"""Weights of classes and of samples, as a table that any training loop can read.

Imports neither numpy nor torch; the weightings, which load torch, are imported when one is asked
for.
"""

from pathlib import Path
from typing import Any

from rebalance.exchange.writing import ExportTable
from rebalance.manifest import Manifest
from rebalance.settings import ExportOptions

WEIGHTING = "balanced"


def weights(manifest: Manifest, output: Path, chosen: ExportOptions) -> ExportTable:
    """Weigh the classes as losses do, and each sample as the class that it is trained as.

    Samples are in the order of the manifest. A .json has lists: ``class_weights`` in class order,
    for torch's ``weight=``, and ``sample_weights`` for ``WeightedRandomSampler``. A .csv has both
    in one column. Raises LossError for a class without samples.
    """
    from rebalance.losses.weights import BETA, weigh_classes

    weighting = chosen.weighting or WEIGHTING
    beta = BETA if chosen.beta is None else chosen.beta
    counts = manifest.counts
    by_class = dict(zip(counts, weigh_classes(counts, weighting, beta), strict=True))
    by_sample = [by_class[row.trained_as] for row in manifest.rows]
    rows = [
        (row.file_name, row.trained_as, counts[row.trained_as], weight)
        for row, weight in zip(manifest.rows, by_sample, strict=True)
    ]
    document: dict[str, Any] = {
        "classes": list(counts),
        "counts": list(counts.values()),
        "weighting": weighting,
        "beta": beta if weighting == "effective" else None,
        "class_weights": list(by_class.values()),
        "sample_weights": by_sample,
    }
    return ExportTable(("file_name", "label", "count", "weight"), rows, document)
