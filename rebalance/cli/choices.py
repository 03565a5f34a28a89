"""``rebalance choices``."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from shutil import get_terminal_size
from typing import TYPE_CHECKING

import click

from rebalance.cli import console, groups
from rebalance.cli.values import Registry

if TYPE_CHECKING:
    from rebalance.workflow.choices import ListedChoice, ListedOption

WIDEST = 100  # columns of text, however wide the terminal is


def _kinds() -> Sequence[str]:
    from rebalance.workflow.choices import KINDS

    return tuple(KINDS)


@groups.command("choices")
@click.argument("kinds", metavar="[KIND]...", nargs=-1, type=Registry(_kinds))
@groups.option("Output", "--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(kinds: Sequence[str], as_json: bool) -> None:
    """List what can be chosen: each entry in a sentence, with its options and their defaults.

    KIND is losses, regimes, thresholds, samplers, oversamplers, undersamplers and so on; without
    one, all kinds are named, and how to ask for each.

    \b
    Examples:
      rebalance choices
      rebalance choices regimes thresholds
      rebalance choices oversamplers --json
    """
    show(kinds, as_json=as_json)


def show(kinds: Sequence[str], *, as_json: bool) -> None:
    """Print the choices of these kinds; of none, the kinds."""
    from rebalance.workflow.choices import KINDS, choices

    if not kinds:
        asked = {name: list(kind.asked) for name, kind in KINDS.items()}
        if as_json:
            console.print_json(asked)
        else:
            rows = [(name, ", ".join(ways)) for name, ways in asked.items()]
            click.echo(console.table(("kind", "asked for by"), rows, left=2))
        return
    found = {kind: choices(kind) for kind in dict.fromkeys(kinds)}
    if as_json:
        listed = {kind: [asdict(each) for each in entries] for kind, entries in found.items()}
        console.print_json(listed)
        return
    blocks = [
        line for kind, entries in found.items() for line in _told(kind, KINDS[kind].asked, entries)
    ]
    click.echo("\n".join(blocks).rstrip())


def _told(kind: str, asked: Sequence[str], entries: "Sequence[ListedChoice]") -> Iterator[str]:
    yield f"{kind}, by {' or '.join(asked)}:" if asked else f"{kind}:"
    yield ""
    examples = dict.fromkeys(each.example for each in entries if each.example)
    for each in entries:
        yield console.heading(each.name)
        yield _wrapped(each.says, "  ")
        for need in each.needs:
            yield _wrapped(f"needs {need}", "  ")
        for option in each.options:
            yield _wrapped(_option(option), "    ", "      ")
        yield ""
    for example in examples:
        yield example
        yield ""


def _option(option: "ListedOption") -> str:
    if option.needed:
        name = f"{option.name} (needed)"
    elif option.default is None or "[default: " in option.says:
        name = option.name
    else:
        name = f"{option.name}={option.default}"
    return f"{name}: {option.says}"


def _wrapped(text: str, indent: str, further: str | None = None) -> str:
    width = min(get_terminal_size().columns, WIDEST)
    return click.wrap_text(
        console.printable(text), width, initial_indent=indent, subsequent_indent=further or indent
    )
