"""How many samples each class is to have."""

from dataclasses import asdict, dataclass
from typing import Any

from rebalance.errors import SettingError, shown
from rebalance.settings.numbers import Range, check_number
from rebalance.settings.option import Options, option, required
from rebalance.settings.sizes import size_to_keep, size_to_reach

SIZE = Range(least=0)  # of a class


@dataclass(frozen=True)
class ClassSizes(Options, group="How many"):
    """How many samples the classes are to have: by a rule, or as said of one class."""

    to: str = required(help="Class size wanted.", numbers=True)
    per_class: tuple[tuple[str, int], ...] = option(
        (),
        flag="--class",
        metavar="NAME=N",
        help="Size of one class, in place of --to; repeatable.",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, size in self.per_class:
            check_number(f"the size of class {shown(name)} must be", size, int, SIZE)


@dataclass(frozen=True)
class Targets(ClassSizes):
    """How many images a class is to keep (a class at or below its target stays whole)."""

    to: str = option(
        "min",
        metavar="min|N|Rx",
        numbers=True,
        form=size_to_keep,
        help="Class size wanted: the smallest class, a number, or R times the smallest.",
    )
    classes: tuple[str, ...] = option(
        (),
        metavar="A,B",
        commas=True,
        help="Cut only these classes; the others stay whole.",
    )


@dataclass(frozen=True)
class Growth(ClassSizes):
    """How many samples a class is to grow to; a class at or above its target stays as it is."""

    to: str = option(
        "max",
        metavar="max|N|Rx",
        numbers=True,
        form=size_to_reach,
        help="Class size wanted: the largest class, a number, or R times the largest.",
    )
    classes: tuple[str, ...] = option(
        (),
        metavar="A,B",
        commas=True,
        help="Raise only these classes; the others stay as they are.",
    )


@dataclass(frozen=True)
class Levelling(Options, group="How many"):
    """The size that every class is brought to, whether it is cut or raised."""

    to: str = required(
        metavar="N|Rx",
        numbers=True,
        form=size_to_keep,
        help="Class size wanted: a number, or R times the smallest.",
    )


@dataclass(frozen=True)
class LongTail(Options, group="How many"):
    """How long a tail to make of a data set: docs/methods.md, "Long tails"."""

    rho: float = option(
        100.0,
        least=1,
        wrong="rho is",
        help="Imbalance ratio: images of the largest class to each of the smallest.",
    )
    profile: str = option(
        "exp",
        choices="rebalance.class_sizes:PROFILES",
        wrong="a profile is",
        help="Each class smaller by the same factor (exp) or by the same number (linear), or half "
        "of them full and half small (step).",
    )
    n_max: int | None = option(
        None,
        least=1,
        help="Images of the largest class. [default: as many as all classes allow]",
    )
    order: tuple[str, ...] = option(
        (),
        metavar="A,B",
        commas=True,
        help="Every class, the largest-to-be first. [default: by size, a tie in class order]",
    )
    share: float | None = option(
        None,
        above=0,
        below=1,
        help="Of the profile step: the share of the classes that are small. [default: a half]",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.share is not None and self.profile != "step":
            raise SettingError(
                f"share is of the profile step, and the profile is {self.profile}: choose step, or "
                "leave it out"
            )

    def as_record(self) -> dict[str, Any]:
        """Return the options by name; a share, which came later, only where it was given."""
        record = {**asdict(self), "order": list(self.order)}
        return {name: value for name, value in record.items() if name != "share" or value}
