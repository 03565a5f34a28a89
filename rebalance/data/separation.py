"""Training and scoring kept apart, so that no image is on both sides.

Imports neither torch nor click.
"""

import logging
from collections.abc import Mapping

import numpy as np

from rebalance.data.folder import ImageFolder
from rebalance.data.groups import groups_of
from rebalance.data.samples import ScoringSet, TrainingSet
from rebalance.data.splits import linked, stratified_split
from rebalance.errors import DataError

log = logging.getLogger("rebalance")


def split_off(
    training: TrainingSet,
    fraction: float,
    rng: np.random.Generator,
    groups: Mapping[str, str] | None = None,
) -> tuple[TrainingSet, ScoringSet]:
    """Take a share of the images out of training, class by class, to validate on.

    groups: what each file belongs to, as ``groups.read_groups`` says; groups stay on one side. So
    do files of equal content, and an image with its repetitions. Validation has each image once,
    and none that is made or generated; what is made with an image of the other side is left out.
    See ``splits.stratified_split``.

    Raises DataError where an image has no group, and where nothing is left to validate on.
    """
    folder = training.folder
    samples = enumerate(zip(folder.paths, folder.labels, strict=True))
    label_of = dict(sample for place, sample in samples if place not in training.foreign)
    kin = kin_of(training, groups)
    images, labels = list(label_of), list(label_of.values())
    _, validation = stratified_split(labels, fraction, rng, [kin[path] for path in images])
    held_out = tuple(images[position] for position in validation)
    held_out_labels = tuple(labels[position] for position in validation)
    return _without(training, {kin[path] for path in held_out}, kin), ScoringSet(
        ImageFolder(folder.root, folder.classes, held_out, held_out_labels),
        {path: training.digests[path] for path in held_out},
        training.scale,
        training.vectors,
    )


def apart_from(training: TrainingSet, scoring: ScoringSet) -> TrainingSet:
    """Drop training samples with the content of an image to score; the log says how many.

    Raises DataError where a class has none left.
    """
    held_out = set(scoring.digests.values())
    seen = {path for path, digest in training.digests.items() if digest in held_out}
    paths, partners = training.folder.paths, training.partners
    kept = [
        place
        for place, path in enumerate(paths)
        if path not in seen and (partners[place] or path) not in seen
    ]
    apart = training.take(kept)
    if len(kept) < len(paths):
        log.info("%d samples with validation images are left out", len(paths) - len(kept))
    for name, before, after in zip(training.classes, training.counts, apart.counts, strict=True):
        if before and not after:
            raise DataError(
                f"class {name!r} needs a sample without validation images, and each of its "
                f"{before} has one: validate on fewer"
            )
    return apart


def overlap(train: Mapping[str, bytes], test: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """List (training path, test path) for each test image whose content is trained on.

    The order is that of the test images. train, test: the digest of each file by its path. Where
    several training files are equal, the first is named.
    """
    first: dict[bytes, str] = {}
    for path, digest in train.items():
        first.setdefault(digest, path)
    return [(first[digest], path) for path, digest in test.items() if digest in first]


def check_overlap(training: TrainingSet, scoring: ScoringSet, *, allowed: bool) -> None:
    """Raise DataError if an image to score is also trained on; where ``allowed``, only warn."""
    pairs = overlap(training.digests, scoring.digests)
    if not pairs:
        return
    trained, scored = training.folder.root / pairs[0][0], scoring.folder.root / pairs[0][1]
    what, remedy = "are also trained on", "take them out of one side"
    if scoring.vectors is not None:
        what = "have the features of images trained on"
        remedy += ", give a file of their own features"
    told = (
        f"{len(pairs)} of {len(scoring.digests)} images to score {what}; the first is "
        f"{str(scored)!r}, equal to {str(trained)!r}"
    )
    if not allowed:
        raise DataError(f"{told}: {remedy}, or go on with --allow-overlap")
    log.warning("%s", told)


def kin_of(training: TrainingSet, groups: Mapping[str, str] | None) -> dict[str, int]:
    """Number the files of training samples so that those with one number must stay on one side.

    They are of one content, or of one group where there are ``groups``: the group of each file.
    """
    files = list(training.digests)
    by_content = list(training.digests.values())
    numbers = linked(by_content) if groups is None else linked(by_content, groups_of(files, groups))
    return dict(zip(files, numbers, strict=True))


def _without(training: TrainingSet, held_out: set[int], kin: Mapping[str, int]) -> TrainingSet:
    """Drop the samples that belong to held-out groups or blend with an image of one."""
    paths, partners = training.folder.paths, training.partners
    left = [place for place, path in enumerate(paths) if kin[path] not in held_out]
    kept = [place for place in left if kin[partners[place] or paths[place]] not in held_out]
    if len(kept) < len(left):
        log.info("%d blends with validation images are not trained on", len(left) - len(kept))
    return training.take(kept)
