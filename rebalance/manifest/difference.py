"""Two manifests are compared sample by sample. Imports neither numpy nor torch."""

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalance.frames import TypedColumn, chosen_table, pandas_frame
from rebalance.manifest import Manifest, Row, read_manifest
from rebalance.manifest.columns import columns_of
from rebalance.manifest.rows import OPTIONAL_COLUMNS

if TYPE_CHECKING:
    import pandas

log = logging.getLogger("rebalance")


@dataclass(frozen=True)
class Change:
    """Samples of one class: in both manifests, only in the first, only in the second."""

    kept: int
    dropped: int
    added: int


@dataclass(frozen=True)
class Difference:
    """A difference tells what became of the samples of one manifest in another.

    A sample is its file, label and kind and, if made, its recipe; one that is repeated counts as
    often as it is there. The cluster it was found in, and how far from its centre, are no part.

    before, after: the classes of each, in order. changes: of each class of either, by name.
    dropped, added: the samples themselves, in the order of the manifest they are in.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    changes: dict[str, Change]
    dropped: tuple[Row, ...]
    added: tuple[Row, ...]

    @property
    def changed(self) -> bool:
        """Tell whether training on one is other than on the other.

        The order of classes counts too.
        """
        return bool(self.dropped or self.added) or self.before != self.after

    def as_record(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "changed": self.changed,
            "classes": {"before": list(self.before), "after": list(self.after)},
            "changes": {name: vars(change) for name, change in self.changes.items()},
            "dropped": list(map(_as_record, self.dropped)),
            "added": list(map(_as_record, self.added)),
        }

    def to_pandas(self, table: str = "classes") -> "pandas.DataFrame":
        """Make a DataFrame of what became of the classes, or of the ``samples`` that changed.

        The latter are those dropped, then those added, as in ``Manifest.to_pandas``, with a column
        ``change`` in front. Classes are in the order of the first manifest, then of the second.
        Raises OutputError where pandas is not installed, SettingError for another table.
        """
        return pandas_frame(
            chosen_table({"classes": self._classes, "samples": self._samples}, table)()
        )

    def _classes(self) -> list[TypedColumn]:
        names = tuple(self.changes)
        changes = self.changes.values()
        return [
            TypedColumn("label", names, names),
            *(
                TypedColumn(kind, int, [getattr(change, kind) for change in changes])
                for kind in ("kept", "dropped", "added")
            ),
        ]

    def _samples(self) -> list[TypedColumn]:
        change = ["dropped"] * len(self.dropped) + ["added"] * len(self.added)
        rows = Manifest(Path(), tuple(self.changes), self.dropped + self.added)
        return [TypedColumn("change", ("dropped", "added"), change), *columns_of(rows)]


def diff(before: Path | str, after: Path | str) -> Difference:
    """Read two manifests and ``compare`` them; their images need not be there.

    Raises ManifestError for one that cannot be read. Manifests of different folders are compared
    by the names of their files, and that is said in the log.
    """
    first, second = read_manifest(before), read_manifest(after)
    if first.root != second.root:
        log.warning(
            "the manifests are of different folders, %r and %r: equal names count as equal images",
            str(first.root),
            str(second.root),
        )
    return compare(first, second)


def compare(before: Manifest, after: Manifest) -> Difference:
    """Return what became of the samples of ``before`` in ``after``."""
    old, new = Counter(_keys(before)), Counter(_keys(after))
    dropped = _surplus(before, old - new)
    added = _surplus(after, new - old)
    lost, gained = (Counter(row.trained_as for row in rows) for rows in (dropped, added))
    had = before.counts
    changes = {
        name: Change(had.get(name, 0) - lost[name], lost[name], gained[name])
        for name in dict.fromkeys((*before.classes, *after.classes))
    }
    return Difference(before.classes, after.classes, changes, dropped, added)


def _keys(manifest: Manifest) -> list[tuple[Any, ...]]:
    """Return what each row trains on; a recipe means something else in another space."""
    space = manifest.record.get("space", "pixel")
    return [
        (
            row.file_name,
            row.label,
            row.kind,
            row.partner,
            row.weight,
            *(getattr(row, name) for name in OPTIONAL_COLUMNS),
            space if row.kind == "synthetic" else None,
        )
        for row in manifest.rows
    ]


def _surplus(manifest: Manifest, surplus: Counter[tuple[Any, ...]]) -> tuple[Row, ...]:
    """The rows that ``surplus`` counts; of repeated ones the last."""
    left = surplus.copy()
    rows = []
    for row, key in zip(reversed(manifest.rows), reversed(_keys(manifest)), strict=True):
        if left[key] > 0:
            left[key] -= 1
            rows.append(row)
    return tuple(reversed(rows))


def _as_record(row: Row) -> dict[str, Any]:
    names: Sequence[str] = ("file_name", "label", "kind", "partner", "weight")
    further = (name for name in OPTIONAL_COLUMNS if getattr(row, name) is not None)
    return {name: getattr(row, name) for name in (*names, *further)}
