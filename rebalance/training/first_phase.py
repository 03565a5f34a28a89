"""The first phase of two-phase training: how many samples of each class it shows.

A new way is a function here and its line in ``PHASES``. Imports nothing heavy.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rebalance.class_sizes import grown_sizes, wanted_sizes
from rebalance.errors import SettingError, TargetError, choose, some
from rebalance.settings import Growth, Targets
from rebalance.settings.sizes import size_to_keep, size_to_reach

SHARE = 0.5  # of the epochs that are its own

Counts = Mapping[str, int]


@dataclass(frozen=True)
class Sizing:
    """One way to make classes alike.

    does: in a word. advice: where it does nothing. limit: what classes are brought to where nothing
    else is said. check: raises
    TargetError for a limit that cannot be. sizes: from images of each class and the limit to
    samples of each class.
    """

    does: str
    advice: str
    limit: str
    check: Callable[[str], object]
    sizes: Callable[[Counts, str], dict[str, int]]


def undersampled(counts: Counts, limit: str) -> dict[str, int]:
    """At most ``limit`` images of a class: a number, ``min``, or Rx of the smallest class."""
    return wanted_sizes(counts, Targets(to=limit))


def oversampled(counts: Counts, limit: str) -> dict[str, int]:
    """At least ``limit`` samples of a class: a number, ``max``, or Rx of the largest class."""
    return grown_sizes(counts, Growth(to=limit))


PHASES: dict[str, Sizing] = {
    "undersample": Sizing(
        "cut", "give a lower --phase-limit, such as min", "5000", size_to_keep, undersampled
    ),
    "oversample": Sizing(
        "raise", "give a higher --phase-limit, such as max", "max", size_to_reach, oversampled
    ),
}


@dataclass(frozen=True)
class FirstPhase:
    """What the first phase does to classes: ``by`` a key of ``PHASES``, to ``limit``.

    limit: None is the way's own. Raises SettingError and TargetError for what cannot be.

    >>> from rebalance.training.first_phase import FirstPhase
    >>> FirstPhase(limit="1.5x").sizes({"cat": 500, "dog": 90, "owl": 40})
    {'cat': 60, 'dog': 60, 'owl': 40}
    >>> FirstPhase("oversample").sizes({"cat": 500, "dog": 90, "owl": 40})
    {'cat': 500, 'dog': 500, 'owl': 500}
    """

    by: str = "undersample"
    limit: str | None = None

    def __post_init__(self) -> None:
        if self.by not in PHASES:
            raise SettingError(f"no first phase by {self.by!r}: {choose(self.by, PHASES)}")
        try:
            PHASES[self.by].check(self.reached)
        except TargetError as error:
            raise TargetError(f"a first phase by {self.by}: {error}") from None

    @property
    def reached(self) -> str:
        """What classes are brought to, as it was written."""
        return PHASES[self.by].limit if self.limit is None else self.limit

    def sizes(self, counts: Counts) -> dict[str, int]:
        """The samples of each class in the phase, from the images of each; TargetError as above."""
        return PHASES[self.by].sizes(counts, self.reached)

    def check(self, counts: Counts, epochs: int) -> None:
        """Raise SettingError where training would be as without it."""
        if last_epoch(epochs) < 1:
            raise SettingError(
                f"two-phase training needs at least 2 epochs, one for each phase, found {epochs}: "
                "train for more"
            )
        if self.sizes(counts) == dict(counts):
            sizing, largest = PHASES[self.by], max(counts, key=lambda name: counts[name])
            alike = len({count for count in counts.values() if count}) == 1
            raise SettingError(
                f"the first phase would {sizing.does} no class: its limit is {self.reached}, and "
                f"the largest class, {largest!r}, has {counts[largest]} images"
                + (", as all have: choose another regime" if alike else f": {sizing.advice}")
            )

    def told(self, counts: Counts, epochs: int) -> str:
        """What the phase holds, for the log."""
        sizes = self.sizes(counts)
        each = some([f"{size} {name}" for name, size in sizes.items()], quoted=False)
        last = last_epoch(epochs)
        when = "epoch 1" if last == 1 else f"epochs 1 to {last}"
        return (
            f"first phase, {when}: {sum(sizes.values())} samples of "
            f"{sum(counts.values())} images ({each}); then all images"
        )


USUAL = FirstPhase()


def last_epoch(epochs: int) -> int:
    """How many of the epochs belong to the first phase."""
    return round(SHARE * epochs)
