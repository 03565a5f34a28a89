"""Oversamplers that blend every class with every other, under labels that both share.

Each gives one ``Draw`` for each class. Imports numpy and nothing heavier; may not import torch or
click.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from rebalance.oversampling.samples import Draw, Minority, Positions, SamplerOptions, Samples
from rebalance.quotas import evenly_repeated

Weights = NDArray[np.float64]
# From how much of the partner there is [S], and the sizes of the classes of base and partner, to
# how much of the label is the partner's class's [S].
Sharing = Callable[[Weights, int, Positions], Weights]


def mixup(samples: Samples, classes: Sequence[Minority], options: SamplerOptions) -> list[Draw]:
    """Blends with an image of any other class, each class as likely, labelled by what they hold.

    The weight is uniform in [0, 1). A class is first filled up with repetitions, each sample as
    often as every other, until half of what it ends with are blends. Source: Zhang et al., "mixup:
    Beyond Empirical Risk Minimization", ICLR 2018, with α = 1; that both classes are drawn evenly,
    and never twice the same, is ours.
    """
    return [_mixed(samples, minority, as_blended) for minority in classes]


def skew_mix(samples: Samples, classes: Sequence[Minority], options: SamplerOptions) -> list[Draw]:
    """``mixup`` whose labels are skewed, so that the rarer class owns most of what lies between.

    The base's class has sigmoid(logit(1 - weight) + ln(n_partner / n_base)) of the label, where n
    are the sizes of the classes. The method is ours.
    """
    return [_mixed(samples, minority, skewed) for minority in classes]


def as_blended(weight: Weights, base: int, partner: Positions) -> Weights:
    """The partner's share of the label is its share of the blend."""
    return weight


def skewed(weight: Weights, base: int, partner: Positions) -> Weights:
    """The odds of the partner's class are those of the blend, times base / partner."""
    share: Weights = weight * base / (weight * base + (1 - weight) * partner)
    return share


def _mixed(samples: Samples, minority: Minority, shared: Sharing) -> Draw:
    """Repetitions, then blends: half of what the class ends with, or all that is added."""
    rng, count = minority.rng, minority.count
    blended = min(count, (len(minority.members) + count + 1) // 2)
    repeated = evenly_repeated(minority.members, count - blended, rng)
    sizes = np.bincount(samples.labels)
    others = np.flatnonzero((sizes > 0) & (np.arange(len(sizes)) != minority.label))
    base = rng.choice(minority.members, blended)
    if not len(others):
        return Draw.repeating(np.concatenate([repeated, base])).noted(
            "there is no other class to blend with, and its samples are repeated"
        )
    of = rng.choice(others, blended)
    weight = rng.random(blended)
    by_class = np.argsort(samples.labels, kind="stable")
    begins = np.cumsum(sizes) - sizes
    partner = by_class[begins[of] + rng.integers(sizes[of])]
    plain = Draw.repeating(repeated)
    return Draw(
        np.concatenate([plain.base, base]),
        np.concatenate([plain.partner, partner]).astype(np.int64),
        np.concatenate([plain.weight, weight]),
        share=np.concatenate([plain.weight, shared(weight, len(minority.members), sizes[of])]),
    )
