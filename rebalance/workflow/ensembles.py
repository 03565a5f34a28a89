"""The story of an ensemble: several draws from the same images, written as manifests of one name.

The draws are those of ``resampling.members``, where their sources stand.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rebalance.class_sizes import wanted_sizes
from rebalance.data.counts import named_counts
from rebalance.data.source import open_source
from rebalance.manifest import Manifest
from rebalance.manifest.writing import write_members
from rebalance.progress import Progress
from rebalance.records import MemberRecord
from rebalance.settings import (
    EnsembleOptions,
    ExtractorOptions,
    FolderOptions,
    Published,
    RunOptions,
    SelectionOptions,
    Targets,
)
from rebalance.workflow.places import check_member_results
from rebalance.workflow.selecting import Selectable, chosen_of, manifest_of, open_choice, options_of
from rebalance.workflow.undersampling import check_selection, warn_of_losses

if TYPE_CHECKING:
    from rebalance.resampling import EnsembleMember

log = logging.getLogger("rebalance")


def undersample_ensemble(
    data: Path | str,
    output: Path | str | None,
    *,
    members: EnsembleOptions,
    targets: Targets,
    selection: SelectionOptions,
    published: Published,
    extractor: ExtractorOptions,
    source: FolderOptions,
    run: RunOptions,
    progress: Progress,
) -> list[Manifest]:
    """Choose the images to keep several times; write a manifest of each where ``output`` is given.

    All are written as one, M.0.csv, M.1.csv and so on, beside ``output``, M.csv.
    """
    from rebalance.resampling import draw_members
    from rebalance.undersampling import UNDERSAMPLERS

    check_selection(selection, extractor, published)
    UNDERSAMPLERS[selection.method].check_members(members)
    if output is not None:
        check_member_results(data, output, members.ensemble, overwrite=run.overwrite)
    opened = open_source(data, source)
    counts = named_counts(opened.folder)
    warn_of_losses(counts, wanted_sizes(counts, targets))
    cascade = members.cascade
    choice = open_choice(opened, targets, selection, extractor, run, progress, pooled=cascade)
    drawn = draw_members(choice.population, choice.wanted, selection, members, progress=progress)
    options = {**options_of(targets, selection, published), **members.as_record()}
    manifests = []
    for manifest, told in _manifests(choice, drawn, selection, options, run.seed, cascade=cascade):
        manifest.record["member"] = told
        manifests.append(manifest)
    _warn_of_equals(manifests)
    if output is not None:
        write_members(output, manifests, overwrite=run.overwrite)
    return manifests


def _manifests(
    choice: Selectable,
    drawn: "Iterator[EnsembleMember]",
    selection: SelectionOptions,
    options: dict[str, object],
    seed: int,
    *,
    cascade: bool,
) -> Iterator[tuple[Manifest, MemberRecord]]:
    """Yield the manifest of each member with what is told of it.

    How well picks cover the rest is warned of once, as all are made in one way.
    """
    left: dict[int, str] = {}
    there = set(range(len(choice.rest)))
    for number, member in enumerate(drawn):
        pool = set(member.pool.tolist())
        left |= dict.fromkeys(there - pool, f"cascade: member {number - 1} gets it right")
        there = pool
        found = chosen_of(
            *(choice, member.cut, selection, member.seed),
            pool=member.pool,
            left=left,
            warns=number == 0,
        )
        told: MemberRecord = {"number": number, "seed": member.seed}
        if cascade:
            told["pool"] = choice.population.take(member.pool).counts
        yield manifest_of(choice, found, options, seed), told


def _warn_of_equals(manifests: Sequence[Manifest]) -> None:
    """Say which members are the same, as they add nothing to each other."""
    first: dict[tuple[str, ...], int] = {}
    for number, manifest in enumerate(manifests):
        kept = tuple(row.file_name for row in manifest.rows)
        if first.setdefault(kept, number) != number:
            log.warning(
                "members %d and %d keep the same images: another size (--to), or --method random, "
                "draws more differently",
                first[kept],
                number,
            )
            return
