"""``rebalance oversample`` and ``rebalance hybrid``, from folder to manifest, on real files."""

import csv
import json
import shlex
import subprocess
import sys
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

import rebalance
from rebalance import seeds
from rebalance.data.folder import scan
from rebalance.data.levels import EACH_ALONE
from rebalance.errors import DataError
from rebalance.features.pixels import pixel_values
from rebalance.manifest import Row, companions
from rebalance.oversampling import OVERSAMPLERS, cluster_total
from rebalance.progress import silent
from rebalance.reports.manifests.commands import command_of

COUNTS = {"cat": 30, "dog": 14, "owl": 9}
BLENDING = [name for name, method in OVERSAMPLERS.items() if method.neighbours and not method.given]


@pytest.fixture
def data(make_folder, tmp_path):
    root = make_folder(tmp_path / "data", COUNTS)
    (root / "cat" / "text.jpg").write_text("not an image")
    (root / "dog" / "zero.png").touch()
    return root


@pytest.fixture
def quick(weights):
    """Keywords of a quick extractor."""
    return {"extractor": str(weights), "arch": "cifar_resnet20", "image_size": 16, "device": "cpu"}


def contents(path):
    return [part.read_bytes() for part in companions(path) if part.exists()]


def added(manifest):
    return [row for row in manifest.rows if row.kind != "original"]


def check_rows(root, manifest):
    """Originals first, in the order of the folder; each recipe is about them, and labelled so."""
    unreadable = {entry["file_name"] for entry in manifest.record["unreadable"]}
    gone = unreadable | {row.file_name for row in manifest.dropped}
    folder = scan(root)
    label_of = {
        path: folder.classes[label]
        for path, label in zip(folder.paths, folder.labels, strict=True)
        if path not in gone
    }
    originals = manifest.rows[: len(label_of)]
    assert [(row.file_name, row.label, row.kind) for row in originals] == [
        (path, label, "original") for path, label in label_of.items()
    ]
    for row in manifest.rows[len(label_of) :]:
        assert row.label == label_of[row.file_name]
        if row.kind == "synthetic":
            assert row.partner in label_of
            assert row.partner != row.file_name
            assert 0 <= row.weight < 1
        else:
            assert (row.kind, row.partner, row.weight) == ("duplicate", None, None)


# --- how many, and which -----------------------------------------------------------------------


@pytest.mark.parametrize("method", ["ros", *BLENDING])
def test_every_class_at_the_size_of_the_largest(run, data, tmp_path, extractor, method):
    output = tmp_path / "m.csv"
    found = run("oversample", data, "-o", output, "--method", method, *extractor)
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(output)
    assert manifest.counts == {"cat": 30, "dog": 30, "owl": 30}
    assert manifest.root == data
    check_rows(data, manifest)
    kinds = {row.kind for row in added(manifest)}
    assert kinds == ({"duplicate"} if method == "ros" else {"synthetic"})
    assert found.err.count("'cat/text.jpg': not an image") == 1
    assert manifest.dropped == ()


def odds(share):
    return share / (1 - share)


@pytest.mark.parametrize("method", ["mixup", "skew-mix"])
def test_classes_are_blended_under_labels_that_they_share(run, data, tmp_path, method):
    output, target = tmp_path / "m.csv", ["--to", "29", "--class", "cat=32"]
    found = run("oversample", data, "-o", output, "--method", method, *target)
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(output)
    # As many blends in each class as it has images and repetitions; no network looks at them.
    kinds = Counter((row.label, row.kind) for row in manifest.rows)
    for name, size in {"cat": 32, "dog": 29, "owl": 29}.items():
        assert kinds[name, "original"] + kinds[name, "duplicate"] == size
        assert kinds[name, "synthetic"] == size
    assert manifest.record["extractor"] is None
    for row in manifest.rows:
        if row.kind != "synthetic":
            assert row.share is None
            continue
        partner = row.partner.split("/")[0]
        assert partner != row.label and 0 < row.share < 1
        skew = COUNTS[row.label] / COUNTS[partner] if method == "skew-mix" else 1
        assert odds(row.share) == pytest.approx(odds(row.weight) * skew)
    assert "partner,weight,cluster,distance,share\n" in output.read_text()


def test_blends_that_a_machine_takes_for_another_class_are_trained_as_that(run, data, tmp_path):
    rng = np.random.default_rng(0)
    names = sorted(str(path.relative_to(data)) for path in data.rglob("*.png"))
    np.savez(tmp_path / "f.npz", features=rng.normal(size=(len(names), 2)), file_name=names)
    output = tmp_path / "m.csv"
    more = ["--features", tmp_path / "f.npz", "--space", "pixel"]
    found = run("oversample", data, "-o", output, "--method", "balanced-svm", *more)
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(output)
    changed = [row for row in manifest.rows if row.made_as is not None]
    assert changed and all(row.made_as != row.label for row in changed)
    assert "blends are labelled as other classes" in found.err
    assert manifest.record["counts"]["after"] == manifest.counts != dict.fromkeys(COUNTS, 30)


@pytest.mark.parametrize("method", ["augment", "cmo", "remix"])
def test_images_are_made_the_same_every_time_and_no_network_looks(run, data, tmp_path, method):
    output, again = tmp_path / "m.csv", tmp_path / "again.csv"
    more = ["--operations", "flip,rotate"] if method == "augment" else []
    found = run("oversample", data, "-o", output, "--method", method, "--to", 20, *more)
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(output)
    assert manifest.counts == {"cat": 30, "dog": 20, "owl": 20}
    kind = "synthetic" if method == "remix" else "augmented"
    assert {row.kind for row in added(manifest)} == {kind}
    assert manifest.record["extractor"] is None
    assert manifest.record["options"]["space"] == "pixel"
    assert manifest.record["options"].get("operations") == (more[1] if more else None)
    assert manifest.record.get("space") == ("pixel" if method == "remix" else None)
    command = shlex.split(command_of(manifest.record, str(again)))
    assert "--space" not in command and run(*command[1:]).status == 0
    assert again.read_bytes() == output.read_bytes()
    made = rebalance.materialize(output, tmp_path / "out")
    assert made.counts == manifest.counts and made.augmented + made.blended == 70 - sum(
        COUNTS.values()
    )


@pytest.mark.parametrize("method", ["ros", "borderline-2", "adasyn", "cluster"])
@pytest.mark.parametrize(
    ("target", "sizes"),
    [
        ({"to": 17}, {"cat": 30, "dog": 17, "owl": 17}),
        ({"to": 31, "per_class": {"owl": 10}}, {"cat": 31, "dog": 31, "owl": 10}),
        ({"to": 23, "classes": ["owl"]}, {"cat": 30, "dog": 14, "owl": 23}),
        ({"to": 9, "per_class": {"cat": 37}}, {"cat": 37, "dog": 14, "owl": 9}),
        ({"to": 5}, COUNTS),
    ],
)
def test_odd_targets_are_met_exactly(data, quick, method, target, sizes):
    manifest = rebalance.oversample(data, method=method, **target, **quick)
    assert manifest.counts == sizes
    check_rows(data, manifest)
    assert set(manifest.record["per_class"]) == {n for n in COUNTS if sizes[n] > COUNTS[n]}


@pytest.mark.parametrize(("to", "size"), [("0.5x", 15), ("1.11x", 33), ("2X", 60), ("max", 30)])
def test_a_ratio_is_of_the_largest_readable_class(data, to, size):
    found = rebalance.oversample(data, to=to)
    assert found.counts == {name: max(size, count) for name, count in COUNTS.items()}


def test_clusters_raise_the_largest_class_first(data, quick):
    manifest = rebalance.oversample(data, method="cluster", **quick)
    originals = [row for row in manifest.rows if row.kind == "original"]
    sizes = Counter(row.cluster for row in originals if row.label == "cat")
    total = cluster_total(list(sizes.values()))
    assert total == len(sizes) * max(sizes.values())  # Jo & Japkowicz 2004
    assert manifest.counts == dict.fromkeys(COUNTS, total)
    whole = Counter((row.label, row.cluster) for row in manifest.rows)
    for name in COUNTS:
        raised = [count for (label, _), count in whole.items() if label == name]
        before = Counter(row.cluster for row in originals if row.label == name)
        story = manifest.record["per_class"][name]
        assert story["cluster_sizes"] == [before[place] for place in range(len(before))]
        assert story["added"] == total - COUNTS[name]
        # As equal as can be without taking any away: one apart, or held up by what was there.
        assert max(raised) - min(raised) <= 1 or max(raised) == max(before.values())
    assert whole["cat", 0] == max(sizes.values())
    check_rows(data, manifest)
    half = rebalance.oversample(data, method="cluster", to="0.5x", **quick)
    assert half.counts["owl"] == max(9, total // 2)


def test_a_repetition_lies_where_its_image_does(data, quick):
    manifest = rebalance.oversample(data, method="cluster", **quick)
    originals = {row.file_name: row for row in manifest.rows if row.kind == "original"}
    for row in added(manifest):
        assert row == replace(originals[row.file_name], kind="duplicate")
        assert row.cluster is not None


def test_only_classes_that_grow_are_clustered(data, quick):
    manifest = rebalance.oversample(data, method="cluster", to=20, classes=["dog"], **quick)
    clustered = {row.label for row in manifest.rows if row.cluster is not None}
    assert clustered == {"dog"}


def test_a_class_of_too_few_for_clusters_says_so(run, make_folder, tmp_path, extractor):
    data = make_folder(tmp_path / "data", {"cat": 8, "dog": 2})
    output = tmp_path / "m.csv"
    found = run(
        "oversample", data, "-o", output, "--method", "cluster", "--to", "12", "--json", *extractor
    )
    story = json.loads(found.out)["per_class"]["dog"]
    assert story["cluster_sizes"] == [2]
    assert story["note"].startswith("one cluster, ")


def test_ros_draws_from_all_of_the_class_and_only_from_it(data):
    manifest = rebalance.oversample(data, to=400)
    drawn = Counter(row.file_name for row in added(manifest))
    owls = [drawn[f"owl/{number:03d}.png"] for number in range(9)]
    assert sum(owls) == 391
    # Each count is binomial (391, 1/9): mean 43.4, standard deviation 6.2.
    assert all(abs(count - 391 / 9) < 5 * 6.2 for count in owls)
    assert not drawn.keys() & {"cat/text.jpg", "dog/zero.png"}


def test_exact_copies_are_the_papers_duplication(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 12, "dog": 6, "owl": 2}, size=(8, 8))
    output = tmp_path / "m.csv"
    assert run("oversample", data, "-o", output, "--copies", "exact").status == 0
    manifest = rebalance.read_manifest(output)
    times = Counter((row.label, row.file_name) for row in manifest.rows)
    assert {label: {n for (each, _), n in times.items() if each == label} for label in COUNTS} == {
        "cat": {1}, "dog": {2}, "owl": {6}}  # fmt: skip
    assert manifest.record["options"]["copies"] == "exact"
    hybrid = rebalance.hybrid(data, to=6, under="random", over="ros", copies="exact")
    owls = Counter(row.file_name for row in hybrid.rows if row.label == "owl")
    assert set(owls.values()) == {3}


# --- neighbours, against a plain search in the features ----------------------------------------


def neighbours_by_hand(table, row, among, count):
    """The ``count`` nearest files of ``row`` by a slow, obvious search; those as far included."""
    paths = list(table.folder.paths)
    features = table.layers["pool"].read(slice(None), slice(None)).astype(np.float64)
    distances = ((features - features[paths.index(row.file_name)]) ** 2).sum(axis=1)
    others = [place for place in among if paths[place] != row.file_name]
    limit = sorted(distances[others])[min(count, len(others)) - 1] * (1 + 1e-5)
    return {paths[place] for place in others if distances[place] <= limit}


@pytest.mark.parametrize("neighbours", [None, 1, 3])
def test_smote_blends_with_the_nearest_of_the_own_class(data, quick, neighbours):
    manifest = rebalance.oversample(data, method="smote", neighbours=neighbours, **quick)
    table = rebalance.extract(data, **quick)
    for row in added(manifest):
        own = table.members(table.folder.classes.index(row.label)).tolist()
        assert row.partner in neighbours_by_hand(table, row, own, neighbours or 5)


@pytest.mark.parametrize("asked", [None, 4])
def test_danger_is_judged_among_as_many_neighbours_as_asked_for(data, quick, asked):
    options = {"method": "borderline-1", "classes": ["owl"], "danger_neighbours": asked}
    manifest = rebalance.oversample(data, **options, **quick)
    table = rebalance.extract(data, **quick)
    everyone = range(len(table.folder.paths))
    owls = [row for row in manifest.rows if row.kind == "original" and row.label == "owl"]
    count = asked or 10
    enemies = {
        row.file_name: sum(
            not near.startswith("owl/") for near in neighbours_by_hand(table, row, everyone, count)
        )
        for row in owls
    }
    danger = {name for name, found in enemies.items() if count / 2 <= found < count}
    note = manifest.record["per_class"]["owl"]["note"]
    if danger:
        assert note is None and {row.file_name for row in added(manifest)} <= danger
    else:
        assert f"all but one of its {count} neighbours" in note


def test_eos_blends_with_an_enemy_nearby(data, quick):
    manifest = rebalance.oversample(data, method="eos", neighbours=20, **quick)
    table = rebalance.extract(data, **quick)
    everyone = range(len(table.folder.paths))
    noted = manifest.record["per_class"]
    checked = 0
    for row in added(manifest):
        if noted[row.label]["note"] is None:
            assert row.partner.split("/")[0] != row.label
            assert row.partner in neighbours_by_hand(table, row, everyone, 20)
            checked += 1
    assert checked


def test_fewer_neighbours_than_asked_for_is_said(run, data, tmp_path, extractor):
    options = ["--method", "smote", "--neighbours", 20, *extractor]
    found = run("oversample", data, "-o", tmp_path / "m.csv", *options)
    assert found.status == 0, found.err
    notes = {
        name: story["note"]
        for name, story in rebalance.read_manifest(tmp_path / "m.csv").record["per_class"].items()
    }
    assert notes == {
        "dog": "13 neighbours instead of 20: the class has 14 samples",
        "owl": "8 neighbours instead of 20: the class has 9 samples",
    }
    for name, note in notes.items():
        assert f"{name}: {note}" in found.out.splitlines()
        assert f"warning: class '{name}': {note}" in found.err


# --- the same again ----------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["ros", "smote"])
def test_same_seed_same_bytes(run, data, tmp_path, extractor, method):
    outputs = []
    for number, workers in enumerate([0, 2, 2]):
        output = tmp_path / str(number) / "m.csv"
        output.parent.mkdir()
        options = ["--method", method, "--workers", workers, *extractor]
        assert run("oversample", data, "-o", output, *options).status == 0
        outputs.append(contents(output))
    assert outputs[0] == outputs[1] == outputs[2]
    output = tmp_path / "other.csv"
    run("oversample", data, "-o", output, "--method", method, "--seed", 1, *extractor)
    assert contents(output)[0] != outputs[0][0]


@pytest.mark.parametrize("method", ["ros", *BLENDING, "cluster"])
def test_another_class_changes_no_draw(data, quick, method):
    def owls(**target):
        found = rebalance.oversample(data, method=method, **target, **quick)
        return [row for row in added(found) if row.label == "owl"]

    before = owls(to=30)
    assert len(before) == 21
    assert owls(to=30, per_class={"dog": 21}) == before
    assert owls(to=10, per_class={"owl": 30, "dog": 77}) == before
    assert owls(to=30, classes=["owl"]) == before


def test_a_new_class_changes_no_draw_of_the_others(make_folder, data, quick):
    before = rebalance.oversample(data, to=33, method="smote", **quick)
    make_folder(data, {"ant": 11, "zebra": 12})
    after = rebalance.oversample(data, to=33, method="smote", **quick)
    assert [row for row in added(after) if row.label in COUNTS] == added(before)


def test_python_does_the_same(run, data, tmp_path, quick, extractor):
    options = ["--method", "smote", "--to", "0.5x", "--class", "owl=12", "--space", "pixel"]
    run("oversample", data, "-o", tmp_path / "m.csv", *options, *extractor)
    manifest = rebalance.oversample(
        data, method="smote", to="0.5x", per_class={"owl": 12}, space="pixel", **quick
    )
    assert manifest == rebalance.read_manifest(tmp_path / "m.csv")
    assert manifest.counts == {"cat": 30, "dog": 15, "owl": 12}


# --- what is told ------------------------------------------------------------------------------


def test_json_is_the_record_and_nothing_else(run, data, tmp_path, extractor):
    options = ["--method", "smote", "--class", "owl=12", "--json", *extractor]
    found = run("oversample", data, "-o", tmp_path / "m.csv", *options)
    record = json.loads(found.out)
    assert record == json.loads((tmp_path / "m.json").read_bytes())
    assert record["command"] == "oversample"
    assert record["space"] == "embedding"
    assert record["counts"] == {
        "before": {"cat": 31, "dog": 15, "owl": 9},
        "readable": COUNTS,
        "after": {"cat": 30, "dog": 30, "owl": 12},
    }
    assert record["imbalance_ratio"] == {"before": 30 / 9, "after": 30 / 12}
    assert record["options"] == {
        "to": "max",
        "per_class": {"owl": 12},
        "classes": [],
        "method": "smote",
        "neighbours": None,
        "layer": "pool",
        "space": "embedding",
        "exact": False,
    }
    assert record["per_class"] == {
        "dog": {"added": 16, "note": None},
        "owl": {"added": 3, "note": None},
    }
    assert record["extractor"]["arch"] == "cifar_resnet20"
    assert [entry["file_name"] for entry in record["unreadable"]] == [
        "cat/text.jpg",
        "dog/zero.png",
    ]
    assert record["source"] is None


def test_a_space_is_recorded_only_where_something_is_blended(data, quick):
    for method in ("ros", "cluster"):
        record = rebalance.oversample(data, method=method, space="pixel", **quick).record
        assert "space" not in record
    for space in ("embedding", "pixel"):
        record = rebalance.oversample(data, method="smote", space=space, **quick).record
        assert record["space"] == space
    nothing = rebalance.oversample(data, method="smote", to=5, **quick)
    assert "space" not in nothing.record
    assert added(nothing) == []


def test_the_table_says_what_became_of_every_image(run, data, tmp_path):
    found = run("oversample", data, "-o", tmp_path / "m.csv")
    assert [line.split() for line in found.out.splitlines()[:4]] == [
        ["class", "images", "kept", "unreadable", "repeated", "blended", "samples"],
        ["cat", "31", "30", "1", "0", "0", "30"],
        ["dog", "15", "14", "1", "16", "0", "30"],
        ["owl", "9", "9", "0", "21", "0", "30"],
    ]
    assert found.out.splitlines()[-1] == (
        f"imbalance ratio 3.33 -> 1.00; wrote {tmp_path / 'm.csv'}: 90 samples"
    )
    for name in ("cat/text.jpg", "dog/zero.png"):
        (data / name).unlink()
    found = run("oversample", data, "-o", tmp_path / "n.csv")
    assert found.out.split("\n")[0].split() == [
        *("class", "images", "kept", "repeated", "blended", "samples"),
    ]


def test_ros_loads_neither_torch_nor_a_network(data, tmp_path):
    code = (
        "import sys; from rebalance.cli import main\n"
        "try: main()\n"
        "finally: print({'torch', 'sklearn', 'umap'} & set(sys.modules), file=sys.stderr)"
    )
    arguments = ["oversample", data, "-o", tmp_path / "m.csv", "--extractor", "nowhere.pth"]
    command = [sys.executable, "-c", code, *map(str, arguments)]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert found.stderr.splitlines()[-1] == "set()"
    assert rebalance.read_manifest(tmp_path / "m.csv").record["extractor"] is None


# --- what is refused ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "0.01x"], "'0.01x' asks for 0"),
        (["--class", "cat=3"], "class 'cat' has 4 images; 3 were asked for"),
        (["--class", "cow=10"], "no class 'cow'"),
        (["--classes", "cat,cow"], "no class 'cow'"),
        (["--neighbours", "3"], "ros looks at no neighbours, but 3 were asked for"),
        (["--method", "cluster", "--neighbours", "3"], "cluster looks at no neighbours"),
        (["--reach", "1"], "--reach is for eos, not ros"),
        (["--danger-neighbours", "3"], "is for borderline-1 and borderline-2, not ros"),
        (["--method", "smote", "--copies", "exact"], "--copies is for ros, not smote"),
        (["--method", "smote", "--extractor", "nowhere.pth"], "'nowhere.pth'"),
        (["--root", "."], "--root is for manifests"),
        (["--strict"], "1 of 7 images cannot be read"),
    ],
)
def test_bad_options(run, make_folder, tmp_path, arguments, message):
    data = make_folder(tmp_path / "data", {"cat": 4, "dog": 2})
    (data / "dog" / "zero.png").touch()
    found = run("oversample", data, "-o", tmp_path / "m.csv", *arguments)
    assert (found.status, found.out) == (1, "")
    assert message in found.error
    assert not (tmp_path / "m.csv").exists()


@pytest.mark.parametrize("method", BLENDING)
def test_a_class_of_one_cannot_be_blended(run, make_folder, tmp_path, extractor, method):
    data = make_folder(tmp_path / "data", {"cat": 9, "lone": 1})
    options = ["--method", method, *extractor]
    found = run("oversample", data, "-o", tmp_path / "m.csv", *options)
    assert (found.status, found.out) == (1, "")
    assert f"class 'lone': {method} needs at least 2 to start from, found 1" in found.error
    assert not (tmp_path / "m.csv").exists()
    options += ["--classes", "cat", "--to", "12"]
    assert run("oversample", data, "-o", tmp_path / "m.csv", *options).status == 0


def test_nothing_to_add_is_said(run, data, tmp_path):
    found = run("oversample", data, "-o", tmp_path / "m.csv", "--to", "0.3x")
    assert found.status == 0
    assert "nothing to add: no class has fewer samples than asked for" in found.err
    assert rebalance.read_manifest(tmp_path / "m.csv").counts == COUNTS


def test_a_class_of_one_can_be_repeated(make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 4, "lone": 1})
    lone = [row for row in rebalance.oversample(data).rows if row.label == "lone"]
    repeated = Row("lone/000.png", "lone", "duplicate")
    assert lone == [Row("lone/000.png", "lone"), *[repeated] * 3]


def test_an_empty_class_stays_empty(make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 4, "dog": 2, "none": 0})
    found = rebalance.oversample(data, allow_empty=True)
    assert found.counts == {"cat": 4, "dog": 4, "none": 0}
    assert found.record["imbalance_ratio"]["after"] == 1


def test_an_existing_manifest_is_refused_before_the_work(run, data, tmp_path):
    (tmp_path / "m.json").write_text("precious")
    for command in (["oversample"], ["hybrid", "--to", 9]):
        found = run(*command, data, "-o", tmp_path / "m.csv", "--extractor", "nowhere.pth")
        assert found.status == 1
        assert "--overwrite" in found.error
        assert (tmp_path / "m.json").read_text() == "precious"


def test_what_was_oversampled_is_not_oversampled_again(run, data, tmp_path):
    first = tmp_path / "first.csv"
    assert run("oversample", data, "-o", first).status == 0
    for command in (["oversample"], ["undersample", "--method", "random"], ["hybrid", "--to", 9]):
        found = run(*command, first, "-o", tmp_path / "second.csv")
        assert found.status == 1
        assert "a manifest of originals, each once, was needed" in found.error
        assert "has 37 samples that were added and 0 repeated files" in found.error
        assert not (tmp_path / "second.csv").exists()


# --- chains ------------------------------------------------------------------------------------


def test_undersample_then_oversample_forgets_nothing(run, data, tmp_path, extractor):
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    run("undersample", data, "-o", first, "--to", "12", *extractor)
    found = run("oversample", first, "-o", second, "--to", "16", "--method", "smote", *extractor)
    assert found.status == 0, found.err
    cut, manifest = rebalance.read_manifest(first), rebalance.read_manifest(second)
    assert manifest.counts == {"cat": 16, "dog": 16, "owl": 16}
    check_rows(data, manifest)
    assert manifest.dropped == cut.dropped
    assert manifest.rows[: len(cut.rows)] == cut.rows  # clusters and distances are kept
    assert {row.cluster for row in cut.rows if row.label == "cat"} != {None}
    assert manifest.record["unreadable"] == cut.record["unreadable"]
    assert manifest.record["source"] == {"manifest": str(first), **cut.record}
    repeated = rebalance.oversample(first, to=16)
    known = {row.file_name: row for row in cut.rows}
    for row in added(repeated):
        assert row == replace(known[row.file_name], kind="duplicate")


def test_hybrid_is_the_two_commands(run, data, tmp_path, extractor):
    first, second, both = (tmp_path / name for name in ("first.csv", "second.csv", "both.csv"))
    run("undersample", data, "-o", first, "--to", "12", "--pick", "random", *extractor)
    run("oversample", first, "-o", second, "--to", "12", "--method", "smote", *extractor)
    options = ["--to", "12", "--pick", "random", "--over", "smote", *extractor]
    found = run("hybrid", data, "-o", both, *options)
    assert found.status == 0, found.err
    for made, expected in zip(contents(both)[:2], contents(second)[:2], strict=True):
        assert made == expected
    cut, manifest = rebalance.read_manifest(first), rebalance.read_manifest(both)
    assert manifest.counts == {"cat": 12, "dog": 12, "owl": 12}
    assert len(manifest.dropped) == 18 + 2
    check_rows(data, manifest)
    record = manifest.record
    assert record["command"] == "hybrid"
    assert record["source"] == cut.record
    assert record["unreadable"] == cut.record["unreadable"]
    assert record["space"] == "embedding"
    assert record["per_class"] == {"owl": {"added": 3, "note": None}}
    assert record["counts"] == {**cut.record["counts"], "after": manifest.counts}
    assert record["imbalance_ratio"] == {"before": 30 / 9, "after": 1}
    assert [line.split() for line in found.out.splitlines()[:4]] == [
        ["class", "images", "kept", "dropped", "unreadable", "repeated", "blended", "samples"],
        ["cat", "31", "12", "18", "1", "0", "0", "12"],
        ["dog", "15", "12", "2", "1", "0", "0", "12"],
        ["owl", "9", "9", "0", "0", "0", "3", "12"],
    ]


@pytest.mark.parametrize(
    ("to", "size"), [("1.5x", 13), ("2x", 18), (50, 50), ("10x", 90), (9, 9), (4, 4)]
)
def test_hybrid_brings_every_class_to_the_size_asked_for(data, to, size):
    manifest = rebalance.hybrid(data, to=to, under="random")
    assert manifest.counts == dict.fromkeys(COUNTS, size)
    assert manifest.record["options"]["to"] == str(to)
    check_rows(data, manifest)


def test_hybrid_raises_to_what_was_asked_where_a_method_cuts_less(run, data, tmp_path, extractor):
    found = run(
        "hybrid", data, "-o", tmp_path / "m.csv", "--to", 12, "--under", "tomek", *extractor
    )
    assert found.status == 0, found.err
    manifest = rebalance.read_manifest(tmp_path / "m.csv")
    assert manifest.counts["owl"] == 12
    assert all(
        f"class '{name}': 12 wanted" in found.err for name, n in manifest.counts.items() if n > 12
    )
    check_rows(data, manifest)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--to", "9", "--neighbours", "3"], "ros looks at no neighbours"),
        (["--to", "9", "--under", "random", "--pick", "farthest"], "--pick"),
    ],
)
def test_what_hybrid_refuses(run, data, tmp_path, arguments, message):
    found = run("hybrid", data, "-o", tmp_path / "m.csv", *arguments)
    assert (found.status, found.out) == (1, "")
    assert message in found.error
    assert not (tmp_path / "m.csv").exists()


# --- what is done with the result --------------------------------------------------------------


def test_a_pixel_manifest_becomes_a_folder(run, data, tmp_path, extractor):
    manifest, folder = tmp_path / "m.csv", tmp_path / "folder"
    run("oversample", data, "-o", manifest, "--method", "smote", "--space", "pixel", *extractor)
    found = run("materialize", manifest, folder)
    assert found.status == 0, found.err
    assert "37 blended" in found.out
    made = scan(folder)
    assert dict(zip(made.classes, made.counts, strict=True)) == dict.fromkeys(COUNTS, 30)
    counted = json.loads(run("inspect", folder, "--json").out)
    assert counted["readable"] == dict.fromkeys(COUNTS, 30)
    record = json.loads((folder / ".rebalance.json").read_bytes())
    rows = rebalance.read_manifest(manifest).rows
    place = next(place for place, row in enumerate(rows) if row.kind == "synthetic")
    written = np.asarray(Image.open(folder / record["samples"][place]).convert("RGB"), float)
    parts = [
        np.asarray(Image.open(data / name).convert("RGB"), float)
        for name in (rows[place].file_name, rows[place].partner)
    ]
    expected = parts[0] + rows[place].weight * (parts[1] - parts[0])
    assert np.abs(written - expected).max() <= 0.5 + 1e-6


def test_an_embedding_manifest_becomes_no_folder(run, data, tmp_path, extractor):
    run("oversample", data, "-o", tmp_path / "m.csv", "--method", "smote", *extractor)
    found = run("materialize", tmp_path / "m.csv", tmp_path / "folder")
    assert found.status == 1
    assert "give it to train --rebalance-head, or oversample with --space pixel" in found.error
    assert not (tmp_path / "folder").exists()


def test_repetitions_go_out_and_come_back(run, data, tmp_path):
    manifest, table, back = (tmp_path / name for name in ("m.csv", "t.csv", "b.csv"))
    run("oversample", data, "-o", manifest)
    assert run("export", manifest, "-o", table).status == 0
    with table.open(newline="", encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 90
    found = run("import", table, "-o", back, "--root", data)
    assert found.status == 0, found.err
    assert rebalance.read_manifest(back).rows == rebalance.read_manifest(manifest).rows


# --- real scans --------------------------------------------------------------------------------


def test_sample_scans_with_every_method(sample, quick):
    """On real scans with a network of random weights: totals, and who may be whose partner."""
    for method in BLENDING:
        manifest = rebalance.oversample(sample, method=method, to=251, **quick)
        sizes = Counter(row.label for row in manifest.rows)
        assert sizes == {"curves": 251, "lines": 251, "loops": 360}
        assert method == "balanced-svm" or manifest.counts == sizes
        check_rows(sample, manifest)
        foreign = {row.label for row in added(manifest) if row.partner.split("/")[0] != row.label}
        if method in ("smote", "borderline-1", "adasyn", "safe-level", "balanced-svm"):
            assert not foreign
        else:
            assert foreign == {"curves", "lines"}


# --- neighbours by pixels ------------------------------------------------------------------------


def slow_nearest(values, count, queries=None):
    """The nearest other rows of each query, by a loop over pairs in whole numbers."""
    found, far = [], []
    whole = values.astype(np.int64).tolist()
    for place in range(len(whole)) if queries is None else queries:
        pairs = [
            (sum((a - b) ** 2 for a, b in zip(whole[place], other, strict=True)), number)
            for number, other in enumerate(whole)
            if number != place
        ]
        found.append([number for _, number in sorted(pairs)[:count]])
        far.append([square**0.5 for square, _ in sorted(pairs)[:count]])
    return np.array(found), np.array(far)


@pytest.mark.parametrize("method", BLENDING)
@pytest.mark.parametrize(("where", "side"), [("pixels:6", 6), ("pixels:9", 9)])
def test_pixels_tell_neighbours_as_a_loop_over_images_does(
    make_folder, tmp_path, method, where, side
):
    root = make_folder(tmp_path / "tiny", {"cat": 12, "dog": 6, "owl": 4}, (6, 6))
    wide = root / "dog" / "002.png"
    with Image.open(wide) as image:
        image.resize((12, 3)).save(wide)
    folder = scan(root)
    squares = []
    for path in folder.paths:
        with Image.open(root / path) as image:
            squares.append(np.asarray(image.resize((side, side), Image.Resampling.BILINEAR)))
    values = np.stack(squares).transpose(0, 3, 1, 2).reshape(len(squares), -1)
    labels = np.array(folder.labels)
    expected = OVERSAMPLERS[method](
        values.astype(np.float32),
        labels,
        {1: 6, 2: 8},
        seeds.generator(7, "oversample"),
        names=folder.classes,
        nearest=slow_nearest,
    )
    # No extractor is given, and none could be fetched: no network looks at the images.
    manifest = rebalance.oversample(
        root, method=method, space="pixel", neighbours_in=where, seed=7, device="cpu"
    )
    assert [(row.file_name, row.partner, row.weight) for row in added(manifest)] == [
        (folder.paths[base], folder.paths[partner], weight)
        for base, partner, weight in zip(
            expected.base.tolist(),
            expected.partner.tolist(),
            expected.weight.tolist(),
            strict=True,
        )
    ]
    record = manifest.record
    assert (record["space"], record["extractor"]) == ("pixel", None)
    assert record["options"]["neighbours_in"] == where
    assert f"--neighbours-in {where}" in command_of(record)


def test_the_command_of_eos_says_how_far_it_went(data):
    """A record that says no reach is the whole way, as those of version 0.1 are."""
    options = {"method": "eos", "space": "pixel", "neighbours_in": "pixels:4"}
    for reach in (None, 0.5, 1, 0.25):
        told = {} if reach is None else {"reach": reach}
        record = rebalance.oversample(data, **options, **told).record
        assert record["options"].get("reach", 1) == (reach or 0.5)
        assert ("--reach" in command_of(record)) == (reach in (1, 0.25))
    given = {"under": "random", "over": "eos", "space": "pixel", "neighbours_in": "pixels:4"}
    mixed = rebalance.hybrid(data, to="12", **given, reach=1).record
    assert "reach" not in mixed["options"] and "--reach 1" in command_of(mixed)


def test_a_hybrid_may_look_at_pixels_alone(run, data, tmp_path):
    output = tmp_path / "m.csv"
    options = ["--to", 12, "--under", "random", "--over", "smote", "--space", "pixel"]
    found = run("hybrid", data, "-o", output, *options, "--neighbours-in", "pixels")
    assert found.status == 0, found.err
    assert rebalance.read_manifest(output).counts == dict.fromkeys(COUNTS, 12)


@pytest.mark.parametrize(
    ("method", "where", "said"),
    [
        (
            "ros",
            "pixels",
            "ros looks at no neighbours, but --neighbours-in is pixels: leave it out",
        ),
        ("smote", "pixel", "must be features, pixels or pixels:SIDE; got 'pixel'"),
        ("smote", "pixels:0", "a whole number from 1 to 256; got '0'"),
        ("smote", "pixels:", "a whole number from 1 to 256; got ''"),
        ("smote", "features:8", "must be features, pixels or pixels:SIDE; got 'features:8'"),
    ],
)
def test_neighbours_that_cannot_be_told_are_one_line(run, data, tmp_path, method, where, said):
    output = tmp_path / "m.csv"
    found = run("oversample", data, "-o", output, "--method", method, "--neighbours-in", where)
    assert found.status in (1, 2) and said in found.err
    assert not output.exists()


def test_an_image_that_goes_before_its_pixels_are_read_is_named(data):
    folder = scan(data).take([0, 1])
    (data / folder.paths[1]).unlink()
    with pytest.raises(DataError, match=r"cannot be read any more \(no such file\): run again"):
        pixel_values(folder, 4, EACH_ALONE, 0, silent)
