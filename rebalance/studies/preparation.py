"""What a study needs before its first cell: its images, their features and their folds.

Imports torch only to check losses and for the features; never click.
"""

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rebalance.class_sizes import wanted_sizes
from rebalance.data.counts import named_counts
from rebalance.data.folder import ImageFolder
from rebalance.data.groups import groups_of, read_groups
from rebalance.data.splits import linked
from rebalance.distributed.processes import own_workers
from rebalance.errors import OutputError, RebalanceError, SettingError
from rebalance.features.pixels import pixel_values
from rebalance.losses import make_loss
from rebalance.models.devices import resolve_device
from rebalance.models.fingerprints import fingerprint
from rebalance.numerics.pca import InMemory
from rebalance.oversampling import OVERSAMPLERS
from rebalance.progress import Progress
from rebalance.runs.recipe import chosen_recipe
from rebalance.settings import CROP, RESIZE, RunOptions, StudyOptions, TrainOptions, pixel_layer
from rebalance.studies.cells import CellStore
from rebalance.studies.folds import deal
from rebalance.studies.heads import HEADS
from rebalance.studies.heads.descent import LEAST_EPOCHS
from rebalance.studies.images import in_keys, open_images
from rebalance.studies.outcomes import SGD, UNMIXED
from rebalance.studies.plan import Definition, Plan
from rebalance.studies.setup import Setup
from rebalance.studies.sights import Sight
from rebalance.studies.views import look
from rebalance.training.first_phase import FirstPhase
from rebalance.training.initial_network import check_weights
from rebalance.training.mixing import mix_of
from rebalance.training.regimes import REGIMES

if TYPE_CHECKING:
    from rebalance.losses import Loss


def checked(plan: Plan, folder: ImageFolder) -> Plan:
    """The plan with the files read that it names; SettingError for what cannot be done here."""
    counts = named_counts(folder)
    if plan.options.depth == "full":
        with in_keys("training"):
            check_weights(plan.options.training)
    treatments = {}
    for treatment, each in plan.treatments.items():
        try:
            each = treatments[treatment] = each.with_costs(folder.classes)
            loss = make_loss(each.loss.key, counts, dict(each.loss.options))
            _check_labels(each, loss, plan.options)
            if not each.body.rebalance.changes:
                _check_regime(each, counts, plan.options)
        except RebalanceError as error:
            raise SettingError(f"{str(plan.path)!r}: {error}") from None
        if loss.takes_embeddings and plan.options.depth != "full":
            raise SettingError(
                f"{str(plan.path)!r}: the loss {treatment.loss} moves embeddings, and a probe's "
                'stay where they are: choose another loss or level, or depth = "full"'
            )
        if loss.learns_from_validation and plan.options.depth != "full":
            raise SettingError(
                f"{str(plan.path)!r}: the loss {treatment.loss} learns as a network does, and a "
                'probe has none: choose another loss, or depth = "full"'
            )
        _check_head(plan, each, loss)
        if REGIMES[each.regime.key].needs_weights and not loss.weighs_classes:
            raise SettingError(
                f"{str(plan.path)!r}: the regime {each.regime.key} needs a loss that can weigh the "
                f"classes, and {each.loss.key} cannot: give the pairs that can be as [[cell]]"
            )
    found = replace(plan, treatments=treatments)
    _check_sizes(found, counts)
    return found


def _check_head(plan: Plan, each: Definition, loss: "Loss") -> None:
    """Raise SettingError for a head that is fitted to the end by what takes a descent."""
    kind, wrong = HEADS[each.head.key], ""
    if not kind.any_loss and not loss.is_cross_entropy:
        wrong = f"only by cross entropy, plain or with class weights or shares, not {each.loss.key}"
    elif not kind.any_loss and each.regime.key != "plain":
        wrong = f"by the regime plain alone, not {each.regime.key}"
    elif not kind.shares and _shares_labels(each, plan.options.depth):
        wrong = "where single classes lie, and blends here share their label with another"
    if wrong:
        raise SettingError(
            f"{str(plan.path)!r}: the head {each.head.key} learns {wrong}: give the combinations "
            f"that can be as [[cell]], or head = {SGD!r}"
        )


def _check_labels(each: Definition, loss: "Loss", options: StudyOptions) -> None:
    """Raise RebalanceError for a loss without use for the labels that classes share here.

    So where blends and a mix would both share them.
    """
    from rebalance.training.checks import check_labels

    mix = options.training.mix or UNMIXED if each.mix == UNMIXED else each.mix
    check_labels(loss, mix_of(mix), shared=_shares_labels(each, options.depth))


def _shares_labels(each: Definition, depth: str) -> bool:
    """Tell whether the loss of a treatment sees labels that two classes share.

    At depth ``full`` blends of embeddings have a head of their own, by cross entropy.
    """
    raised = (each if depth == "probe" else each.body).rebalance.raised
    return raised is not None and OVERSAMPLERS[raised.method].shares


def _check_regime(each: Definition, counts: Mapping[str, int], options: StudyOptions) -> None:
    """Raise SettingError where a first phase would do nothing to the training part of a fold."""
    if not REGIMES[each.regime.key].has_first_phase:
        return
    first = FirstPhase(**dict(each.regime.options))
    epochs = LEAST_EPOCHS
    if options.depth == "full":
        recipe = chosen_recipe(options.training)
        epochs = recipe.frozen_epochs + recipe.epochs
    trained = {name: count - count // options.folds for name, count in counts.items()}
    try:
        first.check(trained, epochs)
    except SettingError as error:
        raise SettingError(str(error).replace("--phase-limit", "limit")) from None


def _check_sizes(plan: Plan, counts: Mapping[str, int]) -> None:
    """Raise SettingError for a treatment that cannot bring classes of these sizes to its own."""
    for each in plan.treatments.values():
        inner = each.rebalance.like or each.rebalance
        try:
            if inner.cut is not None:
                wanted_sizes(counts, inner.targets)
            elif inner.raised is not None:
                OVERSAMPLERS[inner.raised.method].sizes(counts, inner.growth)
        except RebalanceError as error:
            raise SettingError(f"{str(plan.path)!r}: {error}") from None


def prepared(plan: Plan, output: Path, run: RunOptions, progress: Progress) -> Setup:
    """The images of the study, their folds, and their features for the cells that are not finished.

    Raises SettingError for cells in ``output`` that are of another study.
    """
    options = plan.options
    source = open_images(options)
    plan = checked(plan, source.folder)
    sight = look(plan, source, run, progress)
    images, kin = sight.images, kin_of(options, sight)
    labels = np.asarray(images.labels, dtype=np.int64)
    folds = {
        seed: deal(
            labels, images.classes, kin, options.folds, seed, grouped=options.groups is not None
        )
        for seed in options.seeds
    }
    device = resolve_device(run.device)
    cells = CellStore(output, facts_of(options, sight, kin, device), plan.treatments)
    setup = Setup(
        options,
        cells,
        images,
        None if sight.tested is None else sight.tested.folder,
        None if len(set(kin)) == len(kin) else np.asarray(kin, dtype=np.intp),
        folds,
        {},
        device,
        sight.scale,
    )
    left = [cell for cell in plan.cells if run.overwrite or cells.read(cell) is None]
    pairs = dict.fromkeys((cell.seed, cell.fold) for cell in left)
    trained = {pair: setup.sides(*pair)[0] for pair in pairs}
    for positions in trained.values():
        _check_sizes(plan, named_counts(images.take(positions.tolist())))
    views, pixels = sight.views(trained), _pixels(plan, sight, run, progress) if pairs else {}
    seen = {pair: replace(view, layers={**view.layers, **pixels}) for pair, view in views.items()}
    return replace(setup, views=seen)


def _pixels(plan: Plan, sight: Sight, run: RunOptions, progress: Progress) -> dict[str, InMemory]:
    """The pixels of the images as layers, for treatments whose neighbours are told by them."""
    asked = {each.rebalance.pixel_side for each in plan.treatments.values()}
    workers = own_workers(run.workers)
    return {
        pixel_layer(side): InMemory(
            pixel_values(sight.images, side, sight.scale, workers, progress)
        )
        for side in sorted(filter(None, asked))
    }


def kin_of(options: StudyOptions, sight: Sight, *more: Sequence[Hashable]) -> list[int]:
    """The number [N] that images share which may not be parted: a group's, and equal files'.

    more: further groupings of the images.
    """
    if options.groups is None:
        return linked(sight.keys, *more)
    groups = read_groups(options.groups, options.group_column)
    return linked(sight.keys, groups_of(sight.images.paths, groups), *more)


def facts_of(options: StudyOptions, sight: Sight, kin: list[int], device: str) -> dict[str, Any]:
    """What every outcome of the study depends on, but for its treatment, seed and fold."""
    images = sight.images
    facts: dict[str, Any] = {
        "data": fingerprint([images.paths, images.labels, [key.hex() for key in sight.keys]]),
        "test": None if sight.tested is None else sight.tested.fingerprint,
        "groups": None if options.groups is None else fingerprint(kin),
        "folds": options.folds,
        "depth": options.depth,
        "extractor": sight.extractor,
    }
    if scale := sight.scale.as_record():
        facts["scale"] = scale
    if options.depth == "full":
        facts |= {"training": _trained_by(options.training), "device": device}
    return facts


def _trained_by(training: TrainOptions) -> dict[str, Any]:
    """The options of training; to crop is not told, as before there was a choice."""
    resize = training.resize or RESIZE
    return asdict(training) | {"resize": None if resize == CROP else resize}


def check_place(output: Path) -> None:
    """Raise OutputError, before the features are computed, where no study can be kept."""
    above = next(each for each in (output, *output.absolute().parents) if each.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise OutputError(
            f"cannot write {str(output)!r}, since {str(above)!r} is no folder that can be written "
            "to: choose another place"
        )
