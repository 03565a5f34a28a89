"""What a run is begun with: from the user's choices to ``options.json``, and back.

Imports torch only for the loss; never click.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalance import losses
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.data.looks import Look
from rebalance.data.samples import TrainingSet, open_training
from rebalance.data.source import is_manifest
from rebalance.errors import DataError, FeatureFileError, ManifestError
from rebalance.manifest import read_manifest
from rebalance.manifest.beginning import counts_at_first
from rebalance.models.fingerprints import fingerprint
from rebalance.progress import Progress
from rebalance.records import HeadRecord, RunOptionsRecord
from rebalance.records.run import FolderReading
from rebalance.runs.recipe import chosen_phase
from rebalance.runs.sets import Sets, divided
from rebalance.scoring.class_values import with_class_values
from rebalance.scoring.classifiers import spelled_classifier
from rebalance.settings import (
    CROP,
    FolderOptions,
    Recipe,
    ScoringOptions,
    TrainOptions,
)
from rebalance.settings.recipes import ProbeRecipe
from rebalance.training.first_phase import USUAL, FirstPhase

if TYPE_CHECKING:
    from rebalance.losses import Loss

# Where the images lie changes no result: what they hold is compared.
FREE = (
    *("source.data", "source.root", "source.groups", "source.group_column", "head.manifest"),
    *("features.file", "features.names", "features.digest"),
    *(
        f"features.{of}{what}"
        for of in ("validation", "test")
        for what in ("", ".file", ".names", ".digest")
    ),
)


def record_options(
    data: Path | str,
    training: TrainOptions,
    scoring: ScoringOptions,
    source: FolderOptions,
    recipe: Recipe | ProbeRecipe,
    sets: Sets,
    seed: int,
    device: str,
    precision: str,
    head: HeadRecord | None,
) -> RunOptionsRecord:
    """Return what the run is begun with, and must be gone on with, but for what is ``FREE``.

    With it the training images can be found again: see ``reopen_training``. head: what
    ``heads.describe_recipes`` says of the manifest that the head is rebalanced by, if it is.
    """
    seen, validation = sets.seen, sets.validation
    told = scoring.group_column
    column: FolderReading = {} if told is None else {"group_column": told}
    judged = sorted(digest.hex() for digest in validation.digests.values()) if validation else []
    loss_options = with_class_values(dict(training.loss_options), seen.classes)
    record: RunOptionsRecord = {
        "recipe": {"name": training.recipe, **recipe.as_record()},
        "network": {
            "arch": training.arch,
            "weights": training.weights,
            "image_size": training.image_size,
        },
        "loss": {"name": training.loss, **loss_options},
        "sampler": training.sampler,
        "regime": training.regime,
        "threshold": scoring.threshold,
        "classifier": spelled_classifier(scoring.classifier),
        "seed": seed,
        "device": device,
        "precision": precision,
        "counts": dict(zip(seen.classes, seen.counts, strict=True)),
        "source": {
            "data": str(Path(data).absolute()),
            "root": _absolute(source.root),
            "allow_empty": source.allow_empty,
            "as_classes": source.as_classes,
            "extensions": list(source.extensions),
            "val_fraction": scoring.val_fraction,
            "groups": _absolute(scoring.groups),
            **column,
        },
        "data": _content(seen),
        "validation": fingerprint(judged),
        "head": head,
    }
    if scale := seen.scale.as_record():
        record["scale"] = scale
    if (first := chosen_phase(training)) != USUAL:
        record["phase"] = {"by": first.by, "limit": first.limit}
    return record


def first_phase_of(options: RunOptionsRecord) -> FirstPhase:
    """What the first phase of a run does, if its regime has one."""
    phase = options.get("phase")
    return USUAL if phase is None else FirstPhase(**phase)


def with_resize(options: RunOptionsRecord, resize: str) -> RunOptionsRecord:
    """The options with how images become squares; cropped is what runs of long ago do not tell."""
    if resize == CROP:
        return options
    return {**options, "network": {**options["network"], "resize": resize}}


def resize_from(options: RunOptionsRecord) -> str:
    """How images become squares for the network of a run."""
    return options["network"].get("resize", CROP)


def scale_from(options: RunOptionsRecord) -> DepthScale:
    """The scale of the deep images that a run was trained on, by which others are read for it."""
    return DepthScale.from_record(options.get("scale")) or EACH_ALONE


def make_loss(options: RunOptionsRecord) -> "Loss":
    """The loss of a run, as before its first epoch.

    Raises LossError for options that it cannot have, DataError for some that nobody can have given.
    """
    given = {name: value for name, value in options["loss"].items() if name != "name"}
    try:
        return losses.make_loss(options["loss"]["name"], options["counts"], given)
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise DataError(f"the loss that the run keeps is damaged ({error}): train again") from error


def scoring_loss(options: RunOptionsRecord) -> "Loss":
    """The loss that says what the logits of a finished run mean: a rebalanced head's is plain."""
    from rebalance.losses.cross_entropy import CE

    return CE(options["counts"]) if options.get("head") else make_loss(options)


def class_weights_of(options: RunOptionsRecord, weighting: str | None) -> list[float]:
    """Return the weights [K] of the classes once a regime has the loss use ``weighting``.

    A loss that has no weights counts every class alike.
    """
    loss = make_loss(options)
    if weighting is not None and loss.weighs_classes:
        loss.reweight(losses.class_weights(options["counts"], weighting))
    return loss.weights_of_classes()


def counts_at_first_of(options: RunOptionsRecord) -> list[float]:
    """How many images of each class [K] a run's data had before they were resampled, read again.

    Raises DataError where its manifest is not there any more.
    """
    data, counts = Path(options["source"]["data"]), dict(options["counts"])
    if is_manifest(data):
        try:
            counts |= counts_at_first(read_manifest(data, options["source"]["root"]))
        except ManifestError as error:
            raise DataError(
                f"the manifest that the run was trained on is needed again: {error}"
            ) from error
    return [float(counts[name]) for name in options["counts"]]


def reopen_training(
    options: RunOptionsRecord, workers: int, progress: Progress, look: Look | None = None
) -> TrainingSet:
    """The training images of a run, read again. look: what is asked about them in place of that.

    Raises DataError where they are not there any more, or not as they were.
    """
    source = options["source"]
    # A run of version 0.1 knows nothing of the last two.
    where = FolderOptions(
        source["root"],
        source["allow_empty"],
        source.get("as_classes", False),
        tuple(source.get("extensions", ())),
    )
    try:
        scale = scale_from(options)
        seen = open_training(
            source["data"], where, workers, progress, strict=False, scale=scale, look=look
        )
        if source["val_fraction"] is not None:
            groups = source["groups"], source.get("group_column")
            seen, _ = divided(seen, source["val_fraction"], *groups, options["seed"])
    except (DataError, FeatureFileError, ManifestError) as error:
        raise DataError(f"the images that the run was trained on are needed again: {error}") from (
            error
        )
    if _content(seen) != options["data"] or seen.counts != list(options["counts"].values()):
        raise DataError(
            f"the images that the run was trained on are needed again, but {source['data']!r} has "
            "changed since: bring it back to what it was, or train again"
        )
    return seen


def _content(seen: TrainingSet) -> str:
    digests = [seen.digests[path].hex() for path in seen.folder.paths]
    facts: list[Any] = [digests, seen.folder.labels]
    if seen.blends:
        facts.append(
            [
                (place, seen.digests[partner].hex(), weight)
                for place, (partner, weight) in seen.blends.items()
            ]
        )
    if seen.operations:
        facts.append(
            [
                (place, seen.digests[seen.partners[place] or seen.folder.paths[place]].hex(), text)
                for place, text in seen.operations.items()
            ]
        )
    if seen.shares:
        facts.append([(place, *share) for place, share in seen.shares.items()])
    return fingerprint(facts)


def _absolute(path: Path | str | None) -> str | None:
    return None if path is None else str(Path(path).absolute())
