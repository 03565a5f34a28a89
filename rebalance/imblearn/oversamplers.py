"""Estimators that add samples. May not import torch or click."""

import warnings
from typing import Any, ClassVar

import numpy as np
from imblearn.over_sampling import RandomOverSampler
from imblearn.over_sampling.base import BaseOverSampler
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, issparse, vstack
from sklearn.utils import _safe_indexing

from rebalance.clusters import CLUSTERING, Subclasses
from rebalance.imblearn.resampler import (
    LabelledSamples,
    TellsIndices,
    Values,
    constraints,
    errors_as_values,
    taken,
    values_of,
)
from rebalance.oversampling import OVERSAMPLERS, Added, synthesise
from rebalance.oversampling.neighbourhoods import NEIGHBOURS
from rebalance.oversampling.samplers import EOS_NEIGHBOURS
from rebalance.resampling import add, subclasses_of
from rebalance.settings import SelectionOptions, SynthesisOptions
from rebalance.undersampling import POOLED

USUAL = SynthesisOptions(method="eos")
CLUSTERED = SelectionOptions()


class _OverSampler(BaseOverSampler):
    """A method of the core that adds as many samples to each class as are asked for.

    sampling_strategy, random_state: as imbalanced-learn has them; a whole number is the ``--seed``
    of the commands.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = BaseOverSampler._parameter_constraints
    _method: ClassVar[str]

    def __init__(self, *, sampling_strategy: Any = "auto", random_state: Any = None) -> None:
        super().__init__(sampling_strategy=sampling_strategy)
        self.random_state = random_state

    def _fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        values = values_of(X) if OVERSAMPLERS[self._method].needs_features else None
        samples = LabelledSamples.of(values, y, self.random_state)
        wanted = {
            label: number
            for label, number in samples.by_index(self.sampling_strategy_).items()
            if number
        }
        with errors_as_values():
            subclasses = self._subclasses(samples, wanted)
            added = add(samples.population, wanted, self._options(), subclasses)
        for label, note in added.notes.items():
            warnings.warn(f"class {samples.classes[label]!r}: {note}", stacklevel=2)
        self.added_ = added
        return self._grown(X, values, added), np.concatenate([y, _safe_indexing(y, added.base)])

    def _options(self) -> SynthesisOptions:
        return SynthesisOptions(method=self._method)

    def _subclasses(
        self, samples: LabelledSamples, wanted: dict[int, int]
    ) -> dict[int, Subclasses]:
        """Find those of the classes that grow, for a method that goes by them."""
        return {}

    def _grown(self, X: Any, values: Values | None, added: Added) -> Any:
        """Return the samples with those that are added after them."""
        raise NotImplementedError


class _Repeating(TellsIndices, _OverSampler):
    """An oversampler that repeats samples as they are."""

    def _grown(self, X: Any, values: Values | None, added: Added) -> Any:
        indices: NDArray[np.int64] = np.concatenate([np.arange(X.shape[0]), added.base])
        self.sample_indices_ = indices
        return _safe_indexing(X, indices)


class _Blending(_OverSampler):
    """An oversampler that blends samples with near ones; whole numbers become floating-point ones.

    k_neighbors: how many nearest it looks at. exact: whether neighbours are exact at any size.
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **_OverSampler._parameter_constraints,
        **constraints(SynthesisOptions, "exact"),
        "k_neighbors": constraints(SynthesisOptions, "neighbours")["neighbours"],
    }

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        k_neighbors: int = NEIGHBOURS,
        exact: bool = USUAL.exact,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.k_neighbors = k_neighbors
        self.exact = exact

    def fit_resample(self, X: Any, y: Any, **params: Any) -> Any:
        """Return X and y with what is added after them; whole numbers become floating-point ones.

        A table of pandas is returned as one.
        """
        return super().fit_resample(_with_fractions(X), y, **params)

    def _options(self) -> SynthesisOptions:
        own = taken(SynthesisOptions, self, neighbours="k_neighbors")
        return SynthesisOptions(method=self._method, **own)

    def _grown(self, X: Any, values: Values | None, added: Added) -> Any:
        assert values is not None
        blends = synthesise(values, added)
        if issparse(X):
            return vstack([X, csr_matrix(blends)], format=X.format)
        return np.concatenate([values, blends])


class EOS(_Blending):
    """Samples are added on the way to a neighbour of another class (Dablain et al. 2023).

    It is ``rebalance oversample --method eos``. k_neighbors: the nearest of all classes, among
    which those of others are partners. reach: how much of the partner a blend has at most; 1 is
    the paper's. exact: whether neighbours are exact at any size, beyond 100,000 samples too.
    A class that is not treated so, because no other lies near, has SMOTE instead, and a warning.
    After fitting, ``added_`` has the recipe of each sample: ``base``, ``partner`` and ``weight``.

    >>> import numpy as np
    >>> from rebalance.imblearn import EOS
    >>> X, y = np.array([[0.0], [1.0], [2.0], [3.0], [4.0]]), ["cat", "cat", "cat", "dog", "dog"]
    >>> sampler = EOS(random_state=0, k_neighbors=2)
    >>> grown, labels = sampler.fit_resample(X, y)
    >>> added = sampler.added_
    >>> blended = X[added.base[0]] + added.weight[0] * (X[added.partner[0]] - X[added.base[0]])
    >>> labels[-1], bool(grown[-1] == blended)
    ('dog', True)
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **_Blending._parameter_constraints,
        **constraints(SynthesisOptions, "reach"),
    }
    _method = "eos"

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        k_neighbors: int = EOS_NEIGHBOURS,
        reach: float = USUAL.reach,
        exact: bool = USUAL.exact,
    ) -> None:
        super().__init__(
            sampling_strategy=sampling_strategy,
            random_state=random_state,
            k_neighbors=k_neighbors,
            exact=exact,
        )
        self.reach = reach


class SafeLevelSMOTE(_Blending):
    """Samples are added within a class, nearer to the safer of two (Bunkhumpornpat et al. 2009).

    It is ``rebalance oversample --method safe-level``. k_neighbors: the nearest of all classes,
    among which those of its own tell how safe a sample is, and of its own, which are partners.
    exact: whether neighbours are exact at any size, beyond 100,000 samples too. A class in which
    nothing is safe has SMOTE instead, and a warning. After fitting, ``added_`` has the recipe of
    each sample: ``base``, ``partner`` and ``weight``.

    >>> import numpy as np
    >>> from rebalance.imblearn import SafeLevelSMOTE
    >>> X, y = np.array([[0.0], [1.0], [2.0], [9.0], [5.0]]), [0, 0, 0, 1, 1]
    >>> grown, labels = SafeLevelSMOTE(random_state=0, k_neighbors=1).fit_resample(X, y)
    >>> grown[5:].tolist(), labels[5:]
    ([[9.0]], [1])
    """

    _method = "safe-level"


class ClusterOverSampler(_Repeating):
    """Samples are repeated so that the clusters of a class become as equal as they can be.

    It is ``rebalance oversample --method cluster`` (Jo & Japkowicz 2004). Classes are raised to the
    size asked for, "auto" being that of the largest; the options of ``rebalance undersample`` that
    say how a class is clustered are parameters. After fitting, ``sample_indices_`` are the
    positions of all samples returned, and ``subclass_labels_`` [N] the cluster of each sample; -1
    in classes that did not grow.

    >>> import numpy as np
    >>> from rebalance.imblearn import ClusterOverSampler
    >>> X = np.repeat([[0.0, 0.0], [9.0, 9.0], [5.0, 5.0]], [6, 3, 12], axis=0)
    >>> X += np.random.default_rng(0).normal(0, 0.1, X.shape)
    >>> y = np.repeat(["cat", "dog"], [9, 12])
    >>> sampler = ClusterOverSampler(random_state=0, cluster_space="pca", k_max=2)
    >>> grown, _ = sampler.fit_resample(X, y)
    >>> sorted(set(sampler.sample_indices_[len(X):].tolist()) - {6, 7, 8})
    []
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **_OverSampler._parameter_constraints,
        **constraints(SelectionOptions, *CLUSTERING),
    }
    _method = "cluster"

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        random_state: Any = None,
        k_max: int = CLUSTERED.k_max,
        criterion: str = CLUSTERED.criterion,
        cluster_space: str = CLUSTERED.cluster_space,
        layout: str = CLUSTERED.layout,
        landmarks: str | int = CLUSTERED.landmarks,
    ) -> None:
        super().__init__(sampling_strategy=sampling_strategy, random_state=random_state)
        self.k_max = k_max
        self.criterion = criterion
        self.cluster_space = cluster_space
        self.layout = layout
        self.landmarks = landmarks

    def _subclasses(
        self, samples: LabelledSamples, wanted: dict[int, int]
    ) -> dict[int, Subclasses]:
        options = SelectionOptions(**taken(SelectionOptions, self))
        found = {
            label: subclasses_of(samples.population, label, POOLED, options) for label in wanted
        }
        self.subclass_labels_ = samples.numbered(found)
        return found


class EvenOverSampler(_Repeating):
    """Samples are repeated, each of a class as often as every other, and what is left is drawn.

    It is ``rebalance oversample --method ros --copies exact``; imbalanced-learn's
    ``RandomOverSampler`` draws each with replacement. No features are looked at: X may hold texts
    and gaps. After fitting, ``sample_indices_`` are the positions of all samples returned.

    >>> import numpy as np
    >>> from rebalance.imblearn import EvenOverSampler
    >>> sampler = EvenOverSampler(random_state=0)
    >>> _ = sampler.fit_resample(np.zeros((8, 1)), [0, 0, 0, 0, 0, 0, 1, 1])
    >>> sampler.sample_indices_[8:].tolist()
    [6, 7, 6, 7]
    """

    _method = "ros"
    _check_X_y = RandomOverSampler._check_X_y  # which takes samples of any kind

    def _options(self) -> SynthesisOptions:
        return SynthesisOptions(method=self._method, copies="exact")

    def _grown(self, X: Any, values: Values | None, added: Added) -> Any:
        grown = super()._grown(X, values, added)
        return grown.reset_index(drop=True) if hasattr(grown, "reset_index") else grown

    def _more_tags(self) -> dict[str, Any]:
        return {**super()._more_tags(), "allow_nan": True}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = tags.input_tags.string = True
        return tags


def _with_fractions(X: Any) -> Any:
    """A table of pandas whose columns can hold what lies between two whole numbers."""
    if not (hasattr(X, "dtypes") and hasattr(X, "astype") and hasattr(X, "columns")):
        return X
    whole = [name for name, kind in zip(X.columns, X.dtypes, strict=True) if kind.kind in "biu"]
    return X.astype(dict.fromkeys(whole, np.float64)) if whole else X
