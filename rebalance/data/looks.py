"""What is known of each file of a set: it was decoded, or a file of features knows it.

Imports neither torch nor click.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rebalance.data.folder import ImageFolder
from rebalance.data.levels import Levels
from rebalance.data.unreadable import readable_part
from rebalance.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Vectors(Protocol):
    """Feature vectors of images, which stand in for the images themselves."""

    def of(self, paths: Sequence[str]) -> "NDArray[np.float32]":
        """Return the vectors [n, D] of the images at these paths."""
        ...


@dataclass(frozen=True)
class Looked:
    """The images of a folder that can be used, and what was seen of them.

    digests: of the content of each. levels: of each, None for one that is not deep or was not
    decoded. vectors: what stands in for the images, where they were not.
    """

    folder: ImageFolder
    digests: Sequence[bytes]
    levels: Sequence[Levels | None] = ()
    vectors: Vectors | None = None


Look = Callable[[ImageFolder], Looked]  # raises DataError for a folder that it cannot use


def decoded(folder: ImageFolder, workers: int, progress: Progress, *, strict: bool) -> Looked:
    """Decode every file; see ``unreadable.readable_part`` for those that cannot be read."""
    files, probes, _ = readable_part(folder, workers, progress, strict=strict)
    return Looked(files, [probe.digest for probe in probes], [probe.levels for probe in probes])
