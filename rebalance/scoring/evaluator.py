"""Networks run on images: what they say, how it is decided, and how good it is.

Imports torch only to run them; never click.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rebalance.data.samples import ScoringSet, TrainingSet
from rebalance.distributed.processes import Processes, own_workers
from rebalance.models.devices import resolve_device, resolve_precision
from rebalance.progress import Progress, silent
from rebalance.settings import RunOptions

if TYPE_CHECKING:
    from rebalance.losses import Loss
    from rebalance.metrics import FeatureRanges
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform
    from rebalance.scoring import Centres
    from rebalance.scoring.evaluation import DecisionRule, Outputs
    from rebalance.training.dataset import ImageDataset

SCORING_BATCH = 64
PART = 4096  # images whose features are in memory at a time where only their ranges are wanted
FLIPS = 0.5  # probability of a mirror image in training


@dataclass(frozen=True)
class Evaluation:
    """How good a network is on a test set.

    metrics: what ``metrics.json`` holds. predictions: header and rows of ``predictions.csv``.
    """

    metrics: dict[str, Any]
    predictions: tuple[list[str], list[list[Any]]]


@dataclass
class Judge:
    """What training asks after every epoch: F1 of every class on the validation images.

    said: the probabilities [N, K] that a network gives them. balanced_accuracy: of the network that
    was judged last, None before the first.
    """

    validation: ScoringSet
    said: "Callable[[Network], NDArray[Any]]"
    balanced_accuracy: float | None = None

    def __call__(self, network: "Network") -> list[float]:
        """0 for a class that is not there nor predicted."""
        from rebalance.metrics import as_predictions
        from rebalance.metrics.scores import balanced_accuracy, class_f1

        folder = self.validation.folder
        found = as_predictions(folder.labels, self.said(network), folder.classes)
        self.balanced_accuracy = balanced_accuracy(found)
        return [float(value) for value in np.nan_to_num(class_f1(found))]


def dataset_of(
    images: TrainingSet | ScoringSet,
    transform: "Transform",
    augmentation: str = "none",
    in_memory: str = "auto",
) -> "ImageDataset":
    """The images with their transform, to be varied by a key of ``AUGMENTATIONS``."""
    from rebalance.training.augmentation import AUGMENTATIONS
    from rebalance.training.dataset import HELD_BYTES, ImageDataset

    folder = images.folder
    vary, limit = AUGMENTATIONS[augmentation](FLIPS), HELD_BYTES[in_memory]
    blends = images.blends if isinstance(images, TrainingSet) else {}
    return ImageDataset(folder.root, folder.paths, folder.labels, transform, vary, limit, blends)


@dataclass(frozen=True)
class Bench:
    """Where and how networks are run; where there are several processes, each calls it alike."""

    device: str
    precision: str
    workers: int
    progress: Progress
    processes: Processes = field(default_factory=Processes)

    @classmethod
    def of(
        cls, run: RunOptions, precision: str, progress: Progress, processes: Processes
    ) -> "Bench":
        """As the user chose; raises ExtractorError for a device or a precision there is not."""
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
    ) -> "Outputs":
        """What the network says of each image, as its loss has it; every process gets all of it."""
        from rebalance.scoring.evaluation import Outputs

        said = partial(self._said, network, loss, dataset_of(images, transform))
        return Outputs(*self._shared(said, len(images.folder.paths)))

    def embed(
        self, network: "Network", images: TrainingSet | ScoringSet, transform: "Transform"
    ) -> NDArray[np.float32]:
        """What the last layer sees of each image [N, D], or its pooled map where it sees a map."""
        dataset = dataset_of(images, transform)
        return self._features(network, dataset, range(len(dataset)))

    def ranges(
        self, network: "Network", images: TrainingSet | ScoringSet, transform: "Transform"
    ) -> "FeatureRanges":
        """The ranges of what ``embed`` gives, class by class, never more than a part in memory."""
        from rebalance.metrics import FeatureRanges

        dataset, labels = dataset_of(images, transform), np.array(images.folder.labels)
        samples = zip(images.folder.paths, images.folder.labels, strict=True)
        places = {
            (*sample, dataset.blends.get(place)): place for place, sample in enumerate(samples)
        }
        once = list(places.values())
        found = FeatureRanges({})
        for start in range(0, len(once), PART):
            part = once[start : start + PART]
            features = self._features(network, dataset, part)
            found = found.joined(FeatureRanges.of(features, labels[part]))
        return found

    def judge(self, loss: "Loss", validation: ScoringSet, transform: "Transform") -> Judge:
        """What a network is judged by after every epoch."""
        dataset = dataset_of(validation, transform)

        def of(network: "Network") -> NDArray[Any]:
            dataset.hold(self.workers, progress=self.progress)  # for this epoch and the next ones

            def said(positions: Sequence[int]) -> tuple[NDArray[Any], ...]:
                return (self._said(network, loss, dataset, positions).probabilities,)

            (probabilities,) = self._shared(said, len(validation.folder.paths))
            return probabilities

        return Judge(validation, of)

    def fit_centres(
        self, network: "Network", loss: "Loss", seen: TrainingSet, transform: "Transform"
    ) -> "Centres":
        """Category centres, fitted on the training images."""
        from rebalance.scoring.evaluation import fit_centres

        features = self.predict(network, loss, seen, transform).features
        return fit_centres(features, seen.folder.labels, seen.classes)

    def evaluate(
        self,
        network: "Network",
        loss: "Loss",
        tested: ScoringSet,
        transform: "Transform",
        rule: "DecisionRule",
        counts: Mapping[str, int],
        ranges: "FeatureRanges | None",
    ) -> Evaluation:
        """Metrics and predictions on a test set.

        counts: training images of each class. ranges: of the training images' features, by which
        the generalization gap is found.
        """
        from rebalance.scoring.evaluation import evaluate, gap_record, prediction_table

        folder = tested.folder
        outputs = self.predict(network, loss, tested, transform)
        metrics, decision = evaluate(
            outputs, folder.labels, folder.classes, rule, list(counts.values())
        )
        if ranges is not None:
            metrics["generalization_gap"] = gap_record(
                ranges, outputs.features, folder.labels, folder.classes
            )
        table = prediction_table(folder.paths, folder.labels, folder.classes, decision)
        return Evaluation(metrics, table)

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
    ) -> "Outputs":
        from rebalance.scoring.evaluation import predict

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
        """What ``make`` gives of all positions, each process having made its share.

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
