"""The bench: the images of a folder, their features and folds, and the cells run on them in time.

Imports torch only to run cells; never click.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from rebalance.advice.candidates import NOTHING, Candidate, candidates
from rebalance.advice.commands import AdviceRequest
from rebalance.advice.looks import alike, check_classes
from rebalance.advice.strength import some_of_each, strength
from rebalance.data.source import open_source
from rebalance.inspection import Inspection
from rebalance.models.devices import resolve_device
from rebalance.models.fingerprints import fingerprint
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.settings import RunOptions, StudyOptions
from rebalance.studies.cells import CellStore
from rebalance.studies.folds import deal
from rebalance.studies.outcomes import Controls, Outcome, Treatment
from rebalance.studies.plan import Cell, Plan
from rebalance.studies.preparation import facts_of, kin_of
from rebalance.studies.rebalancing import LAYER
from rebalance.studies.running import run_batches
from rebalance.studies.setup import Setup, View
from rebalance.studies.summaries import Pair
from rebalance.studies.views import look

log = logging.getLogger("rebalance")

WORTH_A_PROCESS = 10.0  # seconds of cells: a process takes some of that to begin


@dataclass(frozen=True)
class Bench:
    """The images, folds and features that candidates are tried on.

    kin: images with the same number [N] stay together. grouped: whether groups were given. seconds:
    that a cell of each treatment took so far.
    """

    candidates: Sequence[Candidate]
    setup: Setup
    kin: Sequence[int]
    grouped: bool
    run: RunOptions
    progress: Progress
    seconds: dict[Treatment, float] = field(default_factory=dict)

    @property
    def groups(self) -> int | None:
        """Count the groups; None where none were given."""
        return len(set(self.kin)) if self.grouped else None

    def cells(
        self, running: Sequence[Candidate], pairs: Sequence[Pair], until: float
    ) -> Iterator[tuple[Candidate, Outcome]]:
        """Yield the outcomes of candidates: those kept in the folder, and those run in time.

        until: the second of ``time.time`` from which on no cell is begun.
        """
        by_treatment = {each.treatment: each for each in running}
        setup, work = self._dealt(pairs), []
        for seed, fold in pairs:
            cells = [Cell(each.treatment, seed, fold) for each in running]
            kept = [setup.cells.read(cell) for cell in cells]
            work.append([cell for cell, found in zip(cells, kept, strict=True) if found is None])
            for outcome in filter(None, kept):
                yield by_treatment[outcome.treatment], outcome
        work = [left for left in work if left]
        finished = run_batches(setup, work, self._processes(work), until=until)
        notes: Counter[str] = Counter()
        for batch in self.progress(finished, total=len(work), what="trying", unit="batches"):
            for outcome in batch.outcomes:
                self.seconds[outcome.treatment] = outcome.seconds
                yield by_treatment[outcome.treatment], outcome
            notes.update(text for _, text in batch.notes)
        for text in notes:
            log.info("while trying: %s", text)

    def _processes(self, work: Sequence[Sequence[Cell]]) -> int:
        """Count the processes that are worth their beginning, as far as cells are known."""
        expected = sum(self.seconds.get(cell.treatment, 0.0) for batch in work for cell in batch)
        most = max(chosen_workers(self.run.workers), 1)
        return min(max(int(expected / WORTH_A_PROCESS), 1), most)

    def _dealt(self, pairs: Sequence[Pair]) -> Setup:
        """The setup with the folds of these pairs' seeds."""
        setup = self.setup
        folds = {
            seed: deal(
                *(setup.labels, setup.images.classes, self.kin, setup.options.folds, seed),
                grouped=self.grouped,
            )
            for seed in dict.fromkeys(seed for seed, _ in pairs)
        }
        (view,) = setup.views.values()
        return replace(setup, folds=folds, views=dict.fromkeys(pairs, view))


def bench_for(found: Inspection, asked: AdviceRequest, progress: Progress) -> Bench:
    """Extract the features, link what may not be parted, and list what is worth trying.

    found: what an inspection of the images found. Raises DataError for a class that cannot be
    parted in two.
    """
    options = StudyOptions(
        data=Path(asked.data),
        test=None if asked.test is None else Path(asked.test),
        seeds=(0,),
        folds=asked.folds,
        groups=asked.groups,
        group_column=asked.group_column,
        as_classes=asked.source.as_classes,
        extensions=asked.source.extensions,
        test_features=asked.test_features,
        test_names=asked.test_names,
        extractor=asked.extractor,
    )
    plan = _plan(options, candidates(found.readable))
    sight = look(plan, open_source(asked.data, asked.source), asked.run, progress)
    kin = kin_of(options, sight, _numbers(sight.images.paths, alike(found)))
    (view,) = sight.views({(0, 0): np.arange(len(kin))}).values()
    device = resolve_device(asked.run.device)
    facts = {**facts_of(options, sight, kin, device), "groups": fingerprint(kin)}
    setup = Setup(
        options,
        CellStore(asked.output, facts, plan.treatments),
        sight.images,
        None if sight.tested is None else sight.tested.folder,
        None if len(set(kin)) == len(kin) else np.asarray(kin, dtype=np.intp),
        {},
        {(0, 0): view},
        device,
        sight.scale,
    )
    grouped = asked.groups is not None
    check_classes(setup.groups_per_class, grouped=grouped)
    tried = candidates(found.readable, _strength(setup, kin, view, asked.run.seed))
    cells = replace(setup.cells, definitions=_plan(options, tried).treatments)
    cells.tidy()
    if asked.run.overwrite:
        cells.clear()
    return Bench(tried, replace(setup, cells=cells), kin, grouped, asked.run, progress)


def _plan(options: StudyOptions, tried: Sequence[Candidate]) -> Plan:
    treatments = {each.treatment: each.definition for each in tried}
    controls = dict.fromkeys(treatments, Controls(NOTHING, None))
    return Plan(Path("advice"), options, treatments, controls)


def _strength(setup: Setup, kin: Sequence[int], view: View, seed: int) -> float:
    """Choose how strongly heads are held back on these images."""
    some = some_of_each(setup.labels, seed)
    seen = view.layers[LAYER].take(some).read(slice(None), slice(None))
    return strength(seen, setup.labels[some], np.asarray(kin, dtype=np.intp)[some], seed)


def _numbers(paths: Sequence[str], groups: Sequence[Sequence[str]]) -> list[int]:
    """Number images [N] so that those of a group share their number."""
    of = {path: number for number, path in enumerate(paths)}
    for group in groups:
        known = [of[path] for path in group if path in of]
        of |= dict.fromkeys(group, min(known, default=-1))
    return [of[path] for path in paths]
