"""Extractors compared on images: the same judges for all, and one that cannot be used."""

import json
import math
import shutil

import numpy as np
import pytest
from schemas import faults

import rebalance
from rebalance.comparison.judging import Judges, judge
from rebalance.comparison.naming import learned_from, named
from rebalance.comparison.words import answer
from rebalance.errors import DataError, ExtractorError, FeatureError, SettingError
from rebalance.heads import fit_head, sides_of
from rebalance.numerics.pca import InMemory
from rebalance.settings import ExtractorOptions

RNG = np.random.default_rng
QUICK = {"image_size": 16, "device": "cpu", "repeats": 2, "folds": 3}


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """A state dict of another network with random weights."""
    import torch

    from rebalance.models.backbones import build

    path = tmp_path_factory.mktemp("weights") / "other.pth"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        torch.save(build("squeezenet1_1", 3).state_dict(), path)
    return path


@pytest.fixture
def data(make_folder, tmp_path):
    return make_folder(tmp_path / "data", {"cat": 12, "dog": 9, "owl": 2}, size=(32, 32))


def judges(labels, kin=None, *, folds=3, repeats=2, grouped=False):
    kin = np.arange(len(labels)) if kin is None else kin
    return Judges(labels, kin, grouped, folds, repeats, seed=0)


def blobs(seed, samples, distance):
    """Points of three classes, of which one is rare, around corners at such a distance."""
    rng = RNG(seed)
    labels = np.sort(rng.choice(3, samples, p=(0.5, 0.4, 0.1)))
    return (rng.normal(size=(samples, 8)) + distance * np.eye(8)[labels]), labels


def test_the_probe_is_as_good_as_one_that_is_fitted_fold_by_fold():
    points, labels = blobs(0, 200, 2.5)
    found = judge(InMemory(points), judges(labels, folds=5, repeats=4))
    assert sorted(found.accuracies) == [(repeat, fold) for repeat in range(4) for fold in range(5)]
    recalls = []
    for stream in range(4):
        for side in sides_of(labels, 5, stream):
            layer = fit_head(
                "logistic", points[side.fitted], labels[side.fitted], 3, penalty=found.penalty
            ).layer
            prior = np.log(np.bincount(labels[side.fitted]))
            hits = (layer.logits(points[side.compared]) - prior).argmax(1) == labels[side.compared]
            recalls.append(np.mean([hits[labels[side.compared] == k].mean() for k in range(3)]))
    assert np.mean([*found.accuracies.values()]) == pytest.approx(np.mean(recalls), abs=0.02)
    assert 0.6 < found.agreement < 1


def test_what_says_nothing_is_judged_as_chance():
    _, labels = blobs(1, 90, 0)
    found = judge(InMemory(np.ones((90, 4), np.float16)), judges(labels))
    assert np.mean([*found.accuracies.values()]) == pytest.approx(1 / 3)
    assert found.agreement == pytest.approx(0)


def test_copies_are_no_way_to_be_better():
    points, labels = blobs(2, 60, 0)
    twice = np.tile(np.arange(60), 2)
    found = judge(InMemory(points[twice]), judges(labels[twice], twice))
    fooled = judge(InMemory(points[twice]), judges(labels[twice]))
    assert np.mean([*fooled.accuracies.values()]) > np.mean([*found.accuracies.values()]) + 0.1
    assert fooled.agreement > found.agreement + 0.1


def test_groups_that_hold_a_whole_class_on_one_side_are_not_judged_by_it():
    points, labels = blobs(3, 40, 3)
    with pytest.raises(DataError, match="no class has images on both sides of a fold"):
        judge(InMemory(points), judges(labels, labels, folds=3, grouped=True))
    with pytest.raises(FeatureError, match="finite"):
        judge(InMemory(np.where(points > 2, np.nan, points)), judges(labels))


def test_extractors_side_by_side(run, data, weights, other, tmp_path):
    named_ones = [f"{weights}:cifar_resnet20", f"{other}:squeezenet1_1", "nothing.pth", "finetune"]
    options = ["--image-size", 32, "--device", "cpu", "--repeats", 2, "--folds", 3]
    done = run("extractors", *named_ones, "--compare", data, *options)
    assert done.status == 1
    assert "error: 2 of 4 extractors could not be compared: nothing.pth (no checkpoint can be" in (
        done.err
    )
    assert done.err.count("warning: finetune is left out") == 1
    table, images, told, notes = done.out.split("\n\n")
    header, first, second = table.splitlines()
    assert header.split() == [
        *("extractor", "columns", "accuracy", "95%", "agree", "seconds", "images/s")
    ]
    assert max(map(len, done.out.splitlines())) <= 80
    assert {first.split()[1], second.split()[1]} == {"128", "1024"}
    assert "23 images of 3 classes, dealt out to 3 folds 2 times." in images
    assert "random.pth:cifar_resnet20" in told and told.startswith("The best mean is that of ")
    assert "'owl' (2)" in notes and str(weights) not in done.out

    done = run("extractors", *named_ones[:2], "--compare", data, *options, "--json")
    assert done.status == 0
    record = json.loads(done.out)
    assert not faults("comparison", record)
    assert [each["images_per_second"] for each in record["extractors"]] == [None, None]
    assert [each["cached"] for each in record["extractors"]] == [23, 23]
    best, behind = record["extractors"]
    assert best["behind"] is None and len(best["parts"]) == 6
    assert best["balanced_accuracy"] == pytest.approx(np.mean(best["parts"]))
    difference = np.mean(behind["parts"]) - np.mean(best["parts"])
    assert behind["behind"]["mean"] == pytest.approx(difference) and difference <= 0
    again = run("extractors", *named_ones[:2], "--compare", data, *options, "--json")
    assert json.loads(again.out) == record


def test_of_many_images_some_are_drawn_and_groups_stay_together(data, weights, tmp_path):
    shutil.copy(data / "cat" / "000.png", data / "cat" / "copy.png")
    groups = tmp_path / "groups.csv"
    rows = [f"{each.relative_to(data)},{each.stem}" for each in sorted(data.rglob("*.png"))]
    groups.write_text("\n".join(["file_name,group", *rows]) + "\n")
    name = f"{weights}:cifar_resnet20"
    found = rebalance.compare_extractors(data, [name], groups=groups, **QUICK)
    assert found["groups"] == 12 and found["images"] == {"cat": 13, "dog": 9, "owl": 2}
    assert found["answer"] == []  # there is nothing to compare with
    drawn = rebalance.compare_extractors(data, [name, name], images=10, **QUICK)
    assert drawn["images"] == {"cat": 4, "dog": 4, "owl": 2} and len(drawn["extractors"]) == 1
    assert drawn["notes"][0].startswith("10 of 24 images were drawn")


@pytest.mark.parametrize(
    ("sizes", "more", "why"),
    [
        ({"cat": 5}, {}, "two classes with two different images each are needed, and of 1 only "),
        ({"cat": 5, "dog": 1}, {}, "of 2 only 'cat' has so many"),
        ({"cat": 2, "dog": 2}, {"extractors": []}, "needs an extractor or more"),
        ({"cat": 2, "dog": 2}, {"extractors": ["a.pth"]}, "no checkpoint can be read at 'a.pth'"),
        ({"cat": 2, "dog": 2}, {"folds": 1}, "folds"),
    ],
)
def test_what_cannot_be_compared_is_one_line(make_folder, tmp_path, sizes, more, why):
    folder = make_folder(tmp_path / "data", sizes)
    with pytest.raises((DataError, SettingError, ExtractorError), match=why):
        rebalance.compare_extractors(folder, **{"extractors": ["imagenet"], **more})


def test_a_name_says_all_that_there_is_to_say_of_an_extractor(tmp_path):
    path = tmp_path / "a:b.pth"
    path.touch()
    view = ExtractorOptions(image_size=64)
    (tmp_path / "f.npz").touch()
    assert named(f"{tmp_path}/f.npz", view) == ExtractorOptions(features=f"{tmp_path}/f.npz")
    assert named("features:a.pt", view) == ExtractorOptions(features="a.pt")
    assert named("a.npy:a.txt", view) == ExtractorOptions(features="a.npy", names="a.txt")
    for name, arch in (
        ("timm:resnet18.a1_in1k", None),
        ("lite0", None),
        ("imagenet", None),
        ("imagenet:resnet18", "resnet18"),
        (str(path), None),
        (f"{path}:resnet18", "resnet18"),
        (f"{path}:timm:resnet18", "timm:resnet18"),
        ("gone.pth:resnet18", "resnet18"),
        ("C:/gone.pth", None),
    ):
        found = named(name, view)
        assert found.arch == arch and found.image_size == 64
        assert found.extractor == (name if arch is None else name.removesuffix(f":{arch}"))


@pytest.mark.parametrize("told", ["[]", '{"options": {"source": {"data": 3}}}', "no JSON"])
def test_what_is_no_run_of_ours_learned_from_nothing_that_is_known(tmp_path, told):
    (tmp_path / "options.json").write_text(told)  # docs/python.md has a run that tells it
    assert learned_from(str(tmp_path)) is None
    assert learned_from(str(tmp_path / "other.pth")) is None


def record(name, accuracy, told=None, speed=None, columns=8):
    return {
        "name": name,
        "options": ["--extractor", name],
        "columns": columns,
        "balanced_accuracy": accuracy,
        "interval": (accuracy - 0.02, accuracy + 0.02),
        "behind": None
        if told is None
        else {"mean": -0.05, "interval": (-0.09, -0.01 if told else 0.01), "told": told},
        "images_per_second": speed,
    }


def test_the_answer_names_what_is_within_the_interval_of_the_best():
    best, near = record("a/x.pth", 0.9, None, 40.0, 64), record("b/y.pth", 0.85, False, 90.0)
    far = record("c/z.pth", 0.85, True)
    told = list(answer([best, near, far]))
    assert told == [
        "The best mean is that of x.pth: a probe on its features recognises 90.0% (88.0 to 92.0) "
        "of what is held out, classes counting alike.",
        "Not to be told from it, as the interval of the difference holds 0: y.pth by 5.0 (-1.0 to "
        "9.0).",
        "Behind it: z.pth by 5.0 (1.0 to 9.0).",
        "Of these, y.pth is quickest: 90 images a second.",
        "Other commands take the best by --extractor a/x.pth.",
    ]
    near["images_per_second"] = None
    assert list(answer([best, near]))[-2] == "Of these, y.pth has the fewest columns: 8."
    assert math.isclose(best["balanced_accuracy"], 0.9) and list(answer([best])) == []
