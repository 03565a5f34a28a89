"""The features that a file has of images, as vectors that stand in for them: none is opened.

Where several processes work together, each reads the file by itself. Imports numpy and nothing
heavier.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rebalance.data.folder import ImageFolder
from rebalance.data.looks import Looked
from rebalance.errors import FeatureFileError
from rebalance.features.given import given_table, opened_file
from rebalance.settings import ExtractorOptions

if TYPE_CHECKING:
    from rebalance.features.table import FeatureTable

# What a head sees of a file with several layers: the first of these that it has.
PREFERRED = ("embedding", "pool", "linear", "body")


def preferred_layer(file: ExtractorOptions) -> str:
    """Return what a head sees of a file of features where nobody says which layer."""
    return preferred(opened_file(file).layers.widths)


def preferred(layers: Collection[str]) -> str:
    """Return what a head sees of these layers, where there are several."""
    return next((layer for layer in PREFERRED if layer in layers), next(iter(layers)))


@dataclass(frozen=True)
class FileVectors:
    """The vectors that a file has, at a layer, for the images of ``folder``, each of them.

    file: options that name it.
    """

    folder: ImageFolder
    file: ExtractorOptions
    layer: str

    @cached_property
    def _table(self) -> "FeatureTable":
        return _table_of(self.folder, self.file, self.layer, strict=True)

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {path: row for row, path in enumerate(self.folder.paths)}

    def of(self, paths: Sequence[str]) -> NDArray[np.float32]:
        """Return the vectors [n, D] of the images at these paths."""
        places = np.array([self._rows[path] for path in paths], dtype=np.intp)
        values = self._table.layers[self.layer].take(places).read(slice(None), slice(None))
        return values.astype(np.float32, copy=False)

    def __getstate__(self) -> dict[str, Any]:
        # Another process is told of no table, and reads it by itself.
        return {each.name: getattr(self, each.name) for each in fields(self)}


@dataclass(frozen=True)
class FileLook:
    """Looks up in a file what there is to know of the images of a folder.

    file: options that name it. layer, columns: what the head sees. strict: whether each image must
    be in it.
    """

    file: ExtractorOptions
    layer: str
    columns: int
    strict: bool

    def __call__(self, folder: ImageFolder) -> Looked:
        """Return the images that the file has.

        Raises FeatureFileError for what the head cannot see, otherwise as ``given_table``.
        """
        widths, name = opened_file(self.file).layers.widths, repr(str(self.file.features))
        if self.layer not in widths:
            raise FeatureFileError(
                f"the head sees the layer {self.layer}, and {name} has {', '.join(widths)}: give "
                f"features of that layer, as extract --layer {self.layer} writes them"
            )
        if widths[self.layer] != self.columns:
            raise FeatureFileError(
                f"the head sees {self.columns} features of an image, and {name} has "
                f"{widths[self.layer]}: give those of the network that the others are of"
            )
        table = _table_of(folder, self.file, self.layer, strict=self.strict)
        vectors = FileVectors(table.folder, self.file, self.layer)
        vectors.__dict__["_table"] = table  # which is at hand
        return Looked(table.folder, table.digests, vectors=vectors)


def _table_of(
    folder: ImageFolder, file: ExtractorOptions, layer: str, *, strict: bool
) -> "FeatureTable":
    return given_table(folder, [layer], file, device="cpu", strict=strict)
