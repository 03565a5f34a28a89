"""Oversamplers that work on images: what they draw, held to loops and to the papers' laws."""

import re
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from rebalance.data.operations import OPERATIONS, read_operations
from rebalance.errors import SettingError
from rebalance.oversampling import OVERSAMPLERS, Added
from rebalance.oversampling.images import VARIATIONS, variations_of
from rebalance.oversampling.spelling import as_sampling
from rebalance.settings import SynthesisOptions

SIZES = [40, 10, 6]
LABELS = np.random.default_rng(5).permutation(np.repeat(np.arange(3), SIZES))


def drawn(method: str, wanted: dict[int, int], labels: np.ndarray = LABELS, **options) -> Added:
    return OVERSAMPLERS[method](None, labels, wanted, np.random.default_rng(1), **options)


def test_every_image_is_copied_as_often_and_no_two_copies_are_equal():
    added = drawn("augment", {1: 34, 2: 20})
    for label, members, count in ((1, 10, 34), (2, 6, 20)):
        often = Counter(added.base[LABELS[added.base] == label].tolist())
        assert sum(often.values()) == count and len(often) == members
        assert max(often.values()) - min(often.values()) <= 1
    assert added.operation is not None and len(set(added.operation)) == 54
    assert added.share is None and (added.base == added.partner).all()


@pytest.mark.parametrize("name", VARIATIONS)
def test_a_copy_is_varied_by_the_operation_that_is_asked_for(name):
    added = drawn("augment", {2: 300}, operations=name)
    assert added.operation is not None
    if "flip" in name:
        assert set(added.operation) == {name, ""}
        assert stats.binomtest(added.operation.count(name), 300).pvalue > 1e-3
        return
    numbers = []
    for text in added.operation:
        ((operation, told),) = read_operations(text, has_partner=False)
        assert operation is OPERATIONS[name]
        numbers.append(told)
    bounds = {
        "scale": (0.9, 1.1),
        "rotate": (-10, 10),
        "shift": (-0.1, 0.1),
        "brightness": (0.8, 1.2),
        "contrast": (0.8, 1.2),
        "blur": (0, 0.02),
        "noise": (0, 0.05),
    }
    low, high = bounds[name]
    for values in zip(*numbers, strict=True):
        if max(values) <= 360:  # no seed
            places = (np.array(values) - low) / (high - low)
            assert stats.kstest(places, "uniform").pvalue > 1e-4
        else:
            assert len(set(values)) == 300


def test_operations_follow_one_another_in_one_order():
    assert variations_of("noise,flip, rotate") == ("flip", "rotate", "noise")
    one, other = (
        drawn("augment", {2: 9}, operations=text) for text in ("noise,rotate", "rotate,noise")
    )
    assert one.operation == other.operation == drawn("augment", {2: 9}).operation
    with pytest.raises(SettingError, match=r"operations are names of flip, .*; got 'paste'"):
        variations_of("flip,paste")


def boxes_of(added: Added) -> np.ndarray:
    assert added.operation is not None
    found = [re.fullmatch(r"paste=(.*):(.*):(.*):(.*)", text) for text in added.operation]
    return np.array([[float(side) for side in each.groups()] for each in found if each])


def test_boxes_are_cut_as_cutmix_cuts_them():
    added = drawn("cmo", {2: 4000})
    boxes, rng = boxes_of(added), np.random.default_rng(8)
    assert boxes.shape == (4000, 4) and boxes.min() >= 0 and boxes.max() <= 1
    by_hand = []
    for _ in range(4000):
        background = rng.beta(1, 1)
        side, across, down = (1 - background) ** 0.5, rng.random(), rng.random()
        edges = (across - side / 2, down - side / 2, across + side / 2, down + side / 2)
        by_hand.append([min(max(edge, 0), 1) for edge in edges])
    for ours, theirs in zip(boxes.T, np.array(by_hand).T, strict=True):
        assert stats.ks_2samp(ours, theirs).pvalue > 1e-4
    areas = [(right - left) * (bottom - top) for left, top, right, bottom in boxes.tolist()]
    assert added.share is not None
    for base, partner, share, area in zip(
        added.base, added.partner, added.share, areas, strict=True
    ):
        own = LABELS[base] == LABELS[partner]
        assert share == pytest.approx(0 if own else 1 - area, abs=1e-12)


def test_backgrounds_are_drawn_from_all_images_but_the_object_itself():
    added = drawn("cmo", {2: 6000})
    assert (added.partner != added.base).all() and not added.weight.any()
    often = Counter(zip(added.base.tolist(), added.partner.tolist(), strict=True))
    assert len(often) == 6 * 55  # whichever the class, each as likely
    assert stats.chisquare([*often.values()]).pvalue > 1e-4


def test_a_blend_has_a_little_of_a_larger_class_in_image_and_label():
    added = drawn("remix", {1: 3000, 2: 100})
    assert added.operation is None
    np.testing.assert_array_equal(added.share, added.weight)
    assert added.weight.min() >= 0 and added.weight.max() <= 0.5
    assert np.median(added.weight) < 0.05
    of_one = LABELS[added.base] == 1
    assert (LABELS[added.partner[of_one]] == 0).all()  # the class of 6 is no larger one
    assert set(LABELS[added.partner[~of_one]].tolist()) == {0, 1}
    often = Counter(added.partner[of_one].tolist())
    assert len(often) == 40 and stats.chisquare([*often.values()]).pvalue > 1e-4
    either = np.random.default_rng(3).beta(0.2, 0.2, 3000)
    folded = [min(each, 1 - each) for each in either]
    assert stats.ks_2samp(added.weight[of_one], folded).pvalue > 1e-4


@pytest.mark.parametrize(
    ("method", "labels", "message"),
    [("remix", [0, 0, 0], "no other class to blend"), ("cmo", [0], "no other image to paste on")],
)
def test_where_there_is_nothing_to_make_an_image_of_it_is_repeated(method, labels, message):
    added = drawn(method, {0: 4}, np.array(labels))
    np.testing.assert_array_equal(added.base, added.partner)
    assert message in added.notes[0] and added.operation is None and added.share is None


def test_the_largest_class_is_blended_with_any_other():
    added = drawn("remix", {0: 300})
    assert set(LABELS[added.partner].tolist()) == {1, 2}


@pytest.mark.parametrize("method", ["augment", "cmo"])
def test_what_makes_images_says_so_where_features_are_asked_for(method):
    message = f"{method} makes images, of which there are no features"
    with pytest.raises(SettingError, match=message):
        as_sampling(method)
    with pytest.raises(SettingError, match=message):
        OVERSAMPLERS[method].check(SynthesisOptions(method, space="embedding"))
    assert OVERSAMPLERS[method].spaces == ("pixel",)


def test_remix_is_for_embeddings_too():
    found = as_sampling("remix:to=90")
    assert found is not None and found.synthesis.space == "embedding"
    assert OVERSAMPLERS["remix"].spaces[0] == "pixel"
