"""The stories that add samples: oversampling, and undersampling followed by it."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalance import seeds
from rebalance.class_sizes import grown_sizes, target_size
from rebalance.data.counts import named_counts
from rebalance.data.folder import ImageFolder
from rebalance.data.source import Source, open_source, source_of
from rebalance.data.unreadable import readable_part
from rebalance.errors import FeatureError
from rebalance.manifest import Manifest, write_manifest
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.settings import (
    LAYERS,
    ExtractorOptions,
    FolderOptions,
    Growth,
    RunOptions,
    SelectionOptions,
    SynthesisOptions,
    Targets,
)
from rebalance.workflow.checks import check_choice, check_result
from rebalance.workflow.features import describe
from rebalance.workflow.records import provenance
from rebalance.workflow.rows import added_rows, class_stories, original_rows, places_of
from rebalance.workflow.undersampling import undersample

if TYPE_CHECKING:
    from rebalance.clusters import Subclasses
    from rebalance.features.table import FeatureTable
    from rebalance.oversampling import Added, Nearest

log = logging.getLogger("rebalance")


def oversample(
    data: Path | str,
    output: Path | str | None,
    *,
    growth: Growth,
    synthesis: SynthesisOptions,
    extractor: ExtractorOptions,
    source: FolderOptions,
    run: RunOptions,
    progress: Progress,
) -> Manifest:
    """Choose the samples to add; write the manifest to ``output`` (.csv) where it is given."""
    _check(synthesis)
    if output is not None:
        output = check_result(data, output, overwrite=run.overwrite)
    opened = open_source(data, source)
    # What is impossible is said before the work; unreadable images may change the sizes later.
    grown_sizes(named_counts(opened.folder), growth)
    manifest = _oversampled(opened, "oversample", growth, synthesis, extractor, run, progress)
    if output is not None:
        write_manifest(output, manifest, overwrite=run.overwrite)
    return manifest


def hybrid(
    data: Path | str,
    output: Path | str | None,
    *,
    to: str,
    selection: SelectionOptions,
    synthesis: SynthesisOptions,
    extractor: ExtractorOptions,
    source: FolderOptions,
    run: RunOptions,
    progress: Progress,
) -> Manifest:
    """Cut the classes above a size and raise those below it, as the two commands do in turn."""
    _check(synthesis)
    if output is not None:
        output = check_result(data, output, overwrite=run.overwrite)
    shared: dict[str, Any] = {"extractor": extractor, "run": run, "progress": progress}
    cut = undersample(
        data, None, targets=Targets(to=to), selection=selection, source=source, **shared
    )
    # A ratio of the smallest class is a number to the second step, whose ratios are of the largest.
    readable = cut.record["counts"]["readable"]
    size = target_size(to, min(filter(None, readable.values())))
    grown = _oversampled(source_of(cut), "hybrid", Growth(to=str(size)), synthesis, **shared)
    manifest = replace(grown, record=_whole_story(grown.record, cut.record))
    if output is not None:
        write_manifest(output, manifest, overwrite=run.overwrite)
    return manifest


def _whole_story(grown: Mapping[str, Any], cut: Mapping[str, Any]) -> dict[str, Any]:
    """The record of both steps: what was there before the first, and the first as its source."""
    return {
        **grown,
        "options": {**grown["options"], "to": cut["options"]["to"]},
        "counts": {**cut["counts"], "after": grown["counts"]["after"]},
        "imbalance_ratio": {**cut["imbalance_ratio"], "after": grown["imbalance_ratio"]["after"]},
        "source": dict(cut),
    }


def _check(synthesis: SynthesisOptions) -> None:
    from rebalance.oversampling import OVERSAMPLERS

    check_choice("method", synthesis.method, tuple(OVERSAMPLERS))
    check_choice("layer", synthesis.layer, LAYERS[:-1])
    OVERSAMPLERS[synthesis.method].check_neighbours(synthesis.neighbours)


def _oversampled(
    source: Source,
    command: str,
    growth: Growth,
    synthesis: SynthesisOptions,
    extractor: ExtractorOptions,
    run: RunOptions,
    progress: Progress,
) -> Manifest:
    from rebalance.oversampling import OVERSAMPLERS

    table = None
    if OVERSAMPLERS[synthesis.method].needs_features:
        table = describe(source.folder, [synthesis.layer], extractor, run, progress)
        folder, unreadable = table.folder, table.unreadable
    else:
        workers = chosen_workers(run.workers)
        folder, _, bad = readable_part(source.folder, workers, progress, strict=run.strict)
        unreadable = tuple(bad)
    if table is not None and synthesis.method == "cluster":
        sizes, subclasses = _by_clusters(table, growth, synthesis.layer, run.seed, progress)
    else:
        sizes, subclasses = grown_sizes(named_counts(folder), growth), {}
    added = _added(folder, table, sizes, subclasses, synthesis, run.seed)
    originals = original_rows(source, folder, subclasses)
    rows = (*originals, *added_rows(originals, added))
    if len(rows) == len(originals):
        log.info("nothing to add: no class has fewer samples than asked for")
    places = places_of(source, folder, subclasses)
    manifest = Manifest(folder.root, folder.classes, rows, source.dropped, places=places)
    record = provenance(
        command,
        source,
        folder,
        manifest.counts,
        unreadable=unreadable,
        extractor=None if table is None else table.extractor.about,
        options={
            "to": growth.to,
            "per_class": dict(growth.per_class),
            "classes": list(growth.classes),
            **asdict(synthesis),
        },
        per_class=class_stories(folder, sizes, subclasses, added),
        seed=run.seed,
    )
    if any(row.kind == "synthetic" for row in rows):
        record["space"] = synthesis.space  # how whoever follows the recipes is to blend
    return replace(manifest, record=record)


def _by_clusters(
    table: "FeatureTable", growth: Growth, layer: str, seed: int, progress: Progress
) -> "tuple[dict[str, int], dict[int, Subclasses]]":
    """The size of every class, and the clusters of those that grow.

    ``max`` is the largest class once each of its clusters is as large as its largest one.
    """
    from rebalance.clusters import find_subclasses
    from rebalance.oversampling import cluster_total

    counts = named_counts(table.folder)

    def find(label: int) -> "Subclasses":
        stream = seeds.integer(seed, "subclasses", table.folder.classes[label], layer)
        return find_subclasses(table.layers[layer].take(table.members(label)), stream)

    found: dict[int, Subclasses] = {}
    total = None
    if not growth.to.strip().isdigit():
        largest = max(counts, key=counts.__getitem__)
        label = table.folder.classes.index(largest)
        found[label] = find(label)
        total = cluster_total(found[label].sizes)
        log.info(
            "max is %d: class %r has %d clusters, each to be as large as the largest of them",
            total,
            largest,
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


def _added(
    folder: ImageFolder,
    table: "FeatureTable | None",
    sizes: Mapping[str, int],
    subclasses: "Mapping[int, Subclasses]",
    synthesis: SynthesisOptions,
    seed: int,
) -> "Added":
    import numpy as np

    from rebalance.oversampling import OVERSAMPLERS

    wanted = {
        label: sizes[name] - count
        for label, (name, count) in enumerate(named_counts(folder).items())
        if sizes[name] > count
    }
    features = None
    # Given clusters are all that ``cluster`` looks at.
    if table is not None and not subclasses:
        stored = table.layers[synthesis.layer]
        features = stored.read(slice(None), slice(None)).astype(np.float32)
    options: dict[str, Any] = {
        "neighbours": synthesis.neighbours,
        "names": folder.classes,
        "subclasses": {label: each.labels for label, each in subclasses.items()},
        "nearest": _search(len(folder.paths), synthesis, table, seed),
    }
    rng = seeds.generator(seed, "oversample")
    try:
        return OVERSAMPLERS[synthesis.method](
            features, np.asarray(folder.labels), wanted, rng, **options
        )
    except FeatureError as error:
        raise error.named(folder.classes) from None


def _search(
    samples: int, synthesis: SynthesisOptions, table: "FeatureTable | None", seed: int
) -> "Nearest":
    """How neighbours are found: exactly, or where there are too many samples, nearly so."""
    from rebalance.neighbours import EXACT_LIMIT, nearest, search_among

    device = "cpu" if table is None else table.extractor.device
    if synthesis.exact:
        return partial(nearest, device=device)
    if samples > EXACT_LIMIT:
        log.info(
            "%d samples: neighbours are approximate; --exact insists on the true ones", samples
        )
    return search_among(samples, device=device, seed=seeds.integer(seed, "neighbours"))
