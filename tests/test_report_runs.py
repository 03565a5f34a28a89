"""The report of runs: what is said holds against the run's own files and against evaluate."""

import csv
import json
import re
import shutil
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rebalance
from rebalance.errors import DataError, SettingError
from rebalance.metrics import METRICS
from rebalance.records import ScoresRecord
from rebalance.reports.figures import FigureFiles
from rebalance.reports.page import Report
from rebalance.reports.runs import run_report
from rebalance.reports.runs.courses import curves
from rebalance.reports.runs.maps import maps
from rebalance.reports.runs.mistakes import galleries
from rebalance.reports.runs.results import by_size, read_results
from rebalance.reports.runs.scores import comparable_gaps, score_table
from rebalance.reports.runs.tables import training_table

QUICK = {"recipe": "scratch", "arch": "cifar_resnet20", "image_size": 16, "device": "cpu"}
QUICK |= {"epochs": 2, "lr": 0.05}
TRANSFER = {**QUICK, "recipe": "transfer", "weights": "scratch", "epochs": 1}
EVERY = ("prior", "transfer", "headed")
COSTS = "0,1,1\n9,0,1\n5,1,0\n"


class Page(HTMLParser):
    """The images, links and tables of a page, and its text."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report
        self.images: list[dict[str, str]] = []
        self.links: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.words: list[str] = []
        self._rows: list[list[str]] = []
        self._caption = ""
        self._inside = ""
        self.feed(report.text)
        self.text = " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "img":
            self.images.append(found)
        self.links += [found[name] for name in ("href", "src") if name in found]
        if found.get("role") == "region":  # that a table scrolls in
            self._caption = found["aria-label"]
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")
        if tag in ("td", "th", "style", "script"):
            self._inside = tag

    def handle_data(self, data: str) -> None:
        if self._inside in ("style", "script"):
            return
        self.words.append(data)
        if self._inside:
            self._rows[-1][-1] += data.replace("\N{NO-BREAK SPACE}", " ")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._inside:
            self._inside = ""
        if tag == "table":
            self.tables[self._caption] = self._rows


@pytest.fixture(scope="module")
def runs(few, tmp_path_factory) -> Path:
    """Four runs on the sample's scans: plain, prior, transfer, and headed with a new head."""
    data, test = few
    folder = tmp_path_factory.mktemp("runs")
    rebalance.train(data, test, folder / "plain", **QUICK)
    options = {"val_fraction": 0.3, "threshold": "prior", "loss": "cce", "calibrate": True}
    rebalance.train(data, test, folder / "prior", **QUICK, **options)
    rebalance.train(data, test, folder / "transfer", **TRANSFER)
    rebalance.oversample(data, folder / "larger.csv")
    rebalance.train(
        None,
        test,
        folder / "headed",
        from_run=folder / "plain",
        head_only=folder / "larger.csv",
        device="cpu",
        threshold="prior",
    )
    return folder


@pytest.fixture(scope="module")
def page_of(runs: Path):
    """``page_of("plain", "prior")`` is the page on these runs, made once."""
    return cache(lambda *names: Page(run_report([runs / name for name in names])))


@pytest.fixture
def copied(runs: Path, tmp_path: Path):
    """``copied("prior", "name")`` is a run of its own, to be spoilt."""

    def copy(name: str, to: str = "copy") -> Path:
        return Path(shutil.copytree(runs / name, tmp_path / "copies" / to))

    return copy


def metrics_of(run: Path) -> dict:
    return json.loads((run / "metrics.json").read_bytes())


def one_line(error: pytest.ExceptionInfo[BaseException]) -> str:
    assert "\n" not in str(error.value)
    return str(error.value)


def three(value: float) -> str:
    return f"{value:.3f}"


def test_the_page_is_whole_in_itself_and_every_figure_is_told_in_words(runs, page_of):
    page = page_of(*EVERY)
    report = page.report
    kinds = ("svg+xml", "png", "jpeg")
    inside = tuple(f"data:image/{kind};base64," for kind in kinds)
    assert all(link.startswith((*inside, "#")) for link in page.links)
    assert all(len(image["alt"]) > 40 for image in page.images)
    assert {name.rpartition(".")[2] for name in report.figures} == {"svg", "png"}
    photographs = [link for link in page.links if link.startswith(inside[2])]
    assert photographs
    assert len(report.figures) == 2 * (len(page.images) - len(photographs))
    names = {"loss", "error", "head", "macro-f1", "recall", "gap", "gap-of-positives", "norms"}
    kinds = ("confusion", "roc", "precision-recall", "reliability", "map")
    for run in EVERY:
        names |= {f"{kind}-{run}" for kind in kinds}
    assert {f"{name}.{kind}" for name in names for kind in ("svg", "png")} <= report.figures.keys()
    assert run_report([runs / "plain"]).text == page_of("plain").report.text


def test_a_first_phase_that_was_chosen_is_told(copied):
    run = copied("plain")
    record = json.loads((run / "options.json").read_bytes())
    record["options"] |= {"regime": "two-phase", "phase": {"by": "oversample", "limit": None}}
    (run / "options.json").write_text(json.dumps(record))
    table = training_table(read_results([run]))
    assert dict(zip(table.header, table.rows[0], strict=True))["regime"] == "two-phase (oversample)"


def test_scores_are_those_of_the_run_and_the_best_is_marked(runs, page_of):
    names = EVERY
    rows = page_of(*names).tables["Scores on the test images"]
    keys = ["balanced_accuracy", "gmean", "f1_macro", "roc_auc_ovr_macro"]
    known = [metrics_of(runs / name) for name in names]
    for column, key in enumerate(keys, start=1):
        values = [metrics[key] for metrics in known]
        for row, value in zip(rows[1:], values, strict=True):
            best = value == max(values) and len(set(values)) > 1
            assert row[column].strip() == ("★ " if best else "") + three(value)
    # The networks see 64 and 512 features, so gaps are told per feature; the least is the best.
    assert rows[0][-1] == "gap per feature"
    gaps = [metrics["generalization_gap"]["net_per_feature"] for metrics in known]
    assert [row[-1].strip() for row in rows[1:]] == [
        ("★ " if gap == min(gaps) else "") + three(gap) for gap in gaps
    ]


def test_one_run_alone_is_not_the_best_of_anything(runs):
    _, ((name, scores),) = score_table(read_results([runs / "plain"]))
    assert name == "plain"
    assert not any(score.best for score in scores)
    assert scores[-1].value == metrics_of(runs / "plain")["generalization_gap"]["net"]


def test_curves_have_the_numbers_of_the_summary(runs, page_of):
    page = page_of("plain", "transfer")
    header, *rows = page.tables["Training loss, per epoch"]
    assert header == ["epoch", "plain", "transfer"]
    assert page.tables["Error, per epoch"][0] == ["epoch", "plain, training", "transfer, training"]
    for column, name in enumerate(header[1:], start=1):
        with (runs / name / "summary.csv").open(newline="") as file:
            told = [three(float(row["train_loss"])) for row in csv.DictReader(file)]
        assert [row[column].strip() for row in rows if row[column]] == told
    assert [row[0] for row in rows] == [
        "1",
        "2",
        "3",
        "4",
    ]  # three of transfer's have a frozen body
    assert "Hollow marks: epochs with a frozen body." in page.text
    assert "plain and transfer: not validated" in page.text
    assert "--val-fraction 0.2" in page.text


def test_validation_is_shown_of_the_runs_that_had_it(page_of):
    page = page_of("plain", "prior")
    header, *rows = page.tables["Validation macro F1, per epoch"]
    assert header == ["epoch", "prior"]
    assert len(rows) == 2
    assert "plain: not validated" in page.text
    assert "not validated" not in page_of("prior").text


def test_a_column_of_balanced_accuracy_is_a_curve_of_its_own(copied):
    run = copied("prior")
    with (run / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for number, row in enumerate(rows):
        row["val_balanced_accuracy"] = str(0.25 + number / 4)
    with (run / "summary.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    figures = FigureFiles()
    tables = {each.table.caption: each.table for each in curves(read_results([run]), figures)}
    assert "balanced-accuracy.svg" in figures.files
    told = tables["Validation balanced accuracy, per epoch"].rows
    assert [row[1] for row in told] == [0.25, 0.5]


def stages(run: Path) -> dict[str, dict]:
    (result,) = read_results([run])
    return {stage.name: dict(stage.by_class) for stage in result.recalls}


def recall(metrics: dict) -> dict:
    return {name: each["recall"] for name, each in metrics["per_class"].items()}


def test_recall_without_the_prior_is_what_evaluate_says(runs, few):
    plain = rebalance.evaluate(runs / "prior", few[1], threshold="none", device="cpu")
    found = stages(runs / "prior")
    assert found == {"head": recall(plain), "threshold prior": recall(metrics_of(runs / "prior"))}
    assert found["head"] != found["threshold prior"]  # or this test would show nothing


def test_recall_without_costs_is_what_evaluate_says(few, tmp_path):
    data, test = few
    (tmp_path / "costs.csv").write_text(COSTS)
    cost = f"cost:{tmp_path / 'costs.csv'}"
    decided = rebalance.train(data, test, tmp_path / "run", **QUICK, threshold=cost)
    plain = rebalance.evaluate(tmp_path / "run", test, threshold="none", device="cpu")
    assert stages(tmp_path / "run") == {"head": recall(plain), "threshold cost": recall(decided)}


def test_calibration_is_told_of_every_run_and_of_the_head_it_had_before(runs, page_of) -> None:
    page = page_of(*EVERY)
    header, *rows = page.tables["Expected calibration error"]
    assert header == ["run", "every image alike", "every class alike"]
    assert [row[0] for row in rows] == [*EVERY[:2], "headed, former head", "headed, new head"]
    metrics = [metrics_of(runs / name) for name in EVERY]
    for row, scores in zip(rows, [*metrics[:2], metrics[2]["before"], metrics[2]], strict=True):
        assert row[1:] == [f"{scores[key]:.3f}" for key in ("ece", "ece_balanced")]


def test_the_reliability_diagram_has_the_error_of_the_metrics(runs, page_of):
    page, metrics = page_of(*EVERY), metrics_of(runs / "prior")
    rows = page.tables["Run prior: images by their largest probability"][1:]
    for first, name in ((1, "ece"), (4, "ece_balanced")):
        weight, sure, right = np.array([row[first : first + 3] for row in rows], float).T
        assert weight.sum() == pytest.approx(1, abs=0.01)
        assert weight @ abs(sure - right) == pytest.approx(metrics[name], abs=0.005)
    (alt,) = [each["alt"] for each in page.images if "diagram of prior" in each["alt"]]
    assert f"error is {three(metrics['ece'])} counting every image alike" in alt
    assert metrics["temperature"] != 1  # what the recall without the prior has to take back


def test_a_new_head_is_shown_after_the_former_one_and_before_its_threshold(runs, few, page_of):
    plain = rebalance.evaluate(runs / "headed", few[1], threshold="none", device="cpu")
    metrics = metrics_of(runs / "headed")
    found = stages(runs / "headed")
    assert list(found) == ["former head", "head", "threshold prior"]
    assert list(found.values()) == [recall(metrics["before"]), recall(plain), recall(metrics)]
    page = page_of("headed")
    assert "former head, then head, then threshold prior" in page.text
    assert "no epochs of its own" in page.text
    for name, before, after in page.tables["Generalization gap per class"][1:]:
        for value, side in ((before, metrics["before"]), (after, metrics)):
            assert value.strip() == three(side["generalization_gap"]["per_class"][name])


def test_centres_say_that_the_head_is_not_known(few, tmp_path):
    rebalance.train(*few, tmp_path / "run", **QUICK, classifier="centres")
    assert list(stages(tmp_path / "run")) == ["nearest centre"]
    (result,) = read_results([tmp_path / "run"])
    assert any("--classifier head" in sentence for sentence in result.missing)


def test_classes_come_by_size_and_the_matrix_with_them(runs, page_of):
    results = read_results([runs / "plain"])
    assert by_size(results) == ["loops", "lines", "curves"]
    page = page_of("plain")
    (caption,) = (name for name in page.tables if "images of a class (row)" in name)
    header, *rows = page.tables[caption]
    metrics = metrics_of(runs / "plain")
    order = [list(metrics["per_class"]).index(name) for name in ("loops", "lines", "curves")]
    expected = np.array(metrics["confusion_matrix"])[np.ix_(order, order)]
    assert [row[0] for row in rows] == header[1:] == ["loops", "lines", "curves"]
    assert [[int(cell) for cell in row[1:]] for row in rows] == expected.tolist()
    assert [row[:2] for row in page.tables["Recall per class"][1:]] == [
        [name, str(results[0].counts[name])] for name in ("loops", "lines", "curves")
    ]


def test_gaps_of_unlike_networks_are_divided_by_their_features(runs):
    results = read_results([runs / "plain", runs / "transfer"])
    what, gaps = comparable_gaps(results)
    assert what == "generalization gap per feature"
    for result, (stage,) in zip(results, gaps, strict=True):
        mean = np.mean(list(stage.by_class.values()))
        assert mean == pytest.approx(result.metrics["generalization_gap"]["net_per_feature"])
    assert comparable_gaps(results[:1])[1] == [results[0].gaps]


def test_a_run_that_has_not_ended_has_its_curves_alone(copied, runs):
    run = copied("plain", "begun")
    for name in ("metrics.json", "predictions.csv", "decision.json", "model.safetensors"):
        (run / name).unlink()
    report = run_report([run])
    assert {name.partition(".")[0] for name in report.figures} == {"loss", "error"}
    assert "has not ended: 2 of 2 epochs" in Page(report).text
    assert "train --resume" in Page(report).text
    both = Page(run_report([run, runs / "plain"]))
    begun, plain = both.tables["Scores on the test images"][1:]
    assert begun == ["begun", *[""] * 5]
    assert plain[1] == three(metrics_of(runs / "plain")["balanced_accuracy"])
    (run / "summary.csv").unlink()
    assert not run_report([run]).figures


@pytest.mark.parametrize("lost", ["predictions.csv", "decision.json"])
def test_what_is_missing_is_named_and_the_rest_shown(copied, lost):
    run = copied("prior")
    (run / lost).unlink()
    assert list(stages(run)) == ["threshold prior"]
    (result,) = read_results([run])
    assert any(f"Its {lost} is missing" in sentence for sentence in result.missing)


def test_names_are_shown_as_text_and_files_are_called_apart(copied):
    runs = [copied("plain", "<b>&"), copied("prior", "-b-&"), copied("plain", "a/run")]
    runs.append(copied("transfer", "b/run"))
    report = run_report(runs)
    assert "<b>&" in Page(report).text
    assert "<b>" not in report.text.replace("<body>", "")
    confusions = [name for name in report.figures if re.fullmatch(r"confusion-.*\.svg", name)]
    assert len(confusions) == len({name.lower() for name in confusions}) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+", name) for name in report.figures)
    assert [each.name for each in read_results(runs)][2:] == [str(runs[2]), str(runs[3])]


def test_runs_on_other_test_images_or_losses_are_warned_of(copied, runs, page_of):
    assert "minimised different losses" in page_of("plain", "prior").text
    run = copied("transfer")
    metrics = metrics_of(run)
    metrics["per_class"]["loops"]["support"] += 1
    (run / "metrics.json").write_text(json.dumps(metrics))
    told = Page(run_report([runs / "plain", run])).text
    assert "different test sets" in told
    assert "minimised different losses" not in told
    assert "different test sets" not in page_of("plain", "transfer").text


def told_by(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_error_is_what_accuracy_leaves_and_epochs_without_it_are_left_out(runs, copied, page_of):
    rows = told_by(runs / "prior" / "summary.csv")
    header, *found = page_of("prior").tables["Error, per epoch"]
    assert header == ["epoch", "validation", "training"]
    for row, line in zip(rows, found, strict=True):
        errors = [1 - float(row[name]) for name in ("val_accuracy", "train_accuracy")]
        assert [cell.strip() for cell in line[1:]] == [three(error) for error in errors]
    run = copied("prior")
    rows[0]["val_accuracy"] = ""  # as of a run that an earlier version began
    with (run / "summary.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    error = next(
        x for x in curves(read_results([run]), FigureFiles()) if "Error" in x.table.caption
    )
    assert [row[1] for row in error.table.rows] == [None, 1 - float(rows[1]["val_accuracy"])]


def test_a_new_heads_epochs_are_drawn_from_its_own_table(runs, page_of):
    page = page_of("headed")
    header, *rows = page.tables["Accuracy of the new head, per epoch"]
    told = told_by(runs / "headed" / "head.csv")
    assert header == ["epoch", "training"] and len(rows) == len(told) == 10
    assert [row[1].strip() for row in rows] == [three(float(row["train_accuracy"])) for row in told]
    assert "Accuracy of the new head, per epoch" not in page_of("plain").tables


def test_norms_are_those_of_both_last_layers(runs, page_of):
    tables = page_of("headed").tables
    header, *rows = tables["Norm of the weights per class"]
    assert header == ["class", "former head", "new head"]
    metrics = metrics_of(runs / "headed")
    assert metrics["before"]["weight_norms"] == metrics_of(runs / "plain")["weight_norms"]
    for name, *cells in rows:
        both = [side["weight_norms"][name] for side in (metrics["before"], metrics)]
        assert [cell.strip() for cell in cells] == [three(value) for value in both]


def test_the_gap_of_true_positives_stands_beside_that_of_false_ones(runs, page_of):
    tables = page_of("plain").tables
    header, *rows = tables["Generalization gap of positives per class"]
    gap = metrics_of(runs / "plain")["generalization_gap"]
    parts = [gap[f"{kind}_positives"] for kind in ("true", "false")]
    assert header == ["class", "true positives", "false positives"]
    for name, *cells in rows:
        known = [part["per_class"].get(name) for part in parts]
        assert [cell.strip() for cell in cells] == ["" if x is None else three(x) for x in known]
    assert sum(sum(part["images"].values()) for part in parts) == 20


def test_areas_are_those_of_the_metrics(runs, page_of):
    rows = page_of("prior").tables["Run prior: areas under the curves"]
    per_class = metrics_of(runs / "prior")["per_class"]
    for name, *areas in rows[1:]:
        wanted = [per_class[name][key] for key in ("roc_auc", "average_precision")]
        assert [area.strip() for area in areas] == [three(value) for value in wanted]


def test_mistakes_are_those_of_the_table_the_surest_first(runs, page_of):
    rows = told_by(runs / "plain" / "predictions.csv")
    wrong = [row for row in rows if row["prediction"] != row["label"]]
    sure = sorted(wrong, key=lambda row: -float(row[f"probability_{row['prediction']}"]))
    page = page_of("plain")
    shown = page.tables["Run plain: its surest mistakes"][1:]
    assert [row[:3] for row in shown] == [
        [row["file_name"], row["label"], row["prediction"]] for row in sure[:24]
    ]
    photographs = [image for image in page.images if image["src"].startswith("data:image/jpeg")]
    assert [image["alt"].partition(", of class ")[0] for image in photographs] == [
        row["file_name"] for row in sure[:24]
    ]


@pytest.mark.parametrize(
    ("root", "told"), [("gone", "can no longer be read in"), (None, "was not kept")]
)
def test_mistakes_whose_images_cannot_be_found_are_named_all_the_same(copied, root, told):
    run = copied("plain")
    metrics = {**metrics_of(run), "test_root": root and str(run / root)}
    if root is None:
        del metrics["test_root"]
    (run / "metrics.json").write_text(json.dumps(metrics))
    (gallery,) = galleries(read_results([run]))
    assert told in gallery.note and not gallery.pictures
    assert len(gallery.table.rows) > 1


def test_no_image_outside_of_the_test_set_is_read(copied):
    run = copied("plain")
    root = Path(metrics_of(run)["test_root"])
    table = (run / "predictions.csv").read_text()
    inside = next(row["file_name"] for row in told_by(run / "predictions.csv"))
    (run / "metrics.json").write_text(
        json.dumps({**metrics_of(run), "test_root": str(root / "curves")})
    )
    (run / "predictions.csv").write_text(table.replace('"curves/', '"../curves/'))
    assert (root / "curves" / f"../{inside}").exists()
    (gallery,) = galleries(read_results([run]))
    assert any(str(row[0]).startswith("../curves/") for row in gallery.table.rows)
    assert not gallery.pictures


def test_points_of_other_images_are_told_in_a_line(copied):
    run = copied("plain")
    lines = (run / "predictions.csv").read_text().splitlines(keepends=True)
    (run / "predictions.csv").write_text("".join(lines[:9]))
    with pytest.raises(DataError, match="of other images than its predictions: train again"):
        list(maps(read_results([run]), ["loops", "lines", "curves"], FigureFiles()))


def test_a_class_without_test_images_is_said_and_drawn(copied):
    run = copied("plain")
    metrics = metrics_of(run)
    absent = {"precision": None, "recall": None, "f1": None, "support": 0}
    metrics["per_class"]["curves"] = absent
    metrics["confusion_matrix"][0] = [0, 0, 0]
    metrics["generalization_gap"]["per_class"].pop("curves")
    metrics["absent"] = ["curves"]
    (run / "metrics.json").write_text(json.dumps(metrics))
    page = Page(run_report([run]))
    assert "without test images: curves" in page.text
    assert page.tables["Recall per class"][3][2:] == ["0", ""]
    assert page.tables["Generalization gap per class"][3] == ["curves", ""]


def test_a_run_that_lacks_later_metrics_is_shown_all_the_same(copied):
    run = copied("headed")
    metrics = metrics_of(run)
    for side in (metrics, metrics["before"]):
        for name in METRICS.keys() - ScoresRecord.__required_keys__:
            del side[name]
        del side["weight_norms"], side["test_root"]
        for part in ("true_positives", "false_positives"):
            del side["generalization_gap"][part]
    (run / "metrics.json").write_text(json.dumps(metrics))
    for name in ("head.csv", "embedding.safetensors"):
        (run / name).unlink()
    page = Page(run_report([run]))
    (_, scores) = page.tables["Scores on the test images"]
    assert scores[1] == three(metrics["balanced_accuracy"])
    assert "kept no weight norms" in page.text
    assert not any(part in "".join(page.tables) for part in ("Norm", "of positives", "new head,"))


def test_options_that_differ_are_marked(runs, page_of):
    rows = page_of("plain", "prior").tables["What runs were begun with"]
    told = {row[0]: row[1:] for row in rows[1:]}
    assert told["loss.name"] == ["ce", "cce", "differs"]
    assert told["network.arch"] == ["cifar_resnet20", "cifar_resnet20", ""]
    assert not any(name.startswith("counts") for name in told)


def test_other_classes_cannot_stand_side_by_side(copied, runs):
    run = copied("plain", "odd")
    described = json.loads((run / "options.json").read_bytes())
    described["options"]["counts"] = {"curves": 6, "lines": 18, "zebras": 36}
    (run / "options.json").write_text(json.dumps(described))
    (run / "metrics.json").unlink()
    with pytest.raises(DataError) as error:
        run_report([runs / "plain", run])
    assert re.search(
        r"same classes, but class 'loops' is in 'plain' and not in 'odd'", one_line(error)
    )


def test_bad_input_is_told_in_a_line(runs, copied, tmp_path):
    with pytest.raises(SettingError, match="at least one"):
        run_report([])
    with pytest.raises(SettingError, match=r"shown once, .* given 2 times"):
        run_report([runs / "plain", runs / "prior", runs / ".." / runs.name / "plain"])
    with pytest.raises(DataError, match="is no run"):
        run_report([tmp_path])


def with_odd(key: str, value: Any):
    return lambda text: json.dumps({**json.loads(text), key: value})


@pytest.mark.parametrize(
    ("name", "spoil", "told"),
    [
        ("metrics.json", lambda text: text[:-9], "no readable metrics.json"),
        ("metrics.json", lambda text: "{}", "is not as train leaves it"),
        ("metrics.json", lambda text: text.replace("loops", "zebras"), "not as train leaves it"),
        ("metrics.json", with_odd("accuracy", "high"), "accuracy is 'high', and a finite number"),
        ("metrics.json", with_odd("per_class", {"loops": 1}), "per_class.loops is 1, and an obj"),
        ("metrics.json", with_odd("confusion_matrix", [[1, 2], 3, 4]), "not as train leaves it"),
        ("metrics.json", with_odd("threshold", []), "threshold is .*, and a text is needed"),
        ("metrics.json", lambda text: "[" * 100_000, "no readable metrics.json"),
        ("decision.json", with_odd("own", {"threshold": "prior"}), "own lacks 'centres'"),
        ("decision.json", lambda text: "{}", "the decision that the run keeps is damaged"),
        ("predictions.csv", lambda text: text.replace("probability_", ""), "is damaged"),
        ("predictions.csv", lambda text: text.replace("0.", "x"), "is damaged"),
        ("predictions.csv", lambda text: text[:-40] + '"', "is damaged|cannot be read"),
        ("summary.csv", lambda text: text.replace("whole,", "whole,x"), "epochs .* damaged"),
    ],
)
def test_a_damaged_file_is_told_in_a_line(copied, name, spoil, told):
    run = copied("prior")
    (run / name).write_text(spoil((run / name).read_text()))
    with pytest.raises(DataError, match=told) as error:
        run_report([run])
    assert "copy" in one_line(error) or name == "decision.json"
