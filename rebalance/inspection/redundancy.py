"""The images of a class that only repeat another: equal files, and images that look the same.

Works on descriptions of images alone: reads no files, and may not import torch or click.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rebalance.inspection.description import LOW, ImageDescription
from rebalance.inspection.similarity import BITS, CORRELATION, similar

Positions = NDArray[np.intp]


def redundant(descriptions: Sequence[ImageDescription | None], most: int) -> dict[int, int]:
    """Return up to ``most`` images of a class that can go, each with the image that stays for it.

    Both are positions in ``descriptions``, which are those of the images in the order of the file
    list; None is an image that could not be described, and repeats nothing. The positions that can
    go are in rising order. ValueError for a negative ``most``.

    Equal files, and images that look the same as ``rebalance inspect`` finds them, form groups. In
    a group the image with the most pixels stays (tie: the earlier), and those that look like it can
    go. A group may be a chain, in which some member looks like others but not like the one that
    stays; then the same is done among the rest, so that everything that goes looks like something
    that stays. Where ``most`` is less than all that could go, the images with the most copies lose
    theirs first, so that as many as possible keep one copy at most; among equals the earlier goes.
    """
    if most < 0:
        raise ValueError(f"from 0 images up can be redundant, but {most} were asked for")
    stays, copies = {}, {}
    for group in _groups(descriptions):
        for leader, followers in _led(descriptions, group):
            for number, follower in enumerate(followers, 1):
                stays[follower], copies[follower] = leader, number
    first = sorted(stays, key=lambda position: (-copies[position], position))[:most]
    return {position: stays[position] for position in sorted(first)}


def near_duplicates(
    descriptions: Mapping[int, ImageDescription | None],
    paths: Sequence[str],
    labels: Sequence[int],
    wanted: Mapping[int, int],
) -> dict[int, str]:
    """Return the positions of images that go because another like them stays, and the reasons.

    descriptions: the images of the classes that shrink, by position in ``paths``. labels: the class
    of every image. wanted: the size of each class that shrinks, by label; none falls below it.
    """
    classes = np.asarray(labels)
    reasons: dict[int, str] = {}
    for label, size in wanted.items():
        members = np.flatnonzero(classes == label).tolist()
        own = [descriptions[member] for member in members]
        for gone, stays in redundant(own, len(members) - size).items():
            path = paths[members[stays]]
            reasons[members[gone]] = f"{_kind(own[gone], own[stays])} of {path}"
    return reasons


def _kind(gone: ImageDescription | None, stays: ImageDescription | None) -> str:
    equal = gone is not None and stays is not None and gone.digest == stays.digest
    return "duplicate" if equal else "near-duplicate"


def _groups(descriptions: Sequence[ImageDescription | None]) -> list[list[int]]:
    """Group images that are equal or look the same, directly or in a chain, the largest first.

    Every group has two images or more.
    """
    keys: dict[int, Hashable] = {
        position: description.digest
        for position, description in enumerate(descriptions)
        if description is not None
    }
    seen = {
        position: look.appearance
        for position, look in enumerate(descriptions)
        if look is not None and look.appearance is not None
    }
    if seen:
        hashes, miniatures = _arrays(descriptions, list(seen))
        keys |= dict(zip(seen, similar(hashes, miniatures), strict=True))
    groups = defaultdict(list)
    for position, key in keys.items():
        groups[key].append(position)
    return [
        sorted(group, key=lambda position: (-_pixels(descriptions[position]), position))
        for group in groups.values()
        if len(group) > 1
    ]


def _led(
    descriptions: Sequence[ImageDescription | None], group: list[int]
) -> list[tuple[int, list[int]]]:
    """Return the members of a group that stay, each with those that look like it, in order."""
    first = descriptions[group[0]]
    if first is None or first.appearance is None:  # nearly nothing to see: equal files
        return [(group[0], group[1:])]
    hashes, miniatures = _arrays(descriptions, group)
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
    descriptions: Sequence[ImageDescription | None], positions: Sequence[int]
) -> tuple[NDArray[np.uint64], NDArray[np.uint8]]:
    """Return the hashes [n] and miniatures [n, 64] of images that have an appearance."""
    seen = [look.appearance for look in (descriptions[position] for position in positions) if look]
    hashes = np.array([each.bits for each in seen if each], np.uint64)
    pixels = np.frombuffer(b"".join(each.miniature for each in seen if each), np.uint8)
    return hashes, pixels.reshape(len(positions), LOW * LOW)


def _pixels(description: ImageDescription | None) -> int:
    return 0 if description is None else description.size[0] * description.size[1]
