"""The sentences of advice: they say what the figures say, in plain words and good grammar."""

import re

import pytest
from advice_records import candidate, collected, gain, helped, look, unhelped

from rebalance.advice.plain_text import plain_text
from rebalance.advice.quantities import amount
from rebalance.advice.words import questions, told
from rebalance.records import AdviceRecord

NOUN = r"(image|file|group|classe?|trial|minute)"


def sentences(record: AdviceRecord) -> list[str]:
    steps = [record["do"], record["second"]]
    return [
        *(text for step in steps if step for text in step["sentences"]),
        *(each["sentence"] for each in record["looks"]),
        *(each["sentence"] for each in record["open"]),
        *record["cutting"],
        *record["no_help"],
    ]


def test_a_recommendation_says_what_it_brings_and_to_which_class() -> None:
    record = told(helped())
    first, brings, *more = record["do"]["sentences"]
    assert first.startswith("Add blends of images of two classes") and "(skew-mix)" in first
    assert "about 3 more are recognised than by doing nothing, between 2 and 4" in brings
    assert ".800 to .831; +.031, +.021 to +.041" in brings
    text = " ".join(more)
    assert "That is from 20 trials, each taught by 4 of 5 parts" in text
    assert "about 2 more of 100 than dividing by the class shares alone (prior)" in text
    assert "On the test images, by which nothing was chosen, it helps as well: about 3 more" in text
    assert "trash, goes from 61 of 100 of its images recognised to 73 of 100" in text
    assert "paper from 93 of 100 to 90 of 100" in text and "glass from" not in text
    assert "calibration error .050, then .180" in text and "--calibrate" in text
    assert "cannot show" not in text


def test_what_is_recommended_without_proof_says_so() -> None:
    record = helped()
    for each in record["candidates"]:
        if each["standing"] == "recommended":
            each["gain"] = {"pairs": 20, "mean": 0.012, "low": -0.004, "high": 0.028}
    text = " ".join(told(record)["do"]["sentences"])
    assert "These images alone cannot show that it helps; it is recommended since" in text


def test_what_else_was_tried_is_told_by_what_it_is() -> None:
    record = told(helped())
    assert "trains on 548 of 986 images (56 %) and costs something" in record["cutting"][0]
    text = " ".join(record["no_help"])
    assert "coverage" not in text  # it cuts
    assert "as far as these images can show: smote (+.004, -.006 to +.014)" in text
    assert "Better than doing nothing too" in text and "weighted (+.020" in text
    assert record["second"] is not None
    without = record["second"]["sentences"]
    assert without[0].endswith(
        "divide the probability of each class by its share of what was trained on (prior)."
    )
    assert without[-1] == "That is .019 less than what is recommended brings."
    hardly, unknown = (each["sentence"] for each in record["open"])
    assert hardly == "eos was hardly tried for want of time: a longer --budget would tell."
    assert "smote may be better than skew-mix" in unknown and "about 900 more images" in unknown


def test_where_nothing_helps_that_is_the_advice() -> None:
    record = told(unhelped())
    first, *more = record["do"]["sentences"]
    assert first.startswith("Leave the images as they are: 99.5 of 100 images")
    assert "a longer --budget may tell more" in " ".join(more)
    assert "the 361 images of '7' are of 12 groups" in record["looks"][1]["sentence"]
    assert "about 1 more group (9,000 more images)" in record["open"][0]["sentence"]
    assert record["second"] is None and record["cutting"] == []


def test_test_images_are_heard_whatever_they_say() -> None:
    record = helped()
    for mean, said in ((-0.03, "it does harm, so look into that"), (0.0, "it cannot be told")):
        record["candidates"][0]["test_gain"] = gain(mean, 0.01)
        assert said in " ".join(told(record)["do"]["sentences"])
    other = unhelped()
    other["candidates"][1]["test_gain"] = gain(0.04, 0.01)
    text = " ".join(told(other)["do"]["sentences"])
    assert "prior is better than doing nothing all the same: about 4 more of 100" in text


def test_what_was_hardly_tried_is_one_question_and_no_verdict() -> None:
    record = helped()
    for each in record["candidates"]:
        if each["name"] in ("weighted", "random-under"):
            each["gain"] = gain(0.09, None, pairs=1)
    once = told(record)
    assert "weighted" not in " ".join(once["no_help"])
    assert once["cutting"][1] == "Hardly tried, so that this says little: random-under (+.090)."
    record["do"]["name"], record["candidates"][0]["standing"] = "nothing", "no help"
    nothing = next(each for each in record["candidates"] if each["name"] == "nothing")
    nothing["standing"] = "recommended"
    assert "The best treatment is skew-mix" in " ".join(told(record)["do"]["sentences"])
    record = helped()
    asked = {"sentence": "", "images": None, "groups": None}
    record["open"] = [{"question": name, **asked} for name in ("eos", "smote", "mixup")]
    record = told(record)
    assert record["open"][1]["sentence"].endswith("and it would take too many more to hope for.")
    assert questions(record) == [
        record["open"][1]["sentence"],
        "eos and mixup were hardly tried for want of time: a longer --budget would tell.",
    ]


def test_one_is_not_told_in_the_plural_nor_several_in_the_singular() -> None:
    record = unhelped()
    record["story"] |= {"counts": {"a": 2, "b": 1}, "folds": 2, "budget": 60.0}
    record["looks"] = [
        look(kind, {"a": 1})
        for kind in ("unreadable", "conflicts", "leakage", "look-alikes", "groups", "few")
    ] + [look("imbalance", {"a": 2, "b": 1}), look("imbalance", {"a": 1})]
    record["rounds"] = [{**record["rounds"][0], "pairs": 1}]
    for text in sentences(told(record)) + sentences(told(helped())):
        assert not re.search(rf"\b1 (more )?{NOUN}s\b", text), text
        assert not re.search(rf"[2-9] (more )?{NOUN}\b", text), text
        assert text.endswith(".") and "  " not in text and "None" not in text, text


@pytest.mark.parametrize(
    ("mean", "half", "whole", "about", "between"),
    [
        (0.012, 0.009, 100, "about 1 more", "between 0.3 and 2"),
        (-0.03, 0.02, 100, "about 3 fewer", "between 1 and 5"),
        (0.004, 0.007, 1000, "about 4 more", "between 3 fewer and 11 more"),
        (0.0002, 0.02, 100, "no more", "between 2 fewer and 2 more"),
        (0.05, None, 100, "about 5 more", "by too few trials to say how far that is off"),
    ],
)
def test_amounts_read_as_their_figures(mean, half, whole, about, between) -> None:
    found = amount(gain(mean, half))
    assert found is not None
    assert (found.whole, found.about, found.between) == (whole, about, between)
    assert amount(gain(None)) is None


def test_whatever_a_class_is_called_a_sentence_stays_a_line() -> None:
    name = "a\nb\x1b[31m\udcff" + "c" * 200
    record = unhelped()
    record["looks"] = [look("imbalance", {name: 9, "b": 3}), look("few", {name: 3})]
    record["candidates"][0]["worst"] = {"name": name, "before": 0.5, "after": 0.5}
    for text in sentences(told(record)):
        assert text.isprintable() and len(text) < 400


def test_nothing_tried_and_unknown_looks_are_no_error() -> None:
    record = helped()
    record["candidates"], record["rounds"] = [], []
    record["looks"] = [look("something new", {"a": 1})]
    assert "Nothing could be tried" in told(record)["do"]["sentences"][0]
    assert told(record)["looks"][0]["sentence"] == ""


def test_treatments_that_are_not_known_go_by_their_names() -> None:
    record = helped()
    record["candidates"] = [
        candidate("enn", 0.1, "recommended"),
        candidate("smote to=0.5x + weighted + prior", 0.0, "no help"),
    ]
    one, other = told(record)["candidates"]
    assert one["does"] == "rebalance the images by enn"
    assert other["does"].startswith("add blends of images that are alike within a small class, up ")
    assert "0.5 times the largest class, weigh the loss" in other["does"]


def test_a_terminal_shows_the_recommendation_first_and_everything_in_few_lines() -> None:
    for record in (told(helped()), told(unhelped())):
        lines = plain_text(record, "advice").splitlines()
        assert lines[0] == "What to do:" and record["do"]["sentences"][0][:60] in lines[1]
        assert len(lines) < 50 and max(map(len, lines)) <= 80
        assert all(line.isprintable() for line in lines)
    assert "What to collect" not in plain_text(helped(), "advice")
    text = plain_text(told({**helped(), "collection": collected()}), "advice")
    assert "What to collect:\n- 100 more images of 'trash' bring +.030" in text
    assert text.index("What was seen") < text.index("What cutting costs (the page has 2 more)")
    assert "sh advice/do.sh\n" in text
    assert "sh advice/do.sh TEST\n" in plain_text(told(unhelped()), "advice")
    assert max(map(len, plain_text(told(helped()), "advice", 40).splitlines())) <= 40
