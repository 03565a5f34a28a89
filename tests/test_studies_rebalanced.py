"""A fold's training part, rebalanced as the commands do it, and the controls of that."""

import numpy as np
import pytest

import rebalance
from rebalance.errors import FeatureError, SettingError, TargetError
from rebalance.resampling import Population
from rebalance.studies.rebalanced import Clusterings
from rebalance.studies.rebalanced import rebalance as rebalanced
from rebalance.studies.rebalancing import Rebalancing
from rebalance.studies.rebalancings import named, with_options

SEED = 5
CUTS = ("random-under", "subclass-farthest", "coverage", "tomek")
RAISES = ("ros", "smote", "cluster")


@pytest.fixture(scope="module")
def table(few, weights, tmp_path_factory):
    """The features of 60 real scans, and a folder where they are kept."""
    cache = tmp_path_factory.mktemp("cache")
    return rebalance.extract(
        few[0],
        layers=["auto"],
        extractor=str(weights),
        arch="cifar_resnet20",
        device="cpu",
        cache_dir=cache,
    ), cache


@pytest.fixture(scope="module")
def part(table):
    found = table[0]
    return Population(np.array(found.folder.labels), found.folder.classes, found.layers, SEED)


@pytest.fixture
def command(few, weights, table):
    """What one of the commands does with the same images."""

    def call(name, **options):
        shared = {"extractor": str(weights), "arch": "cifar_resnet20", "device": "cpu"}
        call = getattr(rebalance, name)
        return call(few[0], seed=SEED, cache_dir=table[1], **shared, **options)

    return call


def rows(part, found, paths):
    """The samples by their file names, as a manifest has them."""
    files = [paths[place] for place in found.kept]
    originals = [(file, None, None) for file in files]
    recipes = zip(
        found.added.base.tolist(),
        found.added.partner.tolist(),
        found.added.weight.tolist(),
        strict=True,
    )
    return originals + [
        (files[base], None, None) if base == partner else (files[base], files[partner], weight)
        for base, partner, weight in recipes
    ]


def told(manifest):
    return [(row.file_name, row.partner, row.weight) for row in manifest.rows]


@pytest.mark.parametrize("name", CUTS)
@pytest.mark.parametrize("to", ["min", "2x"])
def test_cuts_are_those_of_undersample(part, table, command, name, to):
    method, _, pick = name.partition("-")
    options = {"method": name}
    if method == "subclass":
        options = {"method": "subclass", "pick": pick, "quotas": "equal"}
    if name == "random-under":
        options = {"method": "random"}
    found = rebalanced(part, with_options(name, {"to": to}))
    assert rows(part, found, table[0].folder.paths) == told(
        command("undersample", to=to, **options)
    )


@pytest.mark.parametrize("layer", ["auto", "body"])
def test_a_cut_of_some_classes_by_another_layer_is_that_of_undersample(part, table, command, layer):
    named_so = {"classes": ["lines"], "per_class": {"curves": 5}}
    given = {"to": 7, **named_so, "layer": layer, "pick": "farthest"}
    found = rebalanced(part, with_options("subclass", given))
    manifest = command("undersample", **given)
    assert rows(part, found, table[0].folder.paths) == told(manifest)
    assert manifest.counts["lines"] == 7 and manifest.counts["curves"] == 5
    another = {**given, "layer": "pool" if layer == "body" else "body"}
    assert not np.array_equal(found.kept, rebalanced(part, with_options("subclass", another)).kept)


def test_some_classes_are_raised_as_by_oversample(part, table, command):
    given = {"to": 40, "classes": ["loops"], "per_class": {"lines": 30}}
    found = rebalanced(part, with_options("ros", given))
    assert rows(part, found, table[0].folder.paths) == told(command("oversample", **given))


@pytest.mark.parametrize("name", RAISES)
def test_raises_are_those_of_oversample(part, table, command, name):
    found = rebalanced(part, named(name))
    wanted = told(command("oversample", method=name))
    assert rows(part, found, table[0].folder.paths) == wanted
    assert len(found.added.base)


def test_a_hybrid_is_that_of_the_command(part, table, command):
    found = rebalanced(part, with_options("hybrid", {"to": "2x", "over": "smote"}))
    wanted = told(command("hybrid", to="2x", over="smote"))
    assert rows(part, found, table[0].folder.paths) == wanted


def test_a_hybrid_takes_the_options_of_both_halves(part):
    options = {"pick": "farthest", "cluster_space": "pca", "k_max": 3, "neighbours": 2}
    both = with_options("hybrid", {"to": "2x", "over": "smote", **options})
    neighbours = options.pop("neighbours")
    cut = with_options("subclass", {"to": "2x", **options})
    assert both.cut == cut.cut and both.raised.neighbours == neighbours
    kept = rebalanced(part, cut).kept
    plain = rebalanced(part, with_options("hybrid", {"to": "2x", "over": "smote"}))
    found = rebalanced(part, both)
    np.testing.assert_array_equal(found.kept, kept)
    assert not np.array_equal(found.kept, plain.kept)
    exact = with_options("hybrid", {"to": "2x", "over": "ros", "copies": "exact"})
    assert exact.raised.copies == "exact"
    assert with_options("smote", {"exact": True}).raised.exact
    with pytest.raises(SettingError, match=r"ros has no option 'exact', only to, .*copies, space"):
        with_options("ros", {"exact": True})
    with pytest.raises(SettingError, match="coverage has no option 'pick'"):
        with_options("hybrid", {"to": "2x", "under": "coverage", "pick": "random"})
    with pytest.raises(SettingError, match="ros has no option 'neighbours'"):
        with_options("hybrid", {"to": "2x", "neighbours": 3})


@pytest.mark.parametrize("name", ["tomek", "nearmiss-3", "cluster", "smote"])
def test_a_control_has_the_same_sizes_by_chance(part, name):
    found = rebalanced(part, named(name))
    control = rebalanced(part, Rebalancing(like=named(name)))
    sizes = [
        (
            np.bincount(part.labels[each.kept], minlength=3).tolist(),
            np.bincount(part.labels[each.kept[each.added.base]], minlength=3).tolist(),
        )
        for each in (found, control)
    ]
    assert sizes[0] == sizes[1]
    np.testing.assert_array_equal(control.added.base, control.added.partner)
    assert len(set(control.kept.tolist())) == len(control.kept)


def test_clusterings_are_found_once_and_change_nothing(part):
    clusterings = Clusterings(part)
    for pick in ("closest", "farthest", "random"):
        wanted = rebalanced(part, named(f"subclass-{pick}"))
        found = rebalanced(part, named(f"subclass-{pick}"), clusterings)
        np.testing.assert_array_equal(found.kept, wanted.kept)
    assert clusterings.spared > 0


def test_nothing_is_nothing(part):
    found = rebalanced(part, named("none"))
    np.testing.assert_array_equal(found.kept, np.arange(len(part.labels)))
    assert not len(found.added.base)


def test_what_cannot_be_is_said_with_the_name_of_the_class(part):
    with pytest.raises(TargetError, match="a target is max"):
        rebalanced(part, with_options("smote", {"to": "much"}))
    alone = np.append(part.members(1), part.members(0)[:1])
    with pytest.raises(FeatureError, match=f"class '{part.classes[0]}'.*smote needs at least 2"):
        rebalanced(part.take(np.sort(alone)), named("smote"))
