"""``rebalance diff``."""

from pathlib import Path

import click

from rebalance.cli import console, groups
from rebalance.cli.following import page_of, then
from rebalance.errors import GateFailed


@groups.command("diff")
@click.argument("before", metavar="A.csv", type=click.Path(path_type=Path))
@click.argument("after", metavar="B.csv", type=click.Path(path_type=Path))
@groups.option(
    "What",
    "--fail-if-changed",
    is_flag=True,
    help="Exit with status 3 if the samples, or the order of classes, differ.",
)
@console.talk
def command(
    before: Path, after: Path, fail_if_changed: bool, as_json: bool, quiet: bool, verbose: bool
) -> None:
    """Say how many samples of each class are in both manifests, only in A, and only in B.

    A sample is an image, as often as it is repeated, or the recipe of a blend. --json lists those
    dropped and added. The images themselves are not looked at.

    \b
    Examples:
      rebalance diff monday.csv tuesday.csv
      rebalance diff monday.csv tuesday.csv --fail-if-changed --json
    """
    console.start(quiet=quiet, verbose=verbose)
    import rebalance

    found = rebalance.diff(before, after)
    dropped, added = len(found.dropped), len(found.added)
    if as_json:
        console.print_json(found.as_record())
    else:
        rows = [
            (name, change.kept, change.dropped, change.added)
            for name, change in found.changes.items()
        ]
        click.echo(console.table(("class", "kept", "dropped", "added"), rows))
        kept = sum(change.kept for change in found.changes.values())
        click.echo(f"\n{kept} samples kept, {dropped} dropped, {added} added")
        if found.before != found.after:
            click.echo("the classes, or their order, differ")
    if fail_if_changed and found.changed:
        why = "" if dropped or added else ", and the classes or their order differ"
        raise GateFailed(
            f"{dropped} samples dropped and {added} added{why} where --fail-if-changed allows no "
            "change: look at the difference, or take the gate away"
        )
    if found.changed:
        then(*page_of(after))
