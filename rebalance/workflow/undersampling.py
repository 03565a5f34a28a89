"""The story of undersampling: which images to keep, written as a manifest."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalance.class_sizes import wanted_sizes
from rebalance.data.counts import named_counts
from rebalance.data.folder import ImageFolder, Unreadable
from rebalance.data.source import Source, open_source
from rebalance.data.unreadable import readable_part
from rebalance.errors import SettingError
from rebalance.manifest import Dropped, Manifest, Row, write_manifest
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.settings import (
    LAYERS,
    ExtractorOptions,
    FolderOptions,
    RunOptions,
    SelectionOptions,
    Targets,
)
from rebalance.workflow.appraisal import (
    find_suspects,
    suspects_as_records,
    with_cover,
    with_suspects,
)
from rebalance.workflow.checks import check_choice, check_result
from rebalance.workflow.features import describe
from rebalance.workflow.records import provenance
from rebalance.workflow.redundancy import (
    look_at,
    look_at_all,
    near_duplicates,
    rest,
    running_part,
    with_gone,
)
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
    from rebalance.clusters import CRITERIA, LAYOUTS
    from rebalance.undersampling import METHODS, PICKERS

    check_choice("method", selection.method, METHODS)
    check_choice("pick", selection.pick, tuple(PICKERS))
    check_choice("layer", selection.layer, LAYERS)
    check_choice("criterion", selection.criterion, tuple(CRITERIA))
    check_choice("layout", selection.layout, tuple(LAYOUTS))
    plain = replace(selection, dedupe=False, suspects=False)
    if selection.method != "subclass" and plain != SelectionOptions(selection.method):
        raise SettingError(
            "--pick, --layer, --k-max, --criterion, --cluster-space, --layout and --landmarks are "
            f"for --method subclass, not {selection.method}"
        )
    if selection.method == "random" and selection.suspects:
        raise SettingError(
            "--suspects compares features, which --method random does not look at: choose another "
            "method, or leave it out"
        )
    if output is not None:
        output = check_result(data, output, overwrite=run.overwrite)
    opened = open_source(data, source)
    # What is impossible is said before the work; unreadable images may change the sizes later.
    wanted_sizes(named_counts(opened.folder), targets)
    if selection.method == "random":
        outcome = _select_at_random(opened.folder, targets, selection, run, progress)
    else:
        outcome = _select_by_features(opened.folder, targets, selection, extractor, run, progress)
    options = {
        "to": targets.to,
        "per_class": dict(targets.per_class),
        "classes": list(targets.classes),
        **asdict(selection),
    }
    manifest = _manifest(opened, outcome, options, run.seed)
    if output is not None:
        write_manifest(output, manifest, overwrite=run.overwrite)
    return manifest


@dataclass(frozen=True)
class _Outcome:
    """What became of the readable images, and what is told of it.

    selection: its decisions are those of ``folder``, its subclasses those of ``running``, the
    images that were left after near-duplicates. suspects: by position in ``folder``; None where
    nobody asked. extractor: None where no features were needed.
    """

    folder: ImageFolder
    running: ImageFolder
    selection: "Selection"
    unreadable: Sequence[Unreadable]
    extractor: dict[str, Any] | None = None
    suspects: Mapping[int, str] | None = None


def _select_at_random(
    folder: ImageFolder,
    targets: Targets,
    options: SelectionOptions,
    run: RunOptions,
    progress: Progress,
) -> _Outcome:
    from rebalance.selection import select_at_random, to_cut

    if options.dedupe:
        folder, looks, bad = look_at_all(folder, run, progress)
    else:
        workers = chosen_workers(run.workers)
        folder, _, bad = readable_part(folder, workers, progress, strict=run.strict)
    sizes = wanted_sizes(named_counts(folder), targets)
    gone = near_duplicates(folder, to_cut(folder, sizes), looks) if options.dedupe else {}
    running = folder.take(rest(folder, gone))
    chosen = select_at_random(running, sizes, run.seed)
    if options.dedupe:
        chosen = with_gone(folder, chosen, gone, to_cut(folder, sizes))
    return _Outcome(folder, running, chosen, bad)


def _select_by_features(
    folder: ImageFolder,
    targets: Targets,
    options: SelectionOptions,
    extractor: ExtractorOptions,
    run: RunOptions,
    progress: Progress,
) -> _Outcome:
    from rebalance.clusters.warm_up import load_loops
    from rebalance.selection import select_by_sampler, select_by_subclass, to_cut

    # The methods of imbalanced-learn work on the pooled features; only ours looks for a layer. What
    # is told of the choice is told by the pooled features, whatever the choice was made by.
    layer = options.layer if options.method == "subclass" else "pool"
    names = list(dict.fromkeys((layer, "pool")))
    ours = (options.method, options.cluster_space, options.layout) == ("subclass", "map", "fast")
    ahead = partial(load_loops, max(folder.counts)) if ours else None
    table = describe(folder, names, extractor, run, progress, meanwhile=ahead)
    folder, pooled = table.folder, table.layers["pool"]
    sizes = wanted_sizes(named_counts(folder), targets)
    cut, gone = to_cut(folder, sizes), {}
    if options.dedupe:
        gone = near_duplicates(folder, cut, look_at(folder, cut, run, progress))
    part = running_part(table, gone, list(table.layers) if layer == "auto" else [layer])
    if options.method == "subclass":
        chosen = select_by_subclass(part, sizes, options, run.seed, progress)
    else:
        features = part.layers[layer].read(slice(None), slice(None)).astype("float32")
        chosen = select_by_sampler(features, part.folder, sizes, options.method, run.seed)
    if options.dedupe:
        chosen = with_gone(folder, chosen, gone, cut)
    _warn_of_misses(folder, chosen, sizes)
    chosen = with_cover(pooled, folder, chosen, run.seed)
    suspects = None
    if options.suspects:
        suspects = find_suspects(pooled, folder, table.extractor.device, run.seed)
        chosen = with_suspects(folder, chosen, suspects)
    return _Outcome(folder, part.folder, chosen, table.unreadable, table.extractor.about, suspects)


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


def _manifest(source: Source, outcome: _Outcome, options: dict[str, Any], seed: int) -> Manifest:
    """The decisions as rows, and the record of how they came about."""
    folder, chosen = outcome.folder, outcome.selection
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
        places=places_of(source, outcome.running, chosen.subclasses),
    )
    record = provenance(
        "undersample",
        source,
        folder,
        manifest.counts,
        unreadable=outcome.unreadable,
        extractor=outcome.extractor,
        options=options,
        per_class=chosen.stories,
        seed=seed,
    )
    if outcome.suspects is not None:
        record["suspects"] = suspects_as_records(folder, outcome.suspects)
    return replace(manifest, record=record)
