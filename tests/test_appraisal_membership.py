"""The vote of neighbours on the class of an image, held against a slow loop in fractions."""

from fractions import Fraction

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rebalance.appraisal import membership
from rebalance.appraisal.membership import balanced_vote


def slow(around: list[int], said: int, sizes: list[int]) -> tuple[int, int, int]:
    """Who wins among the neighbours of one image, and the votes for its own class and for that."""
    votes = [around.count(label) for label in range(len(sizes))]
    weights = [
        Fraction(count, size) if size else Fraction(-1)
        for count, size in zip(votes, sizes, strict=True)
    ]
    most = max(weights)
    winner = said if sizes[said] and weights[said] == most else weights.index(most)
    return winner, votes[said], votes[winner]


@settings(deadline=None, max_examples=30)
@given(st.data())
def test_a_slow_loop_elects_the_same(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.sampled_from([0, 1, 3, 6, 49, 98]), min_size=2, max_size=4))
    there = [label for label, size in enumerate(sizes) if size] or [0]
    sizes[there[0]] = sizes[there[0]] or 1
    count = data.draw(st.integers(1, 6))
    voters = st.lists(st.sampled_from(there), min_size=count, max_size=count)
    around = data.draw(st.lists(voters, min_size=1, max_size=5))
    classes = st.integers(0, len(sizes) - 1)
    said = data.draw(st.lists(classes, min_size=len(around), max_size=len(around)))
    found = balanced_vote(np.array(around), np.array(said), np.array(sizes))
    expected = [slow(each, own, sizes) for each, own in zip(around, said, strict=True)]
    told = zip(found.winner.tolist(), found.own.tolist(), found.others.tolist(), strict=True)
    assert list(told) == expected


def test_one_neighbour_of_a_small_class_outvotes_several_of_a_large_one() -> None:
    around = np.array([[0] * 9 + [1], [0] * 10])
    found = balanced_vote(around, np.array([1, 1]), np.array([200, 20]))
    assert found.winner.tolist() == [1, 0]
    assert (found.own.tolist(), found.others.tolist()) == ([1, 0], [1, 10])


def test_blocks_change_nothing(monkeypatch) -> None:
    rng = np.random.default_rng(0)
    arguments = rng.integers(0, 3, (50, 5)), rng.integers(0, 3, 50), np.array([40, 9, 2])
    whole = balanced_vote(*arguments)
    monkeypatch.setattr(membership, "VOTES_AT_ONCE", 7)
    parts = balanced_vote(*arguments)
    np.testing.assert_array_equal(whole.winner, parts.winner)
    np.testing.assert_array_equal(whole.own, parts.own)
