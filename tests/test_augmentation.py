"""Augmentations: the same shape, mild, and what each one may show of an image."""

import pytest
import torch

from rebalance.augmentation import AUGMENTATIONS, cifar_augmentation, paper_augmentation


@pytest.mark.parametrize("size", [8, 32, 224])
def test_augmentation_is_mild_and_shows_no_black_border(size: int) -> None:
    grey = torch.full((3, size, size), 120, dtype=torch.uint8)
    augmentation = paper_augmentation(size)
    torch.manual_seed(0)
    seen = [augmentation(grey) for _ in range(8)]
    for image in seen:
        assert image.shape == grey.shape
        assert image.dtype == torch.uint8
        assert int(image.max()) - int(image.min()) <= 1
        assert 70 < int(image.min()) < 180
    assert len({int(image.max()) for image in seen}) > 2  # brightness varies


@pytest.mark.parametrize(("probability", "possible"), [(0.0, {True}), (0.5, {True, False})])
def test_flips_can_be_turned_off(probability: float, possible: set[bool]) -> None:
    lit_left = torch.zeros(3, 32, 32, dtype=torch.uint8)
    lit_left[:, :, :16] = 200
    augmentation = paper_augmentation(32, flip_probability=probability)
    torch.manual_seed(0)
    seen = (augmentation(lit_left).float() for _ in range(20))
    assert {bool(image[:, :, :16].mean() > image[:, :, 16:].mean()) for image in seen} == possible


def test_cifar_shows_every_crop_of_the_padded_image_and_its_mirror() -> None:
    image = torch.arange(1, 65, dtype=torch.uint8).view(1, 8, 8).repeat(3, 1, 1)
    padded = torch.nn.functional.pad(image, (4, 4, 4, 4))
    crops = [padded[:, y : y + 8, x : x + 8] for y in range(9) for x in range(9)]
    possible = {tuple(crop.flatten().tolist()) for crop in crops}
    possible |= {tuple(crop.flip(2).flatten().tolist()) for crop in crops}
    torch.manual_seed(0)
    augmentation = cifar_augmentation(8)
    seen = {tuple(augmentation(image).flatten().tolist()) for _ in range(300)}
    assert seen <= possible
    assert len(seen) > 100  # of 162


def test_names_give_augmentations_that_keep_the_shape() -> None:
    image = torch.randint(256, (3, 32, 32), dtype=torch.uint8)
    for name, make in AUGMENTATIONS.items():
        augmentation = make(32, 0.5)
        if name == "none":
            assert augmentation is None
        else:
            varied = augmentation(image)
            assert varied.shape == image.shape
            assert varied.dtype == torch.uint8
