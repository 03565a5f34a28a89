"""What a study came to: rows, comparisons, words, and the four files."""

import csv
import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from schemas import faults

from rebalance.errors import DataError, OutputError, SettingError
from rebalance.records import StoryRecord
from rebalance.records.study import TOLD
from rebalance.studies import words
from rebalance.studies.answer import answer
from rebalance.studies.outcomes import Controls, Outcome, Treatment
from rebalance.studies.results import Results, summarise
from rebalance.studies.summaries import BETTER, UNTOLD, WORSE
from rebalance.studies.tables import CSV_HEADER, class_rows, table
from rebalance.studies.writing import as_record, write_results

NOTHING, RANDOM = Treatment(), Treatment("random")
SUBCLASS, LDAM = Treatment("subclass"), Treatment(loss="ldam", regime="drw")
CONTROLS = {
    NOTHING: Controls(NOTHING, None),
    RANDOM: Controls(NOTHING, None),
    SUBCLASS: Controls(NOTHING, RANDOM),
    LDAM: Controls(NOTHING, None),
}
EFFECTS = {NOTHING: 0.0, RANDOM: 0.0, SUBCLASS: 0.1, LDAM: -0.1}


def outcomes(
    effects: Mapping[Treatment, float] = EFFECTS,
    seeds: int = 3,
    folds: int = 5,
    noise: float = 0.01,
    test: bool = True,
) -> list[Outcome]:
    """Pairs differ much, treatments within a pair as told, and log loss the other way round."""
    rng = np.random.default_rng(0)
    found = []
    for seed in range(seeds):
        for fold in range(folds):
            level = 0.6 + rng.normal(0, 0.05)
            for treatment, effect in effects.items():
                value = level + effect + rng.normal(0, noise)
                metrics = {"balanced_accuracy": value, "log_loss": 1 - value}
                tested = {"balanced_accuracy": value - 0.3 * effect} if test else None
                found.append(Outcome(treatment, seed, fold, metrics, tested, 100, 120, 2.0))
    return found


def of(
    results: Results, treatment: Treatment, metric: str = "balanced_accuracy", on: str = "metrics"
):
    (row,) = [row for row in results.rows if row.treatment == treatment]
    return getattr(row, on)[metric]


def summarised(found: list[Outcome], **options: object) -> Results:
    given = {"metric": "balanced_accuracy", "seed": 0, **options}
    return summarise(found, CONTROLS, **given)  # type: ignore[arg-type]


def test_rows_are_sorted_by_the_mean_and_summarised_as_numpy_does() -> None:
    found = outcomes()
    results = summarised(found)
    assert results.rows[0].treatment == SUBCLASS
    assert results.rows[-1].treatment == LDAM
    assert {row.treatment: row.role for row in results.rows} == {
        NOTHING: "nothing",
        RANDOM: "random",
        SUBCLASS: "treatment",
        LDAM: "treatment",
    }
    values = [x.metrics["balanced_accuracy"] for x in found if x.treatment == SUBCLASS]
    summary = of(results, SUBCLASS)
    assert summary.count == 15
    assert summary.median == pytest.approx(np.median(values))
    assert summary.mean == pytest.approx(np.mean(values))
    assert summary.quartiles == pytest.approx(np.quantile(values, (0.25, 0.75)))
    assert summary.extremes == pytest.approx((min(values), max(values)))
    row = results.rows[0]
    assert (row.images, row.samples, row.seconds, row.outcomes) == (100, 120, 2.0, 15)


def test_differences_are_taken_pair_by_pair() -> None:
    found = outcomes()
    value = {(x.treatment, x.seed, x.fold): x.metrics["balanced_accuracy"] for x in found}
    expected = np.mean(
        [value[SUBCLASS, s, f] - value[RANDOM, s, f] for s in range(3) for f in range(5)]
    )
    results = summarised(found)
    beside = of(results, SUBCLASS).random
    assert beside.mean == pytest.approx(expected)
    assert beside.pairs == 15
    assert of(results, NOTHING).nothing is None
    assert of(results, NOTHING).random is None
    assert of(results, LDAM).random is None
    # Pairs differ by five times as much as noise does: only within pairs can this be told.
    assert of(results, SUBCLASS).nothing.verdict == BETTER
    assert of(results, RANDOM).nothing.verdict == UNTOLD
    assert of(results, LDAM).nothing.verdict == WORSE


def test_a_metric_of_which_less_is_better_turns_the_order_and_the_verdict() -> None:
    results = summarised(outcomes(), metric="log_loss")
    assert results.rows[0].treatment == SUBCLASS
    assert of(results, SUBCLASS, "log_loss").nothing.mean < 0
    assert of(results, SUBCLASS, "log_loss").nothing.verdict == BETTER
    assert of(results, LDAM, "log_loss").nothing.verdict == WORSE


def test_test_images_are_summarised_and_sort_nothing() -> None:
    found = [
        replace(
            each, test={"balanced_accuracy": 1.0 if each.treatment == LDAM else 0.1 * each.fold}
        )
        for each in outcomes()
    ]
    results = summarised(found)
    assert [row.treatment for row in results.rows] == [
        row.treatment for row in summarised(outcomes()).rows
    ]
    assert of(results, LDAM, on="test").median == 1.0
    assert of(results, LDAM, on="test").nothing.pairs == 15


def test_the_interval_of_all_is_wider_than_the_one_alone_and_decides() -> None:
    results = summarised(outcomes())
    for row in results.rows:
        for found in row.metrics.values():
            for beside in (found.nothing, found.random):
                if beside is None:
                    continue
                assert beside.together.low <= beside.alone.low <= beside.mean
                assert beside.mean <= beside.alone.high <= beside.together.high
                assert (beside.verdict == UNTOLD) == (
                    beside.together.low <= 0 <= beside.together.high
                )
    assert results.comparisons == {"nothing": 3, "random": 1, "prior": 0}
    only = of(results, SUBCLASS).random  # one comparison alone is all there are
    assert only.together == only.alone


def test_treatments_that_do_nothing_are_hardly_ever_called_better() -> None:
    many = [Treatment(f"t{number}") for number in range(20)]
    controls = {each: Controls(NOTHING, None) for each in (NOTHING, *many)}
    told = 0
    for trial in range(20):
        rng = np.random.default_rng(trial)
        found = [
            Outcome(each, 0, fold, {"m": float(rng.normal())}, None, 1, 1, 1.0)
            for each in (NOTHING, *many)
            for fold in range(5)
        ]
        results = summarise(found, controls, metric="m", seed=trial)
        told += any(
            row.metrics["m"].nothing is not None and row.metrics["m"].nothing.verdict != UNTOLD
            for row in results.rows
        )
    assert told <= 2


def test_pairs_that_one_side_lacks_are_no_pairs_and_are_told() -> None:
    found = [
        each
        for each in outcomes()
        if not (each.treatment == SUBCLASS and each.seed == 2)
        and not (each.treatment == NOTHING and (each.seed, each.fold) == (0, 0))
    ]
    results = summarised(found)
    assert of(results, SUBCLASS).count == 10
    assert of(results, SUBCLASS).nothing.pairs == 9
    assert of(results, SUBCLASS).random.pairs == 10
    notes = words.notes(results)
    assert any("subclass: 10 of 15 pairs" in note for note in notes)
    assert any("nothing: 14 of 15 pairs" in note for note in notes)


def test_without_a_control_there_are_values_and_no_differences() -> None:
    results = summarised([each for each in outcomes() if each.treatment == SUBCLASS])
    beside = of(results, SUBCLASS).nothing
    assert (beside.pairs, beside.mean, beside.together, beside.verdict) == (0, None, None, UNTOLD)
    assert "no treatment yet" in answer(results, "x")[0]
    assert any("not run yet" in note for note in words.notes(results))


def test_undefined_metrics_are_left_out_and_told() -> None:
    found = [
        replace(each, metrics={**each.metrics, "log_loss": math.nan})
        if each.treatment == SUBCLASS and each.fold == 1
        else each
        for each in outcomes()
    ]
    results = summarised(found)
    summary = of(results, SUBCLASS, "log_loss")
    assert (summary.count, summary.undefined, summary.nothing.pairs) == (12, 3, 12)
    assert any("log loss is not defined in 3 of 15" in note for note in words.notes(results))


def test_a_metric_that_is_never_defined_has_no_summary_and_sorts_last() -> None:
    found = [
        replace(each, metrics={"balanced_accuracy": math.nan})
        if each.treatment == SUBCLASS
        else each
        for each in outcomes()
    ]
    results = summarised(found)
    assert results.rows[-1].treatment == SUBCLASS
    assert of(results, SUBCLASS).median is None
    assert of(results, SUBCLASS).nothing.mean is None
    assert len(table(results)[1]) == 4


def test_ties_are_told_and_never_better() -> None:
    found = outcomes(noise=0.0)
    results = summarised(found)
    assert of(results, RANDOM).nothing.together is None
    assert of(results, SUBCLASS).nothing.verdict == UNTOLD  # +0.1 in every pair: no spread
    notes = words.notes(results)
    assert "random: the same as doing nothing in every pair." in notes
    assert any("subclass: differs from doing nothing by the same amount" in note for note in notes)


@pytest.mark.parametrize(
    ("seeds", "folds", "said"), [(1, 5, "One seed:"), (1, 3, "3 pairs"), (2, 2, "4 pairs")]
)
def test_few_seeds_are_told(seeds: int, folds: int, said: str) -> None:
    notes = words.notes(summarised(outcomes(seeds=seeds, folds=folds)))
    assert any(note.startswith(said) for note in notes)


def test_one_pair_tells_nothing_apart() -> None:
    results = summarised(outcomes(seeds=1, folds=1), held_out=0.2)
    assert {of(results, each).nothing.verdict for each in (RANDOM, SUBCLASS, LDAM)} == {UNTOLD}
    assert words.notes(results)[0].startswith("One seed and one fold")
    assert "+0.1" in table(results)[1][0][3]


def test_a_larger_share_held_out_is_a_wider_interval() -> None:
    def width(share: float | None) -> float:
        low, high = of(summarised(outcomes(), held_out=share), SUBCLASS).nothing.together
        return high - low

    assert width(None) == width(0.2) < width(0.5)
    assert summarised(outcomes(folds=1)).held_out == 0.5


def test_no_mean_is_said_to_be_beyond_what_the_metric_can_be() -> None:
    found = [
        replace(each, metrics={"balanced_accuracy": value, "other": value})
        for each, value in zip(outcomes(seeds=1, folds=3)[::4], (0.99, 0.2, 0.95), strict=True)
    ]
    results = summarised(found)
    assert of(results, NOTHING).interval == (0, 1)
    assert of(results, NOTHING, "other").interval[1] > 1


def test_errors_say_what_is_missing() -> None:
    with pytest.raises(DataError, match="at least one outcome"):
        summarised([])
    with pytest.raises(DataError, match="two for seed 0, fold 0"):
        summarised([*outcomes(), outcomes()[0]])
    with pytest.raises(DataError, match="needs its controls"):
        summarised([replace(outcomes()[0], treatment=Treatment("other"))])
    with pytest.raises(SettingError, match="did you mean 'balanced_accuracy'"):
        summarised(outcomes(), metric="balanced")
    with pytest.raises(SettingError, match="between 0 and 1"):
        summarised(outcomes(), held_out=1.0)


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        ({SUBCLASS: 0.1, LDAM: -0.1}, "On X 1 of 2 treatments is better than doing nothing in"),
        ({SUBCLASS: 0.1, LDAM: 0.2}, "On X 2 of 2 treatments are better"),
        ({SUBCLASS: 0.0}, "On X nothing that was tried is distinguishable from doing nothing"),
        ({SUBCLASS: -0.2}, "On X nothing that was tried is distinguishably better"),
        ({SUBCLASS: 0.1}, "On X the one treatment that was tried is better"),
    ],
)
def test_the_answer_is_a_sentence(effects: dict[Treatment, float], said: str) -> None:
    results = summarised(outcomes({NOTHING: 0, RANDOM: 0, **effects}))
    assert answer(results, "X")[0].startswith(said)


def test_the_answer_says_what_the_random_control_says() -> None:
    assert answer(summarised(outcomes()), "X")[2] == (
        "Beside images drawn at random to the same sizes, subclass is better."
    )
    alike = summarised(outcomes({NOTHING: 0, RANDOM: 0.1, SUBCLASS: 0.1}, test=False))
    assert answer(alike, "X")[1:] == [
        "Random is a random control and better than doing nothing too.",
        "Beside images drawn at random to the same sizes, none of 1 is distinguishable.",
    ]


PRIOR = Treatment(threshold="prior")


@pytest.mark.parametrize(
    ("effects", "said"),
    [
        (
            {PRIOR: 0.1, SUBCLASS: 0.2, LDAM: 0.0},
            ["is better than doing nothing: +0.1", "Subclass beats it; the one other treatment d"],
        ),
        ({PRIOR: 0, SUBCLASS: 0.2, LDAM: 0.2}, ["is not distinguishable fr", "beat it."]),
        (
            {PRIOR: 0.1, SUBCLASS: 0.1, LDAM: 0.0},
            ["is better", "None of 2 treatments beats it, an"],
        ),
        ({PRIOR: -0.1, SUBCLASS: -0.1}, ["is worse than", "Subclass, the one treatment that was"]),
    ],
)
def test_a_treatment_that_does_not_beat_the_threshold_alone_is_told_so(
    effects: dict[Treatment, float], said: list[str]
) -> None:
    beside = {each: replace(CONTROLS[each], prior=PRIOR) for each in (SUBCLASS, LDAM)}
    controls = {**CONTROLS, **beside, PRIOR: Controls(NOTHING, None)}
    found = outcomes({NOTHING: 0, **effects}, test=False)
    results = summarise(found, controls, metric="balanced_accuracy", seed=0)
    assert [row.role for row in results.rows if row.treatment == PRIOR] == ["prior"]
    sentences = answer(results, "X")[1:]
    assert all(part in sentence for part, sentence in zip(said, sentences, strict=True)), sentences
    assert sentences[0].startswith("The threshold alone (prior), which changes no training, is ")
    value = {(x.treatment, x.seed, x.fold): x.metrics["balanced_accuracy"] for x in found}
    expected = np.mean(
        [value[SUBCLASS, s, f] - value[PRIOR, s, f] for s in range(3) for f in range(5)]
    )
    assert of(results, SUBCLASS).prior.mean == pytest.approx(expected)
    header, rows = table(results)
    column = header.index("beside prior")
    assert {row[0] for row in rows if row[column]} == {
        words.name(each) for each in effects if each != PRIOR
    }


def test_the_threshold_alone_is_spoken_of_on_test_images_and_by_each_head() -> None:
    headed = {each: replace(each, head="logistic") for each in (PRIOR, SUBCLASS)}
    priors = {SUBCLASS: PRIOR, headed[SUBCLASS]: headed[PRIOR]}
    controls = {each: Controls(NOTHING, None) for each in (NOTHING, *priors.values())}
    controls |= {each: Controls(NOTHING, None, prior) for each, prior in priors.items()}
    level = {each: 0.5 + 0.2 * (each == SUBCLASS) for each in controls}
    rng = np.random.default_rng(1)
    found = [
        replace(each, test={"balanced_accuracy": level[each.treatment] + rng.normal(0, 0.01)})
        for each in outcomes(dict.fromkeys(controls, 0.0))
    ]
    sentences = answer(summarise(found, controls, metric="balanced_accuracy", seed=0), "X")[2:]
    assert len(sentences) == 2
    assert re.fullmatch(
        r"The threshold alone, which changes no training, is not distinguishable from doing "
        r"nothing as prior( \+ logistic)? and prior( \+ logistic)?; the best mean is .*'s, [+-].*",
        sentences[0],
    )
    assert sentences[-1] == (
        "None of 2 treatments beats that of its own head; on the test images subclass does."
    )


def test_a_record_of_a_study_from_before_heads_and_the_third_control_fits_the_schema() -> None:
    record = as_record(summarised(outcomes()), {})
    record["story"] = dict.fromkeys(TOLD)
    for each in (*record["rows"], *record["outcomes"]):
        del each["treatment"]["head"]
    for row in record["rows"]:
        for summary in (*row["metrics"].values(), *row["test"].values()):
            del summary["prior"]
    wrong = faults("study", json.loads(json.dumps(record)))
    assert not [each for each in wrong if not each.startswith("$.story")]


def test_recalls_of_classes_are_told_without_and_with_the_best_treatment(tmp_path: Path) -> None:
    found = [
        replace(
            each,
            metrics={
                **each.metrics,
                "recall:glass": 0.9,
                "recall:trash": 0.3 + (each.treatment == SUBCLASS) * (0.2 + 0.01 * each.fold),
            },
        )
        for each in outcomes()
    ]
    results = summarised(found)
    header, rows = class_rows(results, {"glass": 501})
    assert header == ["class", "images", "nothing", "subclass", "difference"]
    assert [row[:2] for row in rows] == [["glass", "501"], ["trash", ""]]
    assert rows[1][2] == "0.300" and rows[1][3].startswith("0.520 (0.5")
    assert rows[1][4].startswith("+0.220 (") and rows[1][4].endswith("better")
    assert answer(results, "X")[-1].startswith(
        "The class found worst is trash: 0.300 of its images by doing nothing, and 0.520 by "
        "subclass, +0.220 ("
    )
    assert (
        not class_rows(results, {}, test=True)[1] and not class_rows(summarised(outcomes()), {})[1]
    )
    assert of(results, SUBCLASS, "recall:trash").random is None  # there may be hundreds
    write_results(tmp_path, results, {})
    lines = csv.DictReader((tmp_path / "study.csv").read_text().splitlines())
    means = {row["name"]: row["mean"] for row in lines if row["metric"] == "recall:trash"}
    assert float(means["subclass"]) == pytest.approx(0.52)
    assert "| trash |" in (tmp_path / "study.md").read_text()


def test_the_headline_does_not_say_that_nothing_helps_where_the_test_set_says_better() -> None:
    value, rng = {NOTHING: 0.5, SUBCLASS: 0.7, LDAM: 0.4}, np.random.default_rng(1)
    found = [
        replace(each, test={"balanced_accuracy": value[each.treatment] + rng.normal(0, 0.01)})
        for each in outcomes({NOTHING: 0, SUBCLASS: 0, LDAM: 0}, noise=0.05)
    ]
    results = summarised(found)
    first, second = answer(results, "X")[:2]
    assert first == (
        "On the test images of X subclass is better and ldam + drw is worse than doing nothing in "
        "balanced accuracy (2 of 2 can be told apart)."
    )
    assert second.startswith("On its validation images alone nothing that was tried is dist")
    header, rows = table(results)
    column = header.index("beside nothing, test")
    assert {row[0]: row[column].split()[-1:] for row in rows} == {
        "nothing": [], "subclass": ["better"], "ldam + drw": ["worse"]
    }  # fmt: skip


def test_a_test_set_that_tells_nothing_apart_is_said_to_and_none_is_not_spoken_of() -> None:
    alike = [replace(each, test={"balanced_accuracy": 0.5}) for each in outcomes()]
    assert answer(summarised(alike), "X")[1] == (
        "On its test images nothing that was tried is distinguishable from doing nothing in "
        "balanced accuracy."
    )
    without = summarised(outcomes(test=False))
    assert "test" not in " ".join(answer(without, "X")) + " ".join(table(without)[0])


def test_a_mean_goes_before_a_median() -> None:
    values = {NOTHING: (0.5, 0.5, 0.5), SUBCLASS: (0.2, 0.6, 0.6), LDAM: (0.55, 0.55, 0.5)}
    found = [
        replace(each, metrics={"balanced_accuracy": values[each.treatment][each.fold]})
        for each in outcomes({NOTHING: 0, SUBCLASS: 0, LDAM: 0}, seeds=1, folds=3)
    ]
    assert [row.treatment for row in summarised(found).rows] == [LDAM, NOTHING, SUBCLASS]


def test_classes_of_few_groups_are_named() -> None:
    counts = {"few": 14, "enough": 15}
    story: StoryRecord = {"folds": 5, "groups": "g.csv", "groups_per_class": counts}
    (first, *_) = words.notes(summarised(outcomes()), story)
    assert first.startswith("Classes of fewer groups than 3 for each of 5 folds: few (14).")
    assert not list(words.of_groups({**story, "folds": 4}))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ("photos", "photos"),
        ("/a/b/trashnet/images", "trashnet/images"),
        ("b/train", "b/train"),
        ("/m/lt100.csv", "lt100.csv"),
        (".", "."),
    ],
)
def test_data_are_called_by_their_name(data: str, said: str) -> None:
    assert words.place({"data": data}) == said


def test_names_say_what_is_done() -> None:
    assert words.name(NOTHING) == "nothing"
    assert words.name(LDAM) == "ldam + drw"
    assert (
        words.name(Treatment("ros", "cce", "two-phase", "prior")) == "ros + cce + two-phase + prior"
    )


@pytest.fixture
def write(tmp_path: Path) -> Callable[[list[Outcome]], Path]:
    def write(found: list[Outcome]) -> Path:
        folder = tmp_path / "study"
        write_results(folder, summarised(found), {"data": "X", "command": "rebalance study S.toml"})
        return folder

    return write


def test_the_four_files_hold_the_results(write: Callable[[list[Outcome]], Path]) -> None:
    found = outcomes()
    folder, results = write(found), summarised(found)
    assert sorted(each.name for each in folder.iterdir()) == [
        *("study.csv", "study.html", "study.json", "study.md")
    ]
    with (folder / "study.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert tuple(lines[0]) == CSV_HEADER
    assert {line["name"] for line in lines} == {"nothing", "random", "subclass", "ldam + drw"}
    assert len(lines) == 4 * (2 + 1)
    (line,) = [
        line
        for line in lines
        if (line["rebalance"], line["scored_on"], line["metric"])
        == ("subclass", "validation", "log_loss")
    ]
    expected = of(results, SUBCLASS, "log_loss")
    assert float(line["median"]) == expected.median
    assert float(line["nothing_low_together"]) == expected.nothing.together.low
    assert line["random_verdict"] == BETTER
    record = json.loads((folder / "study.json").read_text())
    assert record["story"]["data"] == "X"
    assert record["rows"][0]["name"] == "subclass"
    assert len(record["outcomes"]) == len(found)
    assert record["rows"][0]["metrics"]["log_loss"]["nothing"]["verdict"] == BETTER
    text = (folder / "study.md").read_text()
    assert text.startswith("On X 1 of 2 treatments is better")
    assert "| subclass | " in text


def test_equal_outcomes_in_any_order_give_equal_files(
    write: Callable[[list[Outcome]], Path],
) -> None:
    before = {each.name: each.read_bytes() for each in write(outcomes()).iterdir()}
    again = write(outcomes()[::-1])
    assert {each.name: each.read_bytes() for each in again.iterdir()} == before


def test_undefined_metrics_can_be_written(write: Callable[[list[Outcome]], Path]) -> None:
    found = [replace(outcomes()[0], metrics={"balanced_accuracy": math.nan}), *outcomes()[1:]]
    record = json.loads((write(found) / "study.json").read_text())
    assert None in [each["metrics"]["balanced_accuracy"] for each in record["outcomes"]]


def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_results(tmp_path / "file" / "study", summarised(outcomes()), {})
