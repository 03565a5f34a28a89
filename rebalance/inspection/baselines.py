"""What an earlier inspection found, so that a later one tells only what is new."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rebalance.errors import DataError
from rebalance.inspection.findings import Finding
from rebalance.inspection.seen import Place

Known = Mapping[str, Mapping[Place, frozenset[Place]]]


def read_baseline(path: Path | str) -> Known:
    """By kind, for each image of an earlier finding, all images of it.

    path: what ``rebalance inspect --json`` printed. Raises DataError for any other file, and for an
    inspection that itself left out what an earlier one had found.
    """
    path = Path(path)
    try:
        record = json.loads(path.read_bytes() if path.is_file() else "")
        findings = {
            kind: [frozenset(map(_place, finding["images"])) for finding in some]
            for kind, some in record["findings"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise DataError(
            f"a baseline is what rebalance inspect --json printed, and {str(path)!r} is not: "
            "write it anew"
        ) from None
    if record.get("baseline") is not None:
        raise DataError(
            f"{str(path)!r} has only what was new since {record['baseline']!r}: take that one as "
            "the baseline, or inspect without --baseline"
        )
    return {
        kind: {place: images for images in some for place in images}
        for kind, some in findings.items()
    }


def without_known(
    findings: Mapping[str, Sequence[Finding]], known: Known
) -> dict[str, tuple[Finding, ...]]:
    """The findings of images that were not all in one finding of that kind before."""
    return {
        kind: tuple(each for each in some if not _is_known(each, known.get(kind, {})))
        for kind, some in findings.items()
    }


def _is_known(finding: Finding, known: Mapping[Place, frozenset[Place]]) -> bool:
    return frozenset(finding.images) <= known.get(finding.images[0], frozenset())


def _place(image: dict[str, Any]) -> Place:
    place = Place(image["file_name"], image["label"], image["side"] == "against")
    if not isinstance(place.file_name, str) or not isinstance(place.label, str):
        raise TypeError("names are texts")
    return place
