"""An evaluator of networks: what they say of images, how it is decided, and how good it is.

Imports torch only to run them; never click.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rebalance.data.samples import ScoringSet, TrainingSet
from rebalance.distributed.processes import Processes, own_workers
from rebalance.metrics import FeatureRanges
from rebalance.models.devices import resolve_device, resolve_precision
from rebalance.progress import Progress, silent
from rebalance.scoring.classifier import TrainingEmbedding
from rebalance.scoring.evaluation import Evaluation
from rebalance.scoring.judge import Judge
from rebalance.scoring.outputs import Outputs, predict
from rebalance.scoring.rules import DecisionRule
from rebalance.settings import RunOptions

if TYPE_CHECKING:
    from rebalance.losses import Loss
    from rebalance.losses.loss import Answers
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform
    from rebalance.training.dataset import ImageDataset

SCORING_BATCH = 64
PART = 4096  # images whose features are in memory at a time where only their ranges are wanted


@dataclass(frozen=True)
class Evaluator:
    """Runs networks on images, in one way, and scores them.

    Where there are several processes, each calls it alike, and makes its share of the outputs.
    """

    device: str
    precision: str
    workers: int
    progress: Progress
    processes: Processes = field(default_factory=Processes)

    @classmethod
    def of(
        cls, run: RunOptions, precision: str, progress: Progress, processes: Processes
    ) -> "Evaluator":
        """Prepare what the user chose; ExtractorError for a device or precision not there."""
        device = resolve_device(run.device)
        return cls(
            device,
            resolve_precision(precision, device),
            own_workers(run.workers),
            progress if processes.first else silent,
            processes,
        )

    def predict(
        self,
        network: "Network",
        loss: "Loss",
        images: TrainingSet | ScoringSet,
        transform: "Transform",
    ) -> Outputs:
        """Return what the network says of each image, as its loss has it.

        Every process gets all of it.
        """
        said = partial(self._said, network, loss, _dataset(images, transform))
        return Outputs(*self._shared(said, len(images.folder.paths)))

    def embed(
        self, network: "Network", images: TrainingSet | ScoringSet, transform: "Transform"
    ) -> NDArray[np.float32]:
        """Return the embedding of each image [N, D]: what the last linear layer sees of it."""
        dataset = _dataset(images, transform)
        return self._features(network, dataset, range(len(dataset)))

    def ranges(
        self, network: "Network", images: TrainingSet | ScoringSet, transform: "Transform"
    ) -> FeatureRanges:
        """The ranges of what ``embed`` gives, class by class, never more than a part in memory."""
        dataset, labels = _dataset(images, transform), np.array(images.folder.labels)
        samples = zip(images.folder.paths, images.folder.labels, strict=True)
        places = {(*sample, dataset.made.get(place)): place for place, sample in enumerate(samples)}
        once = list(places.values())
        found = FeatureRanges({})
        for start in range(0, len(once), PART):
            part = once[start : start + PART]
            features = self._features(network, dataset, part)
            found = found.joined(FeatureRanges.of(features, labels[part]))
        return found

    def judge(self, loss: "Loss", validation: ScoringSet, transform: "Transform") -> Judge:
        """Return what a network is judged by after every epoch."""
        dataset = _dataset(validation, transform)

        def of(network: "Network") -> NDArray[Any]:
            dataset.hold(self.workers, progress=self.progress)  # for this epoch and the next ones

            def said(positions: Sequence[int]) -> tuple[NDArray[Any], ...]:
                return (self._said(network, loss, dataset, positions).probabilities,)

            (probabilities,) = self._shared(said, len(validation.folder.paths))
            return probabilities

        return Judge(validation, of)

    def study(self, loss: "Loss", dataset: "ImageDataset") -> "Callable[[Network], Answers]":
        """Return what a loss learns by before every epoch: what the network says of images."""
        import torch

        from rebalance.losses.loss import Answers

        labels = torch.tensor(dataset.labels)

        def of(network: "Network") -> Answers:
            dataset.hold(self.workers, progress=self.progress)
            said = partial(self._said, network, loss, dataset)
            probabilities, features = map(torch.from_numpy, self._shared(said, len(dataset)))
            return Answers(probabilities, features, labels)

        return of

    def seen(
        self, network: "Network", loss: "Loss", seen: TrainingSet, transform: "Transform"
    ) -> TrainingEmbedding:
        """The training images, and their blends that are images, as classifiers are fitted on."""
        if seen.blends_features:
            seen = seen.take([place for place, each in enumerate(seen.partners) if each is None])
        features = self.predict(network, loss, seen, transform).features
        return TrainingEmbedding(features, np.array(seen.folder.labels, dtype=np.int64))

    def evaluate(
        self,
        network: "Network",
        loss: "Loss",
        tested: ScoringSet,
        transform: "Transform",
        rule: DecisionRule,
        counts: Mapping[str, int],
        ranges: FeatureRanges | None,
    ) -> Evaluation:
        """Metrics and predictions on a test set.

        counts: training images of each class. ranges: of the training images' features, by which
        the generalization gap is found.
        """
        from rebalance.models.heads import weight_norms

        outputs = self.predict(network, loss, tested, transform)
        found = Evaluation.of(outputs, tested.folder, rule, list(counts.values()), ranges)
        norms = dict(zip(tested.folder.classes, weight_norms(network), strict=True))
        return replace(found, metrics={**found.metrics, "weight_norms": norms})

    def _features(
        self, network: "Network", dataset: "ImageDataset", positions: Sequence[int]
    ) -> NDArray[np.float32]:
        def seen(places: Sequence[int]) -> tuple[NDArray[Any], ...]:
            some = [positions[place] for place in places]
            return (self._said(network, None, dataset, some).features,)

        (features,) = self._shared(seen, len(positions))
        return features

    def _said(
        self,
        network: "Network",
        loss: "Loss | None",
        dataset: "ImageDataset",
        positions: Sequence[int],
    ) -> Outputs:
        return predict(
            network,
            dataset,
            loss and loss.probabilities,
            positions=positions,
            device=self.device,
            precision=self.precision,
            batch_size=SCORING_BATCH,
            workers=self.workers,
            progress=self.progress,
        )

    def _shared(
        self, make: Callable[[Sequence[int]], tuple[NDArray[Any], ...]], count: int
    ) -> list[NDArray[Any]]:
        """Return what ``make`` gives of all positions, each process having made its share.

        make: from positions to arrays with a row for each of them.
        """
        rank, world = self.processes.rank, self.processes.world
        if count < world:  # not enough for each to have some
            return list(self.processes.by_first(lambda: make(range(count))))
        shares = self.processes.by_each(lambda: make(range(rank, count, world)))
        return [_interleaved(parts) for parts in zip(*shares, strict=True)]


def _interleaved(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The rows of the parts in turn."""
    whole = np.empty((sum(map(len, parts)), *parts[0].shape[1:]), parts[0].dtype)
    for place, part in enumerate(parts):
        whole[place :: len(parts)] = part
    return whole


def _dataset(images: TrainingSet | ScoringSet, transform: "Transform") -> "ImageDataset":
    """The images as they are, without augmentation."""
    from rebalance.training.dataset import dataset_of

    return dataset_of(images, transform)
