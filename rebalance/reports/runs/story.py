"""The report of training runs: how training went, and what it led to, side by side.

May not import torch or click; jinja2 and matplotlib are imported when the page is made.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rebalance.reports.figures import FigureFiles
from rebalance.reports.page import Picture, Report, data_address, render
from rebalance.reports.runs import tables, words
from rebalance.reports.runs.courses import VALIDATION, curves, head_curve
from rebalance.reports.runs.maps import maps
from rebalance.reports.runs.mistakes import galleries
from rebalance.reports.runs.parts import NAMED, FigureTable, FileNames, legend
from rebalance.reports.runs.ranked import rankings
from rebalance.reports.runs.reliable import calibration_table, reliabilities
from rebalance.reports.runs.results import Result, Stage, by_size, read_results
from rebalance.reports.runs.scores import (
    comparable_gaps,
    comparable_parts,
    score_table,
    widths_differ,
)

NORMS = "norm of the weights"


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
        curves=list(curves(results, figures)),
        hints=words.validation_hints(results, VALIDATION),
        head=head_curve(results, figures),
        confusions=list(_confusions(results, classes, figures)),
        recall=_recall(results, classes, figures),
        groups=tables.group_table(results),
        rankings=list(rankings(results, classes, figures)),
        absent=words.absent(results),
        reliabilities=list(reliabilities(results, figures)),
        calibration=calibration_table(results),
        gap=_by_class("gap", *comparable_gaps(results), results, classes, figures),
        gap_parts=_gap_parts(results, classes, figures),
        norms=_by_class("norms", NORMS, [x.norms for x in results], results, classes, figures),
        maps=list(maps(results, classes, figures)),
        galleries=list(galleries(results)),
        gap_per_feature=widths_differ(results),
        options=tables.option_table(results),
    )
    return Report(text, figures.files)


def _confusions(
    results: Sequence[Result], classes: Sequence[str], figures: FigureFiles
) -> Iterator[FigureTable]:
    from rebalance.figures.confusion import draw_confusion

    names = FileNames()
    for each in results:
        if each.metrics is None:
            continue
        matrix = _matrix(each, classes)
        alt = words.confusion_alt(each.name, matrix, classes)
        name = names(f"confusion-{each.name}")
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


def _recall(
    results: Sequence[Result], classes: Sequence[str], figures: FigureFiles
) -> FigureTable | None:
    rows = [(place, each, each.recalls) for place, each in enumerate(results) if each.recalls]
    if not rows:
        return None
    picture = _dots("recall", "recall", 1.0, results, rows, classes, figures)
    table = tables.recall_table(results, classes)
    return FigureTable(picture, table, folded=len(classes) > NAMED)


def _by_class(
    name: str,
    what: str,
    found: Sequence[Sequence[Stage]],
    results: Sequence[Result],
    classes: Sequence[str],
    figures: FigureFiles,
) -> FigureTable | None:
    """Draw a number of each class in the stages of each run; None where no run has one."""
    rows = [
        (place, each, stages)
        for place, (each, stages) in enumerate(zip(results, found, strict=True))
        if stages
    ]
    if not rows:
        return None
    picture = _dots(name, what, None, results, rows, classes, figures)
    table = tables.stage_table(results, found, what, classes)
    return FigureTable(picture, table, folded=len(classes) > NAMED)


def _gap_parts(
    results: Sequence[Result], classes: Sequence[str], figures: FigureFiles
) -> FigureTable | None:
    """Draw the gap of true against that of false positives, as runs decide in the end."""
    what, parts = comparable_parts(results)
    return _by_class("gap-of-positives", f"{what} of positives", parts, results, classes, figures)


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
        Dots(legend(each, results), place, [tables.as_numbers(stage, classes) for stage in stages])
        for place, each, stages in rows
    ]
    named = [(each.name, stages) for _, each, stages in rows]
    alt = words.dots_alt(what, named, classes)
    return figures.add(name, draw_dots(classes, runs, what, top), alt, words.stages_caption(named))
