"""A linear support vector machine on the embedding, in place of the last layer.

Imports numpy and nothing heavier, scikit-learn only when it fits; may not import torch or click.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import FeatureError
from rebalance.metrics.arrays import as_features
from rebalance.numerics.products import one_blas_thread
from rebalance.scoring.classifier import Classifier, TrainingEmbedding, check_width
from rebalance.scoring.margins import Floats, Margins, decision_by, fit_margins_temperature
from rebalance.scoring.outputs import Outputs
from rebalance.scoring.thresholds import Decision


@dataclass(frozen=True, eq=False)
class LinearMachine:
    """A linear support vector machine, one class against the others.

    weights: [K, D], and biases: [K], of the margins of features as they come. temperature: what
    margins are divided by before a softmax.
    """

    weights: Floats
    biases: Floats
    temperature: float

    outdated = False
    shares: Sequence[float] | None = None
    kept_apart: TrainingEmbedding | None = None

    def margins(self, features: NDArray[Any]) -> Floats:
        """How far images are on the side of each class [N, K], 1 being the machine's margin."""
        with one_blas_thread():
            margins: Floats = np.asarray(features, np.float64) @ self.weights.T + self.biases
        return margins

    def decide(self, outputs: Outputs) -> Decision:
        """The class of the largest margin (tie: the lower class index).

        Probabilities are softmax(margins / temperature). FeatureError for features of another
        number, and for some that are not finite.
        """
        values = as_features(outputs.features)
        check_width(values.shape[1], self.weights.shape[1])
        return decision_by(self.margins(values), self.temperature)

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "weights": self.weights.tolist(),
            "biases": self.biases.tolist(),
            "temperature": self.temperature,
        }


@dataclass(frozen=True)
class SupportVectorMachine(Classifier):
    """Take the class of the largest margin of a linear SVM, on the standardised embedding.

    One class against the others, squared hinge. Its probabilities are a softmax of the margins over
    a temperature, which is fitted on margins of images that the machine did not see, in three
    folds. C: what an image within the margin costs; less keeps the weights smaller. Source: Cortes
    & Vapnik, "Support-Vector Networks", Machine Learning 1995; the machine is scikit-learn's
    LinearSVC, the temperature ours (Guo et al. 2017).

    >>> import numpy as np
    >>> from rebalance.scoring.classifier import TrainingEmbedding
    >>> from rebalance.scoring.classifiers import CLASSIFIERS
    >>> from rebalance.scoring.outputs import Outputs
    >>> seen = TrainingEmbedding(np.float32([[0], [1], [4], [5]]), np.array([0, 0, 1, 1]))
    >>> found = CLASSIFIERS["svm"]().fit(seen, 2)
    >>> found.decide(Outputs(np.ones((2, 2)), np.float32([[2.0], [3.0]]))).predicted.tolist()
    [0, 1]
    """

    C: float = 1.0

    @property
    def label(self) -> str:
        """What a report calls it."""
        return "linear SVM"

    def fit(self, seen: TrainingEmbedding, classes: int) -> LinearMachine:
        """Fit the machine, and the temperature of its margins."""
        features, labels = as_features(seen.features), seen.labels
        self.stand_in(np.bincount(labels, minlength=classes).tolist())

        def margins(some: NDArray[Any], theirs: NDArray[np.int64]) -> Margins:
            return LinearMachine(*self._machine(some, theirs, classes), 1.0).margins

        temperature = fit_margins_temperature(features, labels, margins)
        return LinearMachine(*self._machine(features, labels, classes), temperature)

    def stand_in(self, counts: Sequence[int]) -> LinearMachine:
        """A machine that is yet to be fitted; FeatureError for a class without images."""
        if not all(counts):
            raise FeatureError(
                "a support vector machine needs at least one training image, but there is none",
                int(np.argmin(counts)),
            )
        if len(counts) < 2:
            raise FeatureError("a support vector machine needs two classes, but there is one")
        return LinearMachine(np.empty((len(counts), 0)), np.empty(len(counts)), 1.0)

    def read(self, values: Any, classes: int) -> LinearMachine:
        """The machine that a record has; ValueError where it is none of so many classes."""
        weights = np.array(values["weights"], dtype=np.float64)
        biases = np.array(values["biases"], dtype=np.float64)
        temperature = float(values["temperature"])
        if weights.ndim != 2 or not len(weights) == classes or biases.shape != (classes,):
            raise ValueError("weights and a bias for each class are needed")
        if not (np.isfinite(weights).all() and np.isfinite(biases).all() and temperature > 0):
            raise ValueError("finite weights and a temperature above 0 are needed")
        return LinearMachine(weights, biases, temperature)

    def _machine(
        self, features: NDArray[Any], labels: NDArray[Any], classes: int
    ) -> tuple[Floats, Floats]:
        """Weights [K, D] and biases [K] of a machine, its standardisation folded into them."""
        from sklearn.preprocessing import StandardScaler
        from sklearn.svm import LinearSVC

        scaler = StandardScaler().fit(np.asarray(features, np.float64))
        # The primal problem: solved without random numbers, and in time that grows with N.
        found = LinearSVC(C=self.C, dual=False).fit(scaler.transform(features), labels)
        own, intercept = found.coef_ / scaler.scale_, found.intercept_
        biases = intercept - own @ scaler.mean_
        if classes == 2:  # one machine tells two classes apart
            return np.concatenate([-own, own]) / 2, np.concatenate([-biases, biases]) / 2
        return own, biases
