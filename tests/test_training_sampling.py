"""Samplers draw as often as they should; a division deals out everything once."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalance.training.sampling import SAMPLERS, Division

LABELS = np.repeat([0, 1, 3], [900, 100, 25])  # no image of class 2


@pytest.mark.parametrize("name", SAMPLERS)
def test_an_epoch_is_as_long_as_the_data_and_the_seed_decides(name: str) -> None:
    before = LABELS.copy()
    found = [SAMPLERS[name](LABELS, np.random.default_rng(seed)) for seed in (0, 0, 1)]
    assert len(found[0]) == len(LABELS)
    assert 0 <= found[0].min() <= found[0].max() < len(LABELS)
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])
    assert np.array_equal(LABELS, before)
    assert len(SAMPLERS[name](LABELS[:0], np.random.default_rng(0))) == 0


def test_none_shows_every_image_once() -> None:
    order = SAMPLERS["none"](LABELS, np.random.default_rng(0))
    assert sorted(order) == list(range(len(LABELS)))
    assert not np.array_equal(order, np.arange(len(LABELS)))


@pytest.mark.parametrize(
    ("name", "shares"),
    [("balanced", [1 / 3, 1 / 3, 0, 1 / 3]), ("sqrt", [30 / 45, 10 / 45, 0, 5 / 45])],
)
def test_classes_are_drawn_as_often_as_they_should(name: str, shares: list[float]) -> None:
    rng = np.random.default_rng(0)
    drawn = np.concatenate([SAMPLERS[name](LABELS, rng) for _ in range(40)])
    found = np.bincount(LABELS[drawn], minlength=4) / len(drawn)
    assert found == pytest.approx(shares, abs=0.01)
    smallest = np.bincount(drawn[LABELS[drawn] == 3], minlength=len(LABELS))[LABELS == 3]
    assert smallest.min() > 0.7 * smallest.mean()  # images of a class are drawn alike


@given(
    count=st.integers(0, 90),
    batch_size=st.integers(6, 30),
    accumulation=st.integers(1, 4),
    world=st.integers(1, 3),
)
def test_every_image_of_a_step_is_dealt_out_once(
    count: int, batch_size: int, accumulation: int, world: int
) -> None:
    order = np.random.default_rng(count).permutation(count)
    divisions = [Division(batch_size, accumulation, rank, world) for rank in range(world)]
    steps = divisions[0].steps(count)
    dealt = [list(division.passes(order)) for division in divisions]
    assert {len(own) for own in dealt} == {sum(passes for _, passes in steps)}
    at = 0
    for step, (images, passes) in enumerate(steps):
        assert 1 <= passes <= accumulation
        batch = order[step * batch_size : (step + 1) * batch_size]
        assert len(batch) == images
        parts = [own[at + part] for own in dealt for part in range(passes)]
        assert Counter(np.concatenate(parts).tolist()) == Counter(batch.tolist())
        of_passes = [sum(len(own[at + part]) for own in dealt) for part in range(passes)]
        assert min(of_passes) >= 2
        assert min(len(part) for part in parts) >= 1
        at += passes
    left_out = count - sum(images for images, _ in steps)
    assert left_out < max(2, world)
    assert left_out in (0, count % batch_size)


def test_alone_only_a_last_batch_of_one_is_left_out() -> None:
    assert Division(4).steps(9) == [(4, 1), (4, 1)]
    assert Division(4).steps(10) == [(4, 1), (4, 1), (2, 1)]
    assert Division(8, accumulation=4).steps(13) == [(8, 4), (5, 2)]


def test_a_process_takes_every_world_th_image() -> None:
    order = np.arange(100, 112)
    first, second = (list(Division(6, rank=rank, world=2).passes(order)) for rank in (0, 1))
    assert [part.tolist() for part in first] == [[100, 102, 104], [106, 108, 110]]
    assert [part.tolist() for part in second] == [[101, 103, 105], [107, 109, 111]]


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_sampler_says_how_often_it_draws_each_class(name):
    labels = np.repeat([0, 1, 2], [900, 90, 10])
    rng = np.random.default_rng(0)
    drawn = sum(np.bincount(labels[SAMPLERS[name](labels, rng)]) for _ in range(200))
    found = np.array(SAMPLERS[name].draws(labels, 3))
    np.testing.assert_allclose(found / found.sum(), drawn / drawn.sum(), rtol=0.05)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_class_that_is_not_there_is_not_drawn(name):
    assert SAMPLERS[name].draws([0, 2, 2], 4)[1::2] == [0, 0]
