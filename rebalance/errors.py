"""The errors of rebalance.

    RebalanceError
    ├── SettingError       an option has a value that it cannot have
    ├── DataError          the image folder, or a list of images, is not as it must be
    │   └── UnreadableImage    an image file cannot be read
    │       └── PassingFault       it could not be read this time
    ├── FeatureFileError   a file of features, or of their names, is not as it must be
    ├── ManifestError      a manifest cannot be read or written
    ├── TargetError        the class sizes asked for cannot be reached
    ├── ExtractorError     the network or its weights cannot be used
    ├── ClassError         something is wrong with one class
    │   ├── FeatureError       features that cannot be clustered or sampled from
    │   └── MetricError        predictions cannot be scored, or decided by a threshold
    ├── LossError          a loss cannot be made from these options and class counts
    ├── TrainingError      training cannot begin, or cannot go on
    ├── PeerFailed         another process of the same command failed, and says why
    ├── PeerLost           another process of the same command ended without saying why
    ├── OutputError        a result cannot be written where it was asked for
    └── GateFailed         the data was read, and did not pass a gate the user set

Every message is one line: what was needed, what was found, what to do. ``shown`` and ``some`` keep
it a line that can be read, whatever was found.
The library raises; only the command line turns an error into an exit status.
"""

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches
from itertools import islice
from math import log10
from typing import Any, TypeVar

Own = TypeVar("Own", bound="ClassError")

SHOWN = 60  # characters of a wrong value that its complaint repeats
NAMED = 5  # of many names, those that a message lists
LONGEST = 100  # characters of a name in such a list


class RebalanceError(Exception):
    """Any error that rebalance raises on purpose; its text is meant for the user."""

    exit_status = 1


class SettingError(RebalanceError):
    """An option has a value that it cannot have."""


class DataError(RebalanceError):
    """The image folder, or a list of images, is not as it must be."""


class UnreadableImage(DataError):
    """An image file cannot be read; the text is the reason, without the file's name."""


class PassingFault(UnreadableImage):
    """An image file could not be read this time, for a reason that is not in its bytes.

    The system refused (an input error, too many open files, not enough memory), or the file changed
    while it was read. Nothing may be remembered of it.
    """


class FeatureFileError(RebalanceError):
    """A file of features, or of their names, cannot be read or is not as it must be."""


class ManifestError(RebalanceError):
    """A manifest cannot be read or written."""


class TargetError(RebalanceError):
    """The class sizes asked for cannot be reached."""


class ExtractorError(RebalanceError):
    """The network or its weights cannot be used."""


class ClassError(RebalanceError):
    """Something is wrong with one class, or with all.

    label: the index of the class in question, if it is about one; ``named`` adds its name.
    """

    def __init__(self, text: str, label: int | None = None) -> None:
        super().__init__(text)
        self.label = label

    def named(self: Own, classes: Sequence[str]) -> Own:
        """Return the same error for people who know the class by its name."""
        if self.label is None:
            return self
        return type(self)(f"class {classes[self.label]!r}: {self}", self.label)


class FeatureError(ClassError):
    """Features cannot be clustered or sampled from."""

    @classmethod
    def not_finite(cls, label: int | None = None) -> "FeatureError":
        """Return the error for features with NaN or infinite values, perhaps in one class."""
        return cls(
            "features must be finite, but there are NaN or infinite ones: extract them again, in "
            "float32 if half precision overflowed",
            label,
        )


class MetricError(ClassError):
    """Predictions cannot be scored, or decided by a threshold."""

    def named(self, classes: Sequence[str]) -> "MetricError":
        """Return the same error with the name of the class in place of its number."""
        if self.label is None:
            return self
        text = str(self).replace(f"class {self.label}", f"class {classes[self.label]!r}", 1)
        return MetricError(text, self.label)


class LossError(RebalanceError):
    """A loss cannot be made from these options and class counts."""


class TrainingError(RebalanceError):
    """Training cannot begin, or cannot go on."""


class PeerFailed(RebalanceError):
    """Another process of the same command failed, and says why."""


class PeerLost(RebalanceError):
    """Another process of the same command ended without saying why."""


class OutputError(RebalanceError):
    """A result cannot be written where it was asked for."""


class GateFailed(RebalanceError):
    """The data was read, and did not pass a gate that the user set."""

    exit_status = 3


def shown(value: Any) -> str:
    """Return a value as a message repeats it: on one line, and no longer than one may be.

    >>> from rebalance.errors import shown
    >>> shown("-1"), shown(10**5000)
    ("'-1'", 'a number of 5001 digits')
    >>> shown("9" * 5000)
    "'999999999999999999999999999999'... (5000 characters)"
    """
    if isinstance(value, int) and value.bit_length() > 4 * SHOWN:
        return f"a number of {int(value.bit_length() * log10(2)) + 1} digits"
    try:
        text = repr(value)
    except ValueError:  # a number of thousands of digits somewhere inside
        return f"a {type(value).__name__} with a number too long to show"
    if len(text) <= SHOWN:
        return text
    if isinstance(value, str):
        few = SHOWN // 2 if len(repr(value[: SHOWN // 2])) <= SHOWN else SHOWN // 10  # or escapes
        return f"{value[:few]!r}... ({len(value)} characters)"
    return f"{text[: SHOWN // 2]}... ({len(text)} characters)"


def some(names: Collection[Any], most: int = NAMED, *, quoted: bool = True) -> str:
    """List the first names, on one line, and count the others.

    quoted: whether as ``repr`` has them; otherwise as they are.

    >>> from rebalance.errors import some
    >>> some(["cat", "dog"]), some(range(1000), 2)
    ("'cat', 'dog'", '0, 1 and 998 more')
    """
    write = repr if quoted else str
    listed = ", ".join(shortened(write(name)) for name in islice(names, most))
    more = len(names) - most
    return f"{listed} and {more} more" if more > 0 else listed


def listed(names: Iterable[str]) -> str:
    """Join all names as a sentence does.

    >>> from rebalance.errors import listed
    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def near(name: object, known: Iterable[str], most: int = 1) -> list[str]:
    """Return the known names that are most like this one, the closest first; case does not count.

    >>> from rebalance.errors import near
    >>> near("Smoot", ["ros", "smote"]), near("zebra", ["ros", "smote"])
    (['smote'], [])
    """
    if not isinstance(name, str):  # a number of thousands of digits, say
        return []
    looks = {each.casefold(): each for each in known}
    close = get_close_matches(name[:LONGEST].casefold(), looks, most)
    return [looks[each] for each in close]


def meant(name: object, known: Iterable[str]) -> str:
    """Ask after what there is for the name that may be meant, as the end of a message; else "".

    >>> from rebalance.errors import meant
    >>> meant("smoot", ["ros", "smote"]), meant("zebra", ["ros", "smote"])
    ("; did you mean 'smote'?", '')
    """
    found = near(name, known)
    return f"; did you mean {found[0]!r}?" if found else ""


def choose(name: object, known: Iterable[str]) -> str:
    """Say what there is to choose from in place of a name that there is not.

    >>> from rebalance.errors import choose
    >>> choose("smoot", ["ros", "smote"])
    "choose one of ros, smote; did you mean 'smote'?"
    """
    known = list(known)
    return f"choose one of {', '.join(known)}{meant(name, known)}"


def shortened(text: str, longest: int = LONGEST) -> str:
    """Return a text, cut where it is longer than ``longest`` characters.

    >>> from rebalance.errors import shortened
    >>> shortened("photographs", 8)
    'photo...'
    """
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
