"""``rebalance undersample``."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rebalance.cli import console, groups, options
from rebalance.cli.following import page_of, then
from rebalance.settings import calls

if TYPE_CHECKING:
    from rebalance.manifest import Manifest
    from rebalance.records import ClassStory, ManifestRecord


@groups.command("undersample")
@options.data
@options.manifest
@options.of(calls.UNDERSAMPLE_COMMAND)
@console.talk
def command(
    data: Path, output: Path, as_json: bool, quiet: bool, verbose: bool, **parameters: Any
) -> None:
    """Cut the large classes down so that every subclass of them stays represented.

    Each class that is to shrink is clustered on its own (PCA, UMAP, k-means with k by silhouette),
    every cluster gets its share of the wanted number by --quotas, and --pick fills it. The manifest
    lists the images to train on; the dropped ones are listed beside it with the reason.

    \b
    Examples:
      rebalance undersample photos/train -o balanced.csv
      rebalance undersample photos/train -o balanced.csv --extractor finetune
      rebalance undersample photos/train -o balanced.csv --to 2x --class cat=300
      rebalance undersample photos/train -o balanced.csv --method nearmiss-1
      rebalance undersample photos/train -o balanced.csv --method random --ensemble 10
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance

    if parameters["ensemble"] is not None or parameters["cascade"]:
        manifests = rebalance.undersample_ensemble(data, output, progress=progress, **parameters)
        if as_json:
            console.print_json({"members": [manifest.record for manifest in manifests]})
        else:
            _print_members(manifests, output)
        return
    del parameters["ensemble"], parameters["cascade"]
    manifest = rebalance.undersample(data, output, progress=progress, **parameters)
    if as_json:
        console.print_record(output)
    else:
        _print(manifest, output)
    then(*page_of(output))


COVER = (
    "cover: how many times closer the images left out lie to one that is kept than under random "
    "picks"
)


def _print(manifest: "Manifest", output: Path) -> None:
    record = manifest.record
    counts, stories = record["counts"], record["per_class"]
    header = ["class", "images", "kept", "dropped", "unreadable"]
    columns: list[list[Any]] = [header]
    for name, before in counts["before"].items():
        readable, kept = counts["readable"][name], counts["after"][name]
        columns.append([name, before, kept, readable - kept, before - readable])
    for more in _told(record):
        columns = [[*row, *cells] for row, cells in zip(columns, more, strict=True)]
    click.echo(console.table(columns[0], columns[1:]))
    ratio = record["imbalance_ratio"]
    click.echo(
        f"\nimbalance ratio {ratio['before']:.2f} -> {ratio['after']:.2f}; wrote "
        f"{console.printable(str(output))}: {len(manifest.rows)} images kept, "
        f"{len(manifest.dropped)} dropped"
    )
    if any("cover" in story for story in stories.values()):
        click.echo(COVER)
    for name, story in stories.items():
        for told in _remarks(story):
            click.echo(f"{console.printable(name)}: {told}")


def _print_members(manifests: "list[Manifest]", output: Path) -> None:
    """Print a line on each member: how many images it keeps, of how many it could."""
    from rebalance.manifest.rows import member_path

    lines: list[list[Any]] = []
    for number, manifest in enumerate(manifests):
        record = manifest.record
        could = record["member"].get("pool", record["counts"]["readable"])
        ratio = f"{record['imbalance_ratio']['after']:.2f}"
        name = member_path(output, number).name
        lines.append([name, sum(could.values()), len(manifest.rows), ratio])
    click.echo(console.table(["manifest", "drawn from", "kept", "imbalance ratio"], lines))
    together = len({row.file_name for manifest in manifests for row in manifest.rows})
    click.echo(
        f"\nwrote {len(manifests)} manifests beside {console.printable(str(output))}; together "
        f"they keep {together} images: train on each, and give all runs to rebalance evaluate"
    )


def _remarks(story: "ClassStory") -> Iterator[str]:
    """Return what a line of the table has no room for."""
    if story.get("landmarks"):
        yield f"clusters found on {story['landmarks']:,} landmarks"
    if note := story.get("note"):
        yield note if story["k"] > 1 else f"one cluster, {note}"


Cells = list[tuple[Any, ...]]


def _told(record: "ManifestRecord") -> Iterator[Cells]:
    """Further columns, their header first, of what there is to tell in this record."""
    stories = record["per_class"]
    every = [stories.get(name) for name in record["counts"]["before"]]
    if any("k" in story for story in stories.values()):
        yield [("k", "silhouette", "kept/size"), *map(_clusters, every)]
    if any("cover" in story for story in stories.values()):
        yield [("cover",), *((_closer(story),) for story in every)]
    if any("deduplicated" in story for story in stories.values()):
        yield [("near-duplicates",), *(((story or {}).get("deduplicated", ""),) for story in every)]
    if "suspects" in record:
        found = Counter(suspect["label"] for suspect in record["suspects"])
        yield [("suspects",), *((found[name],) for name in record["counts"]["before"])]


def _closer(story: "ClassStory | None") -> str:
    times = (story or {}).get("cover", {}).get("mean_closer")
    return "" if times is None else f"{times:.2f}x"


def _clusters(story: "ClassStory | None") -> tuple[str, str, str]:
    """k, its silhouette, and how many were kept of how many in each cluster."""
    if story is None or "k" not in story:
        return "", "", "whole" if story is None else ""
    scores = story["silhouettes"][story["layer"]]
    silhouette = f"{scores[str(story['k'])]:.3f}" if story["k"] > 1 else ""
    shares = zip(story["quotas"], story["cluster_sizes"], strict=True)
    return str(story["k"]), silhouette, " ".join(f"{quota}/{size}" for quota, size in shares)
