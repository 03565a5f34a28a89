"""What the estimators share: samples as the core takes them, options as scikit-learn checks them.

May not import torch or click.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions

from rebalance.clusters import Subclasses
from rebalance.errors import RebalanceError
from rebalance.numerics.pca import InMemory
from rebalance.resampling import Population
from rebalance.settings.option import Option, Options, declared, kind_of
from rebalance.undersampling import POOLED

Values = NDArray[np.floating[Any]]

SEEDS = 2**31 - 1  # a RandomState is asked for one below


@dataclass(frozen=True, eq=False)
class LabelledSamples:
    """The samples that an estimator was given.

    classes: the distinct labels, rising. population: the samples as the core has them, which knows
    classes by their names.
    """

    classes: list[Any]
    population: Population

    @classmethod
    def of(cls, values: Values | None, y: NDArray[Any], random_state: Any = 0) -> "LabelledSamples":
        """Read samples with features ``values`` [N, D] and labels y [N].

        values: None for methods that look at none. random_state: a whole number is the seed itself,
        as of the commands; a RandomState, or numpy's own for None, is asked for one.
        """
        found, labels = np.unique(y, return_inverse=True)
        classes = found.tolist()
        if not isinstance(random_state, Integral):
            random_state = check_random_state(random_state).randint(SEEDS)
        names = [str(label) for label in classes]
        layers = {} if values is None else {POOLED: InMemory(values)}
        population = Population(labels.astype(np.int64), names, layers, int(random_state))
        return cls(classes, population)

    def by_index(self, numbers: Mapping[Any, int]) -> dict[int, int]:
        """Return numbers of samples by class index, as the core has them, for those by label."""
        index = {label: each for each, label in enumerate(self.classes)}
        return {index[label]: int(number) for label, number in numbers.items()}

    def numbered(self, subclasses: Mapping[int, Subclasses]) -> NDArray[np.intp]:
        """Return the subclass [N] of each sample; -1 in the classes that are not among them."""
        numbers = np.full(len(self.population.labels), -1)
        for label, found in subclasses.items():
            numbers[self.population.members(label)] = found.labels
        return numbers


def values_of(X: Any) -> Values:
    """Return features [N, D] as floating-point numbers, dense whatever they came as."""
    values: NDArray[Any] = X.toarray() if issparse(X) else np.asarray(X)
    return values if np.issubdtype(values.dtype, np.floating) else values.astype(np.float64)


class TellsIndices:
    """An estimator whose ``sample_indices_`` tell where each sample that it returns comes from."""

    def _more_tags(self) -> dict[str, Any]:  # asked for by scikit-learn before 1.6
        return {"sample_indices": True}

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()  # type: ignore[misc]
        tags.sampler_tags.sample_indices = True
        return tags


@contextmanager
def errors_as_values() -> Iterator[None]:
    """Raise our errors as ValueError, which users of scikit-learn expect, with the same text."""
    try:
        yield
    except RebalanceError as error:
        raise ValueError(str(error)) from error


def taken(options: type[Options], estimator: Any, **names: str) -> dict[str, Any]:
    """Return the parameters of an estimator that are options of this class, by the option's name.

    names: what an option is called as a parameter, where that is not its own name. A number of
    numpy becomes Python's, and text where the option is text that may be a number.
    """
    parameters = estimator.get_params(deep=False)
    found = {}
    for name, (_, told) in declared(options).items():
        called = names.get(name, name)
        if called in parameters:
            value = parameters[called]
            plain = value.item() if isinstance(value, np.generic) else value
            found[name] = str(plain) if told.numbers else plain
    return found


def constraints(options: type[Options], *names: str) -> dict[str, list[Any]]:
    """Return what scikit-learn is to check of the parameters that are these options."""
    told = declared(options)
    return {name: _constraint(kind_of(told[name][0].type), told[name][1]) for name in names}


def _constraint(kind: type, told: Option) -> list[Any]:
    if told.known:
        return [StrOptions(set(told.known))]
    if kind is bool:
        return ["boolean"]
    if kind is str:  # its form is looked at when it is used
        return [str, Integral]
    number, above = Integral if kind is int else Real, told.above is not None
    least = told.above if above else told.least
    closed = "neither" if above else "left"
    if told.most is not None:
        closed = "right" if above else "both"
    return [Interval(number, least, told.most, closed=closed)]
