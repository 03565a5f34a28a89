"""The record of a manifest, ``M.json``: how its rows came about."""

from typing import Annotated, Any, Final, Literal, TypedDict

FORMAT: Final = 1


class Counts(TypedDict, total=False):
    """Samples of each class, by its name."""

    before: Annotated[dict[str, int], "Image files of each class that the command was given."]
    readable: Annotated[
        dict[str, int], "How many of them can be read. A manifest that was imported lacks this key."
    ]
    after: Annotated[dict[str, int], "Rows of each class in the manifest."]


class ImbalanceRatio(TypedDict):
    """The size of the largest class over that of the smallest one that is not empty."""

    before: Annotated[float, "The ratio of the images that can be read."]
    after: Annotated[float, "The ratio of the rows in the manifest."]


class ExtractorRecord(TypedDict, total=False):
    """The network that looked at the images, and all that its features depend on.

    Of features that were given in a file, that file.
    """

    name: Annotated[str, "The extractor as it was asked for: imagenet, lite0, finetune, or a path."]
    names: Annotated[str, "A file with the names of the rows of a file of features, if any."]
    kind: Annotated[
        str,
        "What it is: imagenet, packaged, checkpoint, finetune, a library, as timm, or a file of "
        "features.",
    ]
    arch: Annotated[str, "The architecture of the network."]
    weights: Annotated[
        str,
        "Where pretrained weights come from: a library's or package's version, or a file's digest; "
        "the digest of a file of features.",
    ]
    file: Annotated[str, "The file that a library's network has its weights from, if one was told."]
    init: Annotated[
        str, "What a fine-tuned network began with: scratch, imagenet, lite0, or a path."
    ]
    start: Annotated[str | None, "The weights it began with, described as in weights."]
    recipe: Annotated[dict[str, Any], "How it was trained: the options of rebalance train."]
    seed: Annotated[int, "The seed that it was trained with."]
    data: Annotated[str, "A digest of the images that it was trained on, and of their labels."]
    image_size: Annotated[int | None, "The width its images are scaled to; null is its own."]
    resize: Annotated[
        str,
        "How an image becomes a square: stretch, or own where the transform of a library says; "
        "absent where its centre is cropped.",
    ]
    flips: Annotated[
        str, "Mirror images that it was trained on: none, h, v or hv; only where they were told."
    ]
    precision: Annotated[str, "The numbers that it calculates in."]
    device: Annotated[str, "The kind of device that it ran on."]
    fingerprint: Annotated[str, "A digest of all this; equal ones give equal features."]


class ScaleRecord(TypedDict, total=False):
    """What becomes black and white in images with more than 8 bits a sample, in all of a set."""

    integers: Annotated[list[float], "The values of black and white where samples are integers."]
    floats: Annotated[list[float], "The values of black and white where samples are floats."]


class CoverFigures(TypedDict):
    """How near the images left out lie to those kept, in the space of the features."""

    farthest: Annotated[float, "The largest distance from an image left out to the nearest kept."]
    mean: Annotated[float, "The average distance from an image left out to the nearest kept."]
    balance: Annotated[
        float, "How evenly the images kept stand for the others, from 0 (one for all) to 1."
    ]


class CoverRecord(TypedDict):
    """How well the kept images of a class cover those left out, beside random picks."""

    kept: Annotated[CoverFigures, "The figures of the images kept."]
    random: Annotated[CoverFigures, "The average figures of as many images drawn at random."]
    farthest_closer: Annotated[
        float | None,
        "How many times as far random picks are from the farthest image that they leave out; null "
        "where there is no such distance.",
    ]
    mean_closer: Annotated[
        float | None,
        "How many times as far random picks are from an average image that they leave out; null "
        "where there is no such distance.",
    ]
    draws: Annotated[int, "How many random picks were averaged."]
    looked_at: Annotated[
        int | None, "How many of the images left out were looked at; null means all of them."
    ]


class ClassStory(TypedDict, total=False):
    """What was done with one class; a key is there where it applies to the method."""

    layer: Annotated[str, "The layer whose features were clustered."]
    k: Annotated[int, "The number of clusters, which are the subclasses found."]
    silhouettes: Annotated[
        dict[str, dict[str, float | None]],
        "The mean silhouette by layer and by number of clusters.",
    ]
    silhouette_errors: Annotated[
        dict[str, dict[str, float | None]],
        "The standard errors of silhouettes that were estimated from a sample, in the same form.",
    ]
    scores: Annotated[
        dict[str, dict[str, float | None]],
        "What the criterion said of each number of clusters, in the same form.",
    ]
    stability: Annotated[
        float | None, "How much of the clustering is found again in samples; null for one cluster."
    ]
    chance: Annotated[
        float | None, "The best silhouette that images without any groups would reach."
    ]
    above_chance: Annotated[
        bool | None, "Whether the clusters are better than that; null where none could be tried."
    ]
    map: Annotated[str, "What drew the map in M.map.csv: umap, or pca."]
    landmarks: Annotated[
        int | None, "On how many images the clusters were found; null means all of them."
    ]
    cluster_sizes: Annotated[list[int], "The images of each cluster, in the order of its number."]
    quotas: Annotated[list[int], "How many images of each cluster were kept."]
    added: Annotated[int, "How many samples the class was raised by."]
    note: Annotated[str | None, "What should be known of it in words, where there is something."]
    deduplicated: Annotated[int, "How many near-duplicates went before anything else."]
    cover: Annotated[CoverRecord, "How well the images kept cover those left out."]


class UnreadableRecord(TypedDict):
    """A file that could not be read."""

    file_name: Annotated[str, "The file, relative to the root."]
    label: Annotated[str, "The class whose folder it lies in."]
    reason: Annotated[str, "What is wrong with it."]


class SuspectRecord(TypedDict):
    """An image that looks out of place in its class."""

    file_name: Annotated[str, "The file, relative to the root."]
    label: Annotated[str, "The class that it is labelled as."]
    why: Annotated[str, "What makes it look out of place."]


class GeneratedCounts(TypedDict):
    """What became of the generated images of one class."""

    wanted: Annotated[int, "How many samples the class was to be raised by."]
    found: Annotated[int, "The image files of the class in the folder."]
    unreadable: Annotated[int, "How many of them cannot be read."]
    copies_of_data: Annotated[
        int, "How many repeat an image to train on, of whatever class: equal, or the same picture."
    ]
    copies_of_test: Annotated[int, "How many of the others repeat an image of --test."]
    out_of_class: Annotated[
        int, "How many of the others the nearest training images take for another class."
    ]
    copies_of_others: Annotated[int, "How many of the others repeat one another."]
    added: Annotated[int, "How many were added, of all that were left."]


class GeneratedRecord(TypedDict):
    """Where generated images are, and which of them were left out."""

    root: Annotated[
        str,
        "The folder that they are in, seen from the root of the images; their file names begin "
        "with it.",
    ]
    neighbours: Annotated[int, "How many of the nearest training images voted on each."]
    classes: Annotated[
        dict[str, GeneratedCounts], "What became of those of each class to raise, by its name."
    ]
    left_out: Annotated[
        list[UnreadableRecord], "Those that were not fit to be added, and why, by name."
    ]


class MemberRecord(TypedDict, total=False):
    """Which draw of several a manifest is: see ``undersample --ensemble``."""

    number: Annotated[int, "Its number, from 0."]
    seed: Annotated[int, "The seed of its own draws; without a cascade it alone makes it again."]
    pool: Annotated[
        dict[str, int],
        "Of a cascade: how many images of each class it could draw from, by its name.",
    ]


class ManifestRecord(TypedDict, total=False):
    """How a manifest came about: what was asked for, what was found, and what was done.

    Any key may be absent to a reader, for a manifest of somebody else may have a record with
    little in it, or none. ``WRITTEN`` names the keys of every record that a command writes.
    """

    format: Annotated[Literal[1], "The version of this format."]
    rebalance: Annotated[str, "The version of rebalance that wrote the manifest."]
    command: Annotated[str, "The command: undersample, oversample, hybrid, longtail, or import."]
    root: Annotated[
        str,
        "The folder that file names are relative to; in the file, seen from the manifest's own "
        "folder where both lie in one tree.",
    ]
    seed: Annotated[int, "The seed of every random draw."]
    options: Annotated[
        dict[str, Any], "The options of the command by their names in Python, defaults included."
    ]
    extractor: Annotated[
        ExtractorRecord | None, "The network whose features were used; null where none was needed."
    ]
    classes: Annotated[list[str], "The names of the classes, in the order of their labels."]
    counts: Annotated[Counts, "Samples of each class before and after."]
    imbalance_ratio: Annotated[ImbalanceRatio, "The imbalance ratio before and after."]
    per_class: Annotated[
        dict[str, ClassStory], "What was done with each class that changed, by its name."
    ]
    unreadable: Annotated[list[UnreadableRecord], "The files that could not be read."]
    source: Annotated[
        "SourceRecord | None",
        "What the images were listed by: an earlier manifest, the first step of a hybrid, or a "
        "table that was imported; null for a folder of images.",
    ]
    member: Annotated[
        MemberRecord, "Which member of an ensemble this is; only where there are several manifests."
    ]
    space: Annotated[
        str, "Where blends are made, embedding or pixel; only where there are synthetic rows."
    ]
    generated: Annotated[
        GeneratedRecord,
        "The images that a generator made; only where the method is generated.",
    ]
    suspects: Annotated[
        list[SuspectRecord], "The images that look out of place; only where they were asked for."
    ]
    ignored: Annotated[
        dict[str, dict[str, int]],
        "Files in the class folders that are not read as images, by class and by extension; only "
        "where there are any.",
    ]
    passed_over: Annotated[
        list[str],
        "Hidden and system folders that hold images and are no classes; only where there are any.",
    ]
    scale: Annotated[
        ScaleRecord,
        "What was black and white in the images with more than 8 bits a sample; only where there "
        "are any.",
    ]
    digests: Annotated[
        dict[str, str],
        "The digest of each table beside the record, by which its files are known to be of one "
        "writing: BLAKE2b of 16 bytes, in hexadecimal.",
    ]


class SourceRecord(ManifestRecord, total=False):
    """The record of the step before, where there was one, and the file it was read from.

    It may hold further keys, as that file had them.
    """

    manifest: Annotated[str, "The manifest that the images were listed by."]
    table: Annotated[str, "The table of another tool that was imported."]
    reading: Annotated[
        list[str], "How that table was read, in words; only where that was not plain."
    ]


# The keys of every record that a command writes.
WRITTEN = frozenset(
    ("format", "rebalance", "command", "root", "classes", "counts", "unreadable", "source")
)
