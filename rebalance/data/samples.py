"""The samples that a network is trained on and those it is scored on.

The classes and their order are those of the training data everywhere; a test or validation set is
translated to them. Imports neither torch nor click.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from rebalance.data.folder import ImageFolder
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.data.looks import Look, Looked, Vectors, decoded
from rebalance.data.naming import numbered
from rebalance.data.scales import held_against, scale_of
from rebalance.data.source import check_files, is_manifest, open_source
from rebalance.errors import DataError
from rebalance.manifest import Manifest, Row, read_manifest
from rebalance.manifest.beginning import counts_at_first
from rebalance.progress import Progress, silent
from rebalance.settings import FolderOptions

log = logging.getLogger("rebalance")


@dataclass(frozen=True)
class TrainingSet:
    """The samples to train on, some of them made by recipes of an image, or of two.

    A sample is ``(1 - weight) * path + weight * partner``, labelled as the path but for a share, or
    what an operation makes of them.

    folder: a path and a label for each sample; an image that the manifest repeats is there as
        often. partners: for each sample the path of the image to blend with, None for most.
    weights: how much of the partner, 0 where there is none.
    shares: the class of the partner, and how much of the label it has, where it has some of it.
    space: whether images are blended (``pixel``) or their feature vectors (``embedding``).
    digests: of the content of every file that is a path or a partner.
    scale: of their deep images, by which those to score are read too.
    at_first: images of each class, by name, in the data before anything was cut or raised.
    vectors: the features of a file that stand in for the images, where none is opened.
    operations: what is made of the image of an augmented sample, by its position.
    foreign: positions of samples whose file is by itself no image of their class to validate on:
        those that are generated, or trained as another class than that of their base.
    """

    folder: ImageFolder
    partners: tuple[str | None, ...]
    weights: tuple[float, ...]
    digests: Mapping[str, bytes]
    space: str = "pixel"
    scale: DepthScale = EACH_ALONE
    at_first: Mapping[str, int] = field(default_factory=dict)
    shares: Mapping[int, tuple[int, float]] = field(default_factory=dict)
    vectors: Vectors | None = None
    operations: Mapping[int, str] = field(default_factory=dict)
    foreign: frozenset[int] = frozenset()

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order that everything else follows."""
        return self.folder.classes

    @property
    def counts(self) -> list[int]:
        """The number of samples of each class, repeated and blended ones too, in class order."""
        return self.folder.counts

    @property
    def blends(self) -> dict[int, tuple[str, float]]:
        """The partner and the weight of each blended sample, by the position of the sample."""
        return {
            position: (partner, weight)
            for position, (partner, weight) in enumerate(
                zip(self.partners, self.weights, strict=True)
            )
            if partner is not None and position not in self.operations
        }

    @property
    def made(self) -> dict[int, Row]:
        """The recipe of each sample that is no file as it is, by the position of the sample."""
        paths, labels = self.folder.paths, self.folder.labels
        return {
            position: Row(
                paths[position],
                self.classes[labels[position]],
                "augmented" if position in self.operations else "synthetic",
                self.partners[position],
                None if position in self.operations else self.weights[position],
                operation=self.operations.get(position),
            )
            for position in sorted({*self.blends, *self.operations})
        }

    @property
    def blends_features(self) -> bool:
        """Tell whether some samples are blends of feature vectors, which no image shows."""
        return bool(self.blends) and self.space == "embedding"

    def take(self, positions: Sequence[int]) -> "TrainingSet":
        """Return the samples at ``positions``, in that order, under the same classes."""
        folder = self.folder.take(positions)
        partners = tuple(self.partners[position] for position in positions)
        used = {*folder.paths, *filter(None, partners)}
        return replace(
            self,
            folder=folder,
            partners=partners,
            weights=tuple(self.weights[position] for position in positions),
            shares={
                place: self.shares[position]
                for place, position in enumerate(positions)
                if position in self.shares
            },
            digests={path: digest for path, digest in self.digests.items() if path in used},
            operations={
                place: self.operations[position]
                for place, position in enumerate(positions)
                if position in self.operations
            },
            foreign=frozenset(
                place for place, position in enumerate(positions) if position in self.foreign
            ),
        )


@dataclass(frozen=True)
class ScoringSet:
    """The images of a test or validation set, each once.

    folder: its classes and labels are those of the training set; not every class needs an image.
    digests: of the content of each image, by its path. scale: that of the training images.
    vectors: as of a ``TrainingSet``.
    """

    folder: ImageFolder
    digests: Mapping[str, bytes]
    scale: DepthScale = EACH_ALONE
    vectors: Vectors | None = None


def open_training(
    data: Path | str,
    options: FolderOptions,
    workers: int,
    progress: Progress = silent,
    *,
    strict: bool,
    scale: DepthScale | None = None,
    look: Look | None = None,
) -> TrainingSet:
    """Read DATA, a folder or a manifest, and every image file in it once.

    Files that cannot be read are named in the log and left out, with the samples that need them.
    scale: that of a network which was trained before; None is that of the set, as the manifest
    tells it or else as all files of DATA have it, whatever is validated on later. look: what is
    asked about the files in place of reading them. Raises DataError as ``folder.scan`` and for a
    class that has no sample left, ManifestError for a manifest that cannot be read, and
    UnreadableImage under ``strict``.
    """
    path = Path(data)
    if is_manifest(path):
        manifest = read_manifest(path, options.root)
        check_files(path, manifest, options)
    else:
        folder = open_source(path, options).folder
        rows = (
            Row(image, folder.classes[label])
            for image, label in zip(folder.paths, folder.labels, strict=True)
        )
        manifest = Manifest(folder.root, folder.classes, tuple(rows))
    look = look or partial(decoded, workers=workers, progress=progress, strict=strict)
    looked = look(_files(manifest))
    known = scale or DepthScale.from_record(manifest.record.get("scale"))
    return _training_set(manifest, looked, scale_of(looked.levels, known))


def open_scoring(
    data: Path | str,
    classes: Sequence[str],
    options: FolderOptions,
    workers: int,
    progress: Progress = silent,
    *,
    strict: bool,
    scale: DepthScale = EACH_ALONE,
    look: Look | None = None,
) -> ScoringSet:
    """Read a test or validation set, a folder or a manifest of originals, under given classes.

    classes: those of the training set, in its order. scale: that of the training set, by which
    these images are read too, so that equal files look equal on both sides. look: as there. A class
    that has no images here is no error, and shifts no label. Raises DataError for images of a class
    that is not among ``classes``, otherwise as ``open_training`` does.
    """
    look = look or partial(decoded, workers=workers, progress=progress, strict=strict)
    looked = look(scoring_folder(data, classes, options))
    held_against(looked.levels, scale)
    digests = dict(zip(looked.folder.paths, looked.digests, strict=True))
    return ScoringSet(looked.folder, digests, scale, looked.vectors)


def scoring_folder(data: Path | str, classes: Sequence[str], options: FolderOptions) -> ImageFolder:
    """List a test or validation set as ``open_scoring`` does, without a look at its images."""
    found = open_source(data, replace(options, allow_empty=True)).folder
    number = numbered(data, found, classes, "images to score must be of the classes trained on")
    labels = tuple(number[found.classes[label]] for label in found.labels)
    return ImageFolder(found.root, tuple(classes), found.paths, labels)


def _labels(manifest: Manifest) -> dict[str, str]:
    """Map every file that is needed, once, to the label of the first row that names it."""
    labels: dict[str, str] = {}
    for row in manifest.rows:
        labels.setdefault(row.file_name, row.label)
    for row in manifest.rows:
        if row.partner is not None:
            labels.setdefault(row.partner, row.label)
    return labels


def _files(manifest: Manifest) -> ImageFolder:
    number = {name: label for label, name in enumerate(manifest.classes)}
    labels = _labels(manifest)
    return ImageFolder(
        manifest.root,
        manifest.classes,
        tuple(labels),
        tuple(number[label] for label in labels.values()),
    )


def _training_set(manifest: Manifest, looked: Looked, scale: DepthScale) -> TrainingSet:
    """Keep the samples whose files can all be read; DataError where a class loses all it had."""
    digests = dict(zip(looked.folder.paths, looked.digests, strict=True))
    number = {name: label for label, name in enumerate(manifest.classes)}
    rows = [
        row
        for row in manifest.rows
        if row.file_name in digests and (row.partner is None or row.partner in digests)
    ]
    left = {row.trained_as for row in rows}
    for name, count in manifest.counts.items():
        if count and name not in left:
            raise DataError(
                f"class {name!r} needs at least one sample; each of its {count} needs a file that "
                "cannot be read: mend them, or remove the class"
            )
    return TrainingSet(
        ImageFolder(
            manifest.root,
            manifest.classes,
            tuple(row.file_name for row in rows),
            tuple(number[row.trained_as] for row in rows),
        ),
        tuple(row.partner for row in rows),
        tuple(row.weight or 0.0 for row in rows),
        digests,
        str(manifest.record.get("space", "pixel")),
        scale,
        counts_at_first(replace(manifest, rows=tuple(rows))),
        shares_of(manifest, rows, number),
        looked.vectors,
        {place: row.operation for place, row in enumerate(rows) if row.operation is not None},
        frozenset(place for place, row in enumerate(rows) if _is_foreign(row)),
    )


def _is_foreign(row: Row) -> bool:
    return row.kind == "generated" or row.made_as is not None


def shares_of(
    manifest: Manifest, rows: Sequence[Row], number: Mapping[str, int]
) -> dict[int, tuple[int, float]]:
    """Return the class of the partner and its share, by the place of a row whose label is shared.

    Raises DataError for a partner that no other row says the class of.
    """
    if not any(row.share for row in rows):
        return {}
    label_of = {row.file_name: row.label for row in manifest.rows if not row.is_made}
    found = {}
    for place, row in enumerate(rows):
        if row.share and row.partner is not None:
            if row.partner not in label_of:
                raise DataError(
                    f"a label is shared with the class of {row.partner!r}, and no row of that file "
                    "itself says which: add it, or empty the share"
                )
            found[place] = number[label_of[row.partner]], row.share
    return found
