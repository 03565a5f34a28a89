"""Equal files within the classes that shrink: told of where they are many."""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence

from rebalance.data.folder import ImageFolder

log = logging.getLogger("rebalance")

MANY = 0.05  # of a class's images, beyond which copies are worth a word


def warn_of_copies(
    folder: ImageFolder, digests: Sequence[bytes], shrinking: Iterable[int], fate: str
) -> None:
    """Name the option that drops copies, once, where many images of a class to cut are some.

    digests: of the folder's files, in its order. shrinking: the labels of the classes to cut. fate:
    what becomes of copies without that option.
    """
    counts = Counter(folder.labels)
    different = Counter(label for label, _ in set(zip(folder.labels, digests, strict=True)))
    copies = {label: counts[label] - different[label] for label in shrinking}
    many = [label for label in copies if copies[label] > MANY * counts[label]]
    if many:
        most = max(many, key=lambda label: copies[label])
        told = f"{copies[most]} of the {counts[most]} images of class {folder.classes[most]!r}"
        if len(many) > 1:
            told = f"many images of {len(many)} classes, such as {told},"
        log.warning("%s repeat another and %s: --dedupe drops copies first", told, fate)
