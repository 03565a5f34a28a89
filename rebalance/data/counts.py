"""Counts of images per class, and how far apart the classes are in size."""

from collections.abc import Mapping

from rebalance.data.folder import ImageFolder
from rebalance.metrics.summary import FEW, MANY


def imbalance_ratio(counts: Mapping[str, int]) -> float:
    """Return ρ = max n / min n over the classes that have images; 1 where there are none."""
    filled = [count for count in counts.values() if count]
    return max(filled) / min(filled) if filled else 1.0


def named_counts(folder: ImageFolder) -> dict[str, int]:
    """Count the images of each class, by its name, in class order."""
    return dict(zip(folder.classes, folder.counts, strict=True))


SHOT_GROUPS = ("many", "medium", "few")


def shot_group(count: int) -> str:
    """Name the group of a class with ``count`` training images (Liu et al. 2019, OLTR).

    ``many`` is more than 100 images, ``medium`` 20 to 100, ``few`` fewer than 20.
    """
    return "many" if count > MANY else "few" if count < FEW else "medium"
