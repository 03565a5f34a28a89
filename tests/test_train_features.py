"""train --recipe probe on a file of features: no image is opened, or need be readable."""

import shutil

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

import rebalance
from rebalance.errors import DataError, ExtractorError, FeatureFileError, SettingError
from rebalance.manifest import read_manifest
from rebalance.models.checkpoints import load_network
from rebalance.models.pretrained import find_pretrained
from rebalance.models.vectors import VECTORS
from rebalance.runs import Run
from rebalance.training.initial_network import WEIGHTS

CPU = {"device": "cpu"}
CLASSES = "abc"


def write_set(folder, name, counts, seed):
    """A folder of files that are no images, and ``name.npz`` with the features of each."""
    rng = np.random.default_rng(seed)
    paths = [f"{c}/{n}.png" for c, count in zip(CLASSES, counts, strict=True) for n in range(count)]
    for path in paths:
        (folder / name / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / path).touch()
    centres = 2 * np.eye(len(CLASSES), 6)[[CLASSES.index(path[0]) for path in paths]]
    values = (centres + rng.normal(size=(len(paths), 6))).astype(np.float32)
    np.savez(folder / f"{name}.npz", features=values, file_name=paths)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """``train``, ``test`` and ``val``, each a folder and its features."""
    folder = tmp_path_factory.mktemp("features")
    for seed, (name, counts) in enumerate(
        {"train": (24, 12, 8), "test": (10, 10, 10), "val": (6, 6, 6)}.items()
    ):
        write_set(folder, name, counts, seed)
    return folder


def options(sets, **more):
    files = {"features": sets / "train.npz", "test_features": sets / "test.npz"}
    return {"recipe": "probe", **files, **CPU, **more}


@pytest.fixture(scope="module")
def probed(sets, tmp_path_factory):
    """A run on these features, and its metrics."""
    folder = tmp_path_factory.mktemp("probed") / "run"
    return folder, rebalance.train(sets / "train", sets / "test", folder, **options(sets))


def test_the_run_is_a_linear_layer_of_the_features(sets, probed):
    folder, metrics = probed
    saved = load_network(folder / "model.safetensors")
    assert saved.metadata["arch"] == VECTORS
    assert [*saved.network.state_dict()] == ["output.fresh.weight", "output.fresh.bias"]
    with np.load(sets / "test.npz") as file:
        values, truth = file["features"], [CLASSES.index(path[0]) for path in file["file_name"]]
    weight, bias = (value.numpy() for value in saved.network.state_dict().values())
    decided = (values @ weight.T + bias).argmax(axis=1)
    assert metrics["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(truth, decided))
    told = Run.open(folder).options["features"]
    assert (told["file"], told["layer"], told["columns"]) == (str(sets / "train.npz"), "pool", 6)
    assert told["test"]["file"] == str(sets / "test.npz") and len(told["digest"]) == 32


def test_a_run_is_scored_by_features_and_decides_otherwise_by_those_it_learned_from(sets, probed):
    folder, metrics = probed
    given = {"features": sets / "test.npz", **CPU}
    again = rebalance.evaluate(folder, sets / "test", **given)
    assert again == {name: metrics[name] for name in again}
    with np.load(sets / "train.npz") as file:
        values = file["features"]
        labels = np.array([CLASSES.index(path[0]) for path in file["file_name"]])
    means = np.stack([values[labels == label].mean(axis=0) for label in range(3)])
    with np.load(sets / "test.npz") as file:
        nearest = np.square(file["features"][:, None] - means).sum(axis=2).argmin(axis=1)
        truth = np.array([CLASSES.index(path[0]) for path in file["file_name"]])
    found = rebalance.evaluate(folder, sets / "test", classifier="centres", **given)
    assert found["accuracy"] == pytest.approx((nearest == truth).mean())


def test_neighbours_and_machines_decide_in_the_heads_place(sets, tmp_path):
    """As scikit-learn's on the same vectors; what they are fitted on is kept with the run."""
    folder, both, given = tmp_path / "run", (sets / "train", sets / "test"), {**CPU}
    vectors, truth = {}, {}
    for name in ("train", "test"):
        with np.load(sets / f"{name}.npz") as file:
            vectors[name] = file["features"]
            truth[name] = np.array([CLASSES.index(path[0]) for path in file["file_name"]])
    machines = {
        "knn:k=3": KNeighborsClassifier(3),
        "svm:C=0.1": make_pipeline(StandardScaler(), LinearSVC(C=0.1, dual=False)),
    }
    right = {
        name: float(
            (
                each.fit(vectors["train"], truth["train"]).predict(vectors["test"]) == truth["test"]
            ).mean()
        )
        for name, each in machines.items()
    }
    metrics = rebalance.train(*both, folder, **options(sets, classifier="knn:k=3"))
    assert metrics["accuracy"] == pytest.approx(right["knn:k=3"])
    assert metrics["classifier"] == "knn:k=3"
    given["features"] = sets / "test.npz"
    decision = (folder / "decision.json").read_bytes()
    again = rebalance.evaluate(folder, both[1], **given)
    assert again == {name: metrics[name] for name in again}
    assert (folder / "decision.json").read_bytes() == decision
    for name in machines:
        found = rebalance.evaluate(folder, both[1], classifier=name, **given)
        assert found["accuracy"] == pytest.approx(right[name])
    shares = np.bincount(truth["train"]) / len(truth["train"])
    shifted = rebalance.evaluate(folder, both[1], threshold="prior", **given)
    assert [*shifted["divided_by"].values()] == pytest.approx(shares)
    (folder / "neighbours.safetensors").unlink()  # it is made again from what was trained on
    found = rebalance.evaluate(folder, both[1], classifier="knn:k=03", **given)
    assert found == again
    assert (folder / "neighbours.safetensors").exists()
    (folder / "neighbours.safetensors").write_bytes(b"x")
    with pytest.raises(DataError, match=r"is damaged .*: delete it, and evaluate makes it again"):
        rebalance.evaluate(folder, both[1], **given)


def test_validation_images_come_from_the_same_file_or_their_own(sets, tmp_path):
    names = [
        f"{path},{number // 4}"
        for number, path in enumerate(np.load(sets / "train.npz")["file_name"])
    ]
    (tmp_path / "groups.csv").write_text("\n".join(["file_name,group", *names]))
    split = {"val_fraction": 0.3, "groups": tmp_path / "groups.csv", "calibrate": True}
    both = sets / "train", sets / "test"
    found = rebalance.train(*both, tmp_path / "split", **options(sets, **split))
    assert found["head_fit"]["by"] == "validation images" and found["temperature"] > 0
    own = {"val": sets / "val", "val_features": sets / "val.npz"}
    found = rebalance.train(*both, tmp_path / "own", **options(sets, **own))
    assert found["head_fit"]["by"] == "validation images"
    told = Run.open(tmp_path / "own").options["features"]
    assert told["validation"]["file"] == str(sets / "val.npz")


def test_names_beside_the_numbers_give_the_same_head_and_one_file_may_have_both_sets(
    sets, probed, tmp_path
):
    parts = {name: np.load(sets / f"{name}.npz") for name in ("train", "test")}
    values = np.concatenate([part["features"] for part in parts.values()])
    names = [f"{name}/{path}" for name, part in parts.items() for path in part["file_name"]]
    np.save(tmp_path / "all.npy", values)
    (tmp_path / "all.txt").write_text("\n".join(names))
    given = {"features": tmp_path / "all.npy", "names": tmp_path / "all.txt"}
    folder = tmp_path / "run"
    found = rebalance.train(sets / "train", sets / "test", folder, recipe="probe", **given, **CPU)
    assert found == {**probed[1], "test_root": found["test_root"]}
    assert "test" not in Run.open(folder).options["features"]


def test_blends_of_features_teach_what_files_of_the_blends_would(sets, tmp_path):
    file = {"features": sets / "train.npz", **CPU}
    rebalance.oversample(sets / "train", tmp_path / "smote.csv", method="smote", **file)
    own = {"val": sets / "val", "val_features": sets / "val.npz"}
    given = options(sets, **own)
    rebalance.train(tmp_path / "smote.csv", sets / "test", tmp_path / "blended", **given)
    with np.load(sets / "train.npz") as held:
        vector = dict(zip(held["file_name"].tolist(), held["features"], strict=True))
    rows = read_manifest(tmp_path / "smote.csv").rows
    paths = [f"{row.label}/{number}.png" for number, row in enumerate(rows)]
    values = [
        vector[row.file_name] * (1 - (row.weight or 0))
        + vector[row.partner or row.file_name] * (row.weight or 0)
        for row in rows
    ]
    for path in paths:
        (tmp_path / "all" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "all" / path).touch()
    np.savez(tmp_path / "all.npz", features=np.array(values, np.float32), file_name=paths)
    given["features"] = tmp_path / "all.npz"
    rebalance.train(tmp_path / "all", sets / "test", tmp_path / "whole", **given)
    blended, whole = (
        load_network(tmp_path / run / "model.safetensors").network.last.weight.detach().numpy()
        for run in ("blended", "whole")
    )
    np.testing.assert_allclose(blended, whole, atol=1e-4)


def test_blends_of_images_are_in_no_file_of_features(sets, tmp_path):
    file = {"features": sets / "train.npz", **CPU}
    pixels = tmp_path / "pixels.csv"
    rebalance.oversample(sets / "train", pixels, method="smote", space="pixel", **file)
    with pytest.raises(DataError, match=r"blends images, which a file .*--space embedding"):
        rebalance.train(pixels, sets / "test", tmp_path / "no", **options(sets))


@pytest.mark.parametrize("asked", ["eos", "recipes"])
def test_the_head_is_trained_anew_on_features_where_they_were_or_are_now(
    asked, sets, probed, tmp_path
):
    folder = tmp_path / "headed"
    now = {}
    if asked == "recipes":
        asked = tmp_path / "smote.csv"
        given = {"features": sets / "train.npz", **CPU}
        rebalance.oversample(sets / "train", asked, method="smote", **given)
        now = {"features": shutil.copy(sets / "train.npz", tmp_path / "moved.npz")}
        now["test_features"] = sets / "test.npz"
    found = rebalance.train(
        None, sets / "test", folder, from_run=probed[0], rebalance_head=asked, **now, **CPU
    )
    before = {name: number for name, number in probed[1].items() if name != "head_fit"}
    assert found["before"] == {name: before[name] for name in found["before"]}
    again = rebalance.evaluate(folder, sets / "test", features=sets / "test.npz", **CPU)
    assert again["balanced_accuracy"] == found["balanced_accuracy"]


def test_a_run_goes_on_with_the_same_features_wherever_they_lie(sets, probed, tmp_path):
    with np.load(sets / "train.npz") as file:
        np.savez_compressed(tmp_path / "moved.npz", **file)
    moved = tmp_path / "moved.npz"
    run = shutil.copytree(probed[0], tmp_path / "run")
    both = sets / "train", sets / "test"
    found = rebalance.train(*both, run, resume=True, **options(sets, features=moved))
    assert found == probed[1]
    write_set(tmp_path, "train", (24, 12, 8), 9)
    other = options(sets, features=tmp_path / "train.npz")
    with pytest.raises(SettingError, match="but data was"):
        rebalance.train(*both, run, resume=True, **other)


def test_features_that_the_head_does_not_see_are_refused(sets, probed, tmp_path):
    with np.load(sets / "test.npz") as file:
        values, names = file["features"], file["file_name"]
    np.savez(tmp_path / "wide.npz", features=np.hstack([values, values]), file_name=names)
    np.savez(tmp_path / "other.npz", embedding=values, file_name=names, about="{}")
    for file, message in {
        None: r"6 of an image, layer pool\): give those of the test images with --features",
        "wide.npz": "the head sees 6 features of an image, and '.*wide.npz' has 12",
        "other.npz": "the head sees the layer pool, and '.*other.npz' has embedding",
    }.items():
        given = {} if file is None else {"features": tmp_path / file}
        with pytest.raises((SettingError, FeatureFileError), match=message):
            rebalance.evaluate(probed[0], sets / "test", **given, **CPU)
    with pytest.raises(DataError, match=r"44 of 44 .* have the features of images trained on"):
        shutil.copytree(sets / "train", tmp_path / "test")
        rebalance.train(
            sets / "train", tmp_path / "test", tmp_path / "run", **options(sets, test_features=None)
        )


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"arch": "resnet18"}, "no network looks at the images: leave out --arch"),
        ({"precision": "fp32"}, "leave out --precision"),
        ({"recipe": "scratch"}, "the recipe scratch trains one, which needs images: pass --rec"),
        ({"features": None}, "--test-features goes with --features"),
        ({"test_names": "names.txt", "test_features": None}, "--test-names goes with --test-feat"),
        ({"val_features": "val.npz"}, "--val-features is of the images of --val"),
    ],
)
def test_options_that_features_have_no_use_for_are_refused(more, message, sets, tmp_path):
    with pytest.raises(SettingError, match=message):
        rebalance.train(sets / "train", sets / "test", tmp_path / "run", **(options(sets) | more))
    assert not (tmp_path / "run").exists()


def test_a_run_on_features_is_no_network_for_images(probed):
    with pytest.raises(ExtractorError, match="a head on features that came from a file, and no n"):
        find_pretrained(str(probed[0]), None, WEIGHTS)
