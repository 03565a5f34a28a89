"""An inspection as columns with types: its classes, and its findings image by image."""

from rebalance.data.counts import SHOT_GROUPS
from rebalance.frames import TypedColumn
from rebalance.inspection.findings import KINDS
from rebalance.inspection.result import Inspection


def class_columns(found: Inspection) -> list[TypedColumn]:
    """List the columns of a table of the classes: their files, readable ones, share and group."""
    names = tuple(found.counts)
    return [
        TypedColumn("label", names, names),
        TypedColumn("images", int, list(found.counts.values())),
        TypedColumn("readable", int, list(found.readable.values())),
        TypedColumn("share", float, list(found.shares.values())),
        TypedColumn("group", SHOT_GROUPS, list(found.groups.values())),
    ]


def finding_columns(found: Inspection) -> list[TypedColumn]:
    """List the columns of a table with a line for each image of each finding.

    ``finding`` numbers the findings, so that images of one can be told to belong together; ``side``
    says whether the image is in DATA or in the folder compared against.
    """
    every = [(kind, finding) for kind, some in found.findings.items() for finding in some]
    lines = [
        (kind, number, place, finding.detail)
        for number, (kind, finding) in enumerate(every)
        for place in finding.images
    ]
    labels = [place.label for _, _, place, _ in lines]
    return [
        TypedColumn("kind", tuple(KINDS), [kind for kind, _, _, _ in lines]),
        TypedColumn("finding", int, [number for _, number, _, _ in lines]),
        TypedColumn("file_name", str, [place.file_name for _, _, place, _ in lines]),
        TypedColumn("label", tuple(dict.fromkeys((*found.counts, *labels))), labels),
        TypedColumn(
            "side",
            ("data", "against"),
            ["against" if place.against else "data" for _, _, place, _ in lines],
        ),
        TypedColumn("detail", str, [detail for _, _, _, detail in lines]),
    ]
