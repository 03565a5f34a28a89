"""The report of a study: the answer in a sentence, in figures and in tables.

May not import torch or click; jinja2 and matplotlib are imported when the page is made.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rebalance.records import StoryRecord
from rebalance.reports.page import Picture, Report, data_address, render
from rebalance.studies import words
from rebalance.studies.answer import answer
from rebalance.studies.page import tables
from rebalance.studies.summaries import BETTER, WORSE, sign

if TYPE_CHECKING:
    from rebalance.figures.forest import Estimate
    from rebalance.reports.page import Table
    from rebalance.studies.results import Results

VERDICTS = {BETTER: 1, WORSE: -1}
APART = ("command",)  # parts of the story with a place of their own


def study_report(results: "Results", story: StoryRecord) -> Report:
    """Make the page on these results.

    story: as ``writing.write_results`` takes it.
    """
    data = words.place(story)
    figures: dict[str, bytes] = {}
    text = render(
        "study.html",
        title=f"Which rebalancing helps on {data}",
        answer=answer(results, data),
        notes=words.notes(results, story),
        metric=words.title(results.metric),
        comparisons=list(_comparisons(results, figures)),
        values=tables.value_table(results),
        metrics=tables.metric_tables(results, test=False),
        tests=tables.metric_tables(results, test=True),
        classes=tables.class_tables(results, story.get("counts", {})),
        cost=tables.cost_table(results),
        method=words.METHOD,
        of_test=words.OF_TEST,
        facts_=_facts(results),
        story=tables.story_table({key: told for key, told in story.items() if key not in APART}),
        command=story.get("command"),
    )
    return Report(text, figures)


def _facts(results: "Results") -> list[tuple[str, str | int]]:
    folds = len({fold for _, fold in results.pairs})
    return [
        ("treatments and controls", len(results.rows)),
        ("seeds", len(results.seeds)),
        ("folds", folds),
        ("runs", len(results.outcomes)),
        ("held out by a fold", f"{100 * results.held_out:.0f} %"),
    ]


def _comparisons(
    results: "Results", files: dict[str, bytes]
) -> Iterator[tuple[str, Picture, "Table"]]:
    """Yield the title, figure and numbers beside each control that is compared with."""
    from rebalance.figures import as_png, as_svg
    from rebalance.figures.canvas import DPI
    from rebalance.figures.forest import draw_forest

    way = "right" if sign(results.metric) > 0 else "left"
    for control, beside in words.BESIDE.items():
        rows = list(_estimates(results, control))
        if not rows:
            continue
        what = f"{words.title(results.metric)}, difference ({way} is better)"
        figure = draw_forest(rows, what)
        svg = files[f"beside-{control}.svg"] = as_svg(figure)
        files[f"beside-{control}.png"] = as_png(figure)
        width, height = (round(inches * DPI) for inches in figure.get_size_inches())
        address = data_address(svg, "image/svg+xml")
        picture = Picture(address, _alt(rows, beside), width, height)
        yield f"Beside {beside}", picture, tables.answer_table(results, control, beside)


def _estimates(results: "Results", control: str) -> "Iterator[Estimate]":
    from rebalance.figures.forest import Estimate

    for row in results.rows:
        difference = row.beside(control, results.metric)
        if difference is not None and difference.mean is not None:
            yield Estimate(
                words.name(row.treatment),
                difference.mean,
                difference.alone,
                difference.together,
                VERDICTS.get(difference.verdict, 0),
            )


def _alt(rows: "list[Estimate]", beside: str) -> str:
    better = sum(row.verdict > 0 for row in rows)
    worse = sum(row.verdict < 0 for row in rows)
    return (
        f"Interval plot of {len(rows)} treatments beside {beside}: {better} better, {worse} worse, "
        f"{len(rows) - better - worse} not distinguishable; from {rows[0].name} "
        f"{rows[0].value:+.3f} to {rows[-1].name} {rows[-1].value:+.3f}. The numbers are in the "
        "table."
    )
