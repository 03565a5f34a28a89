"""The story of undersampling: which images to keep, written as a manifest."""

import logging
from collections.abc import Mapping
from pathlib import Path

from rebalance.class_sizes import wanted_sizes
from rebalance.data.counts import named_counts
from rebalance.data.source import open_source
from rebalance.manifest import Manifest
from rebalance.manifest.writing import write_manifest
from rebalance.progress import Progress
from rebalance.settings import (
    ExtractorOptions,
    FolderOptions,
    Published,
    RunOptions,
    SelectionOptions,
    Targets,
)
from rebalance.workflow.places import check_result
from rebalance.workflow.published import check_published
from rebalance.workflow.selecting import chosen_of, manifest_of, open_choice, options_of

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
    from rebalance.resampling import cut

    check_selection(selection, extractor, published)
    if output is not None:
        output = check_result(data, output, overwrite=run.overwrite)
    opened = open_source(data, source)
    # What is impossible is said before the work; unreadable images may change the sizes later.
    counts = named_counts(opened.folder)
    warn_of_losses(counts, wanted_sizes(counts, targets))
    choice = open_choice(opened, targets, selection, extractor, run, progress)
    found = cut(choice.population, choice.wanted, selection, progress=progress)
    chosen = chosen_of(choice, found, selection, run.seed)
    manifest = manifest_of(choice, chosen, options_of(targets, selection, published), run.seed)
    if output is not None:
        write_manifest(output, manifest, overwrite=run.overwrite)
    return manifest


def check_selection(
    selection: SelectionOptions, extractor: ExtractorOptions, published: Published
) -> None:
    """Raise SettingError for options that a method has no use for, or that are not as published."""
    from rebalance.undersampling import UNDERSAMPLERS

    if published.as_published:
        check_published(selection, extractor)
    UNDERSAMPLERS[selection.method].check(selection)


def warn_of_losses(counts: Mapping[str, int], sizes: Mapping[str, int]) -> None:
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
