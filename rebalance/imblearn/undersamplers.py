"""Estimators that leave samples out. May not import torch or click."""

from typing import Any, ClassVar

from imblearn.under_sampling.base import BaseCleaningSampler, BaseUnderSampler
from sklearn.utils import _safe_indexing

from rebalance.clusters import CLUSTERING
from rebalance.imblearn.resampler import (
    LabelledSamples,
    TellsIndices,
    constraints,
    errors_as_values,
    taken,
    values_of,
)
from rebalance.resampling import Cut, cut
from rebalance.settings import SelectionOptions

USUAL = SelectionOptions()


class _UnderSampler(TellsIndices, BaseUnderSampler):
    """A method of the core that cuts each class to the number asked for.

    sampling_strategy, random_state: as imbalanced-learn has them; a whole number is the ``--seed``
    of the commands.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseUnderSampler._parameter_constraints,
        "random_state": ["random_state"],
    }
    _method: ClassVar[str]

    def __init__(self, *, sampling_strategy: Any = "auto", random_state: Any = None) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state

    def _fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        samples = LabelledSamples.of(values_of(X), y, self.random_state)
        found = _cut(self, self._method, samples, _fewer(samples, self.sampling_strategy_))
        self._tell(samples, found)
        self.sample_indices_ = found.kept
        return _safe_indexing(X, found.kept), _safe_indexing(y, found.kept)

    def _tell(self, samples: LabelledSamples, found: Cut) -> None:
        """Set what else there is to tell of the choice."""


class SubclassUnderSampler(_UnderSampler):
    """Every subclass of a class keeps its share (Lehmann & Ebner 2022).

    Each class that is cut is clustered; ``quotas`` says how much each cluster keeps, and ``pick``
    which samples. The parameters are the options of ``rebalance undersample --method subclass``.
    After fitting, ``sample_indices_`` are the rising positions kept, and ``subclass_labels_`` [N]
    the cluster of each sample; -1 in classes that were not cut.

    >>> import numpy as np
    >>> from rebalance.imblearn import SubclassUnderSampler
    >>> X = np.random.default_rng(0).normal(size=(40, 4)) + np.repeat([0, 9], [36, 4])[:, None]
    >>> y = np.repeat(["cat", "dog"], [30, 10])
    >>> sampler = SubclassUnderSampler(random_state=0, cluster_space="pca", k_max=3)
    >>> np.unique(sampler.fit_resample(X, y)[1], return_counts=True)[1].tolist()
    [10, 10]
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **_UnderSampler._parameter_constraints,
        **constraints(SelectionOptions, "pick", "quotas", *CLUSTERING),
    }
    _method = "subclass"

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        pick: str = USUAL.pick,
        quotas: str = USUAL.quotas,
        k_max: int = USUAL.k_max,
        criterion: str = USUAL.criterion,
        cluster_space: str = USUAL.cluster_space,
        layout: str = USUAL.layout,
        landmarks: str | int = USUAL.landmarks,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.pick = pick
        self.quotas = quotas
        self.k_max = k_max
        self.criterion = criterion
        self.cluster_space = cluster_space
        self.layout = layout
        self.landmarks = landmarks

    def _tell(self, samples: LabelledSamples, found: Cut) -> None:
        found_by = {label: each.subclasses for label, each in found.clustered.items()}
        self.subclass_labels_ = samples.numbered(found_by)


class CoverageUnderSampler(_UnderSampler):
    """The samples of each class that are least alike are kept, so that rare kinds stay.

    It is ``rebalance undersample --method coverage``. After fitting, ``sample_indices_`` are the
    rising positions kept.
    """

    _method = "coverage"


class CoverageTypicalUnderSampler(_UnderSampler):
    """Around each of the samples that cover a class, the most typical one is kept.

    It is ``rebalance undersample --method coverage-typical``. After fitting, ``sample_indices_``
    are the rising positions kept.
    """

    _method = "coverage-typical"


class WilsonEditing(TellsIndices, BaseCleaningSampler):
    """Samples are left out that a majority of their 3 nearest neighbours outvotes (Wilson 1972).

    It is ``rebalance undersample --method enn``, and cleans: how many go is not asked for. On a tie
    a sample is kept, and equal samples of a class are one; imbalanced-learn's
    ``EditedNearestNeighbours`` wants all neighbours to agree, or gives a tie to the lowest label.
    ValueError where a class would lose all its samples. After fitting, ``sample_indices_`` are the
    rising positions kept.
    """

    def _fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        samples = LabelledSamples.of(values_of(X), y)
        kept = _cut(self, "enn", samples, samples.by_index(self.sampling_strategy_)).kept
        self.sample_indices_ = kept
        return _safe_indexing(X, kept), _safe_indexing(y, kept)


def _cut(estimator: Any, method: str, samples: LabelledSamples, wanted: dict[int, int]) -> Cut:
    with errors_as_values():
        options = SelectionOptions(method=method, **taken(SelectionOptions, estimator))
        return cut(samples.population, wanted, options)


def _fewer(samples: LabelledSamples, wanted: Any) -> dict[int, int]:
    """The numbers wanted of the classes that shrink; ValueError for a class to keep nothing of."""
    counts = list(samples.population.counts.values())
    numbers = samples.by_index(wanted)
    for label, number in numbers.items():
        if number < 1:
            raise ValueError(
                f"at least 1 sample of a class is kept, but of {samples.classes[label]!r} {number} "
                "were asked for: take the class out of the data, or ask for more"
            )
    return {label: number for label, number in numbers.items() if number < counts[label]}
