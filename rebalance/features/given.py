"""Features that somebody else computed, read from a file of theirs, as a table of images.

No image is opened. Imports numpy and nothing heavier.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, overload
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rebalance.data.folder import ImageFolder, Unreadable
from rebalance.errors import DataError, UnreadableImage, shown, some
from rebalance.features.extraction import choose_layers
from rebalance.features.matching import Matched, match
from rebalance.features.table import FeatureTable
from rebalance.models.fingerprints import fingerprint
from rebalance.numerics.contents import row_digests
from rebalance.numerics.half_precision import to_single
from rebalance.numerics.products import slices
from rebalance.numerics.standardisation import FeatureMatrix, Floats, block_length
from rebalance.records import ExtractorRecord
from rebalance.settings import ExtractorOptions

if TYPE_CHECKING:
    from rebalance.features.files import FeatureFile

FILE = "file"  # the kind of extractor that features from a file have
POOLED = "pool"  # the layer that is looked at where nobody says which

log = logging.getLogger("rebalance")


@dataclass(frozen=True)
class FileOrigin:
    """A file of features, as where a table comes from: see ``table.Origin``."""

    about: ExtractorRecord
    fingerprint: str
    device: str
    precision: str


class _Opened(NamedTuple):
    """A file of features, and what the system said of it and of its names when it was opened."""

    file: "FeatureFile"
    states: Sequence[tuple[int, ...]]


_OPENED: "WeakKeyDictionary[ExtractorOptions, _Opened]" = WeakKeyDictionary()


def opened_file(options: ExtractorOptions) -> "FeatureFile":
    """Open the file of features that the options name, once for as long as they are in use.

    A command asks for its features several times, and what is text or packed takes minutes to read.
    A file that was written anew is opened anew. Raises FeatureFileError.
    """
    from rebalance.features.files import read_feature_file

    assert options.features is not None
    path, names = Path(options.features), None if options.names is None else Path(options.names)
    states = [_state(each) for each in (path, names) if each is not None]
    known = _OPENED.get(options)
    if known is None or known.states != states:
        known = _OPENED[options] = _Opened(read_feature_file(path, names), states)
    return known.file


def _state(path: Path) -> tuple[int, ...]:
    from rebalance.features.files.steady import state_of

    try:
        return state_of(path.stat())
    except OSError:
        return ()  # to open it says what is wrong


def given_table(
    folder: ImageFolder,
    layers: Sequence[str],
    options: ExtractorOptions,
    *,
    device: str,
    strict: bool,
) -> FeatureTable:
    """Return the features of ``layers`` that a file has for the images of ``folder``.

    Images without a row are left out, and are the table's ``unreadable``; rows without an image are
    passed over. device: where neighbours are to be searched. Raises FeatureFileError for the file;
    DataError as ``match``, for images with several rows that differ and for a class without a row;
    UnreadableImage for an image without one where ``strict`` allows none; ExtractorError for a
    layer that the file lacks.
    """
    start = time.perf_counter()
    file = opened_file(options)
    stored = layers_of(file)
    names = choose_layers(layers, tuple(stored), repr(str(file.path)))
    looked_at = {name: file.layers[stored[name]] for name in names or [POOLED]}
    matched = matched_rows(folder, file, looked_at.values())
    left_out = told_left_out(folder, file, matched, strict=strict)
    _require_features(folder, matched, repr(str(file.path)))
    taken = {name: matrix.take(matched.rows) for name, matrix in looked_at.items()}
    readable = folder.take(matched.images.tolist())
    return FeatureTable(
        readable,
        {name: taken[name] for name in names},
        _origin(file, options, device, [*taken.values()]),
        left_out,
        computed=0,
        cached=len(readable.paths),
        seconds=time.perf_counter() - start,
        digests=RowDigests(lambda: file.layers[stored[POOLED]], matched.rows),
    )


def layers_of(file: "FeatureFile") -> dict[str, str]:
    """Return the layers that a file has, by the names under which it can be asked for them.

    Whatever asks for no other layer looks at the pooled one. A file without it has been extracted
    from a run, whose embedding stands for it, or has one layer only.
    """
    own = {name: name for name in file.layers}
    usual = next((name for name in (POOLED, "embedding") if name in own), next(iter(own)))
    return {**own, POOLED: usual}


class RowDigests(Sequence[bytes]):
    """The digest of each image's pooled features, computed once somebody asks for one.

    find: the matrix that they are in. rows: of the images, there.
    """

    def __init__(self, find: Callable[[], FeatureMatrix], rows: NDArray[np.intp]) -> None:
        self._find = find
        self._rows = rows

    @cached_property
    def _digests(self) -> list[bytes]:
        return row_digests(_Single(self._find().take(self._rows)))

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        return self._digests[place]

    def __len__(self) -> int:
        return len(self._rows)


@dataclass(frozen=True)
class _Single:
    """A matrix in single precision, so that files that differ in it have equal digests."""

    matrix: FeatureMatrix

    @property
    def shape(self) -> tuple[int, int]:
        return self.matrix.shape

    def read(self, rows: slice, columns: slice) -> Floats:
        return to_single(self.matrix.read(rows, columns))


def _origin(
    file: "FeatureFile", options: ExtractorOptions, device: str, matrices: Sequence[FeatureMatrix]
) -> FileOrigin:
    identity = fingerprint({"kind": FILE, "weights": file.digest})
    types = {matrix.read(slice(0, 1), slice(None)).dtype for matrix in matrices}
    precision = "fp16" if types == {np.dtype(np.float16)} else "fp32"
    about: ExtractorRecord = {
        "name": str(options.features),
        "kind": FILE,
        "weights": file.digest,
        "precision": precision,
        "device": device,
        "fingerprint": identity,
    }
    if options.names is not None:
        about["names"] = str(options.names)
    return FileOrigin(about, identity, device, precision)


def told_left_out(
    folder: ImageFolder, file: "FeatureFile", matched: Matched, *, strict: bool
) -> tuple[Unreadable, ...]:
    """Return the images without features, and say in a line what is left over on either side.

    Raises UnreadableImage where ``strict`` allows none.
    """
    table = repr(str(file.path))
    reason = f"no features in {table}"
    missing = tuple(folder.unreadable(place, reason) for place in matched.missing.tolist())
    others = ""
    if len(matched.unused):
        others = f"; others, such as {shown(file.names[int(matched.unused[0])])}, are ignored"
    count = len(file.names) - len(matched.unused)
    log.info("features: %d of %d rows of %s%s", count, len(file.names), table, others)
    if not missing:
        return ()
    told = f"{len(missing)} of {len(folder.paths)} images have no features in {table}"
    named = some([image.path for image in missing])
    if strict:
        raise UnreadableImage(f"{told}, and --strict allows none ({named}): compute them too")
    log.warning("%s and are left out: %s", told, named)
    return missing


def _require_features(folder: ImageFolder, matched: Matched, table: str) -> None:
    """Raise DataError for a class with images of which none has features."""
    have = folder.take(matched.images.tolist()).counts
    for name, had, has in zip(folder.classes, folder.counts, have, strict=True):
        if had and not has:
            raise DataError(
                f"none of the {had} images of class {name!r} has features in {table}: compute "
                "them, or leave the class out"
            )


def matched_rows(
    folder: ImageFolder, file: "FeatureFile", matrices: Iterable[FeatureMatrix]
) -> Matched:
    """Match the rows of a file to the images of a folder, as ``match`` does.

    Raises DataError also where an image has several rows, and they differ in one of ``matrices``.
    """
    matched = match(folder, file.names, file.path)
    for matrix in matrices:
        for part in slices(len(matched.repeats), block_length(matrix.shape[1])):
            rows, firsts = matched.repeats[part], matched.repeated[part]
            one = matrix.take(firsts).read(slice(None), slice(None))
            other = matrix.take(rows).read(slice(None), slice(None))
            differing = np.flatnonzero((one != other).any(axis=1))
            if len(differing):
                first, row = int(firsts[differing[0]]), int(rows[differing[0]])
                place = int(matched.images[np.flatnonzero(matched.rows == first)[0]])
                raise DataError(
                    f"{str(file.path)!r} has two rows of {shown(folder.paths[place])} that differ, "
                    f"the {first + 1:,}th ({shown(file.names[first])}) and the {row + 1:,}th "
                    f"({shown(file.names[row])}): leave one of them out"
                )
    return matched
