"""Looks, likeness, findings and gates, against slow loops and other libraries."""

import json
import random
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn

from rebalance.data.counts import shot_group
from rebalance.data.folder import Unreadable
from rebalance.errors import DataError, GateFailed, SettingError, UnreadableImage
from rebalance.features.cache import StoredFeatures
from rebalance.inspection import (
    KINDS,
    Gates,
    Inspection,
    Resemblance,
    check_gates,
    describe_image,
    find_all,
    gate_outcomes,
    read_baseline,
    resemblance,
    without_known,
)
from rebalance.inspection.description import Appearance, ImageDescription, frequency_hash
from rebalance.inspection.findings import Finding
from rebalance.inspection.inspected import ImagePlace, InspectedImage, InspectedImages
from rebalance.inspection.resemblance import cosines, resembling
from rebalance.inspection.result import Span
from rebalance.inspection.similarity import BITS, CORRELATION, similar


def smooth(seed, size=(60, 40)):
    """A picture with parts, as photographs have; unlike that of any other seed."""
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def groups_by_loops(hashes, miniatures):
    """Every pair, by the definition; links chain."""
    number = list(range(len(hashes)))
    correlation = np.atleast_2d(np.corrcoef(miniatures)) if len(hashes) else None
    for a in range(len(hashes)):
        for b in range(a):
            near = bin(int(hashes[a]) ^ int(hashes[b])).count("1") <= BITS
            if near and correlation[a, b] >= CORRELATION:
                low, high = sorted((number[a], number[b]))
                number = [low if each == high else each for each in number]
    return number


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.integers(1, 5), st.integers(0, 3))
def test_groups_are_those_of_all_pairs(seed, count, prototypes, flips):
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, prototypes, count)
    hashes = rng.integers(0, 2**64, prototypes, dtype=np.uint64)[chosen]
    for _ in range(flips):
        hashes = hashes ^ (np.uint64(1) << rng.integers(0, 64, count).astype(np.uint64))
    pictures = rng.integers(0, 256, (2, 64))
    noise = rng.integers(-60, 60, (count, 64))
    miniatures = np.clip(pictures[rng.integers(0, 2, count)] + noise, 0, 255).astype(np.uint8)
    assert similar(hashes, miniatures) == groups_by_loops(hashes, miniatures)


@pytest.mark.parametrize("bits", [BITS, BITS + 1])
def test_every_pair_within_the_limit_is_found(bits):
    """Whichever bits differ, also where they spread over as many runs as they can."""
    rng = random.Random(0)
    miniatures = np.tile(np.arange(64, dtype=np.uint8), (2, 1))
    for _ in range(200):
        base = rng.getrandbits(64)
        other = base ^ sum(1 << bit for bit in rng.sample(range(64), bits))
        found = similar(np.array([base, other], np.uint64), miniatures)
        assert found == ([0, 0] if bits <= BITS else [0, 1])


def test_the_hash_is_that_of_scipys_transform():
    for seed in range(20):
        grey = smooth(seed).resize((32, 32)).convert("L")
        low = dctn(np.asarray(grey, float))[:8, :8].ravel()
        bits = low > np.median(low[1:])
        assert frequency_hash(grey) == int("".join("01"[int(bit)] for bit in bits), 2)
        assert frequency_hash(grey).bit_count() in (31, 32)


def test_a_look_says_what_the_file_holds(tmp_path):
    path = tmp_path / "x.png"
    smooth(0, (60, 20)).convert("P").save(path)
    seen = describe_image(path)
    assert (seen.size, seen.mode, seen.uniform) == ((60, 20), "P", False)
    exif = Image.Exif()
    exif[0x0112] = 6  # stored on its side
    smooth(0, (60, 20)).save(tmp_path / "x.jpg", exif=exif)
    assert describe_image(tmp_path / "x.jpg").size == (20, 60)
    path.write_text("text")
    with pytest.raises(UnreadableImage, match="not an image"):
        describe_image(path)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (3, 2), (900, 7)])
def test_odd_sizes_can_be_looked_at(tmp_path, size):
    smooth(1, size).save(tmp_path / "x.png")
    assert describe_image(tmp_path / "x.png").size == size


def test_nearly_uniform_images_have_no_appearance(tmp_path):
    noise = np.random.default_rng(0).integers(0, 6, (40, 40, 3))
    Image.fromarray((200 + noise).astype(np.uint8)).save(tmp_path / "plain.png")
    found = describe_image(tmp_path / "plain.png")
    assert found.uniform
    assert found.appearance is None
    # Red beside a green as bright: uniform as grey, but there is something to see.
    colours = Image.new("RGB", (40, 40), (255, 0, 0))
    colours.paste((0, 130, 0), (0, 0, 20, 40))
    colours.save(tmp_path / "colours.png")
    found = describe_image(tmp_path / "colours.png")
    assert not found.uniform
    assert found.appearance is None


def copies(picture):
    return {
        "same pixels": (picture, "png", {}),
        "jpeg": (picture, "jpg", {"quality": 40}),
        "half": (picture.resize((picture.width // 2, picture.height // 2)), "png", {}),
        "double": (picture.resize((picture.width * 2, picture.height * 2)), "png", {}),
        "grey": (picture.convert("L"), "png", {}),
        "other shape": (picture.resize((picture.height, picture.height)), "png", {}),
    }


def test_copies_look_alike_and_others_do_not(tmp_path):
    """Photographs would do too, but need to be there: these have 36 random colours."""
    looks = []
    for seed in range(12):
        for picture, suffix, options in copies(smooth(seed, (120, 90))).values():
            path = tmp_path / f"{len(looks)}.{suffix}"
            picture.save(path, **options)
            looks.append(describe_image(path).appearance)
    hashes = np.array([each.bits for each in looks], np.uint64)
    pixels = np.array([list(each.miniature) for each in looks], np.uint8)
    assert similar(hashes, pixels) == [6 * (i // 6) for i in range(72)]


def stored(rows):
    """Features as the cache has them, in two blocks and out of order."""
    rows = np.asarray(rows, np.float16)
    half = len(rows) // 2
    blocks = [rows[half:], rows[:half]]
    positions = np.arange(len(rows))
    where = positions < half
    return StoredFeatures(
        blocks, where.astype(np.intp), np.where(where, positions, positions - half)
    )


def links_by_loops(rows, threshold):
    """Who is linked to whom [N, N], from the definition of the cosine.

    Draws in which a cosine is the threshold, as far as float32 can tell, say nothing.
    """
    rows = np.asarray(rows, np.float16).astype(float)
    linked = np.zeros((len(rows), len(rows)), bool)
    for a, one in enumerate(rows):
        for b, other in enumerate(rows):
            lengths = np.sqrt((one @ one) * (other @ other))
            if a != b and lengths > 0:
                beyond = one @ other / lengths - (threshold - 1e-6)
                assume(abs(beyond) > 3e-7)
                linked[a, b] = beyond > 0
    return linked


def chains_by_loops(linked):
    number = list(range(len(linked)))
    for a, b in zip(*np.nonzero(linked), strict=True):
        low, high = sorted((number[a], number[b]))
        number = [low if each == high else each for each in number]
    return [{i for i in range(len(number)) if number[i] == n} for n in set(number)]


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(0, 40),
    st.integers(1, 8),
    st.floats(0, 1),
    st.sampled_from([0.3, 0.8, 0.94, 0.99, 1]),
    st.sampled_from([3, 2000]),
)
def test_similar_groups_hold_what_is_linked(seed, count, kinds, noise, threshold, block):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(kinds, 5))[rng.integers(0, kinds, count)]
    rows = (rows + noise * rng.normal(size=rows.shape)) * rng.uniform(0.5, 3, (count, 1))
    rows[rng.random(count) < 0.05] = 0
    linked = links_by_loops(rows, threshold)
    with patch.object(resemblance, "BLOCK", block):
        groups = resembling(stored(rows), threshold)
    assert groups == sorted(map(sorted, groups))
    in_some = {member for group in groups for member in group}
    assert in_some == set(np.flatnonzero(linked.any(axis=1)))
    for group in groups:
        assert len(set(group)) == len(group) > 1
        inside = linked[np.ix_(group, group)]
        assert (inside.sum(axis=1) == len(group) - 1).any()  # the hub
    for chain in chains_by_loops(linked):
        hubs = [i for i in chain if linked[i].sum() == len(chain) - 1]
        if hubs and len(chain) > 1:  # no longer than a group may be
            assert sorted(chain) in groups


def test_a_chain_is_not_one_group():
    """Each is like the next only, as the frames of a film: the ends are strangers."""
    angles = np.arange(9) * 0.1
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    groups = resembling(stored(rows), np.cos(0.11))
    assert groups == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    # The last of four has its only link in another group: it is told with its nearest.
    assert resembling(stored(rows[:4]), np.cos(0.11)) == [[0, 1, 2], [2, 3]]


def test_cosines_are_those_of_the_features():
    rows = np.random.default_rng(0).normal(size=(6, 40)).astype(np.float16).astype(float)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    found = cosines(stored(rows), 4, np.array([0, 5, 4]))
    assert found == pytest.approx(units[[0, 5, 4]] @ units[4], abs=1e-6)


def inspected(file_name, content, *, against=False, appearance=None, size=(10, 10), contrast=50.0):
    label = file_name.split("/")[0]
    description = ImageDescription(content.encode(), size, "RGB", contrast, appearance)
    return InspectedImage(ImagePlace(file_name, label, against), description)


def shape(number):
    pixels = np.random.default_rng(number).integers(0, 256, 64, dtype=np.uint8)
    return Appearance(number * 0x0123456789ABCDEF % 2**64, pixels.tobytes())


def names(findings):
    return {
        kind: [[place.file_name for place in each.images] for each in some]
        for kind, some in findings.items()
        if some
    }


def test_equal_files_are_told_by_where_they_are():
    images = InspectedImages(
        [
            inspected("a/1", "x", appearance=shape(1)),
            inspected("a/2", "x", appearance=shape(1)),
            inspected("b/1", "x", appearance=shape(1)),
            inspected("b/2", "y", appearance=shape(2)),
            inspected("b/3", "z", appearance=shape(3)),
            inspected("b/9", "y", against=True, appearance=shape(2)),
            inspected("b/8", "w", against=True, appearance=shape(4)),
            inspected("a/8", "w", against=True, appearance=shape(4)),
        ]
    )
    # Equal files look the same, which is no news; what AGAINST holds twice is not asked about.
    assert names(find_all(images)) == {
        "duplicates": [["a/1", "a/2"]],
        "conflicts": [["a/1", "a/2", "b/1"]],
        "leakage": [["b/2", "b/9"]],
    }


def test_different_files_that_look_the_same():
    images = InspectedImages(
        [
            inspected("a/1", "x", appearance=shape(1)),
            inspected("a/2", "x", appearance=shape(1)),
            inspected("a/3", "y", appearance=shape(1)),
            inspected("b/1", "p", appearance=shape(2)),
            inspected("c/1", "q", appearance=shape(2)),
            inspected("c/2", "r", appearance=None),
            inspected("c/3", "s", appearance=None),
            inspected("c/9", "t", against=True, appearance=shape(2)),
        ]
    )
    assert names(find_all(images)) == {
        "duplicates": [["a/1", "a/2"]],
        "near-duplicates": [["a/1", "a/3"]],
        "near-conflicts": [["b/1", "c/1"]],
        "near-leakage": [["b/1", "c/1", "c/9"]],
    }
    (found,) = find_all(images)["near-conflicts"]
    assert str(found) == "'b/1' ~ 'c/1'"


def test_similar_files_are_told_by_where_they_are():
    one, other = [3, 1, 0], [0, 1, 3]
    images = InspectedImages(
        [
            inspected("a/1", "x"),
            inspected("a/2", "x"),  # equal to the first: that is no news
            inspected("a/3", "y"),
            inspected("b/1", "z"),
            inspected("b/2", "p"),
            inspected("c/1", "q"),
            inspected("c/9", "r", against=True),
            inspected("c/8", "s", against=True),
        ],
        resemblance=Resemblance(stored([one, one, one, one, other, [1, 0, 0], other, other]), 0.99),
    )
    found = find_all(images)
    assert names(found) == {
        "duplicates": [["a/1", "a/2"]],
        "similar": [["a/1", "a/3"]],
        "similar-conflicts": [["a/1", "a/3", "b/1"]],
        "similar-leakage": [["b/2", "c/9", "c/8"]],
    }
    assert str(found["similar"][0]) == "'a/1' ≈ 'a/3': cosine 1.000"


def test_how_similar_is_said_of_the_nearest_and_the_farthest():
    rows = [[1, 0], [np.cos(0.1), np.sin(0.1)], [np.cos(0.2), np.sin(0.2)]]
    images = [inspected(f"a/{i}", str(i)) for i in range(3)]
    (found,) = find_all(InspectedImages(images, resemblance=Resemblance(stored(rows), 0.99)))[
        "similar"
    ]
    assert found.detail == "cosine 0.980 to 0.995 from the first"


def test_odd_images_and_unreadable_ones():
    images = InspectedImages(
        [
            inspected("a/1", "1", size=(30, 10)),
            inspected("a/2", "2", size=(31, 10)),
            inspected("a/3", "3", size=(10, 31)),
            inspected("a/4", "4", contrast=2.9),
            inspected("a/5", "5", contrast=3.0),
            inspected("a/6", "6", against=True, contrast=0, size=(90, 1)),
        ],
        [Unreadable("a/7", "a", "empty file (0 bytes)")],
    )
    found = find_all(images)
    assert {kind: list(map(str, some)) for kind, some in found.items() if some} == {
        "unreadable": ["'a/7': empty file (0 bytes)"],
        "uniform": ["'a/4': contrast 2.9 of 255"],
        "elongated": ["'a/2': 31x10 pixels", "'a/3': 10x31 pixels"],
    }
    assert list(found) == list(KINDS)
    assert names(find_all(InspectedImages([]))) == {}


def test_names_stay_on_one_line_and_many_are_counted():
    images = tuple(ImagePlace(f"a/<b>\n\x1b[31m{i}\udcff", "a") for i in range(6))
    text = str(Finding(images))
    assert text.isprintable()
    assert "<b>\\n\\x1b[31m0\\udcff" in text
    assert text.endswith(" and 2 more")


def inspection(tmp_path, **found):
    findings = {kind: found.get(kind, ()) for kind in KINDS}
    return Inspection(tmp_path, {"a": 9, "b": 3}, (), findings=findings)


def test_gates_say_which_and_why(tmp_path):
    twins = Finding((ImagePlace("a/1", "a"), ImagePlace("b/1", "b")))
    found = inspection(tmp_path, conflicts=(twins,))
    check_gates(found)
    check_gates(found, 3, ["duplicates", "uniform"])
    with pytest.raises(GateFailed) as failed:
        check_gates(found, 2.5, ["duplicates", "conflicts"])
    text = str(failed.value)
    assert "imbalance ratio 3.00 is above the 2.5" in text
    assert "1 conflicts (equal files in different classes)" in text
    assert "'a/1' = 'b/1'" in text
    assert "\n" not in text


def test_gates_that_cannot_be(tmp_path):
    with pytest.raises(SettingError, match="no finding 'typo': choose one of unreadable, dup"):
        check_gates(inspection(tmp_path), None, ["typo"])
    with pytest.raises(SettingError, match="--against"):
        check_gates(inspection(tmp_path), None, ["leakage"])
    with pytest.raises(SettingError, match="--similar asks for"):
        check_gates(inspection(tmp_path), None, ["similar"])


def test_the_outcome_of_every_gate(tmp_path):
    twins = Finding((ImagePlace("a/1", "a"), ImagePlace("b/1", "b")))
    found = inspection(tmp_path, conflicts=(twins,))
    told = gate_outcomes(found, Gates(2, ("duplicates", "conflicts")))
    assert [(gate.name, gate.allows, gate.passed) for gate in told] == [
        ("imbalance ratio", "at most 2", False),
        ("duplicates", "none", True),
        ("conflicts", "none", False),
    ]
    assert gate_outcomes(found, Gates()) == []


def record(tmp_path, findings):
    found = Inspection(tmp_path, {"a": 1}, (), findings=findings)
    path = tmp_path / "old.json"
    path.write_text(json.dumps(found.as_record()))
    return path


def test_a_baseline_takes_out_what_is_in_one_old_finding(tmp_path):
    one, two, three = (ImagePlace(f"a/{i}\udcff", "a") for i in range(3))
    path = record(tmp_path, {"duplicates": (Finding((one, two)),), "uniform": (Finding((one,)),)})
    now = {
        "duplicates": (Finding((two, one)), Finding((two, three))),
        "uniform": (Finding((one,)), Finding((two,))),
        "conflicts": (Finding((one, two)),),
    }
    assert without_known(now, read_baseline(path)) == {
        "duplicates": (Finding((two, three)),),
        "uniform": (Finding((two,)),),
        "conflicts": (Finding((one, two)),),
    }
    grown = {"duplicates": (Finding((one, two, three)),)}
    assert without_known(grown, read_baseline(path)) == grown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "{}",
        '{"findings": 3}',
        '{"findings": {"duplicates": [{}]}}',
        '{"findings": {"duplicates": [{"images": [{"file_name": 1, "label": 2, "side": 3}]}]}}',
        "\xff",
        "[" * 100_000,
    ],
)
def test_what_is_no_baseline_is_refused(tmp_path, text):
    path = tmp_path / "old.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match="a baseline is what rebalance inspect --json printed"):
        read_baseline(path)
    with pytest.raises(DataError, match="is not: write it anew"):
        read_baseline(tmp_path / "missing.json")


@pytest.mark.parametrize(
    ("count", "group"),
    [(0, "few"), (19, "few"), (20, "medium"), (100, "medium"), (101, "many")],
)
def test_shot_groups_are_those_of_the_metrics(count, group):
    assert shot_group(count) == group


def test_spans():
    assert Span.of([]) is None
    assert Span.of([4, 1, 9, 2]) == Span(1, 2, 9)


def test_the_known_conflicts_of_trashnet(shared):
    """Three photographs are filed under two materials each, byte for byte."""
    import rebalance

    root = shared / "data" / "trashnet" / "images"
    if not root.is_dir():
        pytest.skip("needs TrashNet in ../shared/data")
    found = rebalance.inspect(root)
    assert names({"conflicts": found.findings["conflicts"]}) == {
        "conflicts": [
            ["glass/glass115.jpg", "metal/metal91.jpg"],
            ["glass/glass176.jpg", "plastic/plastic152.jpg"],
            ["glass/glass389.jpg", "plastic/plastic332.jpg"],
        ]
    }
    assert not found.findings["duplicates"]
    assert not found.findings["near-conflicts"]
    assert ["paper/paper136.jpg"] in [
        [place.file_name for place in each.images[:1]] for each in found.findings["near-duplicates"]
    ]
