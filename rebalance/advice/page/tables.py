"""The tables of the page of advice.

May not import torch or click.
"""

from collections.abc import Mapping, Sequence

from rebalance.advice.quantities import change, decimal, duration
from rebalance.advice.trials import measured, role
from rebalance.records import (
    AdviceRecord,
    AdviceStory,
    CandidateRecord,
    ChangeRecord,
    ClassChange,
    GainRecord,
)
from rebalance.reports.page import Table

Rows = list[list[str | int | float | None]]
Header = list[str]


def candidate_table(record: AdviceRecord) -> Table:
    """Show everything that was tried with its figures, the best first."""
    nothing = role(record, "nothing")
    tested = any(each["test_gain"] is not None for each in record["candidates"])
    header = ["treatment", "standing", "mean", "beside doing nothing", "beside prior"]
    header += [*(["on test images"] if tested else []), "class found least often"]
    header += ["calibration error", "images", "seconds", "trials"]
    rows: Rows = []
    for each in record["candidates"]:
        row: list[str | int | float | None] = [
            each["name"],
            _standing(each) if measured(each) or each is nothing else "hardly tried",
            "" if each["score"] is None else decimal(each["score"]),
            "" if each is nothing else _gain(each["gain"]),
            _gain(each["beside_prior"]),
        ]
        row += [_gain(each["test_gain"])] if tested else []
        row += [
            _changed(each["worst"]),
            _changed(each["calibration"]),
            f"{each['images']:g}",
            f"{each['seconds']:.1f}",
            each["gain"]["pairs"] or None,
        ]
        rows.append(row)
    return Table("All that was tried, with 95 % intervals for all of them at once", header, rows)


def class_table(classes: Sequence[ClassChange], counts: Mapping[str, int]) -> Table:
    """Show the recall of each class by doing nothing, and by what is recommended."""
    rows: Rows = []
    for each in classes:
        before, after = each["before"], each["after"]
        both = before is not None and after is not None
        rows.append(
            [
                each["name"],
                counts.get(each["name"]),
                before,
                after,
                change(after - before) if both and before is not None and after is not None else "",
            ]
        )
    header = ["class", "images", "doing nothing", "recommended", "difference"]
    return Table("Recall of each class, on the parts left out", header, rows)


def round_table(record: AdviceRecord) -> Table | None:
    """Show how the trying went: who was tried, and who was dropped when."""
    rows: Rows = [
        [
            number,
            each["pairs"],
            ", ".join(each["candidates"]),
            ", ".join(each["dropped"]) or "none",
            duration(each["seconds"]),
        ]
        for number, each in enumerate(record["rounds"], start=1)
    ]
    header = ["round", "trials by its end", "tried", "dropped after it", "time since the start"]
    return Table("Rounds", header, rows) if rows else None


def story_table(story: AdviceStory) -> Table:
    """Show what the advice was asked for, and with what."""
    seen = ", ".join(
        f"{name} {value}" for name, value in story["extractor"].items() if value is not None
    )
    rows: Rows = [
        ["data", story["data"]],
        ["test images", story["test"] or "none"],
        ["groups", story["groups"] or "none"],
        ["looked at by", seen],
        ["parts", story["folds"]],
        ["seed", story["seed"]],
        ["budget", duration(story["budget"])],
        ["ended", ENDED.get(story["ended"], story["ended"])],
        ["rebalance", story["version"]],
    ]
    return Table("How it was asked for", ["what", "value"], rows)


ENDED = {
    "settled": "settled: more trials on these images would change nothing",
    "budget": "the time was over",
    "pairs": "after all rounds",
}


def _standing(each: CandidateRecord) -> str:
    if each["dropped"] is None:
        return each["standing"]
    return f"{each['standing']}, dropped after round {each['dropped']}"


def _gain(gain: GainRecord | None) -> str:
    if gain is None or gain["mean"] is None:
        return ""
    if gain["low"] is None or gain["high"] is None:
        return change(gain["mean"])
    return _whole(f"{change(gain['mean'])} ({change(gain['low'])} to {change(gain['high'])})")


def _changed(found: ChangeRecord | None) -> str:
    """Show a score without a treatment and with it."""
    if found is None or found["before"] is None or found["after"] is None:
        return ""
    return _whole(f"{decimal(found['before'])} → {decimal(found['after'])}")


def _whole(text: str) -> str:
    """Keep a cell on one line where the page is narrow."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")
