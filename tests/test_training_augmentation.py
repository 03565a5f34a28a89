"""Augmentations against torchvision's own operations, image by image, and what each may show."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2 import functional

from rebalance.errors import SettingError
from rebalance.training.augmentation import (
    Augmentation,
    CifarAugmentation,
    NoAugmentation,
    PaperAugmentation,
)
from rebalance.training.parts import AUGMENTATIONS, PARTS, augmentation_of, parts_of, spelled


def images_of(count: int, size: int) -> Tensor:
    """Smooth enough that a hundredth of a pixel is a small difference."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 3, 6, 6, generator=generator)
    fine = torch.nn.functional.interpolate(coarse, size=size, mode="bicubic").clamp(0, 1)
    return fine.mul(255).to(torch.uint8)


def draws_of(augmentation: Augmentation, count: int, seed: int = 0) -> Tensor:
    rng = np.random.default_rng(seed)
    return torch.from_numpy(rng.random((count, augmentation.draws), dtype=np.float32))


PAPER = AUGMENTATIONS["paper"]


def slow_paper(image: Tensor, draws: list[float], parts: tuple[str, ...] = PAPER) -> Tensor:
    """One image, step by step, by torchvision's functions on floats in [0, 1]."""
    flipped, angle, right, down, scale, brightness, contrast, blurred, sigma, *upside = draws
    size = image.shape[2]
    margin = size - 1
    varied = image.float() / 255
    if "flip" in parts and flipped < 0.5:
        varied = functional.horizontal_flip(varied)
    if "vflip" in parts and upside[0] < 0.5:
        varied = functional.vertical_flip(varied)
    shift = size / 10 if "shift" in parts else 0.0
    varied = functional.affine(
        functional.pad(varied, [margin] * 4, padding_mode="reflect"),
        angle=10 * (2 * angle - 1) * ("rotate" in parts),
        translate=[shift * (2 * right - 1), shift * (2 * down - 1)],
        scale=0.9 + 0.2 * scale if "scale" in parts else 1.0,
        shear=[0.0, 0.0],
        interpolation=functional.InterpolationMode.BILINEAR,
    )[:, margin:-margin, margin:-margin]
    if "brightness" in parts:
        varied = functional.adjust_brightness(varied, 0.8 + 0.4 * brightness)
    if "contrast" in parts:
        varied = functional.adjust_contrast(varied, 0.8 + 0.4 * contrast)
    if "blur" in parts and blurred < 0.2:
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


def slow_cifar(image: Tensor, draws: list[float], probability: float, padding: int = 4) -> Tensor:
    """One image; the crop is mirrored, where the library's indices mirror the columns."""
    flipped, down, right, *upside = draws
    places = 2 * padding + 1
    top, left = math.floor(places * down), math.floor(places * right)
    padded = functional.pad(image, [padding] * 4)
    crop = padded[:, top : top + image.shape[1], left : left + image.shape[2]]
    crop = functional.horizontal_flip(crop) if flipped < probability else crop
    return functional.vertical_flip(crop) if upside and upside[0] < 0.5 else crop


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_cifar_is_a_crop_of_the_padded_image_or_its_mirror(probability: float) -> None:
    augmentation = CifarAugmentation(probability)
    images, draws = images_of(60, 12), draws_of(augmentation, 60)
    draws[0, 1:] = 1 - 2**-24  # the largest number that is drawn
    found = augmentation(images, draws)
    assert found.dtype == torch.uint8
    for image, row, varied in zip(images, draws.tolist(), found, strict=True):
        assert torch.equal(varied, slow_cifar(image, row, probability))


@pytest.mark.parametrize(
    "text", ["rotate", "shift,scale", "colour", "blur", "vflip,rotate", "flip,vflip,shift,contrast"]
)
def test_parts_of_the_paper_are_what_torchvision_does_image_by_image(text: str) -> None:
    parts, augmentation = parts_of(text), augmentation_of(text)
    images, draws = images_of(12, 32), draws_of(augmentation, 12)
    for image, row, varied in zip(images, draws.tolist(), augmentation(images, draws), strict=True):
        torch.testing.assert_close(varied, slow_paper(image, row, parts), rtol=0, atol=0.15)


@pytest.mark.parametrize("text", ["crop", "flip", "vflip", "crop,vflip", "flip,vflip"])
def test_crops_and_flips_move_pixels_and_blend_none(text: str) -> None:
    parts, augmentation = parts_of(text), augmentation_of(text)
    across, padding = 0.5 * ("flip" in parts), 4 * ("crop" in parts)
    images, draws = images_of(40, 12), draws_of(augmentation, 40)
    assert draws.shape[1] == 3 + ("vflip" in parts)
    for image, row, varied in zip(images, draws.tolist(), augmentation(images, draws), strict=True):
        assert torch.equal(varied, slow_cifar(image, row, across, padding))


def test_a_crop_comes_before_the_other_parts_each_by_its_own_numbers() -> None:
    augmentation, inner = augmentation_of("blur,rotate,vflip,crop"), ("rotate", "blur")
    images, draws = images_of(20, 24), draws_of(augmentation, 20)
    for image, row, varied in zip(images, draws.tolist(), augmentation(images, draws), strict=True):
        expected = slow_paper(slow_cifar(image, row[:4], 0.0), row[4:], inner)
        torch.testing.assert_close(varied, expected, rtol=0, atol=0.15)


def test_a_preset_is_its_parts_and_as_it_was() -> None:
    for name, parts in AUGMENTATIONS.items():
        assert augmentation_of(",".join(parts) or "none") == augmentation_of(name)
        assert spelled(name) == spelled(",".join(reversed(parts)) or "none") == name
    assert augmentation_of("paper") == PaperAugmentation()
    assert augmentation_of("cifar") == CifarAugmentation()


def test_every_choice_of_parts_is_spelled_in_one_way_and_flipped_as_told() -> None:
    for number in range(1, 4):
        for parts in combinations(PARTS, number):
            assert parts_of(spelled(",".join(reversed(parts)))) == parts
            for flips, wanted in {"none": set(), "h": {"flip"}, "hv": {"flip", "vflip"}}.items():
                found = {*parts_of(spelled(",".join(parts), flips))}
                assert found == ({*parts} - {"flip", "vflip"}) | wanted
    assert spelled("paper", "h") == "paper"  # as it is anyway: the same run as before


@pytest.mark.parametrize("text", ["zoom", "", "crop,,flip", "Crop", "crop flip"])
def test_no_such_part(text: str) -> None:
    with pytest.raises(SettingError, match=r"augment is one of paper, cifar, none, or parts with"):
        parts_of(text)


@pytest.mark.parametrize("name", [*AUGMENTATIONS, "crop,vflip,rotate,colour"])
def test_an_image_is_varied_by_its_own_numbers_alone(name: str) -> None:
    """Whatever batch it is in, and batches are not changed themselves."""
    augmentation = augmentation_of(name)
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
