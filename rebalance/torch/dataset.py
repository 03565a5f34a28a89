"""The samples of a manifest as images: a dataset that stands where torchvision's ImageFolder does.

Imports torch; never torchvision.
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch.utils.data import Dataset

from rebalance.data.images import open_image
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.data.recipes import sample_image
from rebalance.errors import DataError, SettingError, UnreadableImage
from rebalance.manifest import Manifest
from rebalance.torch.opening import check_images, opened_manifest
from rebalance.torch.packing import PackedRows
from rebalance.torch.samples import SampleList
from rebalance.torch.targets import soft_target, warn_of_shares

Function = Callable[[Any], Any]


@dataclass(frozen=True)
class ImageLoader:
    """Reads an image file as ``rebalance train`` does: upright, on white, as 8-bit RGB.

    scale: of images with more than 8 bits a sample.
    """

    scale: DepthScale = EACH_ALONE

    def __call__(self, path: str) -> Image.Image:
        """Return the image. Raises UnreadableImage."""
        return open_image(path, self.scale)


class ManifestDataset(Dataset[Any]):
    """The samples of a manifest, in its order: an item is (image, target).

    manifest: as it is read, or its path; a folder of images stands for all of them. transform: of
    the image, ``target_transform``: of the target, a class index. repeat_transform: in place of
    ``transform`` for what a recipe makes and for every appearance of an image after its first, so
    that repetition may be varied more. loader: reads the file at a path, not ``ImageLoader``.
    with_index: whether an item ends with its index. soft_targets: whether targets are float32 [K],
    in which a blend of two classes has a share of both; otherwise it counts as its base's class.
    root: where the images are, if not where the manifest says.

    As in ImageFolder there are ``classes``, ``class_to_idx``, ``samples``, ``imgs`` and
    ``targets``; a class without samples keeps its number. They are for reading: changing them
    changes no item. Recipes are followed on the images before any transform, as ``materialize``
    follows them.

    Raises ManifestError and DataError as ``read_manifest``, DataError for files that are not there
    and for blends of features, which ``EmbeddingDataset`` makes. An item whose image cannot be read
    is a DataError then.
    """

    def __init__(
        self,
        manifest: Manifest | Path | str,
        transform: Function | None = None,
        target_transform: Function | None = None,
        loader: Callable[[str], Any] | None = None,
        *,
        repeat_transform: Function | None = None,
        with_index: bool = False,
        soft_targets: bool = False,
        root: Path | str | None = None,
    ) -> None:
        read = opened_manifest(manifest, root)
        name = "the manifest" if isinstance(manifest, Manifest) else str(manifest)
        self._rows = rows = PackedRows.of(read)
        blends = rows.of_kind("synthetic")
        if blends.any() and read.record.get("space") == "embedding":
            raise DataError(
                f"images were needed, and {name!r} has {blends.sum()} samples that blend "
                "features: give it to EmbeddingDataset, or oversample with --space pixel"
            )
        check_images(read, rows.names, name)
        self.root = read.root
        self.classes = list(read.classes)
        self.class_to_idx = {label: number for number, label in enumerate(read.classes)}
        self.transform, self.repeat_transform = transform, repeat_transform
        self.target_transform = target_transform
        self.with_index, self.soft_targets = with_index, soft_targets
        scale = DepthScale.from_record(read.record.get("scale")) or EACH_ALONE
        self.loader: Callable[[str], Any] = ImageLoader(scale) if loader is None else loader
        self._record = read.record
        self._made = rows.made
        self._again = rows.repeated | self._made
        if not soft_targets:
            warn_of_shares(rows.labels)

    def __len__(self) -> int:
        """Return the number of samples, repeated and made ones too."""
        return len(self._rows)

    def __getitem__(self, index: int) -> Any:
        """Return the item at ``index``, which may count from the end.

        Raises DataError for an image that cannot be read, SettingError where a loader's cannot be
        blended.
        """
        index = range(len(self))[operator.index(index)]  # a slice is no item
        image, target = self._image(index), self._target(index)
        repeated = self.repeat_transform is not None and self._again[index]
        transform = self.repeat_transform if repeated else self.transform
        if transform is not None:
            image = transform(image)
        if self.target_transform is not None:
            target = self.target_transform(target)
        return (image, target, index) if self.with_index else (image, target)

    @cached_property
    def targets(self) -> list[int]:
        """The class index of each sample."""
        found: list[int] = self._rows.labels.own.tolist()
        return found

    @property
    def samples(self) -> SampleList:
        """The absolute path and the class index of each sample; of a blend, those of its base."""
        rows = self._rows
        return SampleList(self.root, rows.names, rows.file, rows.labels.own)

    @property
    def imgs(self) -> SampleList:
        """The same as ``samples``, by ImageFolder's other name."""
        return self.samples

    @property
    def manifest(self) -> Manifest:
        """The samples as a manifest, made anew each time; what was left out is not in it."""
        rows = tuple(self._rows.rows(self.classes))
        return Manifest(self.root, tuple(self.classes), rows, record=self._record)

    def get_labels(self) -> list[int]:
        """Return ``targets``, as imbalanced-dataset-sampler asks for them."""
        return self.targets

    def __getstate__(self) -> dict[str, Any]:
        # A list is made again where it is asked for: a worker need not be sent a million objects.
        return {name: value for name, value in vars(self).items() if name != "targets"}

    def __repr__(self) -> str:
        """Return what there is, as torchvision's datasets say it, and how it came about."""
        rows = self._rows
        counted = {
            "repeated": rows.repeated,
            "blended": rows.of_kind("synthetic"),
            "augmented": rows.of_kind("augmented"),
            "generated": rows.of_kind("generated"),
        }
        always = ("repeated", "blended")
        found = {name: int(which.sum()) for name, which in counted.items()}
        further = {name: count for name, count in found.items() if count or name in always}
        plain = len(self) - sum(further.values())
        told = [f"{plain} images", *(f"{count} {name}" for name, count in further.items())]
        counts = np.bincount(self._rows.labels.own, minlength=len(self.classes))
        lines = [
            f"Dataset {type(self).__name__}",
            f"Number of datapoints: {len(self)} ({', '.join(told)})",
            f"Root location: {self.root}",
            f"Number of classes: {len(self.classes)}, of {counts.min()} to {counts.max()}",
        ]
        for name in ("transform", "repeat_transform", "target_transform"):
            if (function := getattr(self, name)) is not None:
                first, *more = repr(function).splitlines()
                lines += [f"{name}: {first}", *more]
        return "\n    ".join(lines)

    def _image(self, index: int) -> Any:
        rows = self._rows
        if not self._made[index]:
            return self._loaded(rows.names[int(rows.file[index])], index)

        def opened(name: str) -> Image.Image:
            image = self._loaded(name, index)
            if not isinstance(image, Image.Image):
                raise SettingError(
                    f"item {index} is made of images, which needs a loader that returns PIL "
                    f"images; it returned {type(image).__name__}: convert in transform instead"
                )
            return image

        return sample_image(rows.recipe(index), opened)

    def _loaded(self, name: str, index: int) -> Any:
        try:
            return self.loader(f"{self.root}/{name}")
        except UnreadableImage as error:
            raise DataError(
                f"item {index} needs {name!r}, which cannot be read ({error}): mend it, or make "
                "the manifest anew"
            ) from None

    def _target(self, index: int) -> Any:
        labels = self._rows.labels
        if self.soft_targets:
            return soft_target(labels, index, len(self.classes))
        return int(labels.own[index])
