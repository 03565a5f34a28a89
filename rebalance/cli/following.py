"""After a command, one line on the natural next one, as it can be typed."""

import os
import shlex
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import click

from rebalance.cli.colours import HINT, painted
from rebalance.settings import ExtractorOptions, FolderOptions
from rebalance.settings.calls import Call
from rebalance.settings.option import declared
from rebalance.settings.spelling import flags

TEST = "TEST"  # stands for what only the reader knows, as in help
KEPT = (*declared(FolderOptions), *declared(ExtractorOptions), "device", "cache_dir")


def then(*words: str | Path, program: str = "rebalance") -> None:
    """Tell a person what may come next; not where the output is for a program, or --quiet."""
    given = click.get_current_context().params
    if given.get("quiet") or given.get("as_json") or _in_pipe():
        return
    told = f"next: {shlex.join([program, *map(str, words)])}"
    with suppress(OSError):  # the work is done, whether or not somebody hears of it
        click.echo(painted(told, sys.stderr, HINT), err=True)


def kept(call: Call, given: Mapping[str, Any]) -> Iterator[str]:
    """The words by which ``call`` reads and sees the same images as the command before it."""
    known = call.keywords()
    return flags(call, {name: given[name] for name in KEPT if name in given and name in known})


def free(name: str | Path) -> Path:
    """Return a name that nothing has yet: this one, or with the first number that does."""
    path = Path(name)
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
    return path if not path.exists() else next(each for each in numbered if not each.exists())


def page_of(result: Path) -> tuple[str | Path, ...]:
    """The words that make a page about a manifest, or a run."""
    page = free(result.with_name(f"{result.stem if result.suffix == '.csv' else result.name}.html"))
    return "report", result, "-o", page


def _in_pipe() -> bool:
    """Tell whether another program reads the output, such as a pager that this line would mar."""
    try:
        return stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    except (OSError, ValueError, AttributeError):
        return False
