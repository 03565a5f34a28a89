"""The public calls that train networks and score them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rebalance.api.keywords import takes
from rebalance.errors import SettingError
from rebalance.progress import Progress, silent
from rebalance.records import MetricsRecord
from rebalance.settings import (
    DecisionOptions,
    FeatureFiles,
    FolderOptions,
    RunOptions,
    StartOptions,
    TrainOptions,
    calls,
)
from rebalance.settings.recipes import PROBE


@takes(calls.TRAIN)
def train(
    data: Path | str | None,
    test: Path | str,
    output: Path | str,
    *,
    start: StartOptions,
    progress: Progress = silent,
    **options: Any,
) -> MetricsRecord:
    """Train a baseline on DATA, score it on TEST, and keep all of it in a run folder.

    The recipe ``probe`` fits a linear head and leaves the network below it as it is. In place of
    DATA, ``from_run`` names a finished run and ``rebalance_head`` a method or a manifest: the
    network of that run gets a fresh last layer, trained on its embeddings with those that the
    method or the manifest's recipes make of them.

    Returns the metrics, as ``metrics.json`` has them. Under torchrun, or where torch.distributed
    has been initialised, all processes call it alike and train together; the first one writes, and
    all return the metrics.

    Raises DataError, ManifestError, LossError, ExtractorError, TrainingError, OutputError,
    SettingError, MetricError, and UnreadableImage under ``strict``; PeerFailed where another
    process raises one of them.
    """
    training: TrainOptions = options["training"]
    from_run, heads = start.from_run, [start.head_only, training.rebalance_head]
    if from_run is None and start.head_only is None and data is not None:
        from rebalance.workflow import probing
        from rebalance.workflow import training as trainings

        story = probing.train_probe if training.recipe == PROBE else trainings.train
        return story(data, test, output, resume=start.resume, progress=progress, **options)
    asked = [head for head in heads if head is not None]
    if from_run is None or not asked or data is not None or start.resume:
        raise SettingError(
            "training needs DATA, or without it --from RUN and --rebalance-head, a method or a "
            "manifest, which --resume has no part in"
        )
    if len(asked) > 1:
        raise SettingError("--head-only and --rebalance-head are one: leave out one of them")
    from rebalance.workflow.retraining import retrain_head

    return retrain_head(from_run, asked[0], test, output, progress=progress, **options)


@takes(calls.EVALUATE)
def evaluate(
    run: Path | str | Sequence[Path | str],
    test: Path | str,
    output: Path | str | None = None,
    *,
    decision: DecisionOptions,
    training: TrainOptions,
    files: FeatureFiles,
    source: FolderOptions,
    how: RunOptions,
    progress: Progress = silent,
) -> MetricsRecord:
    """Score the network of a run on TEST; returns the metrics.

    run: the folder of a run, or several: then the probabilities that each decides by are averaged,
    and each is told with its own accuracy under ``runs``. They must know the same classes.

    output: a CSV to write every prediction to. What another decision than that of the run needs of
    the training data is fitted once, for which the images must be where they were, and then kept
    with the run. Raises as ``train``.
    """
    from rebalance.workflow import scoring

    return scoring.evaluate(
        run,
        test,
        output,
        decision=decision,
        files=files,
        source=source,
        run=how,
        precision=training.precision,
        progress=progress,
    )
