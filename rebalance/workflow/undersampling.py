"""The story of undersampling: which images to keep, written as a manifest."""

import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalance.class_sizes import wanted_sizes
from rebalance.data.counts import named_counts
from rebalance.data.folder import ImageFolder
from rebalance.data.source import Source, open_source
from rebalance.manifest import Dropped, Manifest, Row
from rebalance.manifest.writing import write_manifest
from rebalance.progress import Progress, warn_of_classes
from rebalance.settings import (
    ExtractorOptions,
    FolderOptions,
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
from rebalance.workflow.places import check_result
from rebalance.workflow.published import check_published
from rebalance.workflow.reading import Readable, read
from rebalance.workflow.rows import places_of, provenance

if TYPE_CHECKING:
    from rebalance.resampling import Selection

log = logging.getLogger("rebalance")

NOT_PUBLISHED = Published()
FEWEST = 10  # images below which a class that others are cut to is worth a word
MOST_LOST = 10  # images to each that is kept, beyond which a class is said to be gutted


def undersample(
    data: Path | str,
    output: Path | str | None,
    *,
    targets: Targets,
    selection: SelectionOptions,
    extractor: ExtractorOptions,
    source: FolderOptions,
    run: RunOptions,
    progress: Progress,
    published: Published = NOT_PUBLISHED,
) -> Manifest:
    """Choose the images to keep; write the manifest to ``output`` (.csv) where it is given."""
    if published.as_published:
        check_published(selection, extractor)
    _check(selection)
    if output is not None:
        output = check_result(data, output, overwrite=run.overwrite)
    opened = open_source(data, source)
    # What is impossible is said before the work; unreadable images may change the sizes later.
    counts = named_counts(opened.folder)
    _warn_of_losses(counts, wanted_sizes(counts, targets))
    outcome = _select(opened, targets, selection, extractor, run, progress)
    options = {
        # Told only where it was asked for: records without it stay what they were.
        **(asdict(published) if published.as_published else {}),
        "to": targets.to,
        "per_class": dict(targets.per_class),
        "classes": list(targets.classes),
        **asdict(selection),
    }
    manifest = _manifest(opened, outcome, options, run.seed)
    if output is not None:
        write_manifest(output, manifest, overwrite=run.overwrite)
    return manifest


def _check(selection: SelectionOptions) -> None:
    from rebalance.undersampling import UNDERSAMPLERS

    UNDERSAMPLERS[selection.method].check(selection)


@dataclass(frozen=True)
class _Outcome:
    """What became of the readable images, and what is told of it.

    running: the images that were left after near-duplicates. selection: its fates are those of all
    readable images, its subclasses those of ``running``. suspects: by position among the readable
    images; None where nobody asked.
    """

    readable: Readable
    running: ImageFolder
    selection: "Selection"
    suspects: Mapping[int, str] | None = None


def _select(
    source: Source,
    targets: Targets,
    options: SelectionOptions,
    extractor: ExtractorOptions,
    run: RunOptions,
    progress: Progress,
) -> _Outcome:
    """Read the images, leave out near-duplicates, choose among the rest, and appraise the choice.

    What is told of the choice is told by the pooled features, whatever it was made by.
    """
    import numpy as np

    from rebalance.inspection.redundancy import near_duplicates
    from rebalance.resampling import cut, selection_of, sizes_to_cut
    from rebalance.undersampling import POOLED, UNDERSAMPLERS

    layer = UNDERSAMPLERS[options.method].layer(options)
    layers = [] if layer is None else list(dict.fromkeys((layer, POOLED)))
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
        fate = "are kept last" if layers else "are drawn like any other"
        warn_of_copies(folder, readable.digests, shrinking, fate)
    rest = [position for position in range(len(folder.paths)) if position not in gone]
    among = list(readable.layers) if layer == "auto" else layers[:1]
    population = readable.population(among, run.seed).take(np.array(rest, np.intp))
    found = cut(population, sizes_to_cut(population.counts, sizes), options, progress=progress)
    chosen = selection_of(population, found, options)
    if options.dedupe:
        chosen = chosen.with_dropped(gone, folder.labels, folder.classes, shrinking)
    suspects = None
    if readable.layers:
        chosen, suspects = _appraised(readable, chosen, sizes, options, run.seed)
    return _Outcome(readable, folder.take(rest), chosen, suspects)


def _loading_ahead(options: SelectionOptions, largest: int) -> Callable[[], None] | None:
    """Return what makes the compiled loops of our own layout ready while features are computed."""
    from rebalance.clusters.warm_up import load_loops
    from rebalance.undersampling import UNDERSAMPLERS

    draws_map = (options.cluster_space, options.layout) == ("map", "fast")
    ours = UNDERSAMPLERS[options.method].by_subclass and draws_map
    return partial(load_loops, largest) if ours else None


def _appraised(
    readable: Readable,
    chosen: "Selection",
    sizes: Mapping[str, int],
    options: SelectionOptions,
    seed: int,
) -> "tuple[Selection, Mapping[int, str] | None]":
    """The choice with what there is to tell of it, and the suspects where somebody asked."""
    from rebalance.undersampling import POOLED, UNDERSAMPLERS

    folder, pooled = readable.folder, readable.layers[POOLED]
    if not UNDERSAMPLERS[options.method].exact:
        _warn_of_misses(folder, chosen, sizes)
    chosen = with_cover(pooled, folder, chosen, seed)
    warn_of_cover(chosen, options.method)
    if not options.suspects:
        return chosen, None
    suspects = find_suspects(pooled, folder, readable.device, seed)
    return with_suspects(folder, chosen, suspects), suspects


def _warn_of_losses(counts: Mapping[str, int], sizes: Mapping[str, int]) -> None:
    """Say before the work what one tiny class costs the others: it may be none at all."""
    cut = [name for name, count in counts.items() if sizes[name] < count]
    gutted = [name for name in cut if sizes[name] * MOST_LOST < counts[name]]
    fewest, smallest = min((count, name) for name, count in counts.items() if count)
    if gutted:
        log.warning(
            "%s would keep less than a tenth of the images, such as %d of %d; the smallest class "
            "is %r with %d: see whether it is a class, or choose another size with --to",
            f"{len(gutted)} classes" if len(gutted) > 1 else f"class {gutted[0]!r}",
            sizes[gutted[0]],
            counts[gutted[0]],
            smallest,
            fewest,
        )
    elif fewest < FEWEST and any(sizes[name] <= fewest for name in cut):
        log.warning(
            "the smallest class, %r, has %d images, and others are cut to as many: see whether it "
            "is a class, or choose another size with --to",
            smallest,
            fewest,
        )


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


def _manifest(source: Source, outcome: _Outcome, options: dict[str, Any], seed: int) -> Manifest:
    """The fates as rows, and the record of how they came about."""
    folder, chosen = outcome.readable.folder, outcome.selection
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
        places=places_of(source, outcome.running, chosen.subclasses),
    )
    record = provenance(
        "undersample",
        source,
        folder,
        manifest.counts,
        unreadable=outcome.readable.unreadable,
        extractor=outcome.readable.extractor,
        scale=outcome.readable.scale,
        options=options,
        per_class=chosen.stories,
        seed=seed,
    )
    if outcome.suspects is not None:
        record["suspects"] = suspects_as_records(folder, outcome.suspects)
    return replace(manifest, record=record)
