"""The result of an inspection."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import inf, isfinite
from pathlib import Path
from statistics import median_low
from typing import TYPE_CHECKING, Any

from rebalance.data.counts import imbalance_ratio, shot_group
from rebalance.data.folder import Unreadable
from rebalance.data.unreadable import as_records
from rebalance.frames import chosen_table, pandas_frame
from rebalance.inspection.findings import Finding

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Span:
    """The smallest, the median (one of the values) and the largest of some lengths in pixels."""

    least: int
    median: int
    most: int

    @classmethod
    def of(cls, lengths: Sequence[int]) -> "Span | None":
        """Summarise ``lengths``; None where there are none."""
        return cls(min(lengths), median_low(lengths), max(lengths)) if lengths else None


@dataclass(frozen=True)
class Inspection:
    """An inspection tells what a folder of images holds, and what is wrong with it.

    counts: files per class. unreadable: the files that cannot be decoded. widths, heights: of the
    readable images, upright; None where there is none. modes: how many are stored in each of
    Pillow's modes, the most common first. findings: by the names of ``KINDS``, with a baseline only
    those that are new. known: how many the baseline took out of each. against, baseline: the folder
    compared with and the earlier inspection, if given. similar: the cosine from which on features
    are similar, None if they were not compared. ignored: files that are not read as images, by
    class and by extension.
    """

    root: Path
    counts: dict[str, int]
    unreadable: tuple[Unreadable, ...]
    widths: Span | None = None
    heights: Span | None = None
    modes: Mapping[str, int] = field(default_factory=dict)
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    known: Mapping[str, int] = field(default_factory=dict)
    against: Path | None = None
    baseline: Path | None = None
    similar: float | None = None
    ignored: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def readable(self) -> dict[str, int]:
        """Images per class that can be used."""
        lost = Counter(image.label for image in self.unreadable)
        return {name: count - lost[name] for name, count in self.counts.items()}

    @property
    def shares(self) -> dict[str, float]:
        """The share of each class among all files."""
        total = sum(self.counts.values())
        return {name: count / max(total, 1) for name, count in self.counts.items()}

    @property
    def groups(self) -> dict[str, str]:
        """The ``shot_group`` of each class, by its readable images."""
        return {name: shot_group(count) for name, count in self.readable.items()}

    @property
    def imbalance_ratio(self) -> float:
        """The imbalance ratio of the readable images; infinite where a class lost all its own."""
        if any(count and not self.readable[name] for name, count in self.counts.items()):
            return inf
        return imbalance_ratio(self.readable)

    def as_record(self) -> dict[str, Any]:
        """Return the result as JSON types; an infinite ratio, which JSON lacks, is None."""
        ratio = self.imbalance_ratio
        return {
            "root": str(self.root),
            "against": None if self.against is None else str(self.against),
            "baseline": None if self.baseline is None else str(self.baseline),
            "similar": self.similar,
            "classes": list(self.counts),
            "images": self.counts,
            "readable": self.readable,
            "share": self.shares,
            "group": self.groups,
            "imbalance_ratio": ratio if isfinite(ratio) else None,
            "width": None if self.widths is None else asdict(self.widths),
            "height": None if self.heights is None else asdict(self.heights),
            "modes": dict(self.modes),
            "unreadable": as_records(self.unreadable),
            "ignored": {name: dict(kinds) for name, kinds in self.ignored.items()},
            "findings": {
                kind: [each.as_record() for each in some] for kind, some in self.findings.items()
            },
            "known": dict(self.known),
        }

    def to_pandas(self, table: str = "classes") -> "pandas.DataFrame":
        """Make a DataFrame of the classes, or of the ``findings``: a line for each of their images.

        Raises OutputError where pandas is not installed, SettingError for another table.
        """
        from rebalance.inspection.tables import class_columns, finding_columns

        tables = {"classes": class_columns, "findings": finding_columns}
        return pandas_frame(chosen_table(tables, table)(self))
