"""Reading and extracting images, shared out among processes.

Each process gets the results of all. What each reads or computes is gathered in all, and no result
depends on how many there are. Imports neither torch nor click.
"""

import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from rebalance.atomic import replacing
from rebalance.data.folder import ImageFolder, Unreadable
from rebalance.distributed.processes import Processes
from rebalance.errors import DataError, ExtractorError, OutputError
from rebalance.features.extractors import Extractor
from rebalance.features.notes import make_cache_folder

Item = TypeVar("Item")
Found = TypeVar("Found")


def share(items: Sequence[Item], batch: int, processes: Processes) -> list[Item]:
    """Return this process's part of ``items``: whole batches in turn, formed as one process would.

    Batches go round in turn, rather than in one stretch for each process, because the images of a
    class are often of one size.
    """
    own = range(processes.rank * batch, len(items), processes.world * batch)
    return [item for start in own for item in items[start : start + batch]]


def read_shared(
    read: Callable[[ImageFolder], tuple[list[Found | None], list[Unreadable]]],
    folder: ImageFolder,
    processes: Processes,
) -> tuple[list[Found | None], list[Unreadable]]:
    """Call ``read`` on the whole folder, of which every process reads a part.

    read: gives what was found, aligned with the paths, and the images that failed, in order.
    """
    if processes.world == 1:
        return read(folder)
    positions = range(len(folder.paths))
    own = read(folder.take(positions[processes.rank :: processes.world]))
    found: list[Found | None] = [None for _ in positions]
    failed: list[Unreadable] = []
    for rank, (part, unreadable) in enumerate(processes.by_each(lambda: own)):
        found[rank :: processes.world] = part
        failed += unreadable
    order = {path: position for position, path in enumerate(folder.paths)} if failed else {}
    return found, sorted(failed, key=lambda image: order[image.path])


def check_places(root: Path, cache: Path, processes: Processes) -> None:
    """Raise an error where processes do not see the same images and the same cache.

    Raises DataError for the images, OutputError for the cache. Alone, nothing is looked at.
    """
    if processes.world == 1:
        return
    token = cache / processes.by_first(partial(_leave_token, cache))
    seen = processes.by_each(
        lambda: (socket.gethostname(), (str(root), root.is_dir()), (str(cache), token.exists()))
    )
    if processes.first:
        token.unlink(missing_ok=True)
    for machine, (images, sees_images), (kept, sees_cache) in seen:
        if not sees_images:
            raise DataError(
                f"every machine needs the images at the same place, and on {machine!r} "
                f"{images!r} is no folder: make it reachable there"
            )
        if not sees_cache:
            raise OutputError(
                f"all machines need one cache, and {kept!r} on {machine!r} is not that of "
                "the first: pass --cache-dir with a folder that all of them share"
            )


def _leave_token(cache: Path) -> str:
    make_cache_folder(cache)
    token = cache / f".{uuid4().hex}.shared"
    with replacing(token) as (partial_token,):
        partial_token.touch()
    return token.name


def check_alike(extractor: Extractor, processes: Processes) -> None:
    """Raise ExtractorError where processes would compute features that cannot be put together."""
    (first, about), *others = processes.by_each(lambda: (socket.gethostname(), extractor.about))
    for machine, other in others:
        for fact in sorted({*about, *other} - {"fingerprint"}):
            if about.get(fact) != other.get(fact):
                raise ExtractorError(
                    f"all processes need the same extractor, and its {fact} is "
                    f"{about.get(fact)!r} on {first!r} and {other.get(fact)!r} on {machine!r}: "
                    "choose it by an option, or bring the machines into line"
                )
