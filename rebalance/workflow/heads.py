"""Three-phase training: a trained body, its embeddings rebalanced by recipes, a fresh linear head.

Source: Dablain et al., "Efficient Augmentation for Imbalanced Deep Learning", ICDE 2023. Imports
torch only in the middle of it; never click.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.data.folder import ImageFolder
from rebalance.data.levels import DepthScale
from rebalance.data.samples import ScoringSet, TrainingSet, open_training
from rebalance.data.separation import apart_from, check_overlap
from rebalance.errors import DataError
from rebalance.metrics import FeatureRanges
from rebalance.models.fingerprints import fingerprint
from rebalance.oversampling import Added, synthesise
from rebalance.progress import Progress
from rebalance.records import HeadRecord, MetricsRecord
from rebalance.scoring.evaluation import with_gap
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.rules import DecisionRule
from rebalance.settings import FolderOptions
from rebalance.workflow.conclusion import Trained

if TYPE_CHECKING:
    from torch import nn

    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform

log = logging.getLogger("rebalance")


def open_recipes(
    manifest: Path | str,
    classes: tuple[str, ...],
    source: FolderOptions,
    workers: int,
    progress: Progress,
    *,
    strict: bool,
    scale: DepthScale,
) -> TrainingSet:
    """The samples of a manifest, to be blended as embeddings.

    classes: those of the network, which the manifest must have too, in any order. scale: that of
    the images which it was trained on. Raises DataError
    where it does not, otherwise as ``open_training``.
    """
    found = open_training(manifest, source, workers, progress, strict=strict, scale=scale)
    if set(found.classes) != set(classes):
        odd = min(set(found.classes) ^ set(classes))
        where = "the manifest" if odd in found.classes else "the training data"
        raise DataError(
            f"a head needs the classes of the network, but only {where} has {odd!r}: make "
            f"{str(manifest)!r} from the same folder"
        )
    if found.blends and found.space != "embedding":
        log.warning("%s blends images; here its recipes blend embeddings instead", manifest)
    number = [classes.index(name) for name in found.classes]
    labels = tuple(number[label] for label in found.folder.labels)
    folder = ImageFolder(found.folder.root, classes, found.folder.paths, labels)
    return replace(found, folder=folder)


def check_recipes(
    recipes: TrainingSet, validation: ScoringSet | None, tested: ScoringSet, *, allowed: bool
) -> TrainingSet:
    """The recipes that no validation image has a part in. Raises DataError for a test image."""
    check_overlap(recipes, tested, allowed=allowed)
    return recipes if validation is None else apart_from(recipes, validation)


def describe_recipes(manifest: Path | str, recipes: TrainingSet) -> HeadRecord:
    """For ``options.json``: the manifest, and the content of what it says."""
    digest_of = {path: digest.hex() for path, digest in recipes.digests.items()}
    samples = [
        (digest_of[path], digest_of[partner or path], weight)
        for path, partner, weight in zip(
            recipes.folder.paths, recipes.partners, recipes.weights, strict=True
        )
    ]
    return {
        "manifest": str(Path(manifest).absolute()),
        "content": fingerprint([samples, recipes.folder.labels]),
        "counts": dict(zip(recipes.classes, recipes.counts, strict=True)),
    }


def originals(recipes: TrainingSet) -> TrainingSet:
    """The images of a manifest, each once and as it is."""
    folder = recipes.folder
    places: dict[tuple[str, int], int] = {}
    for place, sample in enumerate(zip(folder.paths, folder.labels, strict=True)):
        if recipes.partners[place] is None:
            places.setdefault(sample, place)
    return recipes.take(list(places.values()))


def with_rebalanced_head(
    trained: Trained,
    recipes: TrainingSet,
    seen: TrainingSet,
    validation: ScoringSet | None,
    tested: ScoringSet,
    counts: Mapping[str, int],
    seed: int,
    evaluator: Evaluator,
) -> Trained:
    """The same body under a fresh linear head, trained on the embeddings that the recipes make.

    validation: what the best epoch is chosen by; without it that is the last one. seen, counts: the
    training images, and how many the former head learned from in each class; ``before`` is what it
    came to.
    """
    from rebalance.losses.cross_entropy import CE
    from rebalance.training.head import fit_head

    head = evaluator.processes.by_first(partial(_under_fresh_head, trained.network, recipes, seed))
    transform = trained.transform
    embeddings, labels = _embeddings(head, recipes, transform, evaluator)
    judge = None if validation is None else _judge(head, validation, transform, evaluator)
    classes, device = len(recipes.classes), evaluator.device
    layer, epoch = evaluator.processes.by_first(
        partial(fit_head, embeddings, labels, classes, seed=seed, device=device, judge=judge)
    )
    log.info(
        "a head from %d embeddings, %d of them blended: epoch %d",
        len(labels),
        len(recipes.blends),
        epoch,
    )
    before = _before(trained, head, seen, tested, counts, evaluator)
    _last(head).load_state_dict(layer.state_dict())
    return replace(
        trained,
        network=head,
        loss=CE(recipes.counts),
        draws=[float(count) for count in recipes.counts],
        weights=[1.0] * len(recipes.counts),
        ranges=FeatureRanges.of(embeddings, labels),
        before=before,
    )


def _before(
    trained: Trained,
    head: "Network",
    seen: TrainingSet,
    tested: ScoringSet,
    counts: Mapping[str, int],
    evaluator: Evaluator,
) -> MetricsRecord:
    """The metrics of the former head, deciding by itself.

    The generalization gap is that of ``seen`` in the embedding that the new head sees, so that the
    gaps before and after compare.
    """
    former, transform = trained.network, trained.transform
    found = evaluator.evaluate(
        former, trained.loss, tested, transform, DecisionRule(), counts, None
    )
    ranges = evaluator.ranges(head, seen, transform)
    return with_gap(found.metrics, ranges, evaluator.embed(head, tested, transform), tested.folder)


def _under_fresh_head(network: "Network", recipes: TrainingSet, seed: int) -> "Network":
    import torch

    from rebalance.models.heads import with_linear_head

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seeds.integer(seed, "head"))
        return with_linear_head(network, len(recipes.classes))


def _last(head: "Network") -> "nn.Module":
    *_, last = head.output.children()
    return last


def _embeddings(
    network: "Network", recipes: TrainingSet, transform: "Transform", evaluator: Evaluator
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The embedding [D] of every sample, blended where its recipe says so, and the labels."""
    label_of = dict(zip(recipes.folder.paths, recipes.folder.labels, strict=True))
    for other in filter(None, recipes.partners):
        label_of.setdefault(other, 0)  # only looked at
    place = {path: number for number, path in enumerate(label_of)}
    images = ImageFolder(
        recipes.folder.root, recipes.classes, tuple(label_of), tuple(label_of.values())
    )
    features = evaluator.embed(network, ScoringSet(images, {}, recipes.scale), transform)
    folder = recipes.folder
    base = np.array([place[path] for path in folder.paths])
    partner = np.array(
        [place[other or path] for other, path in zip(recipes.partners, folder.paths, strict=True)]
    )
    blended = synthesise(features, Added(base, partner, np.array(recipes.weights)))
    return blended, np.array(recipes.folder.labels, dtype=np.int64)


def _judge(
    network: "Network", validation: ScoringSet, transform: "Transform", evaluator: Evaluator
) -> "Callable[[nn.Linear], float]":
    """The balanced accuracy of a layer on the validation images, over the classes there are."""
    from rebalance.training.head import balanced_accuracy

    return partial(
        balanced_accuracy,
        embeddings=evaluator.embed(network, validation, transform),
        labels=np.array(validation.folder.labels),
    )
