"""What a method of oversampling makes of a network's own embeddings, to train a fresh head on.

Imports torch only in the middle of it; never click.
"""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rebalance.data.counts import named_counts
from rebalance.data.samples import ScoringSet, TrainingSet
from rebalance.data.separation import apart_from
from rebalance.errors import FeatureError
from rebalance.metrics import FeatureRanges
from rebalance.oversampling import BY_CHANCE, OVERSAMPLERS, Added, synthesise
from rebalance.oversampling.soft_labels import SoftLabels
from rebalance.oversampling.spelling import LAYER, Sampling
from rebalance.records import HeadRecord
from rebalance.scoring.evaluator import Evaluator
from rebalance.settings import SynthesisOptions
from rebalance.workflow.head_samples import Embedded

if TYPE_CHECKING:
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform


@dataclass(frozen=True, eq=False)
class OwnSamples:
    """The training images, and what a method adds among their embeddings in the network itself."""

    sampling: Sampling
    seen: TrainingSet
    seed: int

    @property
    def expected(self) -> list[int]:
        """The samples of each class; those of the images alone where clusters tell how many."""
        method = OVERSAMPLERS[self.sampling.synthesis.method]
        if method.by_subclass:
            return self.seen.counts
        return [*method.sizes(named_counts(self.seen.folder), self.sampling.growth).values()]

    def check(self) -> None:
        """Raise, before there are embeddings, FeatureError for a class too small to start from."""
        method = OVERSAMPLERS[self.sampling.synthesis.method]
        try:
            for label, (before, after) in enumerate(
                zip(self.seen.counts, self.expected, strict=True)
            ):
                if after > before:
                    method.check_start(label, before)
        except FeatureError as error:
            raise error.named(self.seen.classes) from None

    def as_record(self) -> HeadRecord:
        """For ``options.json``: the method with its options, and how many samples it comes to."""
        record: HeadRecord = {"sampled": self.sampling.as_record()}
        if not OVERSAMPLERS[self.sampling.synthesis.method].by_subclass:
            record["counts"] = dict(zip(self.seen.classes, self.expected, strict=True))
        return record

    def embedded(
        self, network: "Network", transform: "Transform", evaluator: Evaluator
    ) -> Embedded:
        """The embedding of every image, and those that the method makes of them."""
        features = evaluator.embed(network, self.seen, transform)
        labels = np.array(self.seen.folder.labels, dtype=np.int64)
        added = evaluator.processes.by_first(partial(self._added, features, labels, evaluator))
        blended = int(np.count_nonzero(added.base != added.partner))
        return Embedded(
            np.concatenate([features, synthesise(features, added)]),
            SoftLabels.plain(labels).joined(added.labelled(labels)),
            blended,
            FeatureRanges.of(features, labels),
        )

    def _added(
        self, features: NDArray[np.float32], labels: NDArray[np.int64], evaluator: Evaluator
    ) -> Added:
        from rebalance.clusters import InMemory
        from rebalance.resampling import Population, add, grow

        population = Population(labels, self.seen.classes, {LAYER: InMemory(features)}, self.seed)
        growth, synthesis = self.sampling.growth, self.sampling.synthesis
        found = grow(
            population, growth, synthesis, device=evaluator.device, progress=evaluator.progress
        )
        if not self.sampling.by_chance:
            return found.added
        more = np.bincount(found.added.labelled(labels).own, minlength=len(self.seen.classes))
        wanted = {label: int(more[label]) for label in np.flatnonzero(more).tolist()}
        return add(population, wanted, SynthesisOptions(BY_CHANCE))


def own_samples(
    sampling: Sampling, seen: TrainingSet, validation: ScoringSet | None, seed: int
) -> OwnSamples:
    """The samples that a method makes of training images, but for those to validate on.

    Raises what can be known to fail before there is a network.
    """
    if validation is not None:
        seen = apart_from(seen, validation)
    samples = OwnSamples(sampling, seen, seed)
    samples.check()
    return samples
