"""Folds: every image validated on once, classes spread evenly, kin together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebalance.errors import DataError
from rebalance.studies.folds import deal

NAMES = ("a", "b", "c")


def dealt(labels, kin=None, folds=5, seed=0, grouped=False):
    labels = np.asarray(labels)
    kin = range(len(labels)) if kin is None else kin
    return deal(labels, NAMES, list(kin), folds, seed, grouped=grouped)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(2, 30), min_size=2, max_size=3),
    st.integers(2, 5),
    st.integers(0, 2**31),
)
def test_every_class_is_spread_evenly_and_trained_on_everywhere(sizes, folds, seed):
    labels = np.repeat(np.arange(len(sizes)), sizes)
    if folds > max(sizes):
        return
    found = dealt(labels, folds=folds, seed=seed)
    assert set(found) <= set(range(folds))
    for label, size in enumerate(sizes):
        inside = np.bincount(found[labels == label], minlength=folds)
        assert inside.max() - inside.min() <= 1 and inside.sum() == size
        assert (inside < size).all()  # so that each fold's training part has some


def test_a_seed_decides_and_another_deals_otherwise():
    labels = np.repeat([0, 1], [40, 10])
    np.testing.assert_array_equal(dealt(labels, seed=1), dealt(labels, seed=1))
    assert (dealt(labels, seed=1) != dealt(labels, seed=2)).any()


def test_equal_files_stay_together_and_change_nothing_for_others():
    labels = np.repeat([0, 1], [20, 10])
    kin = np.arange(30)
    kin[7] = kin[3]
    kin[29] = kin[22]
    found = dealt(labels, kin)
    assert found[7] == found[3] and found[29] == found[22]
    apart = np.delete(np.arange(30), [7, 29])
    np.testing.assert_array_equal(found[apart], dealt(labels[apart]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000))
def test_groups_are_never_divided(seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 25, 200)
    labels = rng.choice(3, 200, p=[0.6, 0.3, 0.1])
    found = dealt(labels, groups, seed=seed, grouped=True)
    for group in np.unique(groups):
        assert len(set(found[groups == group])) == 1
    assert set(found) == set(range(5))


@pytest.mark.parametrize(
    ("labels", "kin", "grouped", "said"),
    [
        ([0, 0, 0, 1], None, False, "class 'b' has only one image"),
        ([0, 0, 0, 1, 1], [0, 1, 2, 7, 7], True, "class 'b' has only one group"),
        ([0, 0, 0, 1, 1], [0, 1, 2, 7, 7], False, "class 'b' has only one image"),
        (
            [0, 0, 1, 1],
            None,
            False,
            "5 folds need a class of as many images, and the largest has 2",
        ),
    ],
)
def test_what_cannot_be_dealt_is_one_line(labels, kin, grouped, said):
    with pytest.raises(DataError, match=said) as error:
        dealt(labels, kin, grouped=grouped)
    assert "\n" not in str(error.value)


def test_a_class_smaller_than_the_folds_is_validated_on_in_some():
    found = dealt(np.repeat([0, 1], [50, 2]))
    assert len(set(found[50:])) == 2
