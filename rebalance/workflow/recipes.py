"""The recipes of a manifest, as the samples that a fresh head is trained on.

Imports torch only in the middle of it; never click.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rebalance.data.folder import ImageFolder
from rebalance.data.levels import DepthScale
from rebalance.data.looks import Look
from rebalance.data.samples import ScoringSet, TrainingSet, open_training
from rebalance.data.separation import apart_from, check_overlap
from rebalance.errors import DataError
from rebalance.manifest import read_manifest
from rebalance.models.fingerprints import fingerprint
from rebalance.oversampling import Added, synthesise
from rebalance.oversampling.soft_labels import SoftLabels
from rebalance.oversampling.spelling import LAYER
from rebalance.progress import Progress
from rebalance.records import HeadRecord
from rebalance.scoring.evaluator import Evaluator
from rebalance.settings import FolderOptions
from rebalance.workflow.head_samples import Embedded

if TYPE_CHECKING:
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform

log = logging.getLogger("rebalance")


@dataclass(frozen=True, eq=False)
class Recipes:
    """The samples of a manifest, blended as embeddings where its recipes say so."""

    manifest: Path | str
    samples: TrainingSet

    @property
    def seen(self) -> TrainingSet:
        """The images of the manifest, each once and as it is."""
        return originals(self.samples)

    @property
    def expected(self) -> list[int]:
        """The samples of each class."""
        return self.samples.counts

    def as_record(self) -> HeadRecord:
        """For ``options.json``: the manifest, and the content of what it says."""
        samples = self.samples
        digest_of = {path: digest.hex() for path, digest in samples.digests.items()}
        told = [
            (digest_of[path], digest_of[partner or path], weight, *samples.shares.get(place, ()))
            for place, (path, partner, weight) in enumerate(
                zip(samples.folder.paths, samples.partners, samples.weights, strict=True)
            )
        ]
        return {
            "manifest": str(Path(self.manifest).absolute()),
            "content": fingerprint([told, samples.folder.labels]),
            "counts": dict(zip(samples.classes, samples.counts, strict=True)),
        }

    def embedded(
        self, network: "Network", transform: "Transform", evaluator: Evaluator
    ) -> Embedded:
        """The embedding of every sample, blended where its recipe says so."""
        samples = self.samples
        folder = samples.folder
        label_of = dict(zip(folder.paths, folder.labels, strict=True))
        for other in filter(None, samples.partners):
            label_of.setdefault(other, 0)  # only looked at
        place = {path: number for number, path in enumerate(label_of)}
        images = ImageFolder(
            folder.root, samples.classes, tuple(label_of), tuple(label_of.values())
        )
        once = ScoringSet(images, {}, samples.scale, samples.vectors)
        features = evaluator.embed(network, once, transform)
        partners = [
            other or path for other, path in zip(samples.partners, folder.paths, strict=True)
        ]
        recipes = Added(
            np.array([place[path] for path in folder.paths]),
            np.array([place[path] for path in partners]),
            np.array(samples.weights),
        )
        labels = SoftLabels.read(folder.labels, samples.shares)
        return Embedded(synthesise(features, recipes), labels, len(samples.blends))


def open_recipes(
    manifest: Path | str,
    classes: tuple[str, ...],
    source: FolderOptions,
    workers: int,
    progress: Progress,
    *,
    strict: bool,
    scale: DepthScale,
    look: Look | None = None,
) -> TrainingSet:
    """The samples of a manifest, to be blended as embeddings.

    classes: those of the network, which the manifest must have too, in any order. scale: that of
    the images which it was trained on. look: what is asked about them in place of reading. Raises
    DataError where it does not, otherwise as ``open_training``.
    """
    found = open_training(
        manifest, source, workers, progress, strict=strict, scale=scale, look=look
    )
    if set(found.classes) != set(classes):
        odd = min(set(found.classes) ^ set(classes))
        where = "the manifest" if odd in found.classes else "the training data"
        raise DataError(
            f"a head needs the classes of the network, but only {where} has {odd!r}: make "
            f"{str(manifest)!r} from the same folder"
        )
    if found.blends and found.space != "embedding":
        log.warning("%s blends images; here its recipes blend embeddings instead", manifest)
    if found.operations:
        raise DataError(
            f"a head sees features, and {str(manifest)!r} augments {len(found.operations)} images: "
            "train a network on it, or give recipes that repeat or blend samples"
        )
    number = [classes.index(name) for name in found.classes]
    labels = tuple(number[label] for label in found.folder.labels)
    folder = ImageFolder(found.folder.root, classes, found.folder.paths, labels)
    shares = {place: (number[label], share) for place, (label, share) in found.shares.items()}
    return replace(found, folder=folder, shares=shares)


def warn_of_other_eyes(manifest: Path | str, own: Sequence[str], sees: str = LAYER) -> None:
    """Say where a manifest's samples were chosen by another network, or another layer of this one.

    own: digests of files that hold the network whose head is trained, or what it sees in its place;
    none where it is yet to be trained. sees: the layer that the head sees.
    """
    read = read_manifest(manifest)
    extractor: Any = read.record.get("extractor")
    if not extractor or all(row.kind == "original" for row in read.rows):
        return
    options: Any = read.record.get("options", {})
    layer, method = options.get("layer"), options.get("method", "eos")
    instead = f"--rebalance-head {method} samples by its own eyes"
    if extractor.get("weights") not in own:
        log.warning(
            "the recipes of %s come from another extractor (%s) than the network whose head they "
            "train: %s",
            manifest,
            " ".join(str(extractor[key]) for key in ("name", "arch") if extractor.get(key)),
            instead,
        )
    elif layer != sees:
        log.warning(
            "the recipes of %s come from the layer %s of the network, and its head sees the layer "
            "%s: %s",
            manifest,
            layer,
            sees,
            instead,
        )


def check_recipes(
    recipes: TrainingSet, validation: ScoringSet | None, tested: ScoringSet, *, allowed: bool
) -> TrainingSet:
    """The recipes that no validation image has a part in. Raises DataError for a test image."""
    check_overlap(recipes, tested, allowed=allowed)
    return recipes if validation is None else apart_from(recipes, validation)


def originals(recipes: TrainingSet) -> TrainingSet:
    """The images of a manifest, each once and as it is."""
    folder = recipes.folder
    made, places = recipes.made, dict[tuple[str, int], int]()
    for place, sample in enumerate(zip(folder.paths, folder.labels, strict=True)):
        if place not in made:
            places.setdefault(sample, place)
    return recipes.take(list(places.values()))
