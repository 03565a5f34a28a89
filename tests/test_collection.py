"""Learning curves by class: what is asked of the whole, on images whose source is known."""

import json

import numpy as np
import pytest
from PIL import Image

from rebalance.collection import contact_sheet, learning_curves
from rebalance.errors import DataError
from rebalance.records import CollectionRecord
from rebalance.records.shape import misfit

COUNTS = (90, 40, 12, 5)
CLASSES = ("many", "some", "few", "hardly any")


def points(counts, seed=0):
    """Clouds of 6 columns that overlap, and their labels."""
    labels = np.repeat(np.arange(len(counts)), counts)
    rng = np.random.default_rng(seed)
    return 1.7 * np.eye(len(counts), 6)[labels] + rng.normal(size=(len(labels), 6)), labels


def curves(**options):
    features, labels = points(COUNTS)
    options = {"subclasses": ["one"] * len(labels), "penalty": 0.1, "repeats": 2} | options
    return learning_curves(features, labels, CLASSES, **options)


@pytest.fixture(scope="module")
def record() -> CollectionRecord:
    return curves()


def of(record, label):
    return next(need for need in record["classes"] if need["label"] == label)


def test_it_is_a_record_that_json_can_hold(record):
    assert misfit(json.loads(json.dumps(record)), CollectionRecord) is None


def test_the_same_seed_gives_the_same_record(record):
    again = curves()
    assert {**again, "seconds": 0} == {**record, "seconds": 0}


def test_a_curve_is_measured_from_a_few_up_to_all_that_is_trained_on(record):
    sizes = [point["size"] for point in of(record, "many")["curve"]]
    # Four of five parts of 90 are learned from, and shares of these.
    assert sizes == pytest.approx(
        [72 * share for share in (1 / 16, 1 / 8, 0.25, 0.5, 0.7083, 1)], 0.15
    )
    assert len(of(record, "few")["curve"]) < len(sizes)


def test_more_and_twice_as_many_are_told_with_an_interval_around_what_is_expected(record):
    gains = of(record, "some")["gains"]
    assert [gain["more"] for gain in gains] == [40, 50, 100]  # 200 would be six times as many
    for gain in gains:
        low, high = gain["interval"]
        assert low < gain["balanced_accuracy"] < high
    widths = [gain["interval"][1] - gain["interval"][0] for gain in gains]
    assert widths == sorted(widths)
    expected = [gain["balanced_accuracy"] for gain in gains]
    assert expected == sorted(expected)


def test_a_class_of_too_few_is_said_to_be_unknown(record):
    need = of(record, "hardly any")
    assert need["gains"] == [] == need["curve"]
    assert need["unknown"] == "it has 5 different images, and a curve takes at least 8"
    assert need["sentence"] in record["answer"]
    assert record["classes"][-1] == need


def test_what_was_measured_is_the_cross_validated_score(record):
    curve = of(record, "many")["curve"]
    assert curve[-1]["recall"] == pytest.approx(of(record, "many")["recall"])
    assert curve[-1]["balanced_accuracy"] == pytest.approx(record["balanced_accuracy"])
    recalls = [need["recall"] for need in record["classes"]]
    assert record["balanced_accuracy"] == pytest.approx(np.mean(recalls))


def test_groups_are_what_is_counted_and_are_never_parted():
    groups = np.arange(sum(COUNTS)) // 3
    record = curves(groups=groups.tolist(), more=[7])
    assert record["unit"] == "groups"
    assert of(record, "many")["groups"] == 30
    assert of(record, "many")["curve"][-1]["size"] == pytest.approx(24, abs=1)
    assert [gain["more"] for gain in of(record, "many")["gains"]] == [7, 30]
    assert "5 groups" in of(record, "few")["unknown"]


def test_groups_that_share_a_copy_are_kept_together_and_counted_apart():
    groups = np.arange(sum(COUNTS)) // 3
    pairs = curves(groups=groups.tolist(), kin=(groups // 2).tolist(), more=[7], repeats=1)
    assert of(pairs, "many")["groups"] == 30
    sizes = [point["size"] for point in of(pairs, "many")["curve"]]
    assert sizes[-1] == pytest.approx(24, abs=1)
    assert "7 groups" in of(pairs, "some")["unknown"]


def test_copies_tell_nothing_new():
    """Each image four times over: its copies are never held out while it is learned from."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], 40)
    features = np.repeat(rng.normal(size=(20, 30)), 4, axis=0)  # nothing to learn but by heart
    options = {"subclasses": ["one"] * 80, "penalty": 1e-3, "repeats": 1}
    kin = np.repeat(np.arange(20), 4).tolist()
    told = learning_curves(features, labels, ["a", "b"], kin=kin, **options)
    apart = learning_curves(features, labels, ["a", "b"], **options)
    assert apart["balanced_accuracy"] > 0.9
    assert told["balanced_accuracy"] < 0.7


def test_no_time_leaves_two_rounds_and_a_note():
    record = curves(seconds=0)
    assert record["rounds"] == 2
    assert any("time to hold out 2 parts" in note for note in record["notes"])


def test_one_class_alone_is_refused_in_a_line():
    features, labels = points((9, 1))
    with pytest.raises(DataError, match=r"need two classes .* there is 1: add images"):
        learning_curves(features, labels, ["a", "b"])


@pytest.mark.together
def test_subclasses_that_nobody_gave_are_found(make_folder, tmp_path):
    rng = np.random.default_rng(0)
    places = np.repeat([0.0, 8.0, 4.0], [30, 5, 30])
    features = places[:, None] * np.ones((1, 6)) + rng.normal(size=(65, 6))
    labels = np.repeat([0, 1], [35, 30])
    record = learning_curves(features, labels, ["a", "b"], penalty=0.1, repeats=1)
    short = of(record, "a")["subclasses"][0]
    assert short["images"] == 5 and short["short"]
    assert set(short["members"]) == set(range(30, 35))
    root = make_folder(tmp_path / "data", {"a": 35, "b": 30})
    files = [str(path.relative_to(root)) for path in sorted(root.rglob("*.png"))]
    found = contact_sheet(of(record, "a"), root, files, side=16, columns=6)
    assert isinstance(found, Image.Image)
    assert found.width == 6 * 18 - 2
    plain = {**of(record, "a"), "subclasses": []}
    assert contact_sheet(plain, root, files) is None
