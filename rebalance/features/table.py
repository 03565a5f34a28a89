"""The feature table: the readable images of a folder, their features, and the file they go into.

Imports no torch.
"""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rebalance.atomic import replacing
from rebalance.data.folder import ImageFolder, Unreadable
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.numerics.standardisation import FeatureMatrix
from rebalance.records import ExtractorRecord

ROWS = 256  # written at a time


class Origin(Protocol):
    """Where features come from: a network, or a file that somebody else wrote.

    about: what the manifest's record says about it. fingerprint: of all that the features depend
    on. device: where a network looked at images, and neighbours are searched. precision: the
    numbers that the features were calculated or stored in.
    """

    @property
    def about(self) -> ExtractorRecord: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def device(self) -> str: ...
    @property
    def precision(self) -> str: ...


@dataclass(frozen=True)
class FeatureTable:
    """The readable images of a folder and their features.

    layers: by name, a matrix [N, D] aligned with ``folder.paths``. extractor: where they come from.
    unreadable: files that could not be read, or have no features where these are given. computed:
    how many images the network looked at; cached: how many files had their features in the cache,
    or in the file of them; the others are equal to one that was computed. seconds: for all of it.
    passing: the seconds of these in which images were read and passed through the network.
    digests: of the files of ``folder``, in its order; of their features where these are given.
    scale: by which images with more than 8 bits a sample were seen.
    """

    folder: ImageFolder
    layers: Mapping[str, FeatureMatrix]
    extractor: Origin
    unreadable: tuple[Unreadable, ...]
    computed: int
    cached: int
    seconds: float
    digests: Sequence[bytes]
    scale: DepthScale = EACH_ALONE
    passing: float = 0.0

    def members(self, label: int) -> NDArray[np.intp]:
        """Return the positions of the images of a class."""
        return np.flatnonzero(self._labels == label)

    @cached_property
    def _labels(self) -> NDArray[np.intp]:
        return np.asarray(self.folder.labels, np.intp)

    def as_record(self) -> dict[str, Any]:
        """Return as JSON types the shape of each layer, and where the features came from."""
        return {
            "images": len(self.folder.paths),
            "layers": {name: features.shape[1] for name, features in self.layers.items()},
            "computed": self.computed,
            "cached": self.cached,
            "unreadable": [asdict(image) for image in self.unreadable],
            "extractor": self.extractor.about,
        }


def save_table(path: Path, table: FeatureTable) -> None:
    """Write a feature table as .npz: file_name, label, classes, an array per layer, about.

    Layers are written in the precision they are in: float16, or float32 where they come from a file
    with values that half precision cannot hold. The arrays are streamed, so that a layer larger
    than memory can be written; equal tables give equal bytes.
    """
    folder = table.folder
    about = json.dumps(table.extractor.about, ensure_ascii=False)
    columns = {
        "file_name": np.array(folder.paths, dtype=np.str_),
        "label": np.array(folder.labels, dtype=np.int64),
        "classes": np.array(folder.classes, dtype=np.str_),
        "about": np.array(about),
    }
    with replacing(path) as (partial_path,), zipfile.ZipFile(partial_path, "w") as archive:
        for name, values in columns.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w") as file:
                np.lib.format.write_array(file, values, allow_pickle=False)
        for name, features in table.layers.items():
            with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
                _write_rows(file, features)


def _write_rows(file: Any, features: FeatureMatrix) -> None:
    dtype = features.read(slice(0, 1), slice(None)).dtype.newbyteorder("<")
    header = {"descr": dtype.str, "fortran_order": False, "shape": features.shape}
    np.lib.format.write_array_header_1_0(file, header)
    for start in range(0, features.shape[0], ROWS):
        values = features.read(slice(start, start + ROWS), slice(None))
        file.write(values.astype(dtype, copy=False).tobytes())
