"""The formats of files of features, by the endings of their names, and how any of them is read.

Imports numpy and nothing heavier.
"""

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from rebalance.errors import FeatureFileError, listed
from rebalance.features.files.delimited import read_csv
from rebalance.features.files.feature_file import Content, FeatureFile, Layers
from rebalance.features.files.names import check_names, read_names
from rebalance.features.files.npy import read_npy
from rebalance.features.files.npz import read_npz
from rebalance.features.files.parquet import read_parquet
from rebalance.features.files.pickled import read_pt
from rebalance.features.files.steady import SteadyFile
from rebalance.features.files.tensors import read_safetensors

PART = 2**20  # bytes of a file that are digested at a time


class Format(NamedTuple):
    """How files of an ending are read; beginnings: the first bytes that each of them has."""

    read: Callable[[SteadyFile], Content]
    beginnings: tuple[bytes, ...] = ()


_PT = Format(read_pt, (b"PK", b"\x80"))
_TABLE = Format(read_csv)

FORMATS = {
    ".npz": Format(read_npz, (b"PK",)),
    ".npy": Format(read_npy, (b"\x93NUMPY",)),
    ".parquet": Format(read_parquet, (b"PAR1",)),
    ".csv": _TABLE,
    ".tsv": _TABLE,
    ".safetensors": Format(read_safetensors),
    ".pt": _PT,
    ".pth": _PT,
}


def read_feature_file(path: Path, names: Path | None = None) -> FeatureFile:
    """Open a file of features; ``names`` is a file with the name of each row, where it has none.

    Nothing in either is run. The matrices stay in the file where its format allows, and are read
    through when first asked for. Raises FeatureFileError.
    """
    if path.suffix.lower() not in FORMATS:
        raise FeatureFileError(
            f"{str(path)!r} needs an ending that says what it is: {listed(FORMATS)}"
        )
    file = SteadyFile(path)
    _check_beginning(file)
    content = FORMATS[path.suffix.lower()].read(file)
    digest = _digest(file)
    named = file
    if names is None and content.names is None:
        raise file.fault(
            "does not name the images that its rows are of", "pass a file of names, --names"
        )
    if names is not None:
        if content.names is not None:
            raise file.fault("names its images itself", "leave --names away")
        named = SteadyFile(names)
        digest = blake2b(f"{digest} {_digest(named)}".encode(), digest_size=16).hexdigest()
    found = read_names(named) if content.names is None else content.names
    check_names(named, found, [numbers.shape[0] for numbers in content.layers.values()])
    return FeatureFile(path, digest, found, Layers(file, found, content.layers))


def _check_beginning(file: SteadyFile) -> None:
    """Refuse a file that is of another format than its name says."""
    ending = file.path.suffix.lower()
    beginning = file.beginning(8)
    wanted = FORMATS[ending].beginnings
    if not wanted or beginning.startswith(wanted):
        return
    fitting = [each for each in FORMATS if beginning.startswith(FORMATS[each].beginnings or b"?")]
    if fitting:
        raise file.fault(f"begins as {' or '.join(fitting)} does, and as no {ending}", "rename it")
    raise file.fault(f"does not begin as a {ending} file does", "save it again, or rename it")


def _digest(file: SteadyFile) -> str:
    """Compute the digest of a file's content, in hexadecimal."""
    hasher = blake2b(digest_size=16)
    with file.opened() as content:
        while part := content.read(PART):
            hasher.update(part)
    return hasher.hexdigest()
