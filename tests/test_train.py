"""``rebalance train`` and ``evaluate``: the real commands on real scans."""

import csv
import json
import os
import re
import signal
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import copy

import numpy as np
import pytest
import torch
from launching import end_of, start
from PIL import Image
from safetensors.numpy import load_file
from schemas import faults
from sklearn.metrics import balanced_accuracy_score

import rebalance
from rebalance.data.folder import scan
from rebalance.losses import LOSSES
from rebalance.manifest import Manifest, Row, read_manifest, write_manifest
from rebalance.materialization.names import sample_names
from rebalance.models.checkpoints import load_network
from rebalance.training.parts import AUGMENTATIONS, FLIPS, PARTS
from rebalance.training.regimes import REGIMES
from rebalance.training.sampling import SAMPLERS
from rebalance.training.schedules import SCHEDULES

ALPHA = "focal:alpha=loops=.5,curves=3,lines=2"
QUICK = ["--recipe", "scratch", "--arch", "cifar_resnet20", "--image-size", "16"]
QUICK += ["--epochs", "1", "--device", "cpu"]
SMALL = {"arch": "cifar_resnet20", "image_size": 16}


def test_without_a_network_train_names_its_own_options(run, few, tmp_path, monkeypatch):
    import torch.hub

    def nothing(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", nothing)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "none"))
    found = run("train", few[0], "--test", few[1], "-o", tmp_path / "run", "--arch", "resnet18")
    assert found.status == 1
    assert "--weights lite0" in found.error and "--weights scratch" in found.error
    assert "--extractor" not in found.error


def test_help_names_every_key(run):
    text = "".join(run("train", "--help").out.split())
    for choices in (LOSSES, SCHEDULES, SAMPLERS, REGIMES, FLIPS):
        assert f"[{'|'.join(choices)}]" in text
    assert "|".join(AUGMENTATIONS) + "|PART" in text and ",".join(PARTS) in text


def test_a_run_holds_what_it_promises(run, few, tmp_path):
    data, test = few
    folder = tmp_path / "run"
    found = run("train", data, "--test", test, "-o", folder, *QUICK, "--val-fraction", "0.3")
    assert found.status == 0, found.err
    assert "balanced_accuracy" in found.out
    metrics = json.loads((folder / "metrics.json").read_bytes())
    with (folder / "predictions.csv").open(newline="") as file:
        predictions = list(csv.DictReader(file))
    truth = [row["label"] for row in predictions]
    said = [row["prediction"] for row in predictions]
    assert metrics["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, said))
    for row in predictions:
        shares = {name: float(row[f"probability_{name}"]) for name in ("curves", "lines", "loops")}
        assert sum(shares.values()) == pytest.approx(1)
        assert row["prediction"] == max(shares, key=shares.get)
    with (folder / "summary.csv").open(newline="") as file:
        (epoch,) = csv.DictReader(file)
    assert set(epoch) >= {"epoch", "train_loss", "lr", "val_f1_macro", "val_balanced_accuracy"}
    assert 0 <= float(epoch["val_accuracy"]) <= 1
    tensors = load_file(folder / "model.safetensors")
    (rows,) = (x for name, x in tensors.items() if name.startswith("output") and x.ndim > 1)
    lengths = np.linalg.norm(rows.astype(float), axis=1)
    assert list(metrics["weight_norms"].values()) == pytest.approx(lengths.tolist())
    again = run("evaluate", folder, test, "--json", "-o", tmp_path / "p.csv")
    assert json.loads(again.out) == metrics
    assert (tmp_path / "p.csv").read_bytes() == (folder / "predictions.csv").read_bytes()
    table = rebalance.extract(test, extractor=str(folder), device="cpu")
    assert {name: each.shape for name, each in table.layers.items()} == {"embedding": (20, 64)}


def test_a_run_by_the_training_images_statistics_is_used_by_them_everywhere(run, few, tmp_path):
    data, test = few
    folder = tmp_path / "run"
    cce = ["--recipe", "cce", *QUICK[2:], "--image-size", "32"]
    found = run("train", data, "--test", test, "-o", folder, *cce)
    assert found.status == 0, found.err
    begun = json.loads((folder / "options.json").read_bytes())["options"]["recipe"]
    assert (begun["name"], begun["normalise"]) == ("cce", "data")
    transform = load_network(folder / "model.safetensors").transform
    manifest = read_manifest(data)
    images = [Image.open(manifest.root / row.file_name) for row in manifest.rows]
    grey = np.stack([np.asarray(image) for image in images]) / 255  # of 32 pixels each way
    assert transform.mean == pytest.approx((grey.mean(),) * 3, rel=1e-9)
    assert transform.std == pytest.approx((grey.std(),) * 3, rel=1e-9)
    said = " ".join(f"{value:.4f}" for value in transform.mean)
    assert f"normalised by the training images: mean {said}" in found.err
    metrics = json.loads((folder / "metrics.json").read_bytes())
    assert json.loads(run("evaluate", folder, test, "--json").out) == metrics


def test_a_run_looks_at_images_as_it_was_trained_to(run, make_folder, tmp_path):
    """Stretched in passing or beforehand: the same network, the same features, the same scores."""
    wide = make_folder(tmp_path / "wide", {"cat": 6, "dog": 6}, (64, 40))
    square = tmp_path / "square"
    for path in wide.rglob("*.png"):
        (square / path.parent.name).mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            image.resize((32, 32), Image.Resampling.BILINEAR).save(square / path.relative_to(wide))
    for data, more in ((wide, []), (square, ["--resize", "crop"])):
        folder = tmp_path / f"run of {data.name}"
        more += ["--allow-overlap", "--image-size", "32"]
        found = run("train", data, "--test", data, "-o", folder, *QUICK, *more)
        assert found.status == 0, found.err
    one, other = (tmp_path / f"run of {name}" for name in ("wide", "square"))
    networks = [
        json.loads((folder / "options.json").read_bytes())["options"]["network"]
        for folder in (one, other)
    ]
    assert networks[0]["resize"] == "stretch"
    assert "resize" not in networks[1]  # as in a run of before there was a choice
    before, after = (load_file(folder / "model.safetensors") for folder in (other, one))
    assert all(np.array_equal(before[name], after[name]) for name in before)
    scores = json.loads(run("evaluate", one, wide, "--json").out)
    expected = json.loads((other / "metrics.json").read_bytes())
    assert scores | {"test_root": ""} == expected | {"test_root": ""}
    look = partial(rebalance.extract, layers=["pool"], extractor=str(one), device="cpu")
    stretched, whole, cropped = look(wide), look(square), look(wide, extractor=str(other))
    again = look(wide, resize="crop")
    passed, saved, centre, same = (
        each.layers["pool"].read(slice(None), slice(None)).astype(np.float64)
        for each in (stretched, whole, cropped, again)
    )
    # Where Pillow's pixels were saved and where torch's are passed on, a few are a level apart.
    assert np.linalg.norm(passed - saved) < 0.02 * np.linalg.norm(saved)
    assert np.linalg.norm(passed - centre) > 0.05 * np.linalg.norm(saved)
    assert np.array_equal(centre, same)  # equal networks that see equal squares
    assert stretched.extractor.about["resize"] == "stretch"
    assert "resize" not in cropped.extractor.about  # that run's own, and not the default
    assert again.computed == 12  # not what the cache holds of the stretched ones
    alike = ["--allow-overlap", "--image-size", "32", "--resume"]
    resumed = run("train", square, "--test", square, "-o", other, *QUICK, *alike)
    assert resumed.status == 0, resumed.err  # whatever the default has become


@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "cost"])
def test_every_loss_trains_and_is_scored_again_alike(run, few, tmp_path, loss):
    data, test = few
    with_loss = [*QUICK, "--loss", loss, "-q"]
    if LOSSES[loss].learns_from_validation:
        without = run("train", data, "--test", test, "-o", tmp_path / "run", *with_loss)
        assert without.status == 1 and "learns from validation images" in without.err
        with_loss += ["--val-fraction", "0.3"]
    found = run("train", data, "--test", test, "-o", tmp_path / "run", *with_loss)
    assert found.status == 0, found.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_bytes())
    assert np.isfinite(metrics["log_loss"])
    assert json.loads(run("evaluate", tmp_path / "run", test, "--json").out) == metrics


def test_costs_from_a_file(run, few, tmp_path):
    data, test = few
    (tmp_path / "cost.csv").write_text("0,1,1\n1,0,9\n1,1,0\n")
    options = [*QUICK, "--loss", "cost", "--loss-option", f"matrix={tmp_path / 'cost.csv'}"]
    options += ["--threshold", f"cost:{tmp_path / 'cost.csv'}"]
    found = run("train", data, "--test", test, "-o", tmp_path / "run", *options)
    assert found.status == 0, found.err
    assert json.loads((tmp_path / "run" / "metrics.json").read_bytes())["threshold"] == "cost"


@pytest.mark.parametrize(
    "options",
    [
        ["--sampler", "balanced", "--threshold", "prior"],
        ["--sampler", "sqrt", "--classifier", "centres", "--loss", ALPHA],
        ["--regime", "two-phase", "--phase-limit", "min", "--epochs", "2", "--augment", "none"],
        ["--regime", "drw", "--loss", "ldam", "--epochs", "2"],
        ["--regime", "dynamic", "--val-fraction", "0.3", "--epochs", "2"],
        ["--weighting", "effective", "--loss", "weighted:top=.5", "--grad-accum", "2"],
        ["--loss", "cce", "--loss-option", "gamma=-0.5", "--schedule", "one-cycle"],
        ["--recipe", "transfer", "--weights", "scratch", "--batch-size", "16"],
        ["--augment", "crop,colour,rotate", "--flips", "hv"],
        ["--mix", "remix:kappa=2.0", "--threshold", "prior", "--loss", "ldam"],
    ],
)
def test_options_go_together(run, few, tmp_path, options):
    data, test = few
    found = run("train", data, "--test", test, "-o", tmp_path / "run", *QUICK, *options)
    assert found.status == 0, found.err
    assert (tmp_path / "run" / "model.safetensors").exists()
    begun = json.loads((tmp_path / "run" / "options.json").read_bytes())["options"]
    assert begun["loss"].get("alpha", [3, 2, 0.5]) == [3, 2, 0.5]
    assert begun["recipe"].get("mix") == ("remix:kappa=2" if "--mix" in options else None)


@pytest.mark.parametrize(
    ("alpha", "message"),
    [
        ("curves=3,lines=2,cow=1", "the list of alpha names 'cow', which is no class; they are"),
        ("curves=3,lines=2", "must name class 'loops' once, but does 0 times"),
        ("nowhere.csv", "no weights of classes at 'nowhere.csv'"),
        ("curves=3,lines=2,loops=-1", "class weights must be 3 finite numbers of at least 0"),
    ],
)
def test_an_alpha_that_is_not_of_the_classes_is_one_line(run, few, tmp_path, alpha, message):
    begin = ["train", few[0], "--test", few[1], "-o", tmp_path / "run", *QUICK]
    found = run(*begin, "--loss", "focal", "--loss-option", f"alpha={alpha}")
    assert (found.status, found.out) == (1, "")
    assert message in found.error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--regime", "dynamic"], "dynamic"),
        (["--mix", "cutmix", "--loss", "mfe"], "the loss MFE takes one class for each sample, and"),
        (["--regime", "two-phase", "--epochs", "2"], "the largest class, 'loops', has 36 images"),
        (["--phase-limit", "min"], "pass --regime two-phase"),
        (["--schedule", "one-cycle", "--drop", ".1"], "--drop is of the schedule step"),
        (["--val", "nowhere"], "does not exist"),
        (["--val", "nowhere", "--val-fraction", ".2"], "exclude each other"),
        (["--groups", "g.csv"], "--val-fraction"),
        (["--val-fraction", ".2", "--group-column", "g"], "a column of --groups: give that too"),
        (["--weights", "nowhere.pth"], "--weights is scratch, imagenet, lite0, or"),
        (["--resume"], "does not exist"),
        (["--batch-size", "2", "--grad-accum", "2"], "batch_size of at least 4, found 2"),
    ],
)
def test_bad_options_are_one_line(run, few, tmp_path, options, message):
    data, test = few
    found = run("train", data, "--test", test, "-o", tmp_path / "run", *QUICK, *options)
    assert (found.status, found.out) == (1, "")
    assert message in found.error
    assert not (tmp_path / "run").exists()


def test_groups_may_have_a_column_of_any_name(run, few, tmp_path):
    data, test = few
    names = [line.split(",")[0] for line in data.read_text().splitlines()[1:]]
    lines = [f"train\\{name}\tdr. {n // 2}\tx\n" for n, name in enumerate(names)]
    groups = tmp_path / "groups.tsv"
    groups.write_text("image\tdoctor\tnote\n" + "".join(lines).replace("/", "\\"))
    options = ["--test", test, *QUICK, "--val-fraction", ".3", "--groups", groups]
    found = run("train", data, *options, "-o", tmp_path / "run")
    assert "with the group of each image; found none among 'image', 'doctor', 'note'" in found.error
    options += ["--group-column", "doctor"]
    found = run("train", data, *options, "-o", tmp_path / "run")
    assert found.status == 0, found.err
    assert "by the ends of their paths" in found.err
    began = json.loads((tmp_path / "run" / "options.json").read_text())["options"]
    assert began["source"]["group_column"] == "doctor"
    assert sum(began["counts"].values()) % 2 == 0  # no pair was divided


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--loss", "cce", "--loss-option", "beta=1"], "has no option 'beta'"),
        (["--loss", "focal", "--loss-option", "gamma=x"], "gamma must be a number of at least 0"),
        (["--loss", "focal", "--loss-option", "gamma=nan"], "gamma must be a number of at least 0"),
        (["--loss", "cost"], "needs the option matrix"),
        (["--loss", "msfe:top=.5"], "its samples have no losses of which to take the largest"),
        (["--loss", "focal:gamma"], "'gamma' is not of the form NAME=VALUE"),
        (["--loss", "mse:gamma=1"], "'mse' is not one of ce, weighted"),
        (["--loss", "focal:gamma=x"], "gamma must be a number of at least 0"),
        (["--loss", "focal", "--loss-option", "alpha=heavy"], "one for each class: NAME=NUMBER"),
        (["--val-fraction", "2"], "a number above 0 and below 1; got '2'"),
        (["--lr", "-1"], "a number above 0 and at most 1000; got '-1'"),
        (["--lr", "nan"], "a number above 0 and at most 1000; got 'nan'"),
        (["--augment", "crop,zoom"], "brightness, contrast, blur, colour; got 'zoom'"),
        (["--mix", "cutout"], "no mix 'cutout': choose one of none, mixup, cutmix, remix"),
        (["--mix", "remix:kappa=1"], "kappa of a mix must be a number above 1; got '1'"),
        (["--mix", "mixup:tau=.5"], "the mix mixup has no option 'tau', only alpha"),
        (["--flips", "both"], "'both' is not one of none, h, v, hv"),
        (
            ["--threshold", "best"],
            "prior, prior:TAU, prior:val, prior:original, cost:FILE or cost:search; got 'best'",
        ),
        (["--classifier", "best"], "no classifier 'best': choose one of head, centres, knn, svm"),
    ],
)
def test_what_is_wrong_in_itself_is_wrong_usage(run, tmp_path, options, message):
    found = run("train", "x", "--test", "y", "-o", tmp_path / "run", *QUICK, *options)
    assert (found.status, found.out) == (2, "")
    assert message in found.error


def test_images_on_both_sides_are_refused(run, few, tmp_path):
    data, _ = few
    options = ["--test", data, *QUICK]
    found = run("train", data, *options, "-o", tmp_path / "run")
    assert found.status == 1
    assert "60 of 60 images to score are also trained on" in found.error
    assert not (tmp_path / "run").exists()
    found = run("train", data, *options, "-o", tmp_path / "run", "--allow-overlap")
    assert found.status == 0, found.err


def test_classes_of_the_test_set(run, few, sample, tmp_path, make_folder):
    data, _ = few
    test = make_folder(tmp_path / "test", {"lines": 3, "loops": 3}, size=(32, 32))
    found = run("train", data, "--test", test, "-o", tmp_path / "run", *QUICK)
    assert found.status == 0, found.err
    assert "without images: curves" in found.out
    (test / "loops").rename(test / "zebra")
    found = run("evaluate", tmp_path / "run", test)
    assert "'zebra'" in found.error


@pytest.mark.together
def test_killed_and_resumed_ends_with_the_same_weights(few, tmp_path):
    data, test = few
    options = [str(data), "--test", str(test), *QUICK, "--epochs", "6", "--regime", "drw"]

    def begin(*more):
        return start("-m", "rebalance", "train", *options, *more)

    whole = begin("-o", tmp_path / "whole")
    killed = begin("-o", tmp_path / "killed")
    while not (tmp_path / "killed" / "state.pt").exists():
        assert killed.poll() is None, end_of(killed)
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    end_of(killed)
    assert not (tmp_path / "killed" / "model.safetensors").exists()
    resumed = begin("-o", tmp_path / "killed", "--resume")
    status, log = end_of(resumed)
    assert status == 0, log
    assert "going on after epoch" in log
    status, err = end_of(whole)
    assert status == 0, err
    once, twice = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "killed"))
    assert once.keys() == twice.keys()
    for name in once:
        np.testing.assert_array_equal(once[name], twice[name])
    for file in ("summary.csv", "metrics.json", "predictions.csv"):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "killed" / file).read_bytes()


def test_one_class_is_nothing_to_learn(run, few, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"curves": 5})
    found = run("train", data, "--test", few[1], "-o", tmp_path / "run", *QUICK)
    assert (found.status, found.out) == (1, "")
    assert "images of one class only" in found.error
    assert not (tmp_path / "run").exists()


def test_a_test_set_of_one_class_is_scored_and_what_is_undefined_is_null(
    run, few, make_folder, tmp_path
):
    test = make_folder(tmp_path / "test", {"curves": 3})
    begin = ["train", few[0], "--test", test, "-o", tmp_path / "run", *QUICK]
    found = run(*begin)
    assert found.status == 0, found.err
    first = found.err.index("all images to score are of class 'curves'")
    assert first < found.err.index("epoch 1"), "said before the work"
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_bytes())
    assert metrics["undefined"].keys() == {
        *("gmean_macro", "specificity_macro", "roc_auc_ovr_macro", "roc_auc_ovr_weighted")
    }
    assert metrics["roc_auc_ovr_macro"] is None and 0 <= metrics["accuracy"] <= 1
    assert "roc_auc_ovr_macro is not defined: ROC AUC of class 'curves' needs" in found.out
    assert found.out.split("gmean_macro")[1].split()[0] == "undefined"
    found = run("report", tmp_path / "run", "-o", tmp_path / "r.html")
    assert found.status == 0, found.err
    assert "Not defined: ROC AUC of class" in (tmp_path / "r.html").read_text()


def test_an_embedding_of_quintuplets_alone_is_decided_by_its_clusters(run, make_folder, tmp_path):
    """The last layer learns nothing then, and the clusters are right all the same."""
    data = make_folder(tmp_path / "data", {"cat": 16, "dog": 10, "eel": 5}, size=(16, 16))
    test = make_folder(tmp_path / "test", {"cat": 6, "dog": 6, "eel": 6}, size=(18, 18))
    given = [*QUICK, "--epochs", "3", "--sampler", "balanced", "--batch-size", "8"]
    loss = ["--loss", "lmle:ce=0", "--loss-option", "size=5", "--loss-option", "share=1"]
    loss += ["--classifier", "clusters:k=3,size=5"]
    out = tmp_path / "run"
    found = run("train", data, "--test", test, "-o", out, *given, *loss)
    assert found.status == 0, found.err
    metrics = json.loads((out / "metrics.json").read_bytes())
    assert metrics["balanced_accuracy"] > 0.8 and metrics["classifier"] == "clusters:k=3,size=5"
    assert scored(run, out, test)["log_loss"] == pytest.approx(metrics["log_loss"], rel=1e-6)
    head = scored(run, out, test, "--classifier", "head")
    assert head["balanced_accuracy"] < metrics["balanced_accuracy"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--classifier", "centres"], "class 'empty': a centre needs at least one training image"),
        (["--threshold", "prior"], "the number of draws must be .* is 0 for class 'empty'"),
        (["--regime", "drw", "--epochs", "5"], "class 'empty' has 0 training images"),
        (["--loss", "focal", "--loss-option", "alpha=inverse"], "class 'empty' has 0 training im"),
    ],
)
def test_what_an_empty_class_makes_impossible_is_said_before_training(
    run, make_folder, tmp_path, options, said
):
    data = make_folder(tmp_path / "data", {"cat": 4, "dog": 3, "empty": 0})
    test = make_folder(tmp_path / "test", {"dog": 2}, size=(14, 14))
    given = ["--test", test, "-o", tmp_path / "run", "--allow-empty", *QUICK]
    found = run("train", data, *given, *options)
    assert (found.status, found.out) == (1, "")
    assert re.search(said, found.error) and "epoch" not in found.err
    assert not (tmp_path / "run").exists()


def test_evaluate_says_what_cannot_be_before_it_reads_an_image(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 4, "dog": 3, "empty": 0})
    test = make_folder(tmp_path / "test", {"cat": 1, "dog": 2}, size=(14, 14))
    begin = ["train", data, "--test", test, "-o", tmp_path / "run", "--allow-empty", *QUICK]
    assert run(*begin).status == 0
    for options, said in (
        (["--classifier", "centres"], "class 'empty': a centre needs"),
        (["--classifier", "svm"], "class 'empty': a support vector machine needs"),
        (["--classifier", "knn:k=8"], "looks at the 8 nearest training images, but there are 7"),
        (["--threshold", "prior"], "is 0 for class 'empty'"),
    ):
        found = run("evaluate", tmp_path / "run", tmp_path / "nowhere", *options)
        assert found.status == 1 and said in found.error


@pytest.mark.parametrize("loss", ["mfe", "ce"])
def test_a_loss_of_whole_batches_says_that_it_sees_parts(run, few, tmp_path, loss):
    options = [*QUICK, "--loss", loss, "--grad-accum", "2"]
    found = run("train", few[0], "--test", few[1], "-o", tmp_path / "run", *options)
    assert found.status == 0
    assert found.err.count("as a whole, and here at each of its 2 parts") == (loss == "mfe")


def test_the_cost_matrix_stays_with_the_run(run, few, tmp_path):
    data, test = few
    (tmp_path / "cost.csv").write_text("0,1,1\n1,0,9\n1,1,0\n")
    options = [*QUICK, "--loss", "cost", "--loss-option", f"matrix={tmp_path / 'cost.csv'}"]
    assert run("train", data, "--test", test, "-o", tmp_path / "run", *options).status == 0
    (tmp_path / "cost.csv").write_text("0,1,1\n2,0,9\n1,1,0\n")
    found = run("train", data, "--test", test, "-o", tmp_path / "run", *options, "--resume")
    assert "loss.matrix was" in found.error
    (tmp_path / "cost.csv").unlink()
    assert run("evaluate", tmp_path / "run", test).status == 0


@pytest.fixture
def copied(few, tmp_path):
    """The list of the training images of ``few``, its two files, where it can be spoilt."""
    return [Path(copy(few[0].with_suffix(suffix), tmp_path)) for suffix in (".csv", ".json")]


def scored(run, *arguments):
    found = run("evaluate", *arguments, "--json", "-q")
    assert found.status == 0, found.err
    return json.loads(found.out)


@pytest.mark.parametrize("options", [[], ["--val-fraction", "0.3"]])
def test_another_decision_is_that_of_a_run_which_was_told_it(run, few, tmp_path, options):
    data, test = few
    (tmp_path / "cost.csv").write_text("0,1,1\n1,0,9\n1,1,0\n")
    begin = ["train", data, "--test", test, *QUICK, *options, "--sampler", "sqrt", "-q"]
    assert run(*begin, "-o", tmp_path / "plain").status == 0
    own = scored(run, tmp_path / "plain", test)
    for choice in (
        ["--classifier", "centres"],
        ["--threshold", "prior"],
        ["--classifier", "centres", "--threshold", f"cost:{tmp_path / 'cost.csv'}"],
    ):
        assert run(*begin, "-o", tmp_path / "told", *choice, "--overwrite").status == 0
        expected = json.loads((tmp_path / "told" / "metrics.json").read_bytes())
        found = scored(run, tmp_path / "plain", test, *choice)
        assert found["confusion_matrix"] == expected["confusion_matrix"]
        assert found["log_loss"] == pytest.approx(expected["log_loss"], rel=1e-6)
        assert (found["classifier"], found["threshold"]) == (
            expected["classifier"],
            expected["threshold"],
        )
    assert found["log_loss"] != pytest.approx(own["log_loss"])
    assert scored(run, tmp_path / "plain", test) == own


def test_a_temperature_is_fitted_on_validation_images_and_kept(run, few, tmp_path):
    data, test = few
    folder = tmp_path / "run"
    begin = ["train", data, "--test", test, "-o", folder, *QUICK, "-q", "--calibrate"]
    found = run(*begin)
    assert (found.status, found.out, folder.exists()) == (1, "", False)
    assert "--calibrate fits a temperature on validation images" in found.error
    found = run(*begin[:-1], "--threshold", "prior:val")
    assert (found.status, found.out, folder.exists()) == (1, "", False)
    assert "chooses its power on validation images, and there are none: add --val" in found.error
    found = run(*begin[:-1], "--threshold", "cost:search")
    assert "searches its costs on validation images, and there are none: add --val" in found.error
    found = run(*begin[:-1], "--loss", "cost", "--loss-option", "matrix=search")
    assert "matrix=search searches costs on validation images, and there are none" in found.error
    assert run(*begin, "--val-fraction", "0.3").status == 0
    own = json.loads((folder / "metrics.json").read_bytes())
    decision = json.loads((folder / "decision.json").read_bytes())
    assert own["temperature"] == decision["own"]["temperature"] != 1
    assert not faults("decision", decision) and not faults("metrics", own)
    assert scored(run, folder, test)["log_loss"] == pytest.approx(own["log_loss"], rel=1e-6)
    shifted = scored(run, folder, test, "--threshold", "prior")
    assert shifted["temperature"] == decision["others"]["head, prior"]["temperature"]
    chosen = decision["others"]["head, prior:val"]
    assert chosen["chosen"]["by"] == "validation images"
    found = run("evaluate", folder, test, "--threshold", "prior:val", "--json")
    shifted = json.loads(found.out)
    assert shifted["temperature"] == chosen["temperature"]
    assert (shifted["threshold"], shifted["power"]) == ("prior:val", chosen["options"]["tau"])
    assert not faults("metrics", shifted)
    searched = scored(run, folder, test, "--threshold", "cost:search")
    assert (searched["threshold"], searched["temperature"]) == ("cost:search", own["temperature"])
    assert not faults("metrics", searched)
    found = run("evaluate", folder, test, "--classifier", "centres", "--json")
    assert "temperature" not in json.loads(found.out)
    assert "temperature was fitted for other decisions (head, none)" in found.err
    # As it would be without: what an older version wrote is decided the same.
    del decision["own"]["temperature"]
    (folder / "decision.json").write_text(json.dumps(decision))
    plain = scored(run, folder, test)
    assert "temperature" not in plain
    assert plain["confusion_matrix"] == own["confusion_matrix"]
    assert plain["log_loss"] != pytest.approx(own["log_loss"], rel=1e-6)


def test_a_decision_is_fitted_once_and_kept(run, few, copied, tmp_path):
    data, test = copied[0], few[1]
    folder = tmp_path / "run"
    assert run("train", data, "--test", test, "-o", folder, *QUICK, "-q").status == 0
    first = scored(run, folder, test, "--classifier", "centres")
    text = data.read_text()
    data.unlink()
    assert scored(run, folder, test, "--classifier", "centres") == first
    scored(run, folder, test, "--classifier", "centres", "--threshold", "prior")
    scored(run, folder, test, "--threshold", "prior")
    assert "neighbours.safetensors" not in {path.name for path in folder.iterdir()}
    kept = json.loads((folder / "decision.json").read_bytes())
    assert set(kept["others"]) == {"centres, none", "centres, prior", "head, prior"}
    found = run("evaluate", folder, test, "--threshold", "prior:val")
    assert found.status == 1 and "this one had none then: train with --val" in found.error
    data.write_text(text)
    assert run("train", data, "--test", test, "-o", folder, *QUICK, "--overwrite").status == 0
    data.write_text("".join(text.splitlines(keepends=True)[:-1]))
    found = run("evaluate", folder, test, "--classifier", "centres")
    assert (found.status, found.out) == (1, "")
    assert "has changed since" in found.error
    data.unlink()
    found = run("evaluate", folder, test, "--classifier", "centres")
    assert "trained on are needed again: no manifest at" in found.error
    assert json.loads((folder / "decision.json").read_bytes())["others"] == {}


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (["--threshold", "cost:nowhere.csv"], "no cost matrix at 'nowhere.csv'"),
    ],
)
def test_decisions_that_cannot_be_are_one_line(run, few, tmp_path, choice, message):
    data, test = few
    assert run("train", data, "--test", test, "-o", tmp_path / "run", *QUICK).status == 0
    found = run("evaluate", tmp_path / "run", test, *choice)
    assert (found.status, found.out) == (1, "")
    assert message in found.error


@pytest.mark.parametrize(
    ("options", "draws"),
    [
        (["--regime", "drw", "--epochs", "5"], "sizes"),
        (["--regime", "two-phase", "--phase-limit", "min", "--epochs", "2"], "sizes"),
        (["--regime", "dynamic", "--epochs", "3", "--val-fraction", "0.3"], "dynamic"),
        (["--sampler", "sqrt"], "sqrt"),
        (["--sampler", "balanced"], "same"),
    ],
)
def test_the_prior_is_that_of_the_last_epoch(run, few, tmp_path, options, draws):
    data, test = few
    begin = ["train", data, "--test", test, "-o", tmp_path / "run", *QUICK, *options]
    begin += ["--threshold", "prior"]
    assert run(*begin).status == 0
    kept = json.loads((tmp_path / "run" / "decision.json").read_bytes())
    begun = json.loads((tmp_path / "run" / "options.json").read_bytes())["options"]
    sizes = np.array([begun["counts"][name] for name in ("curves", "lines", "loops")], float)
    if draws == "dynamic":
        assert sum(kept["draws"]) == sum(sizes) and kept["draws"] != sizes.tolist()
    else:
        expected = {"sizes": sizes, "sqrt": np.sqrt(sizes), "same": np.ones(3)}[draws]
        np.testing.assert_allclose(kept["draws"], expected)
    weights = np.ones(3)
    if "drw" in options:  # (1 - β) / (1 - β^n), adding up to K
        weights = (1 - 0.9999) / (1 - 0.9999**sizes)
        weights *= 3 / weights.sum()
    np.testing.assert_allclose(kept["weights"], weights, rtol=1e-4)
    prior = np.array(kept["draws"]) * kept["weights"]
    np.testing.assert_allclose(kept["own"]["options"]["train_prior"], prior / prior.sum())
    (tmp_path / "run" / "decision.json").unlink()  # as if killed before it was written
    assert run(*begin, "--resume").status == 0
    assert json.loads((tmp_path / "run" / "decision.json").read_bytes()) == kept


def test_data_that_moved_is_gone_on_with(run, few, copied, tmp_path):
    data, record = copied
    options = ["--test", few[1], "-o", tmp_path / "run", *QUICK]
    assert run("train", data, *options).status == 0
    (tmp_path / "moved").mkdir()
    for path in (data, record):
        path.rename(tmp_path / "moved" / path.name)
    found = run("train", tmp_path / "moved" / data.name, *options, "--resume")
    assert found.status == 0, found.err


@pytest.mark.parametrize("existing", [False, True])
def test_interrupted_before_anything_is_written_it_says_so(
    few, tmp_path, run, existing, monkeypatch
):
    def interrupted(*_):
        raise KeyboardInterrupt

    options = [few[0], "--test", few[1], "-o", tmp_path / "run", *QUICK]
    if existing:
        assert run("train", *options).status == 0
        old = time.time() - 3600
        os.utime(tmp_path / "run" / "options.json", (old, old))
    monkeypatch.setattr("rebalance.workflow.training.chosen_recipe", interrupted)
    found = run("train", *options, "--overwrite")
    assert found.status == 130
    assert found.err.splitlines()[-1] == "rebalance: interrupted; nothing was written yet"


@pytest.mark.together
def test_interrupted_it_says_how_to_go_on(few, tmp_path):
    data, test = few
    options = [data, "--test", test, "-o", tmp_path / "run", *QUICK, "--epochs", "400"]
    training = start("-m", "rebalance", "train", *options)
    while not (tmp_path / "run" / "state.pt").exists():
        assert training.poll() is None, end_of(training)
        time.sleep(0.01)
    training.send_signal(signal.SIGINT)
    status, log = end_of(training)
    assert status == 130
    assert log.splitlines()[-1] == "rebalance: interrupted; go on with --resume"
    assert "Traceback" not in log


def test_resuming_with_other_options_is_refused(run, few, tmp_path):
    data, test = few
    options = ["train", data, "--test", test, "-o", tmp_path / "run"]
    assert run(*options, *QUICK).status == 0
    assert "--overwrite" in run(*options, *QUICK).error
    found = run(*options, *QUICK, "--resume", "--seed", "1")
    assert "seed was 0 and is now 1" in found.error


@pytest.fixture
def blended(few, tmp_path):
    """A manifest of ``few`` with repetitions, and blends of images; in the order it is made in."""
    read = read_manifest(few[0])
    of = {name: [row.file_name for row in read.rows if row.label == name] for name in read.classes}
    rows = [*read.rows, *(Row(file, "curves", "duplicate") for file in of["curves"] * 2)]
    rows += [
        Row(file, "lines", "synthetic", partner=partner, weight=0.1 + 0.04 * number)
        for number, (file, partner) in enumerate(zip(of["lines"], of["loops"], strict=False))
    ]
    return write(tmp_path / "blended.csv", read, rows)


def write(path, like, rows):
    record = {"root": str(like.root), "classes": list(like.classes), "space": "pixel"}
    write_manifest(path, Manifest(like.root, like.classes, tuple(rows), (), record))
    return path


def test_blends_are_trained_on_as_if_they_were_files(few, blended, tmp_path):
    rebalance.materialize(blended, tmp_path / "folder")
    # In the order of the folder, so that the same draws are of the same images.
    read = read_manifest(blended)
    names = sample_names(read.rows)
    order = sorted(range(len(names)), key=names.__getitem__)
    assert scan(tmp_path / "folder").paths == tuple(sorted(names))
    manifest = write(tmp_path / "sorted.csv", read, [read.rows[place] for place in order])
    options = {"recipe": "scratch", "arch": "cifar_resnet20", "epochs": 1, "device": "cpu"}
    runs = [tmp_path / name for name in ("files", "held", "read")]
    for data, out, held in zip(
        (tmp_path / "folder", manifest, manifest), runs, ("yes", "yes", "no"), strict=True
    ):
        rebalance.train(data, few[1], out, in_memory=held, **options)
    for name in ("model.safetensors", "ranges.safetensors", "metrics.json"):
        kept = [(run / name).read_bytes() for run in runs]
        assert kept[0] == kept[1] == kept[2], name
    decisions = [json.loads((run / "decision.json").read_bytes()) for run in runs]
    before = [each.pop("folder") for each in decisions]
    assert decisions[0] == decisions[1] == decisions[2]
    # Only a manifest tells what there was before anything was blended.
    assert sum(before[0]) == len(read.rows) and before[1] == before[2] < before[0]
    counts = {name: sum(row.label == name for row in read.rows) for name in read.classes}
    for run in runs:
        begun = json.loads((run / "options.json").read_bytes())["options"]
        assert begun["counts"] == counts
        decision = json.loads((run / "decision.json").read_bytes())
        assert decision["draws"] == list(counts.values())


def test_a_split_leaves_no_part_of_a_validation_image(few, blended, tmp_path):
    found = rebalance.train(
        blended,
        few[1],
        tmp_path / "run",
        recipe="scratch",
        arch="cifar_resnet20",
        image_size=16,
        epochs=1,
        device="cpu",
        val_fraction=0.3,
        classifier="centres",
    )
    begun = json.loads((tmp_path / "run" / "options.json").read_bytes())["options"]
    counts = read_manifest(blended).counts
    assert all(0 < begun["counts"][name] < counts[name] for name in counts)
    # Read again, the split is the same: the centres are those of the same images.
    again = rebalance.train(
        blended,
        few[1],
        tmp_path / "plain",
        recipe="scratch",
        arch="cifar_resnet20",
        image_size=16,
        epochs=1,
        device="cpu",
        val_fraction=0.3,
    )
    scored = rebalance.evaluate(tmp_path / "plain", few[1], classifier="centres", device="cpu")
    assert scored["confusion_matrix"] == found["confusion_matrix"] != again["confusion_matrix"]


def features_of(data, network, layer, cache):
    table = rebalance.extract(
        data,
        extractor=str(network),
        layers=[layer],
        device="cpu",
        precision="fp32",
        cache_dir=cache,
    )
    values = table.layers[layer].read(slice(None), slice(None)).astype(np.float64)
    return values, np.array(table.folder.labels)


@pytest.mark.parametrize(("recipe", "width"), [("scratch", 64), ("transfer", 512)])
def test_the_gap_is_that_of_what_the_last_layer_sees(few, tmp_path, recipe, width):
    options = {"recipe": recipe, **SMALL, "epochs": 1, "device": "cpu"}
    folder = tmp_path / "run"
    metrics = rebalance.train(*few, folder, precision="fp32", weights="scratch", **options)
    gap = metrics["generalization_gap"]
    sides = [features_of(data, folder, "embedding", tmp_path / "cache") for data in few]
    expected = {}
    for label, name in enumerate(("curves", "lines", "loops")):
        train, test = (values[labels == label] for values, labels in sides)
        above = np.maximum(test.max(axis=0) - train.max(axis=0), 0)
        below = np.maximum(train.min(axis=0) - test.min(axis=0), 0)
        expected[name] = (above + below).sum()
    # extract keeps features in half precision.
    assert gap["per_class"] == pytest.approx(expected, rel=5e-3, abs=5e-3)
    assert gap["net"] == pytest.approx(np.mean(list(gap["per_class"].values())))
    assert gap["net_per_feature"] == pytest.approx(gap["net"] / width)


def test_a_class_without_test_images_has_no_gap(run, few, make_folder, tmp_path):
    test = make_folder(tmp_path / "test", {"lines": 3, "loops": 3}, size=(32, 32))
    options = ["train", few[0], "--test", test, "-o", tmp_path / "run", *QUICK]
    found = run(*options)
    assert found.status == 0, found.err
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_bytes())
    assert set(metrics["generalization_gap"]["per_class"]) == {"lines", "loops"}
    lines = {line.split()[0]: line.split() for line in found.out.splitlines() if line}
    assert lines["class"][-1] == "gap"
    assert (len(lines["lines"]), len(lines["curves"])) == (6, 2)  # curves: name and images


def test_a_run_without_ranges_is_scored_without_a_gap(run, few, tmp_path):
    folder = tmp_path / "run"
    assert run("train", few[0], "--test", few[1], "-o", folder, *QUICK, "-q").status == 0
    whole = scored(run, folder, few[1])
    assert "generalization_gap" in run("evaluate", folder, few[1]).out
    (folder / "ranges.safetensors").unlink()
    found = run("evaluate", folder, few[1])
    assert found.status == 0 and "gap" not in found.out
    assert scored(run, folder, few[1]) == {
        name: value for name, value in whole.items() if name != "generalization_gap"
    }
    (folder / "ranges.safetensors").write_bytes(b"none")
    found = run("evaluate", folder, few[1])
    assert (found.status, found.out) == (1, "")
    assert "ranges.safetensors' is damaged" in found.error


@pytest.mark.parametrize("part", [1, 7, 4096])
def test_ranges_are_those_of_all_features_at_once(blended, tmp_path, monkeypatch, part):
    from rebalance.data.samples import open_training
    from rebalance.metrics import FeatureRanges
    from rebalance.models.building import fresh_network
    from rebalance.models.transforms import CIFAR_TRANSFORM
    from rebalance.progress import silent
    from rebalance.scoring import evaluator
    from rebalance.settings import FolderOptions

    monkeypatch.setattr(evaluator, "PART", part)
    read = read_manifest(blended)
    rows = [*read.rows[40:80], *read.rows[40:50]]
    rows += [Row(row.file_name, "curves") for row in read.rows[40:45]]  # loops under two labels
    manifest = write(tmp_path / "m.csv", read, rows)
    again = open_training(manifest, FolderOptions(), 0, strict=True)
    seen = again.take([*range(40), *range(50, 55)])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = fresh_network("cifar_resnet20", 3)
    where = evaluator.Evaluator("cpu", "fp32", 0, silent)
    found = where.ranges(network, again, CIFAR_TRANSFORM)
    features = where.embed(network, seen, CIFAR_TRANSFORM)
    expected = FeatureRanges.of(features, seen.folder.labels)
    assert found.by_class.keys() == expected.by_class.keys() == {0, 1, 2}
    for label, values in expected.by_class.items():
        # Sums of batches of other sizes differ in the last digits.
        np.testing.assert_allclose(found.by_class[label], values, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shared", [False, True])
def test_resuming_with_other_blends_is_refused(few, tmp_path, shared):
    """The same files and labels, blended otherwise, or labelled otherwise as a blend."""
    manifest = rebalance.read_manifest(few[0])
    own = manifest.rows[0].label
    partner = next(row for row in manifest.rows[1:] if (row.label == own) != shared)
    options = {"recipe": "scratch", **SMALL, "epochs": 1, "device": "cpu"}
    for weight in (0.3, 0.6):
        how = {"weight": 0.5, "share": weight} if shared else {"weight": weight}
        first = manifest.rows[0]
        blend = replace(first, kind="synthetic", partner=partner.file_name, **how)
        blended = replace(manifest, rows=(*manifest.rows, blend))
        rebalance.write_manifest(tmp_path / "blends.csv", blended, overwrite=True)
        if weight == 0.3:
            rebalance.train(tmp_path / "blends.csv", few[1], tmp_path / "run", **options)
    with pytest.raises(rebalance.RebalanceError, match="data was"):
        rebalance.train(tmp_path / "blends.csv", few[1], tmp_path / "run", resume=True, **options)
