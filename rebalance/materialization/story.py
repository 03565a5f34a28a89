"""The writing of a manifest as a folder, one file for each row.

Imports Pillow and numpy for the images that are made; never torch or click.
"""

import logging
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

from rebalance import __version__
from rebalance.data.images import open_image
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.data.recipes import sample_image
from rebalance.data.splitting import tell_of_splits
from rebalance.errors import DataError, SettingError, UnreadableImage
from rebalance.manifest import Manifest, Row, to_json
from rebalance.manifest.rooting import relative_root
from rebalance.materialization.layouts import LAYOUTS
from rebalance.materialization.names import CLASS_MAP, RECORD, check_classes, sample_names
from rebalance.materialization.output import (
    FORMAT,
    FORMAT_OF_SIDES,
    appearing,
    check_apart,
    check_output,
)
from rebalance.materialization.placing import PUTS, SHARING, Put, repeated_and_outside
from rebalance.materialization.sides import (
    FolderSide,
    check_each_on_one_side,
    check_sources,
    open_sides,
)
from rebalance.parallel import chosen_workers, ordered_map
from rebalance.progress import Progress
from rebalance.settings import FolderOptions, MaterializeOptions, RunOptions

log = logging.getLogger("rebalance")


@dataclass(frozen=True)
class Materialized:
    """A manifest that was written as a folder.

    path: absolute. counts: files to train on per class, in class order. linked, copied,
    symlinked, blended, reflinked, augmented: how many files were made in each way. sides: files per
    class of each side, by its name: train, and val and test where these were given.
    """

    path: Path
    counts: dict[str, int]
    linked: int = 0
    copied: int = 0
    symlinked: int = 0
    blended: int = 0
    reflinked: int = 0
    sides: dict[str, dict[str, int]] = field(default_factory=dict)
    augmented: int = 0

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
    _check_layout(placing)
    sides = open_sides(path, placing, source)
    trained = sides[0].manifest
    check_classes(trained.classes)
    _check_space(path, trained)
    output = check_output(output, overwrite=run.overwrite)
    threads = chosen_workers(run.workers)
    for side in sides:
        check_apart(output, side.manifest)
        check_sources(side, threads)
    check_each_on_one_side(sides, threads)
    lone = len(sides) == 1
    names = {
        side.name: sample_names(side.manifest.rows, "" if lone else side.name) for side in sides
    }
    _tell(trained, placing.layout, names)
    with appearing(output, overwrite=run.overwrite) as folder:
        ways = Counter[str]()
        for side in sides:
            within = folder if lone else folder / side.name
            for label in trained.classes:
                (within / label).mkdir(parents=True)
            ways += _write_samples(side, folder, names[side.name], link, threads, progress)
        (folder / CLASS_MAP).write_bytes("".join(f"{name}\n" for name in trained.classes).encode())
        # A path that is not UTF-8 becomes the escape that JSON has for lone surrogates.
        record = _record(sides, names, placing.layout, output, lone=lone)
        (folder / RECORD).write_bytes(to_json(record).encode("utf-8", "backslashreplace"))
    counts = {side.name: side.manifest.counts for side in sides}
    return Materialized(output, trained.counts, **ways, sides=counts)


def _check_layout(placing: MaterializeOptions) -> None:
    layout = LAYOUTS[placing.layout]
    if not layout.alone and placing.val is None and placing.test is None:
        raise SettingError(
            f"{layout.called} looks for images to validate on beside those to train on, and there "
            "are none: give them with --val"
        )


def _chosen(link: str, symlink: bool) -> str:
    if symlink and link not in ("auto", "sym"):
        raise SettingError(f"--symlink is short for --link sym, and --link is {link}: give one")
    return "sym" if symlink else link


def _puts(manifest: Manifest, link: str) -> list[Put]:
    """Choose how the image of each row comes into the folder."""
    puts = [PUTS[link]] * len(manifest.rows)
    if link in SHARING:
        further = manifest.generated_folder
        repeated, outside = repeated_and_outside(manifest.rows, manifest.root, further)
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
            "%d samples have a label that two classes share, and a folder has one for each image: "
            "they are put in that of their base",
            shared,
        )


def _tell(trained: Manifest, layout: str, names: Mapping[str, Sequence[str]]) -> None:
    """Tell what the reader of such folders makes of this one, where it is not what was meant."""
    asked = LAYOUTS[layout]
    odd = [
        name for each in names.values() for name in each if not name.lower().endswith(asked.endings)
    ]
    if odd:
        log.warning(
            "%d files have a name that means no image to %s, the first is %r: images end in %s",
            len(odd),
            asked.called,
            odd[0],
            " ".join(asked.endings),
        )
    if list(trained.classes) != sorted(trained.classes):
        log.warning(
            "classes are numbered by name in an image folder, unlike in the manifest: %s has the "
            "manifest's order",
            CLASS_MAP,
        )
    if len(names) == 1:
        tell_of_splits(trained.rows, "split first, and give what to validate on with --val")


def _write_samples(
    side: FolderSide,
    folder: Path,
    names: Sequence[str],
    link: str,
    workers: int,
    progress: Progress,
) -> Counter[str]:
    """Write the file of every row; return how many were made in each way."""
    manifest, puts = side.manifest, _puts(side.manifest, link)
    scale = DepthScale.from_record(manifest.record.get("scale")) or EACH_ALONE
    write = partial(_write_sample, manifest.root, folder, scale)
    samples = zip(manifest.rows, names, puts, strict=True)
    ways = cast("Generator[str, None, None]", ordered_map(write, samples, workers))
    # Left early, the threads must have ended before the folder is taken away.
    with closing(ways):
        made = Counter(progress(ways, total=len(names), what=f"writing {side.name}", unit="images"))
    left = made["copied"] - sum(put is PUTS["copy"] for put in puts)
    if left and link == "hard":
        log.info("%d files could not be linked, and were copied", left)
    return made


def _write_sample(root: Path, folder: Path, scale: DepthScale, sample: tuple[Row, str, Put]) -> str:
    row, name, put = sample
    target = folder / name
    if not row.is_made:
        return put(root / row.file_name, target)
    sample_image(row, lambda name: _open(root, name, scale)).save(target, "PNG")
    return "blended" if row.operation is None else "augmented"


def _open(root: Path, name: str, scale: DepthScale) -> Any:
    try:
        return open_image(root / name, scale)
    except UnreadableImage as error:
        raise DataError(
            f"a recipe needs images that can be read, but {name!r} cannot ({error}): mend it, or "
            "oversample again"
        ) from None


def _record(
    sides: Sequence[FolderSide],
    names: Mapping[str, Sequence[str]],
    layout: str,
    output: Path,
    *,
    lone: bool,
) -> dict[str, Any]:
    """Return what the folder at ``output`` says of itself, with places as seen from there."""
    classes = list(sides[0].manifest.classes)
    if lone:
        (side,) = sides
        return {
            "format": FORMAT,
            "rebalance": __version__,
            "manifest": relative_root(side.data, output),
            "root": relative_root(side.manifest.root, output),
            "classes": classes,
            "samples": list(names[side.name]),
        }
    return {
        "format": FORMAT_OF_SIDES,
        "rebalance": __version__,
        "layout": layout,
        "classes": classes,
        "sides": {
            side.name: {
                "data": relative_root(side.data, output),
                "root": relative_root(side.manifest.root, output),
                "samples": list(names[side.name]),
            }
            for side in sides
        },
    }
