"""``rebalance inspect``: what it finds in real folders, its gates, its baseline."""

import io
import json
import shutil

import pytest
from PIL import Image

import rebalance
from rebalance.cli import inspect as command
from rebalance.errors import UnreadableImage
from rebalance.inspection import KINDS


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
    assert named(record) == FOUND
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
    assert set(KINDS) == set(FOUND)


def test_gates_that_hold(run, make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 3, "dog": 2})
    gates = "unreadable,conflicts,duplicates"
    found = run("inspect", data, "--fail-above", 2, "--fail-on", gates, "--fail-on", "uniform")
    assert found.status == 0


@pytest.mark.parametrize("kinds", ["typo", "conflicts,,", "leakage", "conflicts,near-leakage"])
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
    monkeypatch.setattr("sys.stdout", Terminal("utf-8"))
    drawn = command._classes(found).splitlines()
    assert drawn[0] == plain[0]
    ends = [line.removeprefix(f"{before}  ") for line, before in zip(drawn, plain, strict=True)][1:]
    assert ends == ["█" * 20, "█" * 10 + "▏", "▏", ""]
    for encoding in ("ascii", "latin-1", None, "no-such"):
        monkeypatch.setattr("sys.stdout", Terminal(encoding))
        assert command._classes(found).splitlines() == plain
