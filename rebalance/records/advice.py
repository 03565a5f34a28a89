"""The record of advice, ``advice.json``: what was seen, what was tried, and what to do."""

from typing import Annotated, Any, Final, Literal, TypedDict

from rebalance.records.collection import CollectionRecord
from rebalance.records.study import TreatmentRecord

FORMAT: Final = 1

Standing = Literal["recommended", "second", "helps", "no help", "worse", "control"]


class GainRecord(TypedDict):
    """How much better something is than doing nothing, over pairs of seed and fold."""

    pairs: Annotated[int, "The pairs of seed and fold in which both were run."]
    mean: Annotated[float | None, "The mean difference; null without any pair."]
    low: Annotated[float | None, "The lower end of its interval; null where there is none."]
    high: Annotated[float | None, "The upper end."]


class LookRecord(TypedDict):
    """Something about the images that whoever trains on them should know."""

    kind: Annotated[
        str,
        "What it is about: imbalance, unreadable, conflicts, leakage, look-alikes, groups, few or "
        "short (a subclass to collect more of).",
    ]
    warning: Annotated[bool, "Whether it should be mended before anything is trained."]
    sentence: Annotated[str, "What was seen, in plain words."]
    classes: Annotated[dict[str, int], "The classes that it concerns, and how many images of each."]
    images: Annotated[
        list[list[str]],
        "Some of the images that it concerns, relative to root; those of one list belong together.",
    ]


class ChangeRecord(TypedDict):
    """A score without a treatment and with it, means over the same pairs."""

    before: Annotated[float | None, "By doing nothing."]
    after: Annotated[float | None, "By the treatment."]


class ClassChange(ChangeRecord):
    """The recall of one class without a treatment and with it."""

    name: Annotated[str, "The class."]


class CandidateRecord(TypedDict):
    """A treatment that was tried, and what came of it."""

    name: Annotated[str, "Its name."]
    does: Annotated[str, "What one does who follows it, as a phrase in plain words."]
    treatment: Annotated[TreatmentRecord, "The treatment, as a study names it."]
    retrains: Annotated[bool, "Whether it needs training; one that decides otherwise needs none."]
    standing: Annotated[Standing, "What it is in the end."]
    dropped: Annotated[int | None, "The round after which it could not win any more; null if none."]
    images: Annotated[float, "Different images trained on, the median."]
    score: Annotated[float | None, "The mean of the metric."]
    gain: Annotated[
        GainRecord,
        "Beside doing nothing, by an interval that holds at once with those of the others.",
    ]
    beside_prior: Annotated[
        GainRecord | None, "Beside dividing by the class shares alone; null for that itself."
    ]
    test_gain: Annotated[
        GainRecord | None, "Beside doing nothing on the test images; null without."
    ]
    worst: Annotated[ClassChange | None, "The class that doing nothing recognises least often."]
    classes: Annotated[list[ClassChange], "Each class, in their order; empty without any pair."]
    calibration: Annotated[ChangeRecord, "The class-balanced expected calibration error."]
    seconds: Annotated[float, "The time that a pair took, the median."]


class RoundRecord(TypedDict):
    """One round of trying: everything that could still win, on a few more pairs."""

    pairs: Annotated[int, "The pairs of seed and fold that each had by its end."]
    candidates: Annotated[list[str], "The names of those that were run."]
    dropped: Annotated[list[str], "The names of those that could not win any more after it."]
    seconds: Annotated[float, "The time since the beginning."]


class StepRecord(TypedDict):
    """What to do: the sentences that say why, and the commands that do it."""

    name: Annotated[str, "The treatment's name among the candidates; nothing where that is best."]
    sentences: Annotated[list[str], "What it brings and how sure that is, in plain words."]
    commands: Annotated[list[str], "The command lines that do it, in order, as in do.sh."]
    manifest: Annotated[str | None, "The manifest that it trains on, in the folder; null if none."]


class OpenRecord(TypedDict):
    """A question that these images left open, and what would settle it."""

    question: Annotated[str, "What could not be told."]
    sentence: Annotated[str, "What would settle it, in plain words."]
    images: Annotated[int | None, "About how many images more it takes; null if unknown."]
    groups: Annotated[int | None, "About how many groups more it takes; null if unknown."]


class AdviceStory(TypedDict):
    """What the advice is about, and how it was reached."""

    data: Annotated[str, "The folder or the manifest of the images."]
    root: Annotated[str, "The folder that names of images are relative to, in full."]
    test: Annotated[str | None, "The test images; null without any."]
    images: Annotated[int, "The images that can be read."]
    counts: Annotated[dict[str, int], "These images of each class, by its name."]
    test_images: Annotated[int, "The number of test images."]
    extractor: Annotated[dict[str, Any], "The options of the network that looked at the images."]
    groups: Annotated[str | None, "The file that says which images must not be parted."]
    groups_per_class: Annotated[
        dict[str, int], "The groups of each class by its name, or its different images without any."
    ]
    folds: Annotated[int, "How many parts the images are divided into."]
    seed: Annotated[int, "The seed that all others come from."]
    metric: Annotated[str, "The metric that advice goes by."]
    budget: Annotated[float, "The time that it was given, in seconds."]
    seconds: Annotated[float, "The time that it took, in seconds."]
    ended: Annotated[str, "Why it stopped: settled, budget, or pairs where there are no more."]
    version: Annotated[str, "The version of rebalance that gives it."]
    command: Annotated[str, "The command that asks for it again."]


class _Collected(TypedDict, total=False):
    collection: Annotated[
        CollectionRecord, "What more images would bring; absent where there was no time for it."
    ]


class AdviceRecord(_Collected):
    """What was seen in a folder of images, what was tried on it, and what to do."""

    format: Annotated[Literal[1], "The version of this format."]
    story: Annotated[AdviceStory, "What it is about."]
    looks: Annotated[list[LookRecord], "What was seen before anything was tried."]
    do: Annotated[StepRecord, "The recommendation."]
    second: Annotated[StepRecord | None, "A second choice that needs no training; null if none."]
    cutting: Annotated[list[str], "What cutting the large classes would cost, in plain words."]
    no_help: Annotated[list[str], "What else was tried: it does not help, or not more."]
    open: Annotated[list[OpenRecord], "What could not be told."]
    candidates: Annotated[list[CandidateRecord], "Everything that was tried, the best first."]
    rounds: Annotated[list[RoundRecord], "How the trying went."]
