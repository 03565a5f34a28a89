"""train --recipe probe: a body as it is, and a linear head fitted on its features."""

import csv
import json
import logging
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file
from schemas import faults
from scipy.special import log_softmax
from sklearn.linear_model import LogisticRegression

import rebalance
from rebalance.data.groups import groups_of, read_groups
from rebalance.data.samples import open_training
from rebalance.errors import DataError, ExtractorError, SettingError
from rebalance.heads.scaling import whitening
from rebalance.losses import make_loss
from rebalance.manifest import read_manifest
from rebalance.models.checkpoints import load_network
from rebalance.reports.runs.results import read_results
from rebalance.runs.sets import Sets
from rebalance.settings import FolderOptions, ScoringOptions, TrainOptions
from rebalance.settings.recipes import ProbeRecipe
from rebalance.workflow.probe_fitting import check_probe, chosen_probe
from rebalance.workflow.probe_sides import probe_sides

CPU = {"device": "cpu", "precision": "fp32"}


@pytest.fixture(scope="module")
def body(few, tmp_path_factory):
    """A run whose network is to stay as it is."""
    folder = tmp_path_factory.mktemp("body") / "run"
    rebalance.train(*few, folder, recipe="scratch", arch="cifar_resnet20", epochs=1, **CPU)
    return folder


@pytest.fixture(scope="module")
def probed(few, body, tmp_path_factory):
    """The run of a probe on it, and its metrics."""
    folder = tmp_path_factory.mktemp("probed") / "run"
    options = {"recipe": "probe", "weights": str(body), "threshold": "prior", **CPU}
    return folder, rebalance.train(*few, folder, **options)


def embeddings(data, extractor):
    table = rebalance.extract(data, extractor=str(extractor), layers=["embedding"], **CPU)
    values = table.layers["embedding"].read(slice(None), slice(None))
    return values, np.array(table.folder.labels)


def test_the_run_holds_one_linear_layer_as_scikit_learn_fits_it(few, body, probed):
    seen, labels = embeddings(few[0], body)
    tested, truth = embeddings(few[1], body)
    folder, metrics = probed
    head = load_network(folder / "model.safetensors").network.last.requires_grad_(False)
    logits = tested @ head.weight.numpy().T + head.bias.numpy()
    mean, deviation = seen.mean(axis=0), seen.std(axis=0)
    deviation[deviation == 0] = 1
    turn = whitening((seen - mean).astype(float) / deviation, labels, 0.4)
    scaled, held = ((each - mean) / deviation @ turn for each in (seen, tested))
    fits = []
    for power in range(-2, 11):  # it tells its penalty in the log alone
        penalty = 10 ** (-power / 2)
        model = LogisticRegression(C=1 / penalty / len(labels), tol=1e-8, max_iter=5000)
        said = model.fit(scaled, labels).predict_log_proba(held)
        own = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
        fits.append(np.abs(said - own).max())
    assert min(fits) < 0.02 < sorted(fits)[1]
    predicted = (logits - np.log(np.bincount(labels))).argmax(axis=1)
    with (folder / "predictions.csv").open(newline="") as lines:
        decided = [row["prediction"] for row in csv.DictReader(lines)]
    assert decided == [("curves", "lines", "loops")[each] for each in predicted]
    assert metrics["accuracy"] == pytest.approx((predicted == truth).mean())


def test_the_run_is_like_any_other(few, body, probed):
    folder, metrics = probed
    again = rebalance.evaluate(folder, few[1], **CPU)
    # The network looked at the test images now, and their features came from the cache before,
    # in half precision.
    assert again["confusion_matrix"] == metrics["confusion_matrix"]
    for name in ("log_loss", "brier", "roc_auc_ovr_macro", "ece"):
        assert again[name] == pytest.approx(metrics[name], rel=1e-3)
    assert again["generalization_gap"]["net"] == pytest.approx(
        metrics["generalization_gap"]["net"], rel=1e-3
    )
    former, _ = embeddings(few[1], body)
    np.testing.assert_allclose(embeddings(few[1], folder)[0], former, atol=1e-5)
    (shown,) = read_results([folder])  # by report
    assert shown.metrics and not shown.missing and not shown.epochs.numbers
    options = json.loads((folder / "options.json").read_text())["options"]
    assert options["recipe"] == {
        "name": "probe",
        "frozen_epochs": 0,
        "epochs": 0,
        "whiten": 0.4,
        "folds": 5,
    }


def test_folds_choose_the_power_of_a_threshold_where_there_are_no_validation_images(
    few, probed, body, tmp_path
):
    folder, _ = probed
    kept = json.loads((folder / "decision.json").read_text())["others"]["head, prior:val"]
    assert kept["chosen"]["by"] == "5 folds"
    best = min(kept["chosen"]["tried"], key=lambda each: each["loss"])
    assert kept["options"]["tau"] == best["number"]
    found = rebalance.evaluate(folder, few[1], threshold="prior:val", **CPU)
    assert (found["threshold"], found["power"]) == ("prior:val", best["number"])
    # A head that knows no class shares has nothing to divide by a power of.
    options = {"recipe": "probe", "head": "nearest-mean", "weights": str(body), **CPU}
    found = rebalance.train(*few, tmp_path / "run", threshold="prior:val", **options)
    own = json.loads((tmp_path / "run" / "decision.json").read_text())["own"]
    assert found["power"] == own["options"]["tau"] and own["chosen"]["by"] == "5 folds"


def test_costs_are_searched_on_what_folds_held_out_and_kept(few, probed, tmp_path):
    folder, _ = probed
    found = rebalance.evaluate(folder, few[1], threshold="cost:search", **CPU)
    record = json.loads((folder / "decision.json").read_text())
    assert not faults("decision", record) and not faults("metrics", found)
    kept, costs = record["others"]["head, cost:search"], [*found["costs"].values()]
    assert kept["searched"]["costs"] == costs and min(costs) == 1
    assert kept["searched"]["best"] >= kept["searched"]["plain"]
    held = load_file(folder / "held_out.safetensors")
    decided = (held["probabilities"] * costs).argmax(axis=1) == held["labels"]
    recalls = [decided[held["labels"] == label].mean() for label in range(3)]
    assert kept["searched"]["best"] == pytest.approx(np.mean(recalls), abs=1e-12)
    # What is kept decides again: nothing is searched, and nothing held out is read.
    (folder / "held_out.safetensors").rename(tmp_path / "aside")
    assert rebalance.evaluate(folder, few[1], threshold="cost:search", **CPU) == found
    (tmp_path / "aside").rename(folder / "held_out.safetensors")


def test_a_loss_by_searched_costs_is_one_by_the_costs_that_it_keeps(few, body, tmp_path):
    options = {"recipe": "probe", "weights": str(body), "loss": "cost", **CPU}
    searched, given = tmp_path / "searched", tmp_path / "given"
    found = rebalance.train(*few, searched, loss_options={"matrix": "search"}, **options)
    kept = json.loads((searched / "options.json").read_text())["options"]["loss"]["matrix"]
    assert np.shape(kept) == (3, 3) and np.min(np.max(kept, axis=0)) == 1
    assert rebalance.train(*few, given, loss_options={"matrix": kept}, **options) == found


def test_a_balanced_softmax_is_the_prior_divided_out(few, body, probed, tmp_path, caplog):
    _, metrics = probed
    with caplog.at_level(logging.INFO, "rebalance"):
        found = rebalance.train(
            *few,
            tmp_path / "run",
            recipe="probe",
            weights=str(body),
            loss="balanced-softmax",
            **CPU,
        )
    told = [each for each in caplog.messages if "penalty" in each]
    assert len(told) == 1 and told[0].endswith("by 5 folds")
    assert found["balanced_accuracy"] == metrics["balanced_accuracy"]
    assert found["log_loss"] == pytest.approx(metrics["log_loss"], abs=1e-4)


def test_folds_keep_groups_and_equal_files_together(few, tmp_path):
    seen = open_training(few[0], FolderOptions(), 1, strict=True)
    lines = [f"{path},{place // 4}" for place, path in enumerate(seen.folder.paths)]
    (tmp_path / "groups.csv").write_text("\n".join(["file_name,group", *lines]) + "\n")
    sets = Sets(seen, None, None)
    sides = probe_sides(sets, ScoringOptions(groups=tmp_path / "groups.csv"), ProbeRecipe(), 0)
    owners = groups_of(seen.folder.paths, read_groups(tmp_path / "groups.csv"))
    compared = np.concatenate([each.compared for each in sides])
    assert sorted(compared) == list(range(len(lines)))
    for each in sides:
        assert not {owners[place] for place in each.fitted} & {
            owners[place] for place in each.compared
        }
    twice = seen.take([*range(len(lines)), *range(10)])
    for each in probe_sides(Sets(twice, None, None), ScoringOptions(), ProbeRecipe(), 0):
        names = [{twice.folder.paths[at] for at in side} for side in (each.fitted, each.compared)]
        assert not names[0] & names[1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 3}, "leave out --epochs"),
        ({"regime": "drw"}, "leave out --regime"),
        ({"rebalance_head": "eos"}, "leave out --rebalance-head"),
        ({"weights": "scratch"}, "needs a network that has been trained"),
        ({"head": "gaussian", "whiten": 0.4}, "chooses by itself how far it shrinks"),
    ],
)
def test_what_a_probe_has_no_use_for_is_refused(options, message):
    with pytest.raises(SettingError, match=message):
        chosen_probe(TrainOptions(recipe="probe", **options))


def test_what_a_head_cannot_learn_is_refused(few):
    seen = open_training(few[0], FolderOptions(), 1, strict=True)
    shared = replace(seen, shares={0: (1, 0.5)})
    plain, recipe = make_loss("ce", seen.counts, {}), ProbeRecipe(head="gaussian")
    with pytest.raises(DataError, match="1 samples are shared by two: choose one of logistic"):
        check_probe(recipe, plain, "ce", shared)
    check_probe(ProbeRecipe(head="crt"), plain, "ce", shared)
    weighted = make_loss("weighted", seen.counts, {})
    check_probe(recipe, weighted, "weighted", seen)
    with pytest.raises(SettingError, match="crt makes the classes alike by itself: leave out --lo"):
        check_probe(ProbeRecipe(head="crt"), weighted, "weighted", seen)


def test_blends_of_features_are_learned_from_under_labels_that_two_classes_share(
    few, body, tmp_path
):
    path, folder = tmp_path / "mix.csv", tmp_path / "run"
    rebalance.oversample(few[0], path, method="skew-mix")
    metrics = rebalance.train(path, few[1], folder, recipe="probe", weights=str(body), **CPU)
    values, numbers = embeddings(few[0], body)
    table = open_training(few[0], FolderOptions(), 1, strict=True).folder
    place = {name: at for at, name in enumerate(table.paths)}
    rows = read_manifest(path).rows
    own = [place[row.file_name] for row in rows]
    other = [place[row.partner or row.file_name] for row in rows]
    weight = np.array([row.weight or 0 for row in rows])[:, None]
    share = np.array([row.share or 0 for row in rows])
    mixed = (1 - weight) * values[own] + weight * values[other]
    whole = mixed[share == 0]
    mean, deviation = whole.mean(axis=0), whole.std(axis=0)
    deviation[deviation == 0] = 1
    turn = whitening((whole - mean) / deviation, numbers[own][share == 0], 0.4)
    inputs = (mixed - mean) / deviation @ turn
    counted = np.concatenate([1 - share, share])
    penalty = metrics["head_fit"]["chosen"]["penalty"]
    model = LogisticRegression(C=1 / penalty / len(rows), tol=1e-8, max_iter=5000)
    twice = np.concatenate([numbers[own], numbers[other]])
    model.fit(np.vstack([inputs, inputs]), twice, sample_weight=counted)
    head = load_network(folder / "model.safetensors").network.last.requires_grad_(False)
    said = values @ head.weight.numpy().T + head.bias.numpy()
    expected = model.predict_log_proba((values - mean) / deviation @ turn)
    np.testing.assert_allclose(log_softmax(said, axis=1), expected, atol=0.05)
    told = json.loads((folder / "decision.json").read_bytes())
    assert told["draws"] == pytest.approx(np.bincount(twice, counted))
    # Centres are of images, which blends of features are not.
    tested, truth = embeddings(few[1], body)
    means = np.stack([values[numbers == label].mean(axis=0) for label in range(3)])
    nearest = np.square(tested[:, None].astype(float) - means).sum(axis=2).argmin(axis=1)
    again = rebalance.evaluate(folder, few[1], classifier="centres", **CPU)
    assert again["accuracy"] == pytest.approx((nearest == truth).mean())


def test_features_that_were_extracted_to_a_file_give_the_same_figures(few, body, probed, tmp_path):
    files = [tmp_path / "train.npz", tmp_path / "test.npz"]
    for data, file in zip(few, files, strict=True):
        rebalance.extract(data, file, extractor=str(body), layers=["embedding"], **CPU)
    given = {"features": files[0], "test_features": files[1], "threshold": "prior"}
    metrics = rebalance.train(*few, tmp_path / "run", recipe="probe", device="cpu", **given)
    assert metrics == {**probed[1], "test_root": metrics["test_root"]}
    written = [folder / "predictions.csv" for folder in (tmp_path / "run", probed[0])]
    assert written[0].read_bytes() == written[1].read_bytes()


def test_the_next_head_needs_no_network_and_tells_how_it_was_fitted(few, body, tmp_path, caplog):
    folder = tmp_path / "run"
    options = {"recipe": "probe", "weights": str(body), "threshold": "prior", **CPU}
    rebalance.train(*few, tmp_path / "first", **options)
    caplog.clear()
    with caplog.at_level(logging.INFO, "rebalance"):
        found = rebalance.train(*few, folder, head="tau-normalised", **options)
    looked = [each for each in caplog.messages if each.startswith("features:")]
    assert len(looked) == 2 and all("features: 0 computed" in each for each in looked)
    metrics = json.loads((folder / "metrics.json").read_text())
    fit = metrics["head_fit"]
    assert found["head_fit"] == fit and (fit["head"], fit["by"]) == ("tau-normalised", "5 folds")
    for name in ("penalty", "tau"):
        best = min(fit["tried"][name], key=lambda each: each["loss"])
        assert fit["chosen"][name] == best["number"]
    assert [*metrics["divided_by"].values()] == pytest.approx([1 / 3] * 3)  # to it all are alike
    begun = json.loads((folder / "options.json").read_text())["options"]["recipe"]
    assert begun["head"] == "tau-normalised"


def test_what_needs_epochs_or_another_recipe_is_refused(few, body, tmp_path):
    how = {"recipe": "probe", "weights": str(body), **CPU}
    with pytest.raises(SettingError, match=r"choose ce, weighted, cost, .* in place of ldam"):
        rebalance.train(*few, tmp_path / "run", loss="ldam", **how)
    for option in ({"whiten": 0.2}, {"head": "crt"}):
        with pytest.raises(SettingError, match=f"--{next(iter(option))} is of the recipe probe"):
            rebalance.train(*few, tmp_path / "run", recipe="scratch", **option, **CPU)
    with pytest.raises(ExtractorError, match="--weights is imagenet, lite0, or the path"):
        rebalance.train(*few, tmp_path / "run", recipe="probe", weights="nowhere", **CPU)
    assert not (tmp_path / "run").exists()
