"""Baselines: the findings of an earlier inspection, so that a later one reports only new ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rebalance.errors import DataError
from rebalance.inspection.findings import Finding
from rebalance.inspection.inspected import ImagePlace
from rebalance.reading import read_object

Known = Mapping[str, Mapping[ImagePlace, frozenset[ImagePlace]]]


def read_baseline(path: Path | str) -> Known:
    """Read an earlier inspection: by kind and image, all images that shared a finding with it.

    path: what ``rebalance inspect --json`` printed. Raises DataError for any other file, and for an
    inspection that itself left out what an earlier one had found.
    """
    path = Path(path)
    try:
        record = read_object(path)
        findings = {
            kind: [frozenset(map(_place, finding["images"])) for finding in some]
            for kind, some in record["findings"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
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
    """Keep the findings whose images were not all in one earlier finding of the same kind."""
    return {
        kind: tuple(each for each in some if not _is_known(each, known.get(kind, {})))
        for kind, some in findings.items()
    }


def _is_known(finding: Finding, known: Mapping[ImagePlace, frozenset[ImagePlace]]) -> bool:
    return frozenset(finding.images) <= known.get(finding.images[0], frozenset())


def _place(image: dict[str, Any]) -> ImagePlace:
    place = ImagePlace(image["file_name"], image["label"], image["side"] == "against")
    if not isinstance(place.file_name, str) or not isinstance(place.label, str):
        raise TypeError("names are texts")
    return place
