"""The stories of the second half: train a baseline, and evaluate it.

Everything heavy is imported by the story that needs it; never click.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rebalance import seeds
from rebalance.bench import Bench, dataset_of
from rebalance.classifiers import untrained
from rebalance.errors import DataError, SettingError
from rebalance.extractors.fingerprints import fingerprint
from rebalance.manifest import check_writable
from rebalance.models.devices import resolve_device, resolve_precision
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.runs import DECISION, METRICS, Run, write_predictions
from rebalance.samples import ScoringSet, TrainingSet, check_overlap, open_scoring, open_training
from rebalance.samples import split_off as split_off_validation
from rebalance.settings import (
    RECIPES,
    FolderOptions,
    Recipe,
    RunOptions,
    ScoringOptions,
    TrainOptions,
)
from rebalance.splits import read_groups

if TYPE_CHECKING:
    from rebalance.dataset import ImageDataset
    from rebalance.losses import Loss
    from rebalance.models.network import Network
    from rebalance.training import Epoch

log = logging.getLogger("rebalance")


def train(
    data: Path | str,
    test: Path | str,
    output: Path | str,
    *,
    training: TrainOptions,
    scoring: ScoringOptions,
    source: FolderOptions,
    run: RunOptions,
    resume: bool,
    progress: Progress,
) -> dict[str, Any]:
    """Train on DATA, evaluate on TEST, keep all of it in the run folder; returns the metrics."""
    from rebalance.training.checks import check_loss, check_names

    workers = chosen_workers(run.workers)
    recipe = _recipe(training)
    given = open_training(data, source, workers, progress, strict=run.strict)
    if any(partner is not None for partner in given.partners):
        raise DataError(f"{str(data)!r} has blended samples, which train cannot make yet")
    seen, validation = _sides(given, scoring, source, run, workers, progress)
    tested = open_scoring(
        test, given.classes, FolderOptions(), workers, progress, strict=run.strict
    )
    for scored in filter(None, (tested, validation)):
        check_overlap(seen, scored, allowed=scoring.allow_overlap)
    device = resolve_device(run.device)
    precision = resolve_precision(training.precision, device)
    options = _record(training, scoring, recipe, seen, validation, run.seed, device, precision)
    loss = _loss(options)
    _check_rule(scoring, seen.classes)
    arch, network, transform = untrained(training, seen.classes, loss, run.seed)
    check_names(recipe, training.sampler, training.regime)
    check_loss(loss, network, training.regime, validated=validation is not None)
    # What cannot be is said by now: neither a folder nor an epoch is spent on it.
    folder = (
        Run.resume(output, options)
        if resume
        else Run.create(output, options, overwrite=run.overwrite)
    )
    bench = Bench(device, precision, workers, progress)
    dataset = dataset_of(seen, transform, run.seed, recipe.augmentation)
    _train(folder, network, dataset, loss, recipe, training, options, validation, bench)
    folder.save_model(network, arch=arch, classes=seen.classes, transform=transform, extra={})
    rule = bench.fit_rule(network, loss, seen, transform, training.sampler, scoring, options)
    folder.write_record(DECISION, rule.to_record())
    found = bench.evaluate(network, loss, tested, transform, rule, options["counts"])
    folder.write_record(METRICS, found.metrics)
    folder.write_predictions(*found.predictions)
    return found.metrics


def evaluate(
    path: Path | str,
    test: Path | str,
    output: Path | str | None,
    *,
    source: FolderOptions,
    run: RunOptions,
    precision: str,
    progress: Progress,
) -> dict[str, Any]:
    """Score the network of a run on a test set, deciding as the run decided; the metrics."""
    from rebalance.evaluation import DecisionRule

    if output is not None:
        check_writable(Path(output), overwrite=run.overwrite)
    workers = chosen_workers(run.workers)
    folder = Run.open(path)
    saved = folder.load_model()
    tested = open_scoring(test, saved.classes, source, workers, progress, strict=run.strict)
    device = resolve_device(run.device)
    bench = Bench(device, resolve_precision(precision, device), workers, progress)
    rule = DecisionRule.from_record(folder.read_record(DECISION))
    loss, counts = _loss(folder.options), folder.options["counts"]
    found = bench.evaluate(saved.network, loss, tested, saved.transform, rule, counts)
    if output is not None:
        write_predictions(Path(output), *found.predictions)
    return found.metrics


def _recipe(training: TrainOptions) -> Recipe:
    """The recipe with what overrides it."""
    if training.recipe not in RECIPES:
        raise SettingError(f"no recipe {training.recipe!r}: choose one of {', '.join(RECIPES)}")
    chosen = {
        "epochs": training.epochs,
        "batch_size": training.batch_size,
        "peak_lr": training.lr,
        "schedule": training.schedule,
        "augmentation": training.augment,
        "grad_accum": training.grad_accum,
    }
    given = {name: value for name, value in chosen.items() if value is not None}
    return replace(RECIPES[training.recipe], **given)  # type: ignore[arg-type]


def _sides(
    given: TrainingSet,
    scoring: ScoringOptions,
    source: FolderOptions,
    run: RunOptions,
    workers: int,
    progress: Progress,
) -> tuple[TrainingSet, ScoringSet | None]:
    """What is trained on, and what is validated on, if anything."""
    if scoring.val is not None and scoring.val_fraction is not None:
        raise SettingError("--val and --val-fraction exclude each other: give one of them")
    if scoring.groups is not None and scoring.val_fraction is None:
        raise SettingError("--groups says how --val-fraction may divide: give that too")
    if scoring.val is not None:
        found = open_scoring(
            scoring.val, given.classes, FolderOptions(), workers, progress, strict=run.strict
        )
        return given, found
    if scoring.val_fraction is None:
        return given, None
    groups = None if scoring.groups is None else read_groups(scoring.groups)
    rng = seeds.generator(run.seed, "validation")
    return split_off_validation(given, scoring.val_fraction, rng, groups)


def _record(
    training: TrainOptions,
    scoring: ScoringOptions,
    recipe: Recipe,
    seen: TrainingSet,
    validation: ScoringSet | None,
    seed: int,
    device: str,
    precision: str,
) -> dict[str, Any]:
    """What the run is begun with, and must be gone on with."""
    digests = [seen.digests[path].hex() for path in seen.folder.paths]
    judged = sorted(digest.hex() for digest in validation.digests.values()) if validation else []
    return {
        "recipe": {"name": training.recipe, **asdict(recipe)},
        "network": {
            "arch": training.arch,
            "weights": training.weights,
            "image_size": training.image_size,
        },
        "loss": {"name": training.loss, **dict(training.loss_options)},
        "sampler": training.sampler,
        "regime": training.regime,
        "threshold": scoring.threshold,
        "classifier": scoring.classifier,
        "seed": seed,
        "device": device,
        "precision": precision,
        "counts": dict(zip(seen.classes, seen.counts, strict=True)),
        "data": fingerprint([digests, seen.folder.labels, judged]),
    }


def _loss(options: Mapping[str, Any]) -> "Loss":
    from rebalance.losses import make_loss

    given = {name: value for name, value in options["loss"].items() if name != "name"}
    classes = list(options["counts"])
    if isinstance(matrix := given.get("matrix"), str):
        from rebalance.costs import read_cost_matrix

        given["matrix"] = read_cost_matrix(matrix, classes)
    return make_loss(options["loss"]["name"], options["counts"], given)


def _check_rule(scoring: ScoringOptions, classes: Sequence[str]) -> None:
    """Raise SettingError for a threshold or a classifier that there is not."""
    from rebalance.evaluation import find_rule

    # What centres are fitted on is not there before training; their threshold is the same.
    classifier = "head" if scoring.classifier == "centres" else scoring.classifier
    find_rule(classifier, scoring.threshold, classes, [1.0] * len(classes), lambda: ([], []))


def _train(
    folder: Run,
    network: "Network",
    dataset: "ImageDataset",
    loss: "Loss",
    recipe: Recipe,
    training: TrainOptions,
    options: Mapping[str, Any],
    validation: ScoringSet | None,
    bench: "Bench",
) -> None:
    """Epoch after epoch, each noted in the run as it ends."""
    from rebalance.training import fit

    finished, state = folder.resume_point()
    if finished:
        log.info("going on after epoch %d", finished)
    judge = None if validation is None else bench.judge(loss, validation, dataset.transform)
    for epoch in fit(
        network,
        dataset,
        loss,
        recipe,
        sampler=training.sampler,
        regime=training.regime,
        counts=options["counts"],
        seed=options["seed"],
        device=bench.device,
        precision=bench.precision,
        workers=bench.workers,
        validate=judge,
        start=state,  # type: ignore[arg-type]
        progress=bench.progress,
    ):
        row = _row(epoch)
        folder.record_epoch(row, epoch.state())
        log.info(
            "epoch %d, %s: loss %.3f, accuracy %.3f, %.1f s",
            epoch.number,
            epoch.phase,
            epoch.loss,
            epoch.accuracy,
            epoch.seconds,
        )


def _row(epoch: "Epoch") -> dict[str, Any]:
    """A row of ``summary.csv``."""
    row: dict[str, Any] = {
        "epoch": epoch.number,
        "phase": epoch.phase,
        "train_loss": round(epoch.loss, 6),
        "train_accuracy": round(epoch.accuracy, 6),
        "lr": epoch.lr,
    }
    if epoch.f1 is not None:
        row["val_f1_macro"] = round(float(np.mean(epoch.f1)), 6)
    return row
