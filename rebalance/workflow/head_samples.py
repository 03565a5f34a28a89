"""What a fresh head is trained on: embeddings of images, and what is made of them.

Imports torch only in the middle of it; never click.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from rebalance.data.samples import TrainingSet
from rebalance.metrics import FeatureRanges
from rebalance.oversampling.soft_labels import SoftLabels
from rebalance.records import HeadRecord
from rebalance.scoring.evaluator import Evaluator

if TYPE_CHECKING:
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform


@dataclass(frozen=True, eq=False)
class Embedded:
    """Embeddings [S, D] to train a head on, and their labels [S], so many of them blended.

    A label may be shared by two classes, of which it tells the one that it belongs to.

    seen: the ranges of the training images' own embeddings, where they are known.
    """

    embeddings: NDArray[np.float32]
    labels: SoftLabels
    blended: int
    seen: FeatureRanges | None = None

    def counts(self, classes: Sequence[str]) -> list[int]:
        """The embeddings labelled as each class, in class order."""
        found: list[int] = np.bincount(self.labels.own, minlength=len(classes)).tolist()
        return found


class HeadSamples(Protocol):
    """What a fresh head is trained on.

    seen: the images that it goes back to. expected: samples of each class, as far as they are known
    before there are embeddings.
    """

    @property
    def seen(self) -> TrainingSet: ...

    @property
    def expected(self) -> list[int]: ...

    def as_record(self) -> HeadRecord: ...

    def embedded(
        self, network: "Network", transform: "Transform", evaluator: Evaluator
    ) -> Embedded: ...
