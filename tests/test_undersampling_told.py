"""What ``rebalance undersample`` tells besides its choice: cover, near-duplicates, suspects."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest
from PIL import Image

import rebalance
from rebalance.appraisal.cover import cover
from rebalance.numerics.comparison import embed
from rebalance.resampling import Selection
from rebalance.workflow.appraisal import warn_of_cover

COUNTS = {"cat": 40, "dog": 30, "owl": 9}


@pytest.fixture
def data(make_folder, tmp_path):
    return make_folder(tmp_path / "data", COUNTS, size=(24, 24))


@pytest.fixture
def repeated(data):
    """Cat 0 is there three times, once larger; cats 7 and 8 are equal files; an owl is there twice.

    The larger one is ``cat/big.png``.
    """
    with Image.open(data / "cat" / "000.png") as image:
        image.resize((48, 48), Image.Resampling.NEAREST).save(data / "cat" / "big.png")
        image.save(data / "cat" / "same.bmp")
    shutil.copy(data / "cat" / "007.png", data / "cat" / "008.png")
    shutil.copy(data / "owl" / "000.png", data / "owl" / "001.png")
    return data


def gone(manifest):
    return {row.file_name: row.reason for row in manifest.dropped if "duplicate of" in row.reason}


GONE = {
    "cat/000.png": "near-duplicate of cat/big.png",
    "cat/same.bmp": "near-duplicate of cat/big.png",
    "cat/008.png": "duplicate of cat/007.png",
}


@pytest.mark.parametrize("method", ["random", "subclass", "coverage", "nearmiss-1", "enn"])
def test_near_duplicates_go_first_whatever_the_method(run, repeated, tmp_path, extractor, method):
    output = tmp_path / "m.csv"
    options = ["--method", method, "--dedupe", *extractor]
    found = run("undersample", repeated, "-o", output, *options)
    assert found.status == 0, found.err
    assert "near-duplicates: 3 images go before any other" in found.err
    manifest = rebalance.read_manifest(output)
    assert gone(manifest) == GONE  # the smallest class is not cut, its duplicate stays
    kept = {row.file_name for row in manifest.rows}
    assert len(kept) + len(manifest.dropped) == sum(COUNTS.values()) + 2
    assert not kept & set(GONE)
    if method != "enn":
        assert set(manifest.counts.values()) == {9}
    stories = manifest.record["per_class"]
    assert {name: story["deduplicated"] for name, story in stories.items()} == {"cat": 3, "dog": 0}
    assert manifest.record["options"]["dedupe"] is True
    assert {place.file_name for place in manifest.places}.isdisjoint(GONE)
    header, *rows = found.out.split("\n\n")[0].splitlines()
    assert "near-duplicates" in header
    assert ("k" in header.split()) == (method == "subclass")
    assert ("cover" in header.split()) == (method != "random")
    told = dict.fromkeys(COUNTS, "") | {"cat": "3", "dog": "0"}
    column = header.index("near-duplicates"), header.index("near-duplicates") + 15
    assert {row.split()[0]: row[slice(*column)].strip() for row in rows} == told


def test_no_class_falls_below_its_size_and_the_others_stay_in_the_running(
    run, repeated, tmp_path, extractor
):
    output = tmp_path / "m.csv"
    options = ["--class", "cat=40", "--dedupe", *extractor]
    found = run("undersample", repeated, "-o", output, *options)
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(output)
    assert manifest.counts == {"cat": 40, "dog": 9, "owl": 9}
    # Three copies, two of which may go, one of them of those that are there three times.
    assert gone(manifest).keys() == {"cat/same.bmp", "cat/000.png"}
    assert manifest.record["per_class"]["cat"].keys() == {"deduplicated", "cover"}
    assert manifest.record["per_class"]["cat"]["deduplicated"] == 2


@pytest.fixture
def crowded(make_folder, tmp_path):
    """Fifty-five of sixty cats are one image; two of forty dogs repeat another; owls stay whole."""
    folder = make_folder(tmp_path / "crowded", {"cat": 60, "dog": 40, "owl": 15}, size=(24, 24))
    for place in range(1, 55):
        shutil.copy(folder / "cat" / "059.png", folder / "cat" / f"{place:03d}.png")
    for place in range(1, 3):
        shutil.copy(folder / "dog" / "000.png", folder / "dog" / f"{place:03d}.png")
    shutil.copy(folder / "owl" / "000.png", folder / "owl" / "001.png")
    return folder


@pytest.mark.parametrize("method", ["subclass", "coverage", "nearmiss-1", "random"])
def test_copies_are_kept_last_and_told_of(run, crowded, tmp_path, extractor, method):
    output = tmp_path / "m.csv"
    found = run("undersample", crowded, "-o", output, "--method", method, *extractor)
    assert found.status == 0, found.err
    told = [line for line in found.err.splitlines() if "--dedupe" in line]
    fate = "are drawn like any other" if method == "random" else "are kept last"
    assert len(told) == 1
    assert f"54 of the 60 images of class 'cat' repeat another and {fate}" in told[0]
    rows = rebalance.read_manifest(output).rows
    kept = Counter((crowded / row.file_name).read_bytes() for row in rows if row.label == "cat")
    assert kept.total() == 15
    if method != "random":
        assert sorted(kept.values()) == [1, 1, 1, 1, 1, 10]
    places = {
        (place.x, place.y): place.file_name
        for place in rebalance.read_manifest(output).places
        if place.label == "cat"
    }
    assert len(places) == (6 if method == "subclass" else 0)


def test_many_classes_of_copies_are_told_of_in_one_line(run, crowded, tmp_path):
    shutil.copy(crowded / "dog" / "000.png", crowded / "dog" / "003.png")
    cut = ["undersample", crowded, "-o", tmp_path / "m.csv", "--overwrite", "--method", "random"]
    told = [line for line in run(*cut).err.splitlines() if "--dedupe" in line]
    assert len(told) == 1
    assert "many images of 2 classes, such as 54 of the 60 images of class 'cat'," in told[0]
    assert "--dedupe" not in run(*cut, "--dedupe").err


def test_a_class_that_is_one_image_is_one_cluster(run, make_folder, tmp_path, extractor):
    folder = make_folder(tmp_path / "one", {"cat": 30, "dog": 8}, size=(24, 24))
    for label, count in (("cat", 30), ("dog", 8)):
        for place in range(1, count):
            shutil.copy(folder / label / "000.png", folder / label / f"{place:03d}.png")
    output = tmp_path / "m.csv"
    found = run("undersample", folder, "-o", output, "--suspects", *extractor)
    assert found.status == 0, found.err
    assert "Warning" not in found.err
    manifest = rebalance.read_manifest(output)
    assert manifest.counts == {"cat": 8, "dog": 8}
    story = manifest.record["per_class"]["cat"]
    assert (story["k"], story["note"]) == (1, "all features are identical")
    grown = run("oversample", output, "-o", tmp_path / "g.csv", "--to", "12", "--method", "smote",
                *extractor)  # fmt: skip
    assert grown.status == 0, grown.err
    assert "all its samples are equal, and are repeated" in grown.err
    assert {row.kind for row in rebalance.read_manifest(tmp_path / "g.csv").rows} == {
        "original", "duplicate"
    }  # fmt: skip


def test_no_dedupe_is_as_it_was(data, tmp_path, weights):
    options = {"extractor": str(weights), "arch": "cifar_resnet20", "device": "cpu"}
    plain, deduped = (rebalance.undersample(data, dedupe=each, **options) for each in (False, True))
    assert plain.rows == deduped.rows  # nothing in it looks like anything else
    assert "deduplicated" not in plain.record["per_class"]["cat"]
    assert "suspects" not in plain.record


def test_the_same_bytes_again_with_any_workers(run, repeated, tmp_path, extractor):
    outputs = []
    for workers in (0, 3):
        output = tmp_path / f"{workers}.csv"
        options = ["--dedupe", "--suspects", "--workers", workers, *extractor]
        assert run("undersample", repeated, "-o", output, *options).status == 0
        names = (output, output.with_suffix(".dropped.csv"), output.with_suffix(".json"))
        outputs.append([name.read_bytes() for name in names])
    assert outputs[0] == outputs[1]


def test_the_cover_is_that_of_the_pooled_features(run, data, tmp_path, weights, extractor):
    pooled = rebalance.extract(
        data, extractor=str(weights), arch="cifar_resnet20", image_size=16, device="cpu"
    )
    features = pooled.layers["pool"].read(slice(None), slice(None))
    for options in (["--method", "coverage"], ["--layer", "body"]):
        output = tmp_path / "m.csv"
        command = ["undersample", data, "-o", output, "--overwrite", *options, *extractor]
        found = run(*command)
        assert found.status == 0, found.err
        manifest = rebalance.read_manifest(output)
        assert manifest.record["per_class"].keys() == {"cat", "dog"}
        kept = {row.file_name for row in manifest.rows}
        for label, name in enumerate(["cat", "dog"]):
            members = pooled.members(label)
            chosen = [i for i, m in enumerate(members) if pooled.folder.paths[m] in kept]
            told = manifest.record["per_class"][name]["cover"]
            points = embed(features[members])
            expected = cover(points, np.array(chosen))
            assert told["kept"] == pytest.approx(vars(expected), rel=0.01)
            ratio = told["random"]["mean"] / told["kept"]["mean"]
            assert told["mean_closer"] == pytest.approx(ratio, abs=1e-4)
            assert (told["draws"], told["looked_at"]) == (20, None)
            line = next(line for line in found.out.splitlines() if line.startswith(name))
            assert f"{told['mean_closer']:.2f}x" in line.split()
        assert "cover: how many times closer" in found.out


def test_where_random_picks_lie_closer_the_log_names_a_method_that_does_better(
    run, data, tmp_path, extractor
):
    rng = np.random.default_rng(0)
    for number in range(20):  # a second kind of cat, which looks like no owl
        pixels = rng.integers(0, 40, (24, 24, 3))
        pixels[..., 2] += 200
        Image.fromarray(pixels.astype(np.uint8)).save(data / "cat" / f"{number:03d}.png")
    output = tmp_path / "m.csv"
    found = run("undersample", data, "-o", output, "--method", "nearmiss-1", *extractor)
    assert found.status == 0, found.err
    stories = rebalance.read_manifest(output).record["per_class"]
    below = {name for name, story in stories.items() if story["cover"]["mean_closer"] < 0.995}
    assert below
    for name in ("cat", "dog"):
        told = f"class '{name}': random picks lie closer to the images left out, cover 0."
        assert (told in found.err) == (name in below)
    assert "--method coverage-typical does not fall behind them" in found.err
    options = ["--to", "9", "--under", "nearmiss-1", *extractor]
    both = run("hybrid", data, "-o", tmp_path / "hybrid.csv", *options)
    assert "random picks lie closer to the images left out" in both.err


def test_many_classes_that_random_picks_cover_better_are_one_line(caplog):
    story = {"cover": {"mean_closer": 0.5}}
    stories = {f"c{number}": story for number in range(30)} | {"fine": {}, "even": None}
    stories["even"] = {"cover": {"mean_closer": None}}
    warn_of_cover(Selection([], stories), "coverage-typical")
    (line,) = caplog.messages
    assert line.startswith("30 classes such as 'c0': random picks lie closer")
    assert "--method random does not fall behind them" in line


def test_where_nothing_is_left_to_cover_there_is_no_figure(run, make_folder, tmp_path, extractor):
    root = make_folder(tmp_path / "data", {"cat": 4, "dog": 4})
    for number in range(1, 9):
        shutil.copy(root / "cat" / "000.png", root / "cat" / f"{number:03d}.png")
    output = tmp_path / "m.csv"
    found = run("undersample", root, "-o", output, *extractor)
    assert found.status == 0, found.err
    told = json.loads(output.with_suffix(".json").read_bytes())["per_class"]["cat"]["cover"]
    assert (told["mean_closer"], told["farthest_closer"]) == (None, None)


@pytest.fixture
def mixed(tmp_path):
    """Red, green and blue images by class; one red one is called green, one is like no other."""
    root, rng = tmp_path / "mixed", np.random.default_rng(4)
    for place, name in enumerate(["blue", "green", "red"]):
        (root / name).mkdir(parents=True)
        for number in range(30 if name == "blue" else 60):
            pixels = rng.integers(0, 50, (16, 16, 3))
            pixels[..., 2 - place] += 190
            Image.fromarray(pixels.astype(np.uint8)).save(root / name / f"{number:03d}.png")
    shutil.move(root / "red" / "010.png", root / "green" / "stray.png")
    board = np.kron(np.indices((8, 8)).sum(0) % 2, np.ones((2, 2)))[..., None] * [255, 0, 255]
    Image.fromarray(board.astype(np.uint8)).save(root / "red" / "board.png")
    return root


@pytest.mark.parametrize("method", ["subclass", "coverage"])
def test_suspects_are_named_and_not_dropped_for_it(run, mixed, tmp_path, extractor, method):
    output = tmp_path / "m.csv"
    options = ["--method", method, "--suspects", *extractor]
    found = run("undersample", mixed, "-o", output, *options)
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(output)
    record = manifest.record["suspects"]
    why = {suspect["file_name"]: suspect["why"] for suspect in record}
    assert "10 of its 10 neighbours are 'red'" in why["green/stray.png"]
    assert "outlier" in why["red/board.png"]
    assert len(why) < 12
    assert all(suspect["file_name"].startswith(suspect["label"]) for suspect in record)
    flagged = {row.file_name: row.reason for row in manifest.dropped if "suspect" in row.reason}
    kept = {row.file_name for row in manifest.rows}
    assert flagged.keys() == why.keys() - kept
    assert all(reason.endswith(f"; suspect: {why[name]}") for name, reason in flagged.items())
    # Who is kept is what it would have been.
    run("undersample", mixed, "-o", output, "--overwrite", "--method", method, *extractor)
    assert rebalance.read_manifest(output).rows == manifest.rows
    named = [line for line in found.err.splitlines() if "suspect, kept: " in line]
    assert len(named) == min(5, len(why.keys() & kept))
    counts = Counter(suspect["label"] for suspect in record)
    header, *rows = found.out.split("\n\n")[0].splitlines()
    assert header.endswith("suspects")
    assert {row.split()[0]: int(row.split()[-1]) for row in rows} == {
        name: counts[name] for name in ["blue", "green", "red"]
    }


def test_suspects_need_features(run, data, tmp_path):
    output = tmp_path / "m.csv"
    found = run("undersample", data, "-o", output, "--method", "random", "--suspects")
    assert found.status == 1
    assert "--suspects compares features" in found.error
    assert not output.exists()


def test_steps_chain_over_what_was_told(run, repeated, tmp_path, extractor):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    options = ["--dedupe", "--suspects", *extractor]
    assert run("undersample", repeated, "-o", first, "--to", "20", *options).status == 0
    found = run("undersample", first, "-o", second, "--to", "5", *options)
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(second)
    assert set(manifest.counts.values()) == {5}
    assert len(manifest.rows) + len(manifest.dropped) == sum(COUNTS.values()) + 2
    assert gone(manifest).items() >= GONE.items()
