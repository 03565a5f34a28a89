"""Three-phase training: a trained body, its embeddings rebalanced by recipes, a fresh head."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from launching import finish_two
from safetensors.numpy import load_file, save
from sklearn.metrics import balanced_accuracy_score

import rebalance
from rebalance import seeds
from rebalance.api.layers import layers_of
from rebalance.data.levels import EACH_ALONE
from rebalance.data.samples import open_training
from rebalance.errors import DataError, FeatureError, LossError, MetricError, SettingError
from rebalance.features.notes import keep_note, read_note
from rebalance.manifest import Manifest, Row, read_manifest, write_manifest
from rebalance.metrics import FeatureRanges
from rebalance.oversampling import OVERSAMPLERS, Added, synthesise
from rebalance.oversampling.spelling import as_sampling
from rebalance.progress import silent
from rebalance.reports.manifests.commands import command_of
from rebalance.runs import Run
from rebalance.scoring.evaluator import Evaluator
from rebalance.settings import FolderOptions
from rebalance.workflow.own_samples import OwnSamples
from rebalance.workflow.recipes import open_recipes, originals, warn_of_other_eyes

QUICK = {
    "recipe": "scratch",
    "arch": "cifar_resnet20",
    "epochs": 1,
    "image_size": 16,
    "device": "cpu",
    "precision": "fp32",
}
HEAD = {"device": "cpu", "precision": "fp32"}
LAYERS = [{}, {"layer": "pool"}]
CLASSES = ("curves", "lines", "loops")


BODIES = {
    "own head": {**QUICK, "loss": "cce"},
    "cosines": {**QUICK, "loss": "ldam"},
    "hidden layer": {**QUICK, "loss": "ldam", "recipe": "transfer", "weights": "scratch"},
}


@pytest.fixture(scope="module", params=BODIES)
def body(request, few, tmp_path_factory):
    """A run, and what it was trained with."""
    folder = tmp_path_factory.mktemp("body") / "run"
    rebalance.train(*few, folder, **BODIES[request.param])
    return folder, BODIES[request.param]


@pytest.fixture(scope="module")
def run_of(few, tmp_path_factory):
    """A run, where its loss does not matter."""
    folder = tmp_path_factory.mktemp("run") / "run"
    rebalance.train(*few, folder, **QUICK)
    return folder


@pytest.fixture(scope="module")
def eos(few, run_of, tmp_path_factory):
    """A manifest of ``few`` that blends embeddings."""
    folder = tmp_path_factory.mktemp("eos")
    return enlarged(few, run_of, folder, "eos")


@pytest.fixture(scope="module")
def held_out(sample, few, tmp_path_factory):
    """30 of the sample's training scans that ``few`` has not, as a manifest."""
    paths = sorted((sample.parent / "train").rglob("*.png"))[5::20]
    rows = [Row(f"{path.parent.name}/{path.name}", path.parent.name) for path in paths]
    return written(tmp_path_factory.mktemp("val") / "val.csv", sample.parent / "train", rows)


def written(path, root, rows, classes=CLASSES, space="embedding"):
    record = {"root": str(root), "classes": list(classes), "space": space}
    write_manifest(path, Manifest(root, tuple(classes), tuple(rows), (), record))
    return path


def enlarged(few, run, folder, method):
    path = folder / f"{method}.csv"
    options = {"extractor": str(run), "device": "cpu", "cache_dir": folder / "cache"}
    rebalance.oversample(few[0], path, method=method, **options)
    return path


def test_a_head_sees_no_operations_on_images(few, run_of, tmp_path):
    rows = list(read_manifest(few[0]).rows)
    rows.append(replace(rows[0], kind="augmented", operation="flip"))
    path = written(tmp_path / "m.csv", read_manifest(few[0]).root, rows, space="pixel")
    with pytest.raises(DataError, match=r"a head sees features, and .* augments 1 images: train a"):
        rebalance.train(few[0], few[1], tmp_path / "run", **QUICK, rebalance_head=path)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def metrics_of(folder):
    return json.loads((folder / "metrics.json").read_bytes())


def options_of(folder):
    return json.loads((folder / "options.json").read_bytes())["options"]


def head_of(folder):
    """The weights [K, D] and biases [K] of a linear head."""
    tensors = load_file(folder / "model.safetensors")
    return [tensors[f"output.fresh.{name}"] for name in ("weight", "bias")]


@pytest.mark.parametrize("method", ["ros", "eos"])
def test_every_manifest_trains_a_head_on_the_same_body(few, body, tmp_path, method):
    run, begun = body
    manifest, before = enlarged(few, run, tmp_path, method), contents(run)
    out = tmp_path / "headed"
    metrics = rebalance.train(None, few[1], out, from_run=run, head_only=manifest, **HEAD)
    assert contents(run) == before
    assert metrics == metrics_of(out)
    # The former head by itself, and the new one as evaluate finds it.
    former = metrics.pop("before")
    own = metrics_of(run)
    gaps = [each.pop("generalization_gap") for each in (former, own)]
    for name in ("net", "per_class"):
        assert gaps[0][name] == pytest.approx(gaps[1][name])
    assert former == own
    assert rebalance.evaluate(out, few[1], **HEAD) == metrics
    bodies = [load_file(each / "model.safetensors") for each in (run, out)]
    for name, values in bodies[1].items():
        if not name.startswith("output.fresh."):  # a hidden layer too stays as it was trained
            np.testing.assert_array_equal(values, bodies[0][name])
    weight, bias = head_of(out)
    width = 512 if begun["recipe"] == "transfer" else 64
    assert (weight.shape, bias.shape) == ((3, width), (3,))
    counts = read_manifest(manifest).counts
    assert options_of(out)["head"]["counts"] == counts
    assert len(set(counts.values())) == 1  # every class as large as the largest


def test_the_new_run_is_an_extractor(few, run_of, eos, tmp_path):
    rebalance.train(None, few[1], tmp_path / "out", from_run=run_of, head_only=eos, **HEAD)
    tables = [
        rebalance.extract(few[1], extractor=str(run), layers=["embedding"], **HEAD)
        for run in (run_of, tmp_path / "out")
    ]
    found = [table.layers["embedding"].read(slice(None), slice(None)) for table in tables]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("validated", [False, True])
def test_in_one_go_and_from_a_run_it_is_the_same(few, body, held_out, tmp_path, validated):
    run, begun = body
    manifest = enlarged(few, run, tmp_path, "eos")
    options = {"val": held_out} if validated else {}
    once = rebalance.train(*few, tmp_path / "once", rebalance_head=manifest, **begun, **options)
    twice = rebalance.train(
        None, few[1], tmp_path / "twice", from_run=run, head_only=manifest, **HEAD, **options
    )
    assert once == twice
    one, two = contents(tmp_path / "once"), contents(tmp_path / "twice")
    names = {"model.safetensors", "ranges.safetensors", "decision.json", "metrics.json"}
    for name in names | {"predictions.csv"}:
        assert one[name] == two[name], name
    assert one.keys() - two.keys() == {"summary.csv", "state.pt"}


def expected_embeddings(manifest, run, cache):
    """What recipes make of the features that extract finds, and their labels by name."""
    read = read_manifest(manifest)
    files = sorted(
        {row.file_name for row in read.rows} | {row.partner for row in read.rows} - {None}
    )
    listed = written(
        cache / f"of_{Path(manifest).name}",
        read.root,
        [Row(file, file.split("/")[0]) for file in files],
    )
    how = {"extractor": str(run), "layers": ["embedding"], "cache_dir": cache, **HEAD}
    table = rebalance.extract(listed, **how)
    place = {path: number for number, path in enumerate(table.folder.paths)}
    added = Added(
        np.array([place[row.file_name] for row in read.rows]),
        np.array([place[row.partner or row.file_name] for row in read.rows]),
        np.array([row.weight or 0.0 for row in read.rows]),
    )
    seen = table.layers["embedding"].read(slice(None), slice(None)).astype(np.float32)
    return synthesise(seen, added), np.array([CLASSES.index(row.label) for row in read.rows])


@pytest.mark.parametrize("validated", [False, True])
def test_the_head_is_trained_on_what_the_recipes_make_of_extracted_features(
    few, run_of, eos, held_out, tmp_path, validated
):
    from rebalance.training.head import fit_head

    embeddings, labels = expected_embeddings(eos, run_of, tmp_path)
    options, judge, scores = {}, None, []
    if validated:
        options = {"val": held_out}
        seen, truth = expected_embeddings(held_out, run_of, tmp_path)

        def judge(layer):
            said = (seen @ layer.weight.numpy().T + layer.bias.numpy()).argmax(axis=1)
            scores.append(balanced_accuracy_score(truth, said))
            return scores[-1]

    fitted = fit_head(embeddings, labels, 3, seed=0, device="cpu", judge=judge)
    layer = fitted.layer
    assert fitted.epoch == (1 + int(np.argmax(scores)) if scores else 10)
    out = tmp_path / "out"
    rebalance.train(None, few[1], out, from_run=run_of, head_only=eos, **HEAD, **options)
    weight, bias = head_of(out)
    # extract keeps features in half precision.
    said, expected = embeddings @ weight.T + bias, embeddings @ layer.weight.numpy().T
    np.testing.assert_allclose(said, expected + layer.bias.numpy(), atol=0.05)
    epochs = Run.open(out).head_epochs()
    assert [int(row["epoch"]) for row in epochs] == list(range(1, 11))
    told = [float(row["val_balanced_accuracy"]) for row in epochs if validated]
    assert told == pytest.approx(scores, abs=0.05)
    accuracies = [float(row["train_accuracy"]) for row in epochs]
    assert accuracies == pytest.approx([each.accuracy for each in fitted.course], abs=0.05)
    ranges = Run.open(out).load_ranges()
    for label, (low, high) in FeatureRanges.of(embeddings, labels).by_class.items():
        np.testing.assert_allclose(ranges.by_class[label][0], low, rtol=2e-3, atol=1e-3)
        np.testing.assert_allclose(ranges.by_class[label][1], high, rtol=2e-3, atol=1e-3)


def test_the_class_order_of_the_manifest_is_the_networks(few, run_of, eos, tmp_path):
    read = read_manifest(eos)
    turned = written(tmp_path / "turned.csv", read.root, read.rows, CLASSES[::-1])
    found = [
        rebalance.train(None, few[1], tmp_path / name, from_run=run_of, head_only=manifest, **HEAD)
        for name, manifest in (("plain", eos), ("turned", turned))
    ]
    assert found[0] == found[1]
    for each in zip(head_of(tmp_path / "plain"), head_of(tmp_path / "turned"), strict=True):
        np.testing.assert_array_equal(*each)


def test_other_classes_are_refused(few, run_of, eos, tmp_path):
    read = read_manifest(eos)
    rows = [row for row in read.rows if row.label != "lines"]
    rows = [row for row in rows if row.partner is None or row.partner[:5] != "lines"]
    less = written(tmp_path / "less.csv", read.root, rows, ("curves", "loops"))
    options = {"from_run": run_of, "head_only": less, **HEAD}
    with pytest.raises(DataError, match="only the training data has 'lines'"):
        rebalance.train(None, few[1], tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_validation_images_are_left_out_of_the_recipes(few, run_of, eos, tmp_path, caplog):
    read = read_manifest(eos)
    files = sorted({row.file_name for row in read.rows})[::7]
    val = written(tmp_path / "val.csv", read.root, [Row(f, f.split("/")[0]) for f in files])
    out, options = tmp_path / "out", {"from_run": run_of, "head_only": eos, **HEAD}
    caplog.set_level("INFO", "rebalance")
    rebalance.train(None, few[1], out, val=val, **options)
    kept = [row for row in read.rows if not {row.file_name, row.partner} & set(files)]
    counts = {name: sum(row.label == name for row in kept) for name in CLASSES}
    assert options_of(out)["head"]["counts"] == counts != read.counts
    dropped = len(read.rows) - len(kept)
    assert f"{dropped} samples with validation images are left out" in caplog.text
    all_curves = [row for row in read.rows if row.label == "curves" and row.kind == "original"]
    val = written(tmp_path / "curves.csv", read.root, all_curves)
    with pytest.raises(DataError, match="class 'curves' needs a sample without validation"):
        rebalance.train(None, few[1], tmp_path / "none", val=val, **options)
    assert not (tmp_path / "none").exists()


def test_what_is_split_off_is_left_out_too(few, eos, tmp_path):
    out = tmp_path / "out"
    rebalance.train(*few, out, rebalance_head=eos, val_fraction=0.3, **QUICK)
    options = options_of(out)
    assert sum(options["counts"].values()) == 42
    whole = read_manifest(eos).counts
    assert all(0 < options["head"]["counts"][name] < whole[name] for name in CLASSES)


def test_test_images_in_the_manifest_are_refused_unless_allowed(few, run_of, eos, tmp_path):
    read = read_manifest(eos)
    used = next(row.partner for row in read.rows if row.partner)
    test = written(tmp_path / "test.csv", read.root, [Row(used, used.split("/")[0])])
    options = {"from_run": run_of, "head_only": eos, **HEAD}
    with pytest.raises(DataError, match="1 of 1 images to score are also trained on"):
        rebalance.train(None, test, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()
    wider = tmp_path / "wider"
    both = written(
        tmp_path / "m.csv",
        read.root.parent,
        [
            Row(f"{side}/{row.file_name}", row.label)
            for side, path in (("train", few[0]), ("test", few[1]))
            for row in read_manifest(path).rows
        ],
    )
    with pytest.raises(DataError, match="20 of 20 images to score are also trained on"):
        rebalance.train(*few, wider, rebalance_head=both, **QUICK)
    assert not wider.exists()


def test_the_prior_is_that_of_the_manifest(few, run_of, eos, tmp_path):
    read = read_manifest(eos)
    rows = [row for row in read.rows if row.kind == "original" or row.label == "curves"]
    some = written(tmp_path / "some.csv", read.root, rows)
    counts = np.array(list(read_manifest(some).counts.values()), float)
    assert len(set(counts)) == 3 - 1  # curves as many as loops
    options = {"from_run": run_of, "head_only": some, **HEAD}
    rebalance.train(None, few[1], tmp_path / "plain", **options)
    metrics = rebalance.train(None, few[1], tmp_path / "prior", threshold="prior", **options)
    assert (metrics["threshold"], metrics["before"]["threshold"]) == ("prior", "none")
    kept = json.loads((tmp_path / "prior" / "decision.json").read_bytes())
    np.testing.assert_allclose(kept["own"]["options"]["train_prior"], counts / counts.sum())
    plain, prior = (probabilities(tmp_path / name) for name in ("plain", "prior"))
    expected = plain / counts
    np.testing.assert_allclose(prior, expected / expected.sum(axis=1, keepdims=True), rtol=1e-6)
    assert rebalance.evaluate(tmp_path / "plain", few[1], threshold="prior", **HEAD) == {
        name: value for name, value in metrics.items() if name != "before"
    }


def probabilities(folder):
    with (folder / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[f"probability_{name}"]) for name in CLASSES] for row in rows])


def test_the_body_is_gone_on_with(few, eos, tmp_path):
    whole, again = tmp_path / "whole", tmp_path / "again"
    options = {"rebalance_head": eos, **QUICK}
    rebalance.train(*few, whole, **options)
    again.mkdir()
    for name in ("options.json", "summary.csv", "state.pt"):  # as if killed in the third phase
        (again / name).write_bytes((whole / name).read_bytes())
    read = read_manifest(eos)
    moved = written(tmp_path / "moved.csv", read.root, read.rows)
    last = read.rows[-1]
    assert last.partner is not None
    changed = Row(last.file_name, last.label, last.kind, last.partner, last.weight / 2)
    other = written(tmp_path / "other.csv", read.root, [*read.rows[:-1], changed])
    with pytest.raises(SettingError, match=r"head\.content was"):
        rebalance.train(*few, again, resume=True, **{**options, "rebalance_head": other})
    with pytest.raises(SettingError, match="head was"):
        rebalance.train(*few, again, resume=True, **QUICK)
    rebalance.train(*few, again, resume=True, **{**options, "rebalance_head": moved})
    assert contents(again) == contents(whole)


def test_the_seed_of_the_head_is_not_that_of_the_run(few, eos, tmp_path):
    begun = tmp_path / "run"
    rebalance.train(*few, begun, val_fraction=0.3, seed=3, **QUICK)
    made = [tmp_path / "four", tmp_path / "five"]
    for seed, out in enumerate(made, start=4):
        rebalance.train(None, few[1], out, from_run=begun, head_only=eos, seed=seed, **HEAD)
        assert options_of(out)["head"]["seed"] == seed
        # The images that the run was trained on are found again by its own.
        found = rebalance.evaluate(out, few[1], classifier="centres", **HEAD)
        assert found["classifier"] == "centres"
    assert not np.array_equal(head_of(made[0])[0], head_of(made[1])[0])


def test_a_class_without_images_is_kept_on_request(few, eos, tmp_path):
    data, head = (
        written(tmp_path / f"{place}.csv", read.root, read.rows, ("birds", *CLASSES))
        for place, read in enumerate(map(read_manifest, (few[0], eos)))
    )
    options = {"rebalance_head": head, "allow_empty": True, **QUICK}
    metrics = rebalance.train(data, few[1], tmp_path / "out", **options)
    assert head_of(tmp_path / "out")[0].shape == (4, 64)
    assert options_of(tmp_path / "out")["head"]["counts"]["birds"] == 0
    assert set(metrics["generalization_gap"]["per_class"]) == set(CLASSES)
    with pytest.raises(MetricError, match="is 0 for class 'birds'"):
        rebalance.train(data, few[1], tmp_path / "prior", threshold="prior", **options)
    assert not (tmp_path / "prior").exists()


def test_a_file_under_two_labels_is_an_original_of_both(few, run_of, tmp_path):
    read = read_manifest(few[0])
    both = Row(read.rows[-1].file_name, "curves")
    twice = written(tmp_path / "twice.csv", read.root, [*read.rows, both, both])
    recipes = open_recipes(
        twice, CLASSES, FolderOptions(), 0, silent, strict=True, scale=EACH_ALONE
    )
    kept = originals(recipes).folder
    expected = [(row.file_name, CLASSES.index(row.label)) for row in [*read.rows, both]]
    assert list(zip(kept.paths, kept.labels, strict=True)) == expected


def test_a_head_is_trained_on_a_rebalanced_run_too(few, run_of, eos, tmp_path):
    options = {"head_only": eos, **HEAD}
    first = rebalance.train(None, few[1], tmp_path / "one", from_run=run_of, **options)
    second = rebalance.train(None, few[1], tmp_path / "two", from_run=tmp_path / "one", **options)
    assert second["accuracy"] == first["accuracy"] == second["before"]["accuracy"]
    assert second["log_loss"] == pytest.approx(second["before"]["log_loss"])


def test_recipes_for_pixels_are_said_to_blend_embeddings(few, run_of, eos, tmp_path, caplog):
    read = read_manifest(eos)
    pixels = written(tmp_path / "pixels.csv", read.root, read.rows, space="pixel")
    caplog.set_level("INFO", "rebalance")
    found = [
        rebalance.train(None, few[1], tmp_path / each.stem, from_run=run_of, head_only=each, **HEAD)
        for each in (eos, pixels)
    ]
    assert found[0] == found[1]
    assert caplog.text.count("its recipes blend embeddings instead") == 1


@pytest.mark.parametrize(
    ("given", "layer"),
    [
        ({"layers": ()}, ("embedding",)),
        ({"layers": None, "extractor": "imagenet"}, ("pool",)),
        ({"layer": None, "extractor": "finetune"}, "pool"),
        ({"layer": None, "method": "smote"}, "embedding"),
        ({"layer": None, "under": "tomek", "over": "smote", "pick": "closest"}, "embedding"),
        ({"layer": None, "method": "subclass", "pick": "closest"}, "embedding"),
        ({"layer": None, "method": "tomek", "pick": "closest"}, "pool"),
    ],
)
def test_commands_look_at_the_embedding_of_a_run_unless_told(run_of, given, layer):
    given = {"extractor": str(run_of), "features": None, **given}
    found = layers_of(given)
    assert list(found.values()) == [layer]
    assert layers_of({**given, **found}) == {}


def test_the_command_of_a_manifest_says_a_layer_that_is_not_the_usual_one(few, run_of, tmp_path):
    options = {"extractor": str(run_of), "device": "cpu", "cache_dir": tmp_path / "cache"}
    made = [rebalance.oversample(few[0], method="smote", **options, **more) for more in LAYERS]
    assert [each.record["options"]["layer"] for each in made] == ["embedding", "pool"]
    assert ["--layer pool" in command_of(each.record) for each in made] == [False, True]


def test_a_cache_of_before_there_was_an_embedding_learns_of_it(few, run_of, tmp_path):
    options = {"extractor": str(run_of), "device": "cpu", "cache_dir": tmp_path / "cache"}
    rebalance.extract(few[1], layers=["pool"], **options)
    (about,) = (tmp_path / "cache").rglob("about.json")
    record = read_note(about)
    del record["layers"]["embedding"]
    keep_note(about, record)
    assert rebalance.extract(few[1], layers=["pool"], **options).cached == 20
    assert rebalance.extract(few[1], **options).layers["embedding"].shape == (20, 64)


def own_recipes(few, run, method, seed=0):
    """A method's recipes among the embeddings that extract finds, with those of the run's own."""
    table = rebalance.extract(
        few[0], extractor=str(run), layers=["embedding"], cache_dir=run.parent / "cache", **HEAD
    )
    features = table.layers["embedding"].read(slice(None), slice(None)).astype(np.float32)
    labels = np.array(table.folder.labels)
    counts = np.bincount(labels)
    wanted = {label: int(counts.max() - count) for label, count in enumerate(counts)}
    rng = seeds.generator(seed, "oversample")
    return features, labels, OVERSAMPLERS[method](features, labels, wanted, rng, names=CLASSES)


@pytest.mark.parametrize("method", ["ros", "eos"])
def test_a_method_samples_in_the_networks_own_embedding(few, run_of, tmp_path, method):
    options = {"from_run": run_of, "rebalance_head": method, **HEAD}
    metrics = rebalance.train(None, few[1], tmp_path / "out", **options)
    features, labels, added = own_recipes(few, run_of, method)
    made = np.concatenate([features, synthesise(features, added)])
    targets = np.concatenate([labels, labels[added.base]])
    from rebalance.training.head import fit_head

    layer = fit_head(made, targets, 3, seed=0, device="cpu").layer
    weight, bias = head_of(tmp_path / "out")
    # extract keeps features in half precision.
    said, expected = made @ weight.T + bias, made @ layer.weight.numpy().T + layer.bias.numpy()
    np.testing.assert_allclose(said, expected, atol=0.05)
    head = options_of(tmp_path / "out")["head"]
    assert head["sampled"]["method"] == method and head["sampled"]["layer"] == "embedding"
    assert head["counts"] == dict(zip(CLASSES, np.bincount(targets).tolist(), strict=True))
    # Repetitions and blends of a class stay within it; those with enemies do not.
    gaps = [each["generalization_gap"]["net"] for each in (metrics["before"], metrics)]
    assert gaps[1] < gaps[0] if method == "eos" else gaps[1] == pytest.approx(gaps[0])


def test_a_method_in_one_go_and_from_a_run_is_the_same(few, run_of, tmp_path):
    method = "smote:k=3,to=30"
    once = rebalance.train(*few, tmp_path / "once", rebalance_head=method, **QUICK)
    twice = rebalance.train(
        None, few[1], tmp_path / "twice", from_run=run_of, head_only=method, **HEAD
    )
    assert once == twice
    one, two = contents(tmp_path / "once"), contents(tmp_path / "twice")
    assert one["model.safetensors"] == two["model.safetensors"]


def test_as_many_embeddings_are_repeated_where_chance_is_asked_for(few):
    seen = open_training(few[0], FolderOptions(), 0, strict=True)
    labels = np.array(seen.folder.labels)
    features = np.random.default_rng(0).normal(size=(len(labels), 4)).astype(np.float32)
    asked = as_sampling("eos:to=50")
    evaluator = Evaluator("cpu", "fp32", 0, silent)
    made, repeated = (
        OwnSamples(replace(asked, by_chance=chance), seen, 0)._added(features, labels, evaluator)
        for chance in (False, True)
    )
    counts = [np.bincount(labels[added.base]).tolist() for added in (made, repeated)]
    assert counts[0] == counts[1] and sum(counts[0]) > 0
    assert (made.base != made.partner).all() and (repeated.base == repeated.partner).all()


def test_a_class_too_small_for_the_method_is_told_before_the_work(few, tmp_path):
    read = read_manifest(few[0])
    lone = [row for row in read.rows if row.label != "curves"]
    lone += [row for row in read.rows if row.label == "curves"][:1]
    data = written(tmp_path / "lone.csv", read.root, lone)
    with pytest.raises(FeatureError, match="class 'curves': smote needs at least 2"):
        rebalance.train(data, few[1], tmp_path / "out", rebalance_head="smote", **QUICK)
    assert not (tmp_path / "out").exists()


def test_recipes_by_other_eyes_are_used_with_a_warning(few, run_of, eos, tmp_path, caplog):
    read = read_manifest(eos)
    record = read.record

    def changed(name, **options):
        changes = {**record, **options}
        path = tmp_path / name
        write_manifest(path, Manifest(read.root, read.classes, read.rows, (), changes))
        return path

    other = changed("other.csv", extractor={**record["extractor"], "weights": "another"})
    out = tmp_path / "out"
    rebalance.train(None, few[1], out, from_run=run_of, head_only=other, **HEAD)
    assert "come from another extractor" in caplog.text
    assert "--rebalance-head eos samples by its own eyes" in caplog.text
    caplog.clear()
    # A head's own run has the same body.
    rebalance.train(None, few[1], tmp_path / "again", from_run=out, head_only=eos, **HEAD)
    assert "come from" not in caplog.text
    pooled = changed("pooled.csv", options={**record["options"], "layer": "pool"})
    warn_of_other_eyes(pooled, own=[record["extractor"]["weights"]])
    assert "come from the layer pool of the network" in caplog.text


def early(run, folder, few):
    """The run as versions left it whose features were the pooled map."""
    shutil.copytree(run, folder)
    table = rebalance.extract(few[0], extractor=str(run), layers=["pool"], **HEAD)
    pool = table.layers["pool"].read(slice(None), slice(None)).astype(np.float32)
    ranges = FeatureRanges.of(pool, table.folder.labels).by_class
    named = {str(label): values for label, values in ranges.items()}
    (folder / "ranges.safetensors").write_bytes(save(named))
    return folder


def test_an_early_run_has_no_gap_of_another_layer_and_finds_its_own_again(
    few, run_of, tmp_path, caplog
):
    old = early(run_of, tmp_path / "old", few)
    found = rebalance.evaluate(old, few[1], **HEAD)
    assert "generalization_gap" not in found and "with --resume finds them anew" in caplog.text
    # What the run's own command finds again is as it was.
    rebalance.train(*few, old, resume=True, **QUICK)
    assert contents(old) == contents(run_of)


FROM = ["--from", "{run}", "--head-only", "{eos}"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "training needs DATA, or without it --from RUN and --rebalance-head"),
        (["{data}", *FROM], "training needs DATA, or without it"),
        (["{data}", "--head-only", "{eos}"], "training needs DATA, or without it"),
        (["{data}", "--from", "{run}"], "training needs DATA, or without it"),
        (["--from", "{run}"], "training needs DATA, or without it"),
        (["--head-only", "{eos}"], "training needs DATA, or without it"),
        ([*FROM, "--resume"], "--resume has no part in"),
        ([*FROM, "--loss", "cce"], "leave out --loss"),
        ([*FROM, "--loss-option", "gamma=1"], "leave out --loss-option"),
        ([*FROM, "--weighting", "effective"], "leave out --loss-option"),
        ([*FROM, "--epochs", "3"], "leave out --epochs"),
        ([*FROM, "--arch", "resnet18"], "leave out --arch"),
        ([*FROM, "--image-size", "64"], "leave out --image-size"),
        ([*FROM, "--rebalance-head", "{eos}"], "leave out one of them"),
        ([*FROM, "--val-fraction", "0.3"], "validate with --val"),
        ([*FROM, "--val", "nowhere"], "does not exist"),
        (["--from", "nowhere", "--head-only", "{eos}"], "'nowhere' does not exist"),
        (["--from", "{run}", "--head-only", "nowhere.csv"], "no manifest at 'nowhere.csv'"),
        (["{eos}", "--rebalance-head", "{eos}"], "give this to --rebalance-head"),
        (["{data}", "--rebalance-head", "nowhere.csv"], "no manifest at 'nowhere.csv'"),
    ],
)
def test_bad_combinations_are_one_line(run, few, run_of, eos, tmp_path, arguments, message):
    places = {"data": few[0], "run": run_of, "eos": eos}
    given = [argument.format(**places) for argument in arguments]
    options = ["--test", few[1], "-o", tmp_path / "out", "--device", "cpu"]
    if arguments and arguments[0] != "--from":
        options += ["--recipe", "scratch", "--arch", "cifar_resnet20", "--epochs", "1"]
    found = run("train", *given, *options)
    assert (found.status, found.out) == (1, "")
    assert message in found.error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("eoss", "neither a manifest nor a method"),
        ("eos:j=3", "eos has no option 'j', only to"),
        ("ros:k=3", "ros has no option"),
        ("eos:reach=0", "reach must be a number above 0"),
        ("smote:reach=1", "smote has no option 'reach'"),
        ("eos:k=0", "a whole number from 1 up; got '0'"),
        ("eos:k", "options are METHOD:NAME=VALUE"),
        ("eos:to=min", "a target is max"),
    ],
)
def test_a_method_that_cannot_be_is_wrong_usage(run, tmp_path, asked, message):
    for option in ("--rebalance-head", "--head-only"):
        found = run("train", "x", option, asked, "--test", "y", "-o", tmp_path / "out")
        assert (found.status, found.out) == (2, "")
        assert message in " ".join(found.err.split())


def test_a_run_is_not_replaced_by_its_own_head(run, few, run_of, eos):
    before = contents(run_of)
    given = ["--from", run_of, "--head-only", eos, "--test", few[1], "--device", "cpu"]
    found = run("train", *given, "-o", run_of / ".." / run_of.name, "--overwrite")
    assert (found.status, found.out) == (1, "")
    assert "write to another folder" in found.error
    assert contents(run_of) == before


def test_a_run_that_is_not_finished_is_refused(run, few, run_of, eos, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "options.json").write_bytes((run_of / "options.json").read_bytes())
    given = ["--from", tmp_path / "run", "--head-only", eos, "--test", few[1]]
    found = run("train", *given, "-o", tmp_path / "out", "--device", "cpu")
    assert (found.status, found.out) == (1, "")
    assert "holds no trained network yet" in found.error
    assert not (tmp_path / "out").exists()


def test_the_command_shows_both_heads(run, few, run_of, eos, tmp_path):
    given = ["--from", run_of, "--head-only", eos, "--test", few[1], "-o", tmp_path / "out"]
    found = run("train", *given, "--device", "cpu", "--precision", "fp32")
    assert found.status == 0, found.err
    assert "a head from" in found.err and "epoch 10" in found.err
    lines = {line.split()[0]: line.split() for line in found.out.splitlines() if line}
    metrics = metrics_of(tmp_path / "out")
    assert lines["metric"] == ["metric", "before", "after"]
    sides = (metrics["before"], metrics)
    assert lines["log_loss"][1:] == [f"{each['log_loss']:.4f}" for each in sides]
    gaps = [each["generalization_gap"] for each in sides]
    assert lines["generalization_gap"][1:] == [f"{gap['net']:.2f}" for gap in gaps]
    assert lines["curves"][-2:] == [f"{gap['per_class']['curves']:.1f}" for gap in gaps]


@pytest.mark.together
@pytest.mark.slow
def test_two_processes_do_as_one(make_folder, tmp_path):
    data = make_folder(tmp_path / "train", {"cat": 36, "dog": 24}, (32, 32))
    for path in sorted(data.rglob("*.png"))[::5]:
        (tmp_path / "test" / path.parent.name).mkdir(parents=True, exist_ok=True)
        path.rename(tmp_path / "test" / path.parent.name / path.name)
    names = sorted(path.relative_to(data).as_posix() for path in data.rglob("*.png"))
    rows = [Row(name, name[:3]) for name in names]
    cats, dogs = ([name for name in names if name.startswith(kind)] for kind in ("cat", "dog"))
    rows += [
        Row(dog, "dog", "synthetic", partner=cat, weight=0.3)
        for dog, cat in zip(dogs[:10], cats, strict=False)
    ]
    manifest = written(tmp_path / "m.csv", data, rows, ("cat", "dog"))
    # At a low rate, so that rounding does not grow into other decisions.
    options = {**QUICK, "lr": 0.002, "batch_size": 16, "val_fraction": 0.3, "seed": 1}
    alone = rebalance.train(
        data, tmp_path / "test", tmp_path / "alone", rebalance_head=manifest, **options
    )
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    command = ["-m", "rebalance", "train", data, "--test", tmp_path / "test", "-o"]
    command += [tmp_path / "both", "--rebalance-head", manifest, *given, "--json"]
    status, out, err = finish_two(*command)
    assert status == 0, err
    close = {"rel": 1e-3, "abs": 1e-5}
    for found in (json.loads(out), metrics_of(tmp_path / "both")):
        for one, two in ((alone, found), (alone["before"], found["before"])):
            for name in ("accuracy", "balanced_accuracy", "f1_macro", "log_loss", "brier"):
                assert two[name] == pytest.approx(one[name], **close), name
            for name in ("net", "net_per_feature", "per_class"):
                gaps = (each["generalization_gap"][name] for each in (one, two))
                assert next(gaps) == pytest.approx(next(gaps), **close)
    assert options_of(tmp_path / "both")["head"] == options_of(tmp_path / "alone")["head"]
    assert (tmp_path / "both" / "predictions.csv").exists()


def amounts_by_hand(rows):
    """How many samples' worth there are of each class, a shared label counting for both."""
    found = dict.fromkeys(CLASSES, 0.0)
    for row in rows:
        found[row.label] += 1 - (row.share or 0)
        if row.share:
            found[row.partner.split("/")[0]] += row.share
    return list(found.values())


def test_a_head_learns_of_labels_that_two_classes_share(few, run_of, tmp_path):
    path = tmp_path / "skew-mix.csv"
    rebalance.oversample(few[0], path, method="skew-mix")
    expected = amounts_by_hand(read_manifest(path).rows)
    rebalance.train(None, few[1], tmp_path / "out", from_run=run_of, head_only=path, **HEAD)
    told = json.loads((tmp_path / "out" / "decision.json").read_bytes())
    assert told["draws"] == pytest.approx(expected)
    out = tmp_path / "own"
    rebalance.train(None, few[1], out, from_run=run_of, head_only="skew-mix:to=40", **HEAD)
    draws = json.loads((out / "decision.json").read_bytes())["draws"]
    assert sum(draws) == pytest.approx(240)
    # The rarest owns most of what it is blended with.
    counts = read_manifest(few[0]).counts
    assert np.argmax(draws) == np.argmin([counts[name] for name in CLASSES])


def test_images_are_trained_on_under_labels_that_two_classes_share(few, tmp_path):
    path = tmp_path / "mixup.csv"
    rebalance.oversample(few[0], path, method="skew-mix", space="pixel", to=12)
    rebalance.train(path, few[1], tmp_path / "out", **QUICK)
    told = json.loads((tmp_path / "out" / "decision.json").read_bytes())
    assert told["draws"] == pytest.approx(amounts_by_hand(read_manifest(path).rows))
    with pytest.raises(LossError, match="MFE takes one class for each sample"):
        rebalance.train(path, few[1], tmp_path / "not", **{**QUICK, "loss": "mfe"})
    assert not (tmp_path / "not").exists()
