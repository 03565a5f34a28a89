"""``rebalance report`` on manifests: what the page shows, in how much room, and its command."""

import base64
import json
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from test_page import Reader

import rebalance
from rebalance.data.thumbnails import as_jpegs
from rebalance.manifest import Dropped, Manifest, Place, Row, read_manifest, write_manifest
from rebalance.reports.manifests import layout, manifest_report
from rebalance.reports.manifests.commands import command_of, needs_same_folder
from rebalance.reports.manifests.layout import CLASSES, scope_of
from rebalance.reports.manifests.maps import hover_data
from rebalance.reports.manifests.members import class_histories, repeats, slug
from rebalance.reports.manifests.photographs import read_made
from rebalance.reports.manifests.sections import cover_table, facts_of
from rebalance.reports.manifests.story import UNREADABLE

HOSTILE = "<img src=x onerror=alert(1)>&\"'$</script>"


def clustered(root, sizes, clusters=3, kept=2, names=None):
    """A manifest of images that need not be there: the first ``kept`` of each cluster stay."""
    rows, dropped, places, stories = [], [], [], {}
    names = names or [f"c{number}" for number in range(len(sizes))]
    for label, size in zip(names, sizes, strict=True):
        for place in range(size):
            cluster, rank = place % clusters, place // clusters
            file, distance = f"{label}/{place:05d}.png", rank / 7
            if rank < kept:
                rows.append(Row(file, label, cluster=cluster, distance=distance))
            else:
                dropped.append(Dropped(file, label, cluster, distance, f"not kept of {cluster}"))
            places.append(Place(file, label, 9.0 * cluster, distance))
        stories[label] = {
            "layer": "pool",
            "k": clusters,
            "silhouettes": {"pool": {"2": 0.25, str(clusters): 0.5}},
            "note": None,
        }
    record = {"classes": names, "per_class": stories, "root": str(root)}
    return Manifest(Path(root), tuple(names), tuple(rows), tuple(dropped), record, tuple(places))


def page_of(manifest, **others):
    made = manifest_report(manifest, Path("m.csv"), **others)
    return made, Reader(made.text)


def files_shown(reader):
    """The files whose photographs the page shows, in its order."""
    return [at["data-file"] for tag, at in reader.tags if at.get("data-file")]


@pytest.fixture
def cut(run, make_folder, tmp_path, extractor):
    """A folder of three classes, one file of it unreadable, cut by clusters; and its manifest."""
    root = make_folder(tmp_path / "data", {"cat": 30, "dog": 8, "eel": 21}, (20, 16))
    (root / "cat" / "bad.png").write_bytes(b"text")
    found = run("undersample", root, "-o", tmp_path / "m.csv", *extractor)
    assert found.status == 0, found.err
    return tmp_path / "m.csv"


# The whole command


def test_the_page_of_an_undersampled_folder(run, cut, tmp_path):
    found = run("report", cut, "-o", tmp_path / "r.html", "--figures", tmp_path / "figures")
    assert found.status == 0, found.err
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    reader = Reader(page)
    assert found.out.count("\n") == 1 and "r.html: 0." in found.out
    assert f"{page.count('<img ')} pictures" in found.out
    assert not re.search(r'(src|href)="(?!data:|#)|@import|url\(http', page)
    headings = re.findall(r"<h2>(.*?)</h2>", page)
    wanted = ["Samples of each class", "cat", "dog", "eel", "Unreadable files"]
    wanted.append("How to make it again")
    assert headings == wanted
    assert "cat/bad.png" in reader.text and "not an image" in reader.text
    manifest = read_manifest(cut)
    for name in ("cat", "eel"):
        story = manifest.record["per_class"][name]
        for quota, size in zip(story["quotas"], story["cluster_sizes"], strict=True):
            assert f"{quota} of {size} picked" in reader.text
    assert all(at.get("alt") for tag, at in reader.tags if tag == "img")
    files = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"counts.svg", "001-cat-map.png", "003-eel-silhouettes.svg"} <= files
    assert {"001-cat-cluster-0-closest.jpg", "001-cat-quotas.png"} <= files
    assert f"{len(files)} files in" in found.out
    for path in (tmp_path / "figures").iterdir():
        if path.suffix != ".svg":
            Image.open(path).load()


def test_equal_manifests_give_equal_pages_and_python_makes_the_same(run, cut, tmp_path):
    assert run("report", cut, "-o", tmp_path / "r.html", "--workers", "0").status == 0
    made = rebalance.report(cut, workers=3)
    assert made.text == (tmp_path / "r.html").read_text(encoding="utf-8")
    assert made.figures == rebalance.report([str(cut)], workers=0).figures


@pytest.mark.parametrize(
    "arguments",
    [
        ["undersample", "DATA", "--seed", "3", "--to", "6", "--class", "cat=9"],
        ["undersample", "DATA", "--layer", "body", "--pick", "random", "--k-max", "4"],
        ["undersample", "DATA", "--method", "coverage", "--classes", '"a, b",cat'],
        ["undersample", "FIRST", "--method", "random", "--to", "5"],
        ["oversample", "DATA", "--method", "smote", "--neighbours", "3", "--space", "pixel"],
        ["oversample", "DATA", "--to", "0.5x", "--image-size", "24", "--method", "cluster"],
        ["hybrid", "DATA", "--to", "12", "--over", "smote", "--pick", "farthest"],
        ["hybrid", "DATA", "--to", "1.5x", "--under", "random"],
        ["hybrid", "DATA", "--to", "12", "--k-max", "4", "--cluster-space", "pca", "--suspects"],
        ["hybrid", "DATA", "--to", "12", "--under", "coverage", "--dedupe", "--layer", "body"],
    ],
)
def test_the_command_on_the_page_makes_the_manifest_again(
    run, make_folder, tmp_path, extractor, arguments
):
    root = make_folder(tmp_path / "it's data", {"cat": 24, "a, b": 8, "eel": 15})
    if "FIRST" in arguments:
        run("undersample", root, "-o", tmp_path / "first.csv", "--to", "7", "--method", "random")
    names = {"DATA": root, "FIRST": tmp_path / "first.csv"}
    arguments = [names.get(argument, argument) for argument in arguments]
    if "random" not in arguments or "--layer" in arguments:
        arguments += extractor
    made = run(*arguments, "-o", tmp_path / "m.csv")
    assert made.status == 0, made.err
    assert run("report", tmp_path / "m.csv", "-o", tmp_path / "r.html").status == 0
    text = Reader((tmp_path / "r.html").read_text(encoding="utf-8")).text
    (line,) = (line for line in text.splitlines() if line.startswith("rebalance "))
    words = shlex.split(line)
    assert words[words.index("-o") + 1] == "again.csv"
    words[words.index("-o") + 1] = str(tmp_path / "again.csv")
    again = run(*words[1:])
    assert again.status == 0, again.err
    for end in (".csv", ".json", ".dropped.csv"):
        wanted = (tmp_path / "m.csv").with_suffix(end).read_bytes()
        assert (tmp_path / "again.csv").with_suffix(end).read_bytes() == wanted


def test_defaults_are_left_out_of_the_command(run, make_folder, tmp_path):
    root = make_folder(tmp_path / "data", {"cat": 9, "dog": 3})
    run("undersample", root, "-o", tmp_path / "m.csv", "--method", "random")
    record = read_manifest(tmp_path / "m.csv").record
    assert command_of(record) == f"rebalance undersample {root} -o M.csv --method random"
    assert not needs_same_folder(record)
    chained = {**record, "source": {"manifest": "first.csv", "root": record["root"]}}
    assert command_of(chained) == "rebalance undersample first.csv -o M.csv --method random"
    assert needs_same_folder(chained)
    moved = {**chained, "root": "/elsewhere"}
    assert "first.csv --root /elsewhere" in command_of(moved)


def test_the_command_of_an_earlier_record_says_what_were_its_defaults(cut):
    record = json.loads(cut.with_suffix(".json").read_bytes())
    assert "--pick" not in command_of(record) and "--quotas" not in command_of(record)
    of_old = {**record["options"], "pick": "closest"}
    del of_old["quotas"]
    command = command_of({**record, "options": of_old})
    assert "--pick closest" in command and "--quotas equal" in command
    # It was recorded of every method, and is refused by those that have none.
    for told in (of_old, {**of_old, "as_published": True}):
        others = command_of({**record, "options": {**told, "method": "coverage"}})
        assert "--pick" not in others and "--quotas" not in others
    published = command_of({**record, "options": {**of_old, "as_published": True}})
    assert "--as-published" in published and "--quotas" not in published


@pytest.mark.parametrize(
    "record", [{}, {"command": "import"}, {"command": "undersample"}, {"command": ["hybrid"]}]
)
def test_a_record_without_a_command_has_none(record):
    assert command_of(record) is None


def test_a_list_of_somebody_else_has_a_page_of_counts(run, make_folder, tmp_path):
    root = make_folder(tmp_path / "data", {"cat": 3, "dog": 2})
    (root / "m.csv").write_text("file_name,label\ncat/000.png,cat\ndog/001.png,dog\n")
    found = run("report", root / "m.csv", "-o", tmp_path / "r.html")
    assert found.status == 0, found.err
    reader = Reader((tmp_path / "r.html").read_text(encoding="utf-8"))
    assert "Nothing is recorded of how this manifest was made." in reader.text
    assert "before" not in reader.text.lower()
    assert "2 samples of 2 classes; nothing tells what they were chosen from." in reader.text
    assert files_shown(reader) == ["cat/000.png", "dog/001.png"]


def test_where_no_clustering_ran_there_is_no_map(run, make_folder, tmp_path):
    root = make_folder(tmp_path / "data", {"cat": 30, "dog": 4})
    run("undersample", root, "-o", tmp_path / "m.csv", "--method", "random")
    assert run("report", tmp_path / "m.csv", "-o", tmp_path / "r.html").status == 0
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "No clustering ran on this class, so there is no map." in page
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page)
    assert captions == ["picked, a sample", "dropped, a sample", "a sample of its images"]
    assert "closest" not in Reader(page).text  # a pick is for clusters


@pytest.mark.parametrize("space", ["pixel", "embedding"])
def test_blends_and_repetitions(run, make_folder, tmp_path, extractor, space):
    root = make_folder(tmp_path / "data", {"cat": 12, "dog": 5})
    arguments = ["oversample", root, "-o", tmp_path / "m.csv", "--method", "smote"]
    assert run(*arguments, "--space", space, *extractor).status == 0
    manifest = read_manifest(tmp_path / "m.csv")
    first = next(row for row in manifest.rows if row.kind == "synthetic")
    reader = page_of(manifest)[1]
    assert ("no such image exists" in reader.text) == (space == "embedding")
    share = f"{1 - first.weight:.0%} {first.file_name} + {first.weight:.0%} {first.partner}"
    assert share in reader.text
    tiles = read_made(root, [first], 12, 0)[0].astype(float)
    mixed = (1 - first.weight) * tiles[0] + first.weight * tiles[1]
    assert np.abs(tiles[2] - mixed).max() <= 1.5
    broken = replace(first, partner="dog/none.png")
    assert np.array_equal(*read_made(root, [broken], 12, 0)[0][1:])


def test_augmented_images_are_shown_beside_what_they_are_made_of(make_folder, tmp_path):
    root = make_folder(tmp_path / "data", {"cat": 2, "dog": 2}, size=(12, 12))
    flipped = Row("cat/000.png", "cat", "augmented", operation="flip")
    pasted = Row("cat/001.png", "cat", "augmented", "dog/000.png", operation="paste=0:0:0.5:1")
    rows = [Row("cat/000.png", "cat"), Row("dog/000.png", "dog"), flipped, pasted]
    record = {"root": str(root), "classes": ["cat", "dog"]}
    reader = page_of(Manifest(root, ("cat", "dog"), tuple(rows), record=record))[1]
    assert "Augmented images" in reader.text and "cat/000.png: flip" in reader.text
    assert "cat/001.png on dog/000.png: paste=0:0:0.5:1" in reader.text
    one, two = (tiles.astype(int) for tiles in read_made(root, [flipped, pasted], 12, 0))
    assert np.array_equal(one, [one[0], one[0][:, ::-1]])
    assert np.array_equal(two[2], np.concatenate([two[0][:, :6], two[1][:, 6:]], axis=1))


def test_the_most_repeated_come_first():
    rows = [Row("a", "x"), Row("b", "x"), Row("c", "x")]
    rows += [replace(rows[1], kind="duplicate")] * 4 + [replace(rows[2], kind="duplicate")] * 2
    (story,) = class_histories(Manifest(Path(), ("x",), tuple(rows)))
    assert repeats(story) == [("b", 5), ("c", 3)]
    assert ("repeated", 6) in facts_of(story)


# Names, room


def test_names_with_html_in_them_are_text(make_folder, tmp_path):
    label = HOSTILE.replace("/", "")
    root = make_folder(tmp_path / "data", {label: 9, "b": 3})
    names = sorted(path.name for path in (root / label).iterdir())
    for name in names:
        (root / label / name).rename(root / label / f"{label}{name}")
    manifest = clustered(root, [9], names=[label])
    files = [f"{label}/{label}{name}" for name in names]
    swap = dict(zip((place.file_name for place in manifest.places), files, strict=True))
    manifest = replace(
        manifest,
        rows=tuple(replace(row, file_name=swap[row.file_name]) for row in manifest.rows),
        dropped=tuple(replace(row, file_name=swap[row.file_name]) for row in manifest.dropped),
        places=tuple(replace(it, file_name=swap[it.file_name]) for it in manifest.places),
        record={
            **manifest.record,
            "unreadable": [{"file_name": HOSTILE, "label": HOSTILE, "reason": HOSTILE}],
            "options": {"method": HOSTILE},
        },
    )
    made, reader = page_of(manifest)
    assert not any("onerror" in attributes for _, attributes in reader.tags)
    assert [tag for tag, _ in reader.tags].count("script") == 3  # the map's, its data, the page's
    assert reader.text.count(HOSTILE) >= 4
    assert f"<h2>{label}" not in made.text
    assert all(re.fullmatch(r"[\w.-]+", name) for name in made.figures)


def test_classes_with_alike_names_have_figures_of_their_own(tmp_path):
    names = ("a b", "a/b", "a?b", "é" * 90)
    rows = tuple(Row(f"{place}.png", name) for place, name in enumerate(names))
    extra = tuple(replace(row, kind="duplicate") for row in rows)
    slugs = [slug(story) for story in class_histories(Manifest(tmp_path, names, rows + extra))]
    assert len(set(slugs)) == 4
    assert all(re.fullmatch(r"[\w-]{1,70}", each, re.ASCII) for each in slugs)


def test_the_first_unreadable_files_are_named_and_the_rest_counted(tmp_path):
    bad = [
        {"file_name": f"cat/{place:04d}.jpg", "label": "cat", "reason": "empty file (0 bytes)"}
        for place in range(UNREADABLE + 7)
    ]
    reader = page_of(Manifest(tmp_path, ("cat",), (Row("a", "cat"),), (), {"unreadable": bad}))[1]
    assert "cat/0099.jpg" in reader.text and "cat/0100.jpg" not in reader.text
    assert "107 files could not be read" in reader.text and "and 7 more" in reader.text


@given(st.lists(st.tuples(st.integers(1, 60), st.integers(1, 9)), min_size=1, max_size=30))
def test_what_is_shown_has_room(classes):
    stories = []
    for number, (size, clusters) in enumerate(classes):
        manifest = clustered(Path("x"), [size], clusters)
        stories += [replace(story, number=number) for story in class_histories(manifest)]
    scope = scope_of(stories)
    assert len(scope.stories) == min(CLASSES, len(stories)) and scope.hidden == len(stories) - len(
        scope.stories
    )
    strips = [
        strip
        for story in scope.stories
        for sheet in layout.sheets_of(story, scope.count)
        for strip in sheet.strips
    ]
    assert 3 <= scope.count <= 8 and all(len(strip.members) <= scope.count for strip in strips)
    assert len(strips) * scope.count * scope.sheet_side**2 <= layout.PIXELS
    points = sum(map(len, scope.points))
    assert points <= layout.POINTS
    assert points * scope.hover_side**2 <= layout.POINTS * layout.POINT_SIDES[-1] ** 2
    least = min(len(story.members) for story in scope.stories)
    assert all(len(first) >= min(least, layout.POINTS // CLASSES) for first in scope.points)


def test_the_classes_that_changed_most_are_shown_in_their_order(tmp_path, monkeypatch):
    manifest = clustered(tmp_path, [12, 9, 15, 10])
    monkeypatch.setattr("rebalance.reports.manifests.layout.CLASSES", 2)
    scope = scope_of(class_histories(manifest))
    assert [story.name for story in scope.stories] == ["c0", "c2"]
    assert "2 more changed" in page_of(manifest)[1].text


def test_pictures_are_made_coarser_until_they_fit():
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    pictures = {"a": Image.fromarray(noise), "b": Image.fromarray(noise[::-1].copy())}
    sizes = [sum(map(len, as_jpegs(pictures, limit).values())) for limit in (10**9, 40_000, 30_000)]
    assert sizes[0] > 40_000 >= sizes[1] > 30_000 >= sizes[2]
    assert as_jpegs(pictures, 1).keys() == pictures.keys()


# Members, strips, hover


def test_strips_are_what_a_slow_search_finds(tmp_path):
    manifest = clustered(tmp_path, [50], clusters=2, kept=9)
    (story,) = class_histories(manifest)
    for sheet in layout.sheets_of(story, 5):
        group = [member for member in story.members if member.cluster == sheet.cluster]
        by_distance = sorted(group, key=lambda member: member.distance)
        found = {strip.kind: strip.members for strip in sheet.strips}
        assert "closest" not in found  # it would show what is picked
        assert found["farthest"] == by_distance[-5:][::-1]
        for kind in ("picked", "dropped"):
            side = [member for member in by_distance if member.kept == (kind == "picked")]
            assert [found[kind][0], found[kind][-1]] == [side[0], side[-1]]
            assert len({member.file_name for member in found[kind]}) == 5
            assert found[kind] == sorted(found[kind], key=by_distance.index)
        assert (sheet.kept, sheet.size) == (9, 25)


@given(st.integers(0, 40), st.integers(1, 12))
def test_an_even_sample_is_spread(size, count):
    found = layout.evenly(list(range(size)), count)
    assert len(found) == min(size, count) == len(set(found))
    steps = np.diff(found)
    assert (steps >= 1).all() and (not len(steps) or steps.max() - steps.min() <= 1)


def test_an_earlier_step_tells_of_the_clusters(run, cut, tmp_path):
    second = tmp_path / "second.csv"
    assert run("undersample", cut, "-o", second, "--method", "random", "--to", "5").status == 0
    stories = {story.name: story for story in class_histories(read_manifest(second))}
    first = read_manifest(cut).record["per_class"]["cat"]
    assert stories["cat"].clustering["k"] == first["k"]
    assert len(stories["cat"].placed) == 30
    assert (stories["cat"].kept, stories["cat"].dropped) == (5, 25)
    assert run("report", second, "-o", tmp_path / "r.html").status == 0
    assert "In no cluster" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_hover_data_is_what_the_map_shows(tmp_path):
    manifest = clustered(tmp_path, [40], clusters=4, kept=3)
    (story,) = class_histories(manifest)
    story = replace(story, members=[*story.members[:-1], replace(story.members[-1], cluster=None)])
    first = layout.pictured(story, 15)
    assert len(first) == 15
    assert {it.file_name for it in story.placed if it.kept} <= {
        story.placed[place].file_name for place in first
    }
    data = hover_data(story, story.map, first, 48, all_named=True)
    json.dumps(data)

    def numbers(key, kind):
        return np.frombuffer(base64.b64decode(data[key]), kind).astype(int)

    by_name = {member.file_name: place for place, member in enumerate(story.placed)}
    order = [by_name[data["prefix"] + name] for name in data["names"]]
    assert order[:15] == first and sorted(order) == list(range(40))
    members = [story.placed[place] for place in order]
    assert np.abs(numbers("x", "<u2") / 65535 - story.map.fractions[order, 0]).max() < 1e-4
    assert np.abs(numbers("y", "<u2") / 65535 - story.map.fractions[order, 1]).max() < 1e-4
    flags = numbers("flags", "u1")
    assert [flag >= 128 for flag in flags] == [member.kept for member in members]
    clusters = [127 if member.cluster is None else member.cluster for member in members]
    assert (flags % 128).tolist() == clusters
    distances = numbers("distances", "<u2") / 65534 * data["scale"]
    assert distances == pytest.approx([member.distance for member in members], abs=1e-3)
    few = hover_data(story, story.map, first, 48, all_named=False)
    assert len(few["names"]) == 15


def test_what_else_a_record_tells_is_shown(tmp_path):
    manifest = clustered(tmp_path, [9])
    story = manifest.record["per_class"]["c0"]
    sides = {"farthest": 2.0, "mean": 1.0, "balance": 0.5}
    story["cover"] = {"kept": sides, "random": sides, "farthest_closer": None, "mean_closer": 1.5}
    story |= {"stability": 0.75, "chance": 0.6, "above_chance": False}
    (found,) = class_histories(manifest)
    assert ("mean silhouette", 0.5) in facts_of(found)
    assert 0.75 in [value for _, value in facts_of(found)]
    rows = {row[0]: row[1:] for row in cover_table(found).rows}
    assert rows["mean distance"] == (1.0, 1.0, 1.5)
    text = page_of(manifest)[1].text
    assert "no better than" in text and "broken line" in text


def test_images_out_of_place_are_shown_those_trained_on_first(tmp_path):
    manifest = clustered(tmp_path, [12])
    picked, dropped = manifest.rows[0].file_name, manifest.dropped[0].file_name
    told = [
        {"file_name": name, "label": "c0", "why": f"reason {number}"}
        for number, name in enumerate((dropped, picked, "../secret.png"))
    ]
    page = page_of(replace(manifest, record={**manifest.record, "suspects": told}))[0].text
    captions = re.findall(r"<figcaption>(.*?: reason \d)</figcaption>", page.replace("<wbr>", ""))
    assert captions == [f"{picked} (picked): reason 1", f"{dropped} (dropped): reason 0"]
    assert "secret" not in page


# What is refused


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "there is nothing at 'none.csv'"),
        (["m.csv", "data"], "'m.csv' is a manifest among 2"),
        (["text.txt"], "'text.txt' is neither"),
        (["data", "--root", "data"], "--root is for manifests"),
        (["m.csv", "--root", "nowhere"], "is no folder here"),
        (["m.csv", "-o", "r.txt"], "a page is a .html file"),
        (["m.csv", "-o", "old.html"], "--overwrite"),
        (["m.csv", "--figures", "data"], "'data' holds files"),
        (["m.csv", "--figures", "text.txt"], "'text.txt' is a file"),
        (["m.csv", "--figures", "no/figures"], "no folder 'no'"),
        (["out.csv"], "'../secret.png'"),
    ],
)
def test_what_cannot_be_reported_is_one_line(
    run, make_folder, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    root = make_folder(tmp_path / "data", {"cat": 4, "dog": 2})
    manifest = Manifest(root, ("cat",), (Row("cat/000.png", "cat"),))
    write_manifest("m.csv", replace(manifest, record={"root": str(root)}))
    outside = (Dropped("../secret.png", "cat", None, None, "x"),)
    write_manifest("out.csv", replace(manifest, dropped=outside, record={"root": str(root)}))
    Path("text.txt").write_text("x")
    Path("old.html").write_text("precious")
    before = sorted(tmp_path.rglob("*"))
    output = [] if "-o" in arguments else ["-o", "r.html"]
    found = run("report", *arguments, *output)
    if found.status == 2:  # click's own check of what a path may be
        assert message.split("'")[1] in found.err
    else:
        assert (found.status, found.out) == (1, "")
        assert message in found.error
    assert sorted(tmp_path.rglob("*")) == before
    assert Path("old.html").read_text() == "precious"


def test_figures_are_added_to_a_folder_only_with_overwrite(run, cut, tmp_path):
    folder = tmp_path / "figures"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    arguments = ["report", cut, "-o", tmp_path / "r.html", "--figures", folder]
    assert run(*arguments).status == 1
    assert not (tmp_path / "r.html").exists()
    assert run(*arguments, "--overwrite", "--json").status == 0
    assert (folder / "mine.txt").read_text() == "mine" and (folder / "counts.png").exists()
    (folder / "counts.png").unlink()
    (folder / "counts.png").mkdir()
    kept = (tmp_path / "r.html").read_bytes()
    (tmp_path / "r.html").write_bytes(kept + b"\n")
    assert run(*arguments, "--overwrite").status == 1
    assert (tmp_path / "r.html").read_bytes() == kept + b"\n"
