"""Class weights: how much more a sample of a small class counts. Imports torch and nothing heavier.

A new weighting is a function here and its line in ``WEIGHTINGS``.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from rebalance.losses.arguments import ClassCounts, counts_of_filled, number, one_of

BETA = 0.9999


def balanced(counts: list[int], beta: float) -> list[float]:
    """N / (K·n_c): the mean over the training set is 1."""
    return [sum(counts) / (len(counts) * count) for count in counts]


def inverse(counts: list[int], beta: float) -> list[float]:
    """1 / n_c, scaled to add up to K."""
    return _adding_up_to_classes([1 / count for count in counts])


def effective(counts: list[int], beta: float) -> list[float]:
    """(1 - β) / (1 - β^n_c), scaled to add up to K: the effective number of Cui et al. 2019."""
    log_beta = math.log(beta) if beta else -math.inf
    return _adding_up_to_classes([1 / -math.expm1(count * log_beta) for count in counts])


WEIGHTINGS: dict[str, Callable[[list[int], float], list[float]]] = {
    weighting.__name__: weighting
    for weighting in (
        balanced,
        inverse,
        effective,
    )
}


def class_weights(
    class_counts: ClassCounts, weighting: str = "balanced", beta: float = BETA
) -> Tensor:
    """The weight [K] of each class, in float32; the fewer training images, the more.

    weighting: a key of ``WEIGHTINGS``. beta: for ``effective``, from 0 (all alike) towards 1 (then
    as ``inverse``). See docs/methods.md, "Class weights". Raises LossError for any other, and for a
    class without training images.

    >>> from rebalance.losses import class_weights
    >>> [round(weight, 3) for weight in class_weights([60, 30, 10], "inverse").tolist()]
    [0.333, 0.667, 2.0]
    """
    return torch.tensor(weigh_classes(class_counts, weighting, beta), dtype=torch.float32)


def weigh_classes(class_counts: ClassCounts, weighting: str, beta: float) -> list[float]:
    """Return the weights of ``class_weights`` as plain numbers, before they are rounded."""
    counts = counts_of_filled(class_counts)
    weigh = WEIGHTINGS[one_of("weighting", weighting, WEIGHTINGS)]
    return weigh(counts, checked_beta(beta))


def checked_beta(beta: float) -> float:
    """Return ``beta`` as a number. Raises LossError where it is none from 0 to below 1."""
    return number("beta", beta, "a number of at least 0 and below 1", lambda found: 0 <= found < 1)


def _adding_up_to_classes(weights: list[float]) -> list[float]:
    scale = len(weights) / sum(weights)
    return [weight * scale for weight in weights]
