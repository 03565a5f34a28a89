"""What Hugging Face's readers of images are given: metadata beside them, or a table elsewhere.

Imports neither numpy nor torch.
"""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from rebalance.data.generated import is_plain
from rebalance.errors import DataError, OutputError
from rebalance.exchange.writing import ExportTable
from rebalance.frames import TypedColumn
from rebalance.manifest import Manifest
from rebalance.settings import ExportOptions

log = logging.getLogger("rebalance")

METADATA = "metadata.csv"
HF_ENDINGS = (".csv", ".jsonl", ".parquet")
# Names of files and folders by which Hugging Face divides what it finds, as words among others.
OF_A_SPLIT = re.compile(
    r"(?:^|[-._ 0-9])(?:train(?:ing)?|val|valid|validation|dev|test(?:ing)?|eval|evaluation)"
    r"(?:[-._ 0-9]|$)"
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
