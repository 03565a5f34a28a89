"""The parts of a page on runs: a figure with the table of its numbers, and how they are called.

May not import torch or click.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rebalance.reports.page import Picture, Table
from rebalance.reports.runs.results import Result

NAMED = 60  # classes: with more, a table of them is closed at first, and a matrix is cut short


@dataclass(frozen=True)
class FigureTable:
    """A figure of the page with the table of its numbers.

    folded: the table is closed at first.
    """

    picture: Picture
    table: Table
    folded: bool


class FileNames:
    """Names of files that are allowed anywhere, each given once."""

    def __init__(self) -> None:
        self._taken: set[str] = set()

    def __call__(self, name: str) -> str:
        """Turn ``name`` into one that is not yet taken."""
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", name)[:100]
        number = 2
        found = plain
        while found.lower() in self._taken:
            found, number = f"{plain}-{number}", number + 1
        self._taken.add(found.lower())
        return found


def legend(result: Result, results: Sequence[Result]) -> str:
    """Return what a figure calls the run; the only one needs no name."""
    return result.name if len(results) > 1 else ""
