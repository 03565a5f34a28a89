"""What silhouettes do maps of structureless points have? The formula of ``clusters.chance``.

    python -m benchmarks.chance

Gaussians of 50 dimensions whose variances fall by a power law, steep or flat, are laid out by UMAP
and clustered, and the 95 % quantile of the best silhouette is fitted (quantile regression, from 50
to 1000 samples). The table says how many of each kind are above the formula that is in use: about
one in twenty over all, fewer below 50 samples and above 1000, where it is more careful than it need
be.
"""

from itertools import product

import click
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from rebalance import seeds
from rebalance.cli.console import table
from rebalance.clusters import silhouettes, umap_layout
from rebalance.clusters.chance import MEASURED_SAMPLES, chance_on_map
from rebalance.clusters.k_means import clusterings

COLUMNS = 50


def directions(variances: NDArray[np.float64]) -> float:
    return float(variances.sum() ** 2 / np.square(variances).sum())


def falling(wanted: float) -> NDArray[np.float64]:
    """Variances 1, 2^-a, 3^-a ... of as many directions as wanted."""
    ranks = np.arange(1.0, COLUMNS + 1)
    return ranks ** -brentq(lambda power: directions(ranks**-power) - wanted, 0, 20)


def measured(samples: int, wanted: float, turn: int, k_max: int) -> tuple[float, ...]:
    """Samples, the directions found, the best silhouette, and what the formula says."""
    rng = seeds.generator(turn, "structureless", samples, str(wanted))
    drawn = rng.standard_normal((samples, COLUMNS)) * np.sqrt(falling(wanted))
    # Principal axes without standardising, which would make all directions alike.
    drawn -= drawn.mean(axis=0)
    components = drawn @ np.linalg.svd(drawn, full_matrices=False)[2].T
    points = umap_layout(components.astype(np.float32), turn).astype(np.float64)
    fits = clusterings(points, k_max, turn)
    best = max(silhouettes(points, [labels for labels, _ in fits.values()]))
    found = directions(np.square(components).mean(axis=0))
    return samples, found, best, chance_on_map(components)


@click.command()
@click.option("--samples", multiple=True, type=int, default=(20, 50, 100, 200, 500, 1000))
@click.option("--directions", "spread", multiple=True, type=float, default=(1.2, 2, 4, 8, 16, 32))
@click.option("--repeats", default=10, show_default=True)
@click.option("--k-max", default=9, show_default=True)
def main(samples: tuple[int, ...], spread: tuple[float, ...], repeats: int, k_max: int) -> None:
    """Fit the formula anew, and say how the one in use does."""
    from sklearn.linear_model import QuantileRegressor

    runs, rows = [], []
    for size, wanted in product(samples, spread):
        own = np.array([measured(size, wanted, turn, k_max) for turn in range(repeats)])
        runs.append(own)
        best, chance = own[:, 2], own[:, 3]
        figures = (np.median(own[:, 1]), np.median(best), best.max(), np.median(chance))
        above = f"{(best > chance).sum()} of {repeats}"
        rows.append((size, *(f"{value:.3f}" for value in figures), above))
    click.echo(table(("samples", "directions", "median", "largest", "formula", "above"), rows))
    every = np.concatenate(runs)
    low, high = MEASURED_SAMPLES
    fitted = every[(every[:, 0] >= low) & (every[:, 0] <= high)]
    if len(fitted):
        given = np.stack([fitted[:, 1] ** -0.5, np.log10(fitted[:, 0])], axis=1)
        model = QuantileRegressor(quantile=0.95, alpha=0).fit(given, fitted[:, 2])
        above = (fitted[:, 2] > fitted[:, 3]).mean()
        click.echo(
            f"\nfrom {low} to {high} samples: {model.intercept_:.3f} + {model.coef_[0]:.3f} / "
            f"sqrt(D) + {model.coef_[1]:.3f} log10(N); above the formula in use: {above:.1%}"
        )


if __name__ == "__main__":
    main()
