"""The record of an inspection, as ``rebalance inspect --json`` prints it."""

from typing import Annotated, TypedDict

from rebalance.records.manifest import UnreadableRecord


class FoundImage(TypedDict):
    """An image that a finding is about."""

    file_name: Annotated[str, "The file, relative to its root."]
    label: Annotated[str, "The class whose folder it lies in."]
    side: Annotated[str, "Where it lies: data, or against, the images compared with."]


class FindingRecord(TypedDict):
    """One thing that is wrong."""

    images: Annotated[list[FoundImage], "The images it is about."]
    detail: Annotated[str, "What is to be said of them."]


class Spread(TypedDict):
    """How a size in pixels spreads over the images."""

    least: Annotated[int, "The least."]
    median: Annotated[int, "The median."]
    most: Annotated[int, "The greatest."]


class InspectionRecord(TypedDict):
    """What a folder of images holds, and what is wrong with it."""

    root: Annotated[str, "The folder that file names are relative to."]
    against: Annotated[str | None, "The folder that the images were compared with."]
    baseline: Annotated[str | None, "The earlier inspection whose findings are left out."]
    similar: Annotated[float | None, "The cosine from which on images count as similar."]
    classes: Annotated[list[str], "The names of the classes, in the order of their labels."]
    images: Annotated[dict[str, int], "Image files of each class, by its name."]
    readable: Annotated[dict[str, int], "How many of them can be read."]
    share: Annotated[dict[str, float], "The share of all files that each class has."]
    group: Annotated[dict[str, str], "Whether a class has many, medium or few images."]
    imbalance_ratio: Annotated[
        float | None, "The largest class over the smallest; null where a class lost all it had."
    ]
    width: Annotated[Spread | None, "The widths of the images in pixels."]
    height: Annotated[Spread | None, "The heights of the images in pixels."]
    modes: Annotated[dict[str, int], "Images of each colour mode, by its name in Pillow."]
    unreadable: Annotated[list[UnreadableRecord], "The files that could not be read."]
    ignored: Annotated[
        dict[str, dict[str, int]],
        "Files in the class folders that are not read as images, by class and by extension.",
    ]
    findings: Annotated[dict[str, list[FindingRecord]], "What is wrong, by its kind."]
    known: Annotated[dict[str, int], "How many findings of each kind the baseline had already."]
