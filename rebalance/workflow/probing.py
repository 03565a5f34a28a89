"""The story of train --recipe probe: a body as it is, and a linear head on its cached features.

Where torchrun started several processes, they share the features; the first one fits the head.
Imports torch only in the middle of it; never click.
"""

import logging
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.data.folder import ImageFolder
from rebalance.data.groups import read_groups
from rebalance.data.samples import ScoringSet, TrainingSet
from rebalance.data.separation import kin_of
from rebalance.data.splits import linked
from rebalance.distributed.processes import joined
from rebalance.errors import DataError, SettingError
from rebalance.heads import LinearHead, Sides, fit_head, sides_of
from rebalance.metrics import FeatureRanges
from rebalance.progress import Progress
from rebalance.records import MetricsRecord
from rebalance.runs.options import (
    Sets,
    make_loss,
    open_sets,
    record_options,
    with_resize,
)
from rebalance.scoring.amounts import Amounts
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.rules import check_rule
from rebalance.settings import (
    ExtractorOptions,
    FolderOptions,
    RunOptions,
    ScoringOptions,
    TrainOptions,
)
from rebalance.settings.recipes import PROBE, ProbeRecipe
from rebalance.workflow.beginning import as_begun, begun_folder
from rebalance.workflow.conclusion import Trained, check_calibration, conclude, warn_of_one_class
from rebalance.workflow.features import describe

if TYPE_CHECKING:
    from rebalance.losses import Loss
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform

log = logging.getLogger("rebalance")

# What of the options of training a probe has a use for.
OWN = (
    *("recipe", "arch", "weights", "image_size", "resize", "precision", "in_memory"),
    *("loss", "loss_options", "whiten"),
)


def train_probe(
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
) -> MetricsRecord:
    """Fit a head on features of DATA, evaluate on TEST, keep both as a run; the metrics."""
    recipe = chosen_probe(training)
    check_calibration(scoring)
    with joined(run.device) as processes, ExitStack() as holding:
        if resume:
            training = as_begun(training, output, processes)
        evaluator = Evaluator.of(run, training.precision, progress, processes)
        opened = _without_groups(scoring)
        sets = processes.by_first(
            partial(open_sets, data, test, opened, source, run, evaluator.progress)
        )
        told = record_options(
            data,
            training,
            scoring,
            source,
            recipe,
            sets,
            run.seed,
            evaluator.device,
            evaluator.precision,
            None,
        )
        loss = make_loss(told)
        _check(loss, training.loss, sets)
        folds = processes.by_first(partial(_sides, sets, scoring, recipe, run.seed))
        arch, network, transform = processes.by_first(
            partial(frozen, training, len(sets.seen.classes), run.seed)
        )
        options = with_resize(told, transform.fit)
        amounts = _amounts(sets.seen, loss)
        check_rule(
            *(scoring.classifier, scoring.threshold, sets.seen.classes, amounts), sets.seen.counts
        )
        warn_of_one_class(sets.tested)
        folder = begun_folder(
            output, options, holding, processes, overwrite=run.overwrite, resume=resume
        )
        look = partial(_features, network, transform, training, run, evaluator)
        seen = look(sets.seen)
        shown = [seen] if sets.validation is None else [seen, look(sets.validation)]
        labels = _labels(sets)
        fitted = processes.by_first(
            partial(_fitted, np.concatenate(shown), labels, sets, loss, folds, recipe)
        )
        _put(network, fitted)
        ranges = FeatureRanges.of(seen, labels[: len(seen)])
        trained = Trained(arch, network, transform, loss, amounts, ranges)
        return conclude(
            *(folder, trained, scoring, sets.seen, sets.tested, evaluator),
            validation=sets.validation,
        )


def chosen_probe(training: TrainOptions) -> ProbeRecipe:
    """Return what a probe is fitted by. Raises SettingError for an option it has no use for."""
    plain = TrainOptions(recipe=PROBE)
    for name in vars(plain):
        if name not in OWN and getattr(training, name) != getattr(plain, name):
            raise SettingError(
                f"--recipe {PROBE} leaves the network as it is and fits its last layer to the end: "
                f"leave out --{name.replace('_', '-')}"
            )
    if training.weights == "scratch":
        raise SettingError(
            f"--recipe {PROBE} needs a network that has been trained: pass --weights imagenet, a "
            "checkpoint or a run"
        )
    return ProbeRecipe() if training.whiten is None else ProbeRecipe(training.whiten)


def frozen(training: TrainOptions, classes: int, seed: int) -> "tuple[str, Network, Transform]":
    """Load the network whose body stays, under a last layer that is yet to be fitted."""
    import torch

    from rebalance.models.heads import with_fresh_output
    from rebalance.models.network import layer_widths
    from rebalance.models.pretrained import find_pretrained
    from rebalance.models.transforms import with_view
    from rebalance.progress import silent
    from rebalance.training.initial_network import WEIGHTS

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seeds.integer(seed, "head"))
        found = find_pretrained(training.weights or "imagenet", training.arch, WEIGHTS)
        body, transform = found.load(silent)
        network = with_fresh_output(body, classes).eval()
    if training.image_size is not None:
        layer_widths(network, training.image_size)  # raises where the network cannot take it
    view = with_view(transform, training.image_size, training.resize or found.resize)
    return found.arch, network, view


def _without_groups(scoring: ScoringOptions) -> ScoringOptions:
    """Return how validation images are split off; where none are, groups say how folds are."""
    if scoring.val_fraction is not None or scoring.val is not None:
        return scoring
    return replace(scoring, groups=None, group_column=None)


def _check(loss: "Loss", name: str, sets: Sets) -> None:
    from rebalance.losses.adjustment import LogitAdjusted
    from rebalance.losses.cross_entropy import CE

    if not isinstance(loss, CE | LogitAdjusted):
        raise SettingError(
            f"--recipe {PROBE} minimises cross entropy with class weights or shares: choose ce, "
            f"weighted, cost, balanced-softmax or logit-adjusted in place of {name}"
        )
    if sets.seen.shares:
        raise DataError(
            f"--recipe {PROBE} learns from whole labels, and {len(sets.seen.shares)} samples share "
            "theirs with a partner: train by another recipe, or oversample by another method"
        )
    for each, count in zip(sets.seen.classes, sets.seen.counts, strict=True):
        if not count:
            raise DataError(
                f"--recipe {PROBE} needs an image of every class, and class {each!r} has none: add "
                "some, or leave the class out"
            )


def _amounts(seen: TrainingSet, loss: "Loss") -> Amounts:
    folder = [float(seen.at_first[name]) for name in seen.classes]
    return Amounts([float(each) for each in seen.counts], loss.weights_of_classes(), folder)


def _labels(sets: Sets) -> NDArray[np.int64]:
    """The labels of the training samples, and after them of the validation images."""
    judged = () if sets.validation is None else sets.validation.folder.labels
    return np.array([*sets.seen.folder.labels, *judged], dtype=np.int64)


def _sides(sets: Sets, scoring: ScoringOptions, recipe: ProbeRecipe, seed: int) -> list[Sides]:
    """What penalties are compared by: the validation images, or folds of the training samples.

    Samples of one content, of one group, or that blend with one of them stay together. Empty where
    no class has two that may be parted.
    """
    seen, total = sets.seen, len(_labels(sets))
    place = np.arange(len(seen.folder.paths))
    if sets.validation is not None:
        return [Sides(place, np.arange(len(place), total))]
    groups = None
    if scoring.groups is not None:
        groups = read_groups(scoring.groups, scoring.group_column)
    number = kin_of(seen, groups)
    own = [number[path] for path in seen.folder.paths]
    others = [
        number[path if other is None else other]
        for path, other in zip(seen.folder.paths, seen.partners, strict=True)
    ]
    kin = np.array(own if own == others else linked(own, others))
    labels = np.array(seen.folder.labels, dtype=np.int64)
    stream = seeds.integer(seed, "probe")
    return sides_of(labels, recipe.folds, stream, kin, grouped=groups is not None)


def _features(
    network: "Network",
    transform: "Transform",
    training: TrainOptions,
    run: RunOptions,
    evaluator: Evaluator,
    images: TrainingSet | ScoringSet,
) -> NDArray[np.float32]:
    """Return what the last layer sees of each sample [N, D], from the cache where it is there.

    Blends of images are in no cache: with them the network looks at all samples.
    """
    if isinstance(images, TrainingSet) and images.blends:
        return evaluator.embed(network, images, transform)
    folder = images.folder
    label_of = dict(zip(folder.paths, folder.labels, strict=True))
    once = ImageFolder(folder.root, folder.classes, tuple(label_of), tuple(label_of.values()))
    extractor = ExtractorOptions(
        training.weights or "imagenet",
        training.arch,
        image_size=training.image_size,
        resize=training.resize,
        precision=training.precision,
    )
    table = describe(
        once,
        ["embedding"],
        extractor,
        run,
        evaluator.progress,
        evaluator.processes,
        scale=images.scale,
    )
    row = {path: place for place, path in enumerate(table.folder.paths)}
    values = table.layers["embedding"].read(slice(None), slice(None))
    found: NDArray[np.float32] = values[[row[path] for path in folder.paths]].astype(np.float32)
    return found


def _fitted(
    features: NDArray[Any],
    labels: NDArray[np.int64],
    sets: Sets,
    loss: "Loss",
    folds: list[Sides],
    recipe: ProbeRecipe,
) -> LinearHead:
    from rebalance.losses import SampleLoss
    from rebalance.losses.adjustment import LogitAdjusted

    assert isinstance(loss, SampleLoss)  # as ``_check`` has seen
    weights = loss.weights.double().numpy()
    found = fit_head(
        "logistic",
        features,
        labels,
        len(sets.seen.classes),
        whiten=recipe.whiten,
        weights=weights,
        sides=folds,
        seen=len(sets.seen.folder.paths),
    )
    by = "validation images" if sets.validation is not None else f"{len(folds)} folds"
    for name, number in found.chosen.items():
        tried = len(found.tried.get(name, ()))
        told = f"chosen of {tried} by {by}" if tried else "the usual one"
        log.info("the head's %s is %.3g, %s", name, number, told)
    if isinstance(loss, LogitAdjusted):  # whose shares a free bias takes up
        bias = found.layer.bias - loss.shift.double().numpy()
        found = replace(found, layer=found.layer._replace(bias=bias))
    return found


def _put(network: "Network", fitted: LinearHead) -> None:
    """Give the network the fitted layer."""
    import torch

    layer = fitted.layer
    state = {"weight": torch.from_numpy(layer.weight), "bias": torch.from_numpy(layer.bias)}
    network.last.load_state_dict({name: value.float() for name, value in state.items()})
