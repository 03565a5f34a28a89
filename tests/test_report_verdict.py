"""What pages of manifests and inspections open with: true numbers that lead to their places."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from test_page import Reader
from test_report import clustered

from rebalance.inspection import KINDS, Finding, Gates, ImagePlace, Inspection
from rebalance.manifest import Manifest, Row
from rebalance.reports.inspections import inspection_report
from rebalance.reports.manifests import manifest_report

LINE = re.compile(r"<li>(.*?)</li>", re.S)


def verdict(text):
    """The sentences of a page, and the ids that they lead to, all of which must be there."""
    lines = LINE.findall(text.partition('<ul class="verdict">')[2].partition("</ul>")[0])
    places = [re.findall(r'href="#(.*?)"', line) for line in lines]
    ids = {at["id"] for _, at in Reader(text).tags if at.get("id")}
    assert {place for each in places for place in each} <= ids
    sentences = [Reader(line).text.replace("\N{NARROW NO-BREAK SPACE}", "") for line in lines]
    return dict(zip(sentences, places, strict=True))


def test_a_manifest_opens_with_what_its_records_say(tmp_path):
    manifest = clustered(tmp_path, [1200, 9, 4], kept=2)
    stories = manifest.record["per_class"]
    for name, chance, times in (("c0", True, 0.8), ("c1", False, 1.2), ("c2", False, 1.0)):
        cover = {"kept": {}, "random": {}, "mean_closer": times}
        stories[name] |= {"above_chance": chance, "cover": cover}
    stories["c2"]["note"] = "too few"
    record = {
        "imbalance_ratio": {"before": 300.0, "after": 1.5},
        "suspects": [
            {"file_name": name, "label": "c0", "why": "odd"}
            for name in (manifest.rows[0].file_name, manifest.dropped[0].file_name)
        ],
        "unreadable": [{"file_name": "c0/x.png", "label": "c0", "reason": "empty"}],
    }
    manifest = replace(manifest, record={**manifest.record, **record})
    total = len(manifest.rows) + len(manifest.dropped)
    close = "the rest than random picks in 1 of 3 classes"
    assert verdict(manifest_report(manifest, Path("m.csv")).text) == {
        "Imbalance ratio, the largest class to the smallest: 300.00 → 1.50.": ["samples"],
        f"{len(manifest.dropped)} of {total} images are left out, in 2 of 3 classes.": ["samples"],
        "In 2 of 3 classes the groups are no better than chance: c1, c2.": [
            "class-1",
            "class-1",
            "class-2",
        ],
        f"The images kept lie farther from {close}, 0.80 times as close: c0.": 2
        * ["class-0-cover"],
        f"The images kept lie closer to {close}, 1.20 times as close: c1.": 2 * ["class-1-cover"],
        "1 of 2 images that look out of place is kept.": ["suspects"],
        "1 file could not be read.": ["unreadable"],
        "Not all went as asked in 1 of 3 classes: c2.": 2 * ["class-2"],
    }


@pytest.mark.parametrize(
    ("known", "sentence"),
    [
        ({"a": 3}, "This manifest changes nothing: it lists 3 images, each once."),
        ({"a": 4}, "It lists 3 samples of 1 class; nothing tells what they were chosen from."),
    ],
)
def test_a_manifest_that_changes_nothing_says_so(tmp_path, known, sentence):
    rows = tuple(Row(f"a/{number}.png", "a") for number in range(3))
    manifest = Manifest(tmp_path, ("a",), rows, record={"counts": {"before": known}})
    assert list(verdict(manifest_report(manifest, Path("m.csv")).text)) == [sentence]
    grown = replace(manifest, rows=(*rows, replace(rows[0], kind="duplicate")))
    (added,) = verdict(manifest_report(grown, Path("m.csv")).text)
    assert added == "1 sample is added, in 1 of 1 class (1 repeated)."


def test_an_inspection_opens_with_what_it_found(tmp_path):
    one, two, three = (ImagePlace(f"a/{number}.png", "a") for number in range(3))
    findings = {
        "duplicates": (Finding((one, two)), Finding((two, three))),
        "uniform": (Finding((one,)),),
    }
    every = {kind: findings.get(kind, ()) for kind in KINDS}
    found = Inspection(tmp_path, {"a": 30, "b": 3}, (), findings=every)
    assert verdict(inspection_report(found, Gates(3)).text) == {
        "33 images of 2 classes; imbalance ratio, the largest class to the smallest: 10.00.": [
            "classes"
        ],
        "1 class has fewer than 20 readable images: b.": ["classes", "classes"],
        "1 of 1 gate failed.": ["gates"],
        "3 images in 2 groups: equal files in one class.": ["duplicates"],
        "1 image: nearly nothing to see.": ["uniform"],
    }
    clean = Inspection(tmp_path, {"a": 30}, (), findings=dict.fromkeys(KINDS, ()))
    assert "Nothing is wrong with the images, as far as was looked." in verdict(
        inspection_report(clean).text
    )
