"""A manifest's record tells how many images classes had before anything cut or raised them.

May not import numpy, torch or click.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from rebalance.manifest.rows import Manifest

# A step that makes a data set of its own, rather than resampling one.
BEGINNINGS = ("longtail", "import")


def counts_at_first(manifest: Manifest) -> dict[str, int]:
    """Images of each class, in class order, of the data that a manifest was resampled from.

    They are what the first of its steps could read, by the records; a long tail or an imported
    table is a beginning itself. Where nothing tells, the originals and what was dropped are
    counted.

    >>> from pathlib import Path
    >>> from rebalance import Manifest, Row
    >>> from rebalance.manifest.beginning import counts_at_first
    >>> rows = Row("cat/1.jpg", "cat"), Row("cat/1.jpg", "cat", kind="duplicate")
    >>> counts_at_first(Manifest(Path("photos"), ("cat", "dog"), rows))
    {'cat': 1, 'dog': 0}
    """
    told: Mapping[str, int] | None = None
    step: Any = manifest.record
    while isinstance(step, Mapping) and step.get("command") not in BEGINNINGS:
        told = _readable(step, manifest.classes) or told
        step = step.get("source")
    if told is not None:
        return {name: told[name] for name in manifest.classes}
    found = Counter(row.label for row in manifest.rows if row.kind == "original")
    if manifest.record.get("command") not in BEGINNINGS:
        found.update(each.label for each in manifest.dropped)
    return {name: found[name] for name in manifest.classes}


def _readable(step: Mapping[str, Any], classes: tuple[str, ...]) -> Mapping[str, int] | None:
    """The counts that a step began with, where its record has them for these classes."""
    counts = step.get("counts")
    found = counts.get("readable") if isinstance(counts, Mapping) else None
    known = isinstance(found, Mapping) and all(type(found.get(name)) is int for name in classes)
    return found if known else None
