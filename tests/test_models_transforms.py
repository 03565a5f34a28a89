import numpy as np
import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms.v2 import CenterCrop, InterpolationMode, Resize
from torchvision.transforms.v2.functional import pil_to_tensor

from rebalance.errors import ExtractorError
from rebalance.models.transforms import (
    CIFAR_TRANSFORM,
    Transform,
    plain_transform,
    torchvision_transform,
    with_image_size,
    with_view,
)

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}


def picture(width: int, height: int, seed: int = 0) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8))


def transformed(transform: Transform, image: Image.Image) -> torch.Tensor:
    return transform.normalise(transform.image(image)[None])[0]


@pytest.mark.parametrize("size", [(301, 500), (500, 301), (61, 47), (224, 224), (256, 256), (1, 8)])
@pytest.mark.parametrize(
    ("arch", "weights"),
    [
        ("resnet50", "IMAGENET1K_V1"),
        ("resnet50", "DEFAULT"),
        ("mobilenet_v2", "DEFAULT"),
        ("efficientnet_b0", "DEFAULT"),
        ("vit_b_16", "DEFAULT"),
        ("swin_t", "DEFAULT"),
    ],
)
def test_the_transform_is_torchvisions(arch: str, weights: str, size: tuple[int, int]) -> None:
    preset = torchvision.models.get_model_weights(arch)[weights].transforms()
    image = picture(*size)
    ours = transformed(torchvision_transform(arch, weights=weights), image)
    torch.testing.assert_close(ours, preset(image), rtol=0, atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(1, 40), st.integers(0, 20))
def test_any_size_and_crop(width: int, height: int, crop: int, margin: int) -> None:
    if max(width, height) > 8 * min(width, height):
        return  # where the ends are cut off: below
    preset = torchvision.transforms._presets.ImageClassification(
        crop_size=crop, resize_size=crop + margin
    )
    image = picture(width, height)
    ours = transformed(Transform(crop + margin, crop, **IMAGENET, interpolation="bilinear"), image)
    torch.testing.assert_close(ours, preset(image), rtol=0, atol=1e-6)


def test_every_architecture_agrees_with_its_preset() -> None:
    for arch in torchvision.models.list_models(module=torchvision.models):
        preset = torchvision.models.get_model_weights(arch).DEFAULT.transforms()
        ours = torchvision_transform(arch)
        assert [ours.resize, ours.crop] == [*preset.resize_size, *preset.crop_size]
        assert [*ours.mean, *ours.std] == [*preset.mean, *preset.std]
        assert ours.interpolation == preset.interpolation.value


@pytest.mark.parametrize("size", [(20, 200), (300, 20)])
def test_the_ends_of_a_long_image_do_not_show(size: tuple[int, int]) -> None:
    preset = torchvision.models.get_model_weights("resnet50").IMAGENET1K_V1.transforms()
    image = picture(*size)
    ours = transformed(torchvision_transform("resnet50", weights="IMAGENET1K_V1"), image)
    torch.testing.assert_close(ours, preset(image), rtol=0, atol=1e-6)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic", "nearest"])
@pytest.mark.parametrize("size", [(301, 150), (61, 47), (33, 99), (56, 56), (8, 1), (30, 600)])
def test_a_stretched_image_is_torchvisions_resize(
    size: tuple[int, int], interpolation: str
) -> None:
    ours = Transform(64, 56, **IMAGENET, interpolation=interpolation, fit="stretch")
    width, height = size
    image = picture(1 + width // 5, 1 + height // 5).resize(size, Image.Resampling.BICUBIC)
    expected = pil_to_tensor(Resize((56, 56), InterpolationMode(interpolation))(image))
    found, quick = ours.image(image), ours.fitted(pil_to_tensor(image))
    # Beyond one to eight, the longer side is resized first and not the wider one.
    off = 0 if max(size) <= 8 * min(size) else 2
    assert int((found.int() - expected.int()).abs().max()) <= off
    assert int((quick.int() - expected.int()).abs().max()) <= 2
    assert float((quick.float() - expected.float()).abs().mean()) < 0.5


@pytest.mark.parametrize("fit", ["crop", "stretch"])
@pytest.mark.parametrize("size", [(1, 3_000_000), (3_000_000, 1), (3, 1_000_001)])
def test_a_line_of_pixels_stays_within_memory(size: tuple[int, int], fit: str) -> None:
    image = Image.new("RGB", size, (10, 20, 30))  # resized whole it would be 600 GB
    transform = with_view(torchvision_transform("resnet50"), None, fit)
    for pixels in (transform.image(image), transform.fitted(pil_to_tensor(image))):
        assert pixels.shape == (3, 224, 224)
        assert pixels.flatten(1).unique(dim=1).flatten().tolist() == [10, 20, 30]


def test_images_travel_as_bytes() -> None:
    pixels = CIFAR_TRANSFORM.image(picture(40, 33))
    assert pixels.dtype == torch.uint8
    assert pixels.shape == (3, 32, 32)
    assert pixels.is_contiguous()


def test_normalise_leaves_its_input_alone() -> None:
    batch = torch.full((2, 3, 4, 4), 255, dtype=torch.uint8)
    values = CIFAR_TRANSFORM.normalise(batch)
    assert values.dtype == torch.float32
    assert batch.eq(255).all()
    expected = [(1 - m) / s for m, s in zip(CIFAR_TRANSFORM.mean, CIFAR_TRANSFORM.std, strict=True)]
    torch.testing.assert_close(values[0, :, 0, 0], torch.tensor(expected))


def test_plain_transforms() -> None:
    assert plain_transform("cifar_resnet20") == CIFAR_TRANSFORM
    assert plain_transform("cifar_wrn28_10") == CIFAR_TRANSFORM
    assert (plain_transform("inception_v3").resize, plain_transform("inception_v3").crop) == (
        342,
        299,
    )
    assert plain_transform("resnet50").resize == 256
    assert torchvision_transform("resnet50").resize == 232
    assert plain_transform("vit_h_14") == torchvision_transform("vit_h_14")


def test_the_image_size_scales_resize_and_crop_together() -> None:
    transform = torchvision_transform("resnet50", weights="IMAGENET1K_V1")
    assert with_image_size(transform, 224) == transform
    half = with_image_size(transform, 112)
    assert (half.resize, half.crop) == (128, 112)
    assert (half.mean, half.std) == (transform.mean, transform.std)
    assert with_image_size(CIFAR_TRANSFORM, 7).resize == 7
    with pytest.raises(ExtractorError, match="at least 1 pixel, not 0"):
        with_image_size(transform, 0)


@settings(deadline=None)
@given(
    st.integers(1, 2000),
    st.integers(0, 100),
    st.sampled_from(["nearest", "bicubic"]),
    st.sampled_from(["crop", "stretch"]),
)
def test_a_transform_survives_its_description(
    crop: int, margin: int, interpolation: str, fit: str
) -> None:
    transform = Transform(crop + margin, crop, **IMAGENET, interpolation=interpolation, fit=fit)
    described = transform.to_dict()
    assert Transform.from_dict(described) == transform
    assert ("fit" in described) == (fit == "stretch")  # files of before it was a choice stay


@pytest.mark.parametrize(
    "change",
    [
        {"crop": 0},
        {"resize": 31},
        {"interpolation": "psychic"},
        {"fit": "squeeze"},
        {"std": [0, 1, 1]},
        {"mean": [0.5]},
        {"mean": None},
    ],
)
def test_no_such_transform(change: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Transform.from_dict({**CIFAR_TRANSFORM.to_dict(), **change})


def test_unknown_architectures_and_weights_are_refused() -> None:
    with pytest.raises(ExtractorError, match="unknown architecture 'resnet51'; try --arch resnet"):
        torchvision_transform("resnet51")
    with pytest.raises(ExtractorError, match="unknown architecture"):
        plain_transform("resnet51")
    with pytest.raises(ExtractorError, match="no weights IMAGENET1K_V2 of vgg11"):
        torchvision_transform("vgg11", weights="IMAGENET1K_V2")
    with pytest.raises(ExtractorError, match="no weights DEFAULT of cifar_resnet20"):
        torchvision_transform("cifar_resnet20")


@pytest.mark.parametrize("size", [(90, 61), (61, 91), (75, 75), (30, 90)])
def test_a_squashed_image_is_resized_and_then_cropped(size: tuple[int, int]) -> None:
    image = picture(*size)
    found = Transform(resize=50, crop=40, **IMAGENET, interpolation="bilinear", fit="squash")
    wanted = CenterCrop(40)(Resize((50, 50), InterpolationMode.BILINEAR)(image))
    assert torch.equal(found.image(image), pil_to_tensor(wanted))
    off = found.fitted(pil_to_tensor(image)).int() - found.image(image).int()
    assert off.abs().max() <= 1
    assert Transform.from_dict(found.to_dict()) == found


@pytest.mark.parametrize("margin", range(6))
def test_a_corner_is_rounded_to_even_or_down(margin: int) -> None:
    image = picture(20 + margin, 20)
    whole = pil_to_tensor(image)
    for floor, corner in ((False, round(margin / 2)), (True, int(margin / 2))):
        found = Transform(20, 20, **IMAGENET, interpolation="bilinear", floor=floor)
        assert torch.equal(found.fitted(whole), whole[:, :, corner : corner + 20])
        assert torch.equal(found.image(image), found.fitted(whole))
        assert Transform.from_dict(found.to_dict()) == found


@pytest.mark.parametrize("name", ["box", "hamming", "lanczos"])
def test_interpolations_that_torch_has_not_are_pillows(name: str) -> None:
    image = picture(61, 47)
    found = Transform(32, 24, **IMAGENET, interpolation=name)
    resampling = Image.Resampling[name.upper()]
    wanted = pil_to_tensor(image.resize((int(32 * 61 / 47), 32), resampling))
    assert torch.equal(found.fitted(pil_to_tensor(image)), CenterCrop(24)(wanted))
