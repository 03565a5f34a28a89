"""``python -m benchmarks.coverage``; see the package."""

import logging
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.coverage.candidates import CANDIDATES, INFORMED
from benchmarks.coverage.kept import Case, cases, merged, presence
from benchmarks.coverage.probe import Side, probe
from benchmarks.coverage.samples import extracted
from benchmarks.subclasses import read_truth
from rebalance import seeds
from rebalance.data.splits import stratified_split


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--truth", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--merge",
    multiple=True,
    metavar="NAME,NAME,...",
    help="Take these classes for the kinds of one class, in place of --truth; again for another.",
)
@click.option("--test", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--split", is_flag=True, help="Probe on a stratified 30 % of DATA, anew per seed.")
@click.option(
    "--thin", default=20.0, show_default=True, help="Commonest to rarest subclass; 1: as is."
)
@click.option("--keep", multiple=True, type=int, default=(30, 60, 100), show_default=True)
@click.option("--probe-only", is_flag=True, help="No table of subclasses.")
@click.option("--seeds", "runs", default=10, show_default=True)
@click.option("--only", multiple=True, type=click.Choice(list(CANDIDATES)))
@click.option("--skip", multiple=True, type=click.Choice(list(CANDIDATES)))
@click.option("--extractor", default="imagenet", show_default=True)
@click.option("--arch")
@click.option("--image-size", type=int)
def main(
    data: Path,
    truth: Path | None,
    merge: tuple[str, ...],
    test: Path | None,
    split: bool,
    thin: float,
    keep: tuple[int, ...],
    probe_only: bool,
    runs: int,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    **options: Any,
) -> None:
    """Compare ways of picking on DATA: subclasses kept (--truth), and a probe (--test, --split)."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if test and options["extractor"] == "finetune":
        raise click.UsageError("finetune would train another network on --test: use a checkpoint")
    chosen = [name for name in dict.fromkeys(("random", *(only or CANDIDATES))) if name not in skip]
    if merge and (truth or test or split):
        raise click.UsageError("--merge stands alone: it makes classes that no test set has")
    features, labels, folder = extracted(data, options)
    of_class = [np.flatnonzero(labels == label) for label in range(len(folder.classes))]
    drawn: list[Case] = []
    if truth:
        known = read_truth(truth, folder.root, folder.paths)
        drawn = list(cases(folder.classes, labels, known, thin, runs))
    elif merge:
        for group in merge:
            drawn += cases((group,), *merged(group, folder.classes, labels), thin, runs)
    if drawn and not probe_only:
        for found in presence(features, drawn, keep, chosen):
            click.echo(found + "\n")
    sides = []
    if test:
        test_features, test_labels, _ = extracted(test, options)
        for seed in range(runs):
            members = [case[2] for case in drawn if case[1] == seed] or of_class
            sides.append(Side(features, labels, members, test_features, test_labels))
    elif split:
        for seed in range(runs):
            train, held = stratified_split(labels.tolist(), 0.3, seeds.generator(seed, "split"))
            left = np.asarray(train)
            members = [left[labels[left] == label] for label in range(len(folder.classes))]
            sides.append(Side(features, labels, members, features[held], labels[held]))
    if sides:
        click.echo(probe(sides, [name for name in chosen if name not in INFORMED]))


if __name__ == "__main__":
    main()
