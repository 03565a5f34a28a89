"""The tables of a manifest as columns with types. May not import numpy, pandas or torch."""

from dataclasses import fields
from typing import Any

from rebalance.frames import TypedColumn, chosen_table
from rebalance.manifest.rows import KINDS, TABLES, Dropped, Manifest, Place, Row

FLOATS = ("weight", "distance", "share", "x", "y")


def columns_of(manifest: Manifest, table: str = "rows") -> list[TypedColumn]:
    """List the columns of a table of the manifest: ``rows``, ``dropped`` or ``map``.

    They have the names and the order that they have on disk, and ``share`` is always there. Labels
    are one of the classes, in class order. Raises SettingError for another table.
    """
    contents = (Row, manifest.rows), (Dropped, manifest.dropped), (Place, manifest.places)
    kind, rows = chosen_table(dict(zip(TABLES, contents, strict=True)), table)
    return [
        _column(each.name, manifest.classes, [getattr(row, each.name) for row in rows])
        for each in fields(kind)
    ]


def _column(name: str, classes: tuple[str, ...], values: list[Any]) -> TypedColumn:
    kinds: dict[str, type | tuple[str, ...]] = {
        # Whoever makes rows by hand may forget a class.
        "label": tuple(dict.fromkeys((*classes, *values))),
        "kind": KINDS,
        "cluster": int,
        **dict.fromkeys(FLOATS, float),
    }
    return TypedColumn(name, kinds.get(name, str), values, optional=True)
