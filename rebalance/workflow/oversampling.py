"""The stories that add samples: oversampling, and undersampling followed by it."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from rebalance.data.counts import named_counts
from rebalance.data.source import Source, open_source, source_of
from rebalance.data.splitting import tell_of_splits
from rebalance.errors import SettingError
from rebalance.manifest import Manifest
from rebalance.manifest.writing import write_manifest
from rebalance.progress import Progress
from rebalance.records import ManifestRecord, SourceRecord
from rebalance.settings import (
    ExtractorOptions,
    FolderOptions,
    Growth,
    RunOptions,
    SelectionOptions,
    SynthesisOptions,
    Targets,
    pixel_side,
)
from rebalance.workflow.generating import listed, vetted
from rebalance.workflow.places import check_result
from rebalance.workflow.reading import read
from rebalance.workflow.rows import added_rows, class_stories, original_rows, places_of, provenance
from rebalance.workflow.undersampling import undersample
from rebalance.workflow.vetting import told

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
    from rebalance.oversampling import OVERSAMPLERS

    _check(synthesis)
    if output is not None:
        output = check_result(data, output, overwrite=run.overwrite)
    opened = open_source(data, source)
    # What is impossible is said before the work; unreadable images may change the sizes later.
    OVERSAMPLERS[synthesis.method].sizes(named_counts(opened.folder), growth)
    shared: dict[str, Any] = {"extractor": extractor, "run": run, "progress": progress}
    manifest = _oversampled(opened, "oversample", growth, synthesis, source, **shared)
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
    from rebalance.resampling import second_growth

    _check(synthesis)
    selection = _of_own_layer(selection)
    if output is not None:
        output = check_result(data, output, overwrite=run.overwrite)
    shared: dict[str, Any] = {"extractor": extractor, "run": run, "progress": progress}
    cut = undersample(
        data, None, targets=Targets(to=to), selection=selection, source=source, **shared
    )
    growth = second_growth(to, cut.record["counts"]["readable"])
    grown = _oversampled(source_of(cut), "hybrid", growth, synthesis, source, **shared)
    manifest = replace(grown, record=_whole_story(grown.record, cut.record))
    if output is not None:
        write_manifest(output, manifest, overwrite=run.overwrite)
    return manifest


def _of_own_layer(selection: SelectionOptions) -> SelectionOptions:
    """The options of the first half: a layer is of both, and some methods look at none."""
    from rebalance.undersampling import UNDERSAMPLERS

    method = UNDERSAMPLERS.get(selection.method)
    if method is None or "layer" in method.options:
        return selection
    return replace(selection, layer=SelectionOptions.layer)


def _whole_story(grown: ManifestRecord, cut: ManifestRecord) -> ManifestRecord:
    """The record of both steps: what was there before the first, and the first as its source."""
    return {
        **grown,
        "options": {**grown["options"], "to": cut["options"]["to"]},
        "counts": {**cut["counts"], "after": grown["counts"]["after"]},
        "imbalance_ratio": {**cut["imbalance_ratio"], "after": grown["imbalance_ratio"]["after"]},
        "source": cast(SourceRecord, cut),
        # Told of all images, and so by the first step; a page looks for it in the whole.
        **({"suspects": cut["suspects"]} if "suspects" in cut else {}),
    }


def _check(synthesis: SynthesisOptions) -> None:
    from rebalance.oversampling import OVERSAMPLERS

    method = OVERSAMPLERS[synthesis.method]
    method.check(synthesis)
    if pixel_side(synthesis.neighbours_in) is not None and method.neighbours is None:
        raise SettingError(
            f"{method.name} looks at no neighbours, but --neighbours-in is "
            f"{synthesis.neighbours_in}: leave it out"
        )
    if method.given and synthesis.generated_from is None:
        raise SettingError(
            f"{method.name} takes images of a folder that a generator wrote: name it with --from "
            "(generated_from)"
        )


def _oversampled(
    source: Source,
    command: str,
    growth: Growth,
    synthesis: SynthesisOptions,
    options: FolderOptions,
    extractor: ExtractorOptions,
    run: RunOptions,
    progress: Progress,
) -> Manifest:
    from rebalance.oversampling import OVERSAMPLERS
    from rebalance.resampling import grow, wanted_of

    method = OVERSAMPLERS[synthesis.method]
    images = listed(source.folder, synthesis, options) if method.given else None
    needed = [synthesis.looks_at] if method.needs_features else []
    side = pixel_side(synthesis.neighbours_in)
    if side is None:
        readable = read(source, needed, extractor, run, progress)
    else:
        readable = read(source, [], ExtractorOptions(), run, progress)
        readable = readable.with_pixels(side, run, progress)
    folder, population = readable.folder, readable.population(needed, run.seed)
    vetting = None
    if images is not None:
        wanted = wanted_of(population, growth, synthesis)
        vetting = vetted(images, readable, wanted, synthesis, extractor, run, progress)
        population = replace(population, candidates=vetting.candidates)
    grown = grow(population, growth, synthesis, device=readable.device, progress=progress)
    added, subclasses = grown.added, grown.subclasses
    originals = original_rows(source, folder, subclasses)
    given = [] if vetting is None else vetting.rows()
    rows = (*originals, *added_rows(originals, added, folder.classes, given))
    if len(rows) == len(originals):
        log.info("nothing to add: no class has fewer samples than asked for")
    tell_of_splits(rows, "split before, or by train --val-fraction, which keeps them together")
    places = places_of(source, folder, subclasses)
    manifest = Manifest(folder.root, folder.classes, rows, source.dropped, places=places)
    stories = class_stories(folder, grown.sizes, subclasses, added)
    record = provenance(
        command,
        source,
        folder,
        manifest.counts,
        unreadable=readable.unreadable,
        extractor=readable.extractor,
        scale=readable.scale,
        options={
            "to": growth.to,
            "per_class": dict(growth.per_class),
            "classes": list(growth.classes),
            **synthesis.as_record(),
        },
        per_class=stories,
        seed=run.seed,
    )
    if any(row.kind == "synthetic" for row in rows):
        record["space"] = synthesis.space  # how whoever follows the recipes is to blend
    if vetting is not None:
        record["generated"] = vetting.as_record(added)
        record["per_class"] = told(stories, record["generated"])
    return replace(manifest, record=record)
