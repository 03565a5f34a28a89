"""Quotas, pickers and undersamplers against slow loops, imbalanced-learn, and one contract."""

import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from imblearn.under_sampling import EditedNearestNeighbours, NearMiss, TomekLinks
from numpy.typing import NDArray

from rebalance.clusters import InMemory, find_subclasses
from rebalance.errors import FeatureError, SettingError
from rebalance.quotas import QUOTAS
from rebalance.settings import SelectionOptions
from rebalance.undersampling import (
    BY_CHANCE,
    PICKERS,
    UNDERSAMPLERS,
    allot,
    pick_per_cluster,
)
from rebalance.undersampling import pickers as picking

RNG = np.random.default_rng

sizes_and_total = st.lists(st.integers(0, 40), max_size=9).flatmap(
    lambda sizes: st.tuples(st.just(sizes), st.integers(0, sum(sizes)))
)


def allot_one_at_a_time(sizes: list[int], total: int) -> list[int]:
    """Rounds over the clusters that have more to give; the last round serves the largest first."""
    quotas = [0] * len(sizes)
    while total:
        waiting = [i for i, size in enumerate(sizes) if quotas[i] < size]
        waiting.sort(key=lambda i: (-sizes[i], i))
        for i in waiting[:total]:
            quotas[i] += 1
        total -= min(total, len(waiting))
    return quotas


@given(sizes_and_total)
def test_quotas_equal_those_given_out_one_at_a_time(case: tuple[list[int], int]) -> None:
    assert allot(*case) == allot_one_at_a_time(*case)


@given(sizes_and_total)
def test_quotas_add_up_and_are_equal_where_they_can_be(case: tuple[list[int], int]) -> None:
    sizes, total = case
    before = list(sizes)
    quotas = allot(sizes, total)
    assert sum(quotas) == total
    assert all(0 <= quota <= size for quota, size in zip(quotas, sizes, strict=True))
    shares = [quota for quota, size in zip(quotas, sizes, strict=True) if quota < size]
    assert max(shares, default=0) - min(shares, default=0) <= 1
    assert max(quotas, default=0) <= min(shares, default=max(quotas, default=0)) + 1
    assert sizes == before


@pytest.mark.parametrize(
    ("sizes", "total", "quotas"),
    [
        ([10, 10, 10], 9, [3, 3, 3]),
        ([10, 10, 10], 11, [4, 4, 3]),
        ([10, 30, 20], 11, [3, 4, 4]),
        ([2, 30, 30], 12, [2, 5, 5]),
        ([2, 4, 30], 12, [2, 4, 6]),
        ([30, 2, 30], 13, [6, 2, 5]),
        ([0, 5], 3, [0, 3]),
        ([5], 5, [5]),
        ([3, 3], 0, [0, 0]),
        ([], 0, []),
    ],
)
def test_quotas_by_hand(sizes: list[int], total: int, quotas: list[int]) -> None:
    assert allot(sizes, total) == quotas


@pytest.mark.parametrize(
    ("rule", "sizes", "total", "quotas"),
    [
        ("sqrt", [64, 16, 4], 14, [8, 4, 2]),
        ("sqrt", [2, 8], 3, [1, 2]),  # the roots are not whole, their shares are
        ("sqrt", [8, 2, 18], 12, [4, 2, 6]),
        ("sqrt", [100, 4, 4], 35, [27, 4, 4]),  # 25, 5 and 5, of which two have only 4
        ("sqrt", [16, 16, 4], 11, [5, 4, 2]),
        ("size", [60, 30, 10], 20, [12, 6, 2]),
        ("size", [60, 30, 10], 25, [16, 7, 2]),
        ("size", [10, 30, 60], 25, [2, 7, 16]),
        ("size", [5, 5], 10, [5, 5]),
        ("size", [0, 7], 3, [0, 3]),
        ("size", [], 0, []),
        ("sqrt", [0, 0], 0, [0, 0]),
    ],
)
def test_quotas_by_hand_of_every_rule(
    rule: str, sizes: list[int], total: int, quotas: list[int]
) -> None:
    assert allot(sizes, total, QUOTAS[rule]) == quotas


POWERS = {"equal": 0.0, "sqrt": 0.5, "size": 1.0}


@pytest.mark.parametrize("rule", QUOTAS)
@given(sizes_and_total)
def test_quotas_add_up_and_follow_their_rule(rule: str, case: tuple[list[int], int]) -> None:
    sizes, total = case
    quotas = allot(sizes, total, QUOTAS[rule])
    assert sum(quotas) == total
    assert all(0 <= quota <= size for quota, size in zip(quotas, sizes, strict=True))
    # Filled as water is: one level times the weight of each, found here by bisection.
    weights, low, high = np.power(sizes, POWERS[rule]), 0.0, 50.0
    for _ in range(60):
        level = (low + high) / 2
        below = np.minimum(level * weights, sizes).sum() < total
        low, high = (level, high) if below else (low, level)
    exact = np.minimum(high * weights, sizes)
    assert (np.abs(np.array(quotas) - exact) < 1 + 1e-6).all()
    # What does not divide goes to the largest that have more to give.
    order = sorted(range(len(sizes)), key=lambda i: (-sizes[i], i))
    more = [quotas[i] > exact[i] + 1e-6 for i in order if exact[i] < sizes[i] - 1e-6]
    whole = [abs(exact[i] - round(exact[i])) < 1e-6 for i in order if exact[i] < sizes[i] - 1e-6]
    assert any(whole) or more == sorted(more, reverse=True)


@pytest.mark.parametrize(("sizes", "total"), [([2, 3], 6), ([2, 3], -1), ([], 1), ([5, -1], 2)])
def test_quotas_that_cannot_be_are_refused(sizes: list[int], total: int) -> None:
    with pytest.raises(ValueError, match=r"was asked for|must not be negative"):
        allot(sizes, total)


# Few distinct values, so that ties are common.
cluster_and_count = st.lists(st.integers(0, 6).map(float), max_size=30).flatmap(
    lambda distances: st.tuples(st.just(distances), st.integers(0, len(distances)))
)


@given(cluster_and_count)
def test_closest_equals_a_slow_loop(case: tuple[list[float], int]) -> None:
    distances, count = case
    remaining = dict(enumerate(distances))
    expected = []
    for _ in range(count):
        nearest = min(remaining, key=lambda i: (remaining[i], i))
        expected.append(nearest)
        del remaining[nearest]
    assert PICKERS["closest"](np.array(distances), count, RNG(0)).tolist() == expected


@given(cluster_and_count)
def test_farthest_equals_a_slow_loop(case: tuple[list[float], int]) -> None:
    distances, count = case
    limit = np.percentile(distances, 80) if distances else 0.0
    remaining = dict(enumerate(distances))
    expected = []
    for _ in range(count):
        inside = {i: distance for i, distance in remaining.items() if distance <= limit}
        if inside:
            chosen = min(inside, key=lambda i: (-inside[i], i))
        else:
            chosen = min(remaining, key=lambda i: (remaining[i], i))
        expected.append(chosen)
        del remaining[chosen]
    assert PICKERS["farthest"](np.array(distances), count, RNG(0)).tolist() == expected


def test_farthest_leaves_the_outliers_until_they_are_needed() -> None:
    distances = np.array([0.0, 9.0, 1.0, 2.0, 8.0, 3.0, 4.0, 5.0, 6.0, 7.0, 10.0])
    picked = PICKERS["farthest"](distances, 11, RNG(0))
    assert distances[picked].tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0, 9, 10]


def test_random_picks_every_sample_as_often() -> None:
    rng = RNG(0)
    picked = np.concatenate([PICKERS["random"](np.arange(10.0), 3, rng) for _ in range(2000)])
    np.testing.assert_allclose(np.bincount(picked) / 2000, 0.3, atol=0.05)


def seen_by(name: str, values: Any) -> NDArray[Any]:
    """Values [n] as distances, or as the one component of samples where a picker compares them."""
    seen = np.array(values)
    return seen[:, None].astype(np.float32) if PICKERS[name] in picking.COMPARING else seen


@pytest.mark.parametrize("name", PICKERS)
@given(cluster_and_count)
def test_every_picker_keeps_its_contract(name: str, case: tuple[list[float], int]) -> None:
    seen, count = seen_by(name, case[0]), case[1]
    before = seen.copy()
    picked = PICKERS[name](seen, count, RNG(1))
    assert picked.dtype.kind == "i"
    assert len(picked) == len(set(picked.tolist())) == count
    assert set(picked.tolist()) <= set(range(len(seen)))
    np.testing.assert_array_equal(seen, before)
    np.testing.assert_array_equal(picked, PICKERS[name](seen, count, RNG(1)))


@pytest.mark.parametrize("seed", range(4))
def test_typical_equals_a_slow_loop(seed: int) -> None:
    points = RNG(seed).normal(size=(40, 3)).astype(np.float32)
    points[20:] += 4
    exact = points.astype(np.float64)
    # The same draws as the picker: of pairs for the scale, and of the order.
    rng = RNG(seed)
    pairs = rng.integers(0, 40, (2, 1 << 14))
    gaps = np.linalg.norm(points[pairs[0]] - points[pairs[1]], axis=1)
    scale, order = np.median(gaps[gaps > 0]), rng.permutation(40)
    apart = np.linalg.norm(exact[:, None] - exact[None], axis=2)
    covariance = np.exp(-apart / scale) + np.eye(40)
    kept: list[int] = []

    def volume(more: int) -> float:
        rows = [*kept, more]
        return float(np.linalg.slogdet(covariance[np.ix_(rows, rows)])[1])

    while len(kept) < 7:
        kept.append(max((i for i in order.tolist() if i not in kept), key=volume))
    kept.sort()
    regions: dict[int, list[int]] = {each: [] for each in kept}
    for i in range(40):
        regions[min(kept, key=lambda each: apart[i, each])].append(i)
    expected = [
        min(region, key=lambda i: float(np.square(exact[i] - exact[region].mean(axis=0)).sum()))
        for region in regions.values()
    ]
    assert PICKERS["typical"](points, 7, RNG(seed)).tolist() == sorted(expected)


def test_typical_needs_components() -> None:
    with pytest.raises(ValueError, match="needs their components"):
        pick_per_cluster(np.zeros(3, int), np.zeros(3), [2], PICKERS["typical"], RNG(0))


def test_typical_draws_alike_whatever_the_numbers_of_clusters() -> None:
    labels, components = RNG(0).integers(0, 2, 60), RNG(1).normal(size=(60, 4)).astype(np.float32)
    kept = [
        pick_per_cluster(numbers, np.zeros(60), [7, 7], PICKERS["typical"], RNG(2), components)
        for numbers in (labels, 1 - labels)
    ]
    np.testing.assert_array_equal(*kept)


@pytest.mark.parametrize("name", PICKERS)
@pytest.mark.parametrize("count", [-1, 4])
def test_counts_that_cannot_be_picked_are_refused(name: str, count: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 3 samples"):
        PICKERS[name](seen_by(name, np.arange(3.0)), count, RNG(0))


@pytest.mark.parametrize("name", PICKERS)
def test_each_cluster_gives_its_quota(name: str) -> None:
    rng = RNG(0)
    labels, distances = rng.integers(0, 4, 200), rng.random(200)
    quotas = [7, 0, 12, 1]
    components = rng.random((200, 3)).astype(np.float32)
    kept = pick_per_cluster(labels, distances, quotas, PICKERS[name], RNG(0), components)
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert np.bincount(labels[kept], minlength=4).tolist() == quotas


def test_picks_are_those_of_each_cluster_alone() -> None:
    labels = np.array([1, 0, 1, 0, 1, 0])
    distances = np.array([0.3, 0.2, 0.1, 0.9, 0.2, 0.1])
    assert pick_per_cluster(labels, distances, [1, 2], PICKERS["closest"], RNG(0)).tolist() == [
        2,
        4,
        5,
    ]


@pytest.mark.parametrize(("labels", "quotas"), [([], []), ([], [0, 0]), ([0, 0], [0])])
def test_nothing_wanted_nothing_picked(labels: list[int], quotas: list[int]) -> None:
    picked = pick_per_cluster(
        np.array(labels, int), np.zeros(len(labels)), quotas, PICKERS["farthest"], RNG(0)
    )
    assert picked.tolist() == []


def test_a_quota_larger_than_its_cluster_is_refused() -> None:
    with pytest.raises(ValueError, match="from 0 to 1 samples"):
        pick_per_cluster(np.array([0, 1]), np.zeros(2), [0, 2], PICKERS["closest"], RNG(0))


Case = tuple[NDArray[np.float32], NDArray[np.int64], dict[int, int]]


def overlapping(sizes: list[int], wanted: Mapping[int, int], columns: int = 3) -> Case:
    """Classes that overlap, in random order."""
    rng = RNG(len(sizes))
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    features = labels[:, None] + 1.2 * rng.standard_normal((len(labels), columns))
    return features.astype(np.float32), labels, dict(wanted)


CASES = {
    "two classes": overlapping([60, 20], {0: 20}),
    "some of four": overlapping([50, 15, 80, 30], {0: 15, 2: 20}),
    "all but the smallest, to one": overlapping([9, 6, 12], {0: 1, 2: 1}),
    "the smallest too": overlapping([40, 12], {0: 9, 1: 9}),
    "a smallest class of one": overlapping([20, 1, 10], {0: 5}),
    "tiny": overlapping([2, 1], {0: 1}),
    "nothing to cut": overlapping([20, 20], {}),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("name", UNDERSAMPLERS)
def test_every_undersampler_keeps_its_contract(name: str, case: Case) -> None:
    features, labels, wanted = case
    before = features.copy(), labels.copy(), dict(wanted)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            kept = UNDERSAMPLERS[name](features, labels, wanted, RNG(3))
        except FeatureError as error:
            assert not UNDERSAMPLERS[name].exact
            assert "would lose all its samples" in str(error)
            assert error.label in wanted
            return
    assert kept.dtype.kind == "i"
    assert kept.tolist() == sorted(set(kept.tolist()))
    assert 0 <= kept.min() <= kept.max() < len(labels)
    for label, size in enumerate(np.bincount(labels)):
        left = np.count_nonzero(labels[kept] == label)
        if label not in wanted:
            assert left == size
        elif UNDERSAMPLERS[name].exact:
            assert left == wanted[label]
        else:
            assert 1 <= left <= size
    np.testing.assert_array_equal(kept, UNDERSAMPLERS[name](features, labels, wanted, RNG(3)))
    np.testing.assert_array_equal(features, before[0])
    np.testing.assert_array_equal(labels, before[1])
    assert wanted == before[2]


@pytest.mark.parametrize("name", UNDERSAMPLERS)
def test_every_undersampler_removes_something(name: str) -> None:
    features, labels, wanted = CASES["some of four"]
    kept = UNDERSAMPLERS[name](features, labels, wanted, RNG(0))
    assert len(kept) < len(labels)


@pytest.mark.parametrize("name", UNDERSAMPLERS)
@pytest.mark.parametrize("wanted", [{0: 61}, {0: 0}, {0: -1}, {5: 1}])
def test_wanted_sizes_out_of_range_are_refused(name: str, wanted: dict[int, int]) -> None:
    features, labels, _ = CASES["two classes"]
    with pytest.raises(ValueError, match="cannot be kept"):
        UNDERSAMPLERS[name](features, labels, wanted, RNG(0))


BY_FEATURES = sorted(name for name, each in UNDERSAMPLERS.items() if each.needs_features)


@pytest.mark.parametrize("name", BY_FEATURES)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_features_that_are_not_finite_are_refused(name: str, bad: float) -> None:
    features, labels, wanted = CASES["two classes"]
    broken = features.copy()
    broken[np.flatnonzero(labels == 1)[4], 1] = bad
    with pytest.raises(FeatureError, match="NaN or infinite") as raised:
        UNDERSAMPLERS[name](broken, labels, wanted, RNG(0))
    assert raised.value.label == 1


@pytest.mark.parametrize("name", BY_FEATURES)
@pytest.mark.parametrize("features", [None, np.zeros((3, 2))], ids=["none", "too few"])
def test_missing_features_are_refused(name: str, features: NDArray[Any] | None) -> None:
    _, labels, wanted = CASES["two classes"]
    with pytest.raises(FeatureError, match="features of 80 samples are needed"):
        UNDERSAMPLERS[name](features, labels, wanted, RNG(0))


COMPARING = ("nearmiss-1", "nearmiss-2", "nearmiss-3", "tomek", "enn", "oss")


@pytest.mark.parametrize("name", COMPARING)
def test_a_single_class_is_refused(name: str) -> None:
    with pytest.raises(FeatureError, match="there is one class"):
        UNDERSAMPLERS[name](np.zeros((5, 2)), np.zeros(5, int), {0: 2}, RNG(0))


def test_random_needs_no_features_and_keeps_every_sample_as_often() -> None:
    labels = np.array([0] * 10 + [1] * 5)
    rng = RNG(0)
    kept = [UNDERSAMPLERS["random"](None, labels, {0: 3}, rng) for _ in range(2000)]
    shares = np.bincount(np.concatenate(kept)) / 2000
    np.testing.assert_allclose(shares[:10], 0.3, atol=0.05)
    assert (shares[10:] == 1).all()


def test_a_class_that_would_vanish_is_named() -> None:
    features = np.array([[0.0], [0.1], [0.2], [0.3], [0.15]])
    labels = np.array([4, 4, 4, 4, 2])
    with pytest.raises(FeatureError, match="would lose all its samples") as raised:
        UNDERSAMPLERS["enn"](features, labels, {2: 1}, RNG(0))
    assert raised.value.label == 2
    assert str(raised.value.named(list("abcde"))).startswith("class 'c': it would lose")


@pytest.mark.parametrize("version", [1, 2, 3])
def test_nearmiss_equals_imbalanced_learn(version: int) -> None:
    features, labels, wanted = CASES["some of four"]
    reference = NearMiss(sampling_strategy=wanted, version=version)
    reference.fit_resample(features, labels)
    kept = UNDERSAMPLERS[f"nearmiss-{version}"](features, labels, wanted, RNG(0))
    assert kept.tolist() == sorted(reference.sample_indices_.tolist())


def test_nearmiss_1_equals_a_slow_loop() -> None:
    features, labels, wanted = CASES["two classes"]
    minority = features[labels == 1].astype(float)
    means = {
        i: np.mean(sorted(np.linalg.norm(minority - features[i], axis=1))[:3])
        for i in np.flatnonzero(labels == 0).tolist()
    }
    nearest = sorted(means, key=lambda i: means[i])[: wanted[0]]
    expected = sorted(nearest + np.flatnonzero(labels == 1).tolist())
    assert UNDERSAMPLERS["nearmiss-1"](features, labels, wanted, RNG(0)).tolist() == expected


def test_tomek_equals_a_slow_loop() -> None:
    features, labels, wanted = CASES["some of four"]
    between = np.linalg.norm(features[:, None].astype(float) - features[None], axis=2)
    np.fill_diagonal(between, np.inf)
    nearest = between.argmin(axis=1)
    linked = [
        i
        for i in range(len(labels))
        if labels[i] in wanted and labels[nearest[i]] != labels[i] and nearest[nearest[i]] == i
    ]
    kept = UNDERSAMPLERS["tomek"](features, labels, wanted, RNG(0))
    assert linked
    assert sorted({*range(len(labels))} - {*kept.tolist()}) == linked
    reference = TomekLinks(sampling_strategy=list(wanted))
    reference.fit_resample(features, labels)
    np.testing.assert_array_equal(kept, reference.sample_indices_)


@pytest.mark.parametrize("seed", range(5))
def test_enn_equals_imbalanced_learn_where_no_vote_is_tied(seed: int) -> None:
    rng = RNG(seed)
    labels = rng.permutation(np.repeat([0, 1], [70, 30]))
    features = labels[:, None] + rng.standard_normal((100, 2))
    reference = EditedNearestNeighbours(sampling_strategy=[0], n_neighbors=3, kind_sel="mode")
    reference.fit_resample(features, labels)
    kept = UNDERSAMPLERS["enn"](features, labels, {0: 30}, rng)
    assert len(kept) < 100
    assert kept.tolist() == sorted(reference.sample_indices_.tolist())


def test_enn_keeps_on_a_tie() -> None:
    # The sample of class 3 has one neighbour of each other class: no majority against it.
    features = np.array([[0.0], [1.0], [-1.1], [1.2], [50.0], [50.1], [50.2], [50.3]])
    labels = np.array([3, 0, 1, 2, 3, 3, 3, 3])
    assert UNDERSAMPLERS["enn"](features, labels, {3: 1}, RNG(0)).tolist() == list(range(8))


def test_enn_removes_what_two_of_three_outvote() -> None:
    features = np.array([[0.0], [1.0], [-1.1], [1.2], [50.0], [50.1], [50.2], [50.3]])
    labels = np.array([3, 0, 0, 2, 3, 3, 3, 3])
    assert UNDERSAMPLERS["enn"](features, labels, {3: 1}, RNG(0)).tolist() == list(range(1, 8))


def test_enn_does_not_take_a_duplicate_for_the_sample_itself() -> None:
    # The same image in two classes: each is the other's nearest, and the other's vote counts.
    features = np.array([[0.0], [0.0], [1.0], [1.1], [9.0], [9.1], [9.2], [9.3]])
    labels = np.array([0, 1, 1, 1, 0, 0, 0, 0])
    kept = UNDERSAMPLERS["enn"](features, labels, {0: 1}, RNG(0))
    assert kept.tolist() == [1, 2, 3, 4, 5, 6, 7]


def nearest(point: NDArray[Any], others: NDArray[Any]) -> int:
    return int(np.linalg.norm(others - point, axis=1).argmin())


def one_sided(features: NDArray[Any], labels: NDArray[Any], drawn: int) -> list[int]:
    """What one-sided selection keeps of classes 0 and 1 when ``drawn`` is the sample of class 0."""
    store = [*np.flatnonzero(labels == 1).tolist(), drawn]
    claimed = [
        i
        for i in np.flatnonzero(labels == 0).tolist()
        if i != drawn and labels[store[nearest(features[i], features[store])]] == 1
    ]
    left = sorted(store + claimed)

    def neighbor(i: int) -> int:
        others = [j for j in left if j != i]
        return others[nearest(features[i], features[others])]

    def is_link(i: int) -> bool:
        return labels[neighbor(i)] != labels[i] and neighbor(neighbor(i)) == i

    return [i for i in left if labels[i] == 1 or not is_link(i)]


@pytest.mark.parametrize("seed", range(4))
def test_oss_equals_a_slow_loop_for_one_of_the_samples_it_may_draw(seed: int) -> None:
    features, labels, wanted = CASES["two classes"]
    possible = [one_sided(features, labels, int(drawn)) for drawn in np.flatnonzero(labels == 0)]
    kept = UNDERSAMPLERS["oss"](features, labels, wanted, RNG(seed)).tolist()
    assert len(kept) < len(labels)
    assert kept in possible


def test_the_undersamplers_are_in_the_order_of_the_help() -> None:
    assert list(UNDERSAMPLERS) == [
        "subclass",
        "coverage",
        "coverage-typical",
        "random",
        "nearmiss-1",
        "nearmiss-2",
        "nearmiss-3",
        "tomek",
        "enn",
        "oss",
    ]
    assert all(each.name == name for name, each in UNDERSAMPLERS.items())
    assert [name for name, each in UNDERSAMPLERS.items() if not each.needs_features] == [BY_CHANCE]


def test_an_undersampler_says_which_layers_it_looks_at() -> None:
    for name, each in UNDERSAMPLERS.items():
        for layer in ("pool", "auto"):
            looked_at = each.layer(SelectionOptions(name, layer=layer))
            own = layer if "layer" in each.options else "pool"
            assert looked_at == (own if each.needs_features else None)


def test_subclasses_share_out_what_is_kept_and_may_be_given() -> None:
    rng = RNG(0)
    labels = np.repeat([4, 2, 4], [30, 10, 60])
    features = rng.normal(size=(100, 12))
    features[labels == 4] += np.repeat([0.0, 30.0], [30, 60])[:, None]
    found = find_subclasses(InMemory(features[labels == 4]), 3)
    assert found.sizes == [60, 30]
    for pick, shares in zip(PICKERS, ["sqrt", *QUOTAS], strict=True):
        kept = UNDERSAMPLERS["subclass"](
            None, labels, {4: 20}, RNG(5), pick=pick, quotas=shares, subclasses={4: found}
        )
        quotas = allot(found.sizes, 20, QUOTAS[shares])
        picked = pick_per_cluster(
            found.labels, found.distances, quotas, PICKERS[pick], RNG(5), found.components
        )
        wanted = [*np.flatnonzero(labels == 4)[picked], *np.flatnonzero(labels == 2)]
        assert kept.tolist() == sorted(wanted)
    alone = UNDERSAMPLERS["subclass"](features, labels, {4: 20}, RNG(5))
    assert [np.count_nonzero(alone < 30), np.count_nonzero(alone >= 40)] == [8, 12]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            SelectionOptions("tomek", k_max=4),
            "--pick, --quotas, --layer, --k-max, --criterion, --cluster-space, --layout and "
            "--landmarks are for --method subclass, not tomek",
        ),
        (
            SelectionOptions("random", suspects=True),
            "--suspects compares features, which --method random does not look at",
        ),
    ],
)
def test_options_of_other_methods_are_refused(options: SelectionOptions, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        UNDERSAMPLERS[options.method].check(options)
    UNDERSAMPLERS[options.method].check(SelectionOptions(options.method, dedupe=True))


def with_copies(seed: int, different: int, copies: int) -> tuple[Any, Any, NDArray[np.int64]]:
    """Three classes, the first with many copies; features, labels, the number of each content.

    What is copied lies apart from the rest, so that its copies would be a cluster of their own.
    """
    rng = RNG(seed)
    features = rng.normal(size=(different + 24, 6)).astype(np.float32)
    features[0] += 8
    labels = np.concatenate([np.zeros(different, int), np.repeat([1, 2], 12)])
    content = np.concatenate([np.zeros(copies, int), np.arange(len(labels)), [1, 1, 2]])
    content = rng.permutation(content)
    return features[content], labels[content], content


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("pick", PICKERS)
@pytest.mark.parametrize("wanted", [3, 6, 15])
def test_subclasses_keep_a_copy_only_where_every_different_sample_is_kept(
    pick: str, wanted: int, seed: int
) -> None:
    features, labels, content = with_copies(seed, 6, 50)
    kept = UNDERSAMPLERS["subclass"](features, labels, {0: wanted}, RNG(seed), pick=pick)
    of_first = content[kept[labels[kept] == 0]]
    assert len(of_first) == wanted
    assert len(set(of_first.tolist())) == min(6, wanted)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", BY_FEATURES)
def test_no_method_keeps_a_copy_before_every_different_sample(name: str, seed: int) -> None:
    features, labels, content = with_copies(seed, 20, 50)
    for wanted in (4, 12, 20, 33):
        kept = UNDERSAMPLERS[name](features, labels, {0: wanted}, RNG(seed))
        times = Counter(content[kept[labels[kept] == 0]].tolist())
        if len(times) < 20:
            assert set(times.values()) == {1}
        if UNDERSAMPLERS[name].exact:
            assert times.total() == wanted
        # Second copies come before third ones: 1 and 2 are there three and twice more.
        if wanted == 33:
            assert (times[1], times[2], times[0]) == (3, 2, 11)
        assert np.count_nonzero(labels[kept]) == 24


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", BY_FEATURES)
def test_what_is_kept_of_a_class_is_what_would_be_without_its_copies(name: str, seed: int) -> None:
    features, labels, content = with_copies(seed, 40, 30)
    first = np.sort(np.unique(content, return_index=True)[1])
    plain = UNDERSAMPLERS[name](features[first], labels[first], {0: 15}, RNG(seed))
    kept = UNDERSAMPLERS[name](features, labels, {0: 15}, RNG(seed))
    np.testing.assert_array_equal(kept, first[plain])


@pytest.mark.parametrize("name", [*PICKERS, "coverage", "coverage-typical"])
def test_a_class_that_is_one_image_is_cut_to_any_size(name: str) -> None:
    features, labels = np.ones((30, 4), np.float16), np.zeros(30, int)
    if name in PICKERS:
        kept = UNDERSAMPLERS["subclass"](features, labels, {0: 7}, RNG(0), pick=name)
    else:
        kept = UNDERSAMPLERS[name](features, labels, {0: 7}, RNG(0))
    assert len(set(kept.tolist())) == 7


def test_random_draws_images_and_so_each_copy_as_often() -> None:
    _, labels, content = with_copies(0, 6, 50)
    drawn = [UNDERSAMPLERS["random"](None, labels, {0: 6}, RNG(seed)) for seed in range(300)]
    times = Counter(int(content[i]) for kept in drawn for i in kept if labels[i] == 0)
    assert 0.8 < times[0] / times.total() / (51 / 59) < 1.2
