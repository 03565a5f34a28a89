"""The story that describes images by features.

Where torchrun started several processes, they share the work; only the first one writes the table.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rebalance.data.folder import ImageFolder
from rebalance.data.levels import DepthScale
from rebalance.data.scales import scale_of
from rebalance.data.source import open_source
from rebalance.data.survey import survey
from rebalance.data.unreadable import report_unreadable, require_images
from rebalance.distributed.processes import ALONE, Processes, joined, own_workers
from rebalance.errors import OutputError, SettingError
from rebalance.features.cache import cache_root
from rebalance.features.sharding import check_alike, check_places, read_shared
from rebalance.manifest import check_writable
from rebalance.progress import Progress, silent
from rebalance.settings import LAYERS_OR_AUTO, ExtractorOptions, FolderOptions, RunOptions

if TYPE_CHECKING:
    from rebalance.features.table import FeatureTable

log = logging.getLogger("rebalance")


def extract(
    data: Path | str,
    output: Path | str | None,
    *,
    layers: Sequence[str],
    extractor: ExtractorOptions,
    source: FolderOptions,
    run: RunOptions,
    progress: Progress,
) -> "FeatureTable":
    """Features of every readable image; written to ``output`` (.npz) where it is given."""
    if not layers:
        raise SettingError(f"at least one layer is needed: choose from {', '.join(LAYERS_OR_AUTO)}")
    with joined(run.device) as processes:
        progress = progress if processes.first else silent
        if output is not None:
            output = Path(output)
            processes.by_first(partial(_check_output, output, overwrite=run.overwrite))
        opened = processes.by_first(partial(open_source, data, source))
        folder = opened.folder
        check_places(folder.root, cache_root(run.cache_dir), processes)
        table = describe(folder, layers, extractor, run, progress, processes, scale=opened.scale)
        if output is not None:
            from rebalance.features.table import save_table

            processes.by_first(partial(save_table, output, table))
        return table


def _check_output(output: Path, *, overwrite: bool) -> None:
    if output.suffix != ".npz":
        raise OutputError(f"a feature table is a .npz file; got {str(output)!r}: name it so")
    check_writable(output, overwrite=overwrite)


def describe(
    folder: ImageFolder,
    layers: Sequence[str],
    options: ExtractorOptions,
    run: RunOptions,
    progress: Progress,
    processes: Processes = ALONE,
    meanwhile: Callable[[], None] | None = None,
    scale: DepthScale | None = None,
) -> "FeatureTable":
    """The feature table of a folder; what cannot be read is named in it and left out.

    Every one of ``processes`` calls this and gets the whole table. meanwhile: as for
    ``extract_features``. scale: that of an earlier step or of the training side; None is that of
    the folder's own files.
    """
    from rebalance.features.extraction import extract_features
    from rebalance.features.extractors import find_extractor, needs_training
    from rebalance.features.marks import read_marks

    workers = own_workers(run.workers)
    # Training and --strict want to know of every bad file before the expensive work begins;
    # otherwise a file is decoded only where its features are missing.
    if run.strict or needs_training(options):
        read = partial(survey, workers=workers, progress=progress)
        found, bad = read_shared(read, folder, processes)
        report_unreadable(bad, len(folder.paths), strict=run.strict)
        good = folder.take(place for place, probe in enumerate(found) if probe is not None)
        require_images(folder, good)
        probes = [probe for probe in found if probe is not None]
        keys: list[bytes | None] = [probe.digest for probe in probes]
        levels = [probe.levels for probe in probes]
    else:
        good, probes = folder, []
        read_all = partial(read_marks, workers=workers, progress=progress)
        marks, bad = read_shared(read_all, folder, processes)
        keys = [None if mark is None else mark.digest for mark in marks]
        levels = [None if mark is None else mark.levels for mark in marks]
        report_unreadable(bad, len(folder.paths), strict=False)
    scale = scale_of(levels, scale)
    chosen = find_extractor(options, run, good, probes, workers=workers, scale=scale)
    check_alike(chosen, processes)
    log.info("extractor: %s on %s in %s", chosen.arch, chosen.device, chosen.precision)
    table = extract_features(
        good,
        keys,
        chosen,
        layers,
        workers=workers,
        progress=progress,
        processes=processes,
        meanwhile=meanwhile,
        scale=scale,
        levels=levels,
    )
    report_unreadable(table.unreadable, len(folder.paths), strict=run.strict)
    require_images(folder, table.folder)
    log.info(
        "features: %d computed, %d from the cache, in %.1f s",
        table.computed,
        table.cached,
        table.seconds,
    )
    order = {path: position for position, path in enumerate(folder.paths)}
    unreadable = sorted([*bad, *table.unreadable], key=lambda image: order[image.path])
    return replace(table, unreadable=tuple(unreadable))
