"""The DATA argument of the commands: an image folder, or a manifest, so that steps can chain."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rebalance.data.folder import PICTURES, ImageFolder, Unreadable, scan
from rebalance.data.generated import GENERATED, is_plain, is_within
from rebalance.data.levels import DepthScale
from rebalance.errors import DataError, some
from rebalance.manifest import Dropped, Manifest, Place, Row, read_manifest
from rebalance.records import ManifestRecord, UnreadableRecord
from rebalance.settings import FolderOptions

log = logging.getLogger("rebalance")

ORIGINALS = ("original",)
FILES = (*ORIGINALS, GENERATED)  # kinds of rows that are files as they are
FIRST = 100  # images looked for before all are read: if none is there, none will be
NAMED_AT_MOST = 20  # unreadable files in the log; all of them are in the record


@dataclass(frozen=True)
class Source:
    """The images to work on, and what earlier steps already left out.

    manifest: where the images were listed, None for a folder. record: that manifest's own record.
    rows: its rows, aligned with the images of ``folder``; none for a folder. places: its map.
    """

    folder: ImageFolder
    dropped: tuple[Dropped, ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    manifest: Path | None = None
    record: ManifestRecord | None = None
    rows: tuple[Row, ...] = ()
    places: tuple[Place, ...] = ()

    @property
    def scale(self) -> DepthScale | None:
        """The scale of the set that the images were taken from, where the manifest tells it."""
        return DepthScale.from_record((self.record or {}).get("scale"))


def as_records(unreadable: Sequence[Unreadable]) -> list[UnreadableRecord]:
    """List unreadable files as the manifest's record does."""
    return [
        {"file_name": image.path, "label": image.label, "reason": image.reason}
        for image in unreadable
    ]


def name_unreadable(unreadable: Sequence[Unreadable]) -> None:
    """Name the first unreadable files in the log, and say how many more there are."""
    for image in unreadable[:NAMED_AT_MOST]:
        log.warning("unreadable: %r: %s", image.path, image.reason)
    if len(unreadable) > NAMED_AT_MOST:
        log.warning(
            "unreadable: %d more; all are named in M.json and by --json",
            len(unreadable) - NAMED_AT_MOST,
        )


def is_manifest(path: Path) -> bool:
    """Tell whether DATA is to be read as a manifest."""
    return path.suffix.lower() == ".csv" and not path.is_dir()


def open_source(
    data: Path | str, options: FolderOptions, kinds: Sequence[str] = ORIGINALS
) -> Source:
    """Read DATA: a .csv file is a manifest, anything else must be an image folder.

    kinds: of the rows that a manifest may have. Raises DataError as ``folder.scan`` does, and for
    a manifest that repeats or blends images; ManifestError for a manifest that cannot be read.
    """
    path = Path(data)
    if not is_manifest(path):
        if options.root is not None:
            raise DataError(f"--root is for manifests, and {str(path)!r} is none: leave it out")
        folder = scan(
            path,
            allow_empty=options.allow_empty,
            as_classes=options.as_classes,
            extensions=options.extensions,
        )
        _tell_what_is_left(folder)
        return Source(folder)
    manifest = read_manifest(path, options.root)
    check_files(path, manifest, options)
    originals = [row.file_name for row in manifest.rows if row.kind in kinds]
    added = len(manifest.rows) - len(originals)
    repeated = len(originals) - len(set(originals))
    if added or repeated:
        raise DataError(
            f"a manifest of originals, each once, was needed; {str(path)!r} has {added} samples "
            f"that were added and {repeated} repeated files: give the manifest that these were "
            "added to"
        )
    return replace(source_of(manifest), manifest=path)


def open_files(data: Path | str, options: FolderOptions) -> Source:
    """Read DATA as ``open_source`` does, for a look at its files, each once.

    Rows of a manifest may repeat, vary and blend files too, and stand for all that they are made
    of, which the log tells. A partner that no row names itself is of the class whose folder it is
    in, if there is one.
    """
    path = Path(data)
    if not is_manifest(path):
        return open_source(path, options)
    manifest = read_manifest(path, options.root)
    check_files(path, manifest, options)
    files = {row.file_name: row.label for row in manifest.rows}
    for row in manifest.rows:
        if row.partner is not None and row.partner not in files:
            folder = row.partner.split("/")[0]
            files[row.partner] = folder if folder in manifest.classes else row.label
    if len(files) < len(manifest.rows) or any(row.partner for row in manifest.rows):
        log.warning(
            "the %d rows of %r are made of %d files: each of these is counted and looked at once",
            *(len(manifest.rows), str(path), len(files)),
        )
    rows = tuple(Row(name, label) for name, label in files.items())
    return replace(source_of(replace(manifest, rows=rows)), manifest=path)


def _tell_what_is_left(folder: ImageFolder) -> None:
    """Say once in the log which pictures and which folders of pictures are not read."""
    found = sum(map(Counter, folder.ignored.values()), Counter[str]())
    pictures = [f"{count} {ending}" for ending, count in found.most_common() if ending in PICTURES]
    if pictures:
        log.warning(
            "not read as images: %s; --extensions takes further endings, such as --extensions %s",
            some(pictures, quoted=False),
            pictures[0].split()[1],
        )
    if folder.passed_over:
        log.warning(
            "hidden and system folders are no classes, and their images are left out: %s",
            some(folder.passed_over),
        )


def source_of(manifest: Manifest) -> Source:
    """Turn a manifest of originals into the images to go on working on."""
    number = {name: label for label, name in enumerate(manifest.classes)}
    folder = ImageFolder(
        manifest.root,
        manifest.classes,
        tuple(row.file_name for row in manifest.rows),
        tuple(number[row.label] for row in manifest.rows),
    )
    unreadable = tuple(
        Unreadable(entry["file_name"], entry["label"], entry["reason"])
        for entry in manifest.record.get("unreadable", ())
    )
    return Source(
        folder,
        manifest.dropped,
        unreadable,
        record=manifest.record,
        rows=manifest.rows,
        places=manifest.places,
    )


def check_files(path: Path, manifest: Manifest, options: FolderOptions) -> None:
    """Raise DataError unless the manifest read from ``path`` can be followed to its images.

    Its root must be a folder, its file names plain and relative to it but for generated images,
    which lie in the folder that the record names, and no class empty unless the options allow it.
    What makes augmented images must be known.
    """
    if not manifest.root.is_dir():
        raise DataError(
            f"{str(path)!r} lists images of {str(manifest.root)!r}, which is no folder here: say "
            "where they are with --root"
        )
    ours = manifest.record.get("rebalance")
    hint = "" if ours else ", or import the table if they are only written otherwise"
    _check_names(path, manifest, hint)
    _check_recipes([row for row in manifest.rows if row.operation is not None])
    first = manifest.rows[:FIRST]
    if first and not any((manifest.root / row.file_name).exists() for row in first):
        raise DataError(
            f"{str(path)!r} lists images of {str(manifest.root)!r}, where there is no "
            f"{first[0].file_name!r}, nor any of the next: say where they are with --root{hint}"
        )
    empty = [name for name, count in manifest.counts.items() if not count]
    if not manifest.rows or (empty and not options.allow_empty):
        raise DataError(
            f"{str(path)!r} has no images of {some(empty) or 'any class'}: choose "
            "another manifest, or pass --allow-empty"
        )


def _check_names(path: Path, manifest: Manifest, hint: str) -> None:
    """Raise DataError for a name that may lead out of the folders that the manifest names."""
    way = manifest.generated_way
    away, folder = False, manifest.generated_folder
    for row in manifest.rows:
        for file in filter(None, (row.file_name, row.partner)):
            if is_plain(file):
                continue
            if row.kind != GENERATED or not is_within(file, way):
                raise DataError(
                    "file names are relative to the folder of images, like 'cat/1.png'; "
                    f"{str(path)!r} has {file!r}: write it so, and say where the folder is with "
                    f"--root{hint}"
                )
            away = True
    if away and folder is not None and not folder.is_dir():
        raise DataError(
            f"{str(path)!r} lists generated images of {way!r}, seen from "
            f"{str(manifest.root)!r}, which is no folder here: put them there, or oversample again"
        )


def _check_recipes(rows: Sequence[Row]) -> None:
    if rows:
        from rebalance.data.recipes import check_recipe  # Pillow, which few manifests need

        for row in rows:
            check_recipe(row)
