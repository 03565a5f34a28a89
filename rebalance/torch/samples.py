"""The samples of a dataset as torchvision lists them, made one by one as they are looked at.

Imports numpy and nothing heavier.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from numpy.typing import NDArray

Sample = tuple[str, int]


class SampleList(Sequence[Sample]):
    """Path and target of each sample, as ImageFolder has them; equal to a list of the same pairs.

    root: what paths are made absolute by. names: of the files. file: for each sample the position
    of its name. targets: class index of each.
    """

    def __init__(
        self, root: Path, names: Sequence[str], file: NDArray[Any], targets: NDArray[Any]
    ) -> None:
        self._root, self._names, self._file, self._targets = str(root), names, file, targets

    @overload
    def __getitem__(self, place: int) -> Sample: ...
    @overload
    def __getitem__(self, place: slice) -> list[Sample]: ...
    def __getitem__(self, place: int | slice) -> Sample | list[Sample]:
        if isinstance(place, slice):
            return [self[each] for each in range(len(self))[place]]
        name = self._names[int(self._file[place])]
        return f"{self._root}/{name}", int(self._targets[place])

    def __add__(self, others: Sequence[Sample]) -> list[Sample]:
        return [*self, *others]

    def __radd__(self, others: Sequence[Sample]) -> list[Sample]:
        return [*others, *self]

    def __iter__(self) -> Iterator[Sample]:
        return map(self.__getitem__, range(len(self)))

    def __len__(self) -> int:
        return len(self._file)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list | SampleList):
            return NotImplemented
        return len(self) == len(other) and all(
            own == each for own, each in zip(self, other, strict=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"SampleList({self[:3]!r}{', ...' if len(self) > 3 else ''})"
