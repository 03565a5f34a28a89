"""What the page of a manifest says in numbers, as columns with types."""

from collections.abc import Mapping, Sequence
from typing import Any

from rebalance.frames import TypedColumn
from rebalance.manifest import Manifest
from rebalance.reports.manifests.layout import sheets_of
from rebalance.reports.manifests.members import ClassHistory


def tables_of(
    manifest: Manifest, histories: Sequence[ClassHistory], before: Mapping[str, int]
) -> dict[str, list[TypedColumn]]:
    """Return the tables of the classes and of their clusters.

    before: how many images each class had at first, where the record says so.
    """
    return {
        "classes": _of_classes(manifest, histories, before),
        "clusters": _of_clusters(manifest, histories),
    }


def _of_classes(
    manifest: Manifest, histories: Sequence[ClassHistory], before: Mapping[str, int]
) -> list[TypedColumn]:
    names = tuple(each.name for each in histories)
    blended = [sum(row.kind == "synthetic" for row in each.added) for each in histories]
    repeated = [len(each.added) - some for each, some in zip(histories, blended, strict=True)]
    return [
        TypedColumn("label", names, names),
        TypedColumn("before", int, list(map(before.get, names)), optional=True),
        TypedColumn("after", int, list(manifest.counts.values())),
        TypedColumn("kept", int, [each.kept for each in histories]),
        TypedColumn("dropped", int, [each.dropped for each in histories]),
        TypedColumn("repeated", int, repeated),
        TypedColumn("blended", int, blended),
        TypedColumn("layer", str, _recorded(histories, "layer", str)),
        TypedColumn("clusters", int, _recorded(histories, "k", int), optional=True),
        TypedColumn("silhouette", float, [each.silhouette for each in histories]),
        TypedColumn("stability", float, _recorded(histories, "stability", float)),
    ]


def _recorded(histories: Sequence[ClassHistory], key: str, kind: type) -> list[Any]:
    """Return what was recorded of each clustering; a record may be anybody's."""
    found = (each.clustering.get(key) for each in histories)
    return [value if isinstance(value, kind) else None for value in found]


def _of_clusters(manifest: Manifest, histories: Sequence[ClassHistory]) -> list[TypedColumn]:
    lines = [
        (each.name, sheet.cluster, sheet.size, sheet.kept)
        for each in histories
        for sheet in sheets_of(each, 0)
        if set(each.clusters) != {None}
    ]
    return [
        TypedColumn("label", manifest.classes, [name for name, _, _, _ in lines]),
        TypedColumn("cluster", int, [cluster for _, cluster, _, _ in lines], optional=True),
        TypedColumn("images", int, [size for _, _, size, _ in lines]),
        TypedColumn("kept", int, [kept for _, _, _, kept in lines]),
    ]
