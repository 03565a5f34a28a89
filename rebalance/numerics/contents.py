"""Which samples are equal: their features are, so that nothing which looks at these can part them.

Equal files always have equal features, and so have files that hold the same picture in other bytes.
Whoever maps, clusters or searches takes each content once, as one point. Imports numpy and nothing
heavier.
"""

from dataclasses import dataclass
from hashlib import blake2b
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.numerics.products import slices, threads
from rebalance.numerics.standardisation import Matrix, block_length

Positions = NDArray[np.intp]

ROWS_AT_ONCE = 256  # that one thread reads


@dataclass(frozen=True, eq=False)
class Contents:
    """Samples grouped by what they hold.

    of: the number [N] of each sample's content; contents are numbered as they first appear. first:
    the rising positions [K] of the first sample of each content.
    """

    of: Positions
    first: Positions

    @classmethod
    def numbered(cls, keys: NDArray[Any]) -> "Contents":
        """Group samples by their keys [N], which are equal for equal contents."""
        _, first, of = np.unique(keys, return_index=True, return_inverse=True)
        order = np.argsort(first)
        return cls(np.argsort(order)[of.reshape(len(keys))], first[order])

    @classmethod
    def all_of(cls, samples: int) -> "Contents":
        """Take every sample for a content of its own."""
        return cls(np.arange(samples), np.arange(samples))

    @property
    def repeat(self) -> bool:
        """Tell whether any sample repeats another."""
        return len(self.first) < len(self.of)

    @property
    def ranks(self) -> Positions:
        """Return how many samples equal to each come before it [N].

        0 is the first of its content.
        """
        order = np.argsort(self.of, kind="stable")
        counts = np.bincount(self.of, minlength=len(self.first))
        starts = np.cumsum(counts) - counts
        ranks = np.empty(len(order), np.intp)
        ranks[order] = np.arange(len(order)) - np.repeat(starts, counts)
        return ranks

    def within(self, labels: NDArray[np.integer[Any]]) -> "Contents":
        """The same samples, where those of different labels [N] are no repetition."""
        classes, codes = np.unique(labels, return_inverse=True)
        return Contents.numbered(self.of * len(classes) + codes)


def contents_of(matrix: Matrix) -> Contents:
    """Group the rows of a matrix [N, M] that are equal as numbers; 0 and -0 are.

    Each row is read once, block by block, and known by a digest of 128 bits.

    >>> import numpy as np
    >>> from rebalance.numerics.contents import contents_of
    >>> from rebalance.numerics.pca import InMemory
    >>> found = contents_of(InMemory(np.array([[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]])))
    >>> found.of.tolist(), found.first.tolist()
    ([0, 1, 0], [0, 1])
    """
    digests = row_digests(matrix)
    return Contents.numbered(np.frombuffer(b"".join(digests), "V16", len(digests)))


def row_digests(matrix: Matrix) -> list[bytes]:
    """Compute a digest of each row of a matrix [N, M], the same for rows equal as numbers.

    Rows are equal in one precision: the same numbers stored in another have other digests.
    """
    samples, columns = matrix.shape

    def digests(rows: slice) -> list[bytes]:
        values = np.ascontiguousarray(matrix.read(rows, slice(None)))
        bits = values.view(f"u{values.itemsize}")  # several times as fast as arithmetic in float16
        minus_zero = bits == np.array(-0.0, values.dtype).view(bits.dtype)
        bits = np.where(minus_zero, bits.dtype.type(0), bits)
        return [blake2b(row, digest_size=16).digest() for row in bits]

    step = max(1, min(ROWS_AT_ONCE, block_length(max(1, columns))))
    with threads() as team:
        return list(chain.from_iterable(team.each(digests, slices(samples, step))))
