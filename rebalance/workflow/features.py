"""The story that describes images by features.

Where torchrun started several processes, they share the work; only the first one writes the table.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rebalance.data.folder import ImageFolder, Unreadable
from rebalance.data.levels import DepthScale, Levels
from rebalance.data.scales import scale_of
from rebalance.data.source import FILES, open_source
from rebalance.data.survey import Probe, survey
from rebalance.data.unreadable import report_unreadable, require_images
from rebalance.distributed.processes import ALONE, Processes, joined, own_workers
from rebalance.errors import OutputError, SettingError
from rebalance.features.cache import cache_root
from rebalance.features.sharding import check_alike, check_places, read_shared
from rebalance.manifest import check_writable
from rebalance.progress import Progress, silent
from rebalance.settings import LAYERS_OR_AUTO, ExtractorOptions, FolderOptions, RunOptions

if TYPE_CHECKING:
    from rebalance.features.extractors import Extractor
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
    """Features of every readable image; written to ``output`` (.npz) where it is given.

    layers: none stands for every layer of a file of features.
    """
    if not layers and extractor.features is None:
        raise SettingError(f"at least one layer is needed: choose from {', '.join(LAYERS_OR_AUTO)}")
    with joined(run.device) as processes:
        progress = progress if processes.first else silent
        if output is not None:
            output = Path(output)
            processes.by_first(partial(_check_output, output, overwrite=run.overwrite))
        opened = processes.by_first(partial(open_source, data, source, FILES))
        folder = opened.folder
        check_places(folder.root, cache_root(run.cache_dir), processes)
        if not layers:
            from rebalance.features.given import opened_file

            layers = [*opened_file(extractor).layers]
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

    Features that the options name a file of are taken from it, and no image is opened.
    Every one of ``processes`` calls this and gets the whole table. meanwhile: as for
    ``extract_features``. scale: that of an earlier step or of the training side; None is that of
    the folder's own files.
    """
    from rebalance.features.extractors import find_extractor, needs_training

    if options.features is not None:
        return _given(folder, layers, options, run, scale)
    # Training and --strict want to know of every bad file before the expensive work begins;
    # otherwise a file is decoded only where its features are missing.
    decoded = run.strict or needs_training(options)
    files = read_files(folder, run, progress, processes, scale=scale, decoded=decoded)
    chosen = find_extractor(
        options,
        run,
        files.folder,
        files.probes,
        workers=own_workers(run.workers),
        scale=files.scale,
    )
    check_alike(chosen, processes)
    log.info("extractor: %s on %s in %s", chosen.arch, chosen.device, chosen.precision)
    table = describe_files(files, chosen, layers, run, progress, processes, meanwhile)
    report_unreadable(table.unreadable, len(folder.paths), strict=run.strict)
    require_images(folder, table.folder)
    order = {path: position for position, path in enumerate(folder.paths)}
    unreadable = sorted([*files.bad, *table.unreadable], key=lambda image: order[image.path])
    return replace(table, unreadable=tuple(unreadable))


def _given(
    folder: ImageFolder,
    layers: Sequence[str],
    options: ExtractorOptions,
    run: RunOptions,
    scale: DepthScale | None,
) -> "FeatureTable":
    """The feature table of a folder by the file of features that the options name."""
    from rebalance.features.given import given_table
    from rebalance.models.devices import resolve_device

    device = resolve_device(run.device)
    table = given_table(folder, layers, options, device=device, strict=run.strict)
    return table if scale is None else replace(table, scale=scale)


@dataclass(frozen=True)
class Files:
    """The files of a folder, read before a network looks at them.

    folder: those that can be read, as far as was looked. probes: of each of them; empty where they
    were not decoded. keys: their digests, None for one that turned out to be unreadable. levels: of
    each. bad: those that cannot be read. scale: of images with more than 8 bits a sample.
    """

    folder: ImageFolder
    probes: Sequence[Probe]
    keys: Sequence[bytes | None]
    levels: Sequence[Levels | None]
    bad: Sequence[Unreadable]
    scale: DepthScale


def read_files(
    folder: ImageFolder,
    run: RunOptions,
    progress: Progress,
    processes: Processes = ALONE,
    *,
    scale: DepthScale | None,
    decoded: bool,
) -> Files:
    """Read the files of a folder; what cannot be read is reported.

    scale: as for ``describe``. decoded: whether every image is decoded, so that all that cannot be
    is known by now.
    """
    from rebalance.features.marks import read_marks

    workers = own_workers(run.workers)
    probes: list[Probe] = []
    if decoded:
        read = partial(survey, workers=workers, progress=progress)
        found, bad = read_shared(read, folder, processes)
        report_unreadable(bad, len(folder.paths), strict=run.strict)
        good = folder.take(place for place, probe in enumerate(found) if probe is not None)
        require_images(folder, good)
        probes = [probe for probe in found if probe is not None]
        keys: list[bytes | None] = [probe.digest for probe in probes]
        levels = [probe.levels for probe in probes]
    else:
        good = folder
        read_all = partial(read_marks, workers=workers, progress=progress)
        marks, bad = read_shared(read_all, folder, processes)
        keys = [None if mark is None else mark.digest for mark in marks]
        levels = [None if mark is None else mark.levels for mark in marks]
        report_unreadable(bad, len(folder.paths), strict=False)
    return Files(good, probes, keys, levels, bad, scale_of(levels, scale))


def describe_files(
    files: Files,
    extractor: "Extractor",
    layers: Sequence[str],
    run: RunOptions,
    progress: Progress,
    processes: Processes = ALONE,
    meanwhile: Callable[[], None] | None = None,
) -> "FeatureTable":
    """The feature table of these files; those that the network is the first to find bad are not in
    it, and are its ``unreadable``.
    """
    from rebalance.features.extraction import extract_features

    table = extract_features(
        files.folder,
        files.keys,
        extractor,
        layers,
        workers=own_workers(run.workers),
        progress=progress,
        processes=processes,
        meanwhile=meanwhile,
        scale=files.scale,
        levels=files.levels,
    )
    log.info(
        "features: %d computed, %d from the cache, in %.1f s",
        table.computed,
        table.cached,
        table.seconds,
    )
    return table
