"""ROC and precision-recall curves show how well each class is told from the rest.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from rebalance.metrics import Predictions
from rebalance.reports.figures import FigureFiles
from rebalance.reports.page import Table
from rebalance.reports.runs import words
from rebalance.reports.runs.parts import FigureTable, FileNames
from rebalance.reports.runs.results import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from rebalance.figures.ranking import RankingCurve

KINDS = ("ROC", "precision-recall")


def rankings(
    results: Sequence[Result], classes: Sequence[str], figures: FigureFiles
) -> Iterator[FigureTable]:
    """Draw two figures for each run whose predictions are kept, on two classes or more."""
    names = FileNames()
    for each in results:
        if each.predictions is not None and len(each.predictions.said.present) > 1:
            said = each.predictions.said
            yield from _of_run(each, said, classes, names, figures)


def _of_run(
    result: Result,
    said: Predictions,
    classes: Sequence[str],
    names: FileNames,
    figures: FigureFiles,
) -> Iterator[FigureTable]:
    from rebalance.figures.ranking import draw_precision_recall, draw_roc

    draws: Sequence[Callable[[Sequence[RankingCurve]], Figure]]
    draws = (draw_roc, draw_precision_recall)
    both = _curves(said, classes)
    table = _table(result, classes, both)
    for kind, curves, draw in zip(KINDS, both, draws, strict=True):
        alt = words.ranking_alt(kind, result.name, [(each.name, each.area) for each in curves])
        picture = figures.add(
            names(f"{kind.lower()}-{result.name}"), draw(curves), alt, f"Run {result.name}: {kind}"
        )
        yield FigureTable(picture, table, folded=True)


def _curves(
    said: Predictions, classes: Sequence[str]
) -> "tuple[Sequence[RankingCurve], Sequence[RankingCurve]]":
    """Make both curves of each class that has test images, in the order wanted."""
    from rebalance.figures.ranking import RankingCurve

    roc, precision = [], []
    for name in classes:
        label = said.classes.index(name)
        if said.support[label]:
            ranking = said.ranking(label)
            roc.append(RankingCurve(name, *ranking.roc_curve, ranking.roc_auc))
            curve = ranking.precision_recall_curve
            precision.append(RankingCurve(name, *curve, ranking.average_precision))
    return roc, precision


def _table(
    result: Result,
    classes: Sequence[str],
    both: "tuple[Sequence[RankingCurve], Sequence[RankingCurve]]",
) -> Table:
    areas = [{each.name: each.area for each in curves} for curves in both]
    rows = [[name, *(known.get(name) for known in areas)] for name in classes]
    header = ["class", "ROC AUC", "average precision"]
    return Table(f"Run {result.name}: areas under the curves", header, rows)
