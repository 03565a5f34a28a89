"""The record of extractors that were compared, as ``rebalance extractors --compare`` prints it."""

from typing import Annotated, Final, Literal, TypedDict

from rebalance.records.manifest import ExtractorRecord

FORMAT: Final = 1


class BehindRecord(TypedDict):
    """How far an extractor is behind the best one, part by part of the images held out."""

    mean: Annotated[float, "The mean difference in balanced accuracy, below 0 where it is behind."]
    interval: Annotated[
        tuple[float, float] | None,
        "The interval of it, which holds at once with those of the others; null where the parts "
        "give none.",
    ]
    told: Annotated[bool, "Whether the interval leaves out 0: it can be told from the best."]


class ComparedRecord(TypedDict):
    """One extractor, and how good its features are."""

    name: Annotated[str, "The extractor as it was named."]
    extractor: Annotated[ExtractorRecord, "The network and its weights, or the file."]
    options: Annotated[list[str], "The options by which other commands take it."]
    layer: Annotated[str, "The layer whose features were compared."]
    columns: Annotated[int, "Its columns."]
    balanced_accuracy: Annotated[float, "The balanced accuracy of a probe, the mean over parts."]
    interval: Annotated[
        tuple[float, float] | None, "The interval of this mean; null where the parts give none."
    ]
    parts: Annotated[list[float], "The balanced accuracy of each part, in order."]
    behind: Annotated[BehindRecord | None, "Beside the best; null for the best itself."]
    agreement: Annotated[
        float | None,
        "How far neighbours agree with labels: 1 wholly, 0 as by chance; null where none can.",
    ]
    penalty: Annotated[float, "The penalty of the probe."]
    computed: Annotated[int, "How many images were looked at now."]
    cached: Annotated[int, "How many had their features in the cache, or in the file."]
    seconds: Annotated[float, "The seconds that images took to pass; 0 where none was looked at."]
    images_per_second: Annotated[
        float | None, "How many passed in a second; null where none was looked at."
    ]


class FailedRecord(TypedDict):
    """One extractor that could not be used."""

    name: Annotated[str, "The extractor as it was named."]
    why: Annotated[str, "Why, in a line."]


class ComparisonRecord(TypedDict):
    """How well extractors tell the classes of some images apart."""

    format: Annotated[Literal[1], "The version of this format."]
    root: Annotated[str, "The folder that file names are relative to."]
    images: Annotated[dict[str, int], "Images of each class that were compared on, by its name."]
    groups: Annotated[int | None, "How many groups they are of; null where none were given."]
    folds: Annotated[int, "How many parts the images were dealt out to."]
    repeats: Annotated[int, "How often they were dealt out."]
    seed: Annotated[int, "The seed."]
    level: Annotated[float, "How often an interval is to hold the truth."]
    neighbours: Annotated[int, "How many neighbours were looked at."]
    extractors: Annotated[list[ComparedRecord], "Every extractor that could be used, best first."]
    failed: Annotated[list[FailedRecord], "Those that could not."]
    answer: Annotated[list[str], "What it comes to, in sentences."]
    notes: Annotated[list[str], "What should be known of it, in sentences."]
