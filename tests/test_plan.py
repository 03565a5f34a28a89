"""Class sizes asked for, against what the classes have."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalance.errors import TargetError
from rebalance.plan import target_size, wanted_sizes
from rebalance.settings import Targets

COUNTS = {"cat": 50, "dog": 20, "owl": 10}


@pytest.mark.parametrize(
    ("targets", "sizes"),
    [
        (Targets(), {"cat": 10, "dog": 10, "owl": 10}),
        (Targets(to="15"), {"cat": 15, "dog": 15, "owl": 10}),
        (Targets(to="5"), {"cat": 5, "dog": 5, "owl": 5}),
        (Targets(to="2x"), {"cat": 20, "dog": 20, "owl": 10}),
        (Targets(to="1.55X"), {"cat": 15, "dog": 15, "owl": 10}),
        (Targets(to="100"), COUNTS),
        (Targets(per_class=(("cat", 33),)), {"cat": 33, "dog": 10, "owl": 10}),
        (Targets(classes=("dog",)), {"cat": 50, "dog": 10, "owl": 10}),
        (Targets(per_class=(("cat", 7),), classes=("dog",)), {"cat": 7, "dog": 10, "owl": 10}),
    ],
)
def test_sizes(targets, sizes):
    assert wanted_sizes(COUNTS, targets) == sizes


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (Targets(to="0"), "at least 1 image; '0' asks for 0"),
        (Targets(to="0.01x"), "at least 1 image"),
        (Targets(to="-3"), "a target is min, a number, or Rx"),
        (Targets(to="x"), "a target is"),
        (Targets(to="1e3"), "a target is"),
        (Targets(to=""), "a target is"),
        (Targets(per_class=(("cat", 51),)), "class 'cat' has 50 images; 51 were asked for"),
        (Targets(per_class=(("cat", 0),)), "class 'cat' has 50 images; 0 were asked for"),
        (Targets(per_class=(("cats", 5),)), "no class 'cats' .*did you mean 'cat'"),
        (Targets(classes=("bird",)), "no class 'bird' among the 3 classes"),
    ],
)
def test_impossible_targets(targets, message):
    with pytest.raises(TargetError, match=message):
        wanted_sizes(COUNTS, targets)


def test_a_single_class_has_nothing_to_compare_with():
    with pytest.raises(TargetError, match="one class only, 'cat'"):
        wanted_sizes({"cat": 50}, Targets())
    with pytest.raises(TargetError, match="one class only"):
        wanted_sizes({"cat": 50, "empty": 0}, Targets(to="2x"))
    assert wanted_sizes({"cat": 50}, Targets(to="7")) == {"cat": 7}
    assert wanted_sizes({"cat": 50}, Targets(per_class=(("cat", 9),))) == {"cat": 9}


def test_an_empty_class_is_not_the_smallest():
    sizes = wanted_sizes({"a": 9, "b": 4, "empty": 0}, Targets())
    assert sizes == {"a": 4, "b": 4, "empty": 0}


@given(st.integers(1, 10**6), st.integers(0, 999), st.integers(1, 10**6))
def test_a_ratio_is_exact(whole, thousandths, smallest):
    text = f"{whole}.{thousandths:03d}x"
    exact = (Fraction(whole) + Fraction(thousandths, 1000)) * smallest
    assert target_size(text, smallest) == exact.numerator // exact.denominator


@given(
    st.dictionaries(st.text(min_size=1), st.integers(1, 1000), min_size=2),
    st.sampled_from(["min", "1", "17", "1.5x", "3x"]),
)
def test_no_class_grows_and_none_vanishes(counts, to):
    sizes = wanted_sizes(counts, Targets(to=to))
    assert list(sizes) == list(counts)
    size = target_size(to, min(counts.values()))
    for name, count in counts.items():
        assert sizes[name] == (count if count <= size else size)
