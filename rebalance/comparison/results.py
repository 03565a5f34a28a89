"""The record of a comparison: each extractor beside the best, with intervals.

Imports numpy; may not import torch or click.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rebalance import seeds
from rebalance.comparison.judging import Judgement
from rebalance.records import BehindRecord, ComparedRecord
from rebalance.studies.intervals import Interval
from rebalance.studies.summaries import UNTOLD, difference, summary

if TYPE_CHECKING:
    from rebalance.features.table import FeatureTable

METRIC = "balanced_accuracy"


@dataclass(frozen=True)
class Judged:
    """An extractor that was judged: its features, their layer, and what came of them.

    options: those by which other commands take it.
    """

    table: "FeatureTable"
    layer: str
    options: list[str]
    found: Judgement


def compared(judged: Mapping[str, Judged], folds: int, seed: int) -> list[ComparedRecord]:
    """Hold extractors, by their names, beside the one of the best mean, and list it first.

    Intervals are those of studies: widened since any two parts learn from mostly the same images,
    and once more so that all of them hold at once.
    """
    order = sorted(judged, key=lambda name: -_mean(judged[name]))
    best = judged[order[0]].found.accuracies
    others, correction = len(order) - 1, 1 / (folds - 1)
    found = []
    for name in order:
        record = _alone(name, judged[name], correction, seed)
        if name != order[0]:
            own = judged[name].found.accuracies
            rng = seeds.generator(seed, "comparison", "difference")
            beside = difference(own, best, METRIC, others, correction, rng)
            behind: BehindRecord = {
                "mean": beside.mean or 0.0,
                "interval": _ends(beside.together),
                "told": beside.verdict != UNTOLD,
            }
            record["behind"] = behind
        found.append(record)
    return found


def _mean(judged: Judged) -> float:
    return float(np.mean([*judged.found.accuracies.values()]))


def _alone(name: str, judged: Judged, correction: float, seed: int) -> ComparedRecord:
    table, found = judged.table, judged.found
    rng = seeds.generator(seed, "comparison", "interval")
    told = summary(found.accuracies, METRIC, correction, rng)
    passed = table.passing if table.computed else 0.0
    return {
        "name": name,
        "extractor": table.extractor.about,
        "options": judged.options,
        "layer": judged.layer,
        "columns": table.layers[judged.layer].shape[1],
        "balanced_accuracy": _mean(judged),
        "interval": _ends(told.interval),
        "parts": [*found.accuracies.values()],
        "behind": None,
        "agreement": None if np.isnan(found.agreement) else found.agreement,
        "penalty": found.penalty,
        "computed": table.computed,
        "cached": table.cached,
        "seconds": passed,
        "images_per_second": table.computed / passed if passed else None,
    }


def _ends(found: Interval | None) -> tuple[float, float] | None:
    return None if found is None else (found.low, found.high)
