"""``rebalance extractors``."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from rebalance.cli import console, groups, options
from rebalance.cli.following import free, then
from rebalance.errors import ExtractorError, some
from rebalance.settings import calls

if TYPE_CHECKING:
    from rebalance.records import ComparedRecord, ComparisonRecord, ListedExtractor

WIDEST = 100  # columns of text, however wide the terminal is
HEADER = ("extractor", "columns", "accuracy", "95%", "agree", "seconds", "images/s")
LEAST = 16  # columns that a name has at least
WEIGHTS = {True: "here", False: "to download", None: "none"}


@groups.command("extractors")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@groups.option(
    "What",
    "--compare",
    "data",
    metavar="DATA",
    type=click.Path(path_type=Path),
    help="Compare the extractors that are named on these images: a folder or a manifest.",
)
@options.of(calls.COMPARE_EXTRACTORS)
@console.talk
@click.pass_context
def command(
    context: click.Context,
    /,
    names: Sequence[str],
    data: Path | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **parameters: Any,
) -> None:
    """Say which extractors there are and what works here, or compare some on your images.

    Without NAME the kinds of extractors are told; with it, networks with this in their name, or a
    pattern such as 'timm:vit*'. Whether a library's weights are on this machine is looked for only
    then, as the library must be loaded for it.

    With --compare, NAME is what --extractor takes: imagenet, or a path, with its architecture after
    a colon where it needs one. Each is told with the columns of its layer; the balanced accuracy of
    a probe on images held out (accuracy), and the interval of it; how far neighbours agree with
    labels, from 0 by chance to 1; and how fast images passed through it, where they did.

    \b
    Examples:
      rebalance extractors
      rebalance extractors mobilenet
      rebalance extractors --compare photos/train imagenet:resnet50 imagenet:mobilenet_v2
      rebalance extractors --compare photos/train run weights.pth:mobilenet_v2 --json
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    if data is None:
        _check_alone(context, parameters)
        _list(names, as_json=as_json)
        return
    import rebalance

    found = rebalance.compare_extractors(data, names, progress=progress, **parameters)
    if as_json:
        console.print_json(found)
    else:
        click.echo("\n\n".join(_parts(found, get_terminal_size().columns)))
    if failed := found["failed"]:
        first = failed[0]
        others = f", and {len(failed) - 1} more" if len(failed) > 1 else ""
        raise ExtractorError(
            f"{len(failed)} of {len(failed) + len(found['extractors'])} extractors could not be "
            f"compared: {first['name']} ({first['why']}){others}"
        )
    then("undersample", data, "-o", free("balanced.csv"), *_best(found))


def _best(found: "ComparisonRecord") -> Sequence[str]:
    """The options of the extractor by which most images held out were told."""
    from rebalance.comparison.naming import asked_by, named
    from rebalance.settings import ExtractorOptions

    best = max(found["extractors"], key=lambda each: each["balanced_accuracy"])
    return asked_by(named(best["name"], ExtractorOptions()))


def _check_alone(context: click.Context, parameters: Mapping[str, Any]) -> None:
    """Raise UsageError for an option of comparing where nothing is compared."""
    for name in parameters:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            flag = calls.COMPARE_EXTRACTORS.keywords()[name].flag
            raise click.UsageError(f"{flag} says how extractors are compared: add --compare DATA")


def _list(names: Sequence[str], *, as_json: bool) -> None:
    """Print the kinds of extractors and what works of them, or networks of these names."""
    import rebalance

    found = rebalance.extractors(*names)
    if as_json:
        console.print_json({"extractors": found})
    elif names:
        click.echo("\n".join(_networks(found)))
    else:
        click.echo("\n\n".join(map(_kind, found)))


def _kind(each: "ListedExtractor") -> str:
    """A paragraph about a kind of extractor: its name, what it is, what is here of it."""
    width = min(get_terminal_size().columns, WIDEST)
    works = "works here" if each["works"] else "does not work here without a download"
    told = [each["says"], f"{works}: {each['state']}"]
    if each["install"] is not None:
        told = [each["says"], f"not installed: {each['install']}"]
    if each["weights"] and each["weights"] != [each["name"]]:
        told.append(some(each["weights"], quoted=False))
    return "\n".join(
        [console.heading(each["name"]), *(_wrapped(text, width, "  ") for text in told)]
    )


def _networks(found: "Sequence[ListedExtractor]") -> Iterator[str]:
    """Lines: the networks that were found, and of each kind how many there are."""
    rows = [
        (network["name"], WEIGHTS[network["weights"]])
        for each in found
        for network in each["found"] or ()
    ]
    if rows:
        yield console.table(("network", "weights"), rows, left=2)
        yield ""
    for each in found:
        if each["found"] is None:
            continue
        if each["install"] is not None:
            yield f"{each['name']}: not installed, {each['install']}"
        elif not each["networks"]:
            yield f"{each['name']}: no network of it is on this machine"
        else:
            number = len(each["found"] or ())
            yield f"{each['name']}: {number:,} of {each['networks']:,} networks"


def _parts(found: "ComparisonRecord", columns: int) -> Iterator[str]:
    """Paragraphs: the table, what it comes to, and what should be known of it."""
    from rebalance.comparison.naming import short_names

    names = short_names([each["name"] for each in found["extractors"]])
    rows = [_row(each) for each in found["extractors"]]
    widths = [max(map(len, column)) for column in zip(HEADER[1:], *rows, strict=True)]
    room = max(columns - sum(widths) - 2 * len(widths), LEAST)
    shown = (_within(console.printable(name), room) for name in names.values())
    yield console.table(HEADER, [(name, *row) for name, row in zip(shown, rows, strict=True)])
    images = sum(found["images"].values())
    told = f"{images:,} images of {len(found['images'])} classes"
    if found["groups"] is not None:
        told += f" in {found['groups']:,} groups"
    yield _wrapped(
        f"{told}, dealt out to {found['folds']} folds {found['repeats']} times.", columns
    )
    for sentences in (found["answer"], found["notes"]):
        if sentences:
            yield _wrapped(" ".join(sentences), columns)


def _row(each: "ComparedRecord") -> list[str]:
    held = "given" if each["extractor"]["kind"] == "file" else "cached"
    ends, agreement, speed = each["interval"], each["agreement"], each["images_per_second"]
    return [
        f"{each['columns']}",
        f"{100 * each['balanced_accuracy']:.1f}%",
        "" if ends is None else f"{100 * ends[0]:.1f}-{100 * ends[1]:.1f}",
        "" if agreement is None else f"{agreement:.2f}",
        held if speed is None else f"{each['seconds']:.1f}",
        "" if speed is None else f"{speed:.0f}",
    ]


def _within(name: str, room: int) -> str:
    """A name in so many columns: its end tells more than its beginning."""
    return name if len(name) <= room else "..." + name[3 - room :]


def _wrapped(text: str, columns: int, indent: str = "") -> str:
    return click.wrap_text(
        console.printable(text),
        min(columns, WIDEST),
        initial_indent=indent,
        subsequent_indent=indent,
    )
