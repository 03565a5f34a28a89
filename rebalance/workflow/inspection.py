"""The story that looks at images and says what is wrong with them."""

import logging
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rebalance.data.counts import named_counts
from rebalance.data.folder import Unreadable
from rebalance.data.levels import DepthScale
from rebalance.data.source import Source, open_files
from rebalance.data.unreadable import report_unreadable
from rebalance.errors import SettingError
from rebalance.inspection import (
    Gates,
    ImageDescription,
    Inspection,
    Known,
    Resemblance,
    Span,
    check_kinds,
    describe_set,
    find_all,
    inspected_images,
    read_baseline,
    without_known,
)
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.settings import ExtractorOptions, FolderOptions, RunOptions, calls
from rebalance.settings.spelling import flags
from rebalance.workflow.stored import SimilarityComparison

log = logging.getLogger("rebalance")

CROWD, CROWD_SHARE = 20, 0.05  # a group with more images than either is no near duplicate
AGAINST = FolderOptions(allow_empty=True)  # how the folder compared with is read


def inspect(
    data: Path | str,
    *,
    against: Path | str | None,
    baseline: Path | str | None,
    similar: float | None,
    html: Path | str | None,
    gates: Gates,
    extractor: ExtractorOptions,
    source: FolderOptions,
    run: RunOptions,
    progress: Progress,
) -> Inspection:
    """Count the images of every class, look at each of them, and say what is wrong."""
    _check(similar, extractor)
    check_kinds(gates.fail_on, against=against is not None, similar=similar is not None)
    if html is not None:
        from rebalance.reports import check_page

        check_page(html, overwrite=run.overwrite)
    known = {} if baseline is None else read_baseline(baseline)
    sources = [open_files(data, source)]
    hints = [_command("extract", data, {**vars(extractor), **vars(source), **vars(run)})]
    if against is not None:
        sources.append(open_files(against, AGAINST))
        hints.append(_command("extract", against, {**vars(extractor), **vars(run)}))
    compare = None if similar is None else SimilarityComparison(similar, extractor, run, hints)
    found = _find(sources, known, compare, run, progress)
    if baseline is not None:
        found = replace(found, baseline=Path(baseline))
    if html is not None:
        named = {"against": against, "baseline": baseline, "similar": similar, "html": html}
        network = {**vars(extractor), **vars(source), **vars(run)}
        command = _command("inspect", data, {**named, **vars(gates), **network})
        _write(html, found, gates, command, run, progress)
    return found


def _command(name: str, data: Path | str, given: Mapping[str, Any]) -> str:
    call = {"extract": calls.EXTRACT, "inspect": calls.INSPECT}[name]
    return shlex.join(["rebalance", name, str(data), *flags(call, given)])


def _check(similar: float | None, extractor: ExtractorOptions) -> None:
    if similar is None and extractor != ExtractorOptions():
        raise SettingError(
            "--features, --extractor, --arch and the like say which features --similar compares: "
            "add --similar, or leave them out"
        )


def _find(
    sources: Sequence[Source],
    known: Known,
    compare: SimilarityComparison | None,
    run: RunOptions,
    progress: Progress,
) -> Inspection:
    """Return what is wrong with the first of ``sources``, but what is ``known``."""
    folders = [source.folder for source in sources]
    if compare is not None:
        compare.check(folders)
    seen = [_look_at(source, run, progress) for source in sources]
    looks, failed, scales = zip(*seen, strict=True)
    sides = list(zip(folders, looks, strict=True))
    resemblance = None
    if compare is not None:
        resemblance = Resemblance(compare.features(sides, scales), compare.similar, progress)
    images = inspected_images(sides, failed[0], resemblance)
    every = find_all(images)
    _warn_of_crowds([len(group) for group in images.resembling], len(images.readable))
    new = without_known(every, known)
    own = [each for each in looks[0] if each is not None]
    return Inspection(
        folders[0].root,
        named_counts(folders[0]),
        tuple(failed[0]),
        Span.of([each.size[0] for each in own]),
        Span.of([each.size[1] for each in own]),
        dict(Counter(each.mode for each in own).most_common()),
        new,
        {kind: len(some) - len(new[kind]) for kind, some in every.items()},
        folders[1].root if len(folders) > 1 else None,
        similar=None if compare is None else compare.similar,
        ignored=folders[0].ignored,
    )


def _warn_of_crowds(sizes: Sequence[int], images: int) -> None:
    """Say so where one group has so many of the images that similar tells nothing."""
    largest = max(sizes, default=0)
    if largest > max(CROWD, CROWD_SHARE * images):
        log.warning(
            "one group of similar images has %d of %d, so this cosine hardly tells them apart: ask "
            "for a higher one with --similar",
            largest,
            images,
        )


def _write(
    html: Path | str,
    found: Inspection,
    gates: Gates,
    command: str,
    run: RunOptions,
    progress: Progress,
) -> None:
    from rebalance.reports import write_page
    from rebalance.reports.inspections import inspection_report

    workers = chosen_workers(run.workers)
    page = inspection_report(found, gates, command=command, workers=workers, progress=progress)
    write_page(html, page.text, overwrite=run.overwrite)


def _look_at(
    source: Source, run: RunOptions, progress: Progress
) -> tuple[list[ImageDescription | None], list[Unreadable], DepthScale]:
    folder, workers = source.folder, chosen_workers(run.workers)
    looks, unreadable, scale = describe_set(folder, workers, progress, source.scale)
    report_unreadable(unreadable, len(folder.paths), strict=run.strict)
    return looks, unreadable, scale
