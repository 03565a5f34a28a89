"""The space that a head is fitted in, and the way back to the features as they come.

Imports numpy and nothing heavier.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

MOST_COMPONENTS = 384  # wider features are first turned to so many of their components


@dataclass(frozen=True, eq=False)
class Scaling:
    """An affine map of features: ``(x - mean) @ matrix``, from D columns to d.

    mean: [D]. matrix: [D, d].
    """

    mean: Floats
    matrix: Floats

    def __call__(self, features: NDArray[Any]) -> Floats:
        """Map features [N, D] to [N, d]."""
        mapped: Floats = (features - self.mean) @ self.matrix
        return mapped

    def followed_by(self, turn: Floats) -> "Scaling":
        """Return the map that multiplies what this one gives by ``turn`` [d, e]."""
        return Scaling(self.mean, self.matrix @ turn)

    def folded(self, weight: Floats, bias: Floats) -> tuple[Floats, Floats]:
        """Return the weight [K, D] and bias [K] that give of features what these give of the map.

        weight: [K, d]. bias: [K].
        """
        whole: Floats = weight @ self.matrix.T
        return whole, bias - whole @ self.mean


def unscaled(width: int) -> Scaling:
    """Return the map that leaves features of so many columns as they are."""
    return Scaling(np.zeros(width), np.eye(width))


def standardised(features: NDArray[Any], components: int = MOST_COMPONENTS) -> Scaling:
    """Return the map to columns of mean 0 and deviation 1, turned to their leading components.

    features: [N, D]. Where D is at most ``components`` nothing is turned. A column that does not
    vary becomes 0.
    """
    values = np.asarray(features, np.float64)
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    varies = deviation > 1e-7 * np.abs(mean)
    matrix = np.diag(np.where(varies, 1 / np.where(varies, deviation, 1.0), 0.0))
    scaling = Scaling(mean, matrix)
    if values.shape[1] <= components:
        return scaling
    scaled = scaling(values)
    _, turn = np.linalg.eigh(scaled.T @ scaled / len(scaled))
    return scaling.followed_by(turn[:, : -components - 1 : -1])


def whitening(inputs: Floats, labels: NDArray[np.integer[Any]], amount: float) -> Floats:
    """Return the symmetric matrix [d, d] that makes directions of equal spread within classes.

    inputs: scaled features [N, d]. labels: class index [N]. amount: a, from 0, which changes
    nothing, to 1, after which the pooled covariance within classes is a multiple of the identity.
    With S the pooled within-class covariance it is √(tr S/d) · C^(-½), C = (1 - a)·(tr S/d)·I +
    a·S: the shrunken covariance of linear discriminant analysis, at the scale of the inputs.

    >>> import numpy as np
    >>> from rebalance.heads.scaling import whitening
    >>> inputs = np.array([[-2.0, -1.0], [2.0, 1.0], [-2.0, 1.0], [2.0, -1.0]])
    >>> whitening(inputs, np.zeros(4, int), 1.0).round(3).tolist()
    [[0.791, 0.0], [0.0, 1.581]]
    """
    width = inputs.shape[1]
    covariance = within_classes(inputs, labels)
    spread = float(np.trace(covariance)) / width
    if amount == 0 or spread <= 0:
        return np.eye(width)
    values, vectors = np.linalg.eigh(amount * covariance)
    values = np.maximum(values + (1 - amount) * spread, 1e-9 * spread)
    matrix: Floats = (vectors * np.sqrt(spread / values)) @ vectors.T
    return matrix


def within_classes(inputs: Floats, labels: NDArray[np.integer[Any]]) -> Floats:
    """Return the covariance [d, d] of inputs [N, d] about their own class's mean."""
    _, places = np.unique(labels, return_inverse=True)
    sums = np.zeros((places.max() + 1, inputs.shape[1]))
    np.add.at(sums, places, inputs)
    apart = inputs - (sums / np.bincount(places)[:, None])[places]
    covariance: Floats = apart.T @ apart / len(inputs)
    return covariance
