"""Blends of every class with every other, and the labels that they share."""

import math
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from rebalance.oversampling import OVERSAMPLERS, Added
from rebalance.oversampling.soft_labels import SoftLabels

SIZES = [40, 10, 6]
LABELS = np.random.default_rng(5).permutation(np.repeat(np.arange(3), SIZES))
WANTED = {label: 2 * 40 - size for label, size in enumerate(SIZES)}


def drawn(method: str, wanted: dict[int, int], labels: np.ndarray = LABELS) -> Added:
    return OVERSAMPLERS[method](None, labels, wanted, np.random.default_rng(1))


@pytest.mark.parametrize("method", ["mixup", "skew-mix"])
def test_half_of_what_a_class_ends_with_is_blends(method: str) -> None:
    added = drawn(method, WANTED)
    assert added.share is not None
    blended = added.base != added.partner
    assert np.bincount(LABELS[added.base[blended]]).tolist() == [40, 40, 40]
    assert (LABELS[added.base] != LABELS[added.partner])[blended].all()
    assert not added.share[~blended].any() and not added.weight[~blended].any()
    # Each image stands as often as every other of its class, but for a remainder.
    for label, members in ((1, 10), (2, 6)):
        often = Counter(added.base[~blended & (LABELS[added.base] == label)].tolist())
        assert len(often) == members and max(often.values()) - min(often.values()) <= 1


def test_the_share_is_the_formula_one_blend_after_another() -> None:
    added, plain = drawn("skew-mix", {1: 900}), drawn("mixup", {1: 900})
    assert added.share is not None
    for base, partner, weight, share in zip(
        added.base.tolist(), added.partner.tolist(), added.weight.tolist(), added.share, strict=True
    ):
        if base == partner:
            continue
        own, other = SIZES[LABELS[base]], SIZES[LABELS[partner]]
        kept = math.log((1 - weight) / weight) + math.log(other / own)
        assert 1 - share == pytest.approx(1 / (1 + math.exp(-kept)))
    np.testing.assert_array_equal(plain.share, plain.weight)


def test_partners_are_of_either_class_as_likely_and_weights_uniform() -> None:
    added = drawn("skew-mix", {2: 4000})
    blends = added.base != added.partner
    of = Counter(LABELS[added.partner[blends]].tolist())
    assert set(of) == {0, 1} and stats.chisquare([*of.values()]).pvalue > 1e-4
    assert stats.kstest(added.weight[blends], "uniform").pvalue > 1e-4
    partners = Counter(added.partner[blends & (LABELS[added.partner] == 1)].tolist())
    assert len(partners) == SIZES[1] and stats.chisquare([*partners.values()]).pvalue > 1e-4


def test_a_class_alone_is_repeated_and_says_so() -> None:
    added = drawn("skew-mix", {0: 7}, np.zeros(4, np.int64))
    np.testing.assert_array_equal(added.base, added.partner)
    assert added.share is None and "no other class to blend with" in added.notes[0]


def test_a_shared_label_counts_for_both_classes() -> None:
    own, other, share = [0, 0, 1, 2, 2], [0, 2, 0, 1, 2], [0.0, 0.75, 0.5, 0.1, 0.0]
    soft = SoftLabels.read(own, {1: (2, 0.75), 2: (0, 0.5), 3: (1, 0.1)})
    assert soft.shared and not SoftLabels.read(own, {}).shared
    by_hand = [0.0] * 3
    for first, second, part in zip(own, other, share, strict=True):
        by_hand[first] += 1 - part
        by_hand[second] += part
    assert soft.amounts(3) == pytest.approx(by_hand)
    # Drawn as often as there are samples of each class it is the same; twice as often, twice.
    assert soft.drawn([2, 1, 2]) == pytest.approx(by_hand)
    assert soft.drawn([4, 2, 4]) == pytest.approx([2 * each for each in by_hand])
    assert soft.drawn([0, 1, 0]) == pytest.approx([0.5, 0.5, 0])
