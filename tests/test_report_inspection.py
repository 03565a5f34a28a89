"""The page of an inspection: what it shows, what it bounds, and that names stay text."""

import base64
import io
import re
from html import unescape

import numpy as np
import pytest
from PIL import Image

import rebalance
from rebalance.data.folder import Unreadable
from rebalance.errors import SettingError
from rebalance.inspection import KINDS, Finding, Gates, ImagePlace, Inspection, Span
from rebalance.reports.inspections import GROUPS, PICTURES, SIDE, TOGETHER, inspection_report

HEADING = re.compile(r"<h2>(.*?)</h2>")


def found_in(root, findings, **others):
    every = {kind: tuple(findings.get(kind, ())) for kind in KINDS}
    return Inspection(root, {"a": 9, "b": 3}, (), findings=every, **others)


@pytest.fixture
def photos(tmp_path):
    """30 images of noise, which compress badly, under names that a page must escape."""
    root = tmp_path / "photos"
    (root / "a").mkdir(parents=True)
    names = []
    for number in range(30):
        names.append(f"a/<img src=x onerror=alert({number})>&\"'.png")
        pixels = np.random.default_rng(number).integers(0, 256, (130, 130, 3), np.uint8)
        Image.fromarray(pixels).save(root / names[-1])
    return root, names


def pictures(text):
    """What the pictures of a page hold, in order, and the captions below them."""
    found = re.findall(
        r'<img src="data:image/jpeg;base64,(.*?)".*?<figcaption>(.*?)</figc', text, re.S
    )
    return [
        (Image.open(io.BytesIO(base64.b64decode(data))), cap.replace("<wbr>", ""))
        for data, cap in found
    ]


def test_each_group_shows_its_images_beside_their_names(make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"a": 3, "b": 2}, (20, 10))
    other = make_folder(tmp_path / "other", {"c": 1}, (10, 20))
    Image.new("RGB", (30, 30), "red").save(data / "a" / "red.png")
    Image.new("RGB", (30, 30), "blue").save(other / "c" / "blue.png")
    leak = Finding(
        (ImagePlace("a/red.png", "a"), ImagePlace("c/blue.png", "c", against=True)), "so alike"
    )
    found = found_in(data, {"near-leakage": [leak]}, against=other)
    text = inspection_report(found).text
    (red, one), (blue, two) = pictures(text)
    assert (one, two) == ("a/red.png", "c/blue.png (against)")
    assert red.size == blue.size == (SIDE, SIDE)
    assert np.abs(np.subtract(red.getpixel((50, 50)), (255, 0, 0))).max() < 9
    assert np.abs(np.subtract(blue.getpixel((50, 50)), (0, 0, 255))).max() < 9
    assert "so alike" in text
    assert HEADING.findall(text) == ["Classes", "near-leakage: 1", "The rest"]
    assert "Not looked for: similar-leakage, which needs --similar." in text
    assert "Not looked for: leakage" not in text


def test_the_page_of_a_real_inspection(make_folder, tmp_path):
    data = make_folder(tmp_path / "data", {"cat": 6, "dog": 3}, (40, 30))
    (data / "dog" / "broken <b>.png").write_bytes(b"")
    Image.new("RGB", (90, 20), "grey").save(data / "dog" / "long.png")
    page = tmp_path / "found.html"
    found = rebalance.inspect(data, html=page, fail_above=1.2, fail_on=["duplicates", "uniform"])
    text = page.read_text("utf-8")
    assert [name for name in found.findings if found.findings[name]] == [
        "unreadable",
        "uniform",
        "elongated",
    ]
    assert HEADING.findall(text) == [
        "Classes",
        "Gates",
        "unreadable",
        "uniform: 1",
        "elongated: 1",
        "The rest",
        "How to make it again",
    ]
    assert "2 of 3 gates failed" in text
    assert "imbalance ratio 1.50 is above the 1.2" in text
    assert "imbalance ratio, the largest class to the smallest: 1.50</a>" in text
    assert "0 / 0 / 2" in text
    assert "20 to 40" not in text
    assert "40 to 90 px, median 40" in text
    assert "RGB 10" in text
    assert "dog/broken &lt;b&gt;.png" in text
    assert "90x20 pixels" in text
    assert "Not looked for: leakage, which needs --against" in text
    assert "Not looked for: similar-leakage, which needs --against and --similar" in text
    widths = re.findall(r'class="bar" style="width: (.*?)%"', text)
    assert widths == ["100.0", "83.3"]


def test_names_are_text_and_pages_are_bounded(photos):
    root, names = photos
    names = [name.replace("\n", "") for name in names]
    places = [ImagePlace(name, "a") for name in names]
    group = Finding(tuple(places[:20]), "<b>bold</b>")
    findings = {kind: [group] * 300 for kind in KINDS if kind != "unreadable"}
    found = found_in(root, findings, against=root, similar=0.9)
    report = inspection_report(found, command="rebalance <i>")
    assert report.size < 10_000_000
    assert 0 < report.pictures <= PICTURES
    assert "<img src=x" not in report.text
    assert "<b>" not in report.text
    assert "<i>" not in report.text
    shown = pictures(report.text)
    assert unescape(shown[0][1]) == names[0]
    assert f"and {20 - TOGETHER} more images" in report.text
    each = PICTURES // len(findings) // TOGETHER
    assert f"The first {each} are shown; {300 - each} more, which --json has." in report.text


def test_few_kinds_show_forty_groups_each(photos):
    root, names = photos
    pairs = [
        Finding((ImagePlace(names[i % 30], "a"), ImagePlace(names[(i + 1) % 30], "a")))
        for i in range(41)
    ]
    report = inspection_report(found_in(root, {"duplicates": pairs}))
    assert report.pictures == 2 * GROUPS
    assert "The first 40 are shown; 1 more" in report.text
    assert report.text == inspection_report(found_in(root, {"duplicates": pairs}), workers=3).text


def test_a_baseline_and_gates_that_hold_are_told(tmp_path):
    found = found_in(tmp_path, {}, baseline=tmp_path / "old.json", known={"duplicates": 7})
    text = inspection_report(found, Gates(3, ("duplicates",))).text
    assert "All gates passed</a>." in text
    assert "Only what is new since" in text
    assert "7 known from it" in text
    assert "Looked for, and none new found: unreadable, duplicates" in text
    with pytest.raises(SettingError, match="--against"):
        inspection_report(found, Gates(None, ("leakage",)))


def test_sizes_and_odd_folders(tmp_path):
    lost = tuple(Unreadable(f"a/{i}.png", "a", "empty file (0 bytes)") for i in range(250))
    found = Inspection(
        tmp_path, {"a": 250, "\udcff": 0}, lost, Span(9, 9, 9), Span(1, 2, 3), {"L": 4}
    )
    text = inspection_report(found).text
    assert "Files that cannot be decoded; the first 200 of 250." in text
    assert text.count("empty file (0 bytes)") == 200
    assert "<dd>9 px</dd>" in text
    assert "1 to 3 px, median 2" in text
    assert "the largest class to the smallest: inf</a>" in text
    assert "udcff" in text


def test_an_image_that_is_gone_is_a_cross(tmp_path):
    twins = Finding((ImagePlace("a/1.png", "a"), ImagePlace("a/2.png", "a")))
    assert len(pictures(inspection_report(found_in(tmp_path, {"duplicates": [twins]})).text)) == 2
