"""How many of the true subclasses are kept, and how evenly."""

from collections.abc import Iterator

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.coverage.candidates import CANDIDATES, ONCE
from benchmarks.coverage.probe import interval
from benchmarks.coverage.samples import Features, Positions, Sample
from rebalance import seeds
from rebalance.cli.console import table

DRAWS = 2
RANDOM_DRAWS = 20  # all are compared with random: it is averaged over more

Case = tuple[str, int, Positions, NDArray[np.intp]]  # class, seed, members, subclass of each
Outcome = tuple[str, NDArray[np.float64]]  # class; present, even, entropy


def thinned(
    members: Positions, truth: NDArray[np.str_], ratio: float, seed: int, name: str
) -> Positions:
    """Members of one class, its subclasses thinned exponentially so that the rarest is 1/ratio.

    Which is rare turns with the seed, forwards and then backwards: over twice as many seeds as
    subclasses each takes each rank twice.
    """
    if ratio == 1:
        return members
    names, numbers = np.unique(truth[members], return_inverse=True)
    order = np.roll(np.arange(len(names)), seed % len(names))
    if seed // len(names) % 2:
        order = order[::-1]
    smallest = np.bincount(numbers).min()
    rng = seeds.generator(seed, "thin", name)
    left = []
    for rank, number in enumerate(order):
        own = rng.permutation(members[numbers == number])
        share = ratio ** (-rank / max(1, len(names) - 1))
        left.append(own[: max(1, round(smallest * share))])
    return np.sort(np.concatenate(left))


def merged(
    group: str, names: tuple[str, ...], labels: NDArray[np.intp]
) -> tuple[NDArray[np.intp], NDArray[np.str_]]:
    """Take classes for the kinds of one: 0 [N] for an image that it has, -1 for others; its kind.

    group: the names of the classes, with commas between.
    """
    kinds = group.split(",")
    if unknown := sorted(set(kinds) - set(names)):
        raise click.UsageError(f"--merge takes classes of DATA, which has no {', '.join(unknown)}")
    truth = np.array(names)[labels]
    return np.where(np.isin(truth, kinds), 0, -1), truth


def cases(
    names: tuple[str, ...],
    labels: NDArray[np.intp],
    truth: NDArray[np.str_],
    ratio: float,
    runs: int,
) -> Iterator[Case]:
    for label, name in enumerate(names):
        for seed in range(runs):
            members = thinned(np.flatnonzero(labels == label), truth, ratio, seed, name)
            yield name, seed, members, np.unique(truth[members], return_inverse=True)[1]


def kept_shares(numbers: NDArray[np.intp], subclasses: int) -> tuple[float, float, float]:
    """Present, even and entropy of the subclass ``numbers`` of the images kept."""
    share = np.bincount(numbers, minlength=subclasses) / len(numbers)
    entropy = float(-(share * np.log(np.where(share > 0, share, 1))).sum())
    return (
        float((share > 0).mean()),
        float(np.exp(entropy) / subclasses),
        entropy / np.log(subclasses),
    )


def presence(
    features: Features, drawn: list[Case], budgets: tuple[int, ...], chosen: list[str]
) -> Iterator[str]:
    """A table for each budget, of the classes that have more images than that for every seed."""
    least = {name: min(len(c[2]) for c in drawn if c[0] == name) for name, *_ in drawn}
    found: dict[tuple[int, str], list[Outcome]] = {}
    for name, seed, members, numbers in drawn:
        sample = Sample(features[members], seed, numbers)
        for wanted in budgets:
            if least[name] > wanted:
                for method in chosen:
                    outcome = name, outcomes(sample, name, wanted, method)
                    found.setdefault((wanted, method), []).append(outcome)
    for wanted in budgets:
        if (wanted, "random") in found:
            yield presence_table(wanted, {method: found[wanted, method] for method in chosen})
        else:
            yield f"{wanted} kept: no class has more images than that"


def outcomes(sample: Sample, name: str, wanted: int, method: str) -> NDArray[np.float64]:
    """The mean over draws of what ``kept_shares`` says."""
    assert sample.truth is not None
    draws = RANDOM_DRAWS if method == "random" else 1 if method in ONCE else DRAWS
    results = []
    for draw in range(draws):
        rng = seeds.generator(sample.seed, "pick", method, name, draw)
        kept = CANDIDATES[method](sample, wanted, rng)
        results.append(kept_shares(sample.truth[kept], int(sample.truth.max()) + 1))
    means: NDArray[np.float64] = np.mean(results, axis=0)
    return means


def presence_table(wanted: int, found: dict[str, list[Outcome]]) -> str:
    names = np.array([name for name, _ in found["random"]])
    by_chance = np.array([values for _, values in found["random"]])
    beside = "coverage" if "coverage" in found else "random"
    ours = np.array([values for _, values in found[beside]])
    rows = []
    for method, of_cases in found.items():
        values = np.array([each for _, each in of_cases])
        gains = values - by_chance
        worst = np.min([gains[names == name].mean(axis=0) for name in set(names)], axis=0)
        means = values.mean(axis=0)
        gained = values[:, 1] - ours[:, 1]
        rows.append(
            (
                method,
                *(f"{v:.3f}" for v in means),
                f"{worst[0]:+.3f}",
                f"{worst[1]:+.3f}",
                f"{gained.mean():+.3f}",
                f"{interval(gained):.3f}",
            )
        )
    header = ("picked by", "present", "even", "entropy", "least gain: present", "even")
    header = (*header, f"even over {beside}", "+-")
    title = f"{wanted} kept of each of {len(set(names))} classes, {len(names)} cases:"
    return f"{title}\n{table(header, rows)}"
