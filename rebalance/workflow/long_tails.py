"""The story of a long-tailed subset: which images it has, written as a manifest."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rebalance import seeds
from rebalance.class_sizes import longtail_sizes
from rebalance.data.counts import named_counts
from rebalance.data.folder import ImageFolder
from rebalance.data.scales import scale_of
from rebalance.data.source import open_source
from rebalance.data.unreadable import readable_part
from rebalance.manifest import Dropped, Manifest
from rebalance.manifest.writing import write_manifest
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.settings import FolderOptions, LongTail, RunOptions
from rebalance.workflow.places import check_result
from rebalance.workflow.rows import original_rows, places_of, provenance

log = logging.getLogger("rebalance")


def longtail(
    data: Path | str,
    output: Path | str | None,
    *,
    tail: LongTail,
    source: FolderOptions,
    run: RunOptions,
    progress: Progress,
) -> Manifest:
    """Choose the images of a long-tailed subset; write them to ``output`` (.csv) where given."""
    if output is not None:
        output = check_result(data, output, overwrite=run.overwrite)
    opened = open_source(data, source)
    # What is impossible is said before the work; unreadable images may change the sizes later.
    longtail_sizes(named_counts(opened.folder), tail)
    folder, probes, unreadable = readable_part(
        opened.folder, chosen_workers(run.workers), progress, strict=run.strict
    )
    sizes = longtail_sizes(named_counts(folder), tail)
    kept = _drawn(folder, sizes, run.seed)
    rows, dropped = [], list(opened.dropped)
    for place, row in enumerate(original_rows(opened, folder, {})):
        if place in kept:
            rows.append(row)
        else:
            reason = f"longtail: not among the {sizes[row.label]} of its class"
            dropped.append(Dropped(row.file_name, row.label, row.cluster, row.distance, reason))
    manifest = Manifest(
        folder.root,
        folder.classes,
        tuple(rows),
        tuple(dropped),
        places=places_of(opened, folder, {}),
    )
    record = provenance(
        "longtail",
        opened,
        folder,
        manifest.counts,
        unreadable=unreadable,
        extractor=None,
        scale=scale_of((each.levels for each in probes), opened.scale),
        options=tail.as_record(),
        per_class={},
        seed=run.seed,
    )
    manifest = replace(manifest, record=record)
    if output is not None:
        write_manifest(output, manifest, overwrite=run.overwrite)
    return manifest


def _drawn(folder: ImageFolder, sizes: Mapping[str, int], seed: int) -> set[int]:
    """Positions of the images to keep: of each class the first of a shuffle of its own.

    So a longer tail of the same seed keeps a part of what a shorter one keeps.
    """
    members: list[list[int]] = [[] for _ in folder.classes]
    for place, label in enumerate(folder.labels):
        members[label].append(place)
    kept: set[int] = set()
    for name, places in zip(folder.classes, members, strict=True):
        order = seeds.generator(seed, "longtail", name).permutation(len(places))
        kept.update(places[position] for position in order[: sizes[name]].tolist())
    return kept
