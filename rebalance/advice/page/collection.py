"""The page of advice shows what to collect: curves of the classes that gain most, and numbers.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rebalance.advice.quantities import change
from rebalance.collection.words import units_of
from rebalance.records import CollectionRecord
from rebalance.reports.figures import FigureFiles
from rebalance.reports.page import Picture, Table

DRAWN = 6  # classes in the figure, those that gain most
AHEAD = 4.0  # times what a class has: how far ahead the figure reaches


@dataclass(frozen=True)
class Collection:
    """The section on what to collect. picture: None where no class has a curve."""

    answer: Sequence[str]
    notes: Sequence[str]
    picture: Picture | None
    table: Table


def collection(record: CollectionRecord | None, figures: FigureFiles) -> Collection | None:
    """Show what more images would bring; None where that was not asked."""
    if record is None:
        return None
    return Collection(record["answer"], record["notes"], _picture(record, figures), _table(record))


def _picture(record: CollectionRecord, figures: FigureFiles) -> Picture | None:
    from rebalance.figures.growth import LearningCurve, draw_growth

    curves = []
    for need in record["classes"]:
        now = units_of(need)
        if not need["curve"] or not now:
            continue
        last = need["curve"][-1]["balanced_accuracy"]
        ahead = []
        for gain in need["gains"]:
            low, high = gain["interval"]
            if gain["times"] <= AHEAD:
                expected = last + gain["balanced_accuracy"]
                ahead.append((gain["times"], expected, last + low, last + high))
        times = [point["size"] / now for point in need["curve"]]
        values = [point["balanced_accuracy"] for point in need["curve"]]
        curves.append(LearningCurve(need["label"], times, values, ahead))
    if not curves:
        return None
    alt = (
        f"Learning curves of {len(curves[:DRAWN])} of {len(record['classes'])} classes: balanced "
        "accuracy with fewer of a class, and what is expected of more. The numbers are in the "
        "table."
    )
    caption = "Whole lines: measured. Dashed: expected, with intervals. The upright line is now."
    figure = draw_growth(curves[:DRAWN], "balanced accuracy")
    return figures.add("collection", figure, alt, caption)


def _table(record: CollectionRecord) -> Table:
    unit = record["unit"]
    rows: list[list[str | int | float | None]] = [
        [
            need["label"],
            units_of(need),
            need["recall"],
            "; ".join(
                f"{gain['more']} more: {change(gain['balanced_accuracy'])} "
                f"({change(gain['interval'][0])} to {change(gain['interval'][1])})"
                for gain in need["gains"]
            )
            or (need["unknown"] or ""),
            ", ".join(each["name"] for each in need["subclasses"] if each["short"]) or "none",
        ]
        for need in record["classes"]
    ]
    header = ["class", unit, "recall now", "expected gain in balanced accuracy", "short subclasses"]
    return Table(f"What more {unit} of a class would bring", header, rows)
