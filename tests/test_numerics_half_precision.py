"""Halves made single: every one of them, as numpy converts it."""

import numpy as np
import pytest

from rebalance.numerics.half_precision import to_single

EVERY = np.arange(1 << 16, dtype=np.uint16).view(np.float16).reshape(256, 256)


@pytest.mark.parametrize("part", [np.s_[:], np.s_[::3, 5:], np.s_[:, ::-2], np.s_[4:4]])
def test_equals_numpys_conversion(part):
    halves = EVERY[part]
    found = to_single(halves)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, halves.astype(np.float32))
    if np.isfinite(halves).all():
        np.testing.assert_array_equal(np.signbit(found), np.signbit(halves))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_other_precisions_stay_what_they_are(dtype):
    values = np.ones((2, 3), dtype)
    assert to_single(values) is values


def test_halves_of_the_other_byte_order_are_told_apart():
    swapped = np.array([1.5, -2.0], np.dtype(np.float16).newbyteorder())
    np.testing.assert_array_equal(to_single(swapped), [1.5, -2.0])
