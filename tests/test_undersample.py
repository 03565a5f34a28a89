"""``rebalance undersample`` from folder to manifest, with a real network on real files."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
from launching import end_of, finish, start
from PIL import Image
from sklearn.metrics import adjusted_rand_score

import rebalance
from rebalance.data.folder import EXTENSIONS
from rebalance.errors import SettingError
from rebalance.manifest import companions
from rebalance.quotas import QUOTAS, allot
from rebalance.settings import LEHMANN_EBNER

SMALL = {"arch": "cifar_resnet20", "image_size": 16}
COUNTS = {"cat": 40, "dog": 14, "owl": 9}


@pytest.fixture
def data(make_folder, tmp_path):
    root = make_folder(tmp_path / "data", COUNTS)
    (root / "cat" / "text.jpg").write_text("not an image")
    (root / "dog" / "zero.png").touch()
    return root


def contents(path):
    return [part.read_bytes() for part in companions(path) if part.exists()]


def files_under(root):
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.suffix.lower() in EXTENSIONS
    }


def check_whole(root, manifest):
    """Originals + dropped + unreadable = the folder, each file once."""
    listed = (
        [row.file_name for row in manifest.rows]
        + [row.file_name for row in manifest.dropped]
        + [entry["file_name"] for entry in manifest.record["unreadable"]]
    )
    assert max(Counter(listed).values()) == 1
    assert set(listed) == files_under(root)


@pytest.mark.parametrize("pick", ["typical", "closest", "farthest", "random"])
def test_every_class_at_the_size_of_the_smallest(run, data, tmp_path, extractor, pick):
    output = tmp_path / "m.csv"
    found = run("undersample", data, "-o", output, "--pick", pick, *extractor)
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(output)
    assert manifest.counts == {"cat": 9, "dog": 9, "owl": 9}
    assert manifest.root == data
    check_whole(data, manifest)
    assert "'cat/text.jpg': not an image" in found.err
    story = manifest.record["per_class"]["cat"]
    assert sum(story["cluster_sizes"]) == 40
    assert sum(story["quotas"]) == 9
    kept = Counter(row.cluster for row in manifest.rows if row.label == "cat")
    assert [kept[cluster] for cluster in range(story["k"])] == story["quotas"]
    assert all(row.reason.startswith(pick) for row in manifest.dropped)
    assert {row.cluster for row in manifest.rows if row.label == "owl"} == {None}


def test_closest_keeps_the_nearest_of_each_cluster(run, data, tmp_path, extractor):
    run("undersample", data, "-o", tmp_path / "m.csv", "--pick", "closest", *extractor)
    manifest = rebalance.read_manifest(tmp_path / "m.csv")
    clusters = {(row.label, row.cluster) for row in manifest.dropped}
    for label, cluster in clusters:
        kept = [r.distance for r in manifest.rows if (r.label, r.cluster) == (label, cluster)]
        gone = [r.distance for r in manifest.dropped if (r.label, r.cluster) == (label, cluster)]
        assert max(kept, default=0) <= min(gone)


@pytest.mark.parametrize("quotas", [None, "equal", "size"])
def test_clusters_share_the_number_by_the_rule_that_is_told(run, data, tmp_path, extractor, quotas):
    output = tmp_path / "m.csv"
    options = [] if quotas is None else ["--quotas", quotas]
    assert run("undersample", data, "-o", output, *options, *extractor).status == 0
    record = rebalance.read_manifest(output).record
    assert record["options"]["pick"] == "typical"
    assert record["options"]["quotas"] == (quotas or "sqrt")
    for name in ("cat", "dog"):
        story = record["per_class"][name]
        shares = allot(story["cluster_sizes"], 9, QUOTAS[quotas or "sqrt"])
        assert story["quotas"] == shares


def test_same_bytes_again_cold_warm_and_with_any_workers(run, data, tmp_path, extractor):
    outputs = []
    for number, (workers, cache) in enumerate([(0, "a"), (2, "b"), (2, "b"), (None, "c")]):
        output = tmp_path / str(number) / "m.csv"
        output.parent.mkdir()
        options = ["--cache-dir", tmp_path / cache, *extractor]
        options += [] if workers is None else ["--workers", workers]
        assert run("undersample", data, "-o", output, *options).status == 0
        outputs.append(contents(output))
    assert all(output == outputs[0] for output in outputs)


def test_python_does_the_same(run, data, tmp_path, weights, extractor):
    run(
        "undersample", data, "-o", tmp_path / "m.csv", "--to", "2x", "--class", "cat=12", *extractor
    )
    manifest = rebalance.undersample(
        data,
        to="2x",
        per_class={"cat": 12},
        extractor=str(weights),
        arch="cifar_resnet20",
        image_size=16,
        device="cpu",
    )
    assert manifest == rebalance.read_manifest(tmp_path / "m.csv")
    assert manifest.counts == {"cat": 12, "dog": 14, "owl": 9}


def test_another_seed_picks_others_at_random(data, weights):
    def files(seed):
        found = rebalance.undersample(data, method="random", seed=seed)
        return {row.file_name for row in found.rows}

    assert files(0) == files(0)
    assert files(0) != files(1)


def test_a_new_class_changes_no_other(make_folder, data, weights):
    options = {"to": 7, "pick": "random", "extractor": str(weights), **SMALL}
    before = rebalance.undersample(data, **options)
    make_folder(data, {"ant": 11, "zebra": 12})
    after = rebalance.undersample(data, **options)
    old = [row for row in after.rows if row.label in COUNTS]
    assert old == list(before.rows)


def test_more_subclasses_by_other_criteria(run, data, tmp_path, extractor):
    plain = ["undersample", data, *extractor, "--to", "9", "--overwrite", "-o"]
    stories = {}
    for name, options in {
        "default": [],
        "spelled out": ["--k-max", 9, "--criterion", "silhouette", "--cluster-space", "map"],
        "other": ["--k-max", 12, "--criterion", "calinski-harabasz", "--cluster-space", "pca"],
    }.items():
        found = run(*plain, tmp_path / f"{name}.csv", *options)
        assert found.status == 0, found.err
        stories[name] = rebalance.read_manifest(tmp_path / f"{name}.csv").record["per_class"]["cat"]
    assert contents(tmp_path / "default.csv") == contents(tmp_path / "spelled out.csv")
    usual, other = stories["default"], stories["other"]
    assert list(usual["silhouettes"]["pool"]) == [str(k) for k in range(2, 10)]
    assert usual["scores"] == usual["silhouettes"]
    assert usual["map"] == "umap"
    assert list(other["silhouettes"]["pool"]) == [str(k) for k in range(2, 13)]
    assert other["map"] == "pca"
    scores = other["scores"]["pool"]
    assert other["k"] == int(max(scores, key=scores.get))
    for story in stories.values():
        assert -0.5 <= story["stability"] <= 1
        best = max(story["silhouettes"]["pool"].values())
        assert story["above_chance"] == (best > story["chance"])


def test_python_and_the_command_line_cluster_alike(run, data, tmp_path, weights, extractor):
    options = ["--criterion", "gap", "--cluster-space", "pca", "--k-max", "4"]
    assert run("undersample", data, "-o", tmp_path / "m.csv", *options, *extractor).status == 0
    manifest = rebalance.undersample(
        data,
        criterion="gap",
        cluster_space="pca",
        k_max=4,
        extractor=str(weights),
        arch="cifar_resnet20",
        image_size=16,
        device="cpu",
    )
    assert manifest == rebalance.read_manifest(tmp_path / "m.csv")
    options = manifest.record["options"]
    assert (options["k_max"], options["criterion"], options["cluster_space"]) == (4, "gap", "pca")


def test_a_criterion_that_finds_no_groups_keeps_one_cluster(run, data, tmp_path, extractor):
    options = ["--criterion", "gap", "--cluster-space", "pca", "--classes", "cat", *extractor]
    found = run("undersample", data, "-o", tmp_path / "m.csv", *options)
    assert found.status == 0, found.err
    story = rebalance.read_manifest(tmp_path / "m.csv").record["per_class"]["cat"]
    assert (story["k"], story["quotas"], story["stability"]) == (1, [9], None)
    assert "cat: one cluster, the criterion gap finds no groups" in found.out
    assert "no better than chance" not in found.err


def test_clusters_no_better_than_chance_are_warned_of(run, make_folder, tmp_path, weights):
    """Images of noise have no groups, images of bright and of dark noise have two."""
    data = make_folder(tmp_path / "data", {"cat": 60, "dog": 10})
    rng = np.random.default_rng(0)
    for path in sorted((data / "cat").iterdir()):
        noise = rng.integers(0, 256, (16, 16, 3))
        Image.fromarray(noise.astype(np.uint8)).save(path)
    extractor = ["--extractor", weights, "--arch", "cifar_resnet20", "--image-size", "16"]
    # Over twelve seeds the best silhouette of the body's features stays .06 below chance or more,
    # and that of the pooled ones of two groups .3 above it: rounding cannot turn either over.
    found = run("undersample", data, "-o", tmp_path / "m.csv", "--layer", "body", *extractor)
    assert found.status == 0, found.err
    story = rebalance.read_manifest(tmp_path / "m.csv").record["per_class"]["cat"]
    assert story["above_chance"] is False
    assert "warning: class 'cat': its clusters are no better than chance" in found.err
    for number, path in enumerate(sorted((data / "cat").iterdir())):
        noise = rng.integers(0, 256, (16, 16, 3)) // (1 + 7 * (number % 2))
        Image.fromarray(noise.astype(np.uint8)).save(path)
    found = run("undersample", data, "-o", tmp_path / "n.csv", *extractor)
    story = rebalance.read_manifest(tmp_path / "n.csv").record["per_class"]["cat"]
    assert story["above_chance"] is True
    assert "no better than chance" not in found.err


def test_landmarks_of_a_large_class_are_told_of(run, make_folder, tmp_path, weights, extractor):
    data = make_folder(tmp_path / "data", {"cat": 130, "dog": 30, "owl": 9})
    command = ["undersample", data, *extractor, "--overwrite", "-o"]
    found = run(*command, tmp_path / "m.csv", "--landmarks", 100)
    assert found.status == 0, found.err
    assert "cat: clusters found on 100 landmarks" in found.out
    assert "dog: clusters found" not in found.out
    manifest = rebalance.read_manifest(tmp_path / "m.csv")
    stories = manifest.record["per_class"]
    assert {name: story["landmarks"] for name, story in stories.items()} == {
        "cat": 100,
        "dog": None,
    }
    assert sum(stories["cat"]["cluster_sizes"]) == 130
    assert sum(stories["cat"]["quotas"]) == 9
    assert stories["cat"]["silhouette_errors"] == {"pool": {}}
    assert sum(place.label == "cat" for place in manifest.places) == 130
    named = {"extractor": str(weights), "arch": "cifar_resnet20", "image_size": 16, "device": "cpu"}
    assert rebalance.undersample(data, landmarks=100, **named) == manifest
    page = run("report", tmp_path / "m.csv", "-o", tmp_path / "m.html")
    assert page.status == 0, page.err
    assert "found on landmarks" in (tmp_path / "m.html").read_text()
    assert run(*command, tmp_path / "auto.csv").status == 0
    assert run(*command, tmp_path / "none.csv", "--landmarks", "none").status == 0
    assert (tmp_path / "auto.csv").read_bytes() == (tmp_path / "none.csv").read_bytes()


@pytest.mark.parametrize(
    "options",
    [
        {"pick": "random"},
        {"quotas": "equal"},
        {"layer": "body"},
        {"k_max": 5},
        {"criterion": "gap"},
        {"cluster_space": "pca"},
        {"landmarks": "none"},
    ],
)
def test_options_of_the_subclass_method_are_refused_by_others(data, options):
    with pytest.raises(SettingError, match="are for --method subclass, not coverage"):
        rebalance.undersample(data, method="coverage", **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k_max": 1}, "k_max must be a whole number from 2 up; got 1"),
        ({"criterion": "elbow"}, "no criterion 'elbow': choose one of silhouette, calinski"),
        ({"cluster_space": "body"}, "a cluster space is one of map, pca; got 'body'"),
        (
            {"landmarks": "all"},
            "landmarks are auto, none, or a whole number from 100 up; got 'all'",
        ),
        ({"landmarks": 99}, "landmarks are auto, none, or a whole number from 100 up; got '99'"),
        ({"landmarks": "-200"}, "landmarks are auto, none, or a whole number from 100 up"),
    ],
)
def test_clusterings_that_cannot_be_are_refused(data, options, message):
    with pytest.raises(SettingError, match=message):
        rebalance.undersample(data, **options)


@pytest.mark.parametrize(
    "method", ["coverage", "coverage-typical", "random", "nearmiss-1", "nearmiss-2"]
)
def test_exact_methods_reach_the_count(run, data, tmp_path, extractor, method):
    found = run("undersample", data, "-o", tmp_path / "m.csv", "--method", method, *extractor)
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(tmp_path / "m.csv")
    assert set(manifest.counts.values()) == {9}
    check_whole(data, manifest)
    assert all(method in row.reason for row in manifest.dropped)


@pytest.mark.parametrize("method", ["nearmiss-3", "tomek", "enn", "oss"])
def test_other_methods_say_what_they_reached(run, data, tmp_path, extractor, method):
    found = run("undersample", data, "-o", tmp_path / "m.csv", "--method", method, *extractor)
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(tmp_path / "m.csv")
    check_whole(data, manifest)
    assert manifest.counts["owl"] == 9
    for name, count in manifest.counts.items():
        assert (f"class '{name}': 9 wanted, {count} reached" in found.err) == (count != 9)


def test_json_is_one_document_and_nothing_else(run, data, tmp_path, extractor):
    found = run("undersample", data, "-o", tmp_path / "m.csv", "--json", *extractor)
    record = json.loads(found.out)
    assert record == json.loads((tmp_path / "m.json").read_bytes())
    assert record["counts"]["before"] == {"cat": 41, "dog": 15, "owl": 9}
    assert record["counts"]["readable"] == COUNTS
    assert record["extractor"]["arch"] == "cifar_resnet20"


def test_hard_names_survive_the_whole_way(run, make_folder, tmp_path, extractor):
    names = ["=1+1", 'a "quoted", class', "line\nbreak", "übel 🐈", " padded "]
    data = make_folder(tmp_path / "data", {name: 5 + 2 * i for i, name in enumerate(names)})
    odd = data / names[-1] / "=cmd,\n'x' \u2028.png"
    (data / names[-1] / "000.png").rename(odd)
    output = tmp_path / "m.csv"
    found = run("undersample", data, "-o", output, "--classes", '"a ""quoted"", class"', *extractor)
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(output)
    check_whole(data, manifest)
    assert manifest.counts['a "quoted", class'] == 5
    assert manifest.counts[" padded "] == 13
    with output.open(newline="", encoding="utf-8") as file:
        listed = {row["file_name"] for row in csv.DictReader(file)}
    assert odd.relative_to(data).as_posix() in listed


def test_a_file_name_that_is_not_utf8_is_unreadable(run, make_folder, tmp_path, extractor):
    data = make_folder(tmp_path / "data", {"cat": 6, "dog": 5})
    try:
        shutil.copy(data / "cat" / "000.png", os.fsencode(data / "cat") + b"/\xff.png")
    except OSError:
        pytest.skip("needs a file system that takes any bytes as a name")
    found = run("undersample", data, "-o", tmp_path / "m.csv", *extractor)
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(tmp_path / "m.csv")
    assert [entry["file_name"] for entry in manifest.record["unreadable"]] == ["cat/\udcff.png"]


def test_strict_stops_before_the_extractor_is_looked_at(run, data, tmp_path):
    output = tmp_path / "m.csv"
    found = run("undersample", data, "-o", output, "--strict", "--extractor", "nowhere.pth")
    assert found.status == 1
    assert "2 of 65 images cannot be read" in found.error
    assert not output.exists()


def test_steps_chain_and_nothing_is_forgotten(run, data, tmp_path, extractor):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    run("undersample", data, "-o", first, "--to", "12", *extractor)
    found = run("undersample", first, "-o", second, "--to", "5", *extractor)
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(second)
    assert set(manifest.counts.values()) == {5}
    check_whole(data, manifest)
    assert manifest.record["source"]["options"]["to"] == "12"
    earlier = rebalance.read_manifest(first)
    assert set(earlier.dropped) <= set(manifest.dropped)
    for clash in (second, tmp_path / "second.dropped.csv"):
        found = run("undersample", second, "-o", clash, "--overwrite", "--method", "random")
        assert "belongs to the manifest to read" in found.error


@pytest.mark.parametrize("name", ["./cat/000.png", "cat//000.png", "/cat/000.png", "../cat/0.png"])
def test_file_names_that_are_not_plain_are_refused(run, data, tmp_path, name):
    theirs = tmp_path / "theirs.csv"
    theirs.write_text(f"file_name,label\n{name},cat\ndog/000.png,dog\n")
    found = run("inspect", theirs, "--root", data)
    assert "file names are relative" in found.error


def test_an_undecodable_image_loads_no_network_the_second_time(run, data, tmp_path, extractor):
    assert run("extract", data, *extractor).status == 0
    code = (
        "import sys; from rebalance.cli import main\n"
        "try: main()\n"
        "finally: print('torch' in sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "extract", str(data), *extractor]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0
    assert found.stderr.splitlines()[-1] == "False"
    assert "'cat/text.jpg': not an image" in found.stderr


@pytest.mark.usefixtures("briefly")
def test_a_damaged_network_in_the_cache_is_trained_again(run, few, own_cache):
    options = ["extract", few[0], "--extractor", "finetune", "--image-size", "16"]
    options += ["--device", "cpu"]
    assert "training cifar_resnet20 on 60 images" in run(*options).err
    (checkpoint,) = (own_cache / "extractors").iterdir()
    before = checkpoint.read_bytes()
    shutil.rmtree(own_cache / "features")
    assert "trained before" in run(*options).err
    shutil.rmtree(own_cache / "features")
    checkpoint.write_bytes(before[:1000])
    assert "training again" in run(*options).err
    assert checkpoint.read_bytes() == before


def test_as_published_is_the_papers_configuration_and_says_what_is_not(
    run, make_folder, tmp_path, weights
):
    data = make_folder(tmp_path / "data", {"cat": 8, "dog": 4})
    beside = ["--init", weights, "--arch", "cifar_resnet20", "--layout", "fast", "--image-size", 32]
    options = ["undersample", data, "-o", tmp_path / "m.csv", "--as-published", "--device", "cpu"]
    found = run(*options, *beside)
    assert found.status == 0, found.err
    said = (
        f"as published, but for layout fast in place of umap, init {weights} in place of imagenet"
    )
    assert said in found.err
    record = rebalance.read_manifest(tmp_path / "m.csv").record
    taken = {**LEHMANN_EBNER, "layout": "fast"}
    eyes = {**record["extractor"], "extractor": record["extractor"]["name"], "init": "imagenet"}
    in_force = {**eyes, **record["options"]}
    assert in_force["as_published"] and taken.items() <= in_force.items()
    assert record["extractor"]["recipe"]["frozen_epochs"] == 3
    assert set(record["per_class"]["cat"]["silhouettes"]) == {"body", "pool", "linear"}
    refused = run(*options[:3], tmp_path / "other.csv", *options[4:], "--method", "coverage")
    assert "--as-published is the method subclass, not coverage" in refused.error
    python = rebalance.undersample(
        data, as_published=True, init=str(weights), arch="cifar_resnet20", layout="fast",
        image_size=32, device="cpu",
    )  # fmt: skip
    assert json.loads(json.dumps(python.record)) == record


def test_a_moved_dataset_is_found_by_root(run, data, tmp_path, extractor):
    first = tmp_path / "first.csv"
    run("undersample", data, "-o", first, "--to", "12", *extractor)
    data.rename(tmp_path / "moved")
    found = run("undersample", first, "-o", tmp_path / "second.csv", *extractor)
    assert "--root" in found.error
    options = ["--root", tmp_path / "moved", *extractor]
    assert run("undersample", first, "-o", tmp_path / "second.csv", *options).status == 0


def test_a_manifest_with_repeats_is_refused(run, data, tmp_path, extractor):
    theirs = tmp_path / "theirs.csv"
    theirs.write_text("file_name,label\ncat/000.png,cat\ncat/000.png,cat\ndog/000.png,dog\n")
    found = run("undersample", theirs, "-o", tmp_path / "m.csv", "--root", data, *extractor)
    assert "1 repeated files" in found.error


def test_only_what_changed_is_computed(run, data, extractor):
    def computed():
        return json.loads(run("extract", data, "--json", *extractor).out)["computed"]

    assert computed() == 63
    assert computed() == 0
    (data / "cat" / "000.png").rename(data / "cat" / "renamed.png")
    shutil.copy(data / "cat" / "001.png", data / "dog" / "copy.png")
    (data / "cat" / "002.png").unlink()
    assert computed() == 0
    path = data / "cat" / "003.png"
    status = path.stat()
    Image.fromarray(np.zeros((12, 12, 3), np.uint8)).save(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    (data / "owl" / "text.jpg").write_text("no image")
    assert computed() == 1


def start_command(*arguments, cache):
    return start("-m", "rebalance", *arguments, REBALANCE_CACHE_DIR=str(cache))


@pytest.mark.together
def test_killed_in_the_middle_and_taken_up_again(sample, tmp_path, extractor):
    """SIGKILL once the first block is kept: the next run computes the rest, to the same bytes."""
    options = [sample, *extractor, "--batch-size", 4, "--image-size", 32]
    whole, resumed = tmp_path / "whole.npz", tmp_path / "resumed.npz"
    process = start_command("extract", *options, "-o", whole, cache=tmp_path / "one")
    status, err = end_of(process)
    assert status == 0, err
    killed = start_command("extract", *options, "-o", resumed, cache=tmp_path / "two")
    while not list((tmp_path / "two").rglob("*.keys.npy")):
        assert killed.poll() is None, end_of(killed)
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    assert end_of(killed)[0] == -signal.SIGKILL
    assert not resumed.exists()
    process = start_command("extract", *options, "-o", resumed, "--json", cache=tmp_path / "two")
    record = json.loads(finish(process)[1])
    assert 0 < record["computed"] < 600
    assert record["computed"] + record["cached"] == 600
    assert resumed.read_bytes() == whole.read_bytes()


@pytest.mark.together
def test_two_runs_at_once_share_a_cache(sample, tmp_path, extractor):
    outputs = [tmp_path / "a.npz", tmp_path / "b.npz"]
    processes = [
        start_command("extract", sample, *extractor, "-o", output, cache=tmp_path / "cache")
        for output in outputs
    ]
    for process in processes:
        status, err = end_of(process)
        assert status == 0, err
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    third = start_command("extract", sample, *extractor, "--json", cache=tmp_path / "cache")
    assert json.loads(finish(third)[1])["computed"] == 0


def test_the_feature_table_is_plain_npz(data, tmp_path, weights):
    table = rebalance.extract(
        data, tmp_path / "f.npz", layers=["auto"], extractor=str(weights), arch="cifar_resnet20"
    )
    with np.load(tmp_path / "f.npz", allow_pickle=False) as found:
        assert set(found) == {"file_name", "label", "classes", "about", "body", "pool"}
        assert found["pool"].shape == (63, 128)
        assert found["body"].shape == (63, 4096)
        assert tuple(found["file_name"]) == table.folder.paths
        assert list(found["classes"]) == list(COUNTS)
        # The pooled features are those of the body: its maximum, then its mean, per channel.
        maps = found["body"].astype(np.float32).reshape(63, 64, 64)
        np.testing.assert_array_equal(found["pool"][:, :64], maps.max(2).astype(np.float16))
        np.testing.assert_allclose(found["pool"][:, 64:], maps.mean(2), rtol=2e-2, atol=2e-3)


def test_verbose_tells_the_silhouettes_and_quiet_nothing(run, data, tmp_path, extractor):
    options = ["undersample", data, "-o", tmp_path / "m.csv", "--overwrite", *extractor]
    assert "class 'cat', layer pool: silhouette by k {'2'" in run(*options, "-v").err
    assert "silhouette by k" not in run(*options).err
    assert run(*options, "-q").err == ""


@pytest.mark.parametrize(
    ("arch", "file"),
    [
        ("mobilenet_v2", "mobilenet_v2-int8dequant.pth"),
        ("squeezenet1_1", "squeezenet1_1-fp16rounded.pth"),
    ],
)
def test_real_photographs_and_trained_weights(run, shared, tmp_path, arch, file):
    """A few photographs of three materials: what looks alike is found in one cluster."""
    root = shared / "data" / "trashnet" / "images"
    listed = tmp_path / "few.csv"
    lines = ["file_name,label"]
    for material, label, count in [("glass", "a", 20), ("paper", "a", 20), ("metal", "b", 15)]:
        for path in sorted((root / material).iterdir())[:count]:
            lines.append(f"{material}/{path.name},{label}")
    listed.write_text("\n".join(lines) + "\n")
    output = tmp_path / "m.csv"
    options = ["--root", root, "--extractor", shared / "weights" / file, "--arch", arch]
    found = run("undersample", listed, "-o", output, *options)
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(output)
    assert manifest.counts == {"a": 15, "b": 15}
    of_a = [row for row in (*manifest.rows, *manifest.dropped) if row.label == "a"]
    assert len(of_a) == 40
    # The class "a" was made of glass and paper, which the clusters know nothing of; 0 is chance.
    kinds = [row.file_name.split("/")[0] for row in of_a]
    agreement = adjusted_rand_score(kinds, [row.cluster for row in of_a])
    assert agreement > 0.1


def test_a_tiny_class_that_others_are_cut_to_is_told_before_the_work(run, make_folder, tmp_path):
    def said(counts, *options):
        name = "-".join(map(str, counts.values()))
        data = make_folder(tmp_path / name, counts)
        done = run(
            "undersample", data, "-o", tmp_path / f"{name}.csv", "--method", "random", *options
        )
        assert done.status == 0
        return "".join(line for line in done.err.splitlines() if "next:" not in line)

    gutted = said({"cat": 44, "dog": 12, "odd": 3})
    assert "class 'cat' would keep less than a tenth of the images, such as 3 of 44" in gutted
    assert "the smallest class is 'odd' with 3" in gutted
    assert "'odd', has 9 images, and others are cut to as many" in said({"cat": 20, "odd": 9})
    assert said({"cat": 30, "dog": 10}) == ""
    assert said({"cat": 21, "odd": 8}, "--to", "12") == ""
    assert said({"cat": 5, "dog": 5}) == ""
