"""Commands take features from a file: the same manifests as from the cache, and no image opened."""

import json
import shutil

import numpy as np
import pytest

import rebalance
from rebalance.errors import DataError, ExtractorError, SettingError, UnreadableImage
from rebalance.manifest import companions
from rebalance.settings import ExtractorOptions

COUNTS = {"cat": 24, "dog": 11, "owl": 6}
PATHS = [f"{label}/{number:03d}.png" for label, count in COUNTS.items() for number in range(count)]


@pytest.fixture
def empty(tmp_path):
    """A folder of images, none of which has a byte."""
    for path in PATHS:
        place = tmp_path / "data" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    return tmp_path / "data"


def made():
    """Features of three classes that lie apart, as float32 that float16 would round."""
    rng = np.random.default_rng(0)
    centres = np.repeat(np.eye(3, 8), list(COUNTS.values()), axis=0)
    return (centres + 0.1 * rng.standard_normal(centres.shape)).astype(np.float32)


def save(path, features=None, names=PATHS):
    features = made() if features is None else features
    np.savez(path, features=features, file_name=np.array(names))
    return path


def contents(path):
    return [
        each.read_bytes() for each in companions(path) if each.suffix == ".csv" and each.exists()
    ]


def test_every_way_to_the_same_features_gives_the_same_manifest(
    run, make_folder, extractor, tmp_path
):
    data = make_folder(tmp_path / "data", COUNTS)
    shutil.copy(data / "cat" / "000.png", data / "cat" / "copy.png")
    table, kept = rebalance.extract(
        data, tmp_path / "ours.npz", extractor=extractor[1], arch=extractor[3], image_size=16,
        device="cpu", layers="auto",
    ), tmp_path / "kept.npz"  # fmt: skip
    features = table.layers["pool"].read(slice(None), slice(None))
    names = np.array(table.folder.paths)
    back = np.random.default_rng(0).permutation(len(names))
    np.save(tmp_path / "plain.npy", features[back].astype(np.float32))
    (tmp_path / "names.txt").write_text("\n".join(f"./{name}" for name in names[back]))
    np.savez_compressed(tmp_path / "float64.npz", features=features.astype(float), paths=names)
    assert run("extract", data, "--features", tmp_path / "ours.npz", "-o", kept).status == 0
    ways = {
        "cache": extractor,
        "ours": ["--features", tmp_path / "ours.npz"],
        "converted": ["--features", kept],
        "npy": ["--features", tmp_path / "plain.npy", "--names", tmp_path / "names.txt"],
        "float64": ["--features", tmp_path / "float64.npz"],
    }
    commands = {
        "undersample": ["--cluster-space", "pca", "--k-max", "2", "--suspects"],
        "oversample": ["--method", "smote"],
        "hybrid": ["--to", "12", "--under", "coverage", "--over", "borderline-1"],
    }
    for command, more in commands.items():
        found = set()
        for way, options in ways.items():
            output = tmp_path / command / f"{way}.csv"
            output.parent.mkdir(exist_ok=True)
            asked = [command, data, "-o", output, *more, *options]
            assert run(*asked).status == 0
            found.add(tuple(contents(output)))
        assert len(found) == 1
    record = json.loads((tmp_path / "hybrid" / "npy.json").read_text())
    about = record["extractor"]
    assert about["kind"] == "file" and about["name"] == str(tmp_path / "plain.npy")
    assert about["names"] == str(tmp_path / "names.txt") and len(about["weights"]) == 32


@pytest.mark.parametrize(
    "asked",
    [
        ["undersample", "--method", "coverage"],
        ["undersample", "--method", "random"],
        ["oversample", "--method", "smote"],
        ["oversample", "--method", "ros"],
        ["hybrid", "--over", "smote", "--under", "random", "--to", "10"],
        ["extract"],
    ],
)
def test_no_image_is_opened(run, empty, tmp_path, asked):
    command, *more = asked
    output = tmp_path / ("out.npz" if command == "extract" else "out.csv")
    found = run(
        command, empty, "-o", output, *more, "--features", save(tmp_path / "f.npz"), "--strict"
    )
    assert found.status == 0, found.err
    if command != "extract":
        assert json.loads(output.with_suffix(".json").read_text())["unreadable"] == []


def test_what_looks_at_pixels_still_opens_images(run, empty, tmp_path):
    features = save(tmp_path / "f.npz")
    asked = ["oversample", empty, "-o", tmp_path / "m.csv", "--method", "smote"]
    found = run(*asked, "--features", features, "--neighbours-in", "pixels")
    assert found.status == 1 and "can be read" in found.error


def test_images_without_features_are_left_out_and_named(run, empty, tmp_path):
    names = [f"{empty}/{path}" for path in PATHS]
    keep = [row for row in range(len(names)) if row not in (1, 30)]
    file = save(
        tmp_path / "f.npz", made()[[*keep, 0, 1]], [*(names[row] for row in keep), "x/1", "x/2"]
    )
    asked = ["undersample", empty, "-o", tmp_path / "m.csv", "--method", "coverage"]
    found = run(*asked, "--features", file)
    assert found.status == 0
    told = f"warning: 2 of 41 images have no features in '{file}' and are left out: "
    assert f"{told}'cat/001.png', 'dog/006.png'" in found.err
    assert f"39 of 41 rows of '{file}'; others, such as 'x/1', are ignored" in found.err
    record = json.loads((tmp_path / "m.json").read_text())
    assert [each["file_name"] for each in record["unreadable"]] == ["cat/001.png", "dog/006.png"]
    assert {each["reason"] for each in record["unreadable"]} == {f"no features in '{file}'"}
    assert record["counts"]["readable"] == {"cat": 23, "dog": 10, "owl": 6}
    with pytest.raises(UnreadableImage, match=r"2 of 41 images have no features .*--strict"):
        rebalance.undersample(empty, features=file, method="coverage", strict=True)
    save(file, made()[:35], names[:35])
    with pytest.raises(DataError, match="none of the 6 images of class 'owl' has features in"):
        rebalance.undersample(empty, features=file, method="coverage")


def test_rows_of_one_image_must_be_equal(empty, tmp_path):
    file = save(tmp_path / "f.npz", made()[[*range(41), 5]], [*PATHS, f"./{PATHS[5]}"])
    assert rebalance.extract(empty, features=file).cached == 41
    save(file, made()[[*range(41), 6]], [*PATHS, f"./{PATHS[5]}"])
    with pytest.raises(DataError, match=r"two rows of 'cat/005.png' that differ, .*: leave one"):
        rebalance.extract(empty, features=file)


def test_a_manifest_takes_its_images_rows(empty, tmp_path):
    file = save(tmp_path / "f.npz")
    rebalance.undersample(empty, tmp_path / "m.csv", features=file, method="coverage", to="10")
    table = rebalance.extract(tmp_path / "m.csv", features=file)
    rows = [PATHS.index(path) for path in table.folder.paths]
    np.testing.assert_array_equal(table.layers["pool"].read(slice(None), slice(None)), made()[rows])
    assert len(rows) == 26 and table.as_record()["cached"] == 26


def test_extract_converts_what_half_precision_would_round(empty, tmp_path):
    for name, features, kind in (
        ("fine", made(), np.float32),
        ("coarse", made().round(1).astype(np.float16).astype(np.float64), np.float16),
    ):
        out = tmp_path / f"{name}-out.npz"
        rebalance.extract(empty, out, features=save(tmp_path / f"{name}.npz", features))
        kept = np.load(out)["pool"]
        assert kept.dtype == kind
        np.testing.assert_array_equal(kept.astype(float), features.astype(kind).astype(float))


def test_a_file_of_another_layer_alone_is_what_any_method_looks_at(empty, tmp_path):
    file = tmp_path / "f.npz"
    np.savez(file, embedding=made(), body=made()[:, :2], file_name=np.array(PATHS))
    kept = rebalance.undersample(empty, features=file, method="coverage").rows
    assert kept == rebalance.undersample(
        empty, features=save(tmp_path / "g.npz"), method="coverage"
    ).rows  # fmt: skip
    assert list(rebalance.extract(empty, features=file).layers) == ["embedding", "body"]
    assert list(rebalance.extract(empty, features=file, layers="body").layers) == ["body"]
    with pytest.raises(ExtractorError, match=r"f.npz' has no layer 'linear' \(it has "):
        rebalance.extract(empty, features=file, layers="linear")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": "f.npz", "arch": "resnet18"}, "--arch is about a network"),
        ({"features": "f.npz", "image_size": 64, "resize": "crop"}, "--image-size, --resize is"),
        ({"features": "f.npz", "extractor": "finetune"}, "--extractor is about"),
        ({"features": "f.npz", "precision": "fp32"}, "--precision is about"),
        ({"names": "names.txt"}, "add --features"),
    ],
)
def test_what_is_said_of_networks_is_not_said_of_files(options, message):
    with pytest.raises(SettingError, match=message):
        ExtractorOptions(**options)


def test_the_published_method_sees_by_the_features_that_are_given(run, empty, tmp_path):
    asked = ["undersample", empty, "-o", tmp_path / "m.csv", "--features", save(tmp_path / "f.npz")]
    found = run(*asked, "--as-published", "--cluster-space", "pca")
    assert found.status == 0
    assert "but for cluster_space pca in place of map, features '" in found.err


def test_the_report_says_the_command_with_its_features(run, empty, tmp_path, monkeypatch):
    from rebalance.reports.manifests.commands import command_of, needs_same_folder

    monkeypatch.chdir(tmp_path)
    np.save("f.npy", made())
    (tmp_path / "n.txt").write_text("\n".join(PATHS))
    asked = ["undersample", empty, "-o", "m.csv", "--features", "f.npy", "--names", "n.txt"]
    assert run(*asked, "--method", "coverage", "--device", "cpu").status == 0
    record = json.loads((tmp_path / "m.json").read_text())
    command = command_of(record, "again.csv")
    assert needs_same_folder(record)
    assert run(*command.split()[1:]).status == 0
    assert contents(tmp_path / "again.csv") == contents(tmp_path / "m.csv")
    assert run("report", "m.csv", "-o", "m.html").status == 0
    assert "file f.npy" in (tmp_path / "m.html").read_text()
