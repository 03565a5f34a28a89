"""What a dataset is made of: a manifest, its path, or a folder of images in its place.

Imports the standard library, and what reads manifests and folders.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rebalance.data.presence import missing
from rebalance.data.source import check_files, is_manifest, open_source
from rebalance.errors import DataError, some
from rebalance.manifest import KINDS, Manifest, Row, read_manifest
from rebalance.settings import FolderOptions

SOURCE = FolderOptions(allow_empty=True)  # a class without samples keeps its number


def opened_manifest(data: Manifest | Path | str, root: Path | str | None = None) -> Manifest:
    """Return a manifest as it is given or read; a folder of images becomes one of all of them.

    root: where the images are, if not where the manifest says. Raises ManifestError and DataError
    as ``read_manifest`` and ``data.folder.scan`` do.
    """
    if isinstance(data, Manifest):
        _check_rows(data)
        return data if root is None else replace(data, root=Path(root).absolute())
    if not isinstance(data, Path | str):
        raise DataError(
            "a manifest, its path, or that of a folder of images is needed, not a "
            f"{type(data).__name__}"
        )
    path = Path(data)
    if is_manifest(path):
        return read_manifest(path, root)
    options = SOURCE if root is None else replace(SOURCE, root=Path(root))
    folder = open_source(path, options).folder
    labels = (folder.classes[label] for label in folder.labels)
    rows = tuple(map(Row, folder.paths, labels))
    return Manifest(folder.root, folder.classes, rows)


def _check_rows(manifest: Manifest) -> None:
    """Raise DataError for rows that no file could have held."""
    rows = manifest.rows
    for what, known, found in (
        ("label", manifest.classes, {each for row in rows for each in (row.label, row.trained_as)}),
        ("kind", KINDS, {row.kind for row in rows}),
    ):
        if odd := sorted(found - set(known)):
            raise DataError(
                f"a manifest's rows have a {what} of {some(known)}, but some have {some(odd)}: "
                "mend them"
            )


def check_images(manifest: Manifest, files: Sequence[str], name: str) -> None:
    """Raise DataError unless a manifest can be followed to its images, and each of them is there.

    files: all that it names, each once. name: of the manifest. No image is opened.
    """
    check_files(Path(name), manifest, SOURCE)
    gone = missing(manifest.root, files)
    if gone:
        raise DataError(
            f"every file of {name!r} is needed, but {len(gone)} of {len(files)} are not there "
            f"({some(gone)}): bring them back, or make the manifest anew"
        )
