"""The subclasses of a class of a population, with the seed that every method finds them by."""

from collections.abc import Callable

from rebalance import seeds
from rebalance.clusters import Subclasses, find_subclasses
from rebalance.resampling.population import Population
from rebalance.settings import SelectionOptions

# The subclasses of a class, by its label and by a layer: found anew, or known from before.
Subclassing = Callable[[Population, int, str, SelectionOptions], Subclasses]


def subclasses_of(
    population: Population, label: int, layer: str, options: SelectionOptions
) -> Subclasses:
    """The subclasses of the class ``label`` in the features of this layer.

    A class and a layer always have the same stream of random numbers, whoever asks. Raises as
    ``find_subclasses``.
    """
    return find_subclasses(
        population.layers[layer].take(population.members(label)),
        seeds.integer(population.seed, "subclasses", population.classes[label], layer),
        k_max=options.k_max,
        criterion=options.criterion,
        space=options.cluster_space,
        layout=options.layout,
        landmarks=options.landmarks,
    )
