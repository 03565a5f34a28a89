"""DATA as the commands take it: an image folder, or a manifest of ours, so that steps chain."""

from collections import Counter
from dataclasses import dataclass
from itertools import chain
from pathlib import Path, PurePosixPath
from typing import Any

from rebalance.errors import DataError
from rebalance.folder import ImageFolder, Unreadable, scan
from rebalance.manifest import Dropped, Manifest, read_manifest
from rebalance.settings import FolderOptions


@dataclass(frozen=True)
class Source:
    """The images to work on, and what earlier steps already left out.

    manifest: where the images were listed, None for a folder. record: that manifest's own record.
    """

    folder: ImageFolder
    dropped: tuple[Dropped, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    manifest: Path | None = None
    record: dict[str, Any] | None = None


def is_manifest(path: Path) -> bool:
    """Whether DATA is to be read as a manifest."""
    return path.suffix.lower() == ".csv" and not path.is_dir()


def open_source(data: Path | str, options: FolderOptions) -> Source:
    """Read DATA: a .csv file is a manifest, anything else must be an image folder.

    Raises DataError as ``folder.scan`` does, and for a manifest that repeats or blends images;
    ManifestError for a manifest that cannot be read.
    """
    path = Path(data)
    if not is_manifest(path):
        if options.root is not None:
            raise DataError(f"--root is for manifests, and {str(path)!r} is none: leave it out")
        return Source(scan(path, allow_empty=options.allow_empty))
    manifest = read_manifest(path, options.root)
    unreadable = tuple(
        Unreadable(entry["file_name"], entry["label"], entry["reason"])
        for entry in manifest.record.get("unreadable", ())
    )
    return Source(
        _as_folder(path, manifest, options), manifest.dropped, unreadable, path, manifest.record
    )


def check_files(path: Path, manifest: Manifest, options: FolderOptions) -> None:
    """Raise DataError unless the manifest read from ``path`` can be followed to its images.

    Its root must be a folder, its file names plain and relative to it, and no class empty unless
    the options allow it.
    """
    if not manifest.root.is_dir():
        raise DataError(
            f"{str(path)!r} lists images of {str(manifest.root)!r}, which is no folder here: say "
            "where they are with --root"
        )
    for file in chain.from_iterable((row.file_name, row.partner) for row in manifest.rows):
        if file is None:
            continue
        name = PurePosixPath(file)
        if name.is_absolute() or ".." in name.parts or str(name) != file:
            raise DataError(
                f"file names are relative to the folder of images, like 'cat/1.png'; {str(path)!r} "
                f"has {file!r}: write it so, and say where the folder is with --root"
            )
    empty = [name for name, count in manifest.counts.items() if not count]
    if not manifest.rows or (empty and not options.allow_empty):
        raise DataError(
            f"{str(path)!r} has no images of {', '.join(map(repr, empty)) or 'any class'}: choose "
            "another manifest, or pass --allow-empty"
        )


def _as_folder(path: Path, manifest: Manifest, options: FolderOptions) -> ImageFolder:
    check_files(path, manifest, options)
    kinds = Counter(row.kind for row in manifest.rows)
    repeated = len(manifest.rows) - len({row.file_name for row in manifest.rows})
    added = len(manifest.rows) - kinds["original"]
    if added or repeated:
        raise DataError(
            f"a manifest of originals, each once, was needed; {str(path)!r} has {added} duplicates "
            f"or blends and {repeated} repeated files: undersample first, then oversample"
        )
    number = {name: label for label, name in enumerate(manifest.classes)}
    return ImageFolder(
        manifest.root,
        manifest.classes,
        tuple(row.file_name for row in manifest.rows),
        tuple(number[row.label] for row in manifest.rows),
    )
