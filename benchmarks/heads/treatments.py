"""What is done with training images before a head learns from them, and how it decides.

A new treatment is a function ``(images, told, seed)`` to a ``Training``, and its line in
``TREATMENTS``; the product's oversamplers and undersamplers are there by themselves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks.heads.images import Images, Training
from benchmarks.heads.transfers import borrowed, cloud, skewed
from rebalance import seeds
from rebalance.class_sizes import wanted_sizes
from rebalance.numerics.pca import InMemory
from rebalance.oversampling import OVERSAMPLERS, synthesise
from rebalance.resampling import Population, cut, sizes_to_cut
from rebalance.settings import Growth, SelectionOptions, Targets
from rebalance.undersampling import UNDERSAMPLERS

Treatment = Callable[[Images, str, int], Training]
WHITENED = 0.4  # the default of ``train --recipe probe``


def nothing(images: Images, told: str, seed: int) -> Training:
    """The images as they are."""
    return Training(images.features, images.whole)


def weights(images: Images, told: str, seed: int) -> Training:
    """The images, those of a class counting as one together."""
    return Training(images.features, images.whole / images.sizes)


def raised(method: str, images: Images, told: str, seed: int) -> Training:
    """All classes raised to the largest, and blends as many again; ``told`` is the reach of EOS."""
    oversampler = OVERSAMPLERS[method]
    counts = {str(label): int(count) for label, count in enumerate(images.sizes)}
    sizes = oversampler.sizes(counts, Growth())
    wanted = {int(name): sizes[name] - count for name, count in counts.items()}
    options: dict[str, Any] = {"reach": float(told)} if told else {}
    rng = seeds.generator(seed, "oversample")
    added = oversampler(images.features, images.labels, wanted, rng, **options)
    soft, classes = added.labelled(images.labels), np.eye(len(counts))
    mass = (1 - soft.share)[:, None] * classes[soft.own] + soft.share[:, None] * classes[soft.other]
    # A repetition is its image counted once more.
    whole, repeated = images.whole.copy(), added.weight == 0
    np.add.at(whole, added.base[repeated], mass[repeated])
    blends = synthesise(images.features, added)[~repeated].astype(np.float32)
    features = np.concatenate([images.features, blends])
    return Training(features, np.concatenate([whole, mass[~repeated]]))


def lowered(method: str, images: Images, told: str, seed: int) -> Training:
    """Classes cut to what is told, the smallest by default."""
    names = [str(label) for label in range(len(images.sizes))]
    population = Population(images.labels, names, {"pool": InMemory(images.features)}, seed)
    sizes = wanted_sizes(population.counts, Targets(to=told or "min"))
    wanted = sizes_to_cut(population.counts, sizes)
    kept = cut(population, wanted, SelectionOptions(method=method)).kept
    return Training(images.features[kept], images.whole[kept])


TREATMENTS: dict[str, Treatment] = {
    "nothing": nothing,
    "weights": weights,
    **{name: partial(raised, name) for name in OVERSAMPLERS},
    **{name: partial(lowered, name) for name in UNDERSAMPLERS},
    **{each.__name__: each for each in (skewed, cloud, borrowed)},
}


@dataclass(frozen=True)
class Row:
    """A treatment, what is told it, and what the head does.

    whiten: how far the features are whitened. prior: whether it divides by the shares of classes.
    """

    treatment: str
    told: str = ""
    whiten: float = 0.0
    prior: bool = False

    @classmethod
    def parsed(cls, text: str) -> "Row":
        """Read ``TREATMENT[:TOLD][+whiten][+prior]``; ValueError for what is none."""
        first, *more = text.split("+")
        name, _, told = first.partition(":")
        if name not in TREATMENTS or not {*more} <= {"whiten", "prior"}:
            raise ValueError(
                f"a row is TREATMENT[:TOLD][+whiten][+prior], TREATMENT one of "
                f"{', '.join(TREATMENTS)}; got {text!r}"
            )
        return cls(name, told, WHITENED * ("whiten" in more), "prior" in more)

    def __call__(self, images: Images, seed: int) -> Training:
        """What the head learns from."""
        return TREATMENTS[self.treatment](images, self.told, seed)
