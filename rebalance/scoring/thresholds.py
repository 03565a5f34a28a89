"""Thresholds: which class to decide on, where the largest probability is not the answer.

A new one is a function here and its line in ``THRESHOLDS``, which says how its options are found;
they are plain numbers, for a run to store and decide the same way again. Imports numpy and nothing
heavier; may not import torch or click.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.errors import SettingError, meant, shown
from rebalance.losses.arguments import SEARCHED
from rebalance.metrics.arrays import as_probabilities
from rebalance.scoring.costs import cost_decision
from rebalance.scoring.priors import prior_shift


class Decision(NamedTuple):
    """What ``metrics.score`` scores: probabilities [N, K], and the class index decided on [N]."""

    probabilities: NDArray[np.float64]
    predicted: NDArray[np.intp]


def none(probabilities: ArrayLike) -> Decision:
    """The largest probability (tie: the lower class index); no options.

    >>> from rebalance.scoring import THRESHOLDS
    >>> THRESHOLDS["none"]([[0.7, 0.3], [0.4, 0.6]]).predicted.tolist()
    [0, 1]
    """
    values = as_probabilities(probabilities)
    return Decision(values, values.argmax(axis=1))


def prior(
    probabilities: ArrayLike,
    train_prior: Sequence[float],
    target_prior: Sequence[float],
    tau: float = 1.0,
) -> Decision:
    """The largest probability, each divided by what training drew and weighed of its class.

    See ``prior_shift``; a tie goes to the lower class index. tau: the power that the shares are
    divided by, asked for as ``prior:TAU``: 1 is Bayes' rule, 0 changes nothing, more favours the
    small classes beyond it (Menon et al. 2021, eq. 9).

    >>> from rebalance.scoring import THRESHOLDS
    >>> options = {"train_prior": [90, 10], "target_prior": [50, 50]}
    >>> THRESHOLDS["prior"]([[0.95, 0.05], [0.7, 0.3]], **options).predicted.tolist()
    [0, 1]
    """
    return none(prior_shift(probabilities, np.power(train_prior, tau), np.power(target_prior, tau)))


def prior_original(
    probabilities: ArrayLike, train_prior: Sequence[float], target_prior: Sequence[float]
) -> Decision:
    """The largest probability, each divided by its class's share of the folder before resampling.

    After oversampling or undersampling to equal classes this is what Buda et al. 2018 call
    oversampling or undersampling with thresholding. It favours the small classes once more than
    training has done already: what training drew is divided out by ``prior``.

    >>> from rebalance.scoring import THRESHOLDS
    >>> options = {"train_prior": [90, 10], "target_prior": [50, 50]}
    >>> THRESHOLDS["prior:original"]([[0.95, 0.05], [0.7, 0.3]], **options).predicted.tolist()
    [0, 1]
    """
    return prior(probabilities, train_prior, target_prior)


def cost(probabilities: ArrayLike, matrix: Sequence[Sequence[float]]) -> Decision:
    """The class of least expected cost; the probabilities stay as they are.

    See ``cost_decision``.

    >>> from rebalance.scoring import THRESHOLDS
    >>> THRESHOLDS["cost"]([[0.95, 0.05], [0.7, 0.3]], matrix=[[0, 9], [1, 0]]).predicted.tolist()
    [0, 1]
    """
    return Decision(as_probabilities(probabilities), cost_decision(probabilities, matrix))


@dataclass(frozen=True)
class Known:
    """What the options of a threshold are found from.

    classes: how many there are. prior: gives the class shares [K] that training amounted to, where
    they are needed. original: gives those of the folder before it was resampled. costs: gives the
    cost matrix [K][K] that was asked for, where it is. tau: the power that was asked for.
    """

    classes: int
    prior: Callable[[], Sequence[float]]
    original: Callable[[], Sequence[float]]
    costs: Callable[[], Sequence[Sequence[float]]]
    tau: float = 1.0


@dataclass(frozen=True)
class Threshold:
    """A way to decide.

    decide: from probabilities [N, K] and its options. options: finds them, plain numbers, from what
    is known after training. needs_costs: it is asked for with a file of costs, as ``NAME:FILE``.
    takes_power: it may be asked for with a power of the shares that it divides by, as ``NAME:TAU``.
    chosen_as: the word that stands in place of its file or power where that is chosen on images
    held out.
    changes: whether it ever decides on another class than the largest probability. undo: by what,
    with its options, the probabilities it gives are multiplied to rank as those it was given.
    needs_folder: whether it asks how many images of each class there were before resampling.
    divides_by: whose class shares its ``train_prior`` are, in words; empty where it divides by
    none. idle: whether with its options it never decides otherwise, and when_idle: why, in words.
    """

    decide: Callable[..., Decision]
    options: Callable[[Known], dict[str, Any]]
    needs_costs: bool = False
    takes_power: bool = False
    chosen_as: str = ""
    changes: bool = True
    undo: Callable[..., NDArray[np.float64]] = lambda **options: np.ones(1)
    needs_folder: bool = False
    divides_by: str = ""
    idle: Callable[..., bool] = lambda **options: False
    when_idle: str = ""

    def __call__(self, probabilities: ArrayLike, *values: Any, **options: Any) -> Decision:
        """Decide from probabilities [N, K] with these options."""
        return self.decide(probabilities, *values, **options)


def _shift_to_uniform(known: Known) -> dict[str, Any]:
    """The shift to a test set with as many images of each class."""
    options = _to_uniform(known.prior())
    return options if known.tau == 1 else {**options, "tau": known.tau}


def _shift_from_original(known: Known) -> dict[str, Any]:
    return _to_uniform(known.original())


def _to_uniform(shares: Sequence[float]) -> dict[str, Any]:
    return {"train_prior": list(shares), "target_prior": [1 / len(shares)] * len(shares)}


def _shift_back(
    train_prior: Sequence[float], target_prior: Sequence[float], tau: float = 1.0
) -> NDArray[np.float64]:
    inverse: NDArray[np.float64] = np.power(train_prior, tau) / np.power(target_prior, tau)
    return inverse


def _shifts_nothing(
    train_prior: Sequence[float], target_prior: Sequence[float], tau: float = 1.0
) -> bool:
    """Tell whether all classes are divided alike, but for the rounding of weights."""
    shift = 1 / _shift_back(train_prior, target_prior, tau)
    return bool(np.allclose(shift, 1.0, rtol=1e-5, atol=0))


def _costs_alike(matrix: Sequence[Sequence[float]]) -> bool:
    costs = np.asarray(matrix, dtype=np.float64)
    mistakes = costs[~np.eye(len(costs), dtype=bool)]
    return bool((mistakes == mistakes[0]).all())


CHOSEN = "val"  # in place of a power: the one that does best on validation images

THRESHOLDS: dict[str, Threshold] = {
    "none": Threshold(none, lambda known: {}, changes=False),
    "prior": Threshold(
        prior,
        _shift_to_uniform,
        takes_power=True,
        chosen_as=CHOSEN,
        undo=_shift_back,
        divides_by="what training drew and weighed",
        idle=_shifts_nothing,
        when_idle="training drew and weighed all classes alike; prior:original divides by the "
        "shares that they had before",
    ),
    "prior:original": Threshold(
        prior_original,
        _shift_from_original,
        undo=_shift_back,
        needs_folder=True,
        divides_by="the folder before it was resampled",
        idle=_shifts_nothing,
        when_idle="all classes had as many images before anything was resampled",
    ),
    "cost": Threshold(
        cost,
        lambda known: {"matrix": known.costs()},
        needs_costs=True,
        chosen_as=SEARCHED,
        idle=_costs_alike,
        when_idle="all mistakes cost the same",
    ),
}


class Asked(NamedTuple):
    """A threshold as it is asked for: a key of ``THRESHOLDS``, and what is given with it.

    file: of its costs, or nothing. tau: the power of the shares that it divides by. chosen: whether
    costs or power are to be chosen on images held out.
    """

    name: str
    file: str = ""
    tau: float = 1.0
    chosen: bool = False

    @property
    def searches_costs(self) -> bool:
        """Whether costs are to be searched on images held out."""
        return self.chosen and THRESHOLDS[self.name].needs_costs

    def __str__(self) -> str:
        if self.file:
            return f"{self.name}:{self.file}"
        if self.chosen:
            return f"{self.name}:{THRESHOLDS[self.name].chosen_as}"
        return self.name if self.tau == 1 else f"{self.name}:{self.tau:.12g}"


MOST_POWER = 10.0  # of the shares that probabilities are divided by


def parsed(text: str) -> Asked:
    """Read what a user asks for: a threshold, perhaps with its file or its power.

    Raises SettingError for any other text.

    >>> from rebalance.scoring.thresholds import parsed
    >>> parsed("prior:0.50")
    Asked(name='prior', file='', tau=0.5, chosen=False)
    >>> str(parsed("prior:0.50"))
    'prior:0.5'
    """
    # A name may itself have a colon.
    name, colon, told = (text, "", "") if text in THRESHOLDS else text.partition(":")
    if name in THRESHOLDS and bool(colon) == bool(told):
        threshold = THRESHOLDS[name]
        if told and told == threshold.chosen_as:
            return Asked(name, chosen=True)
        if threshold.needs_costs == bool(told) and not threshold.takes_power:
            return Asked(name, file=told)
        if threshold.takes_power and (tau := _power(told or "1")) is not None:
            return Asked(name, tau=tau)
    raise SettingError(f"a threshold is {spellings()}; got {shown(text)}{meant(text, THRESHOLDS)}")


def recorded(text: str) -> Asked:
    """Read what a record says was asked for, where a file of costs is not told."""
    return Asked(text) if text in THRESHOLDS else parsed(text)


def _power(text: str) -> float | None:
    """Return the power that a text says, from 0 to ``MOST_POWER``; None where it says none."""
    try:
        power = float(text)
    except ValueError:
        return None
    return power if 0 <= power <= MOST_POWER else None


def spelled(name: str) -> str:
    """Return how a key of ``THRESHOLDS`` is asked for, with its file or powers, a | between."""
    chosen = f"{name}:{THRESHOLDS[name].chosen_as}"
    if THRESHOLDS[name].needs_costs:
        return f"{name}:FILE|{chosen}"
    return f"{name}|{name}:TAU|{chosen}" if THRESHOLDS[name].takes_power else name


def spellings() -> str:
    """Return how thresholds are asked for, as a sentence has it: none, prior or cost:FILE."""
    *others, last = "|".join(map(spelled, THRESHOLDS)).split("|")
    return f"{', '.join(others)} or {last}"
