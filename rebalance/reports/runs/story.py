"""The report of training runs: how training went, and what it led to, side by side.

May not import torch or click; jinja2 and matplotlib are imported when the page is made.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rebalance.reports.figures import FigureFiles
from rebalance.reports.page import Picture, Report, Table, data_address, render
from rebalance.reports.runs import tables, words
from rebalance.reports.runs.results import Result, Stage, by_size, read_results
from rebalance.reports.runs.scores import comparable_gaps, score_table, widths_differ

if TYPE_CHECKING:
    pass

NAMED = 60  # classes: with more, a table of them is closed at first, and a matrix is cut short
VALIDATION = {  # columns of summary.csv: what they are, and the files of their figure
    "val_balanced_accuracy": ("validation balanced accuracy", "balanced-accuracy"),
    "val_f1_macro": ("validation macro F1", "macro-f1"),
}


@dataclass(frozen=True)
class FigureTable:
    """A figure of the page with the table of its numbers.

    folded: the table is closed at first.
    """

    picture: Picture
    table: Table
    folded: bool


def run_report(paths: Sequence[Path | str]) -> Report:
    """Make the page on the runs in those folders, in that order.

    A run that has not ended has its curves alone. Raises as ``results.read_results``: SettingError
    for no run and for one that is given twice, DataError for a folder that is no run, one that is
    damaged, and runs over different classes.
    """
    results = read_results(paths)
    classes, figures = (
        by_size(results),
        FigureFiles(address=partial(data_address, kind="image/svg+xml")),
    )
    header, scores = score_table(results)
    text = render(
        "runs.html",
        title=words.title(results),
        lead=words.lead(results),
        warnings=words.warnings(results),
        missing=[(each.name, each.missing) for each in results if each.missing],
        training=tables.training_table(results),
        score_header=header,
        scores=scores,
        scored=any(each.metrics for each in results),
        curves=list(_curves(results, figures)),
        hints=words.validation_hints(results, tuple(VALIDATION)),
        confusions=list(_confusions(results, classes, figures)),
        recall=_recall(results, classes, figures),
        groups=tables.group_table(results),
        gap=_gap(results, classes, figures),
        gap_per_feature=widths_differ(results),
        options=tables.option_table(results),
    )
    return Report(text, figures.files)


def _curves(results: Sequence[Result], figures: FigureFiles) -> Iterator[FigureTable]:
    """Draw the loss of every run that has an epoch, and validation where there was one."""
    panels = {"train_loss": ("training loss", "loss"), **VALIDATION}
    for column, (what, name) in panels.items():
        if any(column in each.epochs.columns for each in results):
            yield _curve(results, column, what, name, figures)


def _curve(
    results: Sequence[Result], column: str, what: str, name: str, figures: FigureFiles
) -> FigureTable:
    from rebalance.figures.curves import Curve, draw_curves

    lines = [
        Curve(
            _legend(each, results),
            place,
            each.epochs.numbers,
            each.epochs.columns[column],
            each.epochs.frozen,
        )
        for place, each in enumerate(results)
        if column in each.epochs.columns
    ]
    figure = draw_curves(lines, what, top=None if column == "train_loss" else 1.0)
    alt = words.curves_alt(
        what, [(results[line.place].name, line.epochs, line.values) for line in lines]
    )
    caption = "Hollow marks: epochs with a frozen body." if any(x.frozen for x in lines) else ""
    picture = figures.add(name, figure, alt, caption)
    return FigureTable(
        picture, tables.epoch_table(results, column, what[0].upper() + what[1:]), folded=True
    )


def _confusions(
    results: Sequence[Result], classes: Sequence[str], figures: FigureFiles
) -> Iterator[FigureTable]:
    from rebalance.figures.confusion import draw_confusion

    taken: set[str] = set()
    for each in results:
        if each.metrics is None:
            continue
        matrix = _matrix(each, classes)
        alt = words.confusion_alt(each.name, matrix, classes)
        name = _file_name(f"confusion-{each.name}", taken)
        picture = figures.add(name, draw_confusion(matrix, classes), alt, f"Run {each.name}")
        table = tables.confusion_table(matrix, classes, NAMED, each.name)
        yield FigureTable(picture, table, folded=True)


def _matrix(result: Result, classes: Sequence[str]) -> NDArray[np.int64]:
    """Return the confusion matrix of a run that has ended, its classes in the order wanted."""
    assert result.metrics is not None
    own = list(result.metrics["per_class"])
    order = [own.index(name) for name in classes]
    matrix = np.array(result.metrics["confusion_matrix"], dtype=np.int64)
    return matrix[np.ix_(order, order)]


def _file_name(name: str, taken: set[str]) -> str:
    """Turn ``name`` into a file name that is allowed anywhere and not yet taken."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:100]
    number = 2
    found = plain
    while found.lower() in taken:
        found, number = f"{plain}-{number}", number + 1
    taken.add(found.lower())
    return found


def _recall(
    results: Sequence[Result], classes: Sequence[str], figures: FigureFiles
) -> FigureTable | None:
    rows = [(place, each, each.recalls) for place, each in enumerate(results) if each.recalls]
    if not rows:
        return None
    picture = _dots("recall", "recall", 1.0, results, rows, classes, figures)
    table = tables.recall_table(results, classes)
    return FigureTable(picture, table, folded=len(classes) > NAMED)


def _gap(
    results: Sequence[Result], classes: Sequence[str], figures: FigureFiles
) -> FigureTable | None:
    what, gaps = comparable_gaps(results)
    rows = [
        (place, each, stages)
        for place, (each, stages) in enumerate(zip(results, gaps, strict=True))
        if stages
    ]
    if not rows:
        return None
    picture = _dots("gap", what, None, results, rows, classes, figures)
    table = tables.gap_table(results, gaps, what, classes)
    return FigureTable(picture, table, folded=len(classes) > NAMED)


def _dots(
    name: str,
    what: str,
    top: float | None,
    results: Sequence[Result],
    rows: Sequence[tuple[int, Result, Sequence[Stage]]],
    classes: Sequence[str],
    figures: FigureFiles,
) -> Picture:
    from rebalance.figures.dots import Dots, draw_dots

    runs = [
        Dots(_legend(each, results), place, [tables.as_numbers(stage, classes) for stage in stages])
        for place, each, stages in rows
    ]
    named = [(each.name, stages) for _, each, stages in rows]
    alt = words.dots_alt(what, named, classes)
    return figures.add(name, draw_dots(classes, runs, what, top), alt, words.stages_caption(named))


def _legend(result: Result, results: Sequence[Result]) -> str:
    """Return what a figure calls the run; the only one needs no name."""
    return result.name if len(results) > 1 else ""
