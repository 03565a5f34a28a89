"""The tables of the page about a study.

May not import torch or click.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard

from rebalance.reports.page import Table
from rebalance.studies.outcomes import BY_CLASS
from rebalance.studies.summaries import UNTOLD, MetricSummary
from rebalance.studies.tables import class_rows, mean, number, signed_span, span
from rebalance.studies.words import capital, name, signed, title

if TYPE_CHECKING:
    from rebalance.studies.results import Results, TreatmentRow

Rows = list[list[str | int | float | None]]
Metrics = Mapping[str, MetricSummary]


def answer_table(results: "Results", control: str, beside: str) -> Table:
    """Show the rows beside one control, in the metric that they are sorted by."""
    rows: Rows = []
    for row in results.rows:
        difference = row.beside(control, results.metric)
        if difference is None:
            continue
        verdict = difference.verdict if difference.mean is not None else "no pair"
        rows.append(
            [
                name(row.treatment),
                "" if difference.mean is None else f"{difference.mean:+.3f}",
                verdict,
                signed_span(difference.together),
                signed_span(difference.alone),
                difference.pairs,
            ]
        )
    header = ["treatment", "difference", "verdict", "all at once, 95 %", "alone, 95 %", "pairs"]
    return _table(f"{capital(title(results.metric))} beside {beside}", header, rows)


def value_table(results: "Results") -> Table:
    """Show the rows with the spread of the metric that they are sorted by."""
    header = ["treatment", "mean (95 %)", "median", "quartiles", "least to most", "values"]
    rows: Rows = []
    for row in results.rows:
        found = row.metrics.get(results.metric)
        if found is None:
            continue
        rows.append(
            [
                name(row.treatment),
                mean(found),
                number(found.median),
                span(found.quartiles),
                span(found.extremes),
                found.count,
            ]
        )
    return _table(f"{capital(title(results.metric))}, validation images", header, rows)


def metric_tables(results: "Results", *, test: bool) -> list[Table]:
    """Show all metrics of all rows, then the same beside doing nothing; [] without metrics."""
    on = "test images" if test else "validation images"
    metrics = _metrics(results, test)
    if not metrics:
        return []
    header = ["treatment", *map(title, metrics)]
    means: Rows = [
        [name(row.treatment), *(_mean(_scores(row, test), metric) for metric in metrics)]
        for row in results.rows
    ]
    beside: Rows = [
        [name(row.treatment), *(_beside(_scores(row, test), metric) for metric in metrics)]
        for row in results.rows
        if row.role != "nothing"
    ]
    tables = [_table(f"Every metric, {on}: mean (95 %)", header, means)]
    if beside:
        caption = f"Every metric, {on}: beside doing nothing (all rows at once, 95 %)"
        tables.append(_table(caption, header, beside))
    return tables


def class_tables(results: "Results", counts: Mapping[str, int]) -> list[Table]:
    """Show the recall of each class without and with the best treatment, where it was measured.

    counts: the images of each class, by its name, where they are known.
    """
    found = []
    for test in (False, True):
        header, lines = class_rows(results, counts, test=test)
        rows: Rows = [[*line] for line in lines]
        if rows:
            on = "test images" if test else "validation images"
            found.append(_table(f"Recall of each class, {on}: mean (95 %)", header, rows))
    return found


def cost_table(results: "Results") -> Table:
    """Show what one pair of seed and fold costs, at the median."""
    nothing = results.nothing
    rows: Rows = []
    for row in results.rows:
        times = row.seconds / nothing.seconds if nothing and nothing.seconds else None
        rows.append(
            [
                name(row.treatment),
                f"{row.images:g}",
                f"{row.samples:g}",
                f"{row.seconds:.1f}",
                "" if times is None else f"{times:.2f}x",
                row.outcomes,
            ]
        )
    header = ["treatment", "images", "samples in an epoch", "seconds", "of doing nothing", "pairs"]
    return _table("What one seed and fold costs (median)", header, rows)


def story_table(story: Mapping[str, Any]) -> Table | None:
    """Show by name what the study was; what is longer is left to study.json."""
    rows: Rows = [
        [key.replace("_", " "), _told(value)] for key, value in story.items() if _short(value)
    ]
    return Table("The study", ["what", "value"], rows) if rows else None


def _table(caption: str, header: Sequence[str], rows: Rows) -> Table:
    """Make a table whose intervals stay on one line where the page is narrow."""
    whole = [
        [each.replace(" ", "\N{NO-BREAK SPACE}") if _is_span(each) else each for each in row]
        for row in rows
    ]
    return Table(caption, header, whole)


def _is_span(cell: str | int | float | None) -> TypeGuard[str]:
    return isinstance(cell, str) and " to " in cell


def _short(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return len(value) <= 40 and all(isinstance(each, str | int | float) for each in value)
    if isinstance(value, Mapping):
        return len(value) <= 40 and all(
            isinstance(each, str | int | float | bool | None) for each in value.values()
        )
    return value is not None and isinstance(value, str | int | float | bool)


def _told(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {each}" for key, each in value.items() if each is not None)
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _scores(row: "TreatmentRow", test: bool) -> Metrics:
    return row.test if test else row.metrics


def _metrics(results: "Results", test: bool) -> Sequence[str]:
    """List the metrics, the sorting one first."""
    names = [key for row in results.rows for key in _scores(row, test)]
    known = dict.fromkeys(key for key in names if not key.startswith(BY_CLASS))
    return sorted(known, key=lambda key: key != results.metric)


def _mean(metrics: Metrics, metric: str) -> str:
    found = metrics.get(metric)
    return "" if found is None else mean(found)


def _beside(metrics: Metrics, metric: str) -> str:
    found = metrics.get(metric)
    if found is None or found.nothing is None:
        return ""
    verdict = found.nothing.verdict
    return signed(found.nothing, word=verdict != UNTOLD)
