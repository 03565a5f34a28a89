"""The rows of a manifest in a few arrays, which workers share or copy at little cost.

A million Python objects are copied page by page into every worker that was forked, and take seconds
to send to one that is started afresh. Imports numpy and nothing heavier.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import overload

import numpy as np
from numpy.typing import NDArray

from rebalance.data.samples import shares_of
from rebalance.manifest import KINDS, Manifest, Row
from rebalance.manifest.rows import MADE
from rebalance.oversampling.soft_labels import SoftLabels

NOWHERE = -1  # in place of a position


class PackedTexts(Sequence[str]):
    """Texts as one run of bytes, and where each of them ends.

    >>> from rebalance.torch.packing import PackedTexts
    >>> texts = PackedTexts(["cat/1.jpg", "", "chat/é.jpg"])
    >>> texts[2], len(texts)
    ('chat/é.jpg', 3)
    """

    def __init__(self, texts: Iterable[str]) -> None:
        encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
        self._bytes = b"".join(encoded)
        self._bounds = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([*map(len, encoded)], out=self._bounds[1:])

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            return [self[each] for each in range(len(self))[place]]
        place = range(len(self))[place]
        text = self._bytes[self._bounds[place] : self._bounds[place + 1]]
        return text.decode("utf-8", "surrogateescape")

    def __iter__(self) -> Iterator[str]:
        content, begin = self._bytes, 0
        for end in self._bounds[1:].tolist():
            yield content[begin:end].decode("utf-8", "surrogateescape")
            begin = end

    def __len__(self) -> int:
        return len(self._bounds) - 1


@dataclass(frozen=True, eq=False)
class PackedRows:
    """The rows [N] of a manifest: a sample is a file, or what a recipe makes of it.

    names: of the files, each once. file, partner: positions in ``names``; the partner is
    ``NOWHERE`` where a row has none, and the weight 0 where it is no blend. labels: those to train
    as, in part another class's where the manifest says so; those of the files are ``base``. kind:
    positions in ``KINDS``. cluster, distance: NaN where there is none. operation: "" where there is
    none.
    """

    names: PackedTexts
    file: NDArray[np.int32]
    partner: NDArray[np.int32]
    weight: NDArray[np.float64]
    labels: SoftLabels
    kind: NDArray[np.int8]
    cluster: NDArray[np.float64]
    distance: NDArray[np.float64]
    base: NDArray[np.int32]
    operation: PackedTexts

    @classmethod
    def of(cls, manifest: Manifest) -> "PackedRows":
        """Pack the rows of a manifest. Raises DataError as ``shares_of``."""
        rows = manifest.rows
        number = {name: label for label, name in enumerate(manifest.classes)}
        kinds = {kind: position for position, kind in enumerate(KINDS)}
        place: dict[str, int] = {}
        file = [place.setdefault(row.file_name, len(place)) for row in rows]
        partner = [
            NOWHERE if row.partner is None else place.setdefault(row.partner, len(place))
            for row in rows
        ]
        labels = [number[row.trained_as] for row in rows]
        return cls(
            PackedTexts(place),
            np.array(file, np.int32),
            np.array(partner, np.int32),
            np.array([row.weight or 0.0 for row in rows], np.float64),
            SoftLabels.read(labels, shares_of(manifest, rows, number)),
            np.array([kinds[row.kind] for row in rows], np.int8),
            np.array([row.cluster for row in rows], np.float64),  # None becomes NaN
            np.array([row.distance for row in rows], np.float64),
            np.array([number[row.label] for row in rows], np.int32),
            PackedTexts(row.operation or "" for row in rows),
        )

    def __len__(self) -> int:
        return len(self.file)

    def of_kind(self, *kinds: str) -> NDArray[np.bool_]:
        """Which rows [N] are of these kinds."""
        return np.isin(self.kind, [KINDS.index(kind) for kind in kinds])

    @property
    def made(self) -> NDArray[np.bool_]:
        """Which rows [N] are no image as it is, but made of one or two."""
        return self.of_kind(*MADE)

    @property
    def repeated(self) -> NDArray[np.bool_]:
        """Which rows [N] show an image again, as it is, that an earlier row has shown."""
        plain = np.flatnonzero(~self.made)
        _, first = np.unique(self.file[plain], return_index=True)
        found = ~self.made
        found[plain[first]] = False
        return found

    def recipe(self, index: int) -> Row:
        """Make the row at ``index`` again, as far as it tells an image."""
        partner, weight = int(self.partner[index]), float(self.weight[index])
        operation = self.operation[index] or None
        return Row(
            self.names[int(self.file[index])],
            "",
            KINDS[self.kind[index]],
            None if partner == NOWHERE else self.names[partner],
            None if partner == NOWHERE or operation is not None else weight,
            operation=operation,
        )

    def rows(self, classes: Sequence[str]) -> Iterator[Row]:
        """Make the rows again that were packed."""
        columns = (self.base, self.labels.own, self.labels.share, self.cluster, self.distance)
        told = zip(*(column.tolist() for column in columns), strict=True)
        for index, (base, own, share, cluster, distance) in enumerate(told):
            yield replace(
                self.recipe(index),
                label=classes[base],
                cluster=None if cluster != cluster else int(cluster),
                distance=None if distance != distance else distance,
                share=share or None,
                made_as=None if own == base else classes[own],
            )
