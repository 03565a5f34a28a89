"""Equal samples taken for one by whoever chooses among a class: no copy is kept for nothing.

A further copy tells nothing new of its class. Methods that compare samples see each content once,
and copies are kept only where every different sample of the class is. Imports numpy and nothing
heavier.
"""

from collections.abc import Callable, Mapping
from functools import wraps

import numpy as np

from rebalance import seeds
from rebalance.numerics.contents import Contents, contents_of
from rebalance.numerics.pca import InMemory
from rebalance.undersampling.preconditions import Features, Indices, Labels, Values

Wanted = Mapping[int, int]
Check = Callable[[Features, Labels, Wanted], Values]
Keep = Callable[[Values, Labels, Wanted, np.random.Generator], Indices]
Undersampling = Callable[[Features, Labels, Wanted, np.random.Generator], Indices]


def each_once(check: Check) -> Callable[[Keep], Undersampling]:
    """Make an undersampler see each content of a class once, after ``check``.

    A class with no more contents than are wanted keeps them all, and is filled up with copies to
    the number wanted; of any other none is kept but the first of its content. Classes that are not
    to be cut are kept whole. Where nothing repeats, nothing changes.
    """

    def of(keep: Keep) -> Undersampling:
        @wraps(keep)
        def kept(
            features: Features, labels: Labels, wanted: Wanted, rng: np.random.Generator
        ) -> Indices:
            values = check(features, labels, wanted)
            contents = contents_of(InMemory(values)).within(labels)
            if not contents.repeat:
                return keep(values, labels, wanted, rng)
            return _kept(keep, values, labels, wanted, rng, contents)

        return kept

    return of


def _kept(
    keep: Keep,
    features: Values,
    labels: Labels,
    wanted: Wanted,
    rng: np.random.Generator,
    contents: Contents,
) -> Indices:
    first = contents.first
    different = {label: int(np.count_nonzero(labels[first] == label)) for label in wanted}
    fewer = {label: size for label, size in wanted.items() if size < different[label]}
    kept = np.isin(labels, list(wanted), invert=True)
    seed = int(rng.spawn(1)[0].integers(2**63))  # which leaves the draws of ``keep`` as they are
    if fewer:
        kept[first[keep(features[first], labels[first], fewer, rng)]] = True
    for label in wanted.keys() - fewer.keys():
        members = np.flatnonzero(labels == label)
        own = Contents.numbered(contents.of[members])
        stream = seeds.generator(seed, "copies", label)
        kept[members[filled_up(own.first, own, wanted[label], stream)]] = True
    return np.flatnonzero(kept)


def filled_up(kept: Indices, contents: Contents, wanted: int, rng: np.random.Generator) -> Indices:
    """The rising positions ``kept`` of a class, with copies where these are fewer than ``wanted``.

    kept: the first of every content, or as many as are wanted. Second copies come before third
    ones, and so on; who of equally many is drawn.
    """
    if len(kept) >= wanted:
        return kept
    ranks = contents.ranks
    drawn = rng.permutation(len(ranks))
    return np.sort(drawn[np.argsort(ranks[drawn], kind="stable")][:wanted])
