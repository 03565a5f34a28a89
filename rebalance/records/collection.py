"""The record of learning curves by class: what more images would bring, and what is short."""

from typing import Annotated, Final, Literal, TypedDict

FORMAT: Final = 1


class CurvePoint(TypedDict):
    """How good the probe was when it learned from so many images of one class."""

    size: Annotated[float, "What it learned from: images of the class, or groups; the mean."]
    recall: Annotated[float, "The recall of the class on images that were held out."]
    balanced_accuracy: Annotated[float, "The balanced accuracy over all classes."]
    error: Annotated[float, "The standard error of this balanced accuracy."]


class GrowthGain(TypedDict):
    """What so many more of one class are expected to bring."""

    more: Annotated[int, "How many more images, or groups where there are groups."]
    times: Annotated[float, "How many times as many the class would then have."]
    balanced_accuracy: Annotated[float, "The expected gain in balanced accuracy."]
    interval: Annotated[tuple[float, float], "The interval of this gain."]
    recall: Annotated[float, "The expected gain in recall of the class."]
    recall_interval: Annotated[tuple[float, float], "The interval of the gain in recall."]
    verdict: Annotated[
        Literal["gain", "nothing", "open"],
        "Whether the interval says that it helps, that it brings next to nothing, or neither.",
    ]


class HiddenPart(TypedDict):
    """A check: the curve fitted to at most half of a class, held against the whole of it."""

    size: Annotated[float, "The size that was hidden from the curve."]
    before: Annotated[float, "The largest size that the curve saw."]
    predicted: Annotated[float, "The balanced accuracy predicted for the hidden size."]
    interval: Annotated[tuple[float, float], "The interval predicted for it, before any widening."]
    found: Annotated[float, "The balanced accuracy that was found."]
    held: Annotated[bool, "Whether the interval holds it."]


class SubclassNeed(TypedDict):
    """A subclass of a class: how many images it has, and how well they are recognised."""

    name: Annotated[str, "Its name: the number of its cluster, or the one that was given."]
    images: Annotated[int, "Its images."]
    recall: Annotated[float | None, "The recall of its images when held out; null if none were."]
    short: Annotated[bool, "Whether it is one that images are to be collected of."]
    reason: Annotated[str, "Why it is short; empty where it is not."]
    members: Annotated[
        list[int], "Positions of images of it in the table, those recognised worst first."
    ]


class ClassNeed(TypedDict):
    """What more images of one class would bring."""

    label: Annotated[str, "The name of the class."]
    images: Annotated[int, "Its images."]
    groups: Annotated[int | None, "Its groups; null where there are none."]
    recall: Annotated[float | None, "Its recall with all of its images; null where unknown."]
    curve: Annotated[list[CurvePoint], "Its learning curve, from the smallest size up."]
    gains: Annotated[list[GrowthGain], "What more would bring; empty where it cannot be told."]
    check: Annotated[HiddenPart | None, "How well its curve foretold; null for one too short."]
    unknown: Annotated[str | None, "Why its gain cannot be told; null where it can."]
    sentence: Annotated[str, "All of this in one sentence."]
    subclasses: Annotated[list[SubclassNeed], "Its subclasses, the shortest first."]


class CollectionRecord(TypedDict):
    """What to collect: learning curves by class, and the subclasses that are short."""

    format: Annotated[Literal[1], "The version of this format."]
    unit: Annotated[Literal["images", "groups"], "What sizes count."]
    level: Annotated[float, "How often an interval is to hold the truth."]
    balanced_accuracy: Annotated[float, "The balanced accuracy with all images, cross-validated."]
    classes: Annotated[list[ClassNeed], "Every class, the one that gains most first."]
    answer: Annotated[list[str], "What it comes to, in sentences."]
    notes: Annotated[list[str], "What should be known of it, in sentences."]
    held: Annotated[int, "How many checks by a hidden part held the truth."]
    checks: Annotated[int, "How many checks there were."]
    widened: Annotated[
        float, "How many times as wide intervals are as their law has them: checks miss some."
    ]
    penalty: Annotated[float, "The penalty of the probe."]
    folds: Annotated[int, "How many parts the images are divided into."]
    rounds: Annotated[int, "How many held-out parts were measured, over all repeats."]
    fits: Annotated[int, "How many probes were fitted."]
    seconds: Annotated[float, "The time that all of it took."]
