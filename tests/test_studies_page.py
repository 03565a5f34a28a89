"""The page about a study: what it says, and that it fetches nothing."""

import re
from dataclasses import replace

import pytest
from test_studies_results import LDAM, NOTHING, SUBCLASS, outcomes, summarised

from rebalance.studies.page import study_report

STORY = {
    "data": "Trash & <b>Net",
    "command": "rebalance study trash.toml -o DIR/",
    "classes": {"glass": 501, "trash": 137},
    "depth": "probe",
    "extractor": {"arch": "resnet18", "image_size": None},
    "seeds": [0, 1, 2],
    "plan": [{"too": "deep"}],
}


def test_the_answer_comes_first_and_names_are_text() -> None:
    page = study_report(summarised(outcomes()), STORY).text
    assert page.index("1 of 2 treatments is better than doing nothing") < page.index("<main>")
    assert "<b>Net" not in page
    assert "Trash &amp; &lt;b&gt;Net" in page


def test_it_shows_figures_numbers_cost_and_the_command() -> None:
    report = study_report(summarised(outcomes()), STORY)
    assert report.pictures == 2
    assert sorted(report.figures) == [
        *("beside-nothing.png", "beside-nothing.svg", "beside-random.png", "beside-random.svg")
    ]
    for text in ("not distinguishable", "What one seed and fold costs", "Bonferroni"):
        assert text in report.text
    assert "rebalance study trash.toml -o DIR/" in report.text
    assert "glass 501, trash 137" in report.text
    assert "<td>arch resnet18</td>" in report.text
    assert "too" not in re.findall(r"<th scope=\"row\">(\w+)</th>", report.text)
    assert "On the test images" in report.text


def test_it_fetches_nothing() -> None:
    page = study_report(summarised(outcomes()), STORY).text
    assert not re.findall(r"(?:src|href)=\"(?!data:|#)", page)
    assert page.count("<script>") == page.count("<script") == 1  # the page's own


def test_without_test_images_or_random_controls_it_says_nothing_of_them() -> None:
    found = outcomes({NOTHING: 0.0, LDAM: 0.1}, test=False)
    report = study_report(summarised(found), {})
    assert report.pictures == 1
    assert "test images" not in report.text
    assert "these images" in report.text


def test_without_any_pair_there_is_no_figure() -> None:
    report = study_report(summarised(outcomes({SUBCLASS: 0.1})), STORY)
    assert report.pictures == 0
    assert "There is no pair" in report.text
    assert "not run yet" in report.text


def test_recalls_of_classes_have_a_table_of_their_own() -> None:
    found = [
        replace(each, metrics={**each.metrics, "recall:glass": 0.5, "recall:trash": 0.25})
        for each in outcomes()
    ]
    page = study_report(summarised(found), STORY).text
    assert "Recall of each class" in page
    assert page.count('<th scope="row">glass</th>') == 1


@pytest.mark.parametrize("metric", ["balanced_accuracy", "log_loss"])
def test_the_axis_says_which_way_is_better(metric: str) -> None:
    svg = study_report(summarised(outcomes(), metric=metric), STORY).figures["beside-nothing.svg"]
    way = "left" if metric == "log_loss" else "right"
    assert f"difference ({way} is better)" in svg.decode()
