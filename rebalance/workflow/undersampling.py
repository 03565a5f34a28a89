"""The story of undersampling: which images to keep, written as a manifest."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalance.errors import SettingError
from rebalance.folder import ImageFolder, Unreadable
from rebalance.inspection import named_counts, readable_part
from rebalance.manifest import Dropped, Manifest, Row, write_manifest
from rebalance.parallel import chosen_workers
from rebalance.plan import wanted_sizes
from rebalance.progress import Progress
from rebalance.settings import (
    LAYERS,
    ExtractorOptions,
    FolderOptions,
    RunOptions,
    SelectionOptions,
    Targets,
)
from rebalance.source import Source, open_source
from rebalance.workflow.checks import check_choice, check_result
from rebalance.workflow.features import describe
from rebalance.workflow.records import provenance
from rebalance.workflow.rows import places_of

if TYPE_CHECKING:
    from rebalance.selection import Selection

log = logging.getLogger("rebalance")


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
) -> Manifest:
    """Choose the images to keep; write the manifest to ``output`` (.csv) where it is given."""
    from rebalance.undersampling import METHODS, PICKERS

    check_choice("method", selection.method, METHODS)
    check_choice("pick", selection.pick, tuple(PICKERS))
    check_choice("layer", selection.layer, LAYERS)
    if selection.method != "subclass" and selection != SelectionOptions(selection.method):
        raise SettingError(f"--pick and --layer are for --method subclass, not {selection.method}")
    if output is not None:
        output = check_result(data, output, overwrite=run.overwrite)
    opened = open_source(data, source)
    # What is impossible is said before the work; unreadable images may change the sizes later.
    wanted_sizes(named_counts(opened.folder), targets)
    outcome = _select(opened.folder, targets, selection, extractor, run, progress)
    options = {
        "to": targets.to,
        "per_class": dict(targets.per_class),
        "classes": list(targets.classes),
        **asdict(selection),
    }
    manifest = _manifest(opened, *outcome, options, run.seed)
    if output is not None:
        write_manifest(output, manifest, overwrite=run.overwrite)
    return manifest


def _select(
    folder: ImageFolder,
    targets: Targets,
    options: SelectionOptions,
    extractor: ExtractorOptions,
    run: RunOptions,
    progress: Progress,
) -> "tuple[ImageFolder, Selection, Sequence[Unreadable], dict[str, Any] | None]":
    """The readable images, what becomes of them, the others, and the extractor if one was used."""
    from rebalance.selection import select_at_random, select_by_sampler, select_by_subclass

    if options.method == "random":
        readable, _, bad = readable_part(
            folder, chosen_workers(run.workers), progress, strict=run.strict
        )
        sizes = wanted_sizes(named_counts(readable), targets)
        return readable, select_at_random(readable, sizes, run.seed), bad, None
    # The methods of imbalanced-learn work on the pooled features; only ours looks for a layer.
    layer = options.layer if options.method == "subclass" else "pool"
    table = describe(folder, [layer], extractor, run, progress)
    sizes = wanted_sizes(named_counts(table.folder), targets)
    if options.method == "subclass":
        chosen = select_by_subclass(table, sizes, options, run.seed, progress)
    else:
        features = table.layers[layer].read(slice(None), slice(None)).astype("float32")
        chosen = select_by_sampler(features, table.folder, sizes, options.method, run.seed)
        _warn_of_misses(table.folder, chosen, sizes)
    return table.folder, chosen, table.unreadable, table.extractor.about


def _warn_of_misses(folder: ImageFolder, chosen: "Selection", sizes: Mapping[str, int]) -> None:
    """Some methods cannot reach an exact count: say what they reached."""
    kept = Counter(
        label
        for label, decision in zip(folder.labels, chosen.decisions, strict=True)
        if decision.kept
    )
    for label, (name, size) in enumerate(sizes.items()):
        if kept[label] != size:
            log.warning(
                "class %r: %d wanted, %d reached: this method removes what its rule finds, not "
                "an exact number",
                name,
                size,
                kept[label],
            )


def _manifest(
    source: Source,
    folder: ImageFolder,
    chosen: "Selection",
    unreadable: Sequence[Unreadable],
    extractor: dict[str, Any] | None,
    options: dict[str, Any],
    seed: int,
) -> Manifest:
    """The decisions as rows, and the record of how they came about."""
    rows, dropped = [], list(source.dropped)
    for path, label, decision in zip(folder.paths, folder.labels, chosen.decisions, strict=True):
        name, cluster, distance = folder.classes[label], decision.cluster, decision.distance
        if decision.kept:
            rows.append(Row(path, name, cluster=cluster, distance=distance))
        else:
            dropped.append(Dropped(path, name, cluster, distance, decision.reason))
    manifest = Manifest(
        folder.root,
        folder.classes,
        tuple(rows),
        tuple(dropped),
        places=places_of(source, folder, chosen.subclasses),
    )
    record = provenance(
        "undersample",
        source,
        folder,
        manifest.counts,
        unreadable=unreadable,
        extractor=extractor,
        options=options,
        per_class=chosen.stories,
        seed=seed,
    )
    return replace(manifest, record=record)
