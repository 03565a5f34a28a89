"""Which images of a class only repeat another, by what was seen of them.

Works on looks alone: reads no files, and may not import torch or click.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rebalance.inspection.looks import LOW, Look
from rebalance.inspection.similarity import BITS, CORRELATION, similar

Positions = NDArray[np.intp]


def redundant(looks: Sequence[Look | None], most: int) -> dict[int, int]:
    """Up to ``most`` of a class's images that can go first, each with the one that stays for it.

    looks: of the images in the order of the file list; None is an image that was not seen, which
    repeats nothing. Equal files, and images that look the same as ``rebalance inspect`` finds them,
    form groups. Of a group the image with the most pixels stays (tie: the earlier) and those that
    look like it are redundant; where looks form a chain, so that some member looks like others but
    not like this one, the same holds among the rest: everything that goes looks like one that
    stays. Where ``most`` is less than all, the images with the most copies lose theirs first, so
    that as many as can be keep one copy at most; of equal ones the earlier goes.

    Gives positions in ``looks``, in rising order of the key. ValueError for a negative ``most``.
    """
    if most < 0:
        raise ValueError(f"from 0 images up can be redundant, but {most} were asked for")
    stays, copies = {}, {}
    for group in _groups(looks):
        for leader, followers in _led(looks, group):
            for number, follower in enumerate(followers, 1):
                stays[follower], copies[follower] = leader, number
    first = sorted(stays, key=lambda position: (-copies[position], position))[:most]
    return {position: stays[position] for position in sorted(first)}


def near_duplicates(
    looks: Mapping[int, Look | None],
    paths: Sequence[str],
    labels: Sequence[int],
    wanted: Mapping[int, int],
) -> dict[int, str]:
    """The positions of images that go because another like them stays, each with the reason.

    looks: of the images of the classes that shrink, by position in ``paths``. labels: the class of
    every image. wanted: the size of each class that shrinks, by label; none falls below it.
    """
    classes = np.asarray(labels)
    reasons: dict[int, str] = {}
    for label, size in wanted.items():
        members = np.flatnonzero(classes == label).tolist()
        own = [looks[member] for member in members]
        for gone, stays in redundant(own, len(members) - size).items():
            path = paths[members[stays]]
            reasons[members[gone]] = f"{_kind(own[gone], own[stays])} of {path}"
    return reasons


def _kind(gone: Look | None, stays: Look | None) -> str:
    equal = gone is not None and stays is not None and gone.digest == stays.digest
    return "duplicate" if equal else "near-duplicate"


def _groups(looks: Sequence[Look | None]) -> list[list[int]]:
    """Two images or more each, of equal files or of looks that chain, the largest image first."""
    keys: dict[int, Hashable] = {
        position: look.digest for position, look in enumerate(looks) if look is not None
    }
    seen = {
        position: look.appearance
        for position, look in enumerate(looks)
        if look is not None and look.appearance is not None
    }
    if seen:
        hashes, miniatures = _arrays(looks, list(seen))
        keys |= dict(zip(seen, similar(hashes, miniatures), strict=True))
    groups = defaultdict(list)
    for position, key in keys.items():
        groups[key].append(position)
    return [
        sorted(group, key=lambda position: (-_pixels(looks[position]), position))
        for group in groups.values()
        if len(group) > 1
    ]


def _led(looks: Sequence[Look | None], group: list[int]) -> list[tuple[int, list[int]]]:
    """The members of a group that stay, each with those that look like it, in the same order."""
    first = looks[group[0]]
    if first is None or first.appearance is None:  # nearly nothing to see: equal files
        return [(group[0], group[1:])]
    hashes, miniatures = _arrays(looks, group)
    centred = miniatures - miniatures.mean(axis=1, keepdims=True)
    directions = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), 1e-6)
    led, rest = [], np.arange(len(group))
    while len(rest):
        leader, others = rest[0], rest[1:]
        different = np.unpackbits(
            (hashes[others] ^ hashes[leader]).view(np.uint8).reshape(-1, 8), 1
        )
        alike = different.sum(axis=1) <= BITS
        alike &= directions[others] @ directions[leader] >= CORRELATION
        led.append((group[leader], [group[other] for other in others[alike]]))
        rest = others[~alike]
    return led


def _arrays(
    looks: Sequence[Look | None], positions: Sequence[int]
) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Hashes [n] and miniatures [n, 64] of images that have an appearance."""
    seen = [look.appearance for look in (looks[position] for position in positions) if look]
    hashes = np.array([each.bits for each in seen if each], np.uint64)
    pixels = np.frombuffer(b"".join(each.miniature for each in seen if each), np.uint8)
    return hashes, pixels.reshape(len(positions), LOW * LOW)


def _pixels(look: Look | None) -> int:
    return 0 if look is None else look.size[0] * look.size[1]
