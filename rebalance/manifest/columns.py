"""The tables of a manifest as columns with types. May not import numpy, pandas or torch."""

from dataclasses import fields
from typing import Any

from rebalance.frames import TypedColumn, chosen_table
from rebalance.manifest.rows import KINDS, TABLES, Dropped, Manifest, Place, Row

RARE = ("made_as", "operation")  # columns that are there where a row has something in them
FLOATS = ("weight", "distance", "share", "x", "y")


def columns_of(manifest: Manifest, table: str = "rows") -> list[TypedColumn]:
    """List the columns of a table of the manifest: ``rows``, ``dropped`` or ``map``.

    They have the names and the order that they have on disk, and ``share`` is always there. Labels
    are one of the classes, in class order. Raises SettingError for another table.
    """
    contents = (Row, manifest.rows), (Dropped, manifest.dropped), (Place, manifest.places)
    kind, rows = chosen_table(dict(zip(TABLES, contents, strict=True)), table)
    values = {each.name: [getattr(row, each.name) for row in rows] for each in fields(kind)}
    return [
        _column(name, manifest.classes, column)
        for name, column in values.items()
        if name not in RARE or any(column)
    ]


def _column(name: str, classes: tuple[str, ...], values: list[Any]) -> TypedColumn:
    kinds: dict[str, type | tuple[str, ...]] = {
        # Whoever makes rows by hand may forget a class.
        "label": tuple(dict.fromkeys((*classes, *filter(None, values)))),
        "made_as": tuple(dict.fromkeys((*classes, *filter(None, values)))),
        "kind": KINDS,
        "cluster": int,
        **dict.fromkeys(FLOATS, float),
    }
    return TypedColumn(name, kinds.get(name, str), values, optional=True)
