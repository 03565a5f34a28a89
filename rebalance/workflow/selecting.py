"""What undersampling looks at, what is chosen among it, and the manifest that comes of it."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from rebalance.class_sizes import wanted_sizes
from rebalance.data.counts import named_counts
from rebalance.data.folder import ImageFolder
from rebalance.data.source import Source
from rebalance.manifest import Dropped, Manifest, Row
from rebalance.progress import Progress, warn_of_classes
from rebalance.settings import (
    ExtractorOptions,
    Published,
    RunOptions,
    SelectionOptions,
    Targets,
)
from rebalance.workflow.appraisal import (
    find_suspects,
    suspects_as_records,
    warn_of_cover,
    with_cover,
    with_suspects,
)
from rebalance.workflow.copies import warn_of_copies
from rebalance.workflow.reading import Readable, read
from rebalance.workflow.rows import places_of, provenance

if TYPE_CHECKING:
    from rebalance.resampling import Cut, Population, Selection
    from rebalance.resampling.population import Positions

log = logging.getLogger("rebalance")

NOTHING_LEFT: Mapping[int, str] = {}


@dataclass(frozen=True, eq=False)
class Selectable:
    """The images that are chosen among, and what is asked for.

    gone: why a near-duplicate went before anything was chosen, by its position among the readable
    images. rest: the positions of the others, which are ``population``. sizes: of every class that
    is wanted, by name. wanted: of the classes to cut, by label, once near-duplicates went;
    shrinking: of those to cut before. suspects: by position among the readable images; None where
    nobody asked.
    """

    source: Source
    readable: Readable
    gone: Mapping[int, str]
    rest: "Positions"
    population: "Population"
    sizes: Mapping[str, int]
    wanted: Mapping[int, int]
    shrinking: Mapping[int, int]
    suspects: Mapping[int, str] | None


@dataclass(frozen=True, eq=False)
class Chosen:
    """What became of the readable images.

    running: the images that something was chosen of. selection: its fates are those of all readable
    images, its subclasses those of ``running``.
    """

    running: ImageFolder
    selection: "Selection"


def open_choice(
    source: Source,
    targets: Targets,
    options: SelectionOptions,
    extractor: ExtractorOptions,
    run: RunOptions,
    progress: Progress,
    *,
    pooled: bool = False,
) -> Selectable:
    """Read the images and leave out near-duplicates.

    pooled: whether the pooled features are needed whatever the method looks at.
    """
    import numpy as np

    from rebalance.inspection.redundancy import near_duplicates
    from rebalance.resampling import sizes_to_cut
    from rebalance.undersampling import POOLED, UNDERSAMPLERS

    layer = UNDERSAMPLERS[options.method].layer(options)
    layers = [] if layer is None else list(dict.fromkeys((layer, POOLED)))
    layers = layers or [POOLED] * pooled
    ahead = _loading_ahead(options, max(source.folder.counts))
    readable = read(source, layers, extractor, run, progress, looks=options.dedupe, meanwhile=ahead)
    folder = readable.folder
    sizes = wanted_sizes(named_counts(folder), targets)
    shrinking, gone = sizes_to_cut(named_counts(folder), sizes), dict[int, str]()
    if options.dedupe:
        looks = readable.looked_at(shrinking, run, progress)
        gone = near_duplicates(looks, folder.paths, folder.labels, shrinking)
        log.info("near-duplicates: %d images go before any other", len(gone))
    else:
        fate = "are drawn like any other" if layer is None else "are kept last"
        warn_of_copies(folder, readable.digests, shrinking, fate)
    rest = np.array([place for place in range(len(folder.paths)) if place not in gone], np.intp)
    among = list(readable.layers) if layer == "auto" or pooled else layers[:1]
    population = readable.population(among, run.seed).take(rest)
    suspects = None
    if options.suspects:
        suspects = find_suspects(readable.layers[POOLED], folder, readable.device, run.seed)
    wanted = sizes_to_cut(population.counts, sizes)
    return Selectable(source, readable, gone, rest, population, sizes, wanted, shrinking, suspects)


def chosen_of(
    choice: Selectable,
    cut: "Cut",
    options: SelectionOptions,
    seed: int,
    *,
    pool: "Positions | None" = None,
    left: Mapping[int, str] = NOTHING_LEFT,
    warns: bool = True,
) -> Chosen:
    """Return what a cut means for each readable image, with what there is to tell of it.

    That is told by the pooled features, whatever it was made by. pool: the positions in the
    population that the cut is of; None is all. left: why the others went, by those positions.
    warns: whether to warn of how well it covers the rest.
    """
    from rebalance.resampling import selection_of
    from rebalance.undersampling import POOLED, UNDERSAMPLERS

    readable, folder = choice.readable, choice.readable.folder
    population, rest = choice.population, choice.rest
    if pool is not None:
        population, rest = population.take(pool), rest[pool]
    found = selection_of(population, cut, options).among(left, len(choice.rest))
    if options.dedupe:
        found = found.with_dropped(choice.gone, folder.labels, folder.classes, choice.shrinking)
    if readable.layers:
        if not UNDERSAMPLERS[options.method].exact:
            _warn_of_misses(folder, found, choice.sizes)
        found = with_cover(readable.layers[POOLED], folder, found, seed)
        if warns:
            warn_of_cover(found, options.method)
    if choice.suspects is not None:
        found = with_suspects(folder, found, choice.suspects)
    return Chosen(folder.take(rest.tolist()), found)


def options_of(
    targets: Targets, selection: SelectionOptions, published: Published
) -> dict[str, Any]:
    """Return the options of a manifest as its record has them."""
    return {
        # Told only where it was asked for: records without it stay what they were.
        **(asdict(published) if published.as_published else {}),
        "to": targets.to,
        "per_class": dict(targets.per_class),
        "classes": list(targets.classes),
        **asdict(selection),
    }


def manifest_of(choice: Selectable, found: Chosen, options: dict[str, Any], seed: int) -> Manifest:
    """The fates as rows, and the record of how they came about."""
    source, folder, chosen = choice.source, choice.readable.folder, found.selection
    rows, dropped = [], list(source.dropped)
    for path, label, fate in zip(folder.paths, folder.labels, chosen.fates, strict=True):
        name, cluster, distance = folder.classes[label], fate.cluster, fate.distance
        if fate.kept:
            rows.append(Row(path, name, cluster=cluster, distance=distance))
        else:
            dropped.append(Dropped(path, name, cluster, distance, fate.reason))
    manifest = Manifest(
        folder.root,
        folder.classes,
        tuple(rows),
        tuple(dropped),
        places=places_of(source, found.running, chosen.subclasses),
    )
    record = provenance(
        "undersample",
        source,
        folder,
        manifest.counts,
        unreadable=choice.readable.unreadable,
        extractor=choice.readable.extractor,
        scale=choice.readable.scale,
        options=options,
        per_class=chosen.stories,
        seed=seed,
    )
    if choice.suspects is not None:
        record["suspects"] = suspects_as_records(folder, choice.suspects)
    return replace(manifest, record=record)


def _loading_ahead(options: SelectionOptions, largest: int) -> Callable[[], None] | None:
    """Return what makes the compiled loops of our own layout ready while features are computed."""
    from rebalance.clusters.warm_up import load_loops
    from rebalance.undersampling import UNDERSAMPLERS

    draws_map = (options.cluster_space, options.layout) == ("map", "fast")
    ours = UNDERSAMPLERS[options.method].by_subclass and draws_map
    return partial(load_loops, largest) if ours else None


def _warn_of_misses(folder: ImageFolder, chosen: "Selection", sizes: Mapping[str, int]) -> None:
    """Say what a method reached that removes what its rule finds."""
    kept = Counter(
        label for label, fate in zip(folder.labels, chosen.fates, strict=True) if fate.kept
    )
    warn_of_classes(
        {
            name: f"{size} wanted, {kept[label]} reached: this method removes what its rule finds, "
            "not an exact number"
            for label, (name, size) in enumerate(sizes.items())
            if kept[label] != size
        }
    )
