"""Oversamplers that go by the neighbours of a sample, and the one that only repeats.

Each gives one ``Draw`` for each class. Imports numpy and nothing heavier; may not import torch or
click.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from rebalance.oversampling.neighbourhoods import (
    NEIGHBOURS,
    Surroundings,
    own_count,
    own_partners,
    surround,
)
from rebalance.oversampling.samples import Draw, Minority, Positions, SamplerOptions, Samples
from rebalance.quotas import apportion, evenly_repeated

ENEMY_REACH = 0.5  # how far Borderline-SMOTE 2 goes towards an enemy
EOS_NEIGHBOURS = 10
WIDENING = 10


def ros(samples: Samples, classes: Sequence[Minority], options: SamplerOptions) -> list[Draw]:
    """Random oversampling: samples repeated, drawn with replacement; needs no features.

    With ``exact`` copies each sample of a class is added as often as every other, and what is left
    is drawn without replacement.
    """
    if options.copies == "exact":
        return [
            Draw.repeating(evenly_repeated(minority.members, minority.count, minority.rng))
            for minority in classes
        ]
    return [
        Draw.repeating(minority.rng.choice(minority.members, minority.count))
        for minority in classes
    ]


def smote(samples: Samples, classes: Sequence[Minority], options: SamplerOptions) -> list[Draw]:
    """Towards one of the min(5, n_c - 1) nearest of the own class, with a weight in [0, 1).

    Source: Chawla et al., "SMOTE: Synthetic Minority Over-sampling Technique", JAIR 2002.
    """
    return [_smote(samples, minority, options) for minority in classes]


def borderline_1(
    samples: Samples, classes: Sequence[Minority], options: SamplerOptions
) -> list[Draw]:
    """SMOTE from samples in danger: half or more of their neighbours are enemies, but not all.

    Counted among the 10 nearest of all classes. A class with no sample in danger has SMOTE instead,
    and a note. Source: Han, Wang & Mao, "Borderline-SMOTE", ICIC 2005, section 3.
    """
    return _by_surroundings(_borderline_1, options.danger_neighbours, samples, classes, options)


def borderline_2(
    samples: Samples, classes: Sequence[Minority], options: SamplerOptions
) -> list[Draw]:
    """Blend as Borderline-SMOTE 1 does, or with the nearest enemy at a weight in [0, 0.5).

    That enemy is as likely as each of the neighbours of the own class; how likely is our choice.
    Source: as for type 1.
    """
    return _by_surroundings(_borderline_2, options.danger_neighbours, samples, classes, options)


def adasyn(samples: Samples, classes: Sequence[Minority], options: SamplerOptions) -> list[Draw]:
    """SMOTE whose bases are shared out in proportion to their enemies among 5 neighbours.

    By largest remainder, so that the total holds (tie: the earlier sample). A class without enemies
    among them has SMOTE instead, and a note. Source: He et al., "ADASYN", IJCNN 2008.
    """
    count = options.neighbours or NEIGHBOURS
    return _by_surroundings(_adasyn, count, samples, classes, options)


def eos(samples: Samples, classes: Sequence[Minority], options: SamplerOptions) -> list[Draw]:
    """Expansive oversampling: towards an enemy among the 10 nearest, with a weight in [0, reach).

    Bases are the samples that have an enemy there; its enemies are equally likely partners. Where a
    class has none, 100 neighbours are looked at, and if there is none yet, it has SMOTE instead;
    notes say so. Source: Dablain et al., "Efficient Augmentation for Imbalanced Deep Learning",
    ICDE 2023, algorithm 2, with a reach of 1; but towards the enemy, as its text and code have it.
    """
    count = options.neighbours or EOS_NEIGHBOURS
    return _by_surroundings(_eos, count, samples, classes, options)


def in_danger(near: Surroundings) -> Positions:
    """Return which samples of the class are in danger, as places in it: m / 2 <= enemies < m."""
    asked = near.indices.shape[1]
    return np.flatnonzero((2 * near.enemy_counts >= asked) & (near.enemy_counts < asked))


_ByNeighbours = Callable[[Samples, Minority, Surroundings, SamplerOptions], Draw]


def _by_surroundings(
    draw: _ByNeighbours,
    count: int,
    samples: Samples,
    classes: Sequence[Minority],
    options: SamplerOptions,
) -> list[Draw]:
    """``draw`` for each class, given the ``count`` nearest of all classes around its samples."""
    around = surround(samples, classes, count)
    return [
        draw(samples, minority, near, options).noted(*near.notes)
        for minority, near in zip(classes, around, strict=True)
    ]


def _smote(samples: Samples, minority: Minority, options: SamplerOptions) -> Draw:
    return _smote_from(
        samples, minority, minority.rng.choice(minority.members, minority.count), options
    )


def _smote_from(
    samples: Samples, minority: Minority, base: Positions, options: SamplerOptions
) -> Draw:
    """SMOTE once from each of these bases, which are only repeated where all the class is equal."""
    count, notes = own_count(samples, minority, options)
    if not count:
        return Draw.repeating(base).noted("all its samples are equal, and are repeated")
    partner = own_partners(samples, minority, base, count)
    return Draw(base, partner, minority.rng.random(len(base)), notes)


def _borderline_1(
    samples: Samples, minority: Minority, near: Surroundings, options: SamplerOptions
) -> Draw:
    places = in_danger(near)
    if not places.size:
        return _smote(samples, minority, options).noted(_no_danger(near))
    base = minority.members[minority.rng.choice(places, minority.count)]
    return _smote_from(samples, minority, base, options)


def _borderline_2(
    samples: Samples, minority: Minority, near: Surroundings, options: SamplerOptions
) -> Draw:
    places = in_danger(near)
    if not places.size:
        return _smote(samples, minority, options).noted(_no_danger(near))
    chosen = minority.rng.choice(places, minority.count)
    base = minority.members[chosen]
    enemy = near.indices[chosen, near.enemies[chosen].argmax(axis=1)]
    own, _ = own_count(samples, minority, options)
    if not own:  # all the class is equal: enemies are all that is left to blend with
        return Draw(base, enemy, ENEMY_REACH * minority.rng.random(minority.count))
    draw = _smote_from(samples, minority, base, options)
    to_enemy = minority.rng.integers(own + 1, size=minority.count) == own
    return draw._replace(
        partner=np.where(to_enemy, enemy, draw.partner),
        weight=np.where(to_enemy, ENEMY_REACH * draw.weight, draw.weight),
    )


def _no_danger(near: Surroundings) -> str:
    return (
        f"no sample is in danger: none has from half to all but one of its "
        f"{near.indices.shape[1]} neighbours in other classes; SMOTE instead"
    )


def _adasyn(
    samples: Samples, minority: Minority, near: Surroundings, options: SamplerOptions
) -> Draw:
    if not near.enemy_counts.any():
        return _smote(samples, minority, options).noted(f"{_no_enemy(near)}; SMOTE instead")
    base = np.repeat(minority.members, apportion(near.enemy_counts, minority.count))
    return _smote_from(samples, minority, base, options)


def _eos(samples: Samples, minority: Minority, near: Surroundings, options: SamplerOptions) -> Draw:
    if near.enemy_counts.any():
        return _towards_enemies(minority, near, options.reach)
    (wider,) = surround(samples, [minority], WIDENING * near.indices.shape[1])
    if wider.enemy_counts.any():
        seen = wider.indices.shape[1]
        draw = _towards_enemies(minority, wider, options.reach)
        return draw.noted(f"{_no_enemy(near)}; {seen} looked at")
    # The number asked for is of neighbours among all, not of SMOTE's partners.
    draw = _smote(samples, minority, replace(options, neighbours=None))
    return draw.noted(f"{_no_enemy(wider)}; SMOTE instead")


def _no_enemy(near: Surroundings) -> str:
    return f"no sample has another class among its {near.indices.shape[1]} neighbours"


def _towards_enemies(minority: Minority, near: Surroundings, reach: float) -> Draw:
    """Bases that have enemies, and one of these each, less than ``reach`` of the way."""
    places = minority.rng.choice(np.flatnonzero(near.enemy_counts), minority.count)
    which = minority.rng.integers(near.enemy_counts[places])
    enemies_first = np.argsort(~near.enemies, axis=1, kind="stable")
    return Draw(
        minority.members[places],
        near.indices[places, enemies_first[places, which]],
        reach * minority.rng.random(minority.count),
    )
