"""What a training amounted to, class by class: the shares that a threshold divides by.

Imports numpy and nothing heavier; may not import torch or click.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rebalance.errors import SettingError
from rebalance.scoring.priors import effective_prior


@dataclass(frozen=True)
class Amounts:
    """How much of each class [K] a training saw, and how much there was before resampling.

    draws: how often the last epoch drew each class, in any unit; a label that two classes share
    counts for each in its share. weights: what the loss weighed
    each by there. folder: images of each class in the data as they were before anything was cut or
    raised; None where nobody knows.
    """

    draws: Sequence[float]
    weights: Sequence[float]
    folder: Sequence[float] | None = None

    @classmethod
    def of_samples(cls, counts: Sequence[float], folder: Sequence[float] | None) -> "Amounts":
        """Amounts of a training that drew and weighed all its samples of each class [K] alike."""
        return cls([float(count) for count in counts], [1.0] * len(counts), folder)

    def prior(self) -> list[float]:
        """Return the class shares [K] of training; MetricError for a class without any."""
        shares: list[float] = effective_prior(self.draws, self.weights).tolist()
        return shares

    def original(self) -> list[float]:
        """Return the class shares [K] of the data before resampling.

        Raises SettingError where they are not known, MetricError for a class without images.
        """
        if self.folder is None:
            raise SettingError(
                "the class shares of the folder, before it was resampled, are not known: train "
                "again, or choose the threshold prior"
            )
        shares: list[float] = effective_prior(self.folder, [1.0] * len(self.folder)).tolist()
        return shares
