"""The subclasses of a class that are short: few images, or recognised worse than the others.

May not import torch or click.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.clusters import InMemory, find_subclasses
from rebalance.records import SubclassNeed

Positions = NDArray[np.intp]
Floats = NDArray[np.float64]

FEW = 0.5  # of an even share of the class's images: with fewer a subclass is small
SURE = 1.645  # standard errors by which a recall is lower, to be called so: 5 % by chance
SHOWN = 48  # images of a subclass that are listed


def named_subclasses(features: NDArray[Any], name: str, seed: int) -> list[str]:
    """Name the cluster of each image [n] of the class ``name``, as ``undersample`` numbers them."""
    stream = seeds.integer(seed, "subclasses", name, "pool")
    return [str(cluster) for cluster in find_subclasses(InMemory(features), stream).labels]


def short_subclasses(
    members: Positions, names: Sequence[str], recognised: Floats
) -> list[SubclassNeed]:
    """Describe the subclasses of a class, those that are short first.

    members: positions of the class's images in the table [n]. names: the subclass of each [n].
    recognised: how often each was recognised when it was held out [n]; NaN where it never was.

    A subclass is short if it has less than half of an even share of the images, or if its recall is
    lower than that of the class's other images by more than chance explains. A class of one
    subclass has none that is short.
    """
    which = np.array(names)
    found = [
        _described(name, which == name, members, recognised, len(set(names)))
        for name in dict.fromkeys(sorted(names))
    ]
    return sorted(found, key=_order)


def _described(
    name: str, own: NDArray[np.bool_], members: Positions, recognised: Floats, count: int
) -> SubclassNeed:
    known = ~np.isnan(recognised)
    inside, outside = recognised[own & known], recognised[~own & known]
    recall = float(inside.mean()) if len(inside) else None
    reasons = []
    if count > 1 and own.sum() < FEW * len(own) / count:
        reasons.append(f"it has {own.sum()} of {len(own)} images")
    if len(inside) and len(outside) and inside.mean() < outside.mean() - _chance(inside, outside):
        reasons.append(f"its recall is {inside.mean():.2f} beside {outside.mean():.2f}")
    worst = np.argsort(np.where(known[own], recognised[own], 2), kind="stable")
    return {
        "name": name,
        "images": int(own.sum()),
        "recall": recall,
        "short": bool(reasons),
        "reason": ", and ".join(reasons),
        "members": members[own][worst][:SHOWN].tolist(),
    }


def _chance(inside: Floats, outside: Floats) -> float:
    """Say how much lower ``inside`` is in the mean by chance, at most, were all from one source."""
    both = np.concatenate([inside, outside])
    return float(SURE * both.std() * np.sqrt(1 / len(inside) + 1 / len(outside)))


def _order(need: SubclassNeed) -> tuple[bool, float, int]:
    recall = 1.0 if need["recall"] is None else need["recall"]
    return not need["short"], recall, need["images"]
