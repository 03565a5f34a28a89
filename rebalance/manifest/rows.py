"""A manifest holds rows to train on, rows left out, places on a map, and the record."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalance.records import ManifestRecord

if TYPE_CHECKING:
    import pandas

KINDS = ("original", "duplicate", "synthetic", "augmented", "generated")
MADE = ("synthetic", "augmented")  # the image of such a row is in no file: its recipe tells it
DIGITS = 6  # of distances and silhouettes


@dataclass(frozen=True)
class Row:
    """One sample to train on, an image file or a recipe that makes one of it.

    file_name: relative to the dataset root, POSIX; of generated images it may lead out of it, to
    the folder that the record says they are in. label: class name. kind: one of ``KINDS``.
    partner, weight: the recipe of a synthetic sample, ``(1 - weight) * file_name + weight *
    partner``; no other has a weight. operation: the recipe of an augmented sample, as
    ``data.operations`` reads it, which may look at a partner too; no other has one.
    share: how much of a made sample's label is that of the partner's class; None is nothing.
    made_as: the class that a synthetic sample is trained as, where it is not that of its base.
    cluster, distance: the subclass the sample was found in, and how far it lies from its centre.

    >>> from rebalance import Row
    >>> Row("cat/1.jpg", "cat", kind="synthetic", partner="cat/2.jpg", weight=0.25).weight
    0.25
    """

    file_name: str
    label: str
    kind: str = "original"
    partner: str | None = None
    weight: float | None = None
    cluster: int | None = None
    distance: float | None = None
    share: float | None = None
    made_as: str | None = None
    operation: str | None = None

    @property
    def trained_as(self) -> str:
        """The class that the sample is trained as: that of its base, unless told otherwise."""
        return self.label if self.made_as is None else self.made_as

    @property
    def is_made(self) -> bool:
        """Tell whether its image is made by a recipe, and in no file."""
        return self.kind in MADE


@dataclass(frozen=True)
class Dropped:
    """One image left out, and why."""

    file_name: str
    label: str
    cluster: int | None
    distance: float | None
    reason: str


@dataclass(frozen=True)
class Place:
    """A place says where an image lies on the map that its class was clustered on."""

    file_name: str
    label: str
    x: float
    y: float


# Columns that are there where a row has something in them.
OPTIONAL_COLUMNS = ("share", "made_as", "operation")
COLUMNS = tuple(column.name for column in fields(Row) if column.name not in OPTIONAL_COLUMNS)
DROPPED_COLUMNS = tuple(column.name for column in fields(Dropped))
MAP_COLUMNS = tuple(column.name for column in fields(Place))


@dataclass(frozen=True)
class Manifest:
    """Rows to train on, rows left out, and the record of how they came about (``M.json``).

    root: the folder that file names are relative to. classes: in label order. places: of the
    images, kept or dropped, of each class that was clustered.

    >>> from pathlib import Path
    >>> from rebalance import Manifest, Row
    >>> rows = Row("cat/1.jpg", "cat"), Row("cat/1.jpg", "cat", kind="duplicate")
    >>> Manifest(Path("photos"), ("cat", "dog"), rows).counts
    {'cat': 2, 'dog': 0}
    """

    root: Path
    classes: tuple[str, ...]
    rows: tuple[Row, ...]
    dropped: tuple[Dropped, ...] = ()
    record: ManifestRecord = field(default_factory=ManifestRecord)
    places: tuple[Place, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """Samples per class, in class order; a class without samples counts 0."""
        found = Counter(row.trained_as for row in self.rows)
        return {name: found[name] for name in self.classes}

    @property
    def generated_way(self) -> str | None:
        """How the folder of generated images is reached from the root; None where none is told.

        Their names begin with it, and may so lead out of the root.
        """
        told: Any = self.record.get("generated")
        way = told.get("root") if isinstance(told, Mapping) else None
        return way if isinstance(way, str) else None

    @property
    def generated_folder(self) -> Path | None:
        """The folder of generated images; None where none is told."""
        way = self.generated_way
        return None if way is None else self.root / way

    def to_pandas(self, table: str = "rows") -> "pandas.DataFrame":
        """Make a DataFrame of the rows, of what was ``dropped``, or of the ``map``.

        It has the columns of the file, and ``share`` always: labels and kinds are categories,
        labels in class order, clusters Int64. Written by ``to_csv(index=False)`` it is a manifest
        again. Raises OutputError where pandas is not installed, SettingError for another table.
        """
        from rebalance.frames import pandas_frame
        from rebalance.manifest.columns import columns_of

        return pandas_frame(columns_of(self, table))


def companions(path: Path) -> tuple[Path, Path, Path, Path]:
    """``M.csv``, ``M.dropped.csv``, ``M.json`` and ``M.map.csv``."""
    dropped, record, places = map(path.with_suffix, (".dropped.csv", ".json", ".map.csv"))
    return path, dropped, record, places


def member_path(path: Path, number: int) -> Path:
    """``M.0.csv``, the manifest of the member ``number`` of an ensemble that is called ``M.csv``.

    >>> from pathlib import Path
    >>> from rebalance.manifest.rows import member_path, unit_of
    >>> member_path(Path("M.csv"), 2).name, unit_of(Path("M.2.csv")).name
    ('M.2.csv', 'M.csv')
    """
    return path.with_suffix(f".{number}{path.suffix}")


def unit_of(path: Path) -> Path:
    """The path that a manifest's files are moved under: ``M.csv`` for every one called so.

    A member of an ensemble, ``M.0.csv``, is moved with the others.
    """
    return path.with_name(re.sub(r"\.[0-9]+(?=\.[^.]*$)", "", path.name))


TABLES = ("rows", "dropped", "map")  # what a record calls them, in the order of ``companions``


def table_digest(content: bytes) -> str:
    """The digest of a table's file, by which its record knows it: BLAKE2b, 16 bytes, as hex."""
    return blake2b(content, digest_size=16).hexdigest()
