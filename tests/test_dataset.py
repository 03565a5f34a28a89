"""Batches of images: the right pixels, the same whatever the number of workers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from rebalance.augmentation import paper_augmentation
from rebalance.dataset import HELD_BYTES, ImageDataset, Key, batches
from rebalance.errors import DataError
from rebalance.folder import scan
from rebalance.models.transforms import Transform

SIZE = 16
PLAIN = Transform(SIZE, SIZE, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "bilinear")

Augmentation = Callable[[Tensor], Tensor]
MakeFolder = Callable[..., Path]


@pytest.fixture
def root(tmp_path: Path, make_folder: MakeFolder) -> Path:
    return make_folder(tmp_path / "data", {"cat": 5, "dog": 4}, size=(SIZE, SIZE))


def dataset_of(root: Path, augmentation: Augmentation | None = None, seed: int = 0) -> ImageDataset:
    folder = scan(root)
    return ImageDataset(root, folder.paths, folder.labels, PLAIN, augmentation, seed)


def keys_of(epoch: int, *positions: int) -> list[Key]:
    return [
        (epoch, position, positions[:place].count(position))
        for place, position in enumerate(positions)
    ]


def test_samples_are_the_pixels_of_the_files(root: Path) -> None:
    dataset = dataset_of(root)
    assert len(dataset) == 9
    for position, (path, label) in enumerate(zip(dataset.paths, dataset.labels, strict=True)):
        image, found = dataset[(0, position, 0)]
        assert image.dtype == torch.uint8
        assert np.array_equal(image.permute(1, 2, 0).numpy(), np.asarray(Image.open(root / path)))
        assert found == label


@pytest.mark.parametrize("held", [True, False])
def test_workers_do_not_change_batches(root: Path, held: bool) -> None:
    keys = [[*keys_of(0, 8, 1, 3)], [*keys_of(0, 2, 2)], [*keys_of(1, 5, 0, 7, 4)]]

    def fetched(workers: int) -> list[tuple[Tensor, Tensor]]:
        dataset = dataset_of(root, paper_augmentation(SIZE))
        dataset.hold(workers, limit=HELD_BYTES if held else 0)
        assert (dataset.held is not None) is held
        return list(batches(dataset, keys, workers, pin=False))

    alone, helped = fetched(0), fetched(2)
    assert len(alone) == len(helped) == len(keys)
    for (images, labels), (others, other_labels) in zip(alone, helped, strict=True):
        assert torch.equal(images, others)
        assert torch.equal(labels, other_labels)


def test_batches_follow_the_keys(root: Path) -> None:
    dataset = dataset_of(root, paper_augmentation(SIZE))
    keys = [[(1, 8, 0), (0, 2, 1)], [(5, 0, 0)]]
    for wanted, (images, labels) in zip(keys, batches(dataset, keys, 0, pin=False), strict=True):
        assert images.shape == (len(wanted), 3, SIZE, SIZE)
        assert labels.dtype == torch.int64
        for key, image, label in zip(wanted, images, labels, strict=True):
            assert torch.equal(image, dataset[key][0])
            assert label == dataset.labels[key[1]]


def test_holding_changes_no_sample_and_reads_no_file_again(root: Path) -> None:
    dataset, held = dataset_of(root), dataset_of(root)
    expected = [dataset[(0, position, 0)][0] for position in range(9)]
    held.hold(workers=2)
    for path in held.paths:
        (root / path).unlink()
    for position, image in enumerate(expected):
        assert torch.equal(held[(0, position, 0)][0], image)


def test_a_set_is_held_only_if_it_fits(root: Path) -> None:
    size = 9 * 3 * SIZE * SIZE
    dataset = dataset_of(root)
    dataset.hold(0, limit=size - 1)
    assert dataset.held is None
    dataset.hold(0, limit=size)
    assert dataset.held is not None
    assert dataset.held.nbytes == size


def test_augmentation_depends_on_seed_epoch_sample_and_repeat(root: Path) -> None:
    dataset = dataset_of(root, paper_augmentation(SIZE))
    again, other = dataset_of(root, dataset.augmentation), dataset_of(root, dataset.augmentation, 1)
    image = dataset[(0, 4, 0)][0]
    torch.rand(7)  # what was drawn before does not matter
    assert torch.equal(again[(0, 4, 0)][0], image)
    assert not torch.equal(dataset[(1, 4, 0)][0], image)
    assert not torch.equal(dataset[(0, 4, 1)][0], image)  # what is shown twice is varied twice
    assert not torch.equal(other[(0, 4, 0)][0], image)


def test_the_global_generator_is_left_alone(root: Path) -> None:
    dataset = dataset_of(root, paper_augmentation(SIZE))
    before = torch.get_rng_state()
    for workers in (0, 1):
        list(batches(dataset, [keys_of(0, *range(9))], workers, pin=False))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_image_is_one_line_that_names_it(root: Path, workers: int) -> None:
    (root / "dog" / "002.png").write_bytes(b"no image")
    dataset = dataset_of(root)
    with pytest.raises(DataError, match=r"'dog/002\.png'") as raised:
        list(batches(dataset, [keys_of(0, *range(9))], workers, pin=False))
    assert "\n" not in str(raised.value)
    with pytest.raises(DataError, match=r"'dog/002\.png'"):
        dataset_of(root).hold(workers)
