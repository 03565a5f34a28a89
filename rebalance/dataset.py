"""Images on their way to training: decoded, augmented and put into batches.

What a sample looks like depends on the seed, the epoch, the sample and how often the epoch has
shown it alone, never on which worker made it. Imports torch; never click, scikit-learn or umap.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rebalance import seeds
from rebalance.errors import DataError, UnreadableImage
from rebalance.images import open_image
from rebalance.models.transforms import Transform
from rebalance.parallel import ordered_map
from rebalance.progress import Progress, silent

Key = tuple[int, int, int]  # (epoch, position, how often the epoch showed it before)
Batch = tuple[Tensor, Tensor]  # uint8 [B, 3, H, W], int64 [B]

HELD_BYTES = 256 * 2**20  # a set that is no larger when decoded stays in memory


@dataclass(eq=False)
class ImageDataset(Dataset[tuple[Tensor, int]]):
    """Labelled images under ``root``, fetched by keys.

    paths: relative to ``root``; labels: class index of each. transform: its ``image`` makes the
    uint8 tensor [3, H, W] that ``augmentation`` (if there is one) then varies.
    """

    root: Path
    paths: Sequence[str]
    labels: Sequence[int]
    transform: Transform
    augmentation: Callable[[Tensor], Tensor] | None
    seed: int
    held: Tensor | None = field(default=None, init=False, repr=False)

    def __len__(self) -> int:
        return len(self.paths)

    def hold(self, workers: int, progress: Progress = silent, limit: int = HELD_BYTES) -> None:
        """Decode every image once and keep it, if all of them take at most ``limit`` bytes.

        To be called before worker processes start, which then share the memory. Raises DataError
        for an image that cannot be read.
        """
        if self.held is not None or not self.paths:
            return
        shape = self._decode(0).shape
        if len(self) * shape.numel() > limit:
            return
        held = torch.empty(len(self), *shape, dtype=torch.uint8)
        decoded = ordered_map(self._decode, range(len(self)), workers)
        shown = progress(decoded, total=len(self), what="reading images", unit="images")
        for position, image in enumerate(shown):
            held[position] = image
        self.held = held

    def __getitem__(self, key: Key) -> tuple[Tensor, int]:
        """The image as ``epoch`` shows it (uint8 [3, H, W]), and its class.

        Raises DataError for an image that cannot be read.
        """
        epoch, position, shown = key
        image = self.pixels(position)
        repeat = (shown,) if shown else ()
        if self.augmentation is not None:
            with torch.random.fork_rng(devices=[]):
                # torch.manual_seed would also reset the generators of accelerators, which
                # dropout draws from while this runs in the training process.
                torch.default_generator.manual_seed(
                    seeds.integer(self.seed, "augment", epoch, position, *repeat)
                )
                image = self.augmentation(image)
        return image, self.labels[position]

    def pixels(self, position: int) -> Tensor:
        """The image before augmentation. Raises DataError if it cannot be read."""
        return self._decode(position) if self.held is None else self.held[position]

    def _decode(self, position: int) -> Tensor:
        path = self.paths[position]
        try:
            return self.transform.image(open_image(self.root / path))
        except UnreadableImage as error:
            raise DataError(
                f"training needs every image readable, found {path!r} ({error}): "
                "remove or repair it and run again"
            ) from None


@dataclass(frozen=True)
class _Batches(Dataset["Batch | DataError"]):
    """Whole batches of a dataset.

    An error is returned, not raised: the loader passes on what a worker raises as a traceback of
    many lines.
    """

    dataset: ImageDataset

    def __getitem__(self, keys: Sequence[Key]) -> Batch | DataError:
        try:
            samples = [self.dataset[key] for key in keys]
        except DataError as error:
            return error
        images, labels = zip(*samples, strict=True)
        return torch.stack(images), torch.tensor(labels)


def batches(
    dataset: ImageDataset, keys: Iterable[Sequence[Key]], workers: int, *, pin: bool
) -> Iterator[Batch]:
    """Images uint8 [B, 3, H, W] and labels [B] for each list of keys, in order.

    workers: processes that decode and augment ahead; 0 does it here. pin: put batches in
    page-locked memory, from where a CUDA device copies them faster. Raises DataError for an image
    that cannot be read.
    """
    loader = DataLoader(
        _Batches(dataset),
        sampler=keys,
        batch_size=None,
        num_workers=workers,
        pin_memory=pin,
        generator=torch.Generator(),  # or it draws from, and so moves, the global one
    )
    for batch in loader:
        if isinstance(batch, DataError):
            raise batch
        images, labels = batch
        yield images, labels
