"""``rebalance cache``."""

from pathlib import Path

import click

from rebalance.cli import console, groups


@groups.command("cache")
@groups.option("What", "--clear", is_flag=True, help="Delete everything rebalance keeps there.")
@groups.option(
    "What",
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The cache to look at. [default: $REBALANCE_CACHE_DIR or the user's cache]",
)
@groups.option("Output", "--json", "as_json", is_flag=True, help="Print one JSON document.")
def command(clear: bool, cache_dir: Path | None, as_json: bool) -> None:
    """Show how large the cache of features and trained extractors is, or clear it.

    \b
    Examples:
      rebalance cache
      rebalance cache --clear
    """
    from rebalance.features import cache

    root = cache.cache_root(cache_dir)
    parts = cache.usage(root)
    if clear:
        cache.clear(root)
    if as_json:
        record = {part.part: {"files": part.files, "bytes": part.size} for part in parts}
        console.print_json({"root": str(root), "cleared": clear, **record})
        return
    rows = [(part.part, part.files, f"{part.size / 1e6:.1f} MB") for part in parts]
    click.echo(console.table(("part", "files", "size"), rows))
    click.echo(f"\n{'cleared' if clear else 'in'} {console.printable(str(root))}")
