"""What each oversampler starts from and goes towards, against imbalanced-learn and slow loops."""

import logging
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE
from numpy.typing import NDArray
from scipy import optimize, stats
from sklearn.neighbors import NearestNeighbors

from rebalance.errors import FeatureError, SettingError
from rebalance.oversampling import OVERSAMPLERS, Added, cluster_total, synthesise

RNG = np.random.default_rng
Table = tuple[NDArray[np.float64], NDArray[np.int64]]


def nearest_by_argsort(
    features: NDArray[Any], count: int, queries: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """All differences at once; the row itself is put last by its position."""
    asking = np.arange(len(features)) if queries is None else queries
    between = np.linalg.norm(features[asking, None] - features[None], axis=2)
    between[np.arange(len(asking)), asking] = np.inf
    order = np.argsort(between, axis=1, kind="stable")[:, :count]
    return order, np.take_along_axis(between, order, axis=1)


def blobs(sizes: list[int], seed: int = 0, spread: float = 1.0) -> Table:
    """Classes in a row that overlap with the next, in random order."""
    rng = RNG(seed)
    labels = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    features = rng.standard_normal((len(labels), 3)) * spread
    features[:, 0] += 1.5 * labels
    return features, labels


def oversample(name: str, table: Table, wanted: Mapping[int, int], **options: Any) -> Added:
    return OVERSAMPLERS[name](*table, wanted, RNG(7), nearest=nearest_by_argsort, **options)


def sklearn_neighbours(features: NDArray[Any], count: int) -> NDArray[np.int64]:
    """Asked without queries, scikit-learn leaves each row out by its index."""
    return NearestNeighbors(n_neighbors=count).fit(features).kneighbors(return_distance=False)


def own_neighbours(table: Table, label: int, count: int) -> dict[int, set[int]]:
    features, labels = table
    members = np.flatnonzero(labels == label)
    found = members[sklearn_neighbours(features[members], count)]
    return {int(i): set(row.tolist()) for i, row in zip(members, found, strict=True)}


def enemies_among(table: Table, label: int, count: int) -> dict[int, list[int]]:
    """The enemies among the ``count`` nearest of all classes, nearest first."""
    features, labels = table
    found = sklearn_neighbours(features, count)
    return {
        int(i): [int(j) for j in found[i] if labels[j] != label]
        for i in np.flatnonzero(labels == label)
    }


def pairs(added: Added) -> dict[int, set[int]]:
    """The partners that each base was given."""
    found: dict[int, set[int]] = {}
    for base, partner in zip(added.base.tolist(), added.partner.tolist(), strict=True):
        found.setdefault(base, set()).add(partner)
    return found


def on_a_segment(
    value: NDArray[Any], table: Table, partners: dict[int, set[int]], reach: float = 1.0
) -> bool:
    """Whether a value lies between a base and one of its partners, at most ``reach`` of the way."""
    features, _ = table
    for base, others in partners.items():
        ways = features[sorted(others)] - features[base]
        shares = (ways @ (value - features[base])) / (ways**2).sum(axis=1)
        missed = np.linalg.norm(features[base] + shares[:, None] * ways - value, axis=1)
        if ((missed < 1e-9) & (shares > -1e-9) & (shares < reach + 1e-9)).any():
            return True
    return False


def assert_even(counts: Mapping[Any, int]) -> None:
    assert stats.chisquare(list(counts.values())).pvalue > 1e-4


def test_ros_repeats_every_sample_as_often() -> None:
    table = blobs([30, 10])
    added = oversample("ros", table, {1: 5000})
    counts = Counter(added.base.tolist())
    assert set(counts) == set(np.flatnonzero(table[1] == 1).tolist())
    assert_even(counts)


@pytest.mark.parametrize("count", [4, 12, 40])
def test_exact_copies_are_as_many_of_each_sample(count: int) -> None:
    table = blobs([30, 6, 5])
    added = oversample("ros", table, {1: count, 2: 7}, copies="exact")
    assert added.base.tolist() == added.partner.tolist() and not added.weight.any()
    counts = Counter(added.base.tolist())
    times = [counts[member] for member in np.flatnonzero(table[1] == 1).tolist()]
    assert sum(times) == count and max(times) - min(times) == (count % 6 > 0)
    drawn = oversample("ros", table, {1: 40})  # with replacement some come more often
    assert len(set(Counter(drawn.base.tolist()).values())) > 2


def test_copies_that_there_are_not_are_refused() -> None:
    with pytest.raises(SettingError, match="copies are one of drawn, exact; got 'twice'"):
        oversample("ros", blobs([9, 5]), {1: 3}, copies="twice")


@pytest.mark.parametrize(("asked", "used"), [({}, 5), ({"neighbours": 3}, 3)])
def test_smote_goes_to_each_nearest_of_its_class_as_often(asked: dict[str, int], used: int) -> None:
    table = blobs([60, 20, 9])
    added = oversample("smote", table, {1: 20000}, **asked)
    assert pairs(added) == own_neighbours(table, 1, used)
    assert_even(Counter(zip(added.base.tolist(), added.partner.tolist(), strict=True)))
    assert stats.kstest(added.weight, "uniform").pvalue > 1e-4
    assert not added.notes


@pytest.mark.parametrize("size", [2, 3, 5])
def test_smote_of_a_small_class_goes_to_all_others_of_it(size: int) -> None:
    table = blobs([30, size])
    added = oversample("smote", table, {1: 2000})
    members = set(np.flatnonzero(table[1] == 1).tolist())
    assert pairs(added) == {base: members - {base} for base in members}
    assert not added.notes


@pytest.mark.parametrize("name", ["smote", "borderline-1", "adasyn"])
def test_more_neighbours_than_the_class_has_are_clipped_and_noted(name: str) -> None:
    table = blobs([30, 4])
    added = oversample(name, table, {1: 500}, neighbours=9)
    members = set(np.flatnonzero(table[1] == 1).tolist())
    found = pairs(added)
    assert found == {base: members - {base} for base in found}
    assert "3 neighbours instead of 9: the class has 4 samples" in added.notes[1]


@pytest.mark.parametrize(
    ("name", "reference"),
    [
        ("smote", SMOTE(random_state=0, sampling_strategy={1: 80})),
        ("adasyn", ADASYN(random_state=0, sampling_strategy={1: 80})),
        ("borderline-1", BorderlineSMOTE(random_state=0, sampling_strategy={1: 80})),
    ],
)
def test_values_of_imbalanced_learn_lie_where_ours_may(name: str, reference: Any) -> None:
    table = blobs([60, 20, 15])
    theirs, labels = reference.fit_resample(*table)
    added = oversample(name, table, {1: 6000})
    possible = pairs(added)
    synthetic = theirs[len(table[1]) :]
    assert len(synthetic) > 50
    assert set(labels[len(table[1]) :]) == {1}
    assert all(on_a_segment(value, table, possible) for value in synthetic)
    nearest = own_neighbours(table, 1, 5)
    assert all(on_a_segment(value, table, nearest) for value in synthesise(table[0], added)[:500])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("asked", [10, 5, 3])
def test_borderline_starts_where_imbalanced_learn_sees_danger(seed: int, asked: int) -> None:
    table = blobs([60, 30, 12], seed)
    reference = BorderlineSMOTE(m_neighbors=asked, sampling_strategy={1: 60, 2: 60})
    reference.fit_resample(*table)
    for name in ("borderline-1", "borderline-2"):
        added = oversample(name, table, {1: 4000, 2: 4000}, danger_neighbours=asked)
        assert not added.notes
        for label in (1, 2):
            bases = np.unique(added.base[table[1][added.base] == label])
            assert bases.tolist() == reference.in_danger_indices[label].tolist()


def test_borderline_1_goes_to_each_nearest_of_its_own_class() -> None:
    table = blobs([60, 20, 9])
    added = oversample("borderline-1", table, {1: 5000})
    nearest = own_neighbours(table, 1, 5)
    assert pairs(added) == {base: nearest[base] for base in pairs(added)}
    assert_even(Counter(added.base.tolist()))
    assert stats.kstest(added.weight, "uniform").pvalue > 1e-4


def test_danger_is_from_half_to_all_but_one() -> None:
    # On a line, m = 2: a sample's neighbours are those beside it.
    features = np.array([[0.0], [1.0], [2.1], [3.3], [4.6], [6.0], [7.5]])
    labels = np.array([1, 1, 0, 0, 1, 0, 0])
    added = oversample("borderline-1", (features, labels), {1: 300}, danger_neighbours=2)
    # 0 has 1 and 2 beside it, 1 has 0 and 2: one enemy each. 4 has two: it is noise.
    assert set(added.base.tolist()) == {0, 1}


def test_borderline_2_may_go_halfway_to_the_nearest_enemy() -> None:
    table = blobs([60, 20, 9])
    labels = table[1]
    added = oversample("borderline-2", table, {1: 20000})
    own = labels[added.partner] == 1
    nearest, enemies = own_neighbours(table, 1, 5), enemies_among(table, 1, 10)
    for base, partners in pairs(added).items():
        assert partners == nearest[base] | {enemies[base][0]}
    assert_even(Counter(zip(added.base.tolist(), added.partner.tolist(), strict=True)))
    assert added.weight[~own].max() < 0.5
    assert stats.kstest(added.weight[own], "uniform").pvalue > 1e-4
    assert stats.kstest(2 * added.weight[~own], "uniform").pvalue > 1e-4


@pytest.mark.parametrize("name", ["borderline-1", "borderline-2"])
@pytest.mark.parametrize("offset", [100.0, 0.0], ids=["no enemy near", "all noise"])
def test_borderline_without_danger_is_smote_and_says_so(
    name: str, offset: float, caplog: pytest.LogCaptureFixture
) -> None:
    rng = RNG(0)
    if offset:
        features, labels = rng.random((40, 2)), np.array([0] * 20 + [1] * 20)
        features[labels == 1] += offset
    else:  # each of three samples lies amid a crowd of its own
        labels = np.array(([1] + [0] * 19) * 3)
        features = rng.random((60, 2)) + np.repeat([0.0, 50.0, 100.0], 20)[:, None]
    with caplog.at_level(logging.WARNING, "rebalance"):
        added = oversample(name, (features, labels), {1: 3000})
    count = min(5, int((labels == 1).sum()) - 1)
    assert pairs(added) == own_neighbours((features, labels), 1, count)
    assert "no sample is in danger" in added.notes[1]
    assert "SMOTE instead" in caplog.text


def adasyn_shares(table: Table, label: int, count: int) -> dict[int, float]:
    """imbalanced-learn's ratio: the normalised share of enemies, for each sample of the class."""
    enemies = enemies_among(table, label, count)
    ratio = np.array([len(found) / count for found in enemies.values()])
    return dict(zip(enemies, ratio / ratio.sum(), strict=True))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("count", [5, 8])
def test_adasyn_shares_the_total_by_enemies(seed: int, count: int) -> None:
    table = blobs([60, 20, 15], seed)
    shares = adasyn_shares(table, 1, count)
    equal = 0
    for total in range(1, 120):
        added = oversample("adasyn", table, {1: total}, neighbours=count)
        allotted = Counter(added.base.tolist())
        assert all(abs(allotted[base] - share * total) < 1 for base, share in shares.items())
        # Where rounding each share, as imbalanced-learn does, reaches the total, it is the same.
        rounded = {base: int(np.rint(share * total)) for base, share in shares.items()}
        tied = np.isclose([share * total % 1 for share in shares.values()], 0.5).any()
        if sum(rounded.values()) == total and not tied:
            equal += 1
            assert {base: allotted[base] for base in rounded} == rounded
    assert equal


def test_adasyn_goes_to_each_nearest_of_its_own_class() -> None:
    table = blobs([60, 20, 15])
    added = oversample("adasyn", table, {1: 9000})
    found, nearest = pairs(added), own_neighbours(table, 1, 5)
    assert found == {base: nearest[base] for base in found}
    assert set(found) == {base for base, enemies in enemies_among(table, 1, 5).items() if enemies}
    assert stats.kstest(added.weight, "uniform").pvalue > 1e-4


def test_adasyn_without_enemies_is_smote_and_says_so() -> None:
    features, labels = blobs([20, 20])
    features[labels == 1] += 100
    added = oversample("adasyn", (features, labels), {1: 3000})
    assert pairs(added) == own_neighbours((features, labels), 1, 5)
    assert added.notes[1] == ("no sample has another class among its 5 neighbours; SMOTE instead")


def safe_levels(table: Table, label: int, count: int) -> dict[int, int]:
    """How many of the ``count`` nearest of each sample of a class are of that class."""
    enemies = enemies_among(table, label, count)
    return {base: count - len(found) for base, found in enemies.items()}


def gap_by_the_paper(base: int, partner: int) -> tuple[int, float, float]:
    """Which case of Safe-Level-SMOTE two safe levels are, and between what the gap lies in it."""
    ratio = base / partner if partner != 0 else math.inf
    if ratio == math.inf and base == 0:
        return 1, math.nan, math.nan
    if ratio == math.inf:
        return 2, 0.0, 0.0
    if ratio == 1:
        return 3, 0.0, 1.0
    return (4, 0.0, 1 / ratio) if ratio > 1 else (5, 1 - ratio, 1.0)


@pytest.mark.parametrize(("asked", "used"), [({}, 5), ({"neighbours": 3}, 3)])
def test_safe_level_weighs_in_each_of_the_five_cases_as_the_paper(
    asked: dict[str, int], used: int
) -> None:
    table = blobs([60, 25, 30], seed=4)
    added = oversample("safe-level", table, {1: 20000}, **asked)
    levels, nearest = safe_levels(table, 1, used), own_neighbours(table, 1, used)
    cases, possible = set(), {}
    for base, near in nearest.items():
        found = {each: gap_by_the_paper(levels[base], levels[each])[0] for each in near}
        cases |= set(found.values())
        possible[base] = {each for each, case in found.items() if case != 1}
    assert cases == {1, 2, 3, 4, 5}
    assert pairs(added) == {base: near for base, near in possible.items() if near}
    assert_even(Counter(zip(added.base.tolist(), added.partner.tolist(), strict=True)))
    places = []
    for base, partner, weight in zip(
        added.base.tolist(), added.partner.tolist(), added.weight.tolist(), strict=True
    ):
        _, least, most = gap_by_the_paper(levels[base], levels[partner])
        assert least - 1e-12 <= weight <= most + 1e-12
        if least < most:
            places.append((weight - least) / (most - least))
    assert stats.kstest(places, "uniform").pvalue > 1e-4 and not added.notes


def test_safe_level_without_safety_is_smote_and_says_so() -> None:
    features, labels = np.arange(24.0)[:, None], np.tile([0, 0, 0, 1], 6)
    added = oversample("safe-level", (features, labels), {1: 900}, neighbours=2)
    assert pairs(added) == own_neighbours((features, labels), 1, 2)
    assert added.notes[1] == (
        "no sample has one of its own class among its 2 neighbours; SMOTE instead"
    )


def rbf_svm_by_hand(features: NDArray[Any], labels: NDArray[Any], asked: NDArray[Any]) -> list[int]:
    """One against one, each by its dual, solved by a general-purpose optimiser; votes decide."""
    mean, spread = features.mean(axis=0), features.std(axis=0)
    known, new = (features - mean) / spread, (asked - mean) / spread
    sizes, votes = Counter(labels.tolist()), np.zeros((len(asked), 3))
    for one, other in [(0, 1), (0, 2), (1, 2)]:
        part = np.flatnonzero((labels == one) | (labels == other))
        signs = np.where(labels[part] == one, 1.0, -1.0)
        limit = np.array([len(labels) / (len(sizes) * sizes[each]) for each in labels[part]])

        def kernel(left: NDArray[Any], right: NDArray[Any]) -> NDArray[Any]:
            gaps = np.array([[((a - b) ** 2).sum() for b in right] for a in left])
            return np.exp(-gaps / features.shape[1])

        inner = kernel(known[part], known[part])
        square = signs[:, None] * inner * signs
        found = optimize.minimize(
            lambda a, square=square: 0.5 * a @ square @ a - a.sum(),
            np.zeros(len(part)),
            jac=lambda a, square=square: square @ a - 1,
            bounds=[(0, each) for each in limit],
            constraints={"type": "eq", "fun": lambda a, signs=signs: signs @ a},
            options={"ftol": 1e-12, "maxiter": 500},
        ).x
        free = (found > 1e-5) & (found < limit - 1e-5)
        offset = np.mean((signs - inner @ (found * signs))[free])
        side = kernel(new, known[part]) @ (found * signs) + offset
        votes[np.arange(len(new)), np.where(side > 0, one, other)] += 1
    return votes.argmax(axis=1).tolist()


def test_balanced_svm_labels_what_smote_adds_as_a_machine_by_hand() -> None:
    table = blobs([24, 9, 12], seed=3, spread=1.4)
    features, labels = table
    wanted = {1: 15, 2: 12}
    added = oversample("balanced-svm", table, wanted)
    assert added.made_as is not None
    made = np.array(
        [
            features[base] + weight * (features[partner] - features[base])
            for base, partner, weight in zip(added.base, added.partner, added.weight, strict=True)
        ]
    )
    told = rbf_svm_by_hand(
        np.concatenate([features, made]), np.concatenate([labels, labels[added.base]]), made
    )
    assert added.made_as.tolist() == told
    changed = Counter(labels[added.base][added.made_as != labels[added.base]].tolist())
    assert sum(changed.values()) > 2
    for label, count in changed.items():
        assert added.notes[label] == (
            f"{count} of its {wanted[label]} blends are labelled as other classes"
        )
    assert (added.labelled(labels).own == added.made_as).all()


def test_balanced_svm_of_classes_that_lie_apart_is_smote() -> None:
    features, labels = blobs([20, 9])
    features[labels == 1] += 100
    added = oversample("balanced-svm", (features, labels), {1: 30})
    assert added.made_as is None and not added.notes
    nearest = own_neighbours((features, labels), 1, 5)
    assert all(found <= nearest[base] for base, found in pairs(added).items())


@pytest.mark.parametrize(("asked", "used"), [({}, 10), ({"neighbours": 4}, 4)])
def test_eos_goes_towards_enemies_only(asked: dict[str, int], used: int) -> None:
    table = blobs([200, 60, 40])
    features, labels = table
    added = oversample("eos", table, {1: 6000, 2: 4000}, reach=1.0, **asked)
    assert not added.notes
    enemies = {**enemies_among(table, 1, used), **enemies_among(table, 2, used)}
    exceptions = sum(
        partner not in enemies[base]
        for base, partner in zip(added.base.tolist(), added.partner.tolist(), strict=True)
    )
    assert len(added.base) == 10_000
    assert exceptions == 0
    assert (labels[added.partner] != labels[added.base]).all()
    assert ((added.weight >= 0) & (added.weight < 1)).all()
    values = synthesise(features, added)
    before = np.linalg.norm(features[added.partner] - features[added.base], axis=1)
    after = np.linalg.norm(features[added.partner] - values, axis=1)
    np.testing.assert_allclose(after, (1 - added.weight) * before, atol=1e-12)


def test_eos_starts_from_every_sample_with_an_enemy_and_goes_to_each_of_them() -> None:
    table = blobs([100, 12])
    added = oversample("eos", table, {1: 20000})
    enemies = enemies_among(table, 1, 10)
    assert pairs(added) == {base: set(found) for base, found in enemies.items() if found}
    assert_even(Counter(added.base.tolist()))
    for base in pairs(added):
        assert_even(Counter(added.partner[added.base == base].tolist()))
    assert stats.kstest(2 * added.weight, "uniform").pvalue > 1e-4  # up to halfway unless told


@pytest.mark.parametrize("reach", [0.5, 0.2, 1])
def test_eos_reaches_as_far_as_it_is_told(reach: float) -> None:
    table = blobs([100, 12])
    whole, told = (oversample("eos", table, {1: 500}, reach=each) for each in (1.0, reach))
    assert whole.weight.max() > 0.9
    np.testing.assert_array_equal(told.weight, reach * whole.weight)
    np.testing.assert_array_equal(told.partner, whole.partner)
    far = oversample("eos", line(15, 30), {1: 500}, reach=reach)  # looks further than 10 neighbours
    assert 0.9 * reach < far.weight.max() < reach


def line(own: int, enemies: int) -> Table:
    """``own`` samples of class 1 at the steps of a line, then a gap, then those of class 0."""
    places = [*range(own), *range(10 * own, 10 * own + enemies)]
    return np.array(places, float)[:, None], np.array([1] * own + [0] * enemies)


def test_eos_looks_ten_times_as_far_once() -> None:
    table = line(15, 30)
    added = oversample("eos", table, {1: 4000})
    # With 14 of its own class nearer, no enemy is among 10; all 30 are among the 44 others.
    assert set(added.base.tolist()) == set(range(15))
    assert set(added.partner.tolist()) == set(range(15, 45))
    assert added.notes[1] == "no sample has another class among its 10 neighbours; 44 looked at"


def test_eos_looks_no_further_than_ten_times() -> None:
    table = line(21, 5)
    added = oversample("eos", table, {1: 3000}, neighbours=2)
    # 20 neighbours are all of its own class.
    assert (table[1][added.partner] == 1).all()
    assert pairs(added) == pairs(oversample("smote", table, {1: 30000}))
    assert added.notes[1] == "no sample has another class among its 20 neighbours; SMOTE instead"


def test_eos_widens_only_the_class_that_needs_it(caplog: pytest.LogCaptureFixture) -> None:
    features, labels = blobs([80, 30])
    far, _ = line(15, 0)
    far = np.hstack([far + 500, np.zeros((15, 2))])
    table = np.vstack([features, far]), np.concatenate([labels, np.full(15, 2)])
    with caplog.at_level(logging.WARNING, "rebalance"):
        added = oversample("eos", table, {1: 20, 2: 50})
    assert set(added.notes) == {2}
    assert [record.args[0] for record in caplog.records] == [2]
    assert (table[1][added.partner[20:]] != 2).all()


@pytest.mark.parametrize("name", ["borderline-1", "borderline-2", "eos", "adasyn", "safe-level"])
def test_a_table_smaller_than_the_neighbours_asked_for_is_noted(name: str) -> None:
    table = blobs([2, 2], spread=5)
    added = oversample(name, table, {1: 9})
    asked = 5 if name in ("adasyn", "safe-level") else 10
    assert added.notes[1].startswith(f"3 neighbours instead of {asked}: there are 4 samples")


def test_a_neighbour_is_another_content_and_its_first_copy_stands_for_it() -> None:
    # Four places: one of both classes, one of the smaller class, two of the larger.
    places = np.array([[0.0, 0.0], [3.0, 0.0], [9.0, 0.0], [12.0, 0.0]])
    features = places[[0, 0, 0, 0, 1, 0, 1, 2, 2, 3]]
    labels = np.array([1, 0, 1, 1, 1, 0, 1, 0, 0, 0])
    table = features, labels
    smote = oversample("smote", table, {1: 400})
    assert pairs(smote) == {0: {4}, 2: {4}, 3: {4}, 4: {0}, 6: {0}}
    eos = oversample("eos", table, {1: 400}, neighbours=6)
    assert pairs(eos) == {0: {7, 9}, 2: {7, 9}, 3: {7, 9}, 4: {1, 7}, 6: {1, 7}}


def with_copies(seed: int) -> tuple[Table, NDArray[np.int64]]:
    """Classes with copies within and across them, and the number of each sample's content."""
    rng = RNG(seed)
    content = rng.integers(0, 25, 60)
    features = rng.normal(size=(25, 3)).astype(np.float32)[content]
    return (features, rng.permutation(np.repeat([0, 1], [40, 20]))), content


def slow_partners(name: str, table: Table, content: NDArray[np.int64], base: int) -> set[int]:
    """Contents that a sample of class 1 may be blended with."""
    features, labels = table
    own = name == "smote"
    gaps: dict[tuple[int, int], float] = {}
    for other in range(len(labels)):
        if content[other] != content[base] and (labels[other] == 1 or not own):
            gap = math.dist(features[base].tolist(), features[other].tolist())
            gaps[int(content[other]), int(labels[other])] = gap
    near = sorted(gaps, key=lambda each: gaps[each])[: 5 if own else 10]
    return {place for place, label in near if own or label == 0}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", ["smote", "eos"])
def test_partners_among_copies_equal_a_slow_loop(name: str, seed: int) -> None:
    table, content = with_copies(seed)
    added = oversample(name, table, {1: 6000})
    found: dict[int, set[int]] = {}
    for base, partner in zip(added.base.tolist(), added.partner.tolist(), strict=True):
        found.setdefault(base, set()).add(int(content[partner]))
    expected = {
        int(base): slow_partners(name, table, content, int(base))
        for base in np.flatnonzero(table[1] == 1)
    }
    assert found == {base: possible for base, possible in expected.items() if possible}


@pytest.mark.parametrize("name", ["borderline-1", "borderline-2", "adasyn", "eos", "safe-level"])
def test_further_copies_change_no_surroundings(name: str) -> None:
    """What has enemies, and which, is the same where every sample is there twice."""
    features, labels = blobs([40, 15])
    twice = np.vstack([features, features]), np.concatenate([labels, labels])
    plain, doubled = (
        {
            (base % len(labels), partner)
            for base, partners in pairs(oversample(name, table, {1: 5000})).items()
            for partner in partners
        }
        for table in ((features, labels), twice)
    )
    assert plain == doubled


@pytest.mark.parametrize(
    "name", ["smote", "borderline-1", "borderline-2", "adasyn", "eos", "safe-level"]
)
def test_a_class_that_is_one_image_is_repeated_or_blended_with_enemies(name: str) -> None:
    features = np.vstack([np.zeros((6, 2)), RNG(0).normal(size=(30, 2))])
    labels = np.repeat([1, 0], [6, 30])
    added = oversample(name, (features, labels), {1: 50})
    own = labels[added.partner] == 1
    assert (added.partner[own] == added.base[own]).all()
    assert not added.weight[own].any()
    assert own.all() == ("all its samples are equal" in added.notes.get(1, "")) == (name != "eos")


def by_clusters(sizes: dict[int, list[int]]) -> tuple[NDArray[np.int64], dict[int, Any]]:
    """Labels, and for each class the cluster of each of its samples, in random order."""
    rng = RNG(0)
    labels = rng.permutation(np.repeat(list(sizes), [sum(each) for each in sizes.values()]))
    return labels, {
        label: rng.permutation(np.repeat(np.arange(len(each)), each))
        for label, each in sizes.items()
    }


def cluster_sizes(labels: NDArray[np.int64], clusters: dict[int, Any], added: Added) -> dict:
    found = {}
    for label, assignment in clusters.items():
        members = np.flatnonzero(labels == label)
        after = np.concatenate([members, added.base[labels[added.base] == label]])
        where = dict(zip(members.tolist(), assignment.tolist(), strict=True))
        found[label] = [n for _, n in sorted(Counter(where[i] for i in after.tolist()).items())]
    return found


def test_clusters_as_published() -> None:
    # The clusters of the largest class come to 4 times 20, and so does the other class.
    sizes = {0: [10, 10, 10, 20], 1: [2, 3]}
    labels, clusters = by_clusters(sizes)
    total = cluster_total(sizes[0])
    assert total == 80
    wanted = {label: total - sum(each) for label, each in sizes.items()}
    added = OVERSAMPLERS["cluster"](None, labels, wanted, RNG(0), subclasses=clusters)
    assert cluster_sizes(labels, clusters, added) == {0: [20, 20, 20, 20], 1: [40, 40]}


@pytest.mark.parametrize(
    ("sizes", "count", "after"),
    [([10, 3, 2], 6, [10, 6, 5]), ([2, 3, 4], 8, [5, 6, 6]), ([9, 1], 3, [9, 4]), ([5], 4, [9])],
)
def test_any_number_evens_the_clusters_out(sizes: list[int], count: int, after: list[int]) -> None:
    labels, clusters = by_clusters({0: [30], 1: sizes})
    added = OVERSAMPLERS["cluster"](None, labels, {1: count}, RNG(0), subclasses=clusters)
    assert cluster_sizes(labels, clusters, added)[1] == after


def test_clusters_repeat_each_of_their_samples_as_often() -> None:
    labels, clusters = by_clusters({0: [9], 1: [3, 12]})
    added = OVERSAMPLERS["cluster"](None, labels, {1: 6000}, RNG(0), subclasses=clusters)
    members = np.flatnonzero(labels == 1)
    for number in (0, 1):
        counts = Counter(added.base[np.isin(added.base, members[clusters[1] == number])].tolist())
        assert len(counts) == (3, 12)[number]
        assert_even(counts)


@pytest.mark.parametrize("wrong", [np.zeros(4, int), np.zeros((5, 2), int)])
def test_clusters_that_do_not_fit_the_class_are_refused(wrong: NDArray[np.int64]) -> None:
    labels = np.array([0] * 9 + [1] * 5)
    with pytest.raises(ValueError, match="class 1 has 5 samples, but its clusters have the shape"):
        OVERSAMPLERS["cluster"](None, labels, {1: 3}, RNG(0), subclasses={1: wrong})


def test_clusters_are_found_where_none_are_given() -> None:
    rng = RNG(0)
    features = np.vstack([rng.standard_normal((24, 4)), rng.standard_normal((6, 4)) + 60])
    labels = np.zeros(30, np.int64)
    added = OVERSAMPLERS["cluster"](features, labels, {0: 18}, RNG(0))
    assert (added.base >= 24).all()
    again = OVERSAMPLERS["cluster"](features, labels, {0: 18}, RNG(0))
    np.testing.assert_array_equal(added.base, again.base)


def test_clusters_cannot_be_found_without_features() -> None:
    with pytest.raises(FeatureError, match="features of 5 samples are needed, but there are none"):
        OVERSAMPLERS["cluster"](None, np.zeros(5, int), {0: 2}, RNG(0))


def test_the_total_of_no_clusters_is_nought() -> None:
    assert cluster_total([]) == 0
