"""The story of advise: what is seen, what is tried within the time, what to do and to collect.

Imports torch only in the middle of it; never click.
"""

import logging
import time
from pathlib import Path

from rebalance import seeds
from rebalance.advice.bench import Bench, bench_for
from rebalance.advice.collecting import TIME, collected
from rebalance.advice.commands import AdviceRequest
from rebalance.advice.outcomes import Outcomes
from rebalance.advice.telling import recorded
from rebalance.advice.trying import Trial, seeds_needed
from rebalance.advice.writing import write_advice
from rebalance.atomic import held
from rebalance.distributed.processes import several
from rebalance.errors import SettingError
from rebalance.features.extractors import needs_training
from rebalance.inspection import Gates, Inspection
from rebalance.progress import Progress
from rebalance.records import AdviceRecord
from rebalance.settings import (
    AdviceOptions,
    ExtractorOptions,
    FolderOptions,
    RunOptions,
    read_budget,
)
from rebalance.studies.preparation import check_place
from rebalance.workflow import inspect

log = logging.getLogger("rebalance")


def advise(
    data: Path | str,
    output: Path | str,
    *,
    asked: AdviceOptions,
    extractor: ExtractorOptions,
    source: FolderOptions,
    run: RunOptions,
    progress: Progress,
) -> AdviceRecord:
    """Look, try, see what to collect as the budget allows, and write what to do into a folder."""
    began = time.time()
    _check(extractor, asked)
    check_place(Path(output))
    whole = AdviceRequest(
        data, Path(output), **vars(asked), extractor=extractor, source=source, run=run
    )
    with held(whole.output):
        found = look_at(whole, progress)
        bench = bench_for(found, whole, progress)
        budget = read_budget(whole.budget)
        trial = try_out(bench, began, began + (1 - TIME) * budget)
        collection = collected(bench, trial, began + budget)
        record = recorded(found, bench, trial, whole, collection)
        write_advice(record, trial.choice().recommended, whole, progress)
    return record


def _check(extractor: ExtractorOptions, asked: AdviceOptions) -> None:
    if asked.test_features is not None and extractor.features is None:
        raise SettingError("--test-features goes with --features: give that too, or leave it out")
    if several():
        raise SettingError("advice runs its cells side by side itself: start it without torchrun")
    if needs_training(extractor):
        raise SettingError(
            "advice looks at images by a network that stays as it is, and finetune would train one "
            "for every fold: give --extractor imagenet, or the path of a checkpoint or of a run"
        )


def look_at(asked: AdviceRequest, progress: Progress) -> Inspection:
    """Inspect the images, beside the test images where there are any."""
    return inspect(
        asked.data,
        against=asked.test,
        baseline=None,
        similar=None,
        html=None,
        gates=Gates(),
        extractor=ExtractorOptions(),
        source=asked.source,
        run=asked.run,
        progress=progress,
    )


def try_out(bench: Bench, began: float, until: float) -> Trial:
    """Try the candidates by rounds. began, until: seconds of ``time.time``."""
    folds = bench.setup.options.folds
    if time.time() >= until:
        log.warning(
            "looking at the images took all the time there was: only doing nothing, the prior and "
            "the best guess are tried, on one round; what was seen is kept, so the next time with "
            "the same images has all of its budget for trying"
        )
    outcomes = Outcomes(folds, bench.run.seed)
    trial = Trial(bench.candidates, outcomes, bench.cells, began, until)
    numbers = range(seeds_needed(folds))
    trial.go([seeds.integer(bench.run.seed, "advice", number) for number in numbers])
    return trial
