"""The page of advice, and the report of a folder that holds advice."""

import json
import re

import numpy as np
import pytest
from advice_records import collected, helped, look, unhelped
from PIL import Image
from schemas import faults
from test_page import HOSTILE, Reader

import rebalance
from rebalance.advice.page import advice_report
from rebalance.advice.page.sights import is_inside
from rebalance.advice.words import told
from rebalance.errors import DataError
from rebalance.records import AdviceRecord
from rebalance.reports import Report


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of advice about images of which one is lost, under a name that is no mark-up."""
    root = tmp_path_factory.mktemp("photos")
    (root / HOSTILE.replace("/", "")).mkdir()
    names = [f"{HOSTILE.replace('/', '')}/{number}.png" for number in range(8)]
    for name in names:
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(root / name)
    record = helped()
    record["story"] |= {"root": str(root), "data": HOSTILE}
    record["looks"].append(look("conflicts", {HOSTILE: 9}, [[*names, "gone.png"]], warning=True))
    record["looks"].append(look("look-alikes", {"a": 1}, [["../outside.png", "gone.png"]]))
    for each in record["candidates"]:
        each["classes"] = [{**each["classes"][0], "name": HOSTILE}, *each["classes"][1:]]
    record["do"]["commands"].append(f"rebalance train '{HOSTILE}'")
    place = tmp_path_factory.mktemp("advice")
    (place / "advice.json").write_text(json.dumps(told(record)))
    return place


@pytest.fixture(scope="module")
def made(folder) -> Report:
    return rebalance.report(folder, folder / "advice.html", workers=0)


def test_the_recommendation_comes_first_and_names_are_text(folder, made) -> None:
    reader = Reader((folder / "advice.html").read_text())
    assert made.text.index("Add blends of images of two classes") < made.text.index("<main>")
    tags = [tag for tag, _ in reader.tags]
    assert "b" not in tags and tags.count("script") == 1  # the page's own
    assert f"rebalance train '{HOSTILE}'" in reader.text
    assert not re.search(r'(src|href)="(?!data:|#)', made.text)


def test_it_shows_gains_classes_rounds_and_what_was_seen(made) -> None:
    reader = Reader(made.text)
    for text in (
        "On the parts left out",
        "On the test images",
        "coverage-typical to=4x + prior, random-under",  # dropped after the first round
        "+.031 (+.021 to +.041)".replace(" ", "\N{NO-BREAK SPACE}"),
        "Recall of each class",
        "To ask again",
        "smote may be better than skew-mix",
    ):
        assert text in reader.text, text
    assert sorted(made.figures) == sorted(
        f"{name}.{kind}" for name in ("gain", "test_gain", "classes") for kind in ("png", "svg")
    )
    assert made.figures["gain.svg"].count(b"</svg>") == 1
    # Every section that the page leads to is there, once.
    targets = re.findall(r'href="#([\w-]+)"', made.text)
    assert sorted(targets) == sorted(re.findall(r'<section id="([\w-]+)"', made.text))


def test_images_are_shown_as_far_as_they_are_inside_and_there(made) -> None:
    pictures = [at for tag, at in Reader(made.text).tags if tag == "img"]
    assert sum((at["src"] or "").startswith("data:image/jpeg") for at in pictures) == 6
    assert "and 3 more images" in made.text
    assert "5 images can no longer be found" in made.text  # each once, none from outside
    assert not is_inside("../a.png") and not is_inside("/a.png") and is_inside("a/b.png")


def test_where_nothing_helps_there_is_a_page_as_well() -> None:
    record = unhelped()
    record["looks"].append(look("conflicts", {"7": 2}, [["7/a.png", "7/b.png"]]))
    page = advice_report(told(record))
    text = Reader(page.text).text
    assert "2 images can no longer be found in /photos/train" in text
    assert "Without training" not in text and "On the test images" not in text
    assert "Hollow: by doing nothing" not in text
    nothing_tried: AdviceRecord = {**record, "candidates": [], "rounds": [], "looks": []}
    assert advice_report(told(nothing_tried)).pictures == 0


def test_what_to_collect_is_shown_where_it_is_known() -> None:
    record = json.loads(json.dumps(told({**unhelped(), "collection": collected()})))
    assert faults("advice", record) == [] == faults("advice", told(helped()))
    page = advice_report(record)
    text = Reader(page.text).text.replace("\N{NO-BREAK SPACE}", " ")
    assert "100 more images of 'trash' bring +.030" in text
    assert "100 more: +.030 (+.020 to +.040); 200 more: +.060 (+.050 to +.070)" in text
    assert "it has 2 groups" in text
    svg = page.figures["collection.svg"].decode()
    assert ">trash<" in svg and ">paper<" in svg and ">glass<" not in svg
    assert "times what the class has now" in svg and ">1/8<" in svg


def test_the_same_advice_gives_the_same_page(folder, made) -> None:
    assert rebalance.report([folder]).text == made.text


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("{", "is no advice"),
        ('{"format": 2}', "has format 2"),
        ('{"format": 1}', "is damaged .advice lacks"),
    ],
)
def test_advice_that_cannot_be_read_is_one_line(tmp_path, damage, message) -> None:
    (tmp_path / "advice.json").write_text(damage)
    with pytest.raises(DataError, match=message) as raised:
        rebalance.report(tmp_path, tmp_path / "a.html")
    assert "\n" not in str(raised.value)
    with pytest.raises(DataError, match="report on it by itself"):
        rebalance.report([tmp_path, tmp_path])
    assert not (tmp_path / "a.html").exists()
