"""Curves show how training went, by epoch: loss, error, validation, a last layer trained anew.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rebalance.reports.figures import FigureFiles
from rebalance.reports.page import Table
from rebalance.reports.runs import words
from rebalance.reports.runs.parts import FigureTable, legend
from rebalance.reports.runs.results import Epochs, Result

VALIDATION = ("val_balanced_accuracy", "val_f1_macro")  # columns that a validated run has


@dataclass(frozen=True)
class Panel:
    """A figure of values per epoch. name: of its files. what: names the values on their axis.

    columns: of the table of epochs; a second one is drawn dotted. titles: of the columns, where
    there are two. error: one minus the values is drawn. top: of the axis; None fits it.
    """

    name: str
    what: str
    columns: Sequence[str]
    titles: Sequence[str] = ("",)
    error: bool = False
    top: float | None = 1.0
    note: str = ""


LOSS = Panel("loss", "training loss", ["train_loss"], top=None)
ERROR = Panel(
    "error",
    "error",
    ["val_accuracy", "train_accuracy"],
    ["validation", "training"],
    error=True,
    note="The training error is that of the images as they were trained on, before each step.",
)
BALANCED = Panel("balanced-accuracy", "validation balanced accuracy", ["val_balanced_accuracy"])
F1 = Panel("macro-f1", "validation macro F1", ["val_f1_macro"])
HEAD = Panel(
    "head",
    "accuracy of the new head",
    ["val_balanced_accuracy", "train_accuracy"],
    ["validation, balanced", "training"],
    note="Training: of the rebalanced embeddings, before each step.",
)


@dataclass(frozen=True)
class _Line:
    """One column of one run, without the epochs that lack it."""

    title: str
    place: int
    dotted: bool
    epochs: Sequence[int]
    values: Sequence[float]
    frozen: int


def curves(results: Sequence[Result], figures: FigureFiles) -> Iterator[FigureTable]:
    """Draw loss and error of every run that has an epoch, and validation where there was one."""
    epochs = [each.epochs for each in results]
    for panel in (LOSS, ERROR, BALANCED, F1):
        yield from _figure(results, epochs, panel, figures)


def head_curve(results: Sequence[Result], figures: FigureFiles) -> FigureTable | None:
    """Draw the accuracy of last layers that were trained anew; None where there are none."""
    return next(_figure(results, [each.head_epochs for each in results], HEAD, figures), None)


def _figure(
    results: Sequence[Result], epochs: Sequence[Epochs], panel: Panel, figures: FigureFiles
) -> Iterator[FigureTable]:
    lines = list(_lines(results, epochs, panel))
    if lines:
        yield _drawn(lines, panel, figures)


def _lines(results: Sequence[Result], epochs: Sequence[Epochs], panel: Panel) -> Iterator[_Line]:
    for place, (each, course) in enumerate(zip(results, epochs, strict=True)):
        for number, (column, title) in enumerate(zip(panel.columns, panel.titles, strict=True)):
            values = course.columns.get(column, ())
            known = [at for at, value in enumerate(values) if not math.isnan(value)]
            if known:
                yield _Line(
                    ", ".join(filter(None, (legend(each, results), title))) or each.name,
                    place,
                    bool(number),
                    [course.numbers[at] for at in known],
                    [1 - values[at] if panel.error else values[at] for at in known],
                    sum(at < course.frozen for at in known),
                )


def _drawn(lines: Sequence[_Line], panel: Panel, figures: FigureFiles) -> FigureTable:
    from rebalance.figures.curves import Curve, draw_curves

    named = len(panel.columns) > 1 or len({line.place for line in lines}) > 1
    drawn = [
        Curve(
            line.title if named else "",
            line.place,
            line.epochs,
            line.values,
            line.frozen,
            line.dotted,
        )
        for line in lines
    ]
    figure = draw_curves(drawn, panel.what, top=panel.top)
    alt = words.curves_alt(panel.what, [(line.title, line.epochs, line.values) for line in lines])
    frozen = "Hollow marks: epochs with a frozen body." if any(x.frozen for x in lines) else ""
    caption = " ".join(filter(None, (frozen, panel.note)))
    picture = figures.add(panel.name, figure, alt, caption)
    return FigureTable(picture, _table(lines, panel), folded=True)


def _table(lines: Sequence[_Line], panel: Panel) -> Table:
    known = [dict(zip(line.epochs, line.values, strict=True)) for line in lines]
    numbers = sorted({number for values in known for number in values})
    rows = [[number, *(values.get(number) for values in known)] for number in numbers]
    title = f"{panel.what[0].upper()}{panel.what[1:]}, per epoch"
    return Table(title, ["epoch", *(line.title for line in lines)], rows)
