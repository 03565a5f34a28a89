"""The words in a report of a study: names of treatments and metrics, and what to beware of.

Imports numpy and nothing heavier; may not import torch or click.
"""

from collections.abc import Iterator
from dataclasses import astuple, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from rebalance.errors import some
from rebalance.records import StoryRecord
from rebalance.studies.outcomes import BY_CLASS, BY_HEAD, SGD, UNMIXED, Treatment
from rebalance.studies.summaries import UNTOLD, PairedDifference

if TYPE_CHECKING:
    from rebalance.studies.results import Results, TreatmentRow

PARTS = ("train", "images", "data", "all")  # folders that are called after what they are in
FEW_GROUPS = 3  # for each fold: a class of fewer is judged by one or two at a time
FEW_PAIRS = 5  # with fewer, an interval is so wide that it hardly ever tells anything apart
TITLES = {
    "balanced_accuracy": "balanced accuracy",
    "worst_recall": "recall of the worst class",
    "gmean": "G-mean",
    "gmean_macro": "G-mean (macro)",
    "f1_macro": "macro F1",
    "roc_auc_ovr_macro": "ROC AUC",
    "average_precision_macro": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "ece": "expected calibration error",
    "ece_balanced": "class-balanced calibration error",
    "ece_calibrated": "expected calibration error at a fitted temperature",
    "ece_balanced_calibrated": "class-balanced calibration error at a fitted temperature",
}
BESIDE = {
    "nothing": "doing nothing",
    "random": "its random control",
    "prior": "the threshold prior alone",
}
METHOD = (
    "An interval is of the mean over seeds and folds, at 95 %: a bootstrap of the pairs of seed "
    "and fold, widened for their small number and because their training images overlap (Nadeau & "
    "Bengio 2003). Differences are taken within a pair; their intervals are widened further, so "
    "that all rows beside one control hold at once (Bonferroni), and better or worse is said only "
    "where such an interval leaves out 0. They speak of training sets like this one from the same "
    "source; not of other data, nor of other networks or recipes. Only the metric that rows are "
    "sorted by is an answer: each further metric, or a row picked because it is on top, is one "
    "more chance to be lucky."
)
OF_TEST = (
    "Nothing was chosen by the test images. All pairs are scored on the same ones, so these "
    "intervals do not say what other test images would give."
)


def place(story: StoryRecord) -> str:
    """Name the data of a study in a word or two: its folder, and the one above ``train``."""
    if "data" not in story:
        return "these images"
    path = PurePath(str(story["data"]))
    return "/".join(path.parts[-2:]) if path.name in PARTS else path.name or str(path)


def name(treatment: Treatment) -> str:
    """Name a treatment by what it does, such as ``subclass + cce``, or ``nothing + logistic``."""
    named = astuple(replace(treatment, head=SGD, mix=UNMIXED, classifier=BY_HEAD))
    parts = [own for own, plain in zip(named, astuple(Treatment()), strict=True) if own != plain]
    parts += [] if treatment.mix == UNMIXED else [f"mix={treatment.mix}"]
    parts += [] if treatment.classifier == BY_HEAD else [f"by {treatment.classifier}"]
    done = " + ".join(parts) or "nothing"
    return done if treatment.head == SGD else f"{done} + {treatment.head}"


def title(metric: str) -> str:
    """Return a metric's name as people know it."""
    return TITLES.get(metric, metric.replace("_", " "))


def capital(text: str) -> str:
    """Return the text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def signed(difference: PairedDifference, *, word: bool = True) -> str:
    """Write the mean and ``together``, such as ``+0.031 (0.004 to 0.058) better``.

    ``~`` means that better and worse cannot be distinguished.
    """
    if difference.mean is None:
        return "no pair"
    text = f"{difference.mean:+.3f}"
    if difference.together is not None:
        text += f" ({difference.together.low:+.3f} to {difference.together.high:+.3f})"
    if not word:
        return text
    return f"{text} {'~' if difference.verdict == UNTOLD else difference.verdict}"


def notes(results: "Results", story: StoryRecord | None = None) -> list[str]:
    """Say what makes these numbers less certain than they look, if anything does."""
    return [*of_groups(story or {}), *_of_pairs(results), *_of_rows(results)]


def of_groups(story: StoryRecord) -> Iterator[str]:
    """Say which classes are of so few groups that a fold is validated on one or two of them."""
    wanted = FEW_GROUPS * story.get("folds", 0)
    few = {name: n for name, n in story.get("groups_per_class", {}).items() if n < wanted}
    if few:
        what = "groups" if story.get("groups") else "different images"
        listed = some([f"{name} ({count})" for name, count in few.items()], quoted=False)
        yield (
            f"Classes of fewer {what} than {FEW_GROUPS} for each of {story['folds']} folds: "
            f"{listed}. A fold is validated on one or two of them, which differ by chance: more "
            f"{what}, or fewer folds, would tell more."
        )


def _of_pairs(results: "Results") -> Iterator[str]:
    count = len(results.pairs)
    if count == 1:
        yield "One seed and one fold: no spread to judge by, so nothing can be told apart."
    elif count < FEW_PAIRS:
        yield (
            f"{count} pairs of seed and fold: intervals of so few are very wide. More seeds or "
            "folds would tell more."
        )
    if count > 1 and len(results.seeds) == 1:
        yield (
            "One seed: how much of a difference is the luck of its splits and first weights shows "
            "only between folds."
        )


def _of_rows(results: "Results") -> Iterator[str]:
    if results.nothing is None:
        yield "Doing nothing was not run yet: there is nothing to compare with."
    for row in results.rows:
        missing = len(results.pairs) - row.outcomes
        if missing:
            yield (
                f"{name(row.treatment)}: {row.outcomes} of {len(results.pairs)} pairs are done; "
                "the comparisons are over those that the control has too."
            )
        for metric, found in row.metrics.items():
            if found.undefined and not metric.startswith(BY_CLASS):
                yield (
                    f"{name(row.treatment)}: {title(metric)} is not defined in "
                    f"{found.undefined} of {row.outcomes} pairs, which are left out of it."
                )
        for control, called in BESIDE.items():
            yield from _of_ties(row, row.beside(control, results.metric), called)


def _of_ties(row: "TreatmentRow", found: PairedDifference | None, control: str) -> Iterator[str]:
    if found is None or found.pairs < 2 or found.together is not None:
        return
    if found.mean == 0:
        yield f"{name(row.treatment)}: the same as {control} in every pair."
    else:
        yield (
            f"{name(row.treatment)}: differs from {control} by the same amount in every pair, so "
            "there is no spread to judge by."
        )
