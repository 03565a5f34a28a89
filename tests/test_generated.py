"""``oversample --method generated``: which images of a generator are added, and why not others."""

import csv
import json
import os
import shlex
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import rebalance
from rebalance.data.generated import is_within
from rebalance.data.samples import open_training
from rebalance.data.separation import split_off
from rebalance.data.source import check_files
from rebalance.errors import DataError, OutputError, SettingError
from rebalance.manifest import Row
from rebalance.models.transforms import plain_transform
from rebalance.oversampling import OVERSAMPLERS
from rebalance.reports.manifests.commands import command_of, needs_same_folder
from rebalance.settings import FolderOptions
from rebalance.torch import ManifestDataset
from rebalance.training.dataset import dataset_of

SIZES = {"cat": 40, "dog": 12, "owl": 6}
COLOURS = {"cat": (200, 60, 60), "dog": (60, 200, 60), "owl": (60, 60, 200)}
PIXELS = ["--method", "generated", "--neighbours-in", "pixels:8"]


def draw(path, label, number, side=32):
    """Write an image of a class: its colour, under a pattern that no other has."""
    rng = np.random.default_rng((ord(label[0]), number))
    pattern = Image.fromarray(rng.integers(0, 80, (9, 9), np.uint8))
    pattern = pattern.resize((64, 64), Image.Resampling.BICUBIC).resize((side, side))
    image = np.asarray(COLOURS[label], np.int64) + np.asarray(pattern, np.int64)[..., None] - 40
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(path)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Images to train on and to test on, and a generator's in a folder far from them."""
    root = tmp_path_factory.mktemp("world")
    train, test, gan = root / "photos" / "train", root / "photos" / "test", root / "made" / "gan"
    for label, size in SIZES.items():
        for number in range(size):
            draw(train / label / f"{number:02d}.png", label, number)
        for number in range(4):
            draw(test / label / f"{number}.png", label, 100 + number)
    for label in ("dog", "owl"):
        folder = gan / label
        for number in range(20):
            draw(folder / f"good_{number:02d}.png", label, 200 + number)
        draw(folder / "wrong.png", "cat", 300 + ord(label[0]))
        shutil.copy(train / label / "00.png", folder / "equal.png")
        draw(folder / "larger.bmp", label, 1, side=64)
        shutil.copy(train / "cat" / "03.png", folder / "equal_to_a_cat.png")
        shutil.copy(test / label / "0.png", folder / "tested.png")
        draw(folder / "tested_larger.png", label, 101, side=50)
        shutil.copy(folder / "good_03.png", folder / "zagain.png")
        (folder / "broken.png").write_text("no image")
    return root


FAULTS = {
    "wrong": "out of class: of its 10 nearest training images 10 are 'cat' and 0 of its own class",
    "equal": "duplicate of {}/00.png",
    "larger": "near-duplicate of {}/01.png",
    "equal_to_a_cat": "duplicate of cat/03.png",
    "tested": "duplicate of {test}/{}/0.png",
    "tested_larger": "near-duplicate of {test}/{}/1.png",
    "zagain": "duplicate of ../../made/gan/{}/good_03.png",
    "broken": "unreadable: not an image (unknown format)",
}


@pytest.fixture(scope="module")
def manifest(world):
    """Every class of the world at 24 samples, of which the owls can only come near."""
    output = world / "M.csv"
    rebalance.oversample(
        world / "photos" / "train",
        output,
        method="generated",
        generated_from=world / "made" / "gan",
        test=world / "photos" / "test",
        neighbours_in="pixels:8",
        per_class={"dog": 24, "owl": 40},
    )
    return output


def added(path):
    return [row for row in rebalance.read_manifest(path).rows if row.kind != "original"]


def test_copies_and_strangers_are_left_out_and_told(world, manifest):
    record = rebalance.read_manifest(manifest).record["generated"]
    found = {entry["file_name"]: entry["reason"] for entry in record["left_out"]}
    test = (world / "photos" / "test").as_posix()
    endings = {"larger": "bmp"}
    assert found == {
        f"../../made/gan/{label}/{name}.{endings.get(name, 'png')}": why.format(label, test=test)
        for label in ("dog", "owl")
        for name, why in FAULTS.items()
    }
    assert record["root"] == "../../made/gan" and record["neighbours"] == 10
    tally = {
        "found": 28,
        "unreadable": 1,
        "copies_of_data": 3,
        "copies_of_test": 2,
        "out_of_class": 1,
        "copies_of_others": 1,
    }
    assert record["classes"] == {
        "dog": {"wanted": 12, **tally, "added": 12},
        "owl": {"wanted": 34, **tally, "added": 20},
    }


def test_as_many_as_are_wanted_are_drawn_each_once(manifest):
    rows = added(manifest)
    assert {row.kind for row in rows} == {"generated"}
    names = [row.file_name for row in rows]
    assert len(set(names)) == len(names) and all("/good_" in name for name in names)
    assert Counter(row.label for row in rows) == {"dog": 12, "owl": 20}
    assert all(Path(row.file_name).parent.name == row.label for row in rows)
    read = rebalance.read_manifest(manifest)
    assert read.counts == read.record["counts"]["after"] == {"cat": 40, "dog": 24, "owl": 26}


def test_a_class_that_falls_short_is_told_and_not_filled_up(run, world, tmp_path):
    output = tmp_path / "m.csv"
    paths = ["--from", world / "made" / "gan", "--test", world / "photos" / "test"]
    found = run("oversample", world / "photos" / "train", "-o", output, *PIXELS, *paths)
    assert found.status == 0, found.err
    short = "34 wanted, and 20 generated images are left: the class stays smaller than asked for"
    assert f"class 'owl': {short}" in found.err
    dropped = (
        "of 28 generated images 1 cannot be read, 3 repeat images of the data, 2 repeat images to "
        "test on, 1 look out of class, 1 repeat each other"
    )
    assert f"owl: {dropped}; {short}" in found.out
    stories = json.loads(output.with_suffix(".json").read_text())["per_class"]
    assert stories["owl"] == {"added": 20, "note": f"{dropped}; {short}"}
    record = rebalance.read_manifest(output).record
    assert not needs_same_folder(record)
    options = {**record["options"], "generated_from": "gan"}
    assert needs_same_folder({**record, "options": options})
    # The command that the record tells makes the same again.
    again = tmp_path / "again.csv"
    command = shlex.split(command_of(record, str(again)))
    assert run(*command[1:]).status == 0
    assert again.read_bytes() == output.read_bytes()


def test_a_network_votes_too_and_another_seed_draws_others(run, world, tmp_path, extractor):
    names = []
    for seed in (0, 1):
        output = tmp_path / f"{seed}.csv"
        options = ["--from", world / "made" / "gan", "--class", "dog=15", "--classes", "dog"]
        found = run(
            *("oversample", world / "photos" / "train", "-o", output, "--seed", seed),
            *("--method", "generated", "--neighbours", 3, *options, *extractor),
        )
        assert found.status == 0, found.err
        names.append([row.file_name for row in added(output)])
        assert len(names[-1]) == 3
    assert names[0] != names[1]
    record = rebalance.read_manifest(output).record
    assert record["extractor"]["arch"] == "cifar_resnet20"
    assert record["generated"]["neighbours"] == 3 and "owl" not in record["generated"]["classes"]
    assert "wrong.png" in {Path(it["file_name"]).name for it in record["generated"]["left_out"]}


def test_hybrid_cuts_and_then_adds(run, world, tmp_path):
    output = tmp_path / "m.csv"
    options = ["--to", 15, "--under", "random", "--from", world / "made" / "gan"]
    found = run(
        *("hybrid", world / "photos" / "train", "-o", output, *options),
        *("--over", "generated", "--neighbours-in", "pixels:8"),
    )
    assert found.status == 0, found.err
    assert rebalance.read_manifest(output).counts == {"cat": 15, "dog": 15, "owl": 15}
    assert Counter(row.kind for row in added(output)) == {"generated": 12}


# --- whoever reads such a manifest ---------------------------------------------------------------


def test_every_reader_finds_the_images(run, world, manifest, tmp_path):
    out = tmp_path / "out"
    made = rebalance.materialize(manifest, out, link="hard")
    assert (made.linked, made.copied) == (90, 0)
    names = sorted(path.name for path in (out / "owl").iterdir())
    assert names[:6] == [f"0{number}.png" for number in range(6)]
    assert all(name.startswith("made__gan__owl__good_") for name in names[6:])
    dataset = ManifestDataset(manifest)
    assert "58 images, 0 repeated, 0 blended, 32 generated" in repr(dataset)
    images = {Path(path).name: dataset[place][0] for place, (path, _) in enumerate(dataset.samples)}
    expected = Image.open(world / "made" / "gan" / "owl" / "good_00.png")
    np.testing.assert_array_equal(np.asarray(images["good_00.png"]), np.asarray(expected))
    inspected = rebalance.inspect(manifest)
    assert inspected.counts == {"cat": 40, "dog": 24, "owl": 26} and not inspected.unreadable
    again = rebalance.diff(manifest, manifest)
    assert not again.changed
    export = run("export", manifest, "--to", "fiftyone", "-o", tmp_path / "f.csv")
    assert export.status == 0, export.err
    with (tmp_path / "f.csv").open(newline="") as file:
        paths = [line["filepath"] for line in csv.DictReader(file)]
    assert len(paths) == 90 and all(Path(path).is_file() for path in paths)
    page = tmp_path / "r.html"
    assert run("report", manifest, "-o", page).status == 0
    text = page.read_text()
    assert text.count("<h3>Generated</h3>") == 2 and "made/gan/owl/good_" in text


def test_they_are_trained_on_and_none_is_validated_on(manifest):
    found = open_training(manifest, FolderOptions(), 0, strict=True)
    assert found.at_first == SIZES and found.counts == [40, 24, 26]
    trained, validation = split_off(found, 0.5, np.random.default_rng(0))
    assert len(validation.folder.paths) == 29
    assert not any("gan" in path for path in validation.folder.paths)
    assert sum("gan" in path for path in trained.folder.paths) == 32
    images = dataset_of(found, plain_transform("cifar_resnet20"))
    place = found.folder.paths.index("../../made/gan/owl/good_00.png")
    assert images.pixels(place).shape == (3, 32, 32)


def test_what_lies_elsewhere_is_refused_or_told_where_a_tool_cannot_have_it(run, world, manifest):
    table = world / "photos" / "train" / "metadata.csv"
    found = run("export", manifest, "--to", "hf", "-o", table)
    assert found.status == 1 and "32 generated ones lie elsewhere" in found.error
    found = run("export", manifest, "--to", "timm", "-o", world / "classes.txt")
    assert "32 lie in another folder" in found.err
    for output in (world / "made" / "gan" / "out", world / "made"):
        with pytest.raises(OutputError):
            rebalance.materialize(manifest, output, overwrite=True)
    assert rebalance.materialize(manifest, world / "photos" / "out").counts["owl"] == 26
    found = run("undersample", manifest, "-o", world / "u.csv", "--method", "random")
    assert found.status == 1 and "has 32 samples that were added" in found.error


def test_a_tree_that_was_moved_is_followed_by_its_root(world, manifest, tmp_path):
    moved = tmp_path / "moved"
    shutil.copytree(world, moved)
    root = moved / "photos" / "train"
    assert rebalance.materialize(manifest, tmp_path / "out", root=root).counts["owl"] == 26
    shutil.rmtree(moved / "made")
    with pytest.raises(DataError, match=r"generated images of '../../made/gan', seen from"):
        rebalance.materialize(manifest, tmp_path / "again", root=root)


def test_a_root_behind_a_link_is_left_where_the_link_ends(world, tmp_path):
    link = tmp_path / "photos"
    link.symlink_to(world / "photos" / "train")
    found = rebalance.oversample(
        link,
        tmp_path / "m.csv",
        method="generated",
        generated_from=world / "made" / "gan",
        neighbours_in="pixels:8",
        per_class={"dog": 14},
        classes=["dog"],
    )
    rows = [row for row in found.rows if row.kind == "generated"]
    assert all((link / row.file_name).is_file() for row in rows) and len(rows) == 2


# --- names that lead elsewhere -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../../made/other/1.png", "generated"),
        ("../../made/gan/../1.png", "generated"),
        ("../../made/gan", "generated"),
        ("../../made/gan//1.png", "generated"),
        ("/etc/1.png", "generated"),
        ("../../made/gan/owl/good_00.png", "original"),
        ("../../made/gan/owl/good_00.png", "duplicate"),
    ],
)
def test_a_name_leads_nowhere_but_into_the_folder_of_its_record(manifest, name, kind):
    read = rebalance.read_manifest(manifest)
    changed = replace(read, rows=(*read.rows, Row(name, "owl", kind)))
    with pytest.raises(DataError, match="file names are relative to the folder of images"):
        check_files(manifest, changed, FolderOptions())


@pytest.mark.parametrize("way", ["", "/etc", "..//etc", "a/../../etc", "../a/../b", "./a", "a/"])
def test_a_way_leads_up_first_and_then_down(way):
    assert not is_within(f"{way}/1.png", way)
    assert is_within("../../1.png", "../..") and is_within("a/b/1.png", "a/b")


# --- what is refused -----------------------------------------------------------------------------


def test_what_cannot_be_is_said_in_a_line(run, world, tmp_path):
    data, output = world / "photos" / "train", tmp_path / "m.csv"
    gan = world / "made" / "gan"

    def error(*options):
        found = run("oversample", data, "-o", output, *options)
        assert found.status == 1 and not output.exists()
        return found.error

    assert "name it with --from" in error("--method", "generated")
    assert "--from is for generated, not ros: leave it out" in error("--from", gan)
    assert "--test is for generated, not ros: leave it out" in error("--test", gan)
    strange = tmp_path / "gan"
    draw(strange / "hat" / "1.png", "cat", 1)
    assert "generated images must be of the classes that they are added to (cat, dog, owl)" in (
        error(*PIXELS, "--from", strange)
    )
    assert "does not exist" in error(*PIXELS, "--from", tmp_path / "nowhere")
    assert "images to test on must be of the classes" in (
        error(*PIXELS, "--from", gan, "--test", strange)
    )
    with pytest.raises(SettingError, match="name it with --from"):
        OVERSAMPLERS["generated"](None, np.array([0, 0, 1]), {1: 1}, np.random.default_rng(0))
    found = run("oversample", data, "-o", output, *PIXELS, "--from", gan, "--strict")
    assert found.status == 1 and "2 of 56 images cannot be read" in found.error
    with pytest.raises(SettingError, match="generated makes images"):
        rebalance.train(data, data, tmp_path / "run", rebalance_head="generated")


def test_the_folder_of_the_data_itself_gives_nothing(world):
    train = world / "photos" / "train"
    found = rebalance.oversample(
        train, method="generated", generated_from=train, neighbours_in="pixels:8"
    )
    assert found.counts == SIZES
    assert found.record["generated"]["classes"]["owl"]["copies_of_data"] == 6
    assert os.fspath(found.record["generated"]["root"]) == "."
