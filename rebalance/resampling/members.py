"""Several draws from the same samples: the members of an ensemble, each to learn from by itself.

The systems are EasyEnsemble, whose members are independent, and BalanceCascade, where each draws
from what those before it got wrong (Liu, Wu & Zhou, "Exploratory Undersampling for Class-Imbalance
Learning", IEEE Transactions on Systems, Man, and Cybernetics B 39(2), 2009, figures 1 and 3).
"""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.errors import FeatureError
from rebalance.heads import HEADS, Linear, fit_head, sides_of
from rebalance.numerics.products import one_blas_thread
from rebalance.progress import Progress, silent
from rebalance.resampling.cutting import Cut, cut
from rebalance.resampling.population import Population, Positions
from rebalance.resampling.subclassing import Subclassing, subclasses_of
from rebalance.settings import EnsembleOptions, SelectionOptions
from rebalance.settings.recipes import ProbeRecipe
from rebalance.undersampling import POOLED

log = logging.getLogger("rebalance")

BLOCK = 8192  # samples whose features are read at a time


@dataclass(frozen=True, eq=False)
class EnsembleMember:
    """One draw of several.

    seed: of all that is random in it. pool: the rising positions that it could draw from. cut: what
    is kept of the pool, by its positions there.
    """

    seed: int
    pool: Positions
    cut: Cut

    @property
    def kept(self) -> Positions:
        """The rising positions of what is kept, in the population."""
        kept: Positions = self.pool[self.cut.kept]
        return kept


def member_seed(seed: int, number: int) -> int:
    """Return the seed of a member, by its number from 0; the first has that of a single draw."""
    return seed if number == 0 else seeds.integer(seed, "ensemble", number)


def draw_members(
    population: Population,
    wanted: Mapping[int, int],
    options: SelectionOptions,
    ensemble: EnsembleOptions,
    subclassing: Subclassing = subclasses_of,
    progress: Progress = silent,
) -> Iterator[EnsembleMember]:
    """Yield the members of an ensemble, each what ``cut`` keeps of the pool by a seed of its own.

    wanted: the size of each class to cut, by label. Without a cascade the pool is the population
    for all. With one, what a head that is fitted on a member is surest to get right of the classes
    to cut leaves the pool of the next: see ``harder``. Its features are the pooled ones. Raises
    FeatureError as ``cut``, and for a cascade where there is a single class.
    """
    pool = np.arange(len(population.labels))
    for number in range(ensemble.ensemble):
        seed = member_seed(population.seed, number)
        there = replace(population, seed=seed)
        if number and ensemble.cascade:
            there = there.take(pool)
        left = {label: size for label, size in wanted.items() if _count(there, label) > size}
        found = EnsembleMember(seed, pool, cut(there, left, options, subclassing, progress))
        yield found
        if ensemble.cascade and number + 1 < ensemble.ensemble:
            sizes = pool_sizes(population, wanted, number + 1, ensemble.ensemble)
            pool = harder(population, found, sizes)
            log.info("cascade: member %d can draw from %d samples", number + 1, len(pool))


def _count(population: Population, label: int) -> int:
    return int(np.count_nonzero(population.labels == label))


def pool_sizes(
    population: Population, wanted: Mapping[int, int], number: int, members: int
) -> dict[int, int]:
    """How many of each class to cut are in the pool of the member ``number``, by label.

    Liu, Wu & Zhou: every round leaves the share f = (|P| / |N|)^(1 / (T - 1)) of the majority, so
    that the last of the T members takes all that is left. Of several classes each has its own f, by
    the size it has and the size that is wanted of it.
    """
    share = number / (members - 1)
    sizes = {}
    for label, size in wanted.items():
        count = _count(population, label)
        sizes[label] = max(size, round(count * (size / count) ** share))
    return sizes


def harder(population: Population, member: EnsembleMember, sizes: Mapping[int, int]) -> Positions:
    """Return the pool that is left when what a member gets right has gone from its own.

    sizes: how many of each class to cut stay; other classes stay whole. A head is fitted on the
    member alone, as ``train --recipe probe`` fits it. It gets a sample of a class right whose own
    logit, class shares divided out, is above the largest other one by more than a threshold of the
    class; as published, that threshold is the one that leaves as many as are to stay (tie: the
    earlier stay). With two classes this is the paper's rate of false positives; the samples that
    the member learned from are judged like all others.
    """
    layer, present = _head(population, member)
    gone = np.zeros(len(population.labels), bool)
    for label, size in sizes.items():
        members = member.pool[population.labels[member.pool] == label]
        margins = _margins(population, members, layer, int(np.flatnonzero(present == label)[0]))
        gone[members[np.argsort(margins, kind="stable")[size:]]] = True
    return member.pool[~gone[member.pool]]


def _head(population: Population, member: EnsembleMember) -> tuple[Linear, NDArray[np.int64]]:
    """Fit a head on what a member keeps; give it with the labels of its outputs."""
    kept = member.kept
    present, labels = np.unique(population.labels[kept], return_inverse=True)
    if len(present) < 2:
        raise FeatureError(
            "a cascade drops what a head can tell from other classes, and there is one class: "
            "leave out --cascade"
        )
    recipe = ProbeRecipe()
    found = fit_head(
        recipe.head,
        population.features(POOLED, kept).astype(np.float64),
        labels.astype(np.int64),
        len(present),
        whiten=recipe.whiten,
        sides=sides_of(labels, recipe.folds, seeds.integer(member.seed, "cascade")),
    )
    shares = np.log(np.bincount(labels)).tolist()
    return found.layer.without(shares) if HEADS[recipe.head].knows_prior else found.layer, present


def _margins(
    population: Population, members: Positions, layer: Linear, own: int
) -> NDArray[np.float64]:
    """Return the logit of the output ``own`` less the largest other one [n]."""
    found = np.empty(len(members))
    for start in range(0, len(members), BLOCK):
        part = slice(start, start + BLOCK)
        with one_blas_thread():
            logits = layer.logits(population.features(POOLED, members[part]).astype(np.float64))
        found[part] = logits[:, own] - np.delete(logits, own, axis=1).max(axis=1)
    return found
