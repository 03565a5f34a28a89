"""Numbers and names in plain words, for people who read no statistics.

Imports the standard library and our errors; nothing heavier.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from rebalance.errors import listed, shortened
from rebalance.records import GainRecord

HARDLY = 0.0005  # a difference that three digits show as none
ONE = 0.0095  # of a hundred, rounded; smaller differences are told of a thousand
LONGEST = 40  # characters of a class's name in a sentence
PLAIN = re.compile(r"[^\W\d][\w.\-]*")  # a name that is taken for one without quotes


def counted(count: int, noun: str, plural: str = "") -> str:
    """Write a number with its noun, which is in the plural unless there is one.

    >>> from rebalance.advice.quantities import counted
    >>> counted(1, "image"), counted(2527, "image"), counted(2, "class", "classes")
    ('1 image', '2,527 images', '2 classes')
    """
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def called(name: str) -> str:
    """Write the name of a class on one line, in quotes where it would not be taken for a name.

    >>> from rebalance.advice.quantities import called
    >>> called("trash"), called("7"), called("red\\ncell")
    ('trash', "'7'", "'red\\\\ncell'")
    """
    return shortened(name if PLAIN.fullmatch(name) else repr(name), LONGEST)


def sizes(counts: Iterable[tuple[str, int]], most: int = 6) -> str:
    """List classes with their numbers, the first ``most`` of them.

    >>> from rebalance.advice.quantities import sizes
    >>> sizes([("cat", 9), ("dog", 1200)]), sizes([("cat", 9), ("dog", 8)], most=1)
    ('cat 9 and dog 1,200', 'cat 9 and 1 more')
    """
    told = [f"{called(name)} {count:,}" for name, count in counts]
    more = len(told) - most
    return listed([*told[:most], f"{more:,} more"] if more > 0 else told)


def decimal(value: float) -> str:
    """Write a score between 0 and 1 with three digits, as .834.

    >>> from rebalance.advice.quantities import decimal
    >>> decimal(0.8341), decimal(1.0), decimal(-0.02)
    ('.834', '1.000', '-.020')
    """
    return re.sub(r"^(-?)0\.", r"\1.", f"{value:.3f}")


def change(value: float) -> str:
    """Write a difference of scores with its sign, as +.031.

    >>> from rebalance.advice.quantities import change
    >>> change(0.0312), change(-0.02), change(0.0)
    ('+.031', '-.020', '+.000')
    """
    return decimal(value) if value <= -HARDLY else f"+{decimal(abs(value))}"


def of_hundred(share: float) -> str:
    """Write a share as how many of a hundred.

    >>> from rebalance.advice.quantities import of_hundred
    >>> of_hundred(0.612), of_hundred(0.9957), of_hundred(1.0)
    ('61 of 100', '99.6 of 100', '100 of 100')
    """
    near_the_end = 0.99 < share < 1 or 0 < share < 0.01
    return f"{100 * share:.1f} of 100" if near_the_end else f"{100 * share:.0f} of 100"


@dataclass(frozen=True)
class Amount:
    """A difference in words. whole: of how many images. about: its mean. between: how far off."""

    whole: int
    about: str
    between: str


def amount(gain: GainRecord) -> Amount | None:
    """Say how many more images are recognised, of a hundred or of a thousand; None if unknown."""
    mean, low, high = gain["mean"], gain["low"], gain["high"]
    if mean is None:
        return None
    whole = 100 if abs(mean) >= ONE or abs(mean) < HARDLY else 1000
    about = f"about {_more(mean, whole)}" if abs(mean) >= HARDLY else "no more"
    if low is None or high is None:
        return Amount(whole, about, "by too few trials to say how far that is off")
    if low >= 0 or high <= 0:
        near, far = sorted((abs(low), abs(high)))
        return Amount(whole, about, f"between {_number(near, whole)} and {_number(far, whole)}")
    return Amount(whole, about, f"between {_more(low, whole)} and {_more(high, whole)}")


def difference(gain: GainRecord) -> str:
    """Write a difference in words, with how far it may be off.

    >>> from rebalance.advice.quantities import difference
    >>> difference({"pairs": 20, "mean": 0.031, "low": 0.012, "high": 0.05})
    'about 3 more of 100, between 1 and 5'
    >>> difference({"pairs": 20, "mean": -0.004, "low": -0.012, "high": 0.003})
    'about 4 fewer of 1000, between 12 fewer and 3 more'
    """
    found = amount(gain)
    if found is None:
        return "a difference that was not measured"
    return f"{found.about} of {found.whole}, {found.between}"


def figures(gain: GainRecord) -> str:
    """Write a difference with the ends of its interval, exactly.

    >>> from rebalance.advice.quantities import figures
    >>> figures({"pairs": 20, "mean": 0.031, "low": 0.012, "high": 0.05})
    '+.031, +.012 to +.050'
    """
    if gain["mean"] is None:
        return "no pair"
    if gain["low"] is None or gain["high"] is None:
        return change(gain["mean"])
    return f"{change(gain['mean'])}, {change(gain['low'])} to {change(gain['high'])}"


def duration(seconds: float) -> str:
    """Write a time as people say it.

    >>> from rebalance.advice.quantities import duration
    >>> duration(42.3), duration(300), duration(4000)
    ('42 seconds', '5 minutes', '67 minutes')
    """
    if seconds < 90:
        return counted(round(seconds), "second")
    return counted(round(seconds / 60), "minute")


def _more(value: float, whole: int) -> str:
    return f"{_number(abs(value), whole)} {'more' if value >= 0 else 'fewer'}"


def _number(size: float, whole: int) -> str:
    """Write how many of a hundred; small ones with a digit more, so that some is never none."""
    times = whole * size
    return f"{times:.0f}" if times >= 0.95 or times < 0.05 else f"{times:.1f}"
