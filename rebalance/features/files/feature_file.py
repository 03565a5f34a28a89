"""What a file of features holds: names, and a matrix for each layer.

Imports numpy and nothing heavier.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rebalance.errors import FeatureFileError, shown
from rebalance.features.files.matrices import FileMatrix, RawMatrix, checked
from rebalance.features.files.steady import SteadyFile


@dataclass(frozen=True)
class Content:
    """What a format finds in a file, before it is checked.

    layers: the numbers [N, D] by the name of their layer. names: those of the N images; None where
    the file has none.
    """

    layers: Mapping[str, RawMatrix]
    names: Sequence[str] | None = None


class Layers(Mapping[str, FileMatrix]):
    """The feature matrices of a file, each read through when it is first asked for.

    Raises FeatureFileError then where a value is not finite, or none that float32 can hold.
    """

    def __init__(self, file: SteadyFile, names: Sequence[str], found: Mapping[str, RawMatrix]):
        self._file = file
        self._names = names
        self._found = found
        self._checked: dict[str, FileMatrix] = {}

    @property
    def widths(self) -> dict[str, int]:
        """The columns of each layer, for which none is read through."""
        return {layer: numbers.shape[1] for layer, numbers in self._found.items()}

    def __getitem__(self, layer: str) -> FileMatrix:
        if layer not in self._checked:
            self._checked[layer] = checked(self._found[layer], self._fault)
        return self._checked[layer]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def _fault(self, row: int, found: str) -> FeatureFileError:
        return self._file.fault(
            f"needs finite features, but those of {shown(self._names[row])} (row {row}, counted "
            f"from 0) have {found}",
            "compute them again, or leave this image out",
        )


@dataclass(frozen=True)
class FeatureFile:
    """A file of features, and which images they are of.

    digest: of the file, and of the file of names where there is one. names: of the images [N], as
    they stand in the file. layers: by name a matrix [N, D], ``pool`` where the file names none.
    """

    path: Path
    digest: str
    names: Sequence[str]
    layers: Layers
