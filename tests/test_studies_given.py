"""A study that sees its images by features from a file, and opens none of them."""

import json

import numpy as np
import pytest

from rebalance.errors import DataError, SettingError
from rebalance.progress import silent
from rebalance.settings import RunOptions
from rebalance.studies.declaration import read_study
from rebalance.studies.preparation import prepared

COUNTS = {"a": 24, "b": 10}


@pytest.fixture
def declare(tmp_path):
    """``declare(features, grid, study)``: a study of 34 images and 12 to test on, all empty."""
    rng = np.random.default_rng(0)
    names, rows = [], []
    for side, counts in (("train", COUNTS), ("test", {"a": 6, "b": 6})):
        for place, (label, count) in enumerate(counts.items()):
            (tmp_path / side / label).mkdir(parents=True)
            for number in range(count):
                name = f"{side}/{label}/{number}.png"
                (tmp_path / name).touch()
                names.append(name)
                rows.append(2 * np.eye(2, 8)[place] + rng.standard_normal(8))
    (tmp_path / "f").mkdir()
    every, train = np.array(rows, np.float32), 34
    for file, part in (("all", slice(None)), ("train", slice(train)), ("test", slice(train, None))):
        np.savez(tmp_path / "f" / f"{file}.npz", features=every[part], file_name=names[part])

    def write(extractor, grid='rebalance = ["smote", "coverage"]', study='test = "test"'):
        path = tmp_path / "study.toml"
        path.write_text(
            f'[study]\ndata = "train"\nseeds = 1\nfolds = 2\n{study}\n[extractor]\n{extractor}\n'
            f"[grid]\n{grid}\n"
        )
        return path

    return write


def prepare(path):
    return prepared(read_study(path), path.parent / "out", RunOptions(workers=0), silent)


def test_no_image_is_opened_and_paths_are_relative_to_the_study(declare, run, tmp_path):
    path = declare('features = "f/all.npz"', 'rebalance = "smote"')
    found = run("study", path, "-o", tmp_path / "out", "--workers", 0)
    assert found.status == 0, found.err
    story = json.loads((tmp_path / "out" / "study.json").read_text())["story"]
    assert story["extractor"] == {"features": str(tmp_path / "f" / "all.npz")}
    assert (story["images"], story["test_images"]) == (34, 12)


def test_test_images_have_their_features_in_the_same_file_or_in_another(declare):
    one = prepare(declare('features = "f/all.npz"'))
    study = 'test = "test"\ntest_features = "f/test.npz"'
    two = prepare(declare('features = "f/train.npz"', study=study))
    whole = slice(None), slice(None)
    for pair, view in one.views.items():
        other = two.views[pair]
        np.testing.assert_array_equal(view.tested.read(*whole), other.tested.read(*whole))
        assert view.tested.shape == (12, 8)
        seen = view.layers["pool"].read(*whole)
        np.testing.assert_array_equal(seen, other.layers["pool"].read(*whole))
    assert one.test == two.test


def test_other_features_are_another_study(declare, tmp_path):
    path = declare('features = "f/train.npz"', study="")
    facts = prepare(path).cells.facts
    with np.load(tmp_path / "f" / "train.npz") as kept:
        twice, names = 2 * kept["features"], kept["file_name"]
    assert prepare(path).cells.facts == facts
    np.savez(tmp_path / "f" / "train.npz", features=twice, file_name=names)
    others = prepare(path).cells.facts
    assert {key for key in facts if facts[key] != others[key]} == {"data", "extractor"}


def test_equal_features_stay_together_and_are_not_tested_on(declare, tmp_path):
    with np.load(tmp_path / "f" / "all.npz") as kept:
        features, names = kept["features"], kept["file_name"]
    features[1] = features[0]
    np.savez(tmp_path / "f" / "all.npz", features=features, file_name=names)
    setup = prepare(declare('features = "f/all.npz"'))
    assert setup.kin[0] == setup.kin[1] and len(set(setup.kin.tolist())) == 33
    features[-1] = features[2]
    np.savez(tmp_path / "f" / "all.npz", features=features, file_name=names)
    with pytest.raises(DataError, match=r"1 have the very features .* is 'b/5.png', equal to"):
        prepare(declare('features = "f/all.npz"'))


@pytest.mark.parametrize(
    ("extractor", "study", "message"),
    [
        ('features = "f/all.npz"\narch = "resnet18"', "", r"extractor\.arch is about a network"),
        ('names = "f/names.txt"', "", r"extractor\.names says .* add extractor\.features"),
        ("", 'test = "test"\ntest_features = "f/test.npz"', "test_features has the features of"),
        ('features = "f/all.npz"', 'test_features = "f/test.npz"', "give --test and"),
        ('features = "f/all.npz"', 'test_names = "f/test.npz"', "goes with study.test_features"),
        ("features = 3", "", r"extractor\.features must be text; got 3"),
    ],
)
def test_what_does_not_go_together_is_said_in_the_words_of_the_study(
    declare, extractor, study, message
):
    with pytest.raises(SettingError, match=message):
        read_study(declare(extractor, study=study))


def test_what_needs_pixels_opens_the_images(declare):
    grid = 'rebalance = [{method = "smote", neighbours_in = "pixels"}]'
    with pytest.raises(DataError, match="can be read"):
        prepare(declare('features = "f/all.npz"', grid=grid))
