"""Features of every image: what the cache has is read, what it lacks is computed and kept.

Everything is rounded to float16 on its way to the cache, on the first run too, so that a cold and
a warm run see the same numbers. torch is imported only where something has to be computed.
"""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rebalance.atomic import make_folder
from rebalance.cache import FeatureCache, StoredLayer
from rebalance.errors import ExtractorError, UnreadableImage
from rebalance.extractors import Extractor
from rebalance.folder import ImageFolder, Unreadable
from rebalance.images import decode, digest, read_bytes
from rebalance.parallel import ordered_map
from rebalance.progress import Progress, silent
from rebalance.table import FeatureTable

if TYPE_CHECKING:
    from torch import Tensor

    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform

log = logging.getLogger("rebalance")

BLOCK = 256  # images kept at a time: what a killed run may lose
HALF_MAX = float(np.finfo(np.float16).max)

Keys = Sequence[bytes | None]


def _key(root: Path, path: str) -> bytes | str:
    try:
        return digest(read_bytes(root / path))
    except UnreadableImage as error:
        return str(error)


def image_keys(
    folder: ImageFolder, workers: int, progress: Progress = silent
) -> tuple[list[bytes | None], list[Unreadable]]:
    """The digest of every file, aligned with ``folder.paths``; None for one that cannot be read."""
    found = ordered_map(partial(_key, folder.root), folder.paths, workers)
    keys: list[bytes | None] = []
    unreadable = []
    watched = progress(found, total=len(folder.paths), what="reading images", unit="images")
    for position, key in enumerate(watched):
        keys.append(key if isinstance(key, bytes) else None)
        if isinstance(key, str):
            unreadable.append(folder.unreadable(position, key))
    return keys, unreadable


def choose_layers(wanted: Sequence[str], available: Sequence[str], arch: str) -> list[str]:
    """The layers to extract; ``auto`` stands for all there are. ExtractorError for others."""
    if "auto" in wanted:
        return list(available)
    for name in wanted:
        if name not in available:
            raise ExtractorError(
                f"{arch} has no layer {name!r} (it has {', '.join(available)}): choose another "
                "with --layer"
            )
    return list(dict.fromkeys(wanted))


def extract_features(
    folder: ImageFolder,
    keys: Keys,
    extractor: Extractor,
    layers: Sequence[str],
    *,
    workers: int,
    progress: Progress = silent,
) -> FeatureTable:
    """The features of ``layers`` for every image of ``folder`` that can be read.

    keys: digests aligned with ``folder.paths``, None for files already known to be unreadable,
    which are left out here without being named again.
    """
    start = time.perf_counter()
    cache = FeatureCache(extractor.cache, extractor.fingerprint)
    if not cache.widths():
        from rebalance.models.network import layer_widths

        network, transform = extractor.load(progress)
        cache.describe(extractor.about, layer_widths(network, transform.crop))
    log.debug("features are kept in %r", str(cache.folder))
    names = choose_layers(layers, tuple(cache.widths()), extractor.arch)
    stored = {name: cache.layer(name) for name in names}
    refused = cache.refused()
    missing = _missing(folder, keys, stored, refused)
    if missing:
        make_folder(cache.folder)  # what cannot be kept is not worth computing
        new = _compute(folder.root, missing, stored, cache, extractor, workers, progress)
        if new:
            cache.refuse(new)
        refused |= new
        stored = {name: cache.layer(name) for name in names}
    readable = [i for i, key in enumerate(keys) if key is not None and key not in refused]
    rows = [key for key in keys if key is not None and key not in refused]
    return FeatureTable(
        folder.take(readable),
        {name: layer.rows(rows) for name, layer in stored.items()},
        extractor,
        tuple(
            folder.unreadable(position, refused[key])
            for position, key in enumerate(keys)
            if key in refused
        ),
        len(missing.keys() - refused.keys()),
        sum(key not in missing for key in rows),
        time.perf_counter() - start,
    )


def _missing(
    folder: ImageFolder,
    keys: Keys,
    stored: Mapping[str, StoredLayer],
    refused: Mapping[bytes, str],
) -> dict[bytes, str]:
    """Digest and path of each image that some layer lacks; of equal files the first."""
    missing: dict[bytes, str] = {}
    for key, path in zip(keys, folder.paths, strict=True):
        if key is None or key in refused:
            continue
        if not all(key in layer.places for layer in stored.values()):
            missing.setdefault(key, path)
    return missing


def _load(
    root: Path, transform: "Transform", item: tuple[bytes, str]
) -> "tuple[bytes, Tensor | str]":
    key, path = item
    try:
        return key, transform.image(decode(read_bytes(root / path)))
    except UnreadableImage as error:
        return key, str(error)


def _compute(
    root: Path,
    missing: Mapping[bytes, str],
    stored: Mapping[str, StoredLayer],
    cache: FeatureCache,
    extractor: Extractor,
    workers: int,
    progress: Progress,
) -> dict[bytes, str]:
    """Extract and keep what is missing; returns the images that cannot be read, with the reason."""
    network, transform = extractor.load(progress)
    refused: dict[bytes, str] = {}

    def readable() -> "Iterator[tuple[bytes, Tensor]]":
        images = ordered_map(partial(_load, root, transform), missing.items(), workers)
        for key, image in progress(images, total=len(missing), what="extracting", unit="images"):
            if isinstance(image, str):
                refused[key] = image
            else:
                yield key, image

    block = _Block(cache, stored)
    try:
        for keys, features in _batches(readable(), network, transform, extractor, tuple(stored)):
            for name, values in features.items():
                unfit = ~np.isfinite(values).all(axis=1)
                if unfit.any():
                    path = missing[keys[int(unfit.argmax())]]
                    raise ExtractorError(
                        f"{extractor.arch} gives features that are not finite ({name} of "
                        f"{path!r}): use other weights, or --precision fp32"
                    )
            block.add(keys, features)
    finally:
        block.keep()  # whole batches are worth keeping, whatever ended the loop
    return refused


class _Block:
    """Batches gathered until there are enough for a file."""

    def __init__(self, cache: FeatureCache, stored: Mapping[str, StoredLayer]) -> None:
        self._cache = cache
        self._stored = stored
        self._keys: list[bytes] = []
        self._parts: dict[str, list[NDArray[np.float16]]] = {name: [] for name in stored}

    def add(self, keys: Sequence[bytes], features: Mapping[str, NDArray[np.float32]]) -> None:
        self._keys += keys
        for name, values in features.items():
            half = np.clip(values, -HALF_MAX, HALF_MAX).astype(np.float16)
            self._parts[name].append(half)
        if len(self._keys) >= BLOCK:
            self.keep()

    def keep(self) -> None:
        for name, parts in self._parts.items():
            places = self._stored[name].places
            new = [row for row, key in enumerate(self._keys) if key not in places]
            if new:
                features = np.concatenate(parts)[new]
                self._cache.write(name, [self._keys[row] for row in new], features)
            parts.clear()
        self._keys.clear()


def _batches(
    images: "Iterator[tuple[bytes, Tensor]]",
    network: "Network",
    transform: "Transform",
    extractor: Extractor,
    layers: Sequence[str],
) -> Iterator[tuple[list[bytes], dict[str, NDArray[np.float32]]]]:
    """Forward passes, all of one shape: the last batch is filled up with black images.

    A network's arithmetic may differ in the last digit from one batch size to the next; with one
    shape, and batches that are kept whole and in order, a run that was interrupted and taken up
    again gives the same bytes as one that was not.
    """
    import torch

    from rebalance.models.devices import autocast

    size, device = extractor.batch_size, extractor.device
    network = network.eval().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    pinned = device == "cuda"
    while batch := list(islice(images, size)):
        keys = [key for key, _ in batch]
        pixels = torch.zeros((size, *batch[0][1].shape), dtype=torch.uint8, pin_memory=pinned)
        torch.stack([image for _, image in batch], out=pixels[: len(batch)])
        with torch.inference_mode(), autocast(device, extractor.precision):
            inputs = transform.normalise(pixels.to(device, non_blocking=pinned))
            inputs = inputs.contiguous(memory_format=torch.channels_last)
            outputs = network.layers(inputs, layers)
        yield keys, {n: v[: len(batch)].float().cpu().numpy() for n, v in outputs.items()}
