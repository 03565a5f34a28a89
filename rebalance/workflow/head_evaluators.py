"""Evaluators of heads whose features are looked up: in the cache, or in a file of somebody's.

Imports torch only in the middle of it; never click.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rebalance.data.samples import ScoringSet, TrainingSet
from rebalance.metrics import FeatureRanges
from rebalance.oversampling import Added, synthesise
from rebalance.scoring.evaluator import Evaluator
from rebalance.scoring.outputs import Outputs

if TYPE_CHECKING:
    from rebalance.losses import Loss
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform


@dataclass(frozen=True, kw_only=True)
class HeadEvaluator(Evaluator):
    """An evaluator of heads on features that are looked up, once for each set of images."""

    _known: dict[int, tuple[TrainingSet | ScoringSet, NDArray[np.float32]]] = field(
        default_factory=dict
    )

    @abstractmethod
    def looked_up(
        self, images: TrainingSet | ScoringSet, paths: Sequence[str]
    ) -> NDArray[np.float32]:
        """Return the features [n, D] of images at these paths, which ``images`` has."""

    def embed(
        self, network: "Network", images: TrainingSet | ScoringSet, transform: "Transform"
    ) -> NDArray[np.float32]:
        """Return the embedding of each sample [N, D].

        Images that are made are in no cache: with them the network looks at all samples. Blends of
        feature vectors are made of those of their two images.
        """
        if id(images) not in self._known:
            if not isinstance(images, TrainingSet) or not images.made:
                found = self.looked_up(images, images.folder.paths)
            elif images.blends_features:
                found = self._mixed(images)
            else:
                found = super().embed(network, images, transform)
            self._known[id(images)] = images, found
        return self._known[id(images)][1]

    def predict(
        self,
        network: "Network",
        loss: "Loss",
        images: TrainingSet | ScoringSet,
        transform: "Transform",
    ) -> Outputs:
        """Return what the head says of the embedding of each image, as its loss has it."""
        import torch

        features = self.embed(network, images, transform)
        with torch.inference_mode():
            head = network.last.cpu()
            logits = head(torch.from_numpy(features)).double()
            return Outputs(loss.probabilities(logits).numpy(), features)

    def ranges(
        self, network: "Network", images: TrainingSet | ScoringSet, transform: "Transform"
    ) -> FeatureRanges:
        """The ranges of what ``embed`` gives, class by class."""
        features = self.embed(network, images, transform)
        return FeatureRanges.of(features, np.array(images.folder.labels))

    def _mixed(self, images: TrainingSet) -> NDArray[np.float32]:
        paths = images.folder.paths
        others = [other or path for path, other in zip(paths, images.partners, strict=True)]
        every = self.looked_up(images, [*paths, *others])
        own, other = np.split(np.arange(len(every)), 2)
        mixed: NDArray[np.float32] = synthesise(every, Added(own, other, np.array(images.weights)))
        return mixed


@dataclass(frozen=True, kw_only=True)
class VectorEvaluator(HeadEvaluator):
    """An evaluator of heads on vectors that stand in for the images of a set."""

    @classmethod
    def beside(cls, evaluator: Evaluator) -> "VectorEvaluator":
        """Return one that works as ``evaluator`` does; no device changes what it says."""
        return cls(**vars(replace(evaluator, device="cpu", precision="fp32")))

    def looked_up(
        self, images: TrainingSet | ScoringSet, paths: Sequence[str]
    ) -> NDArray[np.float32]:
        """The vectors of images at these paths."""
        assert images.vectors is not None  # as every set has that such an evaluator is asked about
        return images.vectors.of(paths)
