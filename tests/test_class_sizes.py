"""Class sizes asked for, against what the classes have."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalance.class_sizes import grown_sizes, target_size, wanted_sizes
from rebalance.errors import TargetError
from rebalance.settings import Growth, Targets

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
        (Targets(to="0.01x"), "at least 1 image"),
        (Targets(per_class=(("cat", 51),)), "class 'cat' has 50 images; 51 were asked for"),
        (Targets(per_class=(("cat", 0),)), "class 'cat' has 50 images; 0 were asked for"),
        (Targets(per_class=(("cats", 5),)), "no class 'cats' .*did you mean 'cat'"),
        (Targets(classes=("bird",)), "no class 'bird' among the 3 classes"),
    ],
)
def test_impossible_targets(targets, message):
    with pytest.raises(TargetError, match=message):
        wanted_sizes(COUNTS, targets)


@pytest.mark.parametrize(
    ("to", "message"),
    [
        ("0", "at least 1 image; '0' asks for 0"),
        ("0x", "at least 1 image; '0x' asks for 0"),
        ("-3", "a target is {}, a number, or Rx"),
        ("x", "a target is"),
        ("1e3", "a target is"),
        ("", "a target is"),
        ("9" * 5000, r"a target is {}, .*; got '9+'\.\.\. \(5000 characters\)$"),
        ("9" * 20, "a target is at most 2147483647"),
        ("9" * 20 + "x", "a target is at most 2147483647"),
    ],
)
def test_what_is_no_size_is_refused_before_there_are_classes(to, message):
    for options, word, other in ((Targets, "min", "max"), (Growth, "max", "min")):
        with pytest.raises(TargetError, match=message.format(word)):
            options(to=to)
        with pytest.raises(TargetError, match=f"a target is {word}, a number"):
            options(to=other)


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


@pytest.mark.parametrize(
    ("growth", "sizes"),
    [
        (Growth(), {"cat": 50, "dog": 50, "owl": 50}),
        (Growth(to="15"), {"cat": 50, "dog": 20, "owl": 15}),
        (Growth(to="5"), COUNTS),
        (Growth(to="70"), {"cat": 70, "dog": 70, "owl": 70}),
        (Growth(to="0.5x"), {"cat": 50, "dog": 25, "owl": 25}),
        (Growth(to="1.55X"), {"cat": 77, "dog": 77, "owl": 77}),
        (Growth(to=" MAX "), {"cat": 50, "dog": 50, "owl": 50}),
        (Growth(per_class=(("owl", 10),)), {"cat": 50, "dog": 50, "owl": 10}),
        (Growth(per_class=(("cat", 51),)), {"cat": 51, "dog": 50, "owl": 50}),
        (Growth(classes=("dog",)), {"cat": 50, "dog": 50, "owl": 10}),
        (Growth(per_class=(("owl", 12),), classes=("dog",)), {"cat": 50, "dog": 50, "owl": 12}),
    ],
)
def test_grown_sizes(growth, sizes):
    assert grown_sizes(COUNTS, growth) == sizes


@pytest.mark.parametrize(
    ("growth", "message"),
    [
        (Growth(to="0.01x"), "at least 1 image"),
        (Growth(per_class=(("cat", 49),)), "class 'cat' has 50 images; 49 were .*undersample it"),
        (Growth(per_class=(("cat", 0),)), "class 'cat' has 50 images; 0 were asked for"),
        (Growth(per_class=(("cats", 90),)), "no class 'cats' .*did you mean 'cat'"),
        (Growth(classes=("bird",)), "no class 'bird' among the 3 classes"),
    ],
)
def test_impossible_growth(growth, message):
    with pytest.raises(TargetError, match=message):
        grown_sizes(COUNTS, growth)


def test_max_may_stand_for_more_than_the_largest_class():
    assert grown_sizes(COUNTS, Growth(), 80) == dict.fromkeys(COUNTS, 80)
    assert grown_sizes(COUNTS, Growth(to="0.5x"), 80) == {"cat": 50, "dog": 40, "owl": 40}
    assert grown_sizes(COUNTS, Growth(to="12"), 80) == {"cat": 50, "dog": 20, "owl": 12}


def test_a_single_class_has_no_larger_one_to_grow_to():
    with pytest.raises(TargetError, match="one class only, 'cat'"):
        grown_sizes({"cat": 50, "empty": 0}, Growth())
    assert grown_sizes({"cat": 50}, Growth(to="70")) == {"cat": 70}
    assert grown_sizes({"cat": 50}, Growth(per_class=(("cat", 60),))) == {"cat": 60}


def test_an_empty_class_cannot_grow():
    counts = {"a": 9, "b": 4, "empty": 0}
    assert grown_sizes(counts, Growth()) == {"a": 9, "b": 9, "empty": 0}
    assert grown_sizes(counts, Growth(to="20")) == {"a": 20, "b": 20, "empty": 0}
    with pytest.raises(TargetError, match="class 'empty' has 0 images; 3 were asked for: add some"):
        grown_sizes(counts, Growth(per_class=(("empty", 3),)))


@given(
    st.dictionaries(st.text(min_size=1), st.integers(1, 1000), min_size=2),
    st.sampled_from(["max", "1", "170", "0.5x", "1.5x"]),
)
def test_no_class_shrinks(counts, to):
    try:
        size = target_size(to, max(counts.values()), "max")
    except TargetError:  # half of a class of 1
        return
    sizes = grown_sizes(counts, Growth(to=to))
    assert list(sizes) == list(counts)
    assert all(sizes[name] == max(count, size) for name, count in counts.items())
