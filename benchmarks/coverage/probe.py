"""Does a classifier gain? A linear probe on the features of the images kept."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.coverage.candidates import CANDIDATES, ONCE
from benchmarks.coverage.samples import Features, Positions, Sample
from rebalance import seeds
from rebalance.cli.console import table

DRAWS = 4  # of each method for a seed; the interval is over seeds


@dataclass(frozen=True)
class Side:
    """What one seed trains on (members: by class) and is scored on."""

    features: Features
    labels: Positions
    members: list[Positions]
    test: Features
    test_labels: Positions


def probed(
    features: Features, labels: Positions, test: Features, test_labels: Positions
) -> NDArray[np.float64]:
    """The recall of each class, by a logistic regression on standardised features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import recall_score
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features)
    # The penalty then has about the same force at any number of columns.
    shrink = np.sqrt(features.shape[1])
    model = LogisticRegression(max_iter=300).fit(scaler.transform(features) / shrink, labels)
    recalls: NDArray[np.float64] = recall_score(
        test_labels, model.predict(scaler.transform(test) / shrink), average=None
    )
    return recalls


def probe(sides: list[Side], chosen: list[str]) -> str:
    """A row for each method; all classes are cut to the smallest of the side."""
    scores: dict[str, list[NDArray[np.float64]]] = {method: [] for method in chosen}
    for seed, side in enumerate(sides):
        samples = [Sample(side.features[own], seed) for own in side.members]
        for method in chosen:
            draws = range(1 if method in ONCE else DRAWS)
            scores[method].append(
                np.mean([scored(side, samples, seed, method, draw) for draw in draws], axis=0)
            )
    by_chance = np.array(scores["random"])
    rows = []
    for method, values in scores.items():
        gains = np.array(values) - by_chance
        over = gains.mean(axis=1)
        rows.append(
            (
                method,
                f"{np.mean(values):.4f}",
                f"{over.mean():+.4f}",
                f"{interval(over):.4f}",
                f"{gains.mean(axis=0).min():+.3f}",
            )
        )
    title = f"probe, classes cut to {min(map(len, sides[0].members))}, {len(sides)} seeds:"
    header = ("picked by", "balanced accuracy", "over random", "+-", "least gain of a class")
    return f"{title}\n{table(header, rows)}"


def scored(
    side: Side, samples: list[Sample], seed: int, method: str, draw: int
) -> NDArray[np.float64]:
    """The recall of each class after one draw of a method."""
    smallest = min(map(len, samples))
    parts = []
    for label, (own, sample) in enumerate(zip(side.members, samples, strict=True)):
        if len(own) > smallest:
            rng = seeds.generator(seed, "probe", method, label, draw)
            own = own[CANDIDATES[method](sample, smallest, rng)]
        parts.append(own)
    kept = np.concatenate(parts)
    return probed(side.features[kept], side.labels[kept], side.test, side.test_labels)


def interval(gains: NDArray[np.float64]) -> float:
    """Half the 95 % interval of the mean."""
    from scipy.stats import t

    return float(t.ppf(0.975, len(gains) - 1) * gains.std(ddof=1) / np.sqrt(len(gains)))
