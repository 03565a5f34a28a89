"""Features of every image, read from the cache or else computed and kept there.

Everything is rounded to float16 on its way to the cache, on the first run too, so that a cold and
a warm run see the same numbers. torch is imported only where something has to be computed.
"""

import logging
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rebalance.data.files import digest, formats_of, read_bytes
from rebalance.data.folder import ImageFolder
from rebalance.data.levels import EACH_ALONE, DepthScale, Levels
from rebalance.distributed.processes import ALONE, Processes
from rebalance.errors import ExtractorError, PassingFault, UnreadableImage
from rebalance.features.cache import FeatureCache, Gathered, StoredLayer
from rebalance.features.extractors import Extractor
from rebalance.features.notes import make_cache_folder
from rebalance.features.sharding import share
from rebalance.features.table import FeatureTable
from rebalance.parallel import beside, ordered_map
from rebalance.progress import Progress, silent
from rebalance.settings import CANDIDATES

if TYPE_CHECKING:
    from rebalance.forward.passes import Passed, Picture

log = logging.getLogger("rebalance")

Keys = Sequence[bytes | None]


def choose_layers(wanted: Sequence[str], available: Sequence[str], arch: str) -> list[str]:
    """Return the layers to extract; ``auto`` stands for the candidates of clustering among them.

    ExtractorError for a layer that is not available.
    """
    if "auto" in wanted:
        others = [name for name in wanted if name in available and name not in CANDIDATES]
        return [*(name for name in available if name in CANDIDATES), *others]
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
    processes: Processes = ALONE,
    meanwhile: Callable[[], None] | None = None,
    scale: DepthScale = EACH_ALONE,
    levels: Sequence[Levels | None] | None = None,
) -> FeatureTable:
    """Return the features of ``layers`` for every image of ``folder`` that can be read.

    keys: digests aligned with ``folder.paths``, None for files already known to be unreadable,
    which are left out here without being named again. levels: of the files, in the same order, and
    scale: of their set. Features are kept by both, so that those by another scale are never met;
    where every file has 8 bits a sample, the digests are all. processes: they share what is
    missing, batch by batch as one would compute it, and each gets the features of all. meanwhile:
    done in a thread of its own while images pass, if any must.
    """
    start = time.perf_counter()
    cache = FeatureCache(extractor.cache, extractor.fingerprint)
    digests = keys
    keys = digests if levels is None else _scaled(digests, levels, scale)
    widths = processes.by_first(partial(_widths, cache, extractor, layers, progress))
    log.debug("features are kept in %r", str(cache.folder))
    names = choose_layers(layers, tuple(widths), extractor.arch)
    # The first finds out what is there: the listing of another machine may lag behind.
    blocks = processes.by_first(lambda: {name: cache.blocks(name) for name in names})
    stored = {name: cache.layer(name, blocks[name]) for name in names}
    processes.by_first(partial(_discard_damaged, cache, stored))
    refused = processes.by_first(cache.refused)
    places = processes.by_first(partial(_missing, keys, stored, refused))
    passing_seconds = 0.0
    missing = {
        key: Missing(folder.paths[place], content)
        for place in places
        if (key := keys[place]) is not None and (content := digests[place]) is not None
    }
    if missing:
        make_cache_folder(cache.folder)  # what cannot be kept is not worth computing
        if processes.world > 1:  # the first fetches or trains the network, the others then read it
            processes.by_first(lambda: (extractor.load(progress), None)[1])
        own = dict(share(list(missing.items()), extractor.batch_size, processes))
        if own:
            extractor.load(progress)  # first, since two threads had better not import at a time
        with beside(meanwhile):
            began = time.perf_counter()
            new = _compute(folder.root, own, scale, stored, cache, extractor, workers, progress)
            passing_seconds = time.perf_counter() - began
        passing: dict[bytes, str] = {}
        for found, not_now, written in processes.by_each(lambda: (*new, cache.written)):
            refused |= found
            passing |= not_now
            for name, more in written.items():
                stored[name] = stored[name].with_blocks(more)
        if missing.keys() & refused.keys():
            processes.by_first(partial(cache.refuse, refused))
        refused = {**refused, **passing}  # these are left out now, and looked at again next time
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
        [digest for i in readable if (digest := digests[i]) is not None],
        scale,
        passing_seconds,
    )


def _widths(
    cache: FeatureCache, extractor: Extractor, layers: Sequence[str], progress: Progress
) -> dict[str, int]:
    """Return the layers of the extractor and their columns, from the cache or put there now.

    A cache of before there was an embedding does not know of it.
    """
    known = cache.widths()
    if not known or ("embedding" in layers and "embedding" not in known):
        from rebalance.models.network import layer_widths

        network, transform = extractor.load(progress)
        cache.describe(extractor.about, layer_widths(network, transform.crop))
        known = cache.widths()
    return known


def _discard_damaged(cache: FeatureCache, stored: Mapping[str, StoredLayer]) -> None:
    """Delete what is damaged of some layers, and say so: a disk that does this may do it again."""
    damaged = {name: layer.damaged for name, layer in stored.items() if layer.damaged}
    for name, blocks in damaged.items():
        cache.discard(name, blocks)
    if damaged:
        log.warning(
            "features in the cache (%r) are damaged: those of %d files are extracted again",
            str(cache.folder),
            sum(map(len, damaged.values())),
        )


def _missing(
    keys: Keys, stored: Mapping[str, StoredLayer], refused: Mapping[bytes, str]
) -> list[int]:
    """List the position of each image that some layer lacks; of equal files only the first."""
    known = [
        (place, key) for place, key in enumerate(keys) if key is not None and key not in refused
    ]
    digests = [key for _, key in known]
    lacks = np.zeros(len(known), bool)
    for layer in stored.values():
        lacks |= ~layer.places.has(digests)
    first: dict[bytes, int] = {}
    for place, key in compress(known, lacks):
        first.setdefault(key, place)
    return list(first.values())


def _scaled(
    digests: Keys, levels: Sequence[Levels | None], scale: DepthScale
) -> list[bytes | None]:
    """Return what each image is known by as it is decoded."""
    return [
        key if key is None else scale.key(key, each)
        for key, each in zip(digests, levels, strict=True)
    ]


class Missing(NamedTuple):
    """An image whose features are to be computed: its file, and what was in it."""

    path: str
    digest: bytes


def _compute(
    root: Path,
    missing: Mapping[bytes, Missing],
    scale: DepthScale,
    stored: Mapping[str, StoredLayer],
    cache: FeatureCache,
    extractor: Extractor,
    workers: int,
    progress: Progress,
) -> tuple[dict[bytes, str], dict[bytes, str]]:
    """Extract and keep what is missing.

    Return the images that cannot be read, with the reason, and those that could not be read now.
    """
    refused: dict[bytes, str] = {}
    passing: dict[bytes, str] = {}
    gathered = Gathered(cache, stored)
    layers = tuple(stored)
    passes = _passes(root, missing, scale, layers, extractor, refused, passing, workers, progress)
    try:
        with closing(passes):
            for keys, features in passes:
                for name, values in features.items():
                    unfit = ~np.isfinite(values).all(axis=1)
                    if unfit.any():
                        path = missing[keys[int(unfit.argmax())]].path
                        raise ExtractorError(
                            f"{extractor.arch} gives features that are not finite ({name} of "
                            f"{path!r}): use other weights, or --precision fp32"
                        )
                gathered.add(keys, features)
    finally:
        gathered.keep()  # whole batches are worth keeping, whatever ended the loop
    return refused, passing


def _passes(
    root: Path,
    missing: Mapping[bytes, Missing],
    scale: DepthScale,
    layers: Sequence[str],
    extractor: Extractor,
    refused: dict[bytes, str],
    passing: dict[bytes, str],
    workers: int,
    progress: Progress,
) -> "Generator[Passed]":
    """Yield the features of the readable missing images, batch by batch and in order.

    Images whose bytes cannot be read are put in ``refused``, those that could not be read this time
    in ``passing``; they are in no batch.
    """
    if not missing:
        return
    from rebalance.forward import accelerator, processor, reading
    from rebalance.forward.passes import ForwardPass, batched

    network, transform = extractor.load(progress)
    size, device = extractor.batch_size, extractor.device
    forward = ForwardPass(network, transform, layers, size, device, extractor.precision)
    read = reading.read_or_leave if device == "cuda" else reading.read_pixels

    def load(item: tuple[bytes, Missing]) -> "tuple[bytes, Picture | None]":
        key, (path, content) = item
        try:
            data = read_bytes(root / path)
            if digest(data) != content:  # or the features of other content would lie under this key
                raise PassingFault("it changed while it was read: run again")
            return key, read(data, transform, formats_of(path), scale)
        except PassingFault as error:
            passing[key] = str(error)
        except UnreadableImage as error:
            refused[key] = str(error)
        return key, None

    def readable() -> "Iterator[tuple[bytes, Picture]]":
        images = ordered_map(load, missing.items(), workers)
        for key, image in progress(images, total=len(missing), what="extracting", unit="images"):
            if image is not None:
                yield key, image

    batches = batched(readable(), size)
    if device == "cpu":
        yield from processor.pass_batches(batches, forward, workers)
    else:
        yield from accelerator.pass_batches(batches, forward, refused.__setitem__)
