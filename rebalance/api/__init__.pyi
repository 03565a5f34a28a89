"""The public calls, as ``python -m rebalance.api.stubs`` writes them; never edit it."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rebalance.exchange import ExportTable
from rebalance.features.table import FeatureTable
from rebalance.inspection import Inspection
from rebalance.manifest import Manifest
from rebalance.materialization import Materialized
from rebalance.progress import Progress
from rebalance.records import AdviceRecord, ComparisonRecord, MetricsRecord
from rebalance.reports import Report
from rebalance.studies.results import Results
from rebalance.studies.story import Forecast

__all__ = [
    "advise",
    "compare_extractors",
    "evaluate",
    "export",
    "extract",
    "hybrid",
    "import_csv",
    "inspect",
    "longtail",
    "materialize",
    "oversample",
    "plan_study",
    "report",
    "study",
    "train",
    "undersample",
    "undersample_ensemble",
]

def advise(
    data: Path | str,
    output: Path | str,
    *,
    test: Path | str | None = None,
    groups: Path | None = None,
    group_column: str | None = None,
    budget: str = "5m",
    folds: int = 5,
    test_features: Path | None = None,
    test_names: Path | None = None,
    extractor: str = "imagenet",
    arch: str | None = None,
    weights: Path | str | None = None,
    image_size: int | None = None,
    resize: str | None = None,
    precision: str = "auto",
    batch_size: int | None = None,
    features: Path | str | None = None,
    names: Path | str | None = None,
    root: Path | str | None = None,
    as_classes: bool = False,
    extensions: Sequence[str] = (),
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
    cache_dir: Path | str | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress = ...,
) -> AdviceRecord:
    """Say what to do about the imbalance of these images, and how sure that is.

    data: an image folder, or a manifest. output: the folder to write the advice into; cells that
    are finished there are not run again, and with ``overwrite`` they go. Returns the record, as
    ``advice.json`` has it. Cells run side by side in processes of their own: a script that calls
    this needs the guard ``if __name__ == "__main__"``, as multiprocessing does.

    Raises DataError, ManifestError, ExtractorError, OutputError, SettingError, TrainingError where
    a cell cannot be run, and UnreadableImage under ``strict``.

    Options:
        test: Test images to report on as well, by which nothing is chosen.
        groups: CSV of file_name,group: no group in two folds.
        group_column: Column of groups that holds them. [default: the one of a usual name]
        budget: Time that it may take, features included. (default '5m')
        folds: Parts of DATA, each of which is validated on once per seed. (default 5)
        test_features: File with the features of the test images. [default: that of the
            others]
        test_names: The images of its rows, where that file does not name them.
        extractor: Network that describes the images: torchvision's pretrained one (a
            download), the installed EfficientNet-Lite0, one trained on DATA first, a
            checkpoint, or another library's: timm:NAME, hf:OWNER/NAME or hf:FOLDER,
            open_clip:MODEL/TAG. (default 'imagenet')
        arch: A torchvision classification model, efficientnet_lite0, or one for small images:
            cifar_resnet18, 20, 32, 34, 50, 56, cifar_wrn28_10 and others; timm:NAME, for a
            file of weights. [default: resnet50; cifar_resnet20 to finetune on images at most
            64 pixels wide]
        weights: File of weights for timm:NAME. [default: those that the library publishes]
        image_size: Side of the square the network sees. [default: as its weights were
            trained]
        resize: How an image becomes that square: the centre of it, or all of it, stretched.
            [default: as a run was trained, else stretch] (one of crop, stretch)
        precision: auto is bf16 where the processor has it. (one of auto, fp32, bf16; default
            'auto')
        batch_size: Images per forward pass. [default: by device]
        features: Your own features, in place of a network's: .npz, .npy, .parquet, .csv,
            .safetensors or .pt. No image is opened for them.
        names: The images of the rows of features, where that file does not name them: a path
            a line, .csv, .json or .jsonl.
        root: Where the images of a manifest are. [default: as the manifest says]
        as_classes: Take the folders as classes though they look like splits or repeat each
            other. (default False)
        extensions: Further endings of files to read as images, such as .avif,.heic.
        seed: Same seed, same images, same machine: same bytes. (default 0)
        device: Where the network runs. (one of auto, cpu, cuda, mps; default 'auto')
        workers: Threads that read images, and cells run side by side. [default: all cores]
        cache_dir: Where features are kept. [default: $REBALANCE_CACHE_DIR or the user's
            cache]
        strict: Unreadable images are an error, before the expensive work. (default False)
        overwrite: Try everything anew, and replace files of advice that exist. (default
            False)
    """

def compare_extractors(
    data: Path | str,
    extractors: Sequence[str],
    *,
    layer: str | None = None,
    images: int = 5000,
    groups: Path | None = None,
    group_column: str | None = None,
    folds: int = 5,
    repeats: int = 3,
    image_size: int | None = None,
    resize: str | None = None,
    precision: str = "auto",
    batch_size: int | None = None,
    root: Path | str | None = None,
    allow_empty: bool = False,
    as_classes: bool = False,
    extensions: Sequence[str] = (),
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
    cache_dir: Path | str | None = None,
    strict: bool = False,
    progress: Progress = ...,
) -> ComparisonRecord:
    """Compare how well extractors tell the classes of these images apart.

    data: an image folder, or a manifest. extractors: each as ``extractor`` of the other calls has
    it, with its ``arch`` after a colon, such as ``imagenet:mobilenet_v2``. All are judged by the
    same folds of the same images: by a probe, and by how far neighbours agree with labels. One that
    cannot be used is among those that ``failed`` in the record, and loses no other.

    Raises DataError, ManifestError, SettingError, ExtractorError where none can be used, and
    UnreadableImage under ``strict``.

    Options:
        layer: Layer to compare. [default: pool; of a run its embedding] (one of body, pool,
            linear, embedding)
        images: Compare on at most so many images; large classes give up some first. (default
            5000)
        groups: CSV of file_name,group: no group in two folds.
        group_column: Column of groups that holds them. [default: the one of a usual name]
        folds: Parts that the images are dealt out to, each of which is held out once.
            (default 5)
        repeats: How often they are dealt out anew. (default 3)
        image_size: Side of the square the network sees. [default: as its weights were
            trained]
        resize: How an image becomes that square: the centre of it, or all of it, stretched.
            [default: as a run was trained, else stretch] (one of crop, stretch)
        precision: auto is bf16 where the processor has it. (one of auto, fp32, bf16; default
            'auto')
        batch_size: Images per forward pass. [default: by device]
        root: Where the images of a manifest are. [default: as the manifest says]
        allow_empty: Let class folders hold no image. (default False)
        as_classes: Take the folders as classes though they look like splits or repeat each
            other. (default False)
        extensions: Further endings of files to read as images, such as .avif,.heic.
        seed: Same seed, same images, same machine: same bytes. (default 0)
        device: Where the network runs. (one of auto, cpu, cuda, mps; default 'auto')
        workers: Threads that read images; 0 reads in the main one. [default: all cores]
        cache_dir: Where features are kept. [default: $REBALANCE_CACHE_DIR or the user's
            cache]
        strict: Unreadable images are an error, before the expensive work. (default False)
    """

def evaluate(
    run: Path | str | Sequence[Path | str],
    test: Path | str,
    output: Path | str | None = None,
    *,
    threshold: str | None = None,
    classifier: str | None = None,
    precision: str = "auto",
    features: Path | str | None = None,
    names: Path | str | None = None,
    root: Path | str | None = None,
    allow_empty: bool = False,
    as_classes: bool = False,
    extensions: Sequence[str] = (),
    device: str = "auto",
    workers: int | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress = ...,
) -> MetricsRecord:
    """Score the network of a run on TEST; returns the metrics.

    run: the folder of a run, or several: then the probabilities that each decides by are averaged,
    and each is told with its own accuracy under ``runs``. They must know the same classes.

    output: a CSV to write every prediction to. What another decision than that of the run needs of
    the training data is fitted once, for which the images must be where they were, and then kept
    with the run. Raises as ``train``.

    Options:
        threshold: Rule that turns probabilities into a class: prior divides by the class
            shares that training drew, prior:TAU by a power of them from 0 to 10, prior:val by
            the power that is best on validation images (or a probe's folds), prior:original
            by the shares of the folder before resampling. cost decides by the least expected
            cost: of a matrix in FILE, or by costs of the classes searched on the run's
            validation images (or a probe's folds). [default: as the run decided]
        classifier: Classifier that decides: the head, the nearest class mean, the nearest
            training images, a linear SVM, or clusters within classes; with options as in
            knn:k=5, svm:C=1. [default: as the run decided]
        precision: auto is bf16 where the processor has it. (one of auto, fp32, bf16; default
            'auto')
        features: Of a run that was trained on a file of features: one that has those of the
            test images, which are not opened.
        names: With features an .npy: the file names that its rows are of.
        root: Where the images of a manifest are. [default: as the manifest says]
        allow_empty: Let class folders hold no image. (default False)
        as_classes: Take the folders as classes though they look like splits or repeat each
            other. (default False)
        extensions: Further endings of files to read as images, such as .avif,.heic.
        device: Where the network runs. (one of auto, cpu, cuda, mps; default 'auto')
        workers: Threads that read images; 0 reads in the main one. [default: all cores]
        strict: Unreadable images are an error, before the expensive work. (default False)
        overwrite: Replace result files that exist. (default False)
    """

def export(
    manifest: Path | str,
    output: Path | str,
    to: str = ...,
    *,
    weighting: str | None = None,
    beta: float | None = None,
    dropped: bool = False,
    root: Path | str | None = None,
    overwrite: bool = False,
) -> ExportTable:
    """Write a manifest as the table that another tool reads, and return what was written.

    to: a key of ``exchange.EXPORTS``, which says of each what it writes and what it cannot. output:
    a .csv, or for csv and hf a .jsonl of JSON objects, in which a class called 00007 stays a text,
    for hf and parquet a .parquet, for weights a .json too, and for timm a .txt; the log names
    classes that programs take for numbers, dates and the like. Text is quoted and in UTF-8, paths
    are absolute except for csv, hf, weights and parquet, rows are in the manifest's order.

    Raises SettingError for an unknown tool, and for an option that is another's; ManifestError as
    ``read_manifest``; DataError for a manifest that cannot be followed to its images, holds blends,
    or repeats a file where the tool could not; LossError for weights of a class without samples;
    OutputError where the table cannot be written.

    Options:
        weighting: Of weights: how much more a small class counts; see rebalance choices
            weightings. [default: balanced] (a key of rebalance.losses.WEIGHTINGS)
        beta: Of weights by effective: from 0, all alike. [default: 0.9999]
        dropped: Of fiftyone: the images that were left out, too, with their reason. (default
            False)
        root: Where the images of a manifest are. [default: as the manifest says]
        overwrite: Replace result files that exist. (default False)
    """

def extract(
    data: Path | str,
    output: Path | str | None = None,
    *,
    layers: Sequence[str] | None = None,
    extractor: str = "imagenet",
    arch: str | None = None,
    weights: Path | str | None = None,
    init: str = "scratch",
    image_size: int | None = None,
    resize: str | None = None,
    flips: str | None = None,
    precision: str = "auto",
    batch_size: int | None = None,
    features: Path | str | None = None,
    names: Path | str | None = None,
    root: Path | str | None = None,
    allow_empty: bool = False,
    as_classes: bool = False,
    extensions: Sequence[str] = (),
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
    cache_dir: Path | str | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress = ...,
) -> FeatureTable:
    """Features of every readable image, from the cache or computed into it.

    output: a .npz to write them to as well. Under torchrun, or where torch.distributed has been
    initialised, all processes call it and get the table; they share the work, and the first writes.
    Raises DataError, ExtractorError, OutputError, UnreadableImage under ``strict``; PeerFailed
    where another process failed, PeerLost where it ended without a word.

    Options:
        layers: Layer to extract; auto is each of body, pool and linear that there is.
            [default: pool; of a run its embedding] (one of body, pool, linear, embedding,
            auto)
        extractor: Network that describes the images: torchvision's pretrained one (a
            download), the installed EfficientNet-Lite0, one trained on DATA first, a
            checkpoint, or another library's: timm:NAME, hf:OWNER/NAME or hf:FOLDER,
            open_clip:MODEL/TAG. (default 'imagenet')
        arch: A torchvision classification model, efficientnet_lite0, or one for small images:
            cifar_resnet18, 20, 32, 34, 50, 56, cifar_wrn28_10 and others; timm:NAME, for a
            file of weights. [default: resnet50; cifar_resnet20 to finetune on images at most
            64 pixels wide]
        weights: File of weights for timm:NAME. [default: those that the library publishes]
        init: What finetune starts from. (default 'scratch')
        image_size: Side of the square the network sees. [default: as its weights were
            trained]
        resize: How an image becomes that square: the centre of it, or all of it, stretched.
            [default: as a run was trained, else stretch] (one of crop, stretch)
        flips: Mirror images that finetune learns from: left to right, upside down or both;
            none for digits, text and classes of left and right. [default: h] (a key of
            rebalance.training.parts.FLIPS)
        precision: auto is bf16 where the processor has it. (one of auto, fp32, bf16; default
            'auto')
        batch_size: Images per forward pass. [default: by device]
        features: Your own features, in place of a network's: .npz, .npy, .parquet, .csv,
            .safetensors or .pt. No image is opened for them.
        names: The images of the rows of features, where that file does not name them: a path
            a line, .csv, .json or .jsonl.
        root: Where the images of a manifest are. [default: as the manifest says]
        allow_empty: Let class folders hold no image. (default False)
        as_classes: Take the folders as classes though they look like splits or repeat each
            other. (default False)
        extensions: Further endings of files to read as images, such as .avif,.heic.
        seed: Same seed, same images, same machine: same bytes. (default 0)
        device: Where the network runs. (one of auto, cpu, cuda, mps; default 'auto')
        workers: Threads that read images; 0 reads in the main one. [default: all cores]
        cache_dir: Where features are kept. [default: $REBALANCE_CACHE_DIR or the user's
            cache]
        strict: Unreadable images are an error, before the expensive work. (default False)
        overwrite: Replace result files that exist. (default False)
    """

def hybrid(
    data: Path | str,
    output: Path | str | None = None,
    *,
    to: str | int,
    under: str = "subclass",
    pick: str = "typical",
    quotas: str = "sqrt",
    k_max: int = 9,
    criterion: str = "silhouette",
    cluster_space: str = "map",
    layout: str = "fast",
    landmarks: str | int = "auto",
    dedupe: bool = False,
    suspects: bool = False,
    over: str = "ros",
    neighbours: int | None = None,
    layer: str | None = None,
    space: str | None = None,
    neighbours_in: str = "features",
    exact: bool = False,
    danger_neighbours: int | None = None,
    reach: float = 0.5,
    copies: str = "drawn",
    operations: str = "rotate,noise",
    generated_from: Path | str | None = None,
    test: Path | str | Iterable[Path | str] = (),
    extractor: str = "imagenet",
    arch: str | None = None,
    weights: Path | str | None = None,
    init: str = "scratch",
    image_size: int | None = None,
    resize: str | None = None,
    flips: str | None = None,
    precision: str = "auto",
    batch_size: int | None = None,
    features: Path | str | None = None,
    names: Path | str | None = None,
    root: Path | str | None = None,
    allow_empty: bool = False,
    as_classes: bool = False,
    extensions: Sequence[str] = (),
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
    cache_dir: Path | str | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress = ...,
) -> Manifest:
    """Undersample the classes above a size, then oversample those below it.

    ``layer`` is of both halves: its features tell neighbours, and clusters where the first half
    looks for them. The other options are those of ``undersample`` and ``oversample``, which raise
    the same errors.

    Options:
        to: Class size wanted: a number, or R times the smallest.
        under: How the images to keep are chosen. (a key of
            rebalance.undersampling.UNDERSAMPLERS; default 'subclass')
        pick: Which images of a subclass: the typical of its regions, by distance to its
            centre, or at random. (a key of rebalance.undersampling.PICKERS; default
            'typical')
        quotas: Shares of the subclasses of a class: equal, or by the root of their size, or
            by it. (a key of rebalance.quotas.QUOTAS; default 'sqrt')
        k_max: Most clusters that a class may be found to have. (default 9)
        criterion: Criterion that chooses the number of clusters. (a key of
            rebalance.clusters.CRITERIA; default 'silhouette')
        cluster_space: Space to cluster in: the 2-D map, or the principal components. (one of
            map, pca; default 'map')
        layout: Program that draws the map: our parallel UMAP, or umap-learn. (a key of
            rebalance.clusters.LAYOUTS; default 'fast')
        landmarks: Images of a large class to find the clusters on; the others join them: auto
            is 20,000 of more than 100,000, none is all. (default 'auto')
        dedupe: Drop near-duplicates of the classes to cut first. (default False)
        suspects: List images that look out of place: outliers, or among another class.
            (default False)
        over: How the samples to add are chosen. (a key of
            rebalance.oversampling.OVERSAMPLERS; default 'ros')
        neighbours: Number of nearest neighbours that a partner is drawn from. [default: 5; 10
            for eos; 10 for generated, which lets them vote]
        layer: Layer whose features decide neighbours and clusters. [default: pool; of a run
            its embedding] (one of body, pool, linear, embedding)
        space: What a recipe blends: feature vectors, or images. [default: embedding; pixel of
            remix, cmo and augment] (one of embedding, pixel)
        neighbours_in: What decides neighbours: the features of layer, or the pixels of images
            stretched to squares of SIDE, 32 unless told. (default 'features')
        exact: Exact neighbours at any size; without it, approximate above 100,000 samples.
            (default False)
        danger_neighbours: Of borderline-1 and borderline-2: neighbours, of all classes, among
            which those of others tell whether a sample is in danger. [default: 10]
        reach: Of eos: how far towards the other class a blend goes at most; 1, the paper's,
            is the whole way. (default 0.5)
        copies: Of ros: drawn with replacement, or exact: each image as often as every other,
            and what is left drawn without replacement. (one of drawn, exact; default 'drawn')
        operations: Of augment: what copies are varied by, of flip, vflip, scale, rotate,
            shift, brightness, contrast, blur, noise; flip and vflip not where left and right,
            or up and down, mean something, as in digits and text. (default 'rotate,noise')
        generated_from: Of generated: images that a generator made, a folder for each class of
            DATA.
        test: Of generated: images to be scored later, a folder or a manifest, none of which
            may be among those added.
        extractor: Network that describes the images: torchvision's pretrained one (a
            download), the installed EfficientNet-Lite0, one trained on DATA first, a
            checkpoint, or another library's: timm:NAME, hf:OWNER/NAME or hf:FOLDER,
            open_clip:MODEL/TAG. (default 'imagenet')
        arch: A torchvision classification model, efficientnet_lite0, or one for small images:
            cifar_resnet18, 20, 32, 34, 50, 56, cifar_wrn28_10 and others; timm:NAME, for a
            file of weights. [default: resnet50; cifar_resnet20 to finetune on images at most
            64 pixels wide]
        weights: File of weights for timm:NAME. [default: those that the library publishes]
        init: What finetune starts from. (default 'scratch')
        image_size: Side of the square the network sees. [default: as its weights were
            trained]
        resize: How an image becomes that square: the centre of it, or all of it, stretched.
            [default: as a run was trained, else stretch] (one of crop, stretch)
        flips: Mirror images that finetune learns from: left to right, upside down or both;
            none for digits, text and classes of left and right. [default: h] (a key of
            rebalance.training.parts.FLIPS)
        precision: auto is bf16 where the processor has it. (one of auto, fp32, bf16; default
            'auto')
        batch_size: Images per forward pass. [default: by device]
        features: Your own features, in place of a network's: .npz, .npy, .parquet, .csv,
            .safetensors or .pt. No image is opened for them.
        names: The images of the rows of features, where that file does not name them: a path
            a line, .csv, .json or .jsonl.
        root: Where the images of a manifest are. [default: as the manifest says]
        allow_empty: Let class folders hold no image. (default False)
        as_classes: Take the folders as classes though they look like splits or repeat each
            other. (default False)
        extensions: Further endings of files to read as images, such as .avif,.heic.
        seed: Same seed, same images, same machine: same bytes. (default 0)
        device: Where the network runs. (one of auto, cpu, cuda, mps; default 'auto')
        workers: Threads that read images; 0 reads in the main one. [default: all cores]
        cache_dir: Where features are kept. [default: $REBALANCE_CACHE_DIR or the user's
            cache]
        strict: Unreadable images are an error, before the expensive work. (default False)
        overwrite: Replace result files that exist. (default False)
    """

def import_csv(
    table: Path | str,
    output: Path | str | None = None,
    *,
    path_column: str | None = None,
    label_column: str | None = None,
    root: Path | str | None = None,
    overwrite: bool = False,
) -> Manifest:
    """Read a table that lists images and their labels; write it as a manifest where asked to.

    The table is a CSV or lines of JSON objects. Its encoding and the sign between its cells are
    found out, and it need not have a header. Paths are taken as they are written; where these are
    not there, by the one way of reading them that finds every row (backslashes, a prefix to cut,
    other case or Unicode form, no extension or another). What was not plain is said in the log and
    in the record.

    output: the manifest, with its companions beside it. A column that is not told is the one of a
    usual name, whatever its case, or the only one that can be meant. A table without a header has
    the columns 1, 2 and so on. Paths may be absolute or relative to the root, and lie in it.

    Rows keep their order and are originals; a file that is listed again, with the same label, is a
    duplicate. Files that are not there are named in the log and in the record, and left out.

    Raises DataError, naming the line, for a table that cannot be read so or in two ways, for a path
    outside of the root, for a file with two labels, for several labels in one cell and for a class
    none of whose files is there; OutputError as ``manifest.check_output``.

    Options:
        path_column: Column with the path of each image; without a header its number.
            [default: the one of a usual name, or the only one that can be meant]
        label_column: Column with its label. [default: as for paths]
        root: Folder that the paths are relative to. [default: that of the table]
        overwrite: Replace result files that exist. (default False)
    """

def inspect(
    data: Path | str,
    *,
    against: Path | str | None = None,
    fail_above: float | None = None,
    fail_on: Sequence[str] = (),
    baseline: Path | str | None = None,
    similar: float | None = None,
    html: Path | str | None = None,
    extractor: str = "imagenet",
    arch: str | None = None,
    weights: Path | str | None = None,
    init: str = "scratch",
    image_size: int | None = None,
    resize: str | None = None,
    flips: str | None = None,
    precision: str = "auto",
    batch_size: int | None = None,
    features: Path | str | None = None,
    names: Path | str | None = None,
    root: Path | str | None = None,
    allow_empty: bool = False,
    as_classes: bool = False,
    extensions: Sequence[str] = (),
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
    cache_dir: Path | str | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress = ...,
) -> Inspection:
    """Count the images of every class, look at each of them, and say what is wrong.

    data: an image folder, or a manifest. similar: the features are read from the cache, never
    computed. fail_above, fail_on: gates, whose outcome a page tells;
    ``rebalance.inspection.check_gates`` turns it into an error.

    Raises DataError if a folder or the baseline is not as it must be, ExtractorError where features
    are missing, SettingError, OutputError, and UnreadableImage under ``strict``.

    Options:
        against: A folder or manifest, none of whose images should be in DATA.
        fail_above: Exit with status 3 if the imbalance ratio is larger.
        fail_on: Exit with status 3 if there is any such finding; kinds are listed above. (a
            key of rebalance.inspection.KINDS)
        baseline: Result of an earlier inspect json; only new findings are reported.
        similar: Also find images whose features are so similar; 0.94 where no number follows.
            The features must be in the cache (see extract), or be given by features.
        html: Also write a page that shows the images that were found.
        extractor: Network that describes the images: torchvision's pretrained one (a
            download), the installed EfficientNet-Lite0, one trained on DATA first, a
            checkpoint, or another library's: timm:NAME, hf:OWNER/NAME or hf:FOLDER,
            open_clip:MODEL/TAG. (default 'imagenet')
        arch: A torchvision classification model, efficientnet_lite0, or one for small images:
            cifar_resnet18, 20, 32, 34, 50, 56, cifar_wrn28_10 and others; timm:NAME, for a
            file of weights. [default: resnet50; cifar_resnet20 to finetune on images at most
            64 pixels wide]
        weights: File of weights for timm:NAME. [default: those that the library publishes]
        init: What finetune starts from. (default 'scratch')
        image_size: Side of the square the network sees. [default: as its weights were
            trained]
        resize: How an image becomes that square: the centre of it, or all of it, stretched.
            [default: as a run was trained, else stretch] (one of crop, stretch)
        flips: Mirror images that finetune learns from: left to right, upside down or both;
            none for digits, text and classes of left and right. [default: h] (a key of
            rebalance.training.parts.FLIPS)
        precision: auto is bf16 where the processor has it. (one of auto, fp32, bf16; default
            'auto')
        batch_size: Images per forward pass. [default: by device]
        features: Your own features, in place of a network's: .npz, .npy, .parquet, .csv,
            .safetensors or .pt. No image is opened for them.
        names: The images of the rows of features, where that file does not name them: a path
            a line, .csv, .json or .jsonl.
        root: Where the images of a manifest are. [default: as the manifest says]
        allow_empty: Let class folders hold no image. (default False)
        as_classes: Take the folders as classes though they look like splits or repeat each
            other. (default False)
        extensions: Further endings of files to read as images, such as .avif,.heic.
        seed: Same seed, same images, same machine: same bytes. (default 0)
        device: Where the network runs. (one of auto, cpu, cuda, mps; default 'auto')
        workers: Threads that read images; 0 reads in the main one. [default: all cores]
        cache_dir: Where features are kept. [default: $REBALANCE_CACHE_DIR or the user's
            cache]
        strict: Unreadable images are an error, before the expensive work. (default False)
        overwrite: Replace result files that exist. (default False)
    """

def longtail(
    data: Path | str,
    output: Path | str | None = None,
    *,
    rho: float = 100.0,
    profile: str = "exp",
    n_max: int | None = None,
    order: Sequence[str] = (),
    share: float | None = None,
    root: Path | str | None = None,
    allow_empty: bool = False,
    as_classes: bool = False,
    extensions: Sequence[str] = (),
    seed: int = 0,
    workers: int | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress = ...,
) -> Manifest:
    """Make a long-tailed subset of a data set, as those that papers compare methods on.

    output: where to write the manifest; its companions go beside it. Raises DataError,
    ManifestError, SettingError, OutputError, UnreadableImage under ``strict``, and TargetError
    where a class has too few images, which says how many would do.

    Options:
        rho: Imbalance ratio: images of the largest class to each of the smallest. (default
            100.0)
        profile: Each class smaller by the same factor (exp) or by the same number (linear),
            or half of them full and half small (step). (a key of
            rebalance.class_sizes.PROFILES; default 'exp')
        n_max: Images of the largest class. [default: as many as all classes allow]
        order: Every class, the largest-to-be first. [default: by size, a tie in class order]
        share: Of the profile step: the share of the classes that are small. [default: a half]
        root: Where the images of a manifest are. [default: as the manifest says]
        allow_empty: Let class folders hold no image. (default False)
        as_classes: Take the folders as classes though they look like splits or repeat each
            other. (default False)
        extensions: Further endings of files to read as images, such as .avif,.heic.
        seed: Same seed, same images, same machine: same bytes. (default 0)
        workers: Threads that read images; 0 reads in the main one. [default: all cores]
        strict: Unreadable images are an error, before the expensive work. (default False)
        overwrite: Replace result files that exist. (default False)
    """

def materialize(
    manifest: Path | str,
    output: Path | str,
    *,
    link: str = "auto",
    layout: str = "imagefolder",
    val: Path | str | None = None,
    test: Path | str | None = None,
    root: Path | str | None = None,
    allow_empty: bool = False,
    as_classes: bool = False,
    extensions: Sequence[str] = (),
    workers: int | None = None,
    overwrite: bool = False,
    symlink: bool = ...,
    progress: Progress = ...,
) -> Materialized:
    """Write the manifest as an image folder: ``output/label/name``, a file for each row.

    No original can be changed by way of a file in the folder, unless ``link`` asks for one that is
    the original itself: ``auto`` makes reflinks where the file system has them, else copies;
    ``hard`` makes hard links, or copies where there can be none; ``sym`` links to absolute paths,
    whose label some readers took from where they lead (huggingface/datasets #5098). Even then a row
    that repeats an image is a copy, and so is one whose image lies outside of the root, where a
    link in the data leads to. ``reflink`` and ``copy`` are those and no other. Blends are PNG
    images, as ``blending.blend`` makes them of the upright RGB images. ``class_map.txt`` has the
    classes in the manifest's order, one a line; ``.rebalance.json`` the file of each row, in order.
    Nothing appears at ``output`` before all of it is written. Names are as
    ``materialization.names.sample_names`` says.

    With ``val`` or ``test`` there are sides: ``output/train/label/name``, and ``val`` and ``test``
    likewise, each with a folder for every class of the manifest, so that numbers are the same in
    all. These are originals, and no image is on two sides, neither as a file nor as another of
    equal bytes. ``class_map.txt`` and ``.rebalance.json``, which has all sides, stay at the top.

    symlink: short for ``link="sym"``. A folder is replaced only if materialize made it and nothing
    else lies in it, but for what Ultralytics notes there of its images; classes that may have no
    row become empty folders.

    Raises ManifestError for a manifest that cannot be read; DataError for one that cannot be
    followed to its images, has names that no folder can have, or blends features instead of
    images, and for an image on two sides, which it names, or a side with blends, repeats or a class
    that the manifest has not; SettingError for a layout whose reader needs images to validate on
    and gets none; OutputError where the folder cannot be written, or not by such links.

    Options:
        link: hard and sym make links, and who edits one edits the original; reflink and copy
            do not; auto is a reflink where the file system has them, else a copy. (one of
            auto, hard, sym, copy, reflink; default 'auto')
        layout: imagefolder: OUT has the class folders, or with val or test the folders train,
            val and test that have them. ultralytics and timm: these always, and files that
            those do not read are told. (a key of rebalance.materialization.layouts.LAYOUTS;
            default 'imagefolder')
        val: What to validate on: a folder, or a manifest of originals, written to OUT/val.
        test: What to test on, as val, written to OUT/test.
        root: Where the images of a manifest are. [default: as the manifest says]
        allow_empty: Let class folders hold no image. (default False)
        as_classes: Take the folders as classes though they look like splits or repeat each
            other. (default False)
        extensions: Further endings of files to read as images, such as .avif,.heic.
        workers: Threads that read images; 0 reads in the main one. [default: all cores]
        overwrite: Replace result files that exist. (default False)
    """

def oversample(
    data: Path | str,
    output: Path | str | None = None,
    *,
    method: str = "ros",
    neighbours: int | None = None,
    layer: str | None = None,
    space: str | None = None,
    neighbours_in: str = "features",
    exact: bool = False,
    danger_neighbours: int | None = None,
    reach: float = 0.5,
    copies: str = "drawn",
    operations: str = "rotate,noise",
    generated_from: Path | str | None = None,
    test: Path | str | Iterable[Path | str] = (),
    to: str | int = "max",
    per_class: Mapping[str, int] | Iterable[tuple[str, int]] = (),
    classes: Sequence[str] = (),
    extractor: str = "imagenet",
    arch: str | None = None,
    weights: Path | str | None = None,
    init: str = "scratch",
    image_size: int | None = None,
    resize: str | None = None,
    flips: str | None = None,
    precision: str = "auto",
    batch_size: int | None = None,
    features: Path | str | None = None,
    names: Path | str | None = None,
    root: Path | str | None = None,
    allow_empty: bool = False,
    as_classes: bool = False,
    extensions: Sequence[str] = (),
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
    cache_dir: Path | str | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress = ...,
) -> Manifest:
    """Choose which samples to add so that the classes are as large as asked.

    output: where to write the manifest; its companions go beside it. Raises as ``undersample``.

    Options:
        method: Method that chooses the samples to add; ros repeats images and needs no
            features. (a key of rebalance.oversampling.OVERSAMPLERS; default 'ros')
        neighbours: Number of nearest neighbours that a partner is drawn from. [default: 5; 10
            for eos; 10 for generated, which lets them vote]
        layer: Layer whose features decide neighbours and clusters. [default: pool; of a run
            its embedding] (one of body, pool, linear, embedding)
        space: What a recipe blends: feature vectors, or images. [default: embedding; pixel of
            remix, cmo and augment] (one of embedding, pixel)
        neighbours_in: What decides neighbours: the features of layer, or the pixels of images
            stretched to squares of SIDE, 32 unless told. (default 'features')
        exact: Exact neighbours at any size; without it, approximate above 100,000 samples.
            (default False)
        danger_neighbours: Of borderline-1 and borderline-2: neighbours, of all classes, among
            which those of others tell whether a sample is in danger. [default: 10]
        reach: Of eos: how far towards the other class a blend goes at most; 1, the paper's,
            is the whole way. (default 0.5)
        copies: Of ros: drawn with replacement, or exact: each image as often as every other,
            and what is left drawn without replacement. (one of drawn, exact; default 'drawn')
        operations: Of augment: what copies are varied by, of flip, vflip, scale, rotate,
            shift, brightness, contrast, blur, noise; flip and vflip not where left and right,
            or up and down, mean something, as in digits and text. (default 'rotate,noise')
        generated_from: Of generated: images that a generator made, a folder for each class of
            DATA.
        test: Of generated: images to be scored later, a folder or a manifest, none of which
            may be among those added.
        to: Class size wanted: the largest class, a number, or R times the largest. (default
            'max')
        per_class: Size of one class, in place of to.
        classes: Raise only these classes; the others stay as they are.
        extractor: Network that describes the images: torchvision's pretrained one (a
            download), the installed EfficientNet-Lite0, one trained on DATA first, a
            checkpoint, or another library's: timm:NAME, hf:OWNER/NAME or hf:FOLDER,
            open_clip:MODEL/TAG. (default 'imagenet')
        arch: A torchvision classification model, efficientnet_lite0, or one for small images:
            cifar_resnet18, 20, 32, 34, 50, 56, cifar_wrn28_10 and others; timm:NAME, for a
            file of weights. [default: resnet50; cifar_resnet20 to finetune on images at most
            64 pixels wide]
        weights: File of weights for timm:NAME. [default: those that the library publishes]
        init: What finetune starts from. (default 'scratch')
        image_size: Side of the square the network sees. [default: as its weights were
            trained]
        resize: How an image becomes that square: the centre of it, or all of it, stretched.
            [default: as a run was trained, else stretch] (one of crop, stretch)
        flips: Mirror images that finetune learns from: left to right, upside down or both;
            none for digits, text and classes of left and right. [default: h] (a key of
            rebalance.training.parts.FLIPS)
        precision: auto is bf16 where the processor has it. (one of auto, fp32, bf16; default
            'auto')
        batch_size: Images per forward pass. [default: by device]
        features: Your own features, in place of a network's: .npz, .npy, .parquet, .csv,
            .safetensors or .pt. No image is opened for them.
        names: The images of the rows of features, where that file does not name them: a path
            a line, .csv, .json or .jsonl.
        root: Where the images of a manifest are. [default: as the manifest says]
        allow_empty: Let class folders hold no image. (default False)
        as_classes: Take the folders as classes though they look like splits or repeat each
            other. (default False)
        extensions: Further endings of files to read as images, such as .avif,.heic.
        seed: Same seed, same images, same machine: same bytes. (default 0)
        device: Where the network runs. (one of auto, cpu, cuda, mps; default 'auto')
        workers: Threads that read images; 0 reads in the main one. [default: all cores]
        cache_dir: Where features are kept. [default: $REBALANCE_CACHE_DIR or the user's
            cache]
        strict: Unreadable images are an error, before the expensive work. (default False)
        overwrite: Replace result files that exist. (default False)
    """

def plan_study(
    study: Path | str,
    output: Path | str,
    *,
    data: Path | str | None = None,
    test: Path | str | None = None,
    device: str = "auto",
    workers: int | None = None,
) -> Forecast:
    """Tell the treatments and cells of a study, and about how long it takes; run none of it.

    Options:
        data: In place of the file's own data.
        test: In place of the file's own test.
        device: Where the network runs. (one of auto, cpu, cuda, mps; default 'auto')
        workers: Cells run side by side; on GPUs one on each. [default: all cores]
    """

def report(
    targets: Path | str | Sequence[Path | str],
    output: Path | str | None = None,
    *,
    figures: Path | str | None = None,
    root: Path | str | None = None,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Progress = ...,
) -> Report:
    """Make one self-contained page about a manifest, one run or several, or advice.

    targets: the manifest (.csv), the run folders, or the folder of the advice. output: where to
    write the page (.html). Raises DataError, ManifestError and OutputError.

    Options:
        figures: Folder for the figures as SVG and PNG, and the photographs as JPEG.
        root: Where the images of a manifest are. [default: as the manifest says]
        workers: Threads that read images; 0 reads in the main one. [default: all cores]
        overwrite: Replace result files that exist. (default False)
    """

def study(
    study: Path | str,
    output: Path | str,
    *,
    data: Path | str | None = None,
    test: Path | str | None = None,
    device: str = "auto",
    workers: int | None = None,
    cache_dir: Path | str | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress = ...,
) -> Results:
    """Run the study that a TOML file declares, and write its cells and results into a folder.

    Cells that are finished there are not run again; with ``overwrite`` the cells that are there go.
    Cells run side by side on a CPU in processes of their own: a script that calls this needs the
    guard ``if __name__ == "__main__"``, as multiprocessing does.

    Raises SettingError for a file that declares no study, or cells of another one; DataError,
    ExtractorError, LossError, OutputError; TrainingError, naming the cell, where one cannot be
    run; and UnreadableImage under ``strict``.

    Options:
        data: In place of the file's own data.
        test: In place of the file's own test.
        device: Where the network runs. (one of auto, cpu, cuda, mps; default 'auto')
        workers: Cells run side by side; on GPUs one on each. [default: all cores]
        cache_dir: Where features are kept. [default: $REBALANCE_CACHE_DIR or the user's
            cache]
        strict: Unreadable images are an error, before the expensive work. (default False)
        overwrite: Replace result files that exist. (default False)
    """

def train(
    data: Path | str | None,
    test: Path | str,
    output: Path | str,
    *,
    from_run: Path | str | None = None,
    head_only: Path | str | None = None,
    resume: bool = False,
    recipe: str = "transfer",
    head: str | None = None,
    whiten: float | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    schedule: str | None = None,
    warmup_epochs: int | None = None,
    milestones: Sequence[float] = (),
    drop: float | None = None,
    momentum: float | None = None,
    weight_decay: float | None = None,
    augment: str | None = None,
    flips: str | None = None,
    mix: str | None = None,
    normalise: str | None = None,
    grad_accum: int | None = None,
    arch: str | None = None,
    weights: str | None = None,
    image_size: int | None = None,
    resize: str | None = None,
    precision: str = "auto",
    loss: str = "ce",
    loss_options: Mapping[str, Any] | Iterable[tuple[str, Any]] = (),
    sampler: str = "none",
    regime: str = "plain",
    phase_by: str | None = None,
    phase_limit: str | int | None = None,
    in_memory: str = "auto",
    rebalance_head: Path | str | None = None,
    features: Path | str | None = None,
    names: Path | str | None = None,
    test_features: Path | str | None = None,
    test_names: Path | str | None = None,
    val_features: Path | str | None = None,
    val_names: Path | str | None = None,
    val: Path | str | None = None,
    val_fraction: float | None = None,
    groups: Path | str | None = None,
    group_column: str | None = None,
    allow_overlap: bool = False,
    threshold: str = "none",
    classifier: str = "head",
    calibrate: bool = False,
    root: Path | str | None = None,
    allow_empty: bool = False,
    as_classes: bool = False,
    extensions: Sequence[str] = (),
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress = ...,
) -> MetricsRecord:
    """Train a baseline on DATA, score it on TEST, and keep all of it in a run folder.

    The recipe ``probe`` fits a linear head and leaves the network below it as it is. In place of
    DATA, ``from_run`` names a finished run and ``rebalance_head`` a method or a manifest: the
    network of that run gets a fresh last layer, trained on its embeddings with those that the
    method or the manifest's recipes make of them.

    Returns the metrics, as ``metrics.json`` has them. Under torchrun, or where torch.distributed
    has been initialised, all processes call it alike and train together; the first one writes, and
    all return the metrics.

    Raises DataError, ManifestError, LossError, ExtractorError, TrainingError, OutputError,
    SettingError, MetricError, and UnreadableImage under ``strict``; PeerFailed where another
    process raises one of them.

    Options:
        from_run: In place of DATA: a finished run, whose network gets another head.
        head_only: With from: the same as rebalance_head.
        resume: Go on with a run that was interrupted. (default False)
        recipe: transfer: from ImageNet weights, the head first; scratch: as the literature
            trains on CIFAR; cce, eos: the same as the papers of these names have it; epochs
            to grad_accum override them. probe: the network stays as it is, and a linear head
            is fitted on its features, in seconds. (one of transfer, scratch, cce, eos, probe;
            default 'transfer')
        head: With recipe probe: how the head is fitted; rebalance choices heads tells them.
            [default: logistic] (a key of rebalance.heads.HEADS)
        whiten: With recipe probe: how far features are brought to one spread in every
            direction within classes, before the head is fitted. [default: 0.4]
        epochs: Epochs that train everything.
        batch_size: Images of one step.
        lr: Highest learning rate.
        schedule: Schedule of the learning rate. (a key of
            rebalance.training.schedules.SCHEDULES)
        warmup_epochs: Epochs in which the rate rises; of the schedule step.
        milestones: Epochs after which the rate drops, as 160,180, or shares of them, as
            .8,.9; of the schedule step.
        drop: What the rate is multiplied by at each of milestones.
        momentum: Momentum; of the schedule step.
        weight_decay: Weight decay.
        augment: How training images are varied: by a preset, or by parts of crop, flip,
            vflip, rotate, shift, scale, brightness, contrast, blur; colour is two of them.
        flips: Mirror images among them: left to right, upside down or both; none for digits,
            text and classes of left and right. [default: as the augmentation has them] (a key
            of rebalance.training.parts.FLIPS)
        mix: How images of a step are mixed with each other, and their labels; with options as
            in remix:kappa=3,tau=.5. [default: none]
        normalise: Whose mean and deviation of each channel images are normalised by: those
            that the weights or the architecture come with, or those of the training images.
            (one of network, data)
        grad_accum: Forward passes that one step is split into.
        arch: [default: resnet50 for transfer and probe, else cifar_resnet32]
        weights: What to start from. [default: imagenet for transfer and probe, else scratch]
        image_size: Side of the square the network sees.
        resize: How an image becomes that square: the centre of it, or all of it, stretched.
            [default: as the weights of a run were trained, else stretch] (one of crop,
            stretch)
        precision: auto is bf16 where the processor has it. (one of auto, fp32, bf16; default
            'auto')
        loss: Loss to minimise; rebalance losses lists them, with their options. (a key of
            rebalance.losses.LOSSES; default 'ce')
        loss_options: Option of the loss, such as gamma=-1.
        sampler: Sampler that draws the images of an epoch. (a key of
            rebalance.training.sampling.SAMPLERS; default 'none')
        regime: Regime: which images or weights training uses in which epochs. (a key of
            rebalance.training.regimes.REGIMES; default 'plain')
        phase_by: With regime two-phase: how its first phase makes classes alike. [default:
            undersample] (a key of rebalance.training.first_phase.PHASES)
        phase_limit: With regime two-phase: the size that its first phase cuts classes to: N,
            min or R times the smallest; or raises them to: N, max or R times the largest.
            [default: 5000 to cut, max to raise]
        in_memory: Keep the decoded images; auto: if they take 1 GiB at most. (one of auto,
            yes, no; default 'auto')
        rebalance_head: In the end, train a fresh head on rebalanced embeddings of the
            network: by a method of oversample with its options, such as eos or smote:k=5, or
            by a manifest's recipes.
        features: With recipe probe, in place of weights: a file that has the features of the
            images, which are not opened; rebalance extract reads the same ones.
        names: With features an .npy: the file names that its rows are of.
        test_features: The file that has the features of the test images. [default: that of
            features]
        test_names: As names, of test_features.
        val_features: The file that has the features of the images of val. [default: that of
            features]
        val_names: As names, of val_features.
        val: What to validate on, after each epoch.
        val_fraction: Share of DATA to validate on, split off class by class.
        groups: CSV of file_name,group: no group on both sides of val_fraction.
        group_column: Column of groups that holds them. [default: the one of a usual name]
        allow_overlap: Allow images that are both trained on and scored. (default False)
        threshold: Rule that turns probabilities into a class: prior divides by the class
            shares that training drew, prior:TAU by a power of them from 0 to 10, prior:val by
            the power that is best on validation images (or a probe's folds), prior:original
            by the shares of the folder before resampling. cost decides by the least expected
            cost: of a matrix in FILE, or by costs of the classes searched on validation
            images (or a probe's folds). (default 'none')
        classifier: Classifier that decides: the head, the nearest class mean, the nearest
            training images, a linear SVM, or clusters within classes; with options as in
            knn:k=5, svm:C=1. (default 'head')
        calibrate: Fit a temperature on the validation images, so that probabilities can be
            believed; no decision changes. (default False)
        root: Where the images of a manifest are. [default: as the manifest says]
        allow_empty: Let class folders hold no image. (default False)
        as_classes: Take the folders as classes though they look like splits or repeat each
            other. (default False)
        extensions: Further endings of files to read as images, such as .avif,.heic.
        seed: Same seed, same images, same machine: same bytes. (default 0)
        device: Where the network runs. (one of auto, cpu, cuda, mps; default 'auto')
        workers: Threads that read images; 0 reads in the main one. [default: all cores]
        strict: Unreadable images are an error, before the expensive work. (default False)
        overwrite: Replace result files that exist. (default False)
    """

def undersample(
    data: Path | str,
    output: Path | str | None = None,
    *,
    method: str = "subclass",
    pick: str = "typical",
    quotas: str = "sqrt",
    layer: str | None = None,
    k_max: int = 9,
    criterion: str = "silhouette",
    cluster_space: str = "map",
    layout: str = "fast",
    landmarks: str | int = "auto",
    dedupe: bool = False,
    suspects: bool = False,
    to: str | int = "min",
    per_class: Mapping[str, int] | Iterable[tuple[str, int]] = (),
    classes: Sequence[str] = (),
    as_published: bool = False,
    extractor: str = "imagenet",
    arch: str | None = None,
    weights: Path | str | None = None,
    init: str = "scratch",
    image_size: int | None = None,
    resize: str | None = None,
    flips: str | None = None,
    precision: str = "auto",
    batch_size: int | None = None,
    features: Path | str | None = None,
    names: Path | str | None = None,
    root: Path | str | None = None,
    allow_empty: bool = False,
    as_classes: bool = False,
    extensions: Sequence[str] = (),
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
    cache_dir: Path | str | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress = ...,
) -> Manifest:
    """Choose which images to keep so that the classes are as large as asked.

    output: where to write the manifest; its companions go beside it. Raises DataError, TargetError,
    ExtractorError, FeatureError, OutputError, SettingError, and UnreadableImage under ``strict``.

    Options:
        method: How the images to keep are chosen. (a key of
            rebalance.undersampling.UNDERSAMPLERS; default 'subclass')
        pick: Which images of a subclass: the typical of its regions, by distance to its
            centre, or at random. (a key of rebalance.undersampling.PICKERS; default
            'typical')
        quotas: Shares of the subclasses of a class: equal, or by the root of their size, or
            by it. (a key of rebalance.quotas.QUOTAS; default 'sqrt')
        layer: Features to cluster: auto is the best silhouette, class by class. [default:
            pool; of a run its embedding] (one of body, pool, linear, embedding, auto)
        k_max: Most clusters that a class may be found to have. (default 9)
        criterion: Criterion that chooses the number of clusters. (a key of
            rebalance.clusters.CRITERIA; default 'silhouette')
        cluster_space: Space to cluster in: the 2-D map, or the principal components. (one of
            map, pca; default 'map')
        layout: Program that draws the map: our parallel UMAP, or umap-learn. (a key of
            rebalance.clusters.LAYOUTS; default 'fast')
        landmarks: Images of a large class to find the clusters on; the others join them: auto
            is 20,000 of more than 100,000, none is all. (default 'auto')
        dedupe: Drop near-duplicates of the classes to cut first. (default False)
        suspects: List images that look out of place: outliers, or among another class.
            (default False)
        to: Class size wanted: the smallest class, a number, or R times the smallest. (default
            'min')
        per_class: Size of one class, in place of to.
        classes: Cut only these classes; the others stay whole.
        as_published: The whole configuration of Lehmann & Ebner (2022), for whatever is not
            given beside it: method subclass, pick closest, quotas equal, layer auto, k_max 9,
            criterion silhouette, cluster_space map, layout umap, landmarks none, extractor
            finetune, init imagenet, resize stretch. (default False)
        extractor: Network that describes the images: torchvision's pretrained one (a
            download), the installed EfficientNet-Lite0, one trained on DATA first, a
            checkpoint, or another library's: timm:NAME, hf:OWNER/NAME or hf:FOLDER,
            open_clip:MODEL/TAG. (default 'imagenet')
        arch: A torchvision classification model, efficientnet_lite0, or one for small images:
            cifar_resnet18, 20, 32, 34, 50, 56, cifar_wrn28_10 and others; timm:NAME, for a
            file of weights. [default: resnet50; cifar_resnet20 to finetune on images at most
            64 pixels wide]
        weights: File of weights for timm:NAME. [default: those that the library publishes]
        init: What finetune starts from. (default 'scratch')
        image_size: Side of the square the network sees. [default: as its weights were
            trained]
        resize: How an image becomes that square: the centre of it, or all of it, stretched.
            [default: as a run was trained, else stretch] (one of crop, stretch)
        flips: Mirror images that finetune learns from: left to right, upside down or both;
            none for digits, text and classes of left and right. [default: h] (a key of
            rebalance.training.parts.FLIPS)
        precision: auto is bf16 where the processor has it. (one of auto, fp32, bf16; default
            'auto')
        batch_size: Images per forward pass. [default: by device]
        features: Your own features, in place of a network's: .npz, .npy, .parquet, .csv,
            .safetensors or .pt. No image is opened for them.
        names: The images of the rows of features, where that file does not name them: a path
            a line, .csv, .json or .jsonl.
        root: Where the images of a manifest are. [default: as the manifest says]
        allow_empty: Let class folders hold no image. (default False)
        as_classes: Take the folders as classes though they look like splits or repeat each
            other. (default False)
        extensions: Further endings of files to read as images, such as .avif,.heic.
        seed: Same seed, same images, same machine: same bytes. (default 0)
        device: Where the network runs. (one of auto, cpu, cuda, mps; default 'auto')
        workers: Threads that read images; 0 reads in the main one. [default: all cores]
        cache_dir: Where features are kept. [default: $REBALANCE_CACHE_DIR or the user's
            cache]
        strict: Unreadable images are an error, before the expensive work. (default False)
        overwrite: Replace result files that exist. (default False)
    """

def undersample_ensemble(
    data: Path | str,
    output: Path | str | None = None,
    *,
    ensemble: int = 4,
    cascade: bool = False,
    method: str = "subclass",
    pick: str = "typical",
    quotas: str = "sqrt",
    layer: str | None = None,
    k_max: int = 9,
    criterion: str = "silhouette",
    cluster_space: str = "map",
    layout: str = "fast",
    landmarks: str | int = "auto",
    dedupe: bool = False,
    suspects: bool = False,
    to: str | int = "min",
    per_class: Mapping[str, int] | Iterable[tuple[str, int]] = (),
    classes: Sequence[str] = (),
    as_published: bool = False,
    extractor: str = "imagenet",
    arch: str | None = None,
    weights: Path | str | None = None,
    init: str = "scratch",
    image_size: int | None = None,
    resize: str | None = None,
    flips: str | None = None,
    precision: str = "auto",
    batch_size: int | None = None,
    features: Path | str | None = None,
    names: Path | str | None = None,
    root: Path | str | None = None,
    allow_empty: bool = False,
    as_classes: bool = False,
    extensions: Sequence[str] = (),
    seed: int = 0,
    device: str = "auto",
    workers: int | None = None,
    cache_dir: Path | str | None = None,
    strict: bool = False,
    overwrite: bool = False,
    progress: Progress = ...,
) -> list[Manifest]:
    """Choose which images to keep several times, each for a member of an ensemble.

    The first member is what ``undersample`` gives; what is trained on each is averaged by
    ``evaluate``. output: M.csv, beside which M.0.csv, M.1.csv and so on are written, with their
    companions, all or none. Raises as ``undersample``.

    Options:
        ensemble: Number of manifests, M.0.csv, M.1.csv, ..., each of a draw of its own.
            (default 4)
        cascade: After each manifest drop what a head that is fitted on it gets right of the
            classes to cut, so that the next draws from the harder images (BalanceCascade).
            (default False)
        method: How the images to keep are chosen. (a key of
            rebalance.undersampling.UNDERSAMPLERS; default 'subclass')
        pick: Which images of a subclass: the typical of its regions, by distance to its
            centre, or at random. (a key of rebalance.undersampling.PICKERS; default
            'typical')
        quotas: Shares of the subclasses of a class: equal, or by the root of their size, or
            by it. (a key of rebalance.quotas.QUOTAS; default 'sqrt')
        layer: Features to cluster: auto is the best silhouette, class by class. [default:
            pool; of a run its embedding] (one of body, pool, linear, embedding, auto)
        k_max: Most clusters that a class may be found to have. (default 9)
        criterion: Criterion that chooses the number of clusters. (a key of
            rebalance.clusters.CRITERIA; default 'silhouette')
        cluster_space: Space to cluster in: the 2-D map, or the principal components. (one of
            map, pca; default 'map')
        layout: Program that draws the map: our parallel UMAP, or umap-learn. (a key of
            rebalance.clusters.LAYOUTS; default 'fast')
        landmarks: Images of a large class to find the clusters on; the others join them: auto
            is 20,000 of more than 100,000, none is all. (default 'auto')
        dedupe: Drop near-duplicates of the classes to cut first. (default False)
        suspects: List images that look out of place: outliers, or among another class.
            (default False)
        to: Class size wanted: the smallest class, a number, or R times the smallest. (default
            'min')
        per_class: Size of one class, in place of to.
        classes: Cut only these classes; the others stay whole.
        as_published: The whole configuration of Lehmann & Ebner (2022), for whatever is not
            given beside it: method subclass, pick closest, quotas equal, layer auto, k_max 9,
            criterion silhouette, cluster_space map, layout umap, landmarks none, extractor
            finetune, init imagenet, resize stretch. (default False)
        extractor: Network that describes the images: torchvision's pretrained one (a
            download), the installed EfficientNet-Lite0, one trained on DATA first, a
            checkpoint, or another library's: timm:NAME, hf:OWNER/NAME or hf:FOLDER,
            open_clip:MODEL/TAG. (default 'imagenet')
        arch: A torchvision classification model, efficientnet_lite0, or one for small images:
            cifar_resnet18, 20, 32, 34, 50, 56, cifar_wrn28_10 and others; timm:NAME, for a
            file of weights. [default: resnet50; cifar_resnet20 to finetune on images at most
            64 pixels wide]
        weights: File of weights for timm:NAME. [default: those that the library publishes]
        init: What finetune starts from. (default 'scratch')
        image_size: Side of the square the network sees. [default: as its weights were
            trained]
        resize: How an image becomes that square: the centre of it, or all of it, stretched.
            [default: as a run was trained, else stretch] (one of crop, stretch)
        flips: Mirror images that finetune learns from: left to right, upside down or both;
            none for digits, text and classes of left and right. [default: h] (a key of
            rebalance.training.parts.FLIPS)
        precision: auto is bf16 where the processor has it. (one of auto, fp32, bf16; default
            'auto')
        batch_size: Images per forward pass. [default: by device]
        features: Your own features, in place of a network's: .npz, .npy, .parquet, .csv,
            .safetensors or .pt. No image is opened for them.
        names: The images of the rows of features, where that file does not name them: a path
            a line, .csv, .json or .jsonl.
        root: Where the images of a manifest are. [default: as the manifest says]
        allow_empty: Let class folders hold no image. (default False)
        as_classes: Take the folders as classes though they look like splits or repeat each
            other. (default False)
        extensions: Further endings of files to read as images, such as .avif,.heic.
        seed: Same seed, same images, same machine: same bytes. (default 0)
        device: Where the network runs. (one of auto, cpu, cuda, mps; default 'auto')
        workers: Threads that read images; 0 reads in the main one. [default: all cores]
        cache_dir: Where features are kept. [default: $REBALANCE_CACHE_DIR or the user's
            cache]
        strict: Unreadable images are an error, before the expensive work. (default False)
        overwrite: Replace result files that exist. (default False)
    """
