"""Looks: what is to be known of the images before anything is trained on them.

May not import torch or click.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rebalance.errors import DataError, some
from rebalance.inspection import Inspection
from rebalance.inspection.findings import Finding
from rebalance.records import LookRecord

SHOWN = 6  # findings that a look shows the images of
CROWD, CROWD_SHARE = 20, 0.2  # a group of more images of its class than both is a style, no copies
FEW_GROUPS = 3  # groups of a class for each fold, below which a fold is judged by one or two

ALIKE = ("near-duplicates", "near-conflicts")
SAME_PLACE = ("leakage", "near-leakage")


def alike(found: Inspection) -> list[list[str]]:
    """List groups of images of DATA that look the same, and so may not be parted.

    Groups as large as a fifth of their class are left out, as images of one style rather than
    copies: who has many of those would be left with hardly anything to validate on.
    """
    counts = found.readable
    groups = [finding for kind in ALIKE for finding in found.findings[kind]]
    return [
        [place.file_name for place in group.images if not place.against]
        for group in groups
        if not _is_crowd(group, counts)
    ]


def _is_crowd(group: Finding, counts: Mapping[str, int]) -> bool:
    sizes = Counter(place.label for place in group.images)
    return any(size > max(CROWD, CROWD_SHARE * counts[label]) for label, size in sizes.items())


def looks(
    found: Inspection, groups_per_class: Mapping[str, int], folds: int, *, grouped: bool
) -> list[LookRecord]:
    """Say what an inspection found, in the order of what matters most.

    groups_per_class: the groups of each class, or its different images without any. grouped:
    whether groups were given. The sentences are left to ``words``.
    """
    return [
        _of_sizes(found),
        *_of_findings(found, "unreadable", "unreadable"),
        *_of_findings(found, "conflicts", "conflicts", warning=True),
        *_of_findings(found, "leakage", *SAME_PLACE, warning=True),
        *_of_findings(found, "look-alikes", "duplicates", *ALIKE),
        *_of_groups(found.readable, groups_per_class, grouped=grouped),
        *_of_few(groups_per_class, folds),
    ]


def check_classes(groups_per_class: Mapping[str, int], *, grouped: bool) -> None:
    """Raise DataError where a class cannot be both learned from and validated on."""
    single = [name for name, count in groups_per_class.items() if count < 2]
    if single:
        what = "group" if grouped else "image that differs from the others"
        raise DataError(
            f"advice learns from one part of each class and judges by another, but {len(single)} "
            f"of {len(groups_per_class)} classes have only one {what}: {some(single)}; add images, "
            "or leave the classes out"
        )


def _look(
    kind: str,
    classes: Mapping[str, int],
    images: Sequence[Sequence[str]] = (),
    *,
    warning: bool = False,
) -> LookRecord:
    return {
        "kind": kind,
        "warning": warning,
        "sentence": "",
        "classes": dict(classes),
        "images": [list(each) for each in images],
    }


def _of_sizes(found: Inspection) -> LookRecord:
    return _look("imbalance", found.readable)


def _of_findings(
    found: Inspection, kind: str, *names: str, warning: bool = False
) -> Iterator[LookRecord]:
    """Tell of findings by these names, if there are any."""
    findings = [each for name in names for each in found.findings.get(name, ())]
    if findings:
        yield _look(kind, _classes_of(findings), _shown(findings), warning=warning)


def _of_groups(
    counts: Mapping[str, int], groups_per_class: Mapping[str, int], *, grouped: bool
) -> Iterator[LookRecord]:
    """Tell how few groups the images of a class really are."""
    if grouped and any(groups_per_class[name] < counts[name] for name in groups_per_class):
        yield _look("groups", groups_per_class)


def _of_few(groups_per_class: Mapping[str, int], folds: int) -> Iterator[LookRecord]:
    few = {name: count for name, count in groups_per_class.items() if count < FEW_GROUPS * folds}
    if few:
        yield _look("few", few, warning=True)


def _classes_of(findings: Sequence[Finding]) -> dict[str, int]:
    """Count the images of each class among the findings."""
    places = {place for each in findings for place in each.images if not place.against}
    return dict(Counter(sorted(place.label for place in places)))


def _shown(findings: Sequence[Finding]) -> list[list[str]]:
    return [
        [place.file_name for place in each.images if not place.against] for each in findings[:SHOWN]
    ]
