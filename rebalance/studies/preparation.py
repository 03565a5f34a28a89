"""What a study needs before its first cell: its images, their features and their folds.

Imports torch only to check losses and for the features; never click.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rebalance.atomic import make_folder, replacing
from rebalance.class_sizes import grown_sizes, wanted_sizes
from rebalance.data.counts import named_counts
from rebalance.data.folder import ImageFolder
from rebalance.data.groups import groups_of, read_groups
from rebalance.data.levels import DepthScale
from rebalance.data.samples import open_scoring
from rebalance.data.separation import overlap
from rebalance.data.splits import linked
from rebalance.errors import DataError, OutputError, RebalanceError, SettingError
from rebalance.losses import make_loss
from rebalance.models.devices import resolve_device
from rebalance.models.fingerprints import fingerprint
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.runs.recipe import chosen_recipe
from rebalance.settings import Growth, RunOptions, StudyOptions, Targets
from rebalance.studies.cells import CellStore
from rebalance.studies.folds import deal
from rebalance.studies.images import open_images, reading
from rebalance.studies.plan import Definition, Plan
from rebalance.studies.probe import LEAST_EPOCHS
from rebalance.studies.rebalancings import LAYER
from rebalance.studies.setup import Setup
from rebalance.training.first_phase import FirstPhase
from rebalance.training.initial_network import check_weights
from rebalance.training.regimes import REGIMES
from rebalance.workflow.features import describe

if TYPE_CHECKING:
    from rebalance.features.table import FeatureTable

FEATURES = ".features"  # in the study's folder, while it runs


def checked(plan: Plan, folder: ImageFolder) -> Plan:
    """The plan with the files read that it names; SettingError for what cannot be done here."""
    counts = named_counts(folder)
    if plan.options.depth == "full":
        check_weights(plan.options.training)
    treatments = {}
    for treatment, each in plan.treatments.items():
        try:
            each = treatments[treatment] = each.with_costs(folder.classes)
            loss = make_loss(each.loss.key, counts, dict(each.loss.options))
            inner = each.rebalance.like or each.rebalance
            if not Definition(*each.body).rebalance.changes:
                _check_regime(each, counts, plan.options)
            if inner.cut is not None:
                wanted_sizes(counts, Targets(inner.to))
            elif inner.raised is not None:
                grown_sizes(counts, Growth(inner.to))
        except RebalanceError as error:
            raise SettingError(f"{str(plan.path)!r}: {error}") from None
        if REGIMES[each.regime.key].needs_weights and not loss.weighs_classes:
            raise SettingError(
                f"{str(plan.path)!r}: the regime {each.regime.key} needs a loss that can weigh the "
                f"classes, and {each.loss.key} cannot: give the pairs that can be as [[cell]]"
            )
    return replace(plan, treatments=treatments)


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


@contextmanager
def prepared(plan: Plan, output: Path, run: RunOptions, progress: Progress) -> Iterator[Setup]:
    """The images, folds and features of the study; the files of features are there meanwhile."""
    from rebalance.features.marks import image_keys

    options, workers = plan.options, chosen_workers(run.workers)
    source = open_images(options)
    folder = source.folder
    plan = checked(plan, folder)
    table = describe(folder, [LAYER], options.extractor, run, progress, scale=source.scale)
    keys = [key or b"" for key in image_keys(table.folder, workers)[0]]
    images = table.folder
    kin = linked(keys)
    if options.groups is not None:
        groups = read_groups(options.groups, options.group_column)
        kin = linked(keys, groups_of(images.paths, groups))
    labels = np.asarray(images.labels, dtype=np.int64)
    folds = {
        seed: deal(
            labels, images.classes, kin, options.folds, seed, grouped=options.groups is not None
        )
        for seed in options.seeds
    }
    tested, tested_keys = _test_table(plan, images, keys, table.scale, run, progress)
    device = resolve_device(run.device)
    facts: dict[str, Any] = {
        "data": fingerprint([images.paths, images.labels, [key.hex() for key in keys]]),
        "test": tested_keys,
        "groups": None if options.groups is None else fingerprint(kin),
        "folds": options.folds,
        "depth": options.depth,
        "extractor": table.extractor.fingerprint,
    }
    if scale := table.scale.as_record():
        facts["scale"] = scale
    if options.depth == "full":
        facts |= {"training": asdict(options.training), "device": device}
    cells = CellStore(output, facts, plan.treatments)
    where = output / FEATURES
    make_folder(where)
    try:
        yield Setup(
            options,
            cells,
            images,
            None if tested is None else tested.folder,
            None if len(set(kin)) == len(kin) else np.asarray(kin, dtype=np.intp),
            folds,
            _saved(where / "train.npy", table),
            None if tested is None else _saved(where / "test.npy", tested),
            device,
            table.scale,
        )
    finally:
        shutil.rmtree(where, ignore_errors=True)


def check_place(output: Path) -> None:
    """Raise OutputError, before the features are computed, where no study can be kept."""
    above = next(each for each in (output, *output.absolute().parents) if each.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise OutputError(
            f"cannot write {str(output)!r}, since {str(above)!r} is no folder that can be written "
            "to: choose another place"
        )


def _test_table(
    plan: Plan,
    images: ImageFolder,
    keys: Sequence[bytes],
    scale: DepthScale,
    run: RunOptions,
    progress: Progress,
) -> "tuple[FeatureTable | None, str | None]":
    """The test images with the classes of the others, and a digest of them."""
    where, workers = plan.options.test, chosen_workers(run.workers)
    if where is None:
        return None, None
    how = reading(plan.options)
    found = open_scoring(
        where, images.classes, how, workers, progress, strict=run.strict, scale=scale
    )
    both = overlap(dict(zip(images.paths, keys, strict=True)), found.digests)
    if both:
        raise DataError(
            f"the test images must be others, but {len(both)} are in the data too; the first is "
            f"{both[0][1]!r}, equal to {both[0][0]!r}: take them out of one side"
        )
    extractor = plan.options.extractor
    table = describe(found.folder, [LAYER], extractor, run, progress, scale=scale)
    digests = [found.digests[path].hex() for path in table.folder.paths]
    return table, fingerprint([table.folder.labels, digests])


def _saved(path: Path, table: "FeatureTable") -> Path:
    with replacing(path) as (partial,), partial.open("wb") as file:
        np.save(file, table.layers[LAYER].read(slice(None), slice(None)))
    return path
