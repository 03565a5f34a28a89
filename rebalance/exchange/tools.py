"""The tools that a manifest can be exported to, each with what it reads.

Imports neither numpy nor torch.
"""

import json
import logging
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rebalance.data.endings import TIMM_ENDINGS
from rebalance.data.folder import EXTENSIONS
from rebalance.data.generated import is_plain
from rebalance.errors import DataError, OutputError
from rebalance.exchange.weighing import weights
from rebalance.exchange.writing import ExportTable
from rebalance.frames import TypedColumn
from rebalance.manifest import Dropped, Manifest, Row
from rebalance.manifest.columns import columns_of
from rebalance.settings import ExportOptions

log = logging.getLogger("rebalance")

METADATA = "metadata.csv"
HF_ENDINGS = (".csv", ".jsonl", ".parquet")
LIGHTLY_ENDINGS = (*EXTENSIONS, ".dcm")
# Names of files and folders by which Hugging Face divides what it finds, as words among others.
OF_A_SPLIT = re.compile(
    r"(?:^|[-._ 0-9])(?:train(?:ing)?|val|valid|validation|dev|test(?:ing)?|eval|evaluation)"
    r"(?:[-._ 0-9]|$)"
)


def csv_table(manifest: Manifest, output: Path, chosen: ExportOptions) -> ExportTable:
    """Make a table of file names, relative to the root, and labels: for fastai and most scripts."""
    return ExportTable(
        ("file_name", "label"), [(row.file_name, row.label) for row in manifest.rows]
    )


def hf(manifest: Manifest, output: Path, chosen: ExportOptions) -> ExportTable:
    """Make the metadata of Hugging Face's ``imagefolder``, at the images' root or above it.

    A .parquet of another name is a table for ``load_dataset("parquet", data_files=...)`` and may
    lie anywhere: it names the images in full. Labels are texts there, but in a .parquet a
    ClassLabel with the classes in the manifest's order.
    A warning names a file that it would take for one of a split, by its name or its folder's.
    Raises OutputError for another name or place, where the tool would not find file or images.
    """
    if output.suffix.lower() == ".parquet" and output.stem != "metadata":
        images = [str(manifest.root / row.file_name) for row in manifest.rows]
        return _labelled(manifest, TypedColumn("image", Path, images), {"_type": "Image"})
    folder, root = output.absolute().parent.resolve(), manifest.root.resolve()
    named = output.name in [f"metadata{ending}" for ending in HF_ENDINGS]
    if not named or not (root == folder or folder in root.parents):
        raise OutputError(
            f"Hugging Face reads {METADATA}, .jsonl or .parquet, and images beside or below it; "
            f"got {str(output)!r} for images in {str(manifest.root)!r}: write to "
            f"{str(manifest.root / METADATA)!r}, or another .parquet elsewhere"
        )
    _check_below(manifest, "Hugging Face")
    prefix = root.relative_to(folder)
    names = [(prefix / row.file_name).as_posix() for row in manifest.rows]
    _warn_of_words(names)
    text = {"dtype": "string", "_type": "Value"}
    return _labelled(manifest, TypedColumn("file_name", str, names), text)


def _labelled(manifest: Manifest, images: TypedColumn, feature: Mapping[str, str]) -> ExportTable:
    """Make a table of images and labels, of which a .parquet says what Hugging Face takes them for.

    feature: of which type of theirs the images are.
    """
    names = list(manifest.classes)
    features = {images.name: feature, "label": {"names": names, "_type": "ClassLabel"}}
    number = {name: place for place, name in enumerate(names)}
    labels = [row.label for row in manifest.rows]
    return ExportTable(
        (images.name, "label"),
        list(zip(images.values, labels, strict=True)),
        columns=[images, TypedColumn("label", int, [number[label] for label in labels])],
        notes={"huggingface": json.dumps({"info": {"features": features}})},
    )


def _check_below(manifest: Manifest, tool: str) -> None:
    """Raise DataError for images that do not lie below the root, as generated ones may."""
    away = [row.file_name for row in manifest.rows if not is_plain(row.file_name)]
    if away:
        raise DataError(
            f"{tool} reads images beside its table or below it, and {len(away)} generated ones "
            f"lie elsewhere, the first at {away[0]!r}: materialize the manifest, and give the tool "
            "that folder"
        )


def _warn_of_words(names: Sequence[str]) -> None:
    """Name the first file that Hugging Face puts into a split, where it then finds no labels."""
    for name in names:
        if any(map(OF_A_SPLIT.search, name.split("/"))):
            log.warning(
                "Hugging Face takes %r for an image of a split, by its name, and then loses labels "
                'or the other images: give load_dataset also data_files={"train": "**"}',
                name,
            )
            return


def fiftyone(manifest: Manifest, output: Path, chosen: ExportOptions) -> ExportTable:
    """Make a table for FiftyOne's CSVDataset, with each image's subclass and distance.

    With ``dropped`` the images that were left out follow, with their reason, which the others have
    not. Raises DataError where a file is repeated, for FiftyOne takes rows of one path for one
    sample.
    """
    _check_each_once(manifest, "FiftyOne")
    header: tuple[str, ...] = ("filepath", "label", "cluster", "distance")
    every: list[Row | Dropped] = [*manifest.rows, *(manifest.dropped if chosen.dropped else ())]
    rows: list[tuple[object, ...]] = [
        (str(manifest.root / each.file_name), each.label, each.cluster, each.distance)
        for each in every
    ]
    if chosen.dropped:
        reasons = [getattr(each, "reason", None) for each in every]
        header += ("reason",)
        rows = [(*row, reason) for row, reason in zip(rows, reasons, strict=True)]
    return ExportTable(header, rows)


def lightly(manifest: Manifest, output: Path, chosen: ExportOptions) -> ExportTable:
    """Make a table for LightlyTrain's image classification, with one split.

    A warning says where it would leave files out for their ending. Raises DataError for a class
    name that it would read as several, or as another.
    """
    for name in manifest.classes:
        if "," in name or name != name.strip():
            raise DataError(
                "LightlyTrain needs class names without commas, and without space around them; "
                f"found {name!r}: rename the class"
            )
    others = _other_endings(manifest, LIGHTLY_ENDINGS)
    if others:
        log.warning(
            "LightlyTrain leaves files out that do not end in %s, and here are %s: convert them",
            ", ".join(LIGHTLY_ENDINGS),
            _counted(others),
        )
    rows = [(str(manifest.root / row.file_name), row.label) for row in manifest.rows]
    return ExportTable(("image_path", "label"), rows)


def fastdup(manifest: Manifest, output: Path, chosen: ExportOptions) -> ExportTable:
    """Make a table of fastdup annotations; all rows are of the split ``train``.

    Raises DataError where a file is repeated: fastdup joins by file name.
    """
    _check_each_once(manifest, "fastdup")
    rows = [(str(manifest.root / row.file_name), row.label, "train") for row in manifest.rows]
    return ExportTable(("filename", "label", "split"), rows)


def timm(manifest: Manifest, output: Path, chosen: ExportOptions) -> ExportTable:
    """Make a class map for timm's ``--class-map``: the classes in the manifest's order, one a line.

    timm takes the images of a folder whatever a manifest says, each by the name of the folder that
    it is in; where that is something else, and where it would leave files out for their ending, a
    warning says how much. Raises DataError for a class name that it would read as another.
    """
    for name in manifest.classes:
        if name != name.strip() or "\n" in name or "\r" in name:
            raise DataError(
                "timm needs class names of one line, and without space around them; found "
                f"{name!r}: rename the class"
            )
    elsewhere = sum(PurePosixPath(row.file_name).parent.name != row.label for row in manifest.rows)
    counts = {
        "are left out": len(manifest.dropped),
        "are repeated or made": sum(
            row.is_made or row.kind == "duplicate" for row in manifest.rows
        ),
        "lie in another folder": sum(not is_plain(row.file_name) for row in manifest.rows),
        "lie in a folder that is not called as their class": elsewhere,
    }
    told = [f"{count} {what}" for what, count in counts.items() if count]
    if told:
        log.warning(
            "timm reads every image of a folder, by the name of the folder that it is in, but of "
            "this manifest %s: give it the folder that rebalance materialize --layout timm writes, "
            "or, where none is made, hfds/FOLDER with the metadata.parquet of --to hf",
            ", ".join(told),
        )
    others = _other_endings(manifest, TIMM_ENDINGS)
    if others:
        log.warning(
            "timm leaves files out that do not end in %s, and here are %s: give it --input-key %r",
            ", ".join(TIMM_ENDINGS),
            _counted(others),
            ";".join((*TIMM_ENDINGS, *others)),
        )
    return ExportTable(("class",), [(name,) for name in manifest.classes])


def parquet(manifest: Manifest, output: Path, chosen: ExportOptions) -> ExportTable:
    """Make a table of the manifest's rows with types: labels are categories in class order.

    All columns of the manifest are there, those of blends too.
    """
    columns = columns_of(manifest)
    rows = list(zip(*(column.values for column in columns), strict=True))
    return ExportTable(tuple(column.name for column in columns), rows, columns=columns)


def _other_endings(manifest: Manifest, known: tuple[str, ...]) -> Counter[str]:
    """Count the files whose endings are not among those ``known``, by their endings."""
    names = {row.file_name for row in manifest.rows}
    endings = Counter(PurePosixPath(name).suffix.lower() for name in sorted(names))
    return Counter({each: count for each, count in endings.items() if each not in known})


def _counted(endings: Counter[str]) -> str:
    return ", ".join(f"{count} {ending or 'without any'}" for ending, count in endings.items())


def _check_each_once(manifest: Manifest, tool: str) -> None:
    repeated = len(manifest.rows) - len({row.file_name for row in manifest.rows})
    if repeated:
        raise DataError(
            f"{tool} needs every file once, but {repeated} rows repeat one: materialize the "
            "manifest, and give the tool that folder"
        )


@dataclass(frozen=True)
class Export:
    """A tool's table: the function that makes it, and the endings of files that it reads.

    takes_blends: whether rows need not be files. options: fields of ``ExportOptions`` that are its
    own.
    """

    make: Callable[[Manifest, Path, ExportOptions], ExportTable]
    endings: tuple[str, ...] = (".csv",)
    takes_blends: bool = False
    options: tuple[str, ...] = ()


EXPORTS: dict[str, Export] = {
    "csv": Export(csv_table, (".csv", ".jsonl")),
    "hf": Export(hf, HF_ENDINGS),
    "fiftyone": Export(fiftyone, options=("dropped",)),
    "lightly": Export(lightly),  # as it was called before there were several tools of Lightly's
    "lightly-train": Export(lightly),
    "fastdup": Export(fastdup),
    "timm": Export(timm, (".txt",), takes_blends=True),
    "weights": Export(weights, (".csv", ".json"), True, ("weighting", "beta")),
    "parquet": Export(parquet, (".parquet",), takes_blends=True),
}

# What reads folders and no table at all, and what to do for it.
BY_FOLDER = {
    "ultralytics": "Ultralytics reads a folder for each class, and no table: write them by "
    "rebalance materialize M.csv OUT --layout ultralytics --val DATA",
}
