"""``rebalance inspect``: what it finds in real folders, its gates, its baseline."""

import html
import io
import json
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

import rebalance
from rebalance.cli import inspect as command
from rebalance.errors import SettingError, UnreadableImage
from rebalance.inspection import KINDS
from rebalance.inspection import SIMILAR as SIMILAR_COSINE


@pytest.fixture
def sides(make_folder, tmp_path):
    """A training folder with one of each thing wrong, and a test folder that leaks."""
    data = make_folder(tmp_path / "data", {"cat": 6, "dog": 3}, (40, 30))
    test = make_folder(tmp_path / "test", {"cow": 3}, (20, 20))
    shutil.copy(data / "cat" / "000.png", data / "cat" / "copy.png")
    shutil.copy(data / "cat" / "001.png", data / "dog" / "copy.png")
    shutil.copy(data / "dog" / "002.png", test / "cow" / "leak.png")
    with Image.open(data / "cat" / "002.png") as image:
        image.resize((80, 60)).save(data / "cat" / "scaled.png")
        image.save(data / "dog" / "again.bmp")
        image.save(test / "cow" / "again.jpg", quality=90)
    Image.new("RGB", (40, 30), "grey").save(data / "dog" / "plain.png")
    Image.new("L", (90, 20), "grey").save(data / "dog" / "long.png")
    (data / "dog" / "broken.png").write_bytes(b"")
    return data, test


FOUND = {
    "unreadable": ["dog/broken.png"],
    "duplicates": ["cat/000.png cat/copy.png"],
    "conflicts": ["cat/001.png dog/copy.png"],
    "leakage": ["dog/002.png cow/leak.png"],
    "near-duplicates": ["cat/002.png cat/scaled.png"],
    "near-conflicts": ["cat/002.png cat/scaled.png dog/again.bmp"],
    "near-leakage": ["cat/002.png cat/scaled.png dog/again.bmp cow/again.jpg"],
    "uniform": ["dog/long.png", "dog/plain.png"],
    "elongated": ["dog/long.png"],
}


# Pixel for pixel the same in another format, which any network sees as one: with --similar 1.
SIMILAR = {
    "similar": ["cat/000.png cat/same.bmp"],
    "similar-conflicts": ["cat/001.png dog/other.bmp"],
    "similar-leakage": ["dog/002.png cow/leak.bmp"],
}


@pytest.fixture
def twins(make_folder, tmp_path):
    """A training folder and a test folder with images stored again in another format."""
    data = make_folder(tmp_path / "data", {"cat": 6, "dog": 4}, (32, 32))
    test = make_folder(tmp_path / "test", {"cow": 3}, (28, 28))
    for old, new in (
        (data / "cat" / "000.png", data / "cat" / "same.bmp"),
        (data / "cat" / "001.png", data / "dog" / "other.bmp"),
        (data / "dog" / "002.png", test / "cow" / "leak.bmp"),
    ):
        with Image.open(old) as image:
            image.save(new)
    return data, test


def hinted(error):
    """The command that an error says to run."""
    return shlex.split(error.partition(": run rebalance ")[2])


def named(record):
    return {
        kind: [" ".join(image["file_name"] for image in each["images"]) for each in some]
        for kind, some in record["findings"].items()
    }


def test_everything_wrong_is_found(run, sides):
    data, test = sides
    found = run("inspect", data, "--against", test, "--json", "-q")
    assert (found.status, found.err) == (0, "")
    record = json.loads(found.out)
    assert named(record) == {**FOUND, **{kind: [] for kind in SIMILAR}}
    assert record["similar"] is None
    assert [image["side"] for image in record["findings"]["leakage"][0]["images"]] == [
        "data",
        "against",
    ]
    assert record["group"] == {"cat": "few", "dog": "few"}
    assert record["share"] == {"cat": 8 / 16, "dog": 8 / 16}
    assert record["width"] == {"least": 40, "median": 40, "most": 90}
    assert record["modes"] == {"RGB": 14, "L": 1}
    assert record["against"] == str(test)


def test_findings_are_the_same_whatever_the_threads(sides):
    data, test = sides
    alone = rebalance.inspect(data, against=test, workers=0)
    assert alone == rebalance.inspect(data, against=test, workers=3)


def test_the_table_names_what_was_found(run, sides):
    data, test = sides
    found = run("inspect", data, "--against", test)
    assert "16 images in 2 classes; imbalance ratio 1.14; 0 many, 0 medium, 2 few" in found.out
    assert (
        "\nconflicts: 1 (equal files in different classes)\n  'cat/001.png' = 'dog/copy.png'\n"
        in (found.out)
    )
    assert "'cow/leak.png' (against)" in found.out
    assert "█" not in found.out  # no terminal


def test_nothing_wrong_is_said(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 3})
    assert run("inspect", data).out.endswith("\nnothing found wrong\n")


def test_many_findings_are_counted(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 3})
    for number in range(7):
        Image.new("RGB", (9, 9), (number, 0, 0)).save(data / "cat" / f"plain{number}.png")
    out = run("inspect", data).out
    assert "uniform: 7 (nearly nothing to see)" in out
    assert out.count("contrast 0.0") == 5
    assert "and 2 more; --json has all" in out


@pytest.mark.parametrize("kind", FOUND)
def test_each_kind_is_a_gate(run, sides, kind):
    data, test = sides
    found = run("inspect", data, "--against", test, "--fail-on", kind, "-q")
    assert found.status == 3
    assert f"{len(FOUND[kind])} {kind} (" in found.error
    assert found.out


def test_help_names_every_kind(run):
    words = run("inspect", "--help").out.replace(",", " ").split()
    assert set(KINDS) <= set(words)
    assert set(KINDS) == {*FOUND, *SIMILAR}


def test_gates_that_hold(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 2})
    gates = "unreadable,conflicts,duplicates"
    found = run("inspect", data, "--fail-above", 2, "--fail-on", gates, "--fail-on", "uniform")
    assert found.status == 0


def test_what_features_tell_once_they_are_kept(run, twins, extractor):
    data, test = twins
    asked = ["inspect", data, "--against", test, "--similar", "1", *extractor]
    for side in (data, test):  # the error names the command that helps, one folder after the other
        found = run(*asked)
        assert (found.status, found.out) == (1, "")
        assert str(side) in found.error
        assert run(*hinted(found.error), "-q").status == 0
    (data / "cat" / "broken.png").write_bytes(b"")  # has no features, and needs none
    found = run(*asked, "--json", "-q")
    assert found.status == 0, found.err
    record = json.loads(found.out)
    assert record["similar"] == 1
    assert {kind: named(record)[kind] for kind in SIMILAR} == SIMILAR
    assert record["findings"]["similar"][0]["detail"] == "cosine 1.000"
    assert "'cat/000.png' ≈ 'cat/same.bmp': cosine 1.000" in run(*asked).out
    for kind in SIMILAR:
        found = run(*asked, "--fail-on", kind)
        assert found.status == 3
        assert f"1 {kind} (" in found.error
    old = data.parent / "old.json"
    old.write_text(json.dumps(record))
    assert run(*asked, "--baseline", old, "--fail-on", ",".join(SIMILAR)).status == 0
    shutil.copy(data / "cat" / "002.png", data / "cat" / "new.png")  # a duplicate, so not similar
    assert run(*asked, "--baseline", old, "--fail-on", ",".join(SIMILAR)).status == 0


def test_one_image_without_features_is_one_too_many(run, twins, extractor):
    data, _ = twins
    run("extract", data, *extractor, "-q")
    Image.new("RGB", (9, 9), "red").save(data / "cat" / "new.png")
    found = run("inspect", data, "--similar", *extractor)
    assert found.status == 1
    assert "the cache lacks those of 1 of 13 in" in found.error


@pytest.mark.usefixtures("briefly")
def test_a_trained_extractor_is_found_by_the_images_it_was_trained_on(run, twins):
    data, test = twins
    options = ["--extractor", "finetune", "--device", "cpu"]
    found = run("inspect", data, "--similar", "1", *options)
    assert found.status == 1
    assert run(*hinted(found.error), "-q").status == 0
    found = run("inspect", data, "--similar", "1", *options, "--json")
    assert set(SIMILAR["similar"]) <= set(named(json.loads(found.out))["similar"])
    found = run("inspect", data, "--similar", "--against", test, *options)
    assert found.status == 1
    assert "trains one for each folder" in found.error


def test_a_cosine_that_tells_nothing_is_said_so(run, make_folder, tmp_path, extractor):
    data = make_folder(tmp_path / "data", {"cat": 30, "dog": 30})
    run("extract", data, *extractor, "-q")
    found = run("inspect", data, "--similar", "0.01", *extractor)
    assert "warning: one group of similar images has 60 of 60" in found.err


@pytest.mark.parametrize("cosine", ["0", "1.01", "nan", "-1", "DATA"])
def test_a_cosine_is_a_number_above_0(run, make_folder, tmp_path, cosine):
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 2})
    assert run("inspect", data, "--similar", cosine).status == 2
    if cosine != "DATA":
        with pytest.raises(SettingError, match="above 0 and at most 1"):
            rebalance.inspect(data, similar=float(cosine))


def test_an_extractor_that_nothing_asks_for_is_an_error(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 2})
    found = run("inspect", data, "--arch", "resnet18")
    assert found.status == 1
    assert "add --similar" in found.error


def test_help_names_the_default_cosine(run):
    assert str(SIMILAR_COSINE) in run("inspect", "--help").out


def test_nothing_heavy_is_loaded_to_look_at_images(make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 2})
    heavy = "{'torch', 'sklearn', 'matplotlib', 'jinja2', 'umap'}"
    look = f"import rebalance, sys; rebalance.inspect({str(data)!r})"
    subprocess.run(
        [sys.executable, "-c", f"{look}; assert not {heavy} & set(sys.modules)"], check=True
    )


def test_a_page_is_written_before_a_gate_fails(run, sides, tmp_path):
    data, test = sides
    page = tmp_path / "found <i>.html"
    found = run(
        "inspect", data, "--against", test, "--html", page, "--fail-on", "conflicts,leakage"
    )
    assert found.status == 3
    assert found.out.endswith(f"\nwrote {page}\n")
    text = page.read_text("utf-8")
    assert "2 of 2 gates failed" in text
    again = text.partition("<code>")[2].partition("</code>")[0]
    assert run(*shlex.split(html.unescape(again))[1:], "--overwrite").status == 3
    assert page.read_text("utf-8") == text
    found = run("inspect", data, "--html", page)
    assert (found.status, found.out) == (1, "")
    assert "--overwrite" in found.error
    assert page.read_text("utf-8") == text
    assert run("inspect", data, "--html", tmp_path / "found.txt").status == 1


@pytest.mark.parametrize(
    "kinds", ["typo", "similar", "conflicts,,", "leakage", "conflicts,near-leakage"]
)
def test_gates_that_cannot_be_are_wrong_usage(run, make_folder, tmp_path, kinds):
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 2})
    found = run("inspect", data, "--fail-on", kinds)
    assert (found.status, found.out) == (2, "")


def test_a_baseline_leaves_what_is_new(run, sides, tmp_path):
    data, test = sides
    old = tmp_path / "old.json"
    old.write_text(run("inspect", data, "--against", test, "--json", "-q").out)
    options = ["--against", test, "--baseline", old, "--fail-on", ",".join(FOUND)]
    found = run("inspect", data, *options)
    assert found.status == 0
    assert "nothing new found wrong" in found.out
    assert f"{sum(map(len, FOUND.values()))} known from the baseline" in found.out
    shutil.copy(data / "dog" / "000.png", data / "dog" / "new.png")
    found = run("inspect", data, *options, "--json", "-q")
    assert found.status == 3
    assert "1 new duplicates" in found.error
    record = json.loads(found.out)
    assert named(record)["duplicates"] == ["dog/000.png dog/new.png"]
    assert record["known"]["duplicates"] == 1
    newer = tmp_path / "newer.json"
    newer.write_text(found.out)
    found = run("inspect", data, "--baseline", newer)
    assert found.status == 1
    assert "only what was new since" in found.error


def test_strict_holds_for_both_sides(sides):
    data, test = sides
    (data / "dog" / "broken.png").unlink()
    (test / "cow" / "broken.png").write_bytes(b"")
    assert not rebalance.inspect(data, against=test).unreadable
    with pytest.raises(UnreadableImage, match=r"'cow/broken\.png'"):
        rebalance.inspect(data, against=test, strict=True)


def test_a_folder_against_itself_leaks_whole(make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 2})
    found = rebalance.inspect(data, against=data).findings
    assert len(found["leakage"]) == 5
    assert not found["conflicts"]
    assert not found["near-leakage"]


def test_who_splits_what_was_repeated_is_told_of_leakage(run, make_folder, tmp_path):
    photos = make_folder(tmp_path / "photos", {"cat": 2, "dog": 6})
    assert run("oversample", photos, "-o", tmp_path / "m.csv", "--method", "ros").status == 0
    header, *lines = (tmp_path / "m.csv").read_text().splitlines()
    cats = [line for line in lines if line.startswith("cat")]
    for name, half in (("train", lines[: -len(cats)] + cats[:3]), ("val", cats[3:])):
        (photos / f"{name}.csv").write_text("\n".join([header, *half, ""]))
    sides = (photos / "train.csv", "--against", photos / "val.csv")
    outcome = run("inspect", *sides, "--fail-on", "leakage")
    assert (outcome.status, "leakage: " in outcome.out) == (3, True)


def test_a_manifest_can_be_inspected_against_what_it_left_out(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 6, "dog": 2})
    run("undersample", data, "-o", tmp_path / "m.csv", "--method", "random")
    record = json.loads(run("inspect", tmp_path / "m.csv", "--against", data, "--json").out)
    assert record["images"] == {"cat": 2, "dog": 2}
    assert len(record["findings"]["leakage"]) == 4


def test_odd_names_are_text_on_one_line(run, make_folder, tmp_path):
    odd = "<b>&\n\x1b[31m"
    data = make_folder(tmp_path / "data", {odd: 2, "dog": 2})
    shutil.copy(data / odd / "000.png", data / odd / "x\t\n.png")
    found = run("inspect", data, "--fail-on", "duplicates")
    assert "\x1b" not in found.out + found.err
    assert "\t" not in found.out + found.err
    assert "<b>&\\n\\x1b[31m" in found.out
    assert len(found.out.splitlines()) == 9
    assert found.error.count("<b>&\\n\\x1b[31m/x\\t\\n.png") == 1


class Terminal(io.StringIO):
    def __init__(self, encoding):
        super().__init__()
        self.chosen = encoding

    @property
    def encoding(self):
        return self.chosen

    def isatty(self):
        return True


def test_bars_are_drawn_where_they_can_be(monkeypatch, tmp_path):
    found = rebalance.inspection.Inspection(
        tmp_path, {"漢字": 160, "dog": 81, "owl": 1, "x": 0}, ()
    )
    plain = command._classes(found).splitlines()
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout", Terminal("utf-8"))
    drawn = command._classes(found).splitlines()
    assert drawn[0] == plain[0]
    ends = [line.removeprefix(f"{before}  ") for line, before in zip(drawn, plain, strict=True)][1:]
    assert ends == ["█" * 20, "█" * 10 + "▏", "▏", ""]
    for encoding in ("ascii", "latin-1", None, "no-such"):
        monkeypatch.setattr("sys.stdout", Terminal(encoding))
        assert command._classes(found).splitlines() == plain


def test_what_a_file_of_features_tells_at_once(run, twins):
    data, test = twins
    paths = [*sorted(data.rglob("*.*")), *sorted(test.rglob("*.*"))]
    rows = np.random.default_rng(0).standard_normal((len(paths), 16)).astype(np.float32)
    at = {path.relative_to(data.parent).as_posix(): row for row, path in enumerate(paths)}
    assert len(at) == len(paths)
    for kind in SIMILAR.values():
        one, other = (
            next(row for name, row in at.items() if name.endswith(f"/{each}"))
            for each in kind[0].split()
        )
        rows[other] = rows[one]
    lost = next(row for name, row in at.items() if name.endswith("dog/001.png"))
    keep = [row for row in range(len(paths)) if row != lost]
    file = data.parent / "features.npz"
    np.savez(file, features=rows[keep], file_name=np.array([*at])[keep])
    asked = ["inspect", data, "--against", test, "--similar", "1", "--features", file]
    found = run(*asked, "--json")
    assert found.status == 0, found.err
    assert (
        f"1 of 12 images have no features in '{file}' and are left out: 'dog/001.png'" in found.err
    )
    record = json.loads(found.out)
    assert {kind: named(record)[kind] for kind in SIMILAR} == SIMILAR
    assert "--strict allows none" in run(*asked, "--strict").error
    assert "add --similar" in run("inspect", data, "--features", file).error
