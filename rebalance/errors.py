"""The errors of rebalance.

    RebalanceError
    ├── SettingError       an option has a value that it cannot have
    ├── DataError          the image folder, or a list of images, is not as it must be
    │   └── UnreadableImage    an image file cannot be read
    ├── ManifestError      a manifest cannot be read or written
    ├── TargetError        the class sizes asked for cannot be reached
    ├── ExtractorError     the network or its weights cannot be used
    ├── FeatureError       features that cannot be clustered or sampled from
    ├── MetricError        predictions cannot be scored, or decided by a threshold
    ├── LossError          a loss cannot be made from these options and class counts
    ├── TrainingError      training cannot begin, or cannot go on
    ├── PeerFailed         another process of the same command failed, and says why
    ├── PeerLost           another process of the same command ended without saying why
    ├── OutputError        a result cannot be written where it was asked for
    └── GateFailed         the data was read, and did not pass a gate the user set

Every message is one line: what was needed, what was found, what to do.
The library raises; only the command line turns an error into an exit status.
"""

from collections.abc import Sequence


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


class ManifestError(RebalanceError):
    """A manifest cannot be read or written."""


class TargetError(RebalanceError):
    """The class sizes asked for cannot be reached."""


class ExtractorError(RebalanceError):
    """The network or its weights cannot be used."""


class FeatureError(RebalanceError):
    """Features cannot be clustered or sampled from.

    label: the index of the class in question, if it is about one; ``named`` adds its name.
    """

    def __init__(self, text: str, label: int | None = None) -> None:
        super().__init__(text)
        self.label = label

    @classmethod
    def not_finite(cls, label: int | None = None) -> "FeatureError":
        """Return the error for features with NaN or infinite values, perhaps in one class."""
        return cls(
            "features must be finite, but there are NaN or infinite ones: extract them again, in "
            "float32 if half precision overflowed",
            label,
        )

    def named(self, classes: Sequence[str]) -> "FeatureError":
        """Return the same error for people who know the class by its name."""
        if self.label is None:
            return self
        return FeatureError(f"class {classes[self.label]!r}: {self}", self.label)


class MetricError(RebalanceError):
    """Predictions cannot be scored, or decided by a threshold."""


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
