"""The writing of a manifest as a folder, one file for each row.

Imports Pillow and numpy for the blends; never torch or click.
"""

import logging
import os
from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from stat import S_ISREG
from typing import Any, cast

from rebalance import __version__
from rebalance.data.blending import blend
from rebalance.data.folder import EXTENSIONS
from rebalance.data.images import open_image
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.data.source import check_files
from rebalance.errors import DataError, SettingError, UnreadableImage
from rebalance.manifest import Manifest, Row, read_manifest, to_json
from rebalance.materialization.names import CLASS_MAP, RECORD, check_classes, sample_names
from rebalance.materialization.output import FORMAT, appearing, check_apart, check_output
from rebalance.materialization.placing import PUTS, SHARING, Put, repeated_and_outside
from rebalance.parallel import chosen_workers, ordered_map
from rebalance.progress import Progress
from rebalance.settings import FolderOptions, MaterializeOptions, RunOptions

log = logging.getLogger("rebalance")


@dataclass(frozen=True)
class Materialized:
    """A manifest that was written as a folder.

    path: absolute. counts: files per class, in class order. linked, copied, symlinked, blended,
    reflinked: how many files were made in each way.
    """

    path: Path
    counts: dict[str, int]
    linked: int = 0
    copied: int = 0
    symlinked: int = 0
    blended: int = 0
    reflinked: int = 0

    def as_record(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {**vars(self), "path": str(self.path)}


def materialize(
    path: Path,
    output: Path | str,
    placing: MaterializeOptions,
    source: FolderOptions,
    run: RunOptions,
    *,
    symlink: bool,
    progress: Progress,
) -> Materialized:
    """Write the manifest at ``path`` as an image folder: a file for each row.

    The public call of this name says where each file lies, what it is, and what is raised.
    """
    link = _chosen(placing.link, symlink)
    read = read_manifest(path, source.root)
    check_files(path, read, source)
    check_classes(read.classes)
    _check_space(path, read)
    output = check_output(output, overwrite=run.overwrite)
    check_apart(output, read)
    threads = chosen_workers(run.workers)
    _check_sources(path, read, threads)
    names = sample_names(read.rows)
    _warn_of_names(names, read.classes)
    with appearing(output, overwrite=run.overwrite) as folder:
        for label in read.classes:
            (folder / label).mkdir()
        puts = _puts(read, link)
        ways = _write_samples(
            read, folder, zip(read.rows, names, puts, strict=True), threads, progress
        )
        (folder / CLASS_MAP).write_bytes("".join(f"{name}\n" for name in read.classes).encode())
        # A path that is not UTF-8 becomes the escape that JSON has for lone surrogates.
        record = to_json(_record(path, read, names)).encode("utf-8", "backslashreplace")
        (folder / RECORD).write_bytes(record)
    left = ways["copied"] - sum(put is PUTS["copy"] for put in puts)
    if left and link == "hard":
        log.info("%d files could not be linked, and were copied", left)
    return Materialized(output, read.counts, **ways)


def _chosen(link: str, symlink: bool) -> str:
    if symlink and link not in ("auto", "sym"):
        raise SettingError(f"--symlink is short for --link sym, and --link is {link}: give one")
    return "sym" if symlink else link


def _puts(manifest: Manifest, link: str) -> list[Put]:
    """Choose how the image of each row comes into the folder."""
    puts = [PUTS[link]] * len(manifest.rows)
    if link in SHARING:
        repeated, outside = repeated_and_outside(manifest.rows, manifest.root)
        for place in repeated | outside:
            puts[place] = PUTS["copy"]
        if outside:
            log.warning(
                "%d files lie outside of %r, the first is %r: copied, so that nothing leads there",
                len(outside),
                str(manifest.root),
                manifest.rows[min(outside)].file_name,
            )
    return puts


def _check_space(path: Path, manifest: Manifest) -> None:
    blends = sum(row.kind == "synthetic" for row in manifest.rows)
    if blends and manifest.record.get("space") == "embedding":
        raise DataError(
            f"a folder needs images, but {str(path)!r} has {blends} samples that blend features: "
            "give it to train --rebalance-head, or oversample with --space pixel"
        )
    if shared := sum(bool(row.share) for row in manifest.rows):
        log.warning(
            "%d blends have a label that two classes share, and a folder has one for each image: "
            "they are put in that of their base",
            shared,
        )


def _check_sources(path: Path, manifest: Manifest, workers: int) -> None:
    """Raise DataError unless every file that is needed is there and may be read."""
    names = dict.fromkeys(file for row in manifest.rows for file in _files(row))
    reasons = ordered_map(lambda name: _why_not(manifest.root / name), names, workers)
    bad = [(name, reason) for name, reason in zip(names, reasons, strict=True) if reason]
    if bad:
        name, reason = bad[0]
        raise DataError(
            f"every file of {str(path)!r} is needed, but {len(bad)} of {len(names)} cannot be "
            f"read, the first {name!r} ({reason}): bring them back, or make the manifest anew"
        )


def _files(row: Row) -> tuple[str, ...]:
    return (row.file_name,) if row.partner is None else (row.file_name, row.partner)


def _why_not(file: Path) -> str | None:
    """Say why a file cannot be read, as far as that is known without opening it."""
    try:
        if not S_ISREG(file.stat().st_mode):
            return "not a regular file"
    except FileNotFoundError:
        return "broken link" if file.is_symlink() else "no such file"
    except OSError as error:
        return error.strerror or type(error).__name__
    except ValueError:
        return "a null character in its name"
    return None if os.access(file, os.R_OK) else "no permission to read it"


def _warn_of_names(names: Sequence[str], classes: Sequence[str]) -> None:
    odd = [name for name in names if not name.lower().endswith(EXTENSIONS)]
    if odd:
        log.warning(
            "%d files have a name that image folders leave out, the first is %r: images end in %s",
            len(odd),
            odd[0],
            " ".join(EXTENSIONS),
        )
    if list(classes) != sorted(classes):
        log.warning(
            "classes are numbered by name in an image folder, unlike in the manifest: %s has the "
            "manifest's order",
            CLASS_MAP,
        )


def _write_samples(
    manifest: Manifest,
    folder: Path,
    samples: Iterable[tuple[Row, str, Put]],
    workers: int,
    progress: Progress,
) -> Counter[str]:
    """Write the file of every row; return how many were made in each way."""
    scale = DepthScale.from_record(manifest.record.get("scale")) or EACH_ALONE
    write = partial(_write_sample, manifest.root, folder, scale)
    ways = cast("Generator[str, None, None]", ordered_map(write, samples, workers))
    # Left early, the threads must have ended before the folder is taken away.
    with closing(ways):
        return Counter(progress(ways, total=len(manifest.rows), what="writing", unit="images"))


def _write_sample(root: Path, folder: Path, scale: DepthScale, sample: tuple[Row, str, Put]) -> str:
    row, name, put = sample
    target = folder / name
    if row.partner is None or row.weight is None:
        return put(root / row.file_name, target)
    base, partner = _open(root, row.file_name, scale), _open(root, row.partner, scale)
    blend(base, partner, row.weight).save(target, "PNG")
    return "blended"


def _open(root: Path, name: str, scale: DepthScale) -> Any:
    try:
        return open_image(root / name, scale)
    except UnreadableImage as error:
        raise DataError(
            f"a blend needs images that can be read, but {name!r} cannot ({error}): mend it, or "
            "oversample again"
        ) from None


def _record(path: Path, manifest: Manifest, names: Sequence[str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "rebalance": __version__,
        "manifest": str(path.absolute()),
        "root": str(manifest.root),
        "classes": list(manifest.classes),
        "samples": list(names),
    }
