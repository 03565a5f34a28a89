"""The story of train --from: a finished run, its head trained anew on rebalanced embeddings.

Imports torch only in the middle of it; never click.
"""

from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

from rebalance.atomic import held
from rebalance.data.levels import DepthScale
from rebalance.data.samples import ScoringSet, TrainingSet, open_scoring
from rebalance.distributed.processes import joined
from rebalance.errors import SettingError
from rebalance.metrics import FeatureRanges
from rebalance.models.fingerprints import file_digest
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.records import MetricsRecord, RunOptionsRecord
from rebalance.runs import Run
from rebalance.runs.options import scale_from, scoring_loss
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.rules import check_rule
from rebalance.settings import FolderOptions, RunOptions, ScoringOptions, TrainOptions
from rebalance.workflow.conclusion import Trained, conclude, warn_of_one_class
from rebalance.workflow.heads import (
    check_recipes,
    describe_recipes,
    open_recipes,
    originals,
    with_rebalanced_head,
)


def retrain_head(
    begun: Path | str,
    manifest: Path | str,
    test: Path | str,
    output: Path | str,
    *,
    training: TrainOptions,
    scoring: ScoringOptions,
    source: FolderOptions,
    run: RunOptions,
    progress: Progress,
) -> MetricsRecord:
    """Give the network of a run a head trained by a manifest's recipes; the metrics.

    The run itself stays as it is; the result is a run of its own.
    """
    _check(begun, output, training, scoring)
    with joined(run.device) as processes, ExitStack() as holding:
        evaluator = Evaluator.of(run, training.precision, progress, processes)
        former = processes.by_first(partial(Run.open, begun))
        saved = processes.by_first(former.load_model)
        scale = scale_from(former.options)
        read = partial(_sets, manifest, test, saved.classes, scale, scoring, source, run, evaluator)
        recipes, validation, tested = processes.by_first(read)
        seen = originals(recipes)
        draws, alike = [float(count) for count in recipes.counts], [1.0] * len(recipes.counts)
        check_rule(scoring.classifier, scoring.threshold, saved.classes, draws, alike, seen.counts)
        warn_of_one_class(tested)
        options: RunOptionsRecord = {
            **former.options,
            "threshold": scoring.threshold,
            "classifier": scoring.classifier,
            # The run's own seed stays: by it its training images are found again.
            "head": {
                **describe_recipes(manifest, recipes),
                "of": file_digest(former.model_path),
                "seed": run.seed,
            },
        }
        begin = partial(Run.create, output, options, overwrite=run.overwrite)
        processes.by_first(partial(holding.enter_context, held(Path(output))))
        folder = processes.by_first(begin)
        counts = options["counts"]
        network = Trained(
            saved.metadata["arch"],
            saved.network,
            saved.transform,
            scoring_loss(former.options),
            draws=(),
            weights=(),
            ranges=FeatureRanges({}),
        )
        trained = with_rebalanced_head(
            network, recipes, seen, validation, tested, counts, run.seed, evaluator
        )
        return conclude(folder, trained, scoring, seen, tested, evaluator)


def _check(
    begun: Path | str, output: Path | str, training: TrainOptions, scoring: ScoringOptions
) -> None:
    """Raise SettingError for a choice that a head alone has no use for."""
    if Path(output).resolve() == Path(begun).resolve():
        raise SettingError(
            f"--from leaves its run as it is, and {str(output)!r} is that run: write to another "
            "folder"
        )
    plain = TrainOptions(precision=training.precision, in_memory=training.in_memory)
    for name in vars(plain):
        if getattr(training, name) != getattr(plain, name):
            option = "loss-option" if name == "loss_options" else name.replace("_", "-")
            raise SettingError(f"--from takes the network as it was trained: leave out --{option}")
    if replace(scoring, val_fraction=None, groups=None, group_column=None) != scoring:
        raise SettingError("--from trains on all that the manifest has: validate with --val")


def _sets(
    manifest: Path | str,
    test: Path | str,
    classes: tuple[str, ...],
    scale: DepthScale,
    scoring: ScoringOptions,
    source: FolderOptions,
    run: RunOptions,
    evaluator: Evaluator,
) -> tuple[TrainingSet, ScoringSet | None, ScoringSet]:
    workers, progress = chosen_workers(run.workers), evaluator.progress
    strict = run.strict
    recipes = open_recipes(manifest, classes, source, workers, progress, strict=strict, scale=scale)

    def opened(path: Path | str) -> ScoringSet:
        alike = replace(source, root=None)
        return open_scoring(path, classes, alike, workers, progress, strict=strict, scale=scale)

    validation = None if scoring.val is None else opened(scoring.val)
    tested = opened(test)
    recipes = check_recipes(recipes, validation, tested, allowed=scoring.allow_overlap)
    return recipes, validation, tested
