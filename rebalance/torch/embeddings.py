"""The samples of a manifest as feature vectors, blended as its recipes say.

Imports torch, and numpy where features are read.
"""

import logging
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from rebalance.data.folder import ImageFolder
from rebalance.errors import DataError, FeatureFileError, some
from rebalance.features.files import read_feature_file
from rebalance.features.given import matched_rows
from rebalance.features.table import FeatureTable
from rebalance.features.vectors import preferred
from rebalance.manifest import Manifest
from rebalance.numerics.half_precision import to_single
from rebalance.numerics.standardisation import FeatureMatrix
from rebalance.oversampling import Added, synthesise
from rebalance.torch.opening import opened_manifest
from rebalance.torch.packing import PackedRows
from rebalance.torch.targets import soft_target, warn_of_shares

log = logging.getLogger("rebalance")


class EmbeddingDataset(Dataset[Any]):
    """The samples of a manifest as feature vectors: an item is (vector float32 [D], target).

    Blends are made of the vectors of their two images, as ``train --rebalance-head`` makes them.

    manifest: as it is read, or its path. table: what ``extract`` returned for the same folder, or
    the path of a file of features as ``--features`` takes it, with ``names`` beside one that names
    no images. layer: of the table; None is the one that a head sees. soft_targets, with_index: as
    of ``ManifestDataset``, and so are ``classes``, ``class_to_idx`` and ``targets``.

    Raises ManifestError, FeatureFileError for a file or a layer of it, and DataError where an image
    of the manifest has no features.
    """

    def __init__(
        self,
        manifest: Manifest | Path | str,
        table: FeatureTable | Path | str,
        layer: str | None = None,
        *,
        names: Path | str | None = None,
        soft_targets: bool = False,
        with_index: bool = False,
    ) -> None:
        read = opened_manifest(manifest)
        self._rows = rows = PackedRows.of(read)
        if varied := int(rows.of_kind("augmented").sum()):
            raise DataError(
                f"features were needed, and {varied} samples are augmented images, of which there "
                "are none: give the manifest to ManifestDataset"
            )
        if rows.made.any() and read.record.get("space") != "embedding":
            log.warning("the manifest blends images; here its recipes blend embeddings instead")
        if not soft_targets:
            warn_of_shares(rows.labels)
        self.classes = list(read.classes)
        self.class_to_idx = {label: number for number, label in enumerate(read.classes)}
        self.soft_targets, self.with_index = soft_targets, with_index
        images = ImageFolder(read.root, read.classes, tuple(rows.names), (0,) * len(rows.names))
        found = (
            _of_table(images, table, layer)
            if isinstance(table, FeatureTable)
            else _of_file(images, Path(table), None if names is None else Path(names), layer)
        )
        # A tensor, which workers share, in the precision that it is kept in.
        self._vectors = torch.from_numpy(found.read(slice(None), slice(None)))

    def __len__(self) -> int:
        """Return the number of samples, repeated and blended ones too."""
        return len(self._rows)

    def __getitem__(self, index: int) -> Any:
        """Return the item at ``index``, which may count from the end."""
        index = range(len(self))[index]
        vector = torch.from_numpy(self._made(slice(index, index + 1))[0])
        labels = self._rows.labels
        target: Any = int(labels.own[index])
        if self.soft_targets:
            target = soft_target(labels, index, len(self.classes))
        return (vector, target, index) if self.with_index else (vector, target)

    @cached_property
    def features(self) -> Tensor:
        """The vectors of all samples, float32 [N, D], for whoever trains on them as a whole."""
        return torch.from_numpy(self._made(slice(None)))

    @cached_property
    def targets(self) -> list[int]:
        """The class index of each sample."""
        found: list[int] = self._rows.labels.own.tolist()
        return found

    def __getstate__(self) -> dict[str, Any]:
        # What can be made again is not sent to a worker.
        return {
            name: value for name, value in vars(self).items() if name not in ("features", "targets")
        }

    def __repr__(self) -> str:
        """Return how many samples there are, and how long their vectors."""
        return (
            f"EmbeddingDataset({len(self)} samples, {int(self._rows.made.sum())} of them "
            f"blended; {self._vectors.shape[1]} features, {len(self.classes)} classes)"
        )

    def _made(self, samples: slice) -> NDArray[np.float32]:
        rows = self._rows
        base, partner = rows.file[samples], rows.partner[samples]
        partner = np.where(partner < 0, base, partner)
        used, place = np.unique(np.concatenate([base, partner]), return_inverse=True)
        seen = to_single(self._vectors[torch.from_numpy(used)].numpy())
        own, other = np.split(place, 2)
        found: NDArray[np.float32] = synthesise(seen, Added(own, other, rows.weight[samples]))
        return found


def _of_table(images: ImageFolder, table: FeatureTable, layer: str | None) -> FeatureMatrix:
    """Return the features of images by their paths, in their order."""
    chosen = _chosen(layer, table.layers, "the table")
    row = {path: place for place, path in enumerate(table.folder.paths)}
    _check_all(images, [path for path in images.paths if path not in row], "the table")
    return table.layers[chosen].take(np.array([row[path] for path in images.paths], np.intp))


def _of_file(
    images: ImageFolder, path: Path, names: Path | None, layer: str | None
) -> FeatureMatrix:
    """Return the features that a file has of images, by the names that it has for them."""
    file = read_feature_file(path, names)
    matrix = file.layers[_chosen(layer, file.layers, repr(str(path)))]
    matched = matched_rows(images, file, [matrix])
    _check_all(images, [images.paths[place] for place in matched.missing], repr(str(path)))
    return matrix.take(matched.rows)


def _chosen(layer: str | None, layers: Collection[str], name: str) -> str:
    if layer is None:
        return preferred(layers)
    if layer not in layers:
        raise FeatureFileError(
            f"{name} has no layer {layer!r} (it has {', '.join(layers)}): name one of them, or none"
        )
    return layer


def _check_all(images: ImageFolder, missing: Sequence[str], name: str) -> None:
    if missing:
        raise DataError(
            f"every image of the manifest needs features, but {len(missing)} of "
            f"{len(images.paths)} have none in {name} ({some(missing)}): compute them too, or make "
            "the manifest by these features"
        )
