"""Advice measures what to collect in the time that trying left: learning curves, and shortages.

May not import torch or click.
"""

import logging
import time
from statistics import median

import numpy as np

from rebalance.advice.bench import Bench
from rebalance.advice.trying import Trial
from rebalance.collection import learning_curves
from rebalance.collection.rounds import LEAST_ROUNDS, SHARES
from rebalance.errors import DataError
from rebalance.records import CollectionRecord, LookRecord
from rebalance.studies.rebalancing import LAYER

TIME = 0.2  # share of the budget that is kept for it
# A fit of a curve by the seconds of a cell: it goes on from the one before and stops earlier.
OF_A_CELL = 0.15
AT_FIRST = 20  # fits, about, that choose the penalty
SHOWN = 4  # short subclasses that are shown

log = logging.getLogger("rebalance")


def collected(bench: Bench, trial: Trial, until: float) -> CollectionRecord | None:
    """Measure what more images of each class would bring; None where there is no time for it.

    until: the second of ``time.time`` by which it is to be done.
    """
    setup, (view,) = bench.setup, bench.setup.views.values()
    left, needed = until - time.time(), seconds_needed(trial, len(setup.images.classes))
    if left < needed:
        log.info("no time for what to collect: it takes some %.0f s more, by --budget", needed)
        return None
    kin = list(bench.kin)
    try:
        return learning_curves(
            view.layers[LAYER].read(slice(None), slice(None)),
            np.asarray(setup.labels, dtype=np.int64),
            setup.images.classes,
            groups=kin if bench.grouped else None,
            kin=kin,
            seed=bench.run.seed,
            seconds=left,
        )
    except DataError as error:  # classes of too few images: advice has said so by looking
        log.info("what to collect cannot be told: %s", error)
        return None


def seconds_needed(trial: Trial, classes: int) -> float:
    """Guess how long the fewest rounds take, by the time that doing nothing took on a pair."""
    own = trial.outcomes.of[trial.tried[0].name].values()
    fits = AT_FIRST + LEAST_ROUNDS * classes * (len(SHARES) + 1)
    return OF_A_CELL * fits * median(each.seconds for each in own)


def short_looks(record: CollectionRecord, files: list[str]) -> list[LookRecord]:
    """Show the subclasses that are short, those first whose class gains most.

    files: of each image of the table that the curves were measured on.
    """
    short = [
        (need["label"], each)
        for need in record["classes"]
        for each in need["subclasses"]
        if each["short"]
    ]
    return [
        {
            "kind": "short",
            "warning": False,
            "sentence": f"{label}, images like these: {each['reason']}.",
            "classes": {label: each["images"]},
            "images": [[files[place] for place in each["members"]]],
        }
        for label, each in short[:SHOWN]
    ]
