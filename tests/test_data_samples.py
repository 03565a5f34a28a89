"""Training, test and validation sets, from real files, and that no image is in two of them."""

import logging
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from rebalance import seeds
from rebalance.data.files import digest
from rebalance.data.samples import open_scoring, open_training
from rebalance.data.separation import apart_from, check_overlap, overlap, split_off
from rebalance.data.splits import stratified_split
from rebalance.errors import DataError, ManifestError, UnreadableImage
from rebalance.manifest import Manifest, Row, read_manifest, write_manifest
from rebalance.settings import FolderOptions

PLAIN = FolderOptions()


@pytest.fixture
def train(tmp_path, make_folder) -> Path:
    return make_folder(tmp_path / "train", {"cat": 6, "dog": 4, "eel": 2})


def opened(data, options=PLAIN, strict=False):
    return open_training(data, options, 0, strict=strict)


def scored(data, classes=("cat", "dog", "eel"), options=PLAIN, strict=False):
    return open_scoring(data, classes, options, 0, strict=strict)


def write(path: Path, root: Path, rows, classes=("cat", "dog", "eel")) -> Path:
    record = {"root": str(root), "classes": list(classes)}
    write_manifest(path, Manifest(root, tuple(classes), tuple(rows), (), record))
    return path


@pytest.fixture
def oversampled(tmp_path, train) -> Path:
    """Originals of every class, an eel twice more, and blends of cats and dogs."""
    rows = [Row(f"{path.parent.name}/{path.name}", path.parent.name) for path in train.glob("*/*")]
    rows.sort(key=lambda row: row.file_name)
    rows += [Row("eel/000.png", "eel", "duplicate")] * 2
    rows += [
        Row("dog/000.png", "dog", "synthetic", partner="dog/001.png", weight=0.25),
        Row("dog/002.png", "dog", "synthetic", partner="cat/001.png", weight=0.5),
    ]
    return write(tmp_path / "m.csv", train, rows)


def test_a_folder_is_trained_on_image_by_image(train):
    training = opened(train)
    assert training.classes == ("cat", "dog", "eel")
    assert training.counts == [6, 4, 2]
    assert training.partners == (None,) * 12 and training.weights == (0.0,) * 12
    assert training.digests == {
        path: digest((train / path).read_bytes()) for path in training.folder.paths
    }


def test_a_manifest_keeps_repetitions_and_recipes(oversampled, train):
    training = opened(oversampled)
    assert training.folder.root == train
    assert training.counts == [6, 6, 4]
    assert training.folder.paths[12:] == (
        *("eel/000.png",) * 2,
        "dog/000.png",
        "dog/002.png",
    )
    assert training.folder.labels[12:] == (2, 2, 1, 1)
    assert training.partners[12:] == (None, None, "dog/001.png", "cat/001.png")
    assert training.weights[12:] == (0.0, 0.0, 0.25, 0.5)
    assert len(training.digests) == 12


def test_the_class_order_of_a_manifest_is_its_own(tmp_path, train):
    rows = [Row("cat/000.png", "cat"), Row("dog/000.png", "dog")]
    training = opened(write(tmp_path / "m.csv", train, rows, ("dog", "cat")))
    assert training.classes == ("dog", "cat")
    assert training.folder.labels == (1, 0)


def test_taking_samples_keeps_what_belongs_to_them(oversampled):
    taken = opened(oversampled).take([15, 0])
    assert taken.folder.paths == ("dog/002.png", "cat/000.png")
    assert taken.partners == ("cat/001.png", None) and taken.weights == (0.5, 0.0)
    assert set(taken.digests) == {"dog/002.png", "cat/001.png", "cat/000.png"}
    assert taken.classes == ("cat", "dog", "eel")


def test_a_shared_label_goes_with_its_sample(tmp_path, train, oversampled):
    rows = list(read_manifest(oversampled).rows)
    rows[-1] = replace(rows[-1], share=0.125)
    training = opened(write(tmp_path / "soft.csv", train, rows))
    assert training.shares == {len(rows) - 1: (0, 0.125)}
    assert training.take([0, len(rows) - 1, 1]).shares == {1: (0, 0.125)}
    assert training.take([0, 1]).shares == {}
    alone = [row for row in rows if row.file_name != "cat/001.png"]
    with pytest.raises(DataError, match=r"shared with the class of 'cat/001\.png', and no row"):
        opened(write(tmp_path / "alone.csv", train, alone))


def test_samples_that_need_an_unreadable_file_are_left_out(oversampled, train, caplog):
    (train / "dog/001.png").write_bytes(b"no image")
    with caplog.at_level(logging.WARNING, "rebalance"):
        training = opened(oversampled)
    assert training.counts == [6, 4, 4]
    assert "dog/001.png" not in {*training.folder.paths, *training.partners, *training.digests}
    assert caplog.text.count("unreadable: 'dog/001.png': not an image") == 1
    with pytest.raises(UnreadableImage, match="--strict"):
        opened(oversampled, strict=True)


def test_a_class_that_loses_everything_is_an_error(tmp_path, train):
    (train / "dog/000.png").write_bytes(b"")
    rows = [
        Row("cat/000.png", "cat"),
        Row("eel/000.png", "eel", "synthetic", partner="dog/000.png", weight=0.5),
    ]
    path = write(tmp_path / "m.csv", train, rows, ("cat", "eel"))
    with pytest.raises(DataError, match="class 'eel' needs at least one sample; each of its 1"):
        opened(path)
    for image in (train / "dog").iterdir():
        image.write_bytes(b"")
    with pytest.raises(DataError, match="class 'dog' needs at least one image"):
        opened(train)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([Row("/cat/000.png", "cat")], "relative to the folder of images"),
        ([Row("../x/000.png", "cat")], "relative to the folder of images"),
        (
            [Row("cat/000.png", "cat", "synthetic", partner="../x.png", weight=0.5)],
            "relative to the folder of images",
        ),
        ([Row("cat/000.png", "cat")], "has no images of 'dog', 'eel'"),
        ([], "has no images of 'cat', 'dog', 'eel'"),
    ],
)
def test_manifests_that_cannot_be_trained_on_are_refused(tmp_path, train, rows, told):
    with pytest.raises(DataError, match=told):
        opened(write(tmp_path / "m.csv", train, rows))


def test_a_manifest_without_its_images_is_refused(tmp_path, train, oversampled):
    with pytest.raises(DataError, match="--root"):
        opened(oversampled, FolderOptions(root=tmp_path / "gone"))
    with pytest.raises(ManifestError, match="no manifest"):
        opened(tmp_path / "none.csv")


def test_empty_classes_are_kept_on_request(tmp_path, train):
    path = write(tmp_path / "m.csv", train, [Row("dog/000.png", "dog")])
    assert opened(path, FolderOptions(allow_empty=True)).counts == [0, 1, 0]


def test_a_class_missing_in_the_test_set_shifts_no_label(tmp_path, make_folder):
    test = make_folder(tmp_path / "test", {"eel": 2, "cat": 1})
    found = scored(test)
    assert found.folder.classes == ("cat", "dog", "eel")
    assert found.folder.labels == (0, 2, 2)
    assert found.folder.counts == [1, 0, 2]
    assert scored(test, ("eel", "dog", "cat")).folder.labels == (2, 0, 0)


def test_an_unknown_class_in_the_test_set_is_named_and_an_empty_one_ignored(tmp_path, make_folder):
    test = make_folder(tmp_path / "test", {"cat": 1, "fox": 3})
    with pytest.raises(DataError, match="has 3 of 'fox'"):
        scored(test)
    for image in (test / "fox").iterdir():
        image.unlink()
    assert scored(test).folder.counts == [1, 0, 0]


def test_of_many_classes_an_error_lists_some(tmp_path, make_folder):
    test = make_folder(tmp_path / "test", {"zebra": 1})
    with pytest.raises(DataError, match="'zebra'") as error:
        scored(test, [f"{number} " + "x" * 200 for number in range(1000)])
    assert "and 995 more" in str(error.value)
    assert len(str(error.value)) < 1000


def test_a_test_set_is_never_resampled(oversampled):
    with pytest.raises(DataError, match="originals, each once"):
        scored(oversampled)


def test_unreadable_test_images_are_reported_and_left_out(train, caplog):
    (train / "cat/001.png").write_bytes(b"no image")
    with caplog.at_level(logging.WARNING, "rebalance"):
        assert scored(train).folder.counts == [5, 4, 2]
    assert "unreadable: 'cat/001.png'" in caplog.text
    with pytest.raises(UnreadableImage):
        scored(train, strict=True)


def test_overlap_pairs_files_by_content():
    train = {"a": b"1", "b": b"2", "c": b"1"}
    test = {"x": b"3", "y": b"1", "z": b"2", "w": b"1"}
    assert overlap(train, test) == [("a", "y"), ("b", "z"), ("a", "w")]
    assert overlap(train, {}) == overlap({}, test) == []


def test_images_on_both_sides_are_refused_unless_allowed(tmp_path, train, make_folder, caplog):
    test = make_folder(tmp_path / "test", {"cat": 1, "dog": 9})
    shutil.copyfile(train / "eel/001.png", test / "dog/zz.png")
    training, scoring = opened(train), scored(test)
    # make_folder draws the first images of a class alike: cat 1, dog 4, and the copy.
    told = "6 of 11 images to score are also trained on"
    with pytest.raises(DataError, match=told) as refusal:
        check_overlap(training, scoring, allowed=False)
    assert repr(str(test / "cat/000.png")) in str(refusal.value)
    assert repr(str(train / "cat/000.png")) in str(refusal.value)
    assert "--allow-overlap" in str(refusal.value)
    with caplog.at_level(logging.WARNING, "rebalance"):
        check_overlap(training, scoring, allowed=True)
    assert told in caplog.text


def test_sets_apart_pass_in_silence(tmp_path, train, caplog):
    other = tmp_path / "other" / "cat"
    other.mkdir(parents=True)
    (train / "cat/005.png").rename(other / "0.png")
    check_overlap(opened(train), scored(other.parent), allowed=False)
    assert not caplog.records


def split(training, fraction=0.3, groups=None):
    return split_off(training, fraction, seeds.generator(0, "validation"), groups)


def test_a_folder_splits_as_its_labels_do(train):
    whole = opened(train)
    training, validation = split(whole)
    expected = stratified_split(
        whole.folder.labels, 0.3, seeds.generator(0, "validation"), range(12)
    )
    assert training.folder == whole.folder.take(expected[0])
    assert validation.folder == whole.folder.take(expected[1])
    assert validation.folder.counts == [2, 1, 1]
    assert set(training.digests) == set(training.folder.paths)
    assert set(validation.digests) == set(validation.folder.paths)


@pytest.mark.parametrize("seed", range(6))
def test_validation_has_no_repetition_and_training_nothing_of_it(oversampled, seed):
    whole = opened(oversampled)
    training, validation = split_off(whole, 0.4, seeds.generator(seed), None)
    held_out = set(validation.folder.paths)
    assert len(held_out) == len(validation.folder.paths) == 2 + 2 + 1
    trained = {*training.folder.paths, *training.partners}
    assert trained.isdisjoint(held_out)
    assert not overlap(training.digests, validation.digests)
    kept = [
        place
        for place, path in enumerate(whole.folder.paths)
        if path not in held_out and whole.partners[place] not in held_out
    ]
    assert training == whole.take(kept)


def test_copies_and_groups_stay_on_one_side(train):
    shutil.copyfile(train / "dog/000.png", train / "dog/copy.png")
    whole = opened(train)
    patients = {path: f"{path[:3]}{int(place) % 3}" for place, path in enumerate(whole.digests)}
    for groups in (None, patients):
        training, validation = split(whole, 0.4, groups)
        assert not overlap(training.digests, validation.digests)
        if groups is not None:
            sides = [{groups[p] for p in side.folder.paths} for side in (training, validation)]
            assert sides[0].isdisjoint(sides[1])


def test_the_group_of_a_partner_counts(tmp_path, train):
    # The partner is in no row, but of the same patient as an image that may be held out.
    blend = Row("eel/000.png", "eel", "synthetic", partner="dog/003.png", weight=0.5)
    rows = [Row(f"{name}/00{n}.png", name) for name in ("cat", "dog", "eel") for n in (0, 1)]
    whole = opened(write(tmp_path / "m.csv", train, [*rows, blend]))
    groups = {path: path for path in whole.digests} | {"dog/003.png": "dog/000.png"}
    seen = set()
    for seed in range(8):
        training, validation = split_off(whole, 0.5, seeds.generator(seed), groups)
        hidden = {"dog/000.png", "eel/000.png"} & set(validation.folder.paths)
        assert ("dog/003.png" in training.partners) == (not hidden)
        seen.add(bool(hidden))
    assert seen == {True, False}


def test_an_image_without_a_group_is_named(train):
    whole = opened(train)
    groups = {path: "g" for path in whole.digests if path != "dog/002.png"}
    with pytest.raises(DataError, match="the first is 'dog/002"):
        split(whole, 0.3, groups)


def test_blends_are_those_samples_that_have_a_partner(oversampled):
    training = opened(oversampled)
    assert training.blends == {14: ("dog/001.png", 0.25), 15: ("cat/001.png", 0.5)}
    assert training.take([15, 3]).blends == {0: ("cat/001.png", 0.5)}
    assert training.take([0]).blends == {}


@pytest.fixture
def made(tmp_path, train) -> Path:
    """Originals, augmented cats and dogs, cats that are trained as dogs, and a generated cat."""
    names = [f"{path.parent.name}/{path.name}" for path in sorted(train.glob("*/*"))]
    shutil.copy(train / "cat/000.png", train / "cat/made.png")
    with (train / "cat/made.png").open("ab") as file:
        file.write(b"otherwise")  # of another content
    rows = [
        Row("cat/made.png", "cat", "generated"),
        *(Row("cat/000.png", "cat", "synthetic", "dog/000.png", 0.5, made_as="dog"),),
        Row("cat/001.png", "cat", "augmented", operation="flip"),
        Row("cat/001.png", "cat", "augmented", "dog/001.png", operation="paste=0:0:1:0.5"),
        *(Row(name, name[:3]) for name in names),
    ]
    return write(tmp_path / "m.csv", train, rows)


def test_recipes_of_images_are_kept_with_the_class_that_they_are_trained_as(made):
    training = opened(made)
    assert training.counts == [9, 5, 2] and training.folder.labels[1] == 1
    assert training.blends == {1: ("dog/000.png", 0.5)}
    assert training.operations == {2: "flip", 3: "paste=0:0:1:0.5"}
    assert [row.operation for row in training.made.values()] == [None, "flip", "paste=0:0:1:0.5"]
    assert training.made[3].partner == "dog/001.png"
    taken = training.take([5, 3, 0])
    assert taken.made == {1: training.made[3]} and taken.foreign == {2}


def test_nothing_made_or_generated_is_validated_on(made):
    training = opened(made)
    for seed in range(5):
        left, validation = split_off(training, 0.5, seeds.generator(seed), None)
        folder = validation.folder
        assert "cat/made.png" not in folder.paths
        names = [folder.classes[label] for label in folder.labels]
        assert names == [path[:3] for path in folder.paths]
        held_out = set(folder.paths)
        for place, path in enumerate(left.folder.paths):
            assert not held_out & {path, left.partners[place]}
        assert "cat/made.png" in left.folder.paths


@pytest.mark.parametrize(
    ("space", "expected"), [(None, "pixel"), ("pixel",) * 2, ("embedding",) * 2]
)
def test_the_space_is_that_of_the_manifest(tmp_path, train, space, expected):
    record = {"root": str(train), "classes": ["cat"]} | ({"space": space} if space else {})
    rows = [Row(f"cat/00{number}.png", "cat") for number in range(4)]
    manifest = Manifest(train, ("cat",), tuple(rows), (), record)
    write_manifest(tmp_path / "m.csv", manifest)
    training = opened(tmp_path / "m.csv")
    assert training.space == training.take([1]).space == expected
    assert split(training)[0].space == expected


def test_samples_with_an_image_to_score_are_left_out(tmp_path, train, oversampled, caplog):
    # Copies under other names: what counts is the content.
    other = tmp_path / "other" / "cat"
    other.mkdir(parents=True)
    shutil.copyfile(train / "eel/000.png", other / "0.png")
    shutil.copyfile(train / "cat/001.png", other / "1.png")
    training, scoring = opened(oversampled), scored(other.parent)
    held_out = set(scoring.digests.values())
    images = training.digests
    expected = [
        place
        for place, path in enumerate(training.folder.paths)
        if images[path] not in held_out and images[training.partners[place] or path] not in held_out
    ]
    with caplog.at_level(logging.INFO, "rebalance"):
        apart = apart_from(training, scoring)
    assert apart == training.take(expected)
    assert 0 < len(expected) < len(training.folder.paths)
    left_out = len(training.folder.paths) - len(expected)
    assert f"{left_out} samples with validation images are left out" in caplog.text
    check_overlap(apart, scoring, allowed=False)


def test_nothing_is_said_where_no_sample_is_left_out(tmp_path, oversampled, make_folder, caplog):
    scoring = scored(make_folder(tmp_path / "other", {"cat": 1}, (20, 20)))
    training = opened(oversampled)
    with caplog.at_level(logging.INFO, "rebalance"):
        assert apart_from(training, scoring) == training
    assert not caplog.records


def test_a_class_is_not_left_out_as_a_whole(tmp_path, train, oversampled):
    other = tmp_path / "other"
    shutil.copytree(train / "eel", other / "eel")
    with pytest.raises(DataError, match=r"class 'eel' needs .* each of its 4 has one") as error:
        apart_from(opened(oversampled), scored(other))
    assert "\n" not in str(error.value)
    path = write(tmp_path / "dogs.csv", train, [Row("dog/001.png", "dog")])
    assert apart_from(opened(path, FolderOptions(allow_empty=True)), scored(other)).counts[2] == 0
