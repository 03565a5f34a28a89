"""Which samples the classes that grow are given, as recipes."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from rebalance import seeds
from rebalance.class_sizes import grown_sizes, target_size
from rebalance.clusters import Subclasses
from rebalance.errors import FeatureError
from rebalance.neighbours import EXACT_LIMIT, nearest, search_among
from rebalance.oversampling import (
    DANGER_NEIGHBOURS,
    OVERSAMPLERS,
    Added,
    Nearest,
    cluster_total,
)
from rebalance.progress import Progress, silent
from rebalance.resampling.population import Population
from rebalance.resampling.subclassing import Subclassing, subclasses_of
from rebalance.settings import Growth, SelectionOptions, SynthesisOptions

log = logging.getLogger("rebalance")


@dataclass(frozen=True, eq=False)
class Grown:
    """What is added to a population.

    added: the recipes. sizes: of every class, by name, with what is added. subclasses: those of the
    classes whose clusters told what to repeat, by label.
    """

    added: Added
    sizes: Mapping[str, int]
    subclasses: Mapping[int, Subclasses] = field(default_factory=dict)


def second_growth(to: str, counts: Mapping[str, int]) -> Growth:
    """Return how far a hybrid raises classes once it has cut those above ``to``.

    counts: samples of each class before the cut. A ratio of the smallest of them becomes a number,
    because growth takes ratios of the largest. Raises TargetError as ``target_size``.
    """
    return Growth(to=str(target_size(to, min(filter(None, counts.values())))))


def grow(
    population: Population,
    growth: Growth,
    options: SynthesisOptions,
    subclassing: Subclassing = subclasses_of,
    *,
    device: str = "cpu",
    progress: Progress = silent,
) -> Grown:
    """Add samples to the classes that are to grow.

    device: where neighbours are searched for. Raises TargetError for a growth that cannot be, and
    FeatureError, naming the class, where the method cannot work.
    """
    sizes, found = _sizes(population, growth, options, subclassing, progress)
    wanted = _lacking(population, sizes)
    return Grown(add(population, wanted, options, found, device=device), sizes, found)


def wanted_of(population: Population, growth: Growth, options: SynthesisOptions) -> dict[int, int]:
    """Return by how many samples classes are to grow, by label, for a method without subclasses.

    Raises TargetError as ``grow``.
    """
    return _lacking(population, OVERSAMPLERS[options.method].sizes(population.counts, growth))


def _lacking(population: Population, sizes: Mapping[str, int]) -> dict[int, int]:
    return {
        label: sizes[name] - count
        for label, (name, count) in enumerate(population.counts.items())
        if sizes[name] > count
    }


def add(
    population: Population,
    wanted: Mapping[int, int],
    options: SynthesisOptions,
    subclasses: Mapping[int, Subclasses] | None = None,
    *,
    device: str = "cpu",
) -> Added:
    """Recipes of as many samples as are wanted of each class, by label.

    subclasses: those of the classes that grow, for a method that goes by them. Raises FeatureError
    as ``grow``.
    """
    method = OVERSAMPLERS[options.method]
    # Those who know the subclasses of a class look at nothing else, nor at images vetted before.
    looks = method.needs_features and not (method.by_subclass or method.given)
    found = {label: each.labels for label, each in (subclasses or {}).items()}
    try:
        return method(
            population.features(options.looks_at) if looks else None,
            population.labels,
            wanted,
            seeds.generator(population.seed, "oversample"),
            neighbours=options.neighbours,
            danger_neighbours=options.danger_neighbours or DANGER_NEIGHBOURS,
            reach=options.reach,
            copies=options.copies,
            operations=options.operations,
            names=population.classes,
            subclasses=found,
            nearest=_search(population, options, device),
            candidates=population.candidates,
        )
    except FeatureError as error:
        raise error.named(population.classes) from None


def _sizes(
    population: Population,
    growth: Growth,
    options: SynthesisOptions,
    subclassing: Subclassing,
    progress: Progress,
) -> tuple[dict[str, int], dict[int, Subclasses]]:
    """The size of every class, and for a method that goes by them the subclasses of what grows.

    To such a method ``max`` is the largest class once each of its clusters is as large as its
    largest one.
    """
    counts, found = population.counts, dict[int, Subclasses]()
    if not OVERSAMPLERS[options.method].by_subclass:
        return OVERSAMPLERS[options.method].sizes(counts, growth), found

    def find(label: int) -> Subclasses:
        return subclassing(population, label, options.layer, SelectionOptions())

    total = None
    if not growth.to.strip().isdigit():
        label = int(np.argmax(list(counts.values())))
        found[label] = find(label)
        total = cluster_total(found[label].sizes)
        log.info(
            "max is %d: class %r has %d clusters, each to be as large as the largest of them",
            total,
            population.classes[label],
            found[label].k,
        )
    sizes = grown_sizes(counts, growth, total)
    growing = [
        label
        for label, (name, count) in enumerate(counts.items())
        if sizes[name] > count and label not in found
    ]
    for label in progress(growing, total=len(growing), what="clustering", unit="classes"):
        found[label] = find(label)
    return sizes, found


def _search(population: Population, options: SynthesisOptions, device: str) -> Nearest:
    """Return how neighbours are found: exactly, or where there are too many samples, nearly so."""
    samples = len(population.labels)
    if options.exact:
        return partial(nearest, device=device)
    if samples > EXACT_LIMIT:
        log.info(
            "%d samples: neighbours are approximate; --exact insists on the true ones", samples
        )
    stream = seeds.integer(population.seed, "neighbours")
    return search_among(samples, device=device, seed=stream)
