"""Augmentations against torchvision's own operations, image by image, and what each may show."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from rebalance.training.augmentation import (
    AUGMENTATIONS,
    Augmentation,
    CifarAugmentation,
    NoAugmentation,
    PaperAugmentation,
)


def images_of(count: int, size: int) -> Tensor:
    """Smooth enough that a hundredth of a pixel is a small difference."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 6, 6, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, size=size, mode="bicubic").clamp(0, 1)
    return fine.mul(255).to(torch.uint8)


def draws_of(augmentation: Augmentation, count: int, seed: int = 0) -> Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.random((count, augmentation.draws), dtype=np.float32))


def slow_paper(image: Tensor, draws: list[float]) -> Tensor:
    """One image, step by step, by torchvision's functions on floats in [0, 1]."""
    flipped, angle, right, down, scale, brightness, contrast, blurred, sigma = draws
    size = image.shape[2]
    margin = size - 1
    varied = image.float() / 255
    if flipped < 0.5:
        varied = functional.horizontal_flip(varied)
    varied = functional.affine(
        functional.pad(varied, [margin] * 4, padding_mode="reflect"),
        angle=10 * (2 * angle - 1),
        translate=[size / 10 * (2 * right - 1), size / 10 * (2 * down - 1)],
        scale=0.9 + 0.2 * scale,
        shear=[0.0, 0.0],
        interpolation=functional.InterpolationMode.BILINEAR,
    )[:, margin:-margin, margin:-margin]
    varied = functional.adjust_brightness(varied, 0.8 + 0.4 * brightness)
    varied = functional.adjust_contrast(varied, 0.8 + 0.4 * contrast)
    if blurred < 0.2:
        kernel = 2 * max(size // 32, 1) + 1
        varied = functional.gaussian_blur(varied, [kernel] * 2, [size / 320 * (1 + 3 * sigma)] * 2)
    return varied * 255


@pytest.mark.parametrize("size", [32, 65])
def test_paper_is_what_torchvision_does_image_by_image(size: int) -> None:
    augmentation = PaperAugmentation()
    images, draws = images_of(24, size), draws_of(augmentation, 24)
    assert 0 < int((draws[:, 7] < 0.2).sum()) < 24  # some are blurred
    found = augmentation(images, draws)
    assert found.dtype == torch.float32
    for image, row, varied in zip(images, draws.tolist(), found, strict=True):
        torch.testing.assert_close(varied, slow_paper(image, row), rtol=0, atol=0.15)


@pytest.mark.parametrize("size", [8, 32, 224])
def test_paper_is_mild_and_shows_no_black_border(size: int) -> None:
    grey = torch.full((16, 3, size, size), 120, dtype=torch.uint8)
    augmentation = PaperAugmentation()
    seen = augmentation(grey, draws_of(augmentation, 16))
    assert seen.shape == grey.shape
    low, high = seen.amin((1, 2, 3)), seen.amax((1, 2, 3))
    assert float((high - low).max()) < 0.01
    assert 70 < float(low.min()) <= float(high.max()) < 180
    assert len({round(value) for value in high.tolist()}) > 4  # brightness varies


def slow_cifar(image: Tensor, draws: list[float], probability: float) -> Tensor:
    """One image; the crop is mirrored, where the library's indices mirror the columns."""
    flipped, down, right = draws
    top, left = math.floor(9 * down), math.floor(9 * right)
    padded = functional.pad(image, [4, 4, 4, 4])
    crop = padded[:, top : top + image.shape[1], left : left + image.shape[2]]
    return functional.horizontal_flip(crop) if flipped < probability else crop


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_cifar_is_a_crop_of_the_padded_image_or_its_mirror(probability: float) -> None:
    augmentation = CifarAugmentation(probability)
    images, draws = images_of(60, 12), draws_of(augmentation, 60)
    draws[0, 1:] = 1 - 2**-24  # the largest number that is drawn
    found = augmentation(images, draws)
    assert found.dtype == torch.uint8
    for image, row, varied in zip(images, draws.tolist(), found, strict=True):
        assert torch.equal(varied, slow_cifar(image, row, probability))


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_image_is_varied_by_its_own_numbers_alone(name: str) -> None:
    """Whatever batch it is in, and batches are not changed themselves."""
    augmentation = AUGMENTATIONS[name](0.5)
    images, draws = images_of(40, 224), draws_of(augmentation, 40)
    before = images.clone()
    together = augmentation(images, draws)
    assert together.shape == images.shape
    assert torch.equal(images, before)
    for place in (0, 7, 8, 39):
        alone = augmentation(images[place : place + 1], draws[place : place + 1])[0]
        torch.testing.assert_close(alone.float(), together[place].float(), rtol=0, atol=1e-2)


@pytest.mark.parametrize("augmentation", [PaperAugmentation(0.0), CifarAugmentation(0.0)])
def test_flips_can_be_turned_off(augmentation: Augmentation) -> None:
    lit_left = torch.zeros(30, 3, 32, 32, dtype=torch.uint8)
    lit_left[..., :16] = 200
    seen = augmentation(lit_left, draws_of(augmentation, 30)).float()
    assert bool((seen[..., :16].mean((1, 2, 3)) > seen[..., 16:].mean((1, 2, 3))).all())


def test_none_changes_nothing() -> None:
    images = images_of(2, 8)
    assert NoAugmentation().draws == 0
    assert torch.equal(NoAugmentation()(images, torch.empty(2, 0)), images)
