"""The metrics that runs are compared by, and the best run in each.

May not import torch or click.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rebalance.reports.runs.results import Result, Stage


@dataclass(frozen=True)
class Headline:
    """A metric that runs are compared by.

    key: in ``metrics.json``; a dot leads into a record.
    """

    title: str
    key: str
    sign: int  # 1: the more the better, -1: the less


HEADLINES = (
    Headline("balanced accuracy", "balanced_accuracy", 1),
    Headline("G-mean", "gmean", 1),
    Headline("macro F1", "f1_macro", 1),
    Headline("ROC AUC", "roc_auc_ovr_macro", 1),
)
GAP = Headline("generalization gap", "generalization_gap.net", -1)
PARTS = {"true_positives": "true positives", "false_positives": "false positives"}
GAP_PER_FEATURE = Headline("gap per feature", "generalization_gap.net_per_feature", -1)


@dataclass(frozen=True)
class Score:
    """A cell of the table of scores.

    best: whether it is the best of all runs; never where there is nothing to beat.
    """

    value: float | None
    best: bool


def score_table(results: Sequence[Result]) -> tuple[list[str], list[tuple[str, list[Score]]]]:
    """Return the header, and for each run its name and its scores.

    The gap grows with the number of features: where networks have different numbers of them, it is
    told per feature.
    """
    headlines = [*HEADLINES, GAP_PER_FEATURE if widths_differ(results) else GAP]
    columns = [[_look_up(each.metrics, line.key) for each in results] for line in headlines]
    marked = [_mark(values, line.sign) for values, line in zip(columns, headlines, strict=True)]
    rows = [(each.name, [column[place] for column in marked]) for place, each in enumerate(results)]
    return ["run", *(line.title for line in headlines)], rows


def _mark(values: Sequence[float | None], sign: int) -> list[Score]:
    known = [value for value in values if value is not None]
    best = max(known, key=lambda value: sign * value) if len(set(known)) > 1 else None
    return [Score(value, value is not None and value == best) for value in values]


def _look_up(record: Mapping[str, Any] | None, key: str) -> float | None:
    found: Any = record
    for part in key.split("."):
        found = None if found is None else found.get(part)
    return None if found is None else float(found)


def _features(result: Result) -> int | None:
    net, each = (_look_up(result.metrics, line.key) for line in (GAP, GAP_PER_FEATURE))
    return round(net / each) if net and each else None


def comparable_gaps(results: Sequence[Result]) -> tuple[str, list[Sequence[Stage]]]:
    """Return the name of the gap per class, and its stages for each run.

    It is per feature where the networks have different numbers of them, as in the scores.
    """
    if not widths_differ(results):
        return GAP.title, [each.gaps for each in results]
    return f"{GAP.title} per feature", [
        [_divided(stage, _features(each) or 1) for stage in each.gaps] for each in results
    ]


def comparable_parts(results: Sequence[Result]) -> tuple[str, list[Sequence[Stage]]]:
    """Return the gap of true and of false positives for each run, where it is known.

    It is per feature as ``comparable_gaps`` is.
    """
    apart = widths_differ(results)
    what = f"{GAP.title} per feature" if apart else GAP.title
    found: list[Sequence[Stage]] = []
    for each in results:
        known = None if each.metrics is None else each.metrics.get("generalization_gap")
        gap: dict[str, Any] = {} if known is None else dict(known)
        stages = [
            Stage(title, gap[key]["per_class"]) for key, title in PARTS.items() if gap.get(key)
        ]
        width = _features(each) or 1
        found.append([_divided(stage, width) if apart else stage for stage in stages])
    return what, found


def _divided(stage: Stage, number: int) -> Stage:
    shares = {name: None if gap is None else gap / number for name, gap in stage.by_class.items()}
    return Stage(stage.name, shares)


def widths_differ(results: Sequence[Result]) -> bool:
    """Tell whether the networks have different numbers of features."""
    return len({_features(each) for each in results if each.metrics} - {None}) > 1
