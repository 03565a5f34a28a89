"""Does a quick study put treatments in the order that a thorough one does?

    python -m benchmarks.ranks PROBE FULL

From the ``study.json`` of two studies' folders: the rank correlation (Spearman, Kendall's tau-b)
of the means of the treatments that both have, in the metric that the first is sorted by. The
interval is a bootstrap: pairs of seed and fold are drawn anew in each study, for all its treatments
at once; it says how firm the two tables are, for these treatments on these images. Drawing anew
adds noise to what is noisy already, so it reaches lower rather than higher.

``with itself``: the same between two random halves of one study's pairs, stepped up to the whole
(Spearman & Brown); no study can be predicted better than it predicts itself. ``first place``: where
in FULL the best of PROBE is, and what choosing it costs there.
"""

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray
from scipy.stats import kendalltau, permutation_test, rankdata

from rebalance.cli.console import table
from rebalance.errors import DataError
from rebalance.studies.outcomes import Treatment
from rebalance.studies.summaries import sign
from rebalance.studies.words import name

Values = NDArray[np.float64]  # [pairs, treatments]
DRAWS = 2000
LEVEL = 0.95


def read(folder: Path, metric: str | None = None) -> tuple[str, dict[Treatment, dict[Any, float]]]:
    """The metric, and its values by treatment and pair of seed and fold.

    metric: None is the one that the study is sorted by. Raises DataError for what is no study.
    """
    path = folder / "study.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        metric = metric or record["metric"]
        found: dict[Treatment, dict[Any, float]] = defaultdict(dict)
        for each in record["outcomes"]:
            value = each["metrics"][metric]
            if value is not None:
                found[Treatment(**each["treatment"])][each["seed"], each["fold"]] = value
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{str(folder)!r} has no study.json as rebalance study leaves it ({error})"
        ) from None
    return str(metric), dict(found)


def aligned(values: dict[Treatment, dict[Any, float]], treatments: list[Treatment]) -> Values:
    """The values [pairs, treatments] of the pairs that all of them have."""
    pairs = sorted(set.intersection(*(set(values[each]) for each in treatments)))
    return np.array([[values[each][pair] for each in treatments] for pair in pairs]).reshape(
        len(pairs), len(treatments)
    )


def spearman(one: Values, two: Values) -> float:
    """Of means [T]; NaN where either are all alike."""
    first, second = rankdata(one), rankdata(two)
    if not np.ptp(first) or not np.ptp(second):
        return float("nan")
    return float(np.corrcoef(first, second)[0, 1])


def kendall(one: Values, two: Values) -> float:
    return float(kendalltau(one, two).statistic)


def correlation_interval(
    one: Values, two: Values, measure: Any, rng: np.random.Generator, draws: int = DRAWS
) -> tuple[float, float]:
    """Of the correlation of the means, pairs drawn anew."""
    found = [measure(_redrawn(one, rng), _redrawn(two, rng)) for _ in range(draws)]
    low, high = np.nanquantile(found, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)


def _redrawn(values: Values, rng: np.random.Generator) -> Values:
    mean: Values = values[rng.integers(0, len(values), len(values))].mean(axis=0)
    return mean


def reliability(values: Values, rng: np.random.Generator, draws: int = 500) -> float:
    """Spearman's correlation of a study with itself run again; NaN for fewer than two pairs."""
    if len(values) < 2:
        return float("nan")
    found = []
    for _ in range(draws):
        order = rng.permutation(len(values))
        half = len(values) // 2
        one, two = values[order[:half]], values[order[half : 2 * half]]
        found.append(spearman(one.mean(axis=0), two.mean(axis=0)))
    mean = float(np.nanmean(found))
    return 2 * mean / (1 + mean)


def chance(one: Values, two: Values, rng: np.random.Generator) -> float:
    """How often a random order agrees as well as these means [T] do, or better."""
    test = permutation_test(
        (one,),
        lambda first: spearman(first, two),
        permutation_type="pairings",
        alternative="greater",
        n_resamples=9999,
        random_state=rng,
    )
    return float(test.pvalue)


@click.command()
@click.argument("probe", type=click.Path(path_type=Path))
@click.argument("full", type=click.Path(path_type=Path))
@click.option("--metric", help="In place of the one that PROBE is sorted by.")
@click.option("--seed", default=0, show_default=True)
def main(probe: Path, full: Path, metric: str | None, seed: int) -> None:
    """Rank correlation of the treatments of two studies."""
    metric, first = read(probe, metric)
    _, second = read(full, metric)
    treatments = sorted(first.keys() & second.keys())
    if len(treatments) < 3:
        raise click.ClickException(f"3 treatments in both are needed; there are {len(treatments)}")
    one, two = aligned(first, treatments), aligned(second, treatments)
    if not len(one) or not len(two):
        raise click.ClickException("no pair of seed and fold that all treatments have")
    rng, way = np.random.default_rng(seed), sign(metric)
    means = one.mean(axis=0), two.mean(axis=0)
    places = [rankdata(-way * each) for each in means]
    rows = [
        (name(each), *(f"{mean[at]:.3f}" for mean in means), *(f"{p[at]:g}" for p in places))
        for at, each in enumerate(treatments)
    ]
    rows.sort(key=lambda row: float(row[4]))
    click.echo(table(("treatment", "probe", "full", "place", "place in full"), rows))
    click.echo(f"\n{metric}: {len(treatments)} treatments, {len(one)} and {len(two)} pairs")
    for label, measure in (("Spearman", spearman), ("Kendall", kendall)):
        low, high = correlation_interval(one, two, measure, rng)
        click.echo(f"{label}: {measure(*means):.2f} ({low:.2f} to {high:.2f})")
    click.echo(f"chance of as much in a random order: {chance(*means, rng):.4f}")
    click.echo(f"with itself: {reliability(one, rng):.2f} and {reliability(two, rng):.2f}")
    chosen = int(np.argmax(way * means[0]))
    lost = abs(means[1][chosen] - (way * means[1]).max() * way)
    click.echo(
        f"first place: {name(treatments[chosen])}, number {places[1][chosen]:g} in full, "
        f"{lost:.3f} behind its best"
    )


if __name__ == "__main__":
    main()
