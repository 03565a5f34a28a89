"""Whether advice is right: in hindsight, beside all that it tried, and on subsamples.

    python -m benchmarks.advice train.csv test.csv -o DIR --budget 5m --extractor FILE --arch NAME
    python -m benchmarks.advice train.csv test.csv -o DIR --subsamples 20 --images 600

First the advice on all of DATA; then every candidate is run on the pairs of the first round
and scored on TEST, by which advice chooses nothing. Regret is what the best of them has more there
than what was recommended. With ``--subsamples`` instead: advice on so many random parts of DATA,
class by class, and how often what it recommends is better than nothing on TEST.
"""

import math
import time
from dataclasses import replace
from pathlib import Path

import click

from rebalance import seeds
from rebalance.advice.bench import Bench, bench_for
from rebalance.advice.commands import AdviceRequest
from rebalance.advice.outcomes import Outcomes
from rebalance.advice.story import look_at, try_out
from rebalance.advice.trying import Trial, rounds_of, seeds_needed
from rebalance.cli.console import table
from rebalance.data.counts import named_counts
from rebalance.data.source import open_source
from rebalance.data.splits import stratified_split
from rebalance.inspection import KINDS, Inspection
from rebalance.manifest import FORMAT, Manifest, Row, write_manifest
from rebalance.progress import silent
from rebalance.settings import ExtractorOptions, FolderOptions, RunOptions, read_budget

ROUNDS = 1  # of which every candidate is run in hindsight


def hindsight(bench: Bench, recommended: str) -> tuple[list[list[str]], float]:
    """Run every candidate on the same pairs; rows of scores on TEST, and the regret."""
    folds, seed = bench.setup.options.folds, bench.run.seed
    every = [seeds.integer(seed, "advice", number) for number in range(seeds_needed(folds))]
    pairs = [pair for some in rounds_of(every, folds)[:ROUNDS] for pair in some]
    found = Outcomes(folds, seed)
    for candidate, outcome in bench.cells(bench.candidates, pairs, math.inf):
        found.add(candidate.name, outcome)
    nothing = bench.candidates[0]
    scores = {each.name: found.mean(each, test=True) for each in bench.candidates}
    rows = []
    for each in sorted(bench.candidates, key=lambda one: -scores[one.name]):
        gain = found.difference(each, nothing, test=True)
        mark = "recommended" if each.name == recommended else ""
        rows.append([each.name, f"{scores[each.name]:.3f}", f"{gain.mean:+.3f}", mark])
    return rows, max(scores.values()) - scores[recommended]


def thinned(data: Path, output: Path, images: int, seed: int) -> Path:
    """Write a manifest of about so many images of DATA, the same share of every class."""
    folder = open_source(data, FolderOptions()).folder
    share = min(images / len(folder.paths), 0.99)
    rng = seeds.generator(seed, "subsample")
    _, kept = stratified_split(folder.labels, share, rng)
    part = folder.take(kept.tolist())
    rows = tuple(
        Row(path, folder.classes[label])
        for path, label in zip(part.paths, part.labels, strict=True)
    )
    record = {"format": FORMAT, "root": str(folder.root), "classes": list(folder.classes)}
    output.parent.mkdir(parents=True, exist_ok=True)
    write_manifest(
        output, Manifest(folder.root, folder.classes, rows, record=record), overwrite=True
    )
    return output


def told(trial: Trial) -> list[str]:
    """What a trial came to: what it recommends, and what that brings, on TEST too."""
    choice, nothing = trial.choice(), trial.tried[0]
    best = choice.recommended
    gain = choice.gains[best.name].mean if best.name in choice.gains else 0.0
    test = trial.outcomes.difference(best, nothing, test=True).mean
    pairs = str(len(trial.outcomes.pairs(best)))
    seconds = f"{time.time() - trial.began:.0f}"
    return [best.name, f"{gain:+.3f}", f"{test:+.3f}", pairs, trial.ended, seconds]


def tried(asked: AdviceRequest, first: int, found: Inspection | None = None) -> tuple[Bench, Trial]:
    """Try the first of the grid as advice does; with an inspection at hand nobody looks."""
    began = time.time()
    bench = bench_for(found or look_at(asked, silent), asked, silent)
    bench = replace(bench, candidates=bench.candidates[:first])
    return bench, try_out(bench, began, began + read_budget(asked.budget))


def unseen(data: Path) -> Inspection:
    """An inspection that found nothing, as nobody looked."""
    folder = open_source(data, FolderOptions()).folder
    return Inspection(folder.root, named_counts(folder), (), findings=dict.fromkeys(KINDS, ()))


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("test", type=click.Path(exists=True, path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--budget", default="5m", show_default=True)
@click.option("--groups", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--extractor", default="imagenet", show_default=True)
@click.option("--arch")
@click.option("--subsamples", default=0, show_default=True, help="Parts of DATA to advise on.")
@click.option("--images", default=600, show_default=True, help="Images of each part.")
@click.option("--first", default=99, show_default=True, help="Candidates to try, by promise.")
@click.option("--workers", type=int)
def main(
    data: Path,
    test: Path,
    output: Path,
    budget: str,
    groups: Path | None,
    extractor: str,
    arch: str | None,
    subsamples: int,
    images: int,
    first: int,
    workers: int | None,
) -> None:
    """Hold advice on DATA against TEST."""

    def asked(part: Path, place: Path) -> AdviceRequest:
        place.mkdir(parents=True, exist_ok=True)
        return AdviceRequest(
            *(part, place, test, groups, None, budget, 5),
            *(ExtractorOptions(extractor, arch), FolderOptions(), RunOptions(workers=workers)),
        )

    header = ["recommended", "gain", "on TEST", "pairs", "ended", "seconds"]
    if not subsamples:
        bench, trial = tried(asked(data, output), first)
        click.echo(table(header, [told(trial)], left=1))
        began = time.perf_counter()
        rows, regret = hindsight(bench, trial.choice().recommended.name)
        click.echo("\n" + table(["candidate", "TEST", "beside nothing", ""], rows, left=1))
        seconds = time.perf_counter() - began
        click.echo(f"\nregret {regret:.3f}; the rest of the grid took {seconds:.0f} s")
        return
    rows = []
    for number in range(subsamples):
        place = output / f"{number:02d}"
        part = thinned(data, place / "part.csv", images, number)
        _, trial = tried(asked(part, place / "advice"), first, unseen(part))
        rows.append(told(trial))
        click.echo("  ".join(rows[-1]), err=True)
    click.echo(table(header, rows, left=1))
    spoken = [row for row in rows if row[0] != "nothing"]
    right = sum(float(row[2]) > 0 for row in spoken)
    click.echo(f"\nbetter than nothing on TEST: {right} of {len(spoken)} that recommend anything")


if __name__ == "__main__":
    main()
