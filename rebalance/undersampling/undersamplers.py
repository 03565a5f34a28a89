"""The undersamplers by name, and what each says of itself.

A new undersampler is a function in ``samplers`` and its line in ``UNDERSAMPLERS``. May not import
torch or click.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from rebalance import seeds
from rebalance.clusters import CLUSTERING
from rebalance.errors import SettingError
from rebalance.settings import EnsembleOptions, SelectionOptions
from rebalance.undersampling.preconditions import Features, Indices, Labels
from rebalance.undersampling.samplers import (
    coverage,
    coverage_typical,
    enn,
    nearmiss_1,
    nearmiss_2,
    nearmiss_3,
    oss,
    random,
    subclass,
    tomek,
)

POOLED = "pool"  # the layer whose features the methods are given that ask for no other


@dataclass(frozen=True)
class Undersampler:
    """A way to choose the samples to keep; calling it chooses them.

    keep: the function that chooses.
    needs_features: False if None may be given for them.
    exact: whether it keeps just as many as wanted; others remove what their rule finds.
    by_class: whether it looks at each class by itself, with a stream of random numbers for each.
    by_subclass: whether it shares out what is kept among the subclasses of a class. It then takes
    them as ``subclasses``, found in the features of the layer that a user chooses.
    draws: whether chance decides what is kept, so that another seed keeps others.
    own: the fields of ``SelectionOptions`` that ``keep`` takes by keyword.
    stream: what its random numbers are called; empty is ``undersample`` and its name.
    """

    keep: Callable[..., Indices]
    needs_features: bool = True
    exact: bool = False
    by_class: bool = False
    by_subclass: bool = False
    draws: bool = True
    own: tuple[str, ...] = ()
    stream: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its key in ``UNDERSAMPLERS``."""
        return self.keep.__name__.replace("_", "-")

    @property
    def options(self) -> tuple[str, ...]:
        """The fields of ``SelectionOptions`` that mean something to it, and not to every other."""
        return (*self.own, "layer", *CLUSTERING) if self.by_subclass else self.own

    def layer(self, options: SelectionOptions) -> str | None:
        """The layer whose features it is given; ``auto`` is all of them, None is no features."""
        if not self.needs_features:
            return None
        return options.layer if "layer" in self.options else POOLED

    def generator(self, seed: int, *names: str) -> np.random.Generator:
        """Its random numbers; of those that look at each class by itself, for the class named."""
        return seeds.generator(seed, *(self.stream or ("undersample", self.name)), *names)

    def __call__(
        self,
        features: Features,
        labels: Labels,
        wanted: Mapping[int, int],
        rng: np.random.Generator,
        **options: Any,
    ) -> Indices:
        """The indices of the samples to keep, rising.

        features: [N, D]. labels: the class index [N] of each sample. wanted: how many samples to
        keep of each class that is to be cut, at least 1 and no more than it has; the other classes
        are kept whole. rng: the source of every random choice. options: those that are its ``own``;
        ``subclasses`` where it goes by them.

        The arrays are not modified. ValueError for a wanted number that is out of range;
        FeatureError for features that are missing or not finite, for a single class where classes
        are compared, and for a class of which nothing would be left.

        >>> import numpy as np
        >>> from rebalance.undersampling import UNDERSAMPLERS
        >>> features = np.array([[9, 0], [9, 1], [9, 2], [0, 9], [5, 5], [5, 6]], dtype=float)
        >>> labels = np.array([0, 0, 0, 0, 1, 1])
        >>> rng = np.random.default_rng(0)
        >>> UNDERSAMPLERS["coverage"](features, labels, {0: 2}, rng).tolist()
        [0, 3, 4, 5]
        """
        return self.keep(features, labels, wanted, rng, **options)

    def check(self, options: SelectionOptions) -> None:
        """Raise SettingError where an option was changed that is another method's own."""
        plain = SelectionOptions()
        for field in fields(options):
            owners = [each for each in UNDERSAMPLERS.values() if field.name in each.options]
            unchanged = getattr(options, field.name) == getattr(plain, field.name)
            if unchanged or not owners or self in owners:
                continue
            *flags, last = (f"--{option.replace('_', '-')}" for option in owners[0].options)
            listed = f"{', '.join(flags)} and {last} are" if flags else f"{last} is"
            raise SettingError(f"{listed} for --method {owners[0].name}, not {self.name}")
        if options.suspects and not self.needs_features:
            raise SettingError(
                f"--suspects compares features, which --method {self.name} does not look at: "
                "choose another method, or leave it out"
            )

    def check_members(self, ensemble: EnsembleOptions) -> None:
        """Raise SettingError where this cannot choose the members of an ensemble."""
        if ensemble.cascade and not self.exact:
            raise SettingError(
                f"--cascade draws as many for each member, and --method {self.name} keeps what its "
                f"rule leaves: choose one of {_listed('exact')}"
            )
        if ensemble.ensemble > 1 and not self.draws and not ensemble.cascade:
            raise SettingError(
                f"--method {self.name} draws nothing, so that every member of an ensemble would be "
                f"the same: choose one of {_listed('draws')}"
            )


def _listed(trait: str) -> str:
    return ", ".join(name for name, each in UNDERSAMPLERS.items() if getattr(each, trait))


UNDERSAMPLERS: dict[str, Undersampler] = {
    undersampler.name: undersampler
    for undersampler in (
        Undersampler(
            subclass,
            exact=True,
            by_class=True,
            by_subclass=True,
            own=("pick", "quotas"),
            stream=("pick",),
        ),
        Undersampler(coverage, exact=True),
        Undersampler(coverage_typical, exact=True),
        Undersampler(random, exact=True, by_class=True, needs_features=False),
        Undersampler(nearmiss_1, exact=True, draws=False),
        Undersampler(nearmiss_2, exact=True, draws=False),
        Undersampler(nearmiss_3, draws=False),
        Undersampler(tomek, draws=False),
        Undersampler(enn, draws=False),
        Undersampler(oss),
    )
}
BY_CHANCE = random.__name__  # the one that every other has to be better than
NEAREST = "coverage-typical"  # the one whose picks lie closest to what is left out
