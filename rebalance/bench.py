"""Networks run on images: what they say, how it is decided, and how good it is.

Imports torch only to run them; never click.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rebalance.progress import Progress
from rebalance.samples import ScoringSet, TrainingSet
from rebalance.settings import ScoringOptions

if TYPE_CHECKING:
    from rebalance.dataset import ImageDataset
    from rebalance.evaluation import DecisionRule, Outputs
    from rebalance.losses import Loss
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform
    from rebalance.training import Validate

SCORING_BATCH = 64
FLIPS = 0.5  # probability of a mirror image in training


@dataclass(frozen=True)
class Evaluation:
    """How good a network is on a test set.

    metrics: what ``metrics.json`` holds. predictions: header and rows of ``predictions.csv``.
    """

    metrics: dict[str, Any]
    predictions: tuple[list[str], list[list[Any]]]


def dataset_of(
    images: TrainingSet | ScoringSet, transform: "Transform", seed: int, augmentation: str
) -> "ImageDataset":
    """The images with their transform, varied by a key of ``AUGMENTATIONS``."""
    from rebalance.augmentation import AUGMENTATIONS
    from rebalance.dataset import ImageDataset

    folder = images.folder
    vary = AUGMENTATIONS[augmentation](transform.crop, FLIPS)
    return ImageDataset(folder.root, folder.paths, folder.labels, transform, vary, seed)


@dataclass(frozen=True)
class Bench:
    """Where and how networks are run."""

    device: str
    precision: str
    workers: int
    progress: Progress

    def predict(
        self, network: "Network", loss: "Loss", images: Any, transform: "Transform"
    ) -> "Outputs":
        """What the network says of each image, as its loss has it."""
        from rebalance.evaluation import predict

        return predict(
            network,
            dataset_of(images, transform, 0, "none"),
            loss.probabilities,
            device=self.device,
            precision=self.precision,
            batch_size=SCORING_BATCH,
            workers=self.workers,
            progress=self.progress,
        )

    def judge(self, loss: "Loss", validation: ScoringSet, transform: "Transform") -> "Validate":
        """F1 of every class on the validation images; 0 for one that is not there nor predicted."""
        from rebalance.metrics import as_predictions
        from rebalance.metrics.scores import class_f1

        folder = validation.folder

        def f1(network: "Network") -> list[float]:
            said = self.predict(network, loss, validation, transform).probabilities
            found = class_f1(as_predictions(folder.labels, said, folder.classes))
            return [float(value) for value in np.nan_to_num(found)]

        return f1

    def fit_rule(
        self,
        network: "Network",
        loss: "Loss",
        seen: TrainingSet,
        transform: "Transform",
        sampler: str,
        scoring: ScoringOptions,
        options: Mapping[str, Any],
    ) -> "DecisionRule":
        """The decision that was asked for, fitted on the training images only."""
        from rebalance.evaluation import find_rule
        from rebalance.inference import effective_prior
        from rebalance.losses import SampleLoss

        counts = np.array(seen.counts, float)
        draws = {"none": counts, "sqrt": np.sqrt(counts)}.get(sampler, np.ones_like(counts))
        weights = (
            loss.weights.cpu().numpy() if isinstance(loss, SampleLoss) else np.ones(len(counts))
        )

        def training() -> tuple[Any, Any]:
            features = self.predict(network, loss, seen, transform).features
            return features, seen.folder.labels

        prior = effective_prior(draws, weights).tolist()
        return find_rule(scoring.classifier, scoring.threshold, seen.classes, prior, training)

    def evaluate(
        self,
        network: "Network",
        loss: "Loss",
        tested: ScoringSet,
        transform: "Transform",
        rule: "DecisionRule",
        counts: Mapping[str, int],
    ) -> Evaluation:
        """Metrics and predictions on a test set."""
        from rebalance.evaluation import evaluate, prediction_table

        folder = tested.folder
        outputs = self.predict(network, loss, tested, transform)
        metrics, decision = evaluate(
            outputs, folder.labels, folder.classes, rule, list(counts.values())
        )
        table = prediction_table(folder.paths, folder.labels, folder.classes, decision)
        return Evaluation(metrics, table)
