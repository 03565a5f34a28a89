"""What advice is asked for: on which images, and how long it may take."""

from dataclasses import dataclass
from pathlib import Path

from rebalance.errors import SettingError, shown
from rebalance.settings.numbers import Range, check_number
from rebalance.settings.option import Options, again, option
from rebalance.settings.study import StudyOptions

UNITS = {"s": 1, "m": 60, "h": 3600}
LONGEST = Range(above=0, most=7 * 24 * 3600)


def read_budget(text: str) -> float:
    """The seconds that a text such as ``90s``, ``5m`` or ``1h`` stands for. Else SettingError.

    >>> from rebalance.settings.advice import read_budget
    >>> read_budget("90s"), read_budget("5m"), read_budget("1.5h")
    (90.0, 300.0, 5400.0)
    """
    number, unit = text[:-1], text[-1:]
    try:
        seconds = float(number) * UNITS[unit]
    except (KeyError, ValueError):
        raise SettingError(
            f"a budget is a number of seconds, minutes or hours, such as 90s, 5m or 1h; got "
            f"{shown(text)}"
        ) from None
    check_number("a budget in seconds must be", seconds, float, LONGEST)
    return seconds


@dataclass(frozen=True)
class AdviceOptions(Options):
    """What is advised on, and how long the trying may take."""

    test: Path | str | None = option(
        None, help="Test images to report on as well, by which nothing is chosen."
    )
    groups: Path | None = again(StudyOptions, "groups", default=None)
    group_column: str | None = again(StudyOptions, "group_column", default=None)
    budget: str = option(
        "5m",
        metavar="90s|5m|1h",
        form=read_budget,
        help="Time that it may take, features included.",
    )
    folds: int = again(StudyOptions, "folds", default=5)
    test_features: Path | None = again(StudyOptions, "test_features", default=None)
    test_names: Path | None = again(StudyOptions, "test_names", default=None)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.test_names is not None and self.test_features is None:
            raise SettingError("--test-names goes with --test-features: give that too")
        if self.test_features is not None and self.test is None:
            raise SettingError("--test-features has the features of --test: give that too")
