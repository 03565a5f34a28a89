"""The public calls: one keyword per choice, gathered into the options that travel together.

The command line passes its own options straight on to these, so that the two are twins.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from rebalance import workflow
from rebalance.inspection import Inspection
from rebalance.manifest import Manifest
from rebalance.progress import Progress, silent
from rebalance.settings import (
    ExtractorOptions,
    FolderOptions,
    RunOptions,
    ScoringOptions,
    SelectionOptions,
    Targets,
    TrainOptions,
)

if TYPE_CHECKING:
    from rebalance.table import FeatureTable

Options = TypeVar("Options")


def _gather(options: type[Options], given: Mapping[str, Any]) -> Options:
    names = [field.name for field in fields(options)]  # type: ignore[arg-type]
    return options(**{name: given[name] for name in names if name in given})


def inspect(
    data: Path | str,
    *,
    root: Path | str | None = FolderOptions.root,
    allow_empty: bool = FolderOptions.allow_empty,
    workers: int | None = RunOptions.workers,
    strict: bool = RunOptions.strict,
    progress: Progress = silent,
) -> Inspection:
    """Count the images of every class and read each of them, to see that it can be read.

    data: an image folder, or a manifest. The options are those of ``FolderOptions`` and
    ``RunOptions``. Raises DataError if DATA is not as it must be, UnreadableImage under ``strict``.
    """
    given = locals()
    return workflow.inspect(
        data,
        source=_gather(FolderOptions, given),
        run=_gather(RunOptions, given),
        progress=progress,
    )


def extract(
    data: Path | str,
    output: Path | str | None = None,
    *,
    layers: Sequence[str] = (SelectionOptions.layer,),
    extractor: str = ExtractorOptions.extractor,
    arch: str | None = ExtractorOptions.arch,
    init: str = ExtractorOptions.init,
    image_size: int | None = ExtractorOptions.image_size,
    precision: str = ExtractorOptions.precision,
    batch_size: int | None = ExtractorOptions.batch_size,
    root: Path | str | None = FolderOptions.root,
    allow_empty: bool = FolderOptions.allow_empty,
    seed: int = RunOptions.seed,
    device: str = RunOptions.device,
    workers: int | None = RunOptions.workers,
    cache_dir: Path | str | None = RunOptions.cache_dir,
    strict: bool = RunOptions.strict,
    overwrite: bool = RunOptions.overwrite,
    progress: Progress = silent,
) -> "FeatureTable":
    """Features of every readable image, from the cache or computed into it.

    output: a .npz to write them to as well. layers: of body, pool, linear; auto is all there are.
    The other options are those of ``ExtractorOptions``, ``FolderOptions`` and ``RunOptions``.
    Raises DataError, ExtractorError, OutputError, and UnreadableImage under ``strict``.
    """
    given = locals()
    return workflow.extract(
        data,
        output,
        layers=[layers] if isinstance(layers, str) else layers,
        extractor=_gather(ExtractorOptions, given),
        source=_gather(FolderOptions, given),
        run=_gather(RunOptions, given),
        progress=progress,
    )


def undersample(
    data: Path | str,
    output: Path | str | None = None,
    *,
    method: str = SelectionOptions.method,
    pick: str = SelectionOptions.pick,
    layer: str = SelectionOptions.layer,
    to: str | int = Targets.to,
    per_class: Mapping[str, int] | Iterable[tuple[str, int]] = Targets.per_class,
    classes: Sequence[str] = Targets.classes,
    extractor: str = ExtractorOptions.extractor,
    arch: str | None = ExtractorOptions.arch,
    init: str = ExtractorOptions.init,
    image_size: int | None = ExtractorOptions.image_size,
    precision: str = ExtractorOptions.precision,
    batch_size: int | None = ExtractorOptions.batch_size,
    root: Path | str | None = FolderOptions.root,
    allow_empty: bool = FolderOptions.allow_empty,
    seed: int = RunOptions.seed,
    device: str = RunOptions.device,
    workers: int | None = RunOptions.workers,
    cache_dir: Path | str | None = RunOptions.cache_dir,
    strict: bool = RunOptions.strict,
    overwrite: bool = RunOptions.overwrite,
    progress: Progress = silent,
) -> Manifest:
    """Choose which images to keep so that the classes are as large as asked.

    output: where to write the manifest; its two companions go beside it. The other options are
    those of ``SelectionOptions``, ``Targets``, ``ExtractorOptions``, ``FolderOptions`` and
    ``RunOptions``. Raises DataError, TargetError, ExtractorError, FeatureError, OutputError, and
    UnreadableImage under ``strict``.
    """
    to, per_class = str(to), tuple(dict(per_class).items())
    classes = (classes,) if isinstance(classes, str) else tuple(classes)
    given = locals()
    return workflow.undersample(
        data,
        output,
        targets=_gather(Targets, given),
        selection=_gather(SelectionOptions, given),
        extractor=_gather(ExtractorOptions, given),
        source=_gather(FolderOptions, given),
        run=_gather(RunOptions, given),
        progress=progress,
    )


def train(
    data: Path | str,
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
    cache_dir: Path | str | None = RunOptions.cache_dir,
    strict: bool = RunOptions.strict,
    overwrite: bool = RunOptions.overwrite,
    resume: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train a baseline on DATA, score it on TEST, and keep all of it in a run folder.

    Returns the metrics, as ``metrics.json`` has them. The options are those of ``TrainOptions``,
    ``ScoringOptions``, ``FolderOptions`` and ``RunOptions``; resume goes on with an interrupted
    run. Raises DataError, LossError, ExtractorError, OutputError, SettingError, MetricError, and
    UnreadableImage under ``strict``.
    """
    from rebalance import baseline

    loss_options = tuple(dict(loss_options).items())
    given = locals()
    return baseline.train(
        data,
        test,
        output,
        training=_gather(TrainOptions, given),
        scoring=_gather(ScoringOptions, given),
        source=_gather(FolderOptions, given),
        run=_gather(RunOptions, given),
        resume=resume,
        progress=progress,
    )


def evaluate(
    run: Path | str,
    test: Path | str,
    output: Path | str | None = None,
    *,
    precision: str = TrainOptions.precision,
    root: Path | str | None = FolderOptions.root,
    allow_empty: bool = FolderOptions.allow_empty,
    device: str = RunOptions.device,
    workers: int | None = RunOptions.workers,
    strict: bool = RunOptions.strict,
    overwrite: bool = RunOptions.overwrite,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Score the network of a run on TEST, deciding as the run decided; returns the metrics.

    output: a CSV to write every prediction to. Raises as ``train``.
    """
    from rebalance import baseline

    given = locals()
    return baseline.evaluate(
        run,
        test,
        output,
        source=_gather(FolderOptions, given),
        run=_gather(RunOptions, given),
        precision=precision,
        progress=progress,
    )
