"""levels and scales: what is white is decided by the whole set, or by a file's own header."""

import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalance.data.levels import EACH_ALONE, DepthScale, Levels
from rebalance.data.scales import held_against, scale_of

LEVELS = st.builds(
    lambda low, span, white, floats: Levels(low, low + span, white, floats),
    st.sampled_from([-5.0, 0.0, 0.25, 3.0]),
    st.sampled_from([0.0, 0.5, 200.0, 3000.0, 70000.0]),
    st.sampled_from([None, 4095.0]),
    st.booleans(),
)


@pytest.mark.parametrize(
    ("highest", "white"),
    [
        *((1, 255), (255, 255), (256, 1023), (1023, 1023), (1024, 4095), (3000, 4095)),
        *((4096, 16383), (16383, 16383), (16384, 65535), (65535, 65535)),
    ],
)
def test_white_is_of_the_first_depth_that_holds_the_set(highest: int, white: int) -> None:
    assert DepthScale.of([Levels(0, 1), Levels(0, highest)]).integers == (0, white)


@pytest.mark.parametrize(
    ("ranges", "window"),
    [
        ([(0, 0.2), (0.1, 1)], (0, 1)),
        ([(0, 0.02), (0, 4095 / 65535)], (0, 4095 / 65535)),
        ([(0, 1), (2, 10)], (0, 10)),
        ([(-1, 0.5), (0, 3)], (-1, 3)),
    ],
)
def test_floats_are_shares_of_16_bits_or_reach_over_the_set(ranges, window) -> None:
    assert DepthScale.of([Levels(*each, floats=True) for each in ranges]).floats == window


def test_integers_beyond_16_bits_reach_over_the_set() -> None:
    assert DepthScale.of([Levels(-1024, 200), Levels(0, 3071)]).integers == (-1024, 3071)


def test_what_does_not_count() -> None:
    nothing_finite = Levels(np.inf, -np.inf, floats=True)
    assert DepthScale.of([None, nothing_finite, Levels(0, 9, white=4095)]) == EACH_ALONE


@given(st.lists(LEVELS | st.none(), max_size=8), st.randoms())
def test_order_does_not_count_and_every_file_of_a_kind_has_one_window(levels, random) -> None:
    scale = DepthScale.of(levels)
    random.shuffle(levels)
    assert DepthScale.of(levels) == scale
    for each in levels:
        used = None if each is None else scale.window(each) or each.alone
        if each is not None and each.white is None:
            assert used == (scale.floats if each.floats else scale.integers)
        elif each is not None:
            assert used == (0, 4095)


@given(st.lists(LEVELS | st.none(), max_size=8))
def test_a_record_brings_the_scale_back(levels) -> None:
    scale = DepthScale.of(levels)
    assert (DepthScale.from_record(scale.as_record()) or EACH_ALONE) == scale


@pytest.mark.parametrize("record", [None, {}, [], 3, {"integers": "ab"}, {"floats": [1, 2, 3]}])
def test_a_record_that_is_no_scale(record) -> None:
    assert DepthScale.from_record(record) is None


def test_features_are_kept_by_what_is_white() -> None:
    digest, dark, full = bytes(16), Levels(0, 3000), Levels(0, 65535)
    twelve = DepthScale.of([dark])
    assert twelve.key(digest, None) == digest  # a file of 8 bits
    assert DepthScale.of([dark, full]).key(digest, dark) == digest  # as it always was
    assert len({digest, twelve.key(digest, dark), DepthScale((0, 1023)).key(digest, dark)}) == 3
    assert EACH_ALONE.key(digest, Levels(0, 3000, white=4095)) == twelve.key(digest, dark)


def test_the_scale_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        scale_of([None, Levels(0, 255 * 257)])
        assert caplog.messages == []
        scale_of([Levels(0, 3000), Levels(0, 4095), None])
    assert caplog.messages == [
        "2 images have 16 bits a sample, of which the set uses 12: white is 4095 in all of them"
    ]


def test_one_file_that_makes_all_others_dark_is_said(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        scale_of([Levels(0, 4000), Levels(0, 4095), Levels(0, 65535)])
    assert len(caplog.messages) == 1
    assert "2 of 3 images with more than 8 bits show less than 16 of 256" in caplog.text


def test_a_scale_that_is_known_stays(caplog: pytest.LogCaptureFixture) -> None:
    known = DepthScale((0, 16383))
    assert scale_of([Levels(0, 200)], known) is known
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        held_against([Levels(0, 16000), None], known)
        assert caplog.messages == []
        held_against([Levels(0, 65535)], known)
    assert "from 0 to 65535, and are scaled as those trained on are, from 0 to 16383" in caplog.text
