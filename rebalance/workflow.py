"""The few stories that tie the rest together: inspect, extract, undersample.

Each is one function, for the command line and for Python alike. What a story does not need, it
does not import.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalance import __version__
from rebalance.errors import OutputError, SettingError
from rebalance.folder import ImageFolder, Unreadable
from rebalance.images import Probe, survey
from rebalance.inspection import (
    Inspection,
    as_records,
    imbalance_ratio,
    named_counts,
    readable_part,
    report_unreadable,
    require_images,
)
from rebalance.manifest import (
    FORMAT,
    Dropped,
    Manifest,
    Row,
    check_output,
    check_writable,
    companions,
    write_manifest,
)
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
from rebalance.source import Source, is_manifest, open_source

if TYPE_CHECKING:
    from rebalance.selection import Selection
    from rebalance.table import FeatureTable

log = logging.getLogger("rebalance")


def inspect(
    data: Path | str, *, source: FolderOptions, run: RunOptions, progress: Progress
) -> Inspection:
    """Count the images of every class and read each of them."""
    folder = open_source(data, source).folder
    _, unreadable = survey(folder, chosen_workers(run.workers), progress)
    report_unreadable(unreadable, len(folder.paths), strict=run.strict)
    return Inspection(folder.root, named_counts(folder), tuple(unreadable))


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
        _check_choice("layer", layer, LAYERS)
    if output is not None:
        output = Path(output)
        if output.suffix != ".npz":
            raise OutputError(f"a feature table is a .npz file; got {str(output)!r}: name it so")
        check_writable(output, overwrite=run.overwrite)
    table = _describe(open_source(data, source).folder, layers, extractor, run, progress)
    if output is not None:
        from rebalance.table import save_table

        save_table(output, table)
    return table


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

    _check_choice("method", selection.method, METHODS)
    _check_choice("pick", selection.pick, tuple(PICKERS))
    _check_choice("layer", selection.layer, LAYERS)
    if selection.method != "subclass" and selection != SelectionOptions(selection.method):
        raise SettingError(f"--pick and --layer are for --method subclass, not {selection.method}")
    if output is not None:
        output = check_output(output, overwrite=run.overwrite)
        _check_apart(Path(data), output)
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


def _check_apart(data: Path, output: Path) -> None:
    """Raise OutputError if writing the result would replace part of the manifest that is read."""
    if is_manifest(data):
        read = {path.resolve() for path in companions(data)}
        if read & {path.resolve() for path in companions(output)}:
            raise OutputError(
                f"{str(output)!r} or a file beside it belongs to the manifest to read: write to "
                "another name"
            )


def _check_choice(what: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise SettingError(f"no {what} {value!r}: choose one of {', '.join(known)}")


def _describe(
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
    table = _describe(folder, [layer], extractor, run, progress)
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
    manifest = Manifest(folder.root, folder.classes, tuple(rows), tuple(dropped))
    readable, after = named_counts(folder), manifest.counts
    ratios = {"before": imbalance_ratio(readable), "after": imbalance_ratio(after)}
    record = {
        "format": FORMAT,
        "rebalance": __version__,
        "command": "undersample",
        "root": str(folder.root),
        "seed": seed,
        "options": options,
        "extractor": extractor,
        "classes": list(folder.classes),
        "counts": {"before": named_counts(source.folder), "readable": readable, "after": after},
        "imbalance_ratio": ratios,
        "per_class": chosen.stories,
        "unreadable": as_records([*source.unreadable, *unreadable]),
        "source": source.manifest and {"manifest": str(source.manifest), **(source.record or {})},
    }
    return replace(manifest, record=record)
