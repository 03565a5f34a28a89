"""The public calls that train networks and score them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rebalance.api.gathering import gather
from rebalance.errors import SettingError
from rebalance.progress import Progress, silent
from rebalance.settings import FolderOptions, RunOptions, ScoringOptions, TrainOptions


def train(
    data: Path | str | None,
    test: Path | str,
    output: Path | str,
    *,
    recipe: str = TrainOptions.recipe,
    epochs: int | None = TrainOptions.epochs,
    batch_size: int | None = TrainOptions.batch_size,
    lr: float | None = TrainOptions.lr,
    schedule: str | None = TrainOptions.schedule,
    augment: str | None = TrainOptions.augment,
    grad_accum: int | None = TrainOptions.grad_accum,
    arch: str | None = TrainOptions.arch,
    weights: str | None = TrainOptions.weights,
    image_size: int | None = TrainOptions.image_size,
    precision: str = TrainOptions.precision,
    loss: str = TrainOptions.loss,
    loss_options: Mapping[str, Any] | Iterable[tuple[str, Any]] = TrainOptions.loss_options,
    sampler: str = TrainOptions.sampler,
    regime: str = TrainOptions.regime,
    in_memory: str = TrainOptions.in_memory,
    rebalance_head: Path | str | None = TrainOptions.rebalance_head,
    from_run: Path | str | None = None,
    head_only: Path | str | None = None,
    val: Path | str | None = ScoringOptions.val,
    val_fraction: float | None = ScoringOptions.val_fraction,
    groups: Path | str | None = ScoringOptions.groups,
    allow_overlap: bool = ScoringOptions.allow_overlap,
    threshold: str = ScoringOptions.threshold,
    classifier: str = ScoringOptions.classifier,
    root: Path | str | None = FolderOptions.root,
    allow_empty: bool = FolderOptions.allow_empty,
    seed: int = RunOptions.seed,
    device: str = RunOptions.device,
    workers: int | None = RunOptions.workers,
    strict: bool = RunOptions.strict,
    overwrite: bool = RunOptions.overwrite,
    resume: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train a baseline on DATA, score it on TEST, and keep all of it in a run folder.

    In place of DATA, ``from_run`` names a finished run and ``head_only`` a manifest: the network of
    that run gets a fresh linear head, trained on the embeddings that the manifest's recipes make.

    Returns the metrics, as ``metrics.json`` has them. The options are those of ``TrainOptions``,
    ``ScoringOptions``, ``FolderOptions`` and ``RunOptions``; resume goes on with an interrupted
    run. Under torchrun, or where torch.distributed has been initialised, all processes call it
    alike and train together; the first one writes, and all return the metrics.

    Raises DataError, ManifestError, LossError, ExtractorError, TrainingError, OutputError,
    SettingError, MetricError, and UnreadableImage under ``strict``; PeerFailed where another
    process raises one of them.
    """
    loss_options = tuple(dict(loss_options).items())
    given = locals()
    options: dict[str, Any] = {
        "training": gather(TrainOptions, given),
        "scoring": gather(ScoringOptions, given),
        "source": gather(FolderOptions, given),
        "run": gather(RunOptions, given),
        "progress": progress,
    }
    if from_run is None and head_only is None and data is not None:
        from rebalance.workflow.training import train as train_from_data

        return train_from_data(data, test, output, resume=resume, **options)
    if from_run is None or head_only is None or data is not None or resume:
        raise SettingError(
            "training needs DATA, or without it --from RUN and --head-only MANIFEST, which "
            "--resume has no part in"
        )
    from rebalance.workflow.retraining import retrain_head

    return retrain_head(from_run, head_only, test, output, **options)


def evaluate(
    run: Path | str,
    test: Path | str,
    output: Path | str | None = None,
    *,
    threshold: str | None = None,
    classifier: str | None = None,
    precision: str = TrainOptions.precision,
    root: Path | str | None = FolderOptions.root,
    allow_empty: bool = FolderOptions.allow_empty,
    device: str = RunOptions.device,
    workers: int | None = RunOptions.workers,
    strict: bool = RunOptions.strict,
    overwrite: bool = RunOptions.overwrite,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Score the network of a run on TEST; returns the metrics.

    output: a CSV to write every prediction to. threshold, classifier: how to decide, as for
    ``train``; None is as the run decided. What that needs of the training data is fitted once, for
    which the images must be where they were, and then kept with the run. Raises as ``train``.
    """
    from rebalance.workflow import scoring

    given = locals()
    return scoring.evaluate(
        run,
        test,
        output,
        threshold=threshold,
        classifier=classifier,
        source=gather(FolderOptions, given),
        run=gather(RunOptions, given),
        precision=precision,
        progress=progress,
    )
