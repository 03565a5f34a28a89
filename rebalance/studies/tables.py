"""The rows of a study as text, for people and for machines.

Imports numpy and nothing heavier; may not import torch or click.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rebalance.studies.intervals import Interval
from rebalance.studies.outcomes import BY_CLASS
from rebalance.studies.summaries import MetricSummary, PairedDifference
from rebalance.studies.words import BESIDE, name, signed

if TYPE_CHECKING:
    from rebalance.studies.results import Results, TreatmentRow

_BESIDE = ("pairs", "difference", "low", "high", "low_together", "high_together", "verdict")
CSV_HEADER = (
    *("name", "rebalance", "loss", "regime", "threshold", "head", "mix", "classifier"),
    *("role", "scored_on", "metric"),
    *("outcomes", "values", "undefined", "median", "mean", "low", "high"),
    *("quartile_1", "quartile_3", "least", "most"),
    *(f"{control}_{what}" for control in BESIDE for what in _BESIDE),
    *("images", "samples", "seconds"),
)


def table(results: "Results") -> tuple[list[str], list[list[str]]]:
    """Return header and rows: the sorting metric, and what each treatment costs."""
    header = ["treatment", f"mean {results.metric} (95 %)", "median"]
    sides = [
        (control, test)
        for control, test in (*((each, False) for each in BESIDE), ("nothing", True))
        if any(row.beside(control, results.metric, test=test) for row in results.rows)
    ]
    header += [f"beside {control}{', test' * test}" for control, test in sides]
    header += ["images", "samples", "seconds"]
    return header, [list(_cells(row, results.metric, sides)) for row in results.rows]


def _cells(row: "TreatmentRow", metric: str, sides: Sequence[tuple[str, bool]]) -> Iterator[str]:
    found = row.metrics.get(metric)
    yield name(row.treatment)
    yield "" if found is None else mean(found)
    yield "" if found is None else number(found.median)
    for control, test in sides:
        beside = row.beside(control, metric, test=test)
        yield "" if beside is None else signed(beside)
    yield f"{row.images:g}"
    yield f"{row.samples:g}"
    yield f"{row.seconds:.1f}"


def class_rows(
    results: "Results", counts: Mapping[str, int], *, test: bool = False
) -> tuple[list[str], list[list[str]]]:
    """Return header and rows: the recall of each class without and with the best treatment.

    counts: the images of each class, by its name, where they are known. No rows where recalls were
    not measured, or there is nothing to compare.
    """
    nothing, best = results.nothing, results.best
    if nothing is None or best is None:
        return [], []
    without, with_best = (row.test if test else row.metrics for row in (nothing, best))
    keys = [key for key in without if key.startswith(BY_CLASS) and key in with_best]
    header = ["class", "images", "nothing", name(best.treatment), "difference"]
    rows = []
    for key in keys:
        label, difference = key.removeprefix(BY_CLASS), with_best[key].nothing
        images = str(counts.get(label, ""))
        told = "" if difference is None else signed(difference)
        rows.append([label, images, mean(without[key]), mean(with_best[key]), told])
    return header, rows


def number(value: float | None) -> str:
    """Write a number with three digits; nothing for None."""
    return "" if value is None else f"{value:.3f}"


def mean(found: MetricSummary) -> str:
    """Write the mean with its interval, where there is one."""
    return number(found.mean) + (f" ({span(found.interval)})" if found.interval else "")


def span(interval: Interval | None) -> str:
    """Write an interval such as ``0.712 to 0.745``; nothing for None."""
    return "" if interval is None else f"{interval.low:.3f} to {interval.high:.3f}"


def signed_span(interval: Interval | None) -> str:
    """Write an interval such as ``-0.012 to +0.045``; nothing for None."""
    return "" if interval is None else f"{interval.low:+.3f} to {interval.high:+.3f}"


def csv_rows(results: "Results") -> Iterator[list[Any]]:
    """Yield, under ``CSV_HEADER``, a line for each treatment, set scored on, and metric."""
    for row in results.rows:
        for scored_on, metrics in (("validation", row.metrics), ("test", row.test)):
            for metric, found in metrics.items():
                yield [
                    name(row.treatment),
                    *(row.treatment.rebalance, row.treatment.loss, row.treatment.regime),
                    *(row.treatment.threshold, row.treatment.head, row.treatment.mix),
                    row.treatment.classifier,
                    *(row.role, scored_on, metric),
                    *(row.outcomes, found.count, found.undefined, found.median, found.mean),
                    *_ends(found.interval),
                    *_ends(found.quartiles),
                    *_ends(found.extremes),
                    *_compared(found.nothing),
                    *_compared(found.random),
                    *_compared(found.prior),
                    *(row.images, row.samples, round(row.seconds, 3)),
                ]


def _ends(interval: Interval | None) -> tuple[float | None, float | None]:
    return (None, None) if interval is None else (interval.low, interval.high)


def _compared(found: PairedDifference | None) -> list[Any]:
    if found is None:
        return [None] * len(_BESIDE)
    ends = (*_ends(found.alone), *_ends(found.together))
    return [found.pairs, found.mean, *ends, found.verdict]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table of GitHub's Markdown; the first column to the left, the others to the right."""
    lines = [header, ["---", *("---:" for _ in header[1:])], *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def _cell(text: str) -> str:
    one_line = " ".join(text.split())
    for mark in "\\|`*_<~":
        one_line = one_line.replace(mark, "\\" + mark)
    return one_line
