"""Reliability is how often a run is right, by how sure it was.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from rebalance.metrics import Reliability
from rebalance.metrics.calibration import BINS
from rebalance.reports.figures import FigureFiles
from rebalance.reports.page import Table
from rebalance.reports.runs import words
from rebalance.reports.runs.parts import FigureTable, FileNames
from rebalance.reports.runs.results import Result

COUNTED = ("every image alike", "every class alike")


def reliabilities(results: Sequence[Result], figures: FigureFiles) -> Iterator[FigureTable]:
    """Draw a figure for each run whose predictions are kept."""
    from rebalance.figures.reliability import ReliabilityCurve, draw_reliability

    names = FileNames()
    for each in results:
        if each.predictions is None:
            continue
        said = each.predictions.said
        both = [Reliability.of(said, balanced=balanced) for balanced in (False, True)]
        curves = []
        for name, found in zip(COUNTED, both, strict=True):
            used = np.flatnonzero(found.weight)
            bins = (found.confidence[used], found.accuracy[used], found.weight[used])
            curves.append(ReliabilityCurve(name, *bins, found.error))
        alt = words.reliability_alt(each.name, [(one.name, one.error) for one in curves])
        picture = figures.add(
            names(f"reliability-{each.name}"), draw_reliability(curves), alt, f"Run {each.name}"
        )
        yield FigureTable(picture, _table(each, both), folded=True)


def calibration_table(results: Sequence[Result]) -> Table | None:
    """Show how far the probabilities of each run are off, before a new head and with it.

    None where no run tells; those of early versions do not.
    """
    rows: list[list[str | int | float | None]] = []
    for each in results:
        metrics = each.metrics
        before = None if metrics is None else metrics.get("before")
        for head, scores in (("former head", before), ("new head" if before else "", metrics)):
            if scores is not None and "ece" in scores and "ece_balanced" in scores:
                name = f"{each.name}, {head}" if head else each.name
                rows.append([name, scores["ece"], scores["ece_balanced"]])
    return Table("Expected calibration error", ["run", *COUNTED], rows) if rows else None


def _table(result: Result, both: Sequence[Reliability]) -> Table:
    header = ["largest probability"]
    for name in COUNTED:
        header += [f"share, {name}", "mean probability", "of that class"]
    rows: list[list[str | int | float | None]] = []
    for place in range(BINS):
        columns = [
            [float(values[place]) for values in (found.weight, found.confidence, found.accuracy)]
            for found in both
        ]
        if columns[0][0]:
            edges = f"{place / BINS:.3f} to {(place + 1) / BINS:.3f}"
            rows.append([edges, *columns[0], *columns[1]])
    return Table(f"Run {result.name}: images by their largest probability", header, rows)
