"""The labels, or the counts of classes, that a manifest, a dataset or an array stands for.

Imports torch and numpy, and nothing else that is heavy.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader, Dataset, Subset

from rebalance.errors import DataError, shown, some
from rebalance.manifest import Manifest
from rebalance.torch.opening import opened_manifest

LabelSource: TypeAlias = (
    Manifest | Path | str | Dataset[Any] | Tensor | NDArray[Any] | Sequence[int] | Sequence[str]
)
"""A manifest, its path or that of a folder of images, a dataset with ``targets``, or labels."""

CountSource: TypeAlias = (
    Manifest
    | Path
    | str
    | Dataset[Any]
    | Mapping[str, float]
    | Tensor
    | NDArray[Any]
    | Sequence[float]
)
"""What ``LabelSource`` is, but a count for each class, in class order, in place of labels."""


CLASSES_AT_MOST = 1 << 20


@dataclass(frozen=True)
class ClassLabels:
    """The class of each image, and what the classes are called where that is known.

    labels: ints [N] from 0 on. classes: names [K], or numbers as text.
    """

    labels: NDArray[np.int64]
    classes: tuple[str, ...]

    @property
    def sizes(self) -> NDArray[np.int64]:
        """The number of images of each class [K]."""
        return np.bincount(self.labels, minlength=len(self.classes))


def labels_of(source: LabelSource) -> ClassLabels:
    """Return the class of each row of a manifest, or of each image of a dataset, in order.

    source: a manifest, the path of one or of a folder of images, a dataset with ``targets`` (as
    torchvision's have), a subset of one or several in one, or the labels themselves: whole numbers
    from 0 on, or names.
    DataError where there are none, or other things than these.

    >>> from rebalance.torch.labels import labels_of
    >>> labels_of(["dog", "cat", "dog"])
    ClassLabels(labels=array([1, 0, 1]), classes=('cat', 'dog'))
    """
    if isinstance(source, Manifest | Path | str):
        source = opened_manifest(source)
        numbers = {name: label for label, name in enumerate(source.classes)}
        labels = np.array([numbers[row.trained_as] for row in source.rows], dtype=np.int64)
        return ClassLabels(_some_labels(labels, source), source.classes)
    if isinstance(source, Subset):
        whole = labels_of(source.dataset)
        return ClassLabels(_some_labels(whole.labels[list(source.indices)], source), whole.classes)
    if isinstance(source, ConcatDataset):
        return _joined([labels_of(each) for each in source.datasets])
    if isinstance(source, Dataset):
        if not hasattr(source, "targets"):
            raise DataError(
                f"a {type(source).__name__} does not tell its labels: it needs targets, as an "
                "ImageFolder has them; give the labels themselves, one for each image"
            )
        found = labels_of(source.targets)
        names = tuple(map(str, getattr(source, "classes", None) or ()))
        return ClassLabels(found.labels, names + found.classes[len(names) :])
    return _given(source)


def counts_of(source: CountSource) -> Mapping[str, float] | list[float]:
    """Return the counts of the classes, in class order, with their names where they are known.

    >>> from pathlib import Path
    >>> from rebalance import Manifest, Row
    >>> from rebalance.torch.labels import counts_of
    >>> counts_of(Manifest(Path("photos"), ("cat", "dog"), (Row("cat/1.jpg", "cat"),)))
    {'cat': 1, 'dog': 0}
    """
    if isinstance(source, Manifest | Path | str):
        return opened_manifest(source).counts
    if isinstance(source, Dataset):
        labels = labels_of(source)
        return dict(zip(labels.classes, labels.sizes.tolist(), strict=True))
    if isinstance(source, Mapping):
        numbers: Any = int | float | np.integer | np.floating
        if odd := [each for each in source.values() if not isinstance(each, numbers)]:
            raise DataError(f"a count is needed for each class, not {shown(odd[0])}")
        return source
    if isinstance(source, Tensor):
        source = source.detach().cpu().numpy()
    try:
        array = np.asarray(source)
    except ValueError:  # lists of several lengths
        array = np.empty(0)
    if array.ndim != 1 or not len(array) or array.dtype.kind not in "iuf":
        raise DataError(f"a count is needed for each class, in class order, not {shown(source)}")
    # One that is no number made the others floats, which they were not.
    return [int(count) if count.is_integer() else count for count in map(float, array)]


def _given(source: Any) -> ClassLabels:
    if isinstance(source, Tensor):
        source = source.detach().cpu().numpy()
    # What has keys or columns would give them for labels, and a set has no order.
    unfit = isinstance(source, Mapping | Set | DataLoader) or hasattr(source, "columns")
    if unfit or not isinstance(source, Iterable):
        raise DataError(
            f"one label is needed for each image, in order, not a {type(source).__name__}: give a "
            "manifest, a dataset with targets, or a list of labels"
        )
    try:
        given = list(source)
        array = np.asarray(given)
    except (TypeError, ValueError):  # no dimension, or lists of several lengths
        raise DataError(
            f"one label is needed for each image, but these are {shown(source)}"
        ) from None
    if array.ndim != 1:
        raise DataError(
            f"one label is needed for each image, but the labels have the shape {array.shape}"
        )
    if array.dtype.kind in "UO":  # numpy makes texts of whatever stands among texts
        if odd := [label for label in given if not isinstance(label, str)]:
            raise DataError(
                f"a label is a whole number from 0 on, or a name, not {shown(odd[0])} as among "
                "these"
            )
        names, labels = np.unique(array, return_inverse=True)
        return ClassLabels(_some_labels(labels, source), tuple(names.tolist()))
    if len(array) and (array.dtype.kind not in "iub" or array.min() < 0):
        raise DataError(
            f"a label is a whole number from 0 on, or a name, not {shown(array.min().item())} as "
            f"among these {array.dtype} labels"
            if array.dtype.kind in "iubf"
            else f"a label is a whole number from 0 on, or a name; these are {array.dtype}"
        )
    if len(array) and array.max() >= CLASSES_AT_MOST:
        raise DataError(
            f"a label is the number of a class, from 0 on without large gaps, and not "
            f"{shown(array.max().item())}: give names, as texts"
        )
    labels = _some_labels(array.astype(np.int64), source)
    return ClassLabels(labels, tuple(map(str, range(labels.max() + 1))))


def _joined(parts: Sequence[ClassLabels]) -> ClassLabels:
    """Join the labels of several datasets, which number the classes alike."""
    classes = max((part.classes for part in parts), key=len)
    for part in parts:
        if part.classes != classes[: len(part.classes)]:
            raise DataError(
                "datasets in one must number the classes alike, but have "
                f"{some(part.classes)} and {some(classes)}: give the labels themselves"
            )
    return ClassLabels(np.concatenate([part.labels for part in parts]), classes)


def _some_labels(labels: NDArray[np.int64], source: object) -> NDArray[np.int64]:
    if not len(labels):
        what = "labels" if isinstance(source, Sequence | np.ndarray) else type(source).__name__
        raise DataError(f"there must be an image to draw, but the {what} given hold none")
    return labels
