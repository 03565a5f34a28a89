"""The core: what is kept and added of a population, by its seed alone, and what is told of it."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from rebalance import seeds
from rebalance.clusters import InMemory, Subclasses, find_subclasses
from rebalance.errors import FeatureError, SettingError, TargetError
from rebalance.oversampling import OVERSAMPLERS
from rebalance.quotas import QUOTAS
from rebalance.resampling import (
    Clustered,
    Fate,
    Population,
    Selection,
    add,
    cut,
    grow,
    second_growth,
    selection_of,
    sizes_to_cut,
    subclasses_of,
)
from rebalance.resampling.telling import story_of
from rebalance.settings import Growth, SelectionOptions, SynthesisOptions
from rebalance.studies.controls import random_control
from rebalance.studies.rebalancings import with_options
from rebalance.undersampling import UNDERSAMPLERS, Undersampler, allot

CLASSES = ("cat", "dog", "owl")
SIZES = (60, 25, 12)


@pytest.fixture(scope="module")
def population():
    """Overlapping classes in random order; each has two groups in ``pool``, none in ``body``."""
    rng = np.random.default_rng(0)
    labels = rng.permutation(np.repeat(np.arange(3), SIZES))
    body = labels[:, None] + rng.normal(size=(len(labels), 12))
    pool = body.copy()
    for label in range(3):
        members = np.flatnonzero(labels == label)
        pool[members[: len(members) // 3], 0] += 20
    layers = {"body": InMemory(body), "pool": InMemory(pool)}
    return Population(labels, CLASSES, layers, 5)


@pytest.mark.parametrize(("stored", "given"), [("f2", "f4"), ("f4", "f4"), ("f8", "f8")])
def test_methods_are_given_single_precision_or_double_where_it_is_there(stored, given):
    features = InMemory(np.ones((2, 3), stored))
    population = Population(np.array([0, 1]), CLASSES, {"pool": features}, 0)
    assert population.features("pool").dtype == given
    assert population.features("pool", np.array([1])).dtype == given


def kept_sizes(population, kept):
    return np.bincount(population.labels[kept], minlength=3).tolist()


@pytest.mark.parametrize("method", UNDERSAMPLERS)
def test_every_method_cuts_what_is_wanted_by_the_seed(population, method):
    options, wanted = SelectionOptions(method), {0: 20, 1: 12}
    found = cut(population, wanted, options)
    assert found.kept.tolist() == sorted(set(found.kept.tolist()))
    assert kept_sizes(population, found.kept)[2] == SIZES[2]
    if UNDERSAMPLERS[method].exact:
        assert kept_sizes(population, found.kept) == [20, 12, 12]
    np.testing.assert_array_equal(cut(population, wanted, options).kept, found.kept)
    assert set(found.clustered) == (set(wanted) if UNDERSAMPLERS[method].by_subclass else set())


@pytest.mark.parametrize(
    "method", [name for name, each in UNDERSAMPLERS.items() if each.by_class or "cov" in name]
)
def test_a_class_is_cut_alike_whatever_is_done_to_the_others(population, method):
    alone, both = (
        cut(population, wanted, SelectionOptions(method)).kept
        for wanted in ({0: 20}, {0: 20, 1: 9})
    )
    first = np.flatnonzero(population.labels == 0)
    np.testing.assert_array_equal(np.isin(first, alone), np.isin(first, both))


@pytest.mark.parametrize("method", UNDERSAMPLERS)
def test_methods_without_a_layer_of_their_own_look_at_the_pooled_features(population, method):
    pooled = Population(population.labels, CLASSES, {"pool": population.layers["pool"]}, 5)
    wanted, options = {0: 20}, SelectionOptions(method)
    np.testing.assert_array_equal(
        cut(population, wanted, options).kept, cut(pooled, wanted, options).kept
    )


def test_auto_goes_by_the_layer_whose_silhouette_is_best(population):
    # Another treatment of a study may look at an embedding, which is no candidate.
    layers = {**population.layers, "embedding": population.layers["pool"]}
    population = replace(population, layers=layers)
    found = cut(population, {0: 20}, SelectionOptions(layer="auto"))
    clustered = found.clustered[0]
    assert set(clustered.layers) == {"body", "pool"}
    best = max(clustered.layers.values(), key=lambda each: each.silhouette)
    assert clustered.subclasses is best
    story = selection_of(population, found, SelectionOptions(layer="auto")).stories["cat"]
    assert story["layer"] == clustered.layer and set(story["silhouettes"]) == {"body", "pool"}


def test_subclasses_have_a_stream_named_after_class_and_layer(population):
    options = SelectionOptions(k_max=4, cluster_space="pca")
    members = population.members(1)
    found = subclasses_of(population, 1, "body", options)
    values = population.layers["body"].read(slice(None), slice(None))[members]
    stream = seeds.integer(5, "subclasses", "dog", "body")
    wanted = find_subclasses(InMemory(values), stream, k_max=4, space="pca")
    np.testing.assert_array_equal(found.labels, wanted.labels)


def test_subclasses_may_be_known_from_before(population):
    asked = []

    def known(*arguments):
        asked.append(arguments[1:3])
        return subclasses_of(*arguments)

    options = SelectionOptions(pick="random")
    found = cut(population, {0: 20, 1: 9}, options, known)
    np.testing.assert_array_equal(found.kept, cut(population, {0: 20, 1: 9}, options).kept)
    assert sorted(asked) == [(0, "pool"), (1, "pool")]
    asked.clear()
    grow(population, Growth(), SynthesisOptions("cluster"), known)
    assert sorted(asked) == [(0, "pool"), (1, "pool"), (2, "pool")]


def test_a_new_undersampler_is_its_entry_and_nothing_else(population, monkeypatch):
    """A method that is registered cuts, names its options, and is a treatment of a study."""

    def every_other(features, labels, wanted, rng, *, k_max=2):
        assert set(wanted) == {int(labels[0])}
        (size,) = wanted.values()
        return np.arange(len(labels))[::k_max][:size]

    entry = Undersampler(every_other, exact=True, by_class=True, own=("k_max",))
    monkeypatch.setitem(UNDERSAMPLERS, "every-other", entry)
    options = SelectionOptions("every-other", k_max=3)
    entry.check(options)
    with pytest.raises(SettingError, match=r"--pick, .* --method subclass, not every-other"):
        entry.check(SelectionOptions("every-other", pick="random"))
    found = cut(population, {0: 10, 1: 5}, options)
    wanted = [population.members(0)[::3][:10], population.members(1)[::3][:5]]
    cut_away = np.concatenate([*wanted, population.members(2)])
    np.testing.assert_array_equal(found.kept, np.sort(cut_away))
    treatment = with_options("every-other", {"k_max": 3, "to": "2x"})
    assert treatment.cut == options
    assert random_control(treatment, "probe").cut == SelectionOptions("random")
    with pytest.raises(SettingError, match=r"every-other has no option 'pick', only to, .*, k_max"):
        with_options("every-other", {"pick": "random"})


def test_the_fates_tell_subclass_and_reason(population):
    options = SelectionOptions(pick="farthest")
    found = cut(population, {0: 20}, options)
    selection = selection_of(population, found, options)
    subclasses = selection.subclasses[0]
    quotas = allot(subclasses.sizes, 20, QUOTAS[options.quotas])
    assert selection.stories["cat"]["quotas"] == quotas
    for place, position in enumerate(population.members(0)):
        fate, cluster = selection.fates[position], int(subclasses.labels[place])
        assert fate.kept == (position in found.kept) and fate.cluster == cluster
        assert fate.distance == pytest.approx(subclasses.distances[place], abs=1e-6)
        size = subclasses.sizes[cluster]
        reason = f"farthest: not among the {quotas[cluster]} of {size} kept in cluster {cluster}"
        assert fate.reason == ("" if fate.kept else reason)
    assert all(selection.fates[position] == Fate(True) for position in population.members(1))


def test_other_methods_tell_their_name(population):
    options = SelectionOptions("coverage")
    selection = selection_of(population, cut(population, {0: 20}, options), options)
    dropped = [fate for fate in selection.fates if not fate.kept]
    assert dropped == [Fate(False, reason="coverage: not selected")] * 40
    assert not selection.stories and not selection.subclasses


def test_clusters_no_better_than_chance_are_warned_of(population, caplog):
    options = SelectionOptions(layer="body")
    found = cut(population, {0: 20}, options)
    caplog.clear()
    with caplog.at_level(logging.WARNING, "rebalance"):
        selection = selection_of(population, found, options)
    assert selection.subclasses[0].above_chance is False
    assert "class 'cat': its clusters are no better than chance" in caplog.text


def test_near_duplicates_are_put_back_among_the_fates():
    selection = Selection([Fate(True), Fate(False, 0, 1.0, "far")], {"dog": {"k": 2}})
    found = selection.with_dropped({1: "duplicate of a"}, [0, 0, 1], ("cat", "dog"), (0, 1))
    assert [fate.reason for fate in found.fates] == ["", "duplicate of a", "far"]
    assert found.stories == {"cat": {"deduplicated": 1}, "dog": {"k": 2, "deduplicated": 0}}


def test_only_classes_that_are_too_large_are_cut():
    counts = {"cat": 9, "dog": 5, "owl": 5}
    assert sizes_to_cut(counts, {"cat": 5, "dog": 5, "owl": 7}) == {0: 5}


@pytest.mark.parametrize(
    "method", [name for name, method in OVERSAMPLERS.items() if not method.given]
)
def test_every_method_adds_what_is_asked_for(population, method):
    grown = grow(population, Growth("80"), SynthesisOptions(method))
    # What blends classes adds as many blends as the classes are to have samples of their own.
    whole = 160 if OVERSAMPLERS[method].across else 80
    assert grown.sizes == dict.fromkeys(CLASSES, whole)
    wanted = [whole - size for size in SIZES]
    added = np.bincount(population.labels[grown.added.base], minlength=3)
    assert added.tolist() == wanted
    assert set(grown.subclasses) == ({0, 1, 2} if OVERSAMPLERS[method].by_subclass else set())
    again = add(population, dict(enumerate(wanted)), SynthesisOptions(method), grown.subclasses)
    np.testing.assert_array_equal(grown.added.base, again.base)
    np.testing.assert_array_equal(grown.added.partner, again.partner)


def test_max_of_clusters_is_the_largest_class_with_its_clusters_made_equal(population):
    grown = grow(population, Growth(), SynthesisOptions("cluster"))
    sizes = grown.subclasses[0].sizes
    assert set(grown.sizes.values()) == {len(sizes) * max(sizes)} and len(sizes) > 1


def test_the_second_step_of_a_hybrid_has_the_size_of_the_first():
    counts = {"cat": 60, "dog": 0, "owl": 12}
    assert second_growth("2x", counts) == second_growth("24", counts) == Growth("24")
    with pytest.raises(TargetError, match="a target is min"):
        second_growth("max", counts)


def test_errors_name_the_class_once(population):
    alone = population.take(np.append(population.members(1), population.members(0)[:1]))
    with pytest.raises(FeatureError, match=r"^class 'cat': smote needs at least 2"):
        grow(alone, Growth(), SynthesisOptions("smote"))
    features = np.array([[0.0], [0.1], [0.2], [0.3], [0.15]])
    lonely = Population(np.array([0, 0, 0, 0, 2]), CLASSES, {"pool": InMemory(features)}, 0)
    with pytest.raises(FeatureError, match=r"^class 'owl': it would lose all"):
        cut(lonely, {2: 1}, SelectionOptions("enn"))


def estimated(k, rival, note=None):
    labels = np.arange(12) % k
    found = Subclasses(
        labels,
        np.zeros(12),
        np.zeros((k, 2)),
        np.zeros((12, 2)),
        {2: 0.4, 3: 0.5, 4: 0.501},
        note,
        errors={2: 0.01, 3: 0.02, 4: 0.0212345678},
        rival=rival,
    )
    return Clustered({"pool": found}, "pool")


def test_a_rival_is_told_of_with_the_standard_errors():
    for k, rival in ((3, 4), (4, 3)):
        story = story_of(estimated(k, rival), [1] * k)
        assert story["note"].startswith("3 or 4 clusters: their silhouettes are too close")
        assert story["silhouette_errors"] == {"pool": {"2": 0.01, "3": 0.02, "4": 0.021235}}
        assert story["k"] == k


def test_no_rival_no_note():
    assert story_of(estimated(3, None), [1, 1, 1])["note"] is None
    none_found = estimated(1, None, "the criterion gap finds no groups")
    assert story_of(none_found, [1])["note"].endswith("no groups")
