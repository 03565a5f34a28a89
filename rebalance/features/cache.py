"""The cache: a folder that keeps features and trained extractors between runs.

    <cache>/features/<extractor fingerprint>/about.json      layers and their columns
    <cache>/features/<extractor fingerprint>/refused.json    images that cannot be decoded
    <cache>/features/<extractor fingerprint>/<layer>/<block>.npy        float16 [n, D]
    <cache>/features/<extractor fingerprint>/<layer>/<block>.keys.npy   n digests of image files
    <cache>/extractors/<fingerprint>.safetensors

Blocks and JSON files have a checksum; what does not fit it counts as missing.
An image is known by the digest of its bytes, so renamed, moved and repeated files are found again
and changed ones are not. A block is written once, under a name of its own, and counts from the
moment its keys are there: runs that share a cache cannot harm each other, and a run that is killed
loses the block it was filling. Imports numpy and nothing heavier.
"""

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
from numpy.typing import NDArray

from rebalance.atomic import replacing
from rebalance.errors import FeatureError, OutputError
from rebalance.features.blocks import (
    FEATURES,
    KEY,
    KEYS,
    MappedBlocks,
    Places,
    block_name,
    block_size,
    read_block,
)
from rebalance.features.notes import keep_note, make_cache_folder, read_note
from rebalance.records import ExtractorRecord
from rebalance.records.shape import misfit

ABOUT, REFUSED = "about.json", "refused.json"
LAYER = re.compile(r"\w[\w.-]*")
HALF_MAX = float(np.finfo(np.float16).max)


def cache_root(cache_dir: Path | str | None = None) -> Path:
    """Return ``cache_dir``, or else $REBALANCE_CACHE_DIR, or else the user's cache folder."""
    chosen = cache_dir or os.environ.get("REBALANCE_CACHE_DIR")
    return Path(chosen) if chosen else platformdirs.user_cache_path("rebalance")


def extractor_path(root: Path, fingerprint: str) -> Path:
    """Return where a trained extractor is kept."""
    return root / "extractors" / f"{fingerprint}.safetensors"


@dataclass(frozen=True)
class Usage:
    """The size of one part of the cache: the number of its files, and their bytes."""

    part: str
    files: int
    size: int


def usage(root: Path) -> list[Usage]:
    """Measure each part of the cache; parts that do not exist count 0."""
    parts = []
    for part in ("features", "extractors"):
        sizes = [file.stat().st_size for file in (root / part).rglob("*") if file.is_file()]
        parts.append(Usage(part, len(sizes), sum(sizes)))
    return parts


def clear(root: Path) -> None:
    """Delete what rebalance keeps under ``root``, and nothing else there.

    Raises OutputError where the system refuses.
    """
    for part in ("features", "extractors"):
        try:
            shutil.rmtree(root / part)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise OutputError(f"cannot clear {str(root / part)!r}: {error.strerror}") from error


@dataclass(frozen=True)
class StoredFeatures:
    """A feature matrix [N, D] in float16 whose rows lie in memory-mapped blocks on disk.

    blocks: the mapped files. block, row: per image, which block holds it and where.
    """

    blocks: Sequence[NDArray[np.float16]]
    block: NDArray[np.intp]
    row: NDArray[np.intp]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.row), self.blocks[0].shape[1] if self.blocks else 0

    def read(self, rows: slice, columns: slice) -> NDArray[np.float16]:
        """Copy the part [rows, columns] into memory."""
        block, row = self.block[rows], self.row[rows]
        width = len(range(*columns.indices(self.shape[1])))
        part = np.empty((len(row), width), np.float16)
        order = np.argsort(block, kind="stable")
        starts = np.flatnonzero(np.diff(block[order], prepend=-1))
        for here in np.split(order, starts[1:]):
            if len(here):
                part[here] = self.blocks[block[here[0]]][row[here], columns]
        return part

    def take(self, positions: NDArray[np.intp]) -> "StoredFeatures":
        """Select the rows at ``positions``, still on disk."""
        return StoredFeatures(self.blocks, self.block[positions], self.row[positions])


class FeatureCache:
    """The stored features of one extractor.

    written: the names of the blocks that were added through this object, by layer.
    """

    def __init__(self, root: Path, fingerprint: str) -> None:
        self.folder = root / "features" / fingerprint
        self.written: dict[str, list[str]] = {}

    def widths(self) -> dict[str, int]:
        """The layers of the extractor and their columns; empty before ``describe``."""
        layers: dict[str, int] = read_note(self.folder / ABOUT).get("layers", {})
        # A name becomes that of a folder.
        sound = misfit(layers, dict[str, int]) is None and all(map(LAYER.fullmatch, layers))
        return layers if sound else {}

    def describe(self, about: ExtractorRecord, widths: Mapping[str, int]) -> None:
        """Keep what a later run needs to know about the extractor without loading it."""
        keep_note(self.folder / ABOUT, {**about, "layers": dict(widths)})

    def refused(self) -> dict[bytes, str]:
        """Return the images that this version of Pillow could not decode, and why."""
        kept = read_note(self.folder / REFUSED)
        reasons = kept.get("reasons")
        if kept.get("pillow") != version("pillow") or misfit(reasons, dict[str, str]):
            return {}
        return {bytes.fromhex(key): reason for key, reason in kept["reasons"].items()}

    def refuse(self, reasons: Mapping[bytes, str]) -> None:
        """Remember images that cannot be decoded, so that nobody loads a network for them."""
        every = {**self.refused(), **reasons}
        named = {key.hex(): reason for key, reason in every.items()}
        keep_note(self.folder / REFUSED, {"pillow": version("pillow"), "reasons": named})

    def write(self, layer: str, keys: Sequence[bytes], features: NDArray[np.float16]) -> None:
        """Add a block: the digests of n images and their features [n, D]."""
        folder = self.folder / layer
        make_cache_folder(folder)
        contents = [_as_npy(features), _as_npy(np.frombuffer(b"".join(keys), KEY))]
        name = block_name(*contents)
        with replacing(folder / (name + FEATURES), folder / (name + KEYS)) as partial:
            for path, content in zip(partial, contents, strict=True):
                path.write_bytes(content)
        self.written.setdefault(layer, []).append(name + KEYS)

    def discard(self, layer: str, blocks: Sequence[str]) -> None:
        """Delete damaged blocks, as far as the system lets us, so that nobody reads them again."""
        for name in blocks:
            path = self.folder / layer / name
            for file in (path, path.with_name(name.removesuffix(KEYS) + FEATURES)):
                with suppress(OSError):
                    file.unlink()

    def blocks(self, layer: str) -> list[str]:
        """List the names of the blocks of a layer that exist now."""
        return sorted(path.name for path in (self.folder / layer).glob(f"*{KEYS}"))

    def layer(self, name: str, blocks: Sequence[str] | None = None) -> "StoredLayer":
        """Open the layer as it is in ``blocks``, or in all blocks; damaged ones count as missing.

        Blocks are found by their names even where another machine wrote them a moment ago and the
        listing of a network file system does not have them yet.
        """
        empty = StoredLayer(self.folder / name, self.widths().get(name))
        return empty.with_blocks(self.blocks(name) if blocks is None else blocks)


def _as_npy(values: NDArray[Any]) -> bytes:
    file = BytesIO()
    np.save(file, values)
    return file.getvalue()


@dataclass(frozen=True)
class StoredLayer:
    """The blocks of one layer [n, width], and where each image is in them.

    damaged: the names of blocks that are there, and are not what was written.
    """

    folder: Path
    width: int | None
    blocks: MappedBlocks = field(default_factory=MappedBlocks)
    places: Places = field(default_factory=Places.nowhere)
    damaged: tuple[str, ...] = ()

    def with_blocks(self, names: Sequence[str]) -> "StoredLayer":
        """Return the same layer with these blocks added; one that is no good is left out."""
        files, keys, damaged = list(self.blocks.files), [], list(self.damaged)
        for name in names:
            try:
                found = read_block(self.folder / name)
            except OSError:
                continue  # cleared by somebody else
            if found is None:
                damaged.append(name)
            elif found[0].columns == self.width:
                files.append(found[0])
                keys.append(found[1])
        return replace(
            self,
            blocks=MappedBlocks(files),
            places=self.places.with_blocks(keys, len(self.blocks)),
            damaged=tuple(damaged),
        )

    def rows(self, keys: Sequence[bytes]) -> StoredFeatures:
        """Return the features of the images ``keys``, in order; FeatureError if one is missing."""
        block, row = self.places.find(keys)
        if lacking := int((block < 0).sum()):
            raise FeatureError(
                f"the cache lacks the features of {lacking} of {len(keys)} images "
                f"({str(self.folder)!r}): let nobody clear it during a run, and run the command "
                "again"
            )
        return StoredFeatures(self.blocks, block, row)


class Gathered:
    """Batches of features, float32 as they come, gathered until there are enough for a file.

    stored: the part of each layer that the cache already had, which is not kept twice.
    """

    def __init__(self, cache: FeatureCache, stored: Mapping[str, StoredLayer]) -> None:
        self._cache = cache
        self._stored = stored
        self._keys: list[bytes] = []
        self._kept = 0
        self._parts: dict[str, list[NDArray[np.float16]]] = {name: [] for name in stored}

    def add(self, keys: Sequence[bytes], features: Mapping[str, NDArray[np.float32]]) -> None:
        """Add a batch: the keys [n] of its images, and their features [n, D] for each layer."""
        self._keys += keys
        for name, values in features.items():
            half = np.clip(values, -HALF_MAX, HALF_MAX).astype(np.float16)
            self._parts[name].append(half)
        widest = max(values.shape[1] for values in features.values())
        if len(self._keys) >= block_size(self._kept, widest):
            self.keep()

    def keep(self) -> None:
        """Write what was gathered, however little it is."""
        for name, parts in self._parts.items():
            places = self._stored[name].places
            new = np.flatnonzero(~places.has(self._keys))
            if len(new):
                features = np.concatenate(parts)[new]
                self._cache.write(name, [self._keys[row] for row in new], features)
            parts.clear()
        self._kept += len(self._keys)
        self._keys.clear()
