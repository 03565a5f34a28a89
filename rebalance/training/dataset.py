"""Images on their way to training: decoded, and put into batches.

Imports torch; never click, scikit-learn or umap.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from torch import Tensor

from rebalance.data.files import formats_of, read_bytes
from rebalance.data.images import opened
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.data.recipes import sample_image
from rebalance.data.samples import ScoringSet, TrainingSet
from rebalance.errors import DataError, PassingFault, UnreadableImage
from rebalance.manifest import Row
from rebalance.models.transforms import Transform
from rebalance.oversampling.soft_labels import SoftLabels
from rebalance.parallel import ordered_map
from rebalance.progress import Progress, silent
from rebalance.settings import HELD_BYTES
from rebalance.training.augmentation import Augmentation
from rebalance.training.parts import augmentation_of


class Pairs(NamedTuple):
    """How the first M images of a forward pass are mixed with others of it.

    partners: int64 [M], where the partner of each stands in the pass. numbers: float32 [M, 3], see
    ``mixing``. The other images of the pass are there as partners alone.
    """

    partners: Tensor
    numbers: Tensor


class Pass(NamedTuple):
    """What a forward pass is to see.

    positions: [B], in the dataset. draws: float32 [B, P], the random numbers that vary each image.
    pairs: where images are mixed.
    """

    positions: NDArray[np.int64]
    draws: NDArray[np.float32]
    pairs: Pairs | None = None


class Batch(NamedTuple):
    """images: uint8 [B, 3, H, W], before augmentation. labels: int64 [B]. draws: [B, P].

    others, shares: of labels that two classes share, the second class [B], and how much it has.
    positions: int64 [B], in the dataset. pairs: where images are mixed.
    """

    images: Tensor
    labels: Tensor
    draws: Tensor
    others: Tensor
    shares: Tensor
    positions: Tensor
    pairs: Pairs | None = None

    def pinned(self) -> "Batch":
        """Return the same in page-locked memory."""
        images, labels, draws, others, shares, at = (part.pin_memory() for part in self[:6])
        return Batch(images, labels, draws, others, shares, at, self.pairs)


@dataclass(eq=False)
class ImageDataset:
    """Labelled images under ``root``.

    paths: relative to ``root``; labels: class index of each. transform: its ``image`` makes the
    uint8 tensor [3, H, W] of an image. augmentation: what training varies batches of them by.
    limit: bytes of memory that ``hold`` may take. made: for a position, the recipe of its image,
    where that is no file as it is. shares: for a position, another class that has a share of the
    label, and how much. scale: of images with more than 8 bits a sample.
    """

    root: Path
    paths: Sequence[str]
    labels: Sequence[int]
    transform: Transform
    augmentation: Augmentation
    limit: int = HELD_BYTES["auto"]
    made: Mapping[int, Row] = field(default_factory=dict)
    shares: Mapping[int, tuple[int, float]] = field(default_factory=dict)
    scale: DepthScale = EACH_ALONE
    held: Tensor | None = field(default=None, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.paths)

    def hold(self, workers: int, device: str = "cpu", progress: Progress = silent) -> None:
        """Decode every image once and keep it, if all of them take at most ``limit`` bytes.

        On ``device`` where it has room, else in the machine's memory. Raises DataError for an image
        that cannot be read.
        """
        if self.held is not None or not self.paths:
            return
        shape = self._decode(0).shape
        size = len(self) * shape.numel()
        if size > self.limit:
            return
        held = torch.empty(len(self), *shape, dtype=torch.uint8)
        decoded = ordered_map(self._decode, range(len(self)), workers)
        shown = progress(decoded, total=len(self), what="reading images", unit="images")
        for position, image in enumerate(shown):
            held[position] = image
        self.held = held.to(device) if _has_room(device, size) else held

    def pixels(self, position: int) -> Tensor:
        """The image uint8 [3, H, W]. Raises DataError if it cannot be read."""
        return self._decode(position) if self.held is None else self.held[position]

    def batches(self, passes: Iterable[Pass], workers: int, *, pin: bool) -> Iterator[Batch]:
        """A batch for each pass, in order.

        workers: threads that decode ahead; 0 does it here. pin: put batches in page-locked memory,
        from where a CUDA device copies them faster. Raises DataError for an image that cannot be
        read.
        """
        told = SoftLabels.read(self.labels, self.shares)
        labels, others = torch.from_numpy(told.own), torch.from_numpy(told.other)
        shares = torch.from_numpy(told.share.astype(np.float32))
        for (positions, draws, pairs), images in self._images(passes, workers):
            at = torch.from_numpy(positions)
            batch = Batch(
                images, labels[at], torch.from_numpy(draws), others[at], shares[at], at, pairs
            )
            yield batch.pinned() if pin else batch

    def _images(self, passes: Iterable[Pass], workers: int) -> Iterator[tuple[Pass, Tensor]]:
        if self.held is not None:
            for each in passes:
                yield each, self.held[torch.from_numpy(each.positions).to(self.held.device)]
            return
        begun: deque[Pass] = deque()

        def positions() -> Iterator[int]:
            for each in passes:
                begun.append(each)
                yield from each.positions.tolist()

        batch: list[Tensor] = []
        for image in ordered_map(self._decode, positions(), workers):
            batch.append(image)
            if len(batch) == len(begun[0].positions):
                yield begun.popleft(), torch.stack(batch)
                batch = []

    def _decode(self, position: int) -> Tensor:
        path = self.paths[position]
        if position not in self.made:
            with self._opened(path) as image:
                return self.transform.image(image)
        with ExitStack() as taken:

            def opened(path: str) -> Image:
                return taken.enter_context(self._opened(path))

            return self.transform.image(sample_image(self.made[position], opened))

    @contextmanager
    def _opened(self, path: str) -> Iterator[Image]:
        try:
            data = read_bytes(self.root / path)
            with opened(data, formats=formats_of(path), scale=self.scale) as image:
                yield image
        except PassingFault as error:
            raise DataError(
                f"training needs every image readable, found {path!r} ({error}): see to it and "
                "run again"
            ) from None
        except UnreadableImage as error:
            raise DataError(
                f"training needs every image readable, found {path!r} ({error}): "
                "remove or repair it and run again"
            ) from None


def _has_room(device: str, size: int) -> bool:
    """Tell whether ``size`` bytes leave half of what is free there to the network."""
    return device == "cuda" and size <= torch.cuda.mem_get_info()[0] // 2


def dataset_of(
    images: TrainingSet | ScoringSet,
    transform: Transform,
    augmentation: str = "none",
    in_memory: str = "auto",
) -> ImageDataset:
    """The images with their transform, to be varied as ``parts.augmentation_of`` reads."""
    folder = images.folder
    vary, limit = augmentation_of(augmentation), HELD_BYTES[in_memory]
    trained = images if isinstance(images, TrainingSet) else None
    return ImageDataset(
        folder.root,
        folder.paths,
        folder.labels,
        transform,
        vary,
        limit,
        {} if trained is None else trained.made,
        {} if trained is None else trained.shares,
        images.scale,
    )
