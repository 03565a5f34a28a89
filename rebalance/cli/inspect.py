"""``rebalance inspect``."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rebalance.cli import console, groups, options
from rebalance.cli.following import TEST, free, kept, then
from rebalance.errors import SettingError
from rebalance.settings import calls

if TYPE_CHECKING:
    from rebalance.inspection import Inspection, Span

SHOWN = 5  # findings of each kind; --json has all
UNEVEN = 1.5  # imbalance ratio from which on evening classes out comes next
BAR = 20  # columns that the largest class takes
EIGHTHS = " ▏▎▍▌▋▊▉█"


@groups.command("inspect")
@options.data
@options.of(calls.INSPECT)
@console.talk
def command(
    data: Path,
    fail_above: float | None,
    fail_on: tuple[str, ...],
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **parameters: Any,
) -> None:
    """Count the images of every class, and find what is wrong with them.

    The imbalance ratio is the size of the largest class over that of the smallest. A class has many
    images (more than 100), a medium number, or few (fewer than 20).

    Kinds of findings are unreadable, duplicates (equal files in one class), conflicts (equal files
    in different classes), leakage (equal files on both sides), near-duplicates, near-conflicts and
    near-leakage (different files that look the same), similar, similar-conflicts and
    similar-leakage (with --similar: different files whose features are similar), uniform (nearly
    nothing to see) and elongated (more than 3 times as long as wide).

    \b
    Examples:
      rebalance inspect photos/train
      rebalance inspect photos/train --against photos/test --json
      rebalance inspect photos/train --fail-above 10 --fail-on unreadable,conflicts
      rebalance inspect photos/train --similar 0.95 --html found.html
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance
    from rebalance.inspection import check_gates, check_kinds

    try:
        check_kinds(
            fail_on,
            against=parameters["against"] is not None,
            similar=parameters["similar"] is not None,
        )
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    found = rebalance.inspect(
        data, fail_above=fail_above, fail_on=fail_on, progress=progress, **parameters
    )
    if as_json:
        console.print_json(found.as_record())
    else:
        click.echo("\n\n".join(_parts(found)))
        if parameters["html"] is not None:
            click.echo(f"\nwrote {console.printable(str(parameters['html']))}")
    check_gates(found, fail_above, fail_on)
    then(*_next(data, found, parameters))


def _next(data: Path, found: "Inspection", given: Mapping[str, Any]) -> Iterator[str | Path]:
    """Even the classes out, or train where there is nothing to even out."""
    if found.imbalance_ratio >= UNEVEN:
        yield from ("undersample", data, "-o", free("balanced.csv"))
        yield from kept(calls.UNDERSAMPLE, given)
    else:
        yield from ("train", data, "--test", given["against"] or TEST, "-o", free("run"))
        yield from kept(calls.TRAIN, given)


def _parts(found: "Inspection") -> Iterator[str]:
    """Paragraphs: the classes, the whole, and each kind of finding that there is."""
    yield _classes(found)
    yield _whole(found)
    yield from _findings(found)


def _classes(found: "Inspection") -> str:
    header = ["class", "images", "unreadable", "share", "group"]
    rows: list[list[Any]] = [
        [
            name,
            count,
            count - found.readable[name],
            f"{found.shares[name]:.1%}",
            found.groups[name],
        ]
        for name, count in found.counts.items()
    ]
    text = console.table(header, rows)
    if not _draws_bars():
        return text
    largest = max(found.counts.values())
    first, *lines = text.splitlines()
    bars = (_bar(count / max(largest, 1)) for count in found.counts.values())
    # Lines are equally wide: their last column stands at the right.
    return "\n".join([first, *map("{}  {}".format, lines, bars)])


def _draws_bars() -> bool:
    """Tell whether stdout is a terminal whose encoding has blocks."""
    if not sys.stdout.isatty():
        return False
    try:
        EIGHTHS.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _bar(share: float) -> str:
    eighths = round(share * BAR * 8)
    return ("█" * (eighths // 8) + EIGHTHS[eighths % 8]).rstrip()


def _whole(found: "Inspection") -> str:
    groups = Counter(found.groups.values())
    text = (
        f"{sum(found.counts.values())} images in {len(found.counts)} classes; imbalance ratio "
        f"{found.imbalance_ratio:.2f}; {groups['many']} many, {groups['medium']} medium, "
        f"{groups['few']} few"
    )
    if found.widths is None or found.heights is None:
        return text
    modes = ", ".join(f"{mode} {count}" for mode, count in found.modes.items())
    return (
        f"{text}\n{_span('width', found.widths)}, {_span('height', found.heights)}; modes {modes}"
    )


def _span(what: str, span: "Span") -> str:
    if span.least == span.most:
        return f"{what} {span.least}"
    return f"{what} {span.least} to {span.most} (median {span.median})"


def _findings(found: "Inspection") -> Iterator[str]:
    from rebalance.inspection import KINDS

    new = "" if found.baseline is None else " new"
    for kind, some in found.findings.items():
        if some:
            told = f"{kind}: {len(some)}{new}"
            lines = [f"{console.heading(told)} ({KINDS[kind].meaning})"]
            lines += [f"  {finding}" for finding in some[:SHOWN]]
            if len(some) > SHOWN:
                lines.append(f"  and {len(some) - SHOWN} more; --json has all")
            yield "\n".join(lines)
    if not any(found.findings.values()):
        yield f"nothing{new} found wrong"
    if known := sum(found.known.values()):
        yield f"{known} known from the baseline"
