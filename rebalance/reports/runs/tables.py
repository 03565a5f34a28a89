"""The tables of a report of runs.

May not import torch or click.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.metrics.summary import FEW, MANY
from rebalance.records import HeadRecord, PhaseRecord
from rebalance.reports.page import Table
from rebalance.reports.runs.results import Result, Stage
from rebalance.scoring.classifiers import classifier_of
from rebalance.scoring.thresholds import THRESHOLDS, parsed

MISTAKES = 30  # rows of a table of the most frequent ones
LONGEST = 120  # characters of an option's value

Cell = str | int | float | None


def training_table(results: Sequence[Result]) -> Table:
    """Show what each run was trained on, and how."""
    header = ("run", "loss", "recipe", "sampler", "regime", "decides by", "data", "epochs", "seed")
    return Table("What was trained", header, [_training_row(each) for each in results])


def _training_row(result: Result) -> list[Cell]:
    options = result.options
    loss = {name: value for name, value in options["loss"].items() if name != "name"}
    named = ", ".join(f"{name}={_shown(value, 24)}" for name, value in loss.items())
    threshold, classifier = options["threshold"], options["classifier"]
    rule = classifier_of(classifier).label
    name = parsed(threshold).name
    head = options.get("head")
    return [
        result.name,
        options["loss"]["name"] + (f" ({named})" if named else ""),
        f"{options['recipe']['name']}, {options['network']['arch'] or 'default network'}",
        options["sampler"],
        options["regime"] + _begun_by(options.get("phase")),
        f"{rule}, threshold {threshold}" if THRESHOLDS[name].changes else rule,
        options["source"]["data"] + (f"; head: {_taught_by(head)}" if head else ""),
        len(result.epochs.numbers),
        options["seed"],
    ]


def _begun_by(phase: PhaseRecord | None) -> str:
    """Return what a run chose for its first phase, in brackets."""
    chosen = [value for value in (phase or {}).values() if value is not None]
    return f" ({', '.join(map(str, chosen))})" if chosen else ""


def _taught_by(head: HeadRecord) -> str:
    """Return what a head was trained anew by."""
    sampled = head.get("sampled")
    return head.get("manifest", "") if sampled is None else str(sampled["method"])


def recall_table(results: Sequence[Result], classes: Sequence[str]) -> Table:
    """Show recall of every class in every stage, beside its training and its test images."""
    scored = [each for each in results if each.metrics]
    counts = _distinct([(each.name, each.counts) for each in results])
    tests = _distinct([(each.name, test_images(each)) for each in scored])
    header = ["class", *_titles("training images", counts), *_titles("test images", tests)]
    header += _stage_titles([(each, each.recalls) for each in scored])
    rows: list[list[Cell]] = [
        [
            name,
            *(sizes[name] for _, sizes in counts),
            *(sizes[name] for _, sizes in tests),
            *(stage.by_class.get(name) for each in scored for stage in each.recalls),
        ]
        for name in classes
    ]
    return Table("Recall per class", header, rows)


def test_images(result: Result) -> dict[str, int]:
    """Count the test images of each class, from a run that has ended."""
    assert result.metrics is not None
    return {name: int(each["support"]) for name, each in result.metrics["per_class"].items()}


def stage_table(
    results: Sequence[Result], found: Sequence[Sequence[Stage]], what: str, classes: Sequence[str]
) -> Table:
    """Show a number of every class in every stage. found: the stages of each run."""
    having = [(each, stages) for each, stages in zip(results, found, strict=True) if stages]
    rows: list[list[Cell]] = [
        [name, *(stage.by_class.get(name) for _, stages in having for stage in stages)]
        for name in classes
    ]
    return Table(f"{what[0].upper()}{what[1:]} per class", ["class", *_stage_titles(having)], rows)


def group_table(results: Sequence[Result]) -> Table | None:
    """Show the mean recall of classes with many, medium and few training images.

    None where that is unknown.
    """
    titles = (f"many (over {MANY})", f"medium ({FEW} to {MANY})", f"few (under {FEW})")
    rows: list[list[Cell]] = [
        [each.name, *(_group(groups[name]) for name in ("many", "medium", "few"))]
        for each in results
        if each.metrics and (groups := each.metrics.get("groups"))
    ]
    if not rows:
        return None
    return Table("Mean recall of classes by their training images", ("run", *titles), rows)


def _group(group: Mapping[str, Any]) -> str:
    number = group["classes"]
    if not number:
        return "no class"
    return f"{group['accuracy']:.3f} ({number} class{'es' if number > 1 else ''})"


def confusion_table(
    matrix: NDArray[np.int64], classes: Sequence[str], named: int, run: str
) -> Table:
    """Show the whole matrix; with more classes than ``named``, the most frequent mistakes."""
    if len(classes) <= named:
        rows: list[list[Cell]] = [
            [name, *line] for name, line in zip(classes, matrix.tolist(), strict=True)
        ]
        return Table(
            f"Run {run}: images of a class (row) by the class decided on (column)",
            ("true class", *classes),
            rows,
        )
    worst = list(_mistakes(matrix))[:MISTAKES]
    rows = [[classes[true], classes[taken], int(matrix[true, taken])] for true, taken in worst]
    return Table(
        f"Run {run}: the most frequent mistakes; metrics.json has all",
        ("true class", "decided on", "images"),
        rows,
    )


def _mistakes(matrix: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """List cells beside the diagonal that hold something, the largest first.

    Ties are in reading order.
    """
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    for cell in np.argsort(-wrong, axis=None, kind="stable").tolist():
        true, taken = divmod(cell, len(matrix))
        if not wrong[true, taken]:
            return
        yield true, taken


def option_table(results: Sequence[Result]) -> Table:
    """Show every option of every run, under its dotted name; class sizes have another table."""
    flat = [dict(_flatten({**each.options, "counts": None})) for each in results]
    names = [name for name in dict.fromkeys(n for each in flat for n in each) if name != "counts"]
    rows: list[list[Cell]] = []
    for name in names:
        values = [_shown(each[name], LONGEST) if name in each else "" for each in flat]
        differs = ["differs" if len(set(values)) > 1 else ""] if len(results) > 1 else []
        rows.append([name, *values, *differs])
    last = ["between runs"] if len(results) > 1 else []
    return Table("What runs were begun with", ["option", *(r.name for r in results), *last], rows)


def _flatten(options: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in options.items():
        if isinstance(value, dict) and name != "counts":
            yield from _flatten(value, f"{prefix}{name}.")
        elif name != "counts":
            yield prefix + name, value


def _shown(value: Any, longest: int) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _distinct(
    sizes: Sequence[tuple[str, Mapping[str, int]]],
) -> Sequence[tuple[str, Mapping[str, int]]]:
    """Return one value for all runs, where all agree."""
    return sizes[:1] if all(each == sizes[0][1] for _, each in sizes) else sizes


def _titles(what: str, sizes: Sequence[tuple[str, Mapping[str, int]]]) -> list[str]:
    return [what if len(sizes) == 1 else f"{name}: {what}" for name, _ in sizes]


def _stage_titles(runs: Sequence[tuple[Result, Sequence[Stage]]]) -> list[str]:
    if len(runs) == 1:
        return [stage.name for stage in runs[0][1]]
    return [
        f"{each.name}: {stage.name}" if len(stages) > 1 else each.name
        for each, stages in runs
        for stage in stages
    ]


def as_numbers(stage: Stage, classes: Sequence[str]) -> list[float]:
    """Return a number for each class [K]; NaN where it has none."""
    found = (stage.by_class.get(name) for name in classes)
    return [math.nan if value is None else value for value in found]
