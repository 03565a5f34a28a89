"""Advice as a terminal shows it: the recommendation first, then what it rests on, in few lines.

Imports the standard library and our records; nothing heavier.
"""

import textwrap
from collections.abc import Iterator, Sequence

from rebalance.advice.words import questions
from rebalance.records import AdviceRecord

WIDEST, NARROWEST = 80, 20  # columns, whatever the terminal has
BULLET, INDENT = "- ", "  "
# Sentences of each part at most; the page has the others.
SEEN, NOT_HELPING, CUTTING, COLLECTING, OPEN = 3, 2, 1, 2, 1


def plain_text(record: AdviceRecord, folder: str, columns: int = WIDEST) -> str:
    """Write advice for a terminal, about forty lines of at most ``WIDEST`` columns.

    folder: where the advice was written. columns: those that the terminal has. Whatever cannot be
    printed is escaped.
    """
    width = max(min(columns, WIDEST), NARROWEST)
    second, collection = record["second"], record.get("collection")
    seen = sorted(record["looks"], key=lambda each: not each["warning"])
    sentences = [each["sentence"] for each in seen if each["sentence"]]
    parts = [
        _part("What to do", record["do"]["sentences"], width),
        _line(f"Do it: {_script(record, folder)}", width),
        _part("What was seen", sentences, width, SEEN),
        _part("What else was tried", record["no_help"], width, NOT_HELPING),
        _part("What cutting costs", record["cutting"], width, CUTTING),
        _part("Second choice", second["sentences"] if second else [], width),
        _part("What to collect", collection["answer"] if collection else [], width, COLLECTING),
        _part("Open questions", questions(record), width, OPEN),
    ]
    return "\n".join(part for part in parts if part)


def _script(record: AdviceRecord, folder: str) -> str:
    test = "" if record["story"]["test"] is not None else " TEST"
    return f"sh {folder}/do.sh{test}"


def _part(title: str, sentences: Sequence[str], width: int, most: int | None = None) -> str:
    if not sentences:
        return ""
    return "\n".join(_lines(title, sentences, width, most or len(sentences)))


def _lines(title: str, sentences: Sequence[str], width: int, most: int) -> Iterator[str]:
    more = len(sentences) - most
    yield textwrap.fill(f"{title} (the page has {more} more):" if more > 0 else f"{title}:", width)
    for each in sentences[:most]:
        yield _line(each, width)


def _line(text: str, width: int) -> str:
    return textwrap.fill(
        _printable(text),
        width,
        initial_indent=BULLET,
        subsequent_indent=INDENT,
        break_on_hyphens=False,
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
