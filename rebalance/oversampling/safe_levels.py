"""Safe-Level-SMOTE: blends that lie where the class has most of the neighbours.

It gives one ``Draw`` for each class. Imports numpy and nothing heavier; may not import torch or
click.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rebalance.oversampling.neighbourhoods import (
    NEIGHBOURS,
    Surroundings,
    own_count,
    own_neighbours,
    surround,
)
from rebalance.oversampling.samplers import smote
from rebalance.oversampling.samples import Draw, Minority, SamplerOptions, Samples

BELOW_ONE = np.nextafter(1.0, 0.0)


def safe_level(
    samples: Samples, classes: Sequence[Minority], options: SamplerOptions
) -> list[Draw]:
    """SMOTE whose blends lie nearer to the safer of base and partner.

    The safe level of a sample is how many of its 5 nearest of all classes are of its own. Where
    neither base nor partner has any, nothing is made of the two; each other pair of a sample and
    one of its 5 nearest of its class is as likely. A class without such a pair has SMOTE instead,
    and a note. Source: Bunkhumpornpat, Sinapiromsaran & Lursinsap, "Safe-Level-SMOTE", PAKDD 2009,
    algorithm 1; but one weight is drawn for all attributes, so that a blend lies on the segment.
    """
    around = surround(samples, classes, options.neighbours or NEIGHBOURS)
    return [
        _between_safe_levels(samples, minority, near, options)
        for minority, near in zip(classes, around, strict=True)
    ]


def safe_weight(
    base: NDArray[np.int64], partner: NDArray[np.int64], uniform: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How far to go from base to partner [S], by their safe levels and draws from [0, 1).

    With the ratio of the levels, base to partner: anywhere where it is 1, up to its inverse where
    it is larger, from 1 minus it where it is smaller, and nowhere where the partner's level is 0.
    """
    ratio = base / np.maximum(partner, 1)
    weight = np.where(ratio > 1, uniform / np.maximum(ratio, 1), 1 - ratio + uniform * ratio)
    return np.where(partner == 0, 0.0, np.minimum(weight, BELOW_ONE))


def _between_safe_levels(
    samples: Samples, minority: Minority, near: Surroundings, options: SamplerOptions
) -> Draw:
    count, notes = own_count(samples, minority, options)
    if not count:
        return _smote(samples, minority, options, near)
    members = minority.members
    level = near.indices.shape[1] - near.enemy_counts
    neighbours = own_neighbours(samples, minority, members, count)
    partner_level = level[np.searchsorted(members, neighbours)]
    pairs = np.flatnonzero((level[:, None] > 0) | (partner_level > 0))
    if not pairs.size:
        return _smote(samples, minority, options, near, _no_safety(near))
    chosen = minority.rng.choice(pairs, minority.count)
    place = chosen // count
    uniform = minority.rng.random(minority.count)
    weight = safe_weight(level[place], partner_level.ravel()[chosen], uniform)
    return Draw(members[place], neighbours.ravel()[chosen], weight, (*near.notes, *notes))


def _smote(
    samples: Samples, minority: Minority, options: SamplerOptions, near: Surroundings, *why: str
) -> Draw:
    (draw,) = smote(samples, [minority], options)
    return draw.noted(*near.notes, *why)


def _no_safety(near: Surroundings) -> str:
    return (
        f"no sample has one of its own class among its {near.indices.shape[1]} neighbours; SMOTE "
        "instead"
    )
