"""Colour for what matters, where somebody sees it: on a terminal, unless NO_COLOR is set."""

import os
import re
from io import StringIO
from typing import IO, Any

import click

ERROR: dict[str, Any] = {"fg": "red", "bold": True}
WARNING: dict[str, Any] = {"fg": "yellow", "bold": True}
HEADING: dict[str, Any] = {"bold": True}
HINT: dict[str, Any] = {"fg": "cyan"}


def painted(text: str, stream: IO[Any] | None, style: dict[str, Any]) -> str:
    """Return a text in this style where ``stream`` shows colours; else as it is."""
    return click.style(text, **style) if _shows_colours(stream) else text


def in_colour(error: click.ClickException, stream: IO[Any] | None) -> str:
    """Return what click says of an error, with the word Error in colour."""
    text = StringIO()
    error.show(text)
    word = painted("Error:", stream, ERROR)
    return re.sub("^Error:", lambda _: word, text.getvalue(), count=1, flags=re.MULTILINE)


def _shows_colours(stream: IO[Any] | None) -> bool:
    # https://no-color.org: set, and not empty
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream is not None and stream.isatty()
