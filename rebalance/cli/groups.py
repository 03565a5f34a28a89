"""Help that lists options in groups, each under the one that its declaration names."""

import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click

from rebalance.cli.colours import HEADING, painted
from rebalance.settings.option import GROUPS

FEW = 8  # options that stand in one list
WIDEST, NARROWEST = 30, 16  # columns of options that have what they do beside them
TEXT = 48  # columns that what they do should have
MEANINGS = {"Eyes": "Eyes, what looks at the images"}  # where the name says too little


class GroupedOption(click.Option):
    """An option with the group that help lists it in."""

    def __init__(self, *words: Any, group: str, **how: Any) -> None:
        super().__init__(*words, **how)
        assert group in GROUPS, group
        self.group = group


class Formatter(click.HelpFormatter):
    """Help whose headings stand out on a terminal."""

    def write_heading(self, heading: str) -> None:
        self.write(f"{'':>{self.current_indent}}{painted(f'{heading}:', sys.stdout, HEADING)}\n")


class Context(click.Context):
    """What a command is called with; its help is written by ``Formatter``."""

    formatter_class = Formatter


class GroupedCommand(click.Command):
    """A command whose help lists options by group, unless they are few.

    An option that names no group, as ``--help``, is listed with what is about running.
    """

    context_class = Context

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        listed: list[tuple[str, tuple[str, str]]] = []
        for param in self.get_params(ctx):
            record = None if isinstance(param, click.Argument) else param.get_help_record(ctx)
            if record is not None:
                listed.append((getattr(param, "group", "Running"), record))
        if len(listed) <= FEW:
            listed = [("Options", record) for _, record in listed]
        for group in ("Options", *GROUPS):
            if records := [record for own, record in listed if own == group]:
                with formatter.section(MEANINGS.get(group, group)):
                    _write(records, formatter)


def _write(records: Sequence[tuple[str, str]], formatter: click.HelpFormatter) -> None:
    """Write options beside what they do, for which a narrow terminal keeps room, too."""
    room = formatter.width - formatter.current_indent
    beside = min(WIDEST, max(NARROWEST, room - TEXT))
    formatter.write_dl([(_folded(words, room), text) for words, text in records], col_max=beside)


def _folded(words: str, room: int) -> str:
    """Break a long list of choices between two of them."""
    if len(words) <= room:
        return words
    lines = [""]
    for choice in re.split(r"(?<=\|)", words):
        if lines[-1] and len(lines[-1] + choice) > room:
            lines.append(" " * 6)
        lines[-1] += choice
    return "\n".join(lines)


def command(name: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Declare a command of this name."""
    return click.command(name, cls=GroupedCommand)


def option(group: str, *words: str, **how: Any) -> Callable[..., Any]:
    """Declare an option of the command line alone, and the group that it is listed in."""
    return click.option(*words, cls=GroupedOption, group=group, **how)
