"""Mean and deviation of the channels, against numpy in float64."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rebalance.data.folder import scan
from rebalance.errors import DataError
from rebalance.models.transforms import Transform
from rebalance.training.augmentation import CifarAugmentation
from rebalance.training.channels import normalised_by
from rebalance.training.dataset import ImageDataset

# Of 16 pixels the middle 12 are seen.
TRANSFORM = Transform(16, 12, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), "bilinear")


def dataset_of(root: Path, times: int = 1) -> ImageDataset:
    folder = scan(root)
    paths, labels = folder.paths * times, folder.labels * times
    return ImageDataset(root, paths, labels, TRANSFORM, CifarAugmentation())


def test_they_are_those_of_all_pixels_that_are_seen(
    tmp_path: Path, make_folder: Callable[..., Path]
) -> None:
    root = make_folder(tmp_path / "data", {"cat": 5, "dog": 2}, size=(16, 16))
    pixels = [np.asarray(Image.open(path))[2:14, 2:14] for path in sorted(root.rglob("*.png"))]
    seen = np.concatenate([each.reshape(-1, 3) for each in pixels]) / 255
    found = normalised_by(dataset_of(root), workers=2)
    assert found.mean == pytest.approx(seen.mean(axis=0), rel=1e-12)
    assert found.std == pytest.approx(seen.std(axis=0), rel=1e-9)
    assert (found.resize, found.crop, found.interpolation) == (16, 12, "bilinear")
    assert normalised_by(dataset_of(root), workers=0) == found
    # A manifest that repeats every image tells of the same pixels.
    twice = normalised_by(dataset_of(root, times=2), workers=0)
    assert twice.mean + twice.std == pytest.approx(found.mean + found.std, rel=1e-12)


def test_a_channel_that_never_varies_is_named(tmp_path: Path) -> None:
    for label in ("cat", "dog"):
        (tmp_path / label).mkdir()
        image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        image[:, :, 1] = 7
        Image.fromarray(image).save(tmp_path / label / "0.png")
    with pytest.raises(DataError, match=r"one value of green in all pixels.*--normalise network"):
        normalised_by(dataset_of(tmp_path), workers=0)
