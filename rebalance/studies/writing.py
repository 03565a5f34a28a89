"""The files of a study's results: all of them or none.

May not import torch or click; jinja2 and matplotlib are imported when the page is made.
"""

import csv
import io
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rebalance.atomic import make_folder, replacing
from rebalance.manifest import to_json
from rebalance.records import (
    OutcomeRecord,
    RowRecord,
    StoryRecord,
    StudyRecord,
    SummaryRecord,
    TreatmentRecord,
)
from rebalance.records.study import FORMAT
from rebalance.studies import words
from rebalance.studies.answer import answer
from rebalance.studies.tables import CSV_HEADER, class_rows, csv_rows, markdown, table

if TYPE_CHECKING:
    from rebalance.studies.outcomes import Outcome
    from rebalance.studies.results import Results, TreatmentRow
    from rebalance.studies.summaries import MetricSummary

FILES = ("study.csv", "study.json", "study.md", "study.html")


def write_results(folder: Path, results: "Results", story: StoryRecord) -> None:
    """Write ``study.csv``, ``study.json``, ``study.md`` and ``study.html``, over those of before.

    story: what the study was, for JSON and for the page: ``data`` (where they are), ``command`` (to
    make it again), and anything else that JSON can hold, which the page lists by its name where it
    is short. Equal results and stories give equal bytes. Raises OutputError where the folder
    cannot be written to.
    """
    from rebalance.studies.page import study_report

    texts = {
        "study.csv": as_csv(results),
        "study.json": to_json(as_record(results, story)),
        "study.md": as_markdown(results, story),
        "study.html": study_report(results, story).text,
    }
    make_folder(folder)
    with replacing(*(folder / file for file in FILES)) as places:
        for file, place in zip(FILES, places, strict=True):
            place.write_bytes(texts[file].encode("utf-8", "backslashreplace"))


def as_csv(results: "Results") -> str:
    """``study.csv``: a line for each treatment, each set scored on, and each metric."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(CSV_HEADER)
    writer.writerows(csv_rows(results))
    return file.getvalue()


def as_markdown(results: "Results", story: StoryRecord) -> str:
    """``study.md``: the answer, the table, and what to know of it."""
    parts = [
        " ".join(answer(results, words.place(story))),
        markdown(*table(results)).rstrip(),
    ]
    header, classes = class_rows(results, story.get("counts", {}))
    parts += [markdown(header, classes).rstrip()] if classes else []
    parts += [f"- {note}" for note in words.notes(results, story)]
    return "\n\n".join([*parts, words.METHOD]) + "\n"


def as_record(results: "Results", story: StoryRecord) -> StudyRecord:
    """``study.json``: the story, every row, and every outcome behind them."""
    return {
        "format": FORMAT,
        "story": story,
        "answer": answer(results, words.place(story)),
        "notes": words.notes(results, story),
        "metric": results.metric,
        "held_out": results.held_out,
        "comparisons": dict(results.comparisons),
        "rows": [_row(row) for row in results.rows],
        "outcomes": [_outcome(each) for each in results.outcomes],
    }


def _row(row: "TreatmentRow") -> RowRecord:
    return {
        "name": words.name(row.treatment),
        "treatment": cast(TreatmentRecord, asdict(row.treatment)),
        "role": row.role,
        "outcomes": row.outcomes,
        "images": row.images,
        "samples": row.samples,
        "seconds": row.seconds,
        "metrics": _summaries(row.metrics),
        "test": _summaries(row.test),
    }


def _summaries(found: "Mapping[str, MetricSummary]") -> dict[str, SummaryRecord]:
    return {name: cast(SummaryRecord, asdict(each)) for name, each in found.items()}


def _outcome(each: "Outcome") -> OutcomeRecord:
    return {
        "treatment": cast(TreatmentRecord, asdict(each.treatment)),
        "seed": each.seed,
        "fold": each.fold,
        "metrics": _numbers(each.metrics),
        "test": None if each.test is None else _numbers(each.test),
        "images": each.images,
        "samples": each.samples,
        "seconds": each.seconds,
    }


def _numbers(scores: Mapping[str, float]) -> dict[str, float | None]:
    """JSON has no NaN."""
    return {name: None if math.isnan(value) else value for name, value in scores.items()}
