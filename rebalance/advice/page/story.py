"""The page made of a record of advice: its sentences, and their figures beside them.

May not import torch or click; jinja2 and matplotlib are imported when the page is made.
"""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rebalance.advice.page import tables
from rebalance.advice.page.collection import collection
from rebalance.advice.page.sights import sights
from rebalance.advice.quantities import counted, duration
from rebalance.advice.trials import role
from rebalance.advice.words import questions
from rebalance.progress import Progress, silent
from rebalance.records import AdviceRecord, GainRecord
from rebalance.reports.figures import FigureFiles
from rebalance.reports.page import Picture, Report, Table, render
from rebalance.studies.words import place, title

if TYPE_CHECKING:
    from rebalance.figures.forest import Estimate


def advice_report(record: AdviceRecord, *, workers: int = 0, progress: Progress = silent) -> Report:
    """Make the page of a record of advice.

    It shows some of the images that something is to be known of, read by ``workers`` threads, where
    they still are where the record has them.
    """
    figures = FigureFiles()
    seen, note = sights(record, workers, progress)
    story = record["story"]
    text = render(
        "advice.html",
        title=f"What to do about imbalance in {place({'data': story['data']})}",
        record=record,
        warnings=[each["sentence"] for each in record["looks"] if each["warning"]],
        facts_=_facts(record),
        metric=title(story["metric"]),
        gains=list(_gains(record, figures)),
        candidates=tables.candidate_table(record),
        classes=_classes(record, figures),
        rounds=tables.round_table(record),
        seen=seen,
        collection=collection(record.get("collection"), figures),
        note=note,
        questions=questions(record),
        story=tables.story_table(story),
    )
    return Report(text, figures.files)


def _facts(record: AdviceRecord) -> list[tuple[str, str | int]]:
    story, rounds = record["story"], record["rounds"]
    return [
        ("images", story["images"]),
        ("classes", len(story["counts"])),
        ("test images", story["test_images"]),
        ("treatments tried", len(record["candidates"])),
        ("trials of the best", rounds[-1]["pairs"] if rounds else 0),
        ("time", duration(story["seconds"])),
    ]


def _gains(record: AdviceRecord, figures: FigureFiles) -> Iterator[tuple[str, Picture]]:
    """Draw how much better each treatment is than doing nothing, on folds and on test images."""
    from rebalance.figures.forest import draw_forest

    what = f"{title(record['story']['metric'])}, difference (right is better)"
    for name, heading in (("gain", "On the parts left out"), ("test_gain", "On the test images")):
        rows = list(_estimates(record, name))
        if rows:
            yield heading, figures.add(name, draw_forest(rows, what), _alt(rows, heading.lower()))


def _estimates(record: AdviceRecord, key: str) -> "Iterator[Estimate]":
    from rebalance.figures.forest import Estimate

    nothing = role(record, "nothing")
    for each in record["candidates"]:
        gain: GainRecord | None = each["gain"] if key == "gain" else each["test_gain"]
        if each is nothing or gain is None or gain["mean"] is None:
            continue
        low, high = gain["low"], gain["high"]
        if low is None or high is None:  # the table has it
            continue
        best = " (recommended)" if each["standing"] == "recommended" else ""
        verdict = (low > 0) - (high < 0)
        yield Estimate(f"{each['name']}{best}", gain["mean"], None, (low, high), verdict)


def _alt(rows: "Sequence[Estimate]", where: str) -> str:
    better = sum(row.verdict > 0 for row in rows)
    worse = sum(row.verdict < 0 for row in rows)
    return (
        f"Interval plot of {counted(len(rows), 'treatment')} beside doing nothing {where}: "
        f"{better} better, {worse} worse, {len(rows) - better - worse} not to be told apart. The "
        "numbers are in the table."
    )


def _classes(record: AdviceRecord, figures: FigureFiles) -> tuple[Picture, Table] | None:
    """Draw the recall of each class without what is recommended, and with it."""
    from rebalance.figures.dots import Dots, draw_dots

    best = role(record, "recommended")
    if best is None:
        return None
    counts = record["story"]["counts"]
    known = [each for each in best["classes"] if each["before"] is not None]
    known.sort(key=lambda each: -counts.get(each["name"], 0))
    if not known:
        return None
    before = [math.nan if each["before"] is None else each["before"] for each in known]
    after = [math.nan if each["after"] is None else each["after"] for each in known]
    stages = [before] if before == after else [before, after]
    figure = draw_dots([each["name"] for each in known], [Dots("", 0, stages)], "recall", 1.0)
    alt = (
        f"Recall of {counted(len(known), 'class', 'classes')}, the one with the most images first"
        + ("" if before == after else ", by doing nothing and by what is recommended")
        + ". The numbers are in the table."
    )
    caption = "" if before == after else "Hollow: by doing nothing. Filled: by what is recommended."
    return figures.add("classes", figure, alt, caption), tables.class_table(known, counts)
