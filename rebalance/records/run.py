"""The records of a run of training: ``options.json`` and ``metrics.json``."""

from typing import Annotated, Any, Final, Literal, TypedDict

from rebalance.records.decision import TriedRecord
from rebalance.records.manifest import ScaleRecord

FORMAT: Final = 1


class NetworkView(TypedDict, total=False):
    """How the network looks at images."""

    resize: Annotated[
        str, "How an image becomes a square: stretch; absent where its centre is cropped."
    ]


class NetworkRecord(NetworkView):
    """The network before training."""

    arch: Annotated[str | None, "The architecture; null is that of the weights."]
    weights: Annotated[
        str | None, "What it began with: imagenet, lite0 or a path; null is at random."
    ]
    image_size: Annotated[int | None, "The width images are scaled to; null is the network's own."]


class FolderReading(TypedDict, total=False):
    """How folder and groups were read, where it is told; version 0.1 did not tell."""

    as_classes: Annotated[bool, "Whether the folders were insisted on as classes."]
    extensions: Annotated[list[str], "The further endings of files that were read as images."]
    group_column: Annotated[str, "The column of the groups; only where it was told."]


class TrainingSource(FolderReading):
    """Where the training images were."""

    data: Annotated[str, "The folder or the manifest of the training images."]
    root: Annotated[str | None, "The folder that file names are relative to, if told."]
    allow_empty: Annotated[bool, "Whether a class might have no images."]
    val_fraction: Annotated[float | None, "The share of the images that was split off to validate."]
    groups: Annotated[str | None, "The file that says which images must not be parted."]


class HeadRecord(TypedDict, total=False):
    """What the last layer was trained anew by: a manifest, or a method of oversampling."""

    manifest: Annotated[str, "The manifest whose recipes the head was trained on, if one was."]
    content: Annotated[str, "A digest of its samples."]
    sampled: Annotated[
        dict[str, Any],
        "The method in place of a manifest, and its options; it sampled the embeddings of the "
        "training images.",
    ]
    counts: Annotated[
        dict[str, int],
        "The samples of each class, by its name; not where clusters of the embeddings tell them.",
    ]
    of: Annotated[str, "A digest of the network that was trained before, in another run."]
    seed: Annotated[int, "The seed of the new last layer, where the network is another run's."]


class _FeatureFileNames(TypedDict, total=False):
    names: Annotated[str, "The file that names its rows, where it does not itself."]


class FeatureFileRecord(_FeatureFileNames):
    """A file of features that somebody computed."""

    file: Annotated[str, "The file."]
    digest: Annotated[str, "A digest of it, and of the names."]


class _FurtherFiles(TypedDict, total=False):
    validation: Annotated[
        FeatureFileRecord, "The file of the validation images, where they had one of their own."
    ]
    test: Annotated[FeatureFileRecord, "The file of the test images, where they had their own."]


class GivenFeaturesRecord(FeatureFileRecord, _FurtherFiles):
    """The features in place of a network, and what a head sees of them."""

    layer: Annotated[str, "The layer; pool where the file names none."]
    columns: Annotated[int, "The features of an image."]


class _Begun(TypedDict):
    recipe: Annotated[dict[str, Any], "The recipe's name, and every number of it."]
    network: Annotated[NetworkRecord, "The network before training."]
    loss: Annotated[dict[str, Any], "The loss's name, and the options it was given."]
    sampler: Annotated[str, "How an epoch is drawn."]
    regime: Annotated[str, "What training looks at when."]
    threshold: Annotated[
        str,
        "How decisions are shifted: none, prior, prior:TAU, prior:val, prior:original, cost:FILE "
        "or cost:search.",
    ]
    classifier: Annotated[str, "What gives the probabilities: head, centres, knn:k=7."]
    seed: Annotated[int, "The seed of every random draw."]
    device: Annotated[str, "The kind of device it is trained on."]
    precision: Annotated[str, "The numbers that it calculates in."]
    counts: Annotated[dict[str, int], "Training images of each class, by its name, in label order."]
    source: Annotated[TrainingSource, "Where the training images were."]
    data: Annotated[str, "A digest of the training images and their labels."]
    validation: Annotated[str, "A digest of the validation images."]
    head: Annotated[
        HeadRecord | None, "What the last layer was trained anew by; null where it was not."
    ]


class PhaseRecord(TypedDict):
    """What the first phase of two-phase training did to the classes."""

    by: Annotated[str, "How it made classes alike: undersample or oversample."]
    limit: Annotated[str | None, "What it brought them to; null is the default of the way."]


class RunOptionsRecord(_Begun, total=False):
    """All that a run was begun with; with it, it can be gone on with."""

    scale: Annotated[
        ScaleRecord, "What was black and white in its images of more than 8 bits, if it had any."
    ]
    features: Annotated[
        GivenFeaturesRecord, "The file of features that a probe was fitted on, if it was on one."
    ]
    phase: Annotated[
        PhaseRecord, "What the first phase of two-phase training did, where it was told."
    ]


class RunRecord(TypedDict):
    """What a run was begun with. A folder that holds this file is a run."""

    format: Annotated[Literal[1], "The version of the format of the folder."]
    rebalance: Annotated[str, "The version of rebalance that began the run."]
    options: Annotated[RunOptionsRecord, "What the run was begun with."]


class _Areas(TypedDict, total=False):
    roc_auc: Annotated[float | None, "The area under its ROC curve, it against all others."]
    average_precision: Annotated[
        float | None, "The area under its precision-recall curve, without interpolation."
    ]


class ClassScores(_Areas):
    """The scores of one class; null where it has no test images."""

    precision: Annotated[float | None, "Of the images predicted to be of it, the share that are."]
    recall: Annotated[float | None, "Of its images, the share that is predicted to be of it."]
    f1: Annotated[float | None, "The harmonic mean of precision and recall."]
    support: Annotated[int, "Its test images."]


class ShotGroup(TypedDict):
    """The classes with about as many training images."""

    accuracy: Annotated[float | None, "The mean recall of its classes; null without test images."]
    classes: Annotated[int, "The number of classes that have test images."]
    support: Annotated[int, "The test images of these classes."]


class ShotGroups(TypedDict):
    """The classes by how many training images they have."""

    many: Annotated[ShotGroup, "Classes with more than 100 training images."]
    medium: Annotated[ShotGroup, "Classes with 20 to 100 training images."]
    few: Annotated[ShotGroup, "Classes with fewer than 20 training images."]


class GapPartRecord(TypedDict):
    """The same of a part of the test images."""

    net: Annotated[float, "The mean of the gaps of the classes that have any."]
    per_class: Annotated[dict[str, float], "The gap of each of these classes, by its name."]
    images: Annotated[dict[str, int], "How many images each is the gap of: more reach further."]


class _GapParts(TypedDict, total=False):
    true_positives: Annotated[
        GapPartRecord | None,
        "The gap of the test images of a class that were given it; null without any.",
    ]
    false_positives: Annotated[
        GapPartRecord | None,
        "The gap of test images of other classes that were given the class, beyond the training "
        "images of the class they were given; null without any.",
    ]


class GapRecord(_GapParts):
    """How far the features of test images reach beyond those of training images."""

    net: Annotated[float, "The mean of the gaps of all classes."]
    net_per_feature: Annotated[float, "The same divided by the number of features."]
    per_class: Annotated[dict[str, float], "The gap of each class of both sides, by its name."]


class _Undefined(TypedDict, total=False):
    undefined: Annotated[dict[str, str], "Why a metric is null, by its name; absent where none is."]


class _Later(_Undefined, total=False):
    """Metrics that older runs lack."""

    specificity_macro: Annotated[
        float | None,
        "The mean specificity of the classes; null where all test images are of one.",
    ]
    f1_weighted: Annotated[float, "The mean F1 of the classes, weighted by their test images."]
    f2_macro: Annotated[float, "The mean F-beta of the classes with beta 2."]
    f05_macro: Annotated[float, "The mean F-beta of the classes with beta 0.5."]
    roc_auc_ovr_weighted: Annotated[
        float | None,
        "The mean area under the ROC curve, weighted by the test images of the classes; null where "
        "all are of one.",
    ]
    worst_recall: Annotated[float, "The smallest recall of a class."]
    ece: Annotated[float, "The expected calibration error of the largest probability, in 15 bins."]
    ece_balanced: Annotated[float, "The same, each image counted as one over those of its class."]


class ScoresRecord(_Later):
    """What ``rebalance.metrics.score`` says of predictions."""

    accuracy: Annotated[float, "The share of the images that are decided rightly."]
    balanced_accuracy: Annotated[float, "The mean recall of the classes."]
    gmean: Annotated[float, "The geometric mean of the recalls of the classes."]
    gmean_macro: Annotated[
        float | None,
        "The geometric mean of the means of sensitivity and of specificity over the classes; null "
        "where all test images are of one.",
    ]
    f1_macro: Annotated[float, "The mean F1 of the classes."]
    roc_auc_ovr_macro: Annotated[
        float | None,
        "The mean area under the ROC curve, one class against all; null where all test images are "
        "of one.",
    ]
    average_precision_macro: Annotated[float, "The mean average precision of the classes."]
    log_loss: Annotated[float, "The mean negative logarithm of the true class's probability."]
    brier: Annotated[float, "The mean squared error of the probabilities, summed over the classes."]
    per_class: Annotated[dict[str, ClassScores], "The scores of each class, by its name."]
    confusion_matrix: Annotated[
        list[list[int]], "Test images by true class (rows) and decided class (columns)."
    ]
    groups: Annotated[ShotGroups | None, "Accuracy by how many training images a class has."]
    absent: Annotated[list[str], "The classes without test images, which no mean counts."]


class _About(ScoresRecord):
    images: Annotated[int, "The number of test images."]
    classifier: Annotated[str, "What gave the probabilities: head, centres, knn:k=7."]
    threshold: Annotated[
        str,
        "How decisions were shifted: none, prior, prior:TAU, prior:val, prior:original, cost or "
        "cost:search.",
    ]


class HeadFitRecord(TypedDict):
    """How the linear head of a probe was fitted."""

    head: Annotated[str, "The kind of head, as --head names it."]
    by: Annotated[
        str, "What its numbers were chosen by: folds, validation images, or nothing held out."
    ]
    chosen: Annotated[dict[str, float], "The numbers it chose, by their name, such as penalty."]
    tried: Annotated[
        dict[str, list[TriedRecord]], "For each of them the numbers that were tried, in order."
    ]


class ScoredRunRecord(TypedDict):
    """One of several runs whose probabilities were averaged."""

    run: Annotated[str, "The folder of the run."]
    accuracy: Annotated[float, "Its accuracy by itself."]
    balanced_accuracy: Annotated[float, "Its balanced accuracy by itself."]


class MetricsRecord(_About, total=False):
    """How good the decisions on the test images are.

    A metric that was added to ``rebalance.metrics.METRICS`` has a number here by its name, or null.
    """

    generalization_gap: Annotated[
        GapRecord | None,
        "How far test features reach beyond; null where no class is on both sides.",
    ]
    weight_norms: Annotated[
        dict[str, float],
        "The Euclidean norm of each class's weights in the last layer, without its bias.",
    ]
    test_root: Annotated[str, "The folder that the names in predictions.csv are relative to."]
    divided_by: Annotated[
        dict[str, float],
        "The class shares that the threshold divided probabilities by; absent where by none.",
    ]
    power: Annotated[
        float, "The power of these shares that was divided by; only where it was chosen: prior:val."
    ]
    costs: Annotated[
        dict[str, float],
        "The cost of mistaking each class; only where it was searched: cost:search.",
    ]
    temperature: Annotated[
        float, "The temperature of the probabilities, applied last; absent where by none."
    ]
    runs: Annotated[
        list[ScoredRunRecord],
        "The runs whose probabilities were averaged; only where evaluate was given several.",
    ]
    before: Annotated["MetricsRecord", "The same before the last layer was trained anew."]
    head_fit: Annotated[HeadFitRecord, "How the head of a probe was fitted; only of a probe."]
