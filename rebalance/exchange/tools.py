"""The tools that a manifest can be exported to, each with what it reads.

Imports neither numpy nor torch.
"""

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rebalance.data.endings import TIMM_ENDINGS
from rebalance.data.folder import EXTENSIONS
from rebalance.data.generated import is_plain
from rebalance.errors import DataError
from rebalance.exchange.hugging_face import HF_ENDINGS, hf
from rebalance.exchange.weighing import weights
from rebalance.exchange.writing import ExportTable
from rebalance.manifest import Dropped, Manifest, Row
from rebalance.manifest.columns import columns_of
from rebalance.settings import ExportOptions

log = logging.getLogger("rebalance")

LIGHTLY_ENDINGS = (*EXTENSIONS, ".dcm")


def csv_table(manifest: Manifest, output: Path, chosen: ExportOptions) -> ExportTable:
    """Make a table of file names, relative to the root, and labels: for fastai and most scripts."""
    return ExportTable(
        ("file_name", "label"), [(row.file_name, row.label) for row in manifest.rows]
    )


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
