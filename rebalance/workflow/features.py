"""The story that describes images by features."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rebalance.errors import OutputError, SettingError
from rebalance.folder import ImageFolder
from rebalance.images import Probe
from rebalance.inspection import readable_part, report_unreadable, require_images
from rebalance.manifest import check_writable
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.settings import LAYERS, ExtractorOptions, FolderOptions, RunOptions
from rebalance.source import open_source
from rebalance.workflow.checks import check_choice

if TYPE_CHECKING:
    from rebalance.table import FeatureTable

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
        raise SettingError(f"at least one layer is needed: choose from {', '.join(LAYERS)}")
    for layer in layers:
        check_choice("layer", layer, LAYERS)
    if output is not None:
        output = Path(output)
        if output.suffix != ".npz":
            raise OutputError(f"a feature table is a .npz file; got {str(output)!r}: name it so")
        check_writable(output, overwrite=run.overwrite)
    table = describe(open_source(data, source).folder, layers, extractor, run, progress)
    if output is not None:
        from rebalance.table import save_table

        save_table(output, table)
    return table


def describe(
    folder: ImageFolder,
    layers: Sequence[str],
    options: ExtractorOptions,
    run: RunOptions,
    progress: Progress,
) -> "FeatureTable":
    """The feature table of a folder; what cannot be read is named in it and left out."""
    from rebalance.extractors import find_extractor, needs_training
    from rebalance.features import extract_features, image_keys

    workers = chosen_workers(run.workers)
    probes: list[Probe] = []
    keys: list[bytes | None] = []
    # Training and --strict want to know of every bad file before the expensive work begins;
    # otherwise a file is decoded only where its features are missing.
    if run.strict or needs_training(options):
        good, probes, bad = readable_part(folder, workers, progress, strict=run.strict)
        keys += [probe.digest for probe in probes]
    else:
        good = folder
        keys, bad = image_keys(folder, workers, progress)
        report_unreadable(bad, len(folder.paths), strict=False)
    chosen = find_extractor(options, run, good, probes, workers=workers)
    log.info("extractor: %s on %s in %s", chosen.arch, chosen.device, chosen.precision)
    table = extract_features(good, keys, chosen, layers, workers=workers, progress=progress)
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
