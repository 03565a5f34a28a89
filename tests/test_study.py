"""The study command: the same table however it was run, and every refusal in one line."""

import csv
import json
import signal
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from launching import finish, start
from PIL import Image

from rebalance.features.extractors import EXTRACTOR
from rebalance.progress import silent
from rebalance.settings import RunOptions
from rebalance.studies import full, rebalanced
from rebalance.studies.cells import CellStore
from rebalance.studies.declaration import read_study
from rebalance.studies.heads import descent
from rebalance.studies.images import keyed
from rebalance.studies.preparation import prepared

MEASURED = {"seconds"}
SUBCLASSES = Path(__file__).parents[1] / "sample_data" / "subclasses.csv"


@pytest.fixture
def declare(tmp_path, few, weights):
    """``declare(grid)``: the path of a study of 60 real scans."""

    def write(grid, study="seeds = 2\nfolds = 2", more="", test=few[1]):
        path = tmp_path / "study.toml"
        tested = f'test = "{test}"\n' if test else ""
        path.write_text(
            f'[study]\ndata = "{few[0]}"\n{tested}{study}\n'
            f'[extractor]\nextractor = "{weights}"\narch = "cifar_resnet20"\n{more}\n{grid}\n'
        )
        return path

    return write


@pytest.fixture
def hasty(monkeypatch):
    """Heads of this process learn in fewer steps, where it does not matter how well."""
    monkeypatch.setattr(descent, "LEAST_STEPS", 30)
    monkeypatch.setattr(descent, "LEAST_EPOCHS", 3)


GRID = '[grid]\nrebalance = ["random-under", "smote", "coverage"]\nthreshold = ["none", "prior"]'


def table(folder):
    """study.csv but for what is measured."""
    with (folder / "study.csv").open(newline="") as file:
        return [
            {key: value for key, value in row.items() if key not in MEASURED}
            for row in csv.DictReader(file)
        ]


def times(folder):
    return {path: path.stat().st_mtime_ns for path in (folder / "cells").glob("*/*.json")}


def test_a_table_is_the_same_for_any_number_of_processes_and_when_run_again(declare, run, tmp_path):
    grid = '[grid]\nrebalance = ["smote"]\nthreshold = ["none", "prior"]'
    path = declare(grid, "seeds = 1\nfolds = 2")
    found = run("study", path, "-o", tmp_path / "one", "--workers", 1, "--device", "cpu")
    assert found.status == 0, found.err
    # It, random-over and the images as they are, with and without a threshold, on two folds.
    lines = found.out.splitlines()
    assert lines[0].startswith("treatment") and any("nothing" in line for line in lines)
    one = table(tmp_path / "one")
    assert {row["rebalance"] for row in one} == {"none", "random-over", "smote"}
    assert len(times(tmp_path / "one")) == 6 * 2
    before = times(tmp_path / "one")
    two = run("study", path, "-o", tmp_path / "two", "--workers", 2, "--device", "cpu")
    assert two.status == 0, two.err
    assert table(tmp_path / "two") == one
    again = run("study", path, "-o", tmp_path / "one", "--device", "cpu")
    assert "12 finished before" in again.err
    assert times(tmp_path / "one") == before and table(tmp_path / "one") == one
    assert not (tmp_path / "one" / ".features").exists()


@pytest.mark.together
def test_an_interrupted_study_goes_on_to_the_same_table(declare, run, tmp_path):
    path = declare('[grid]\nrebalance = ["smote"]', "seeds = 1\nfolds = 2")
    whole = run("study", path, "-o", tmp_path / "whole", "--workers", 1, "--device", "cpu")
    assert whole.status == 0, whole.err
    folder = tmp_path / "stopped"
    command = ["-m", "rebalance", "study", path, "-o", folder, "--workers", "2", "--device", "cpu"]
    process = start(*command)
    while process.poll() is None and len(times(folder)) < 2:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    status, out, err = finish(process)
    assert status == 130, err
    assert err.splitlines()[-1] == "rebalance: interrupted; go on by running it again"
    assert "Traceback" not in err and not out
    finished = times(folder)
    assert 2 <= len(finished) < 4 * 2
    assert not list(folder.rglob("*.partial")) and not (folder / "study.csv").exists()
    on = run("study", path, "-o", folder, "--workers", 1, "--device", "cpu")
    assert on.status == 0 and f"{len(finished)} finished before" in on.err
    assert finished.items() <= times(folder).items()
    assert table(folder) == table(tmp_path / "whole")


@pytest.mark.usefixtures("hasty")
def test_a_grown_grid_reuses_cells_and_another_study_is_refused(declare, run, tmp_path):
    folder, once = tmp_path / "study", "seeds = 1\nfolds = 2"
    first = declare('[grid]\nrebalance = ["random-under"]', once)
    assert run("study", first, "-o", folder, "--workers", 1).status == 0
    before = times(folder)
    grown = declare('[grid]\nrebalance = ["random-under", "random-over"]', once)
    found = run("study", grown, "-o", folder, "--workers", 1)
    assert "8 cells, 6 finished before" in found.err
    assert before.items() <= times(folder).items()
    other = declare('[grid]\nrebalance = ["random-under"]', "seeds = 1\nfolds = 3")
    refused = run("study", other, "-o", folder, "--workers", 1)
    assert refused.status == 1 and "whose folds was 2 and is 3 now" in refused.error
    assert run("study", other, "-o", folder, "--workers", 1, "--overwrite").status == 0
    assert len(times(folder)) == 3 * 3


def test_a_dry_run_lists_what_would_be_done_and_does_nothing(declare, run, tmp_path):
    path = declare(GRID)
    found = run("study", path, "-o", tmp_path / "out", "--dry-run", "--workers", 2)
    assert found.status == 0
    assert "10 treatments x 2 seeds x 2 folds: 40 cells, 0 finished; about 20 s" in found.out
    assert "random-over" in found.out and not (tmp_path / "out").exists()
    told = run("study", path, "-o", tmp_path / "out", "--dry-run", "--json", "--workers", 1)
    record = json.loads(told.out)
    assert (record["cells"], record["finished"], record["seconds"]) == (40, 0, 40.0)


def test_full_depth_trains_and_leaves_no_networks(declare, run, tmp_path, own_cache):
    training = '[training]\nrecipe = "scratch"\narch = "cifar_resnet20"\nimage_size=16\nepochs=1'
    grid = '[grid]\nrebalance = ["random-under", "eos"]\n[[cell]]\nthreshold = "prior"\n'
    grid += '[[cell]]\nrebalance = "random-under"\nthreshold = ["prior", "prior:original"]\n'
    grid += '[[cell]]\nmix = "mixup"\n[[cell]]\nclassifier = "knn:k=3"'
    path = declare(grid, 'depth = "full"\nseeds = 1\nfolds = 2', training)
    found = run("study", path, "-o", tmp_path / "one", "--workers", 1, "--device", "cpu")
    assert found.status == 0, found.err
    # Cut to equal classes, training draws all alike; the fold's own shares are others.
    assert "the threshold prior changes no decision: training drew" in found.err
    assert "the threshold prior:original changes" not in found.err
    losses = {
        row["name"]: row["mean"]
        for row in table(tmp_path / "one")
        if (row["metric"], row["scored_on"]) == ("log_loss", "test")
    }
    assert len({losses[name] for name in ("nothing", "mix=mixup", "by knn:k=3")}) == 3
    cut = {
        (row["threshold"], row["scored_on"]): row["median"]
        for row in table(tmp_path / "one")
        if row["rebalance"] == "random-under" and row["metric"] == "log_loss"
    }
    assert cut["prior", "test"] == cut["none", "test"] != cut["prior:original", "test"]
    assert {row["rebalance"] for row in table(tmp_path / "one")} == {
        "none", "random-under", "eos", "random-over of embeddings"}  # fmt: skip
    assert not list((tmp_path / "one").rglob("*.safetensors"))
    assert not (tmp_path / "one" / "work").exists()
    # The embeddings are of the networks that are trained: nothing looks at the extractor's.
    assert not list(own_cache.rglob("*.npy"))


def test_treatments_that_share_a_trained_body_come_to_what_they_do_alone(declare, run, tmp_path):
    """Those without a cut do so by any extractor: their neighbours are of the network itself."""
    training = '[training]\nrecipe = "scratch"\narch = "cifar_resnet20"\nimage_size=16\nepochs=1'
    study = 'depth = "full"\nseeds = 1\nfolds = 2'
    blends = [
        '[[cell]]\nrebalance = "eos"\n',
        '[[cell]]\nrebalance = "smote"\nregime = "dynamic"\n',
        '[[cell]]\nrebalance = {method = "hybrid", to = "15", over = "smote"}\n',
    ]
    together = declare("".join(blends), study, training, test=None)
    assert run("study", together, "-o", tmp_path / "all", "--workers", 1).status == 0
    every = table(tmp_path / "all")
    for number, cell in enumerate(blends):
        folder = tmp_path / str(number)
        other = training if "hybrid" in cell else f"image_size = 16\n{training}"
        alone = declare(cell, study, other, test=None)
        assert run("study", alone, "-o", folder, "--workers", 1).status == 0
        for row in table(folder):
            kept = {key: row[key] for key in ("rebalance", "regime", "scored_on", "metric", "mean")}
            assert any(kept.items() <= other.items() for other in every), kept


def test_the_work_of_a_body_lies_in_one_place_whichever_cells_are_left(declare, run, tmp_path):
    training = '[training]\nrecipe = "scratch"\narch = "cifar_resnet20"\nimage_size=16\nepochs=1'
    path = declare('[grid]\nrebalance = ["eos"]', 'depth = "full"\nseeds = 1\nfolds = 2', training)
    plan = read_study(path)
    cells = CellStore(tmp_path, {}, plan.treatments)
    places = {full._work(SimpleNamespace(cells=cells), cell) for cell in plan.cells}
    assert len(plan.cells) == 8  # eos and three controls, on two folds
    assert len(places) == 2


@pytest.fixture
def learned(make_folder, tmp_path, run):
    """``learned(grid)``: what becomes of a study whose extractor learns from each of its folds."""
    data = make_folder(tmp_path / "data", {"a": 9, "b": 4})

    def call(grid, *more):
        path = tmp_path / "study.toml"
        path.write_text(
            f'[study]\ndata = "{data}"\nseeds = 1\nfolds = 2\n'
            f'[extractor]\nextractor = "finetune"\n[grid]\nrebalance = [{grid}]'
        )
        options = ("--workers", 1, "--device", "cpu", *more)
        return run("study", path, "-o", tmp_path / "out", *options)

    return call


@pytest.mark.usefixtures("briefly")
def test_a_forecast_counts_the_networks_that_are_to_be_fine_tuned(learned):
    found = learned('"none"', "--dry-run")
    # Four cells of a probe, and 13 images, each in one of two folds, in two epochs.
    assert "4 cells, 0 finished; about 5 s" in found.out


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ('{method = "subclass", classes = ["A"]}', "no class 'A' among the 2 classes"),
        ('{method = "coverage", per_class = {a = 8}}', "class 'a' has 4 images; 8 were asked for"),
    ],
)
def test_class_sizes_that_no_fold_can_have_are_said_before_any_network_learns(learned, grid, said):
    found = learned(grid)
    assert found.status == 1 and said in found.error and "training" not in found.err


@pytest.mark.parametrize(
    ("grid", "study", "said"),
    [
        ('[grid]\nloss = ["mfe"]\nregime = ["drw"]', "", "drw needs a loss that can weigh"),
        (
            '[grid]\nloss = ["focal"]\nhead = "logistic"',
            "",
            "learns only by cross entropy",
        ),
        ('[grid]\nrebalance = "mixup"\nhead = "gaussian"', "", "gaussian learns where single"),
        ('[grid]\nregime = ["drw"]\nhead = "logistic"', "", "by the regime plain alone, not drw"),
        (
            '[grid]\nloss = ["mfe"]\nrebalance = ["skew-mix"]',
            "",
            "MFE takes one class for each sample",
        ),
        (
            '[grid]\nloss = [{loss = "crl", level = "instance"}]',
            "",
            "a probe's stay where they are",
        ),
        ('[grid]\nloss = ["dos"]', "", "a probe's stay where they are"),
        ('[grid]\nloss = ["lmle"]', "", "a probe's stay where they are"),
        (
            '[grid]\nrebalance = "cmo"\nmix = "mixup"',
            'depth = "full"',
            "blends here have labels that two classes share already",
        ),
        ('[grid]\nmix = "mixup"\nloss = "mfe"', 'depth = "full"', "MFE takes one class for"),
        ('[grid]\nloss = ["cosen"]', "", "learns as a network does, and a probe has none"),
        ('[grid]\nloss = [{loss = "focal", delta = 1}]', "", "loss focal has no option 'delta'"),
        ('[grid]\nrebalance = [{method = "smote", to = "2y"}]', "", "a target is max"),
        ('[grid]\nthreshold = ["cost:no.csv"]', "", "no cost matrix at"),
        ('[grid]\nloss = ["ce"]', 'groups = "no.csv"', "no list of groups at"),
        (
            '[grid]\nloss = ["ce"]',
            f"groups = {str(SUBCLASSES)!r}\ngroup_column = 'p'",
            "needs one column named 'p'",
        ),
        ('[grid]\nloss = ["ce"]', "folds = 50", "50 folds need a class of as many images"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(declare, run, tmp_path, grid, study, said):
    found = run("study", declare(grid, study), "-o", tmp_path / "out", "--workers", 1)
    assert found.status == 1 and said in found.error
    assert not (tmp_path / "out").exists()


def test_a_test_image_that_is_trained_on_is_refused(declare, run, tmp_path, few):
    path = declare('[grid]\nloss = ["ce"]')
    found = run("study", path, "-o", tmp_path / "out", "--test", few[0], "--workers", 1)
    assert found.status == 1 and "the test images must be others, but 60" in found.error


def test_a_cell_that_cannot_be_run_is_named(declare, run, tmp_path, make_folder):
    make_folder(tmp_path / "data", {"a": 12, "b": 2})
    path = declare('[grid]\nrebalance = ["smote"]', "seeds = 1\nfolds = 2")
    text = path.read_text().replace("test =", "# ")
    path.write_text(text)
    found = run("study", path, "-o", tmp_path / "out", "--data", tmp_path / "data", "--workers", 1)
    assert found.status == 1
    assert "smote, ce, plain, none, with seed 0 on fold 1: class 'b'" in found.error
    assert "finished cells are kept" in found.error and times(tmp_path / "out")


def test_an_empty_class_is_said_without_an_option_that_a_study_has_not(run, make_folder, tmp_path):
    make_folder(tmp_path / "data", {"a": 4, "b": 4, "none": 0})
    path = tmp_path / "study.toml"
    path.write_text('[study]\ndata = "data"\n[grid]\nloss = ["ce"]\n')
    for more in ([], ["--dry-run"]):
        found = run("study", path, "-o", tmp_path / "out", *more)
        assert found.status == 1
        assert "a study needs images of every class, but 1 of 3" in found.error
        assert "--" not in found.error


@pytest.mark.parametrize(
    ("training", "said"),
    [
        ('weights = "nowhere.pth"', "training.weights is scratch, imagenet, lite0, or the"),
        ('arch = "resnet1"', "unknown architecture 'resnet1'"),
    ],
)
def test_a_network_that_there_is_not_is_said_before_the_features(
    declare, run, tmp_path, training, said
):
    path = declare('[grid]\nloss = ["ce"]', 'depth = "full"', f"[training]\n{training}")
    for more in ([], ["--dry-run"]):
        found = run("study", path, "-o", tmp_path / "out", *more)
        assert found.status == 1 and said in found.error and "extracting" not in found.err


def test_a_place_that_cannot_be_written_to_is_said_before_the_features(declare, run, tmp_path):
    (tmp_path / "file").touch()
    found = run("study", declare('[grid]\nloss = ["ce"]'), "-o", tmp_path / "file" / "out")
    assert found.status == 1 and "is no folder that can be written to" in found.error
    assert "extract" not in found.err


def test_advice_names_the_keys_of_a_study(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data" / "train", {"a": 6, "b": 6}).parent
    make_folder(data / "test", {"a": 2, "b": 2})
    path = tmp_path / "study.toml"
    text = '[study]\ndata = "data"\n{}\n[extractor]\narch = "squeezenet"\n[grid]\nloss = ["ce"]\n'
    path.write_text(text.format(""))
    found = run("study", path, "-o", tmp_path / "out")
    assert "or study.as_classes if they are classes all the same" in found.error
    path.write_text(text.format("as_classes = true"))
    found = run("study", path, "-o", tmp_path / "out")
    assert "unknown architecture 'squeezenet'; try extractor.arch squeezenet" in found.error
    assert keyed(EXTRACTOR.instead).startswith("pass extractor.extractor lite0, ")


def test_a_study_reads_further_endings(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"a": 4, "b": 4})
    for image in data.glob("*/*.png"):
        image.rename(image.with_suffix(".jpe"))
    path = tmp_path / "study.toml"
    text = '[study]\ndata = "data"\nfolds = 2\nseeds = 1\n{}\n[grid]\nloss = ["ce"]\n'
    path.write_text(text.format(""))
    assert "study.extensions reads other kinds" in run("study", path, "-o", "out").error
    path.write_text(text.format('extensions = [".jpe"]'))
    assert run("study", path, "-o", tmp_path / "out", "--dry-run").status == 0


@pytest.mark.parametrize("depth", ["probe", "full"])
def test_neighbours_by_pixels_are_told_among_the_images_of_a_fold(declare, few, tmp_path, depth):
    smote = {"probe": "", "full": 'space = "pixel", '}[depth]
    grid = f'[grid]\nrebalance = [{{{smote}method = "smote", neighbours_in = "pixels", to = 30}}]'
    path = declare(grid, "seeds = 1\nfolds = 2")
    if depth == "full":  # the extractor is torchvision's: no network looks, so none is fetched
        path.write_text(
            f'[study]\ndata = "{few[0]}"\ndepth = "full"\nseeds = 1\nfolds = 2\n{grid}\n'
        )
    setup = prepared(read_study(path), tmp_path / "none", RunOptions(device="cpu"), silent)
    trained, _ = setup.sides(0, 0)
    part = setup.part(0, 0, trained)
    values = []
    for place in trained:
        with Image.open(setup.images.root / setup.images.paths[place]) as image:
            values.append(np.asarray(image.convert("RGB"), np.int64).ravel())
    squares = np.stack([((each - np.stack(values)) ** 2).sum(axis=1) for each in values])
    np.fill_diagonal(squares, squares.max() + 1)

    definitions = setup.cells.definitions.items()
    (found,) = (each for name, each in definitions if "neighbours_in=pixels" in name.rebalance)
    added = rebalanced.rebalance(part, found.rebalance).added
    assert len(added.base) > 20
    for base, partner in zip(added.base, added.partner, strict=True):
        own = np.flatnonzero(part.labels == part.labels[base])
        assert partner in own[np.argsort(squares[base, own], kind="stable")[:5]]
