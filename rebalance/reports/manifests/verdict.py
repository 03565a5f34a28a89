"""What the page of a manifest opens with. Every number is one of the manifest or of its record.

Imports nothing heavier than its neighbours.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rebalance.manifest import Manifest
from rebalance.reports.manifests.members import ClassHistory
from rebalance.reports.page import number
from rebalance.reports.verdicts import VerdictLine, counted, on_classes

ADDED = {
    "duplicate": "repeated",
    "synthetic": "blended",
    "augmented": "augmented",
    "generated": "generated",
}


def manifest_verdict(
    manifest: Manifest,
    histories: Sequence[ClassHistory],
    places: Mapping[str, str],
    suspects: Sequence[Mapping[str, Any]],
) -> list[VerdictLine]:
    """List what the manifest does, what it rests on, and what to look at.

    places: the id of the section of each class that has one. suspects: what looks out of place, as
    far as the manifest lists it, each with whether it is ``kept``.
    """
    return [
        *_sizes(manifest, histories),
        *_groups(histories, places),
        *_cover(histories, places),
        *_suspects(manifest, suspects),
        *_unasked(manifest, histories, places),
    ]


def _sizes(manifest: Manifest, histories: Sequence[ClassHistory]) -> Iterator[VerdictLine]:
    """Tell the imbalance before and after, and what was left out and added."""
    total = sum(len(each.members) for each in histories)
    cut = [each for each in histories if each.dropped]
    grown = [each for each in histories if each.added]
    if not cut and not grown:
        yield VerdictLine(_unchanged(manifest, total), "samples")
        return
    ratio = _mapping(manifest.record.get("imbalance_ratio"))
    if all(isinstance(ratio.get(side), int | float) for side in ("before", "after")):
        yield VerdictLine(
            "Imbalance ratio, the largest class to the smallest: "
            f"{ratio['before']:.2f} → {ratio['after']:.2f}",
            "samples",
        )
    if cut:
        dropped = sum(each.dropped for each in cut)
        text = f"{number(dropped)} of {counted(total, 'image')} {_are(dropped)} left out"
        yield VerdictLine(f"{text}, in {_of(len(cut), len(histories))}", "samples")
    if grown:
        kinds = Counter(row.kind for each in grown for row in each.added)
        parts = ", ".join(
            f"{number(kinds[kind])} {word}" for kind, word in ADDED.items() if kinds[kind]
        )
        added = sum(kinds.values())
        text = (
            f"{counted(added, 'sample')} {_are(added)} added, in {_of(len(grown), len(histories))}"
        )
        yield VerdictLine(f"{text} ({parts})", "samples")


def _unchanged(manifest: Manifest, total: int) -> str:
    """Say that nothing was left out or added, or that nobody knows."""
    known = _mapping(manifest.record.get("counts"))
    before = known.get("readable", known.get("before"))
    if isinstance(before, Mapping) and sum(before.values()) == total == len(manifest.rows):
        return f"This manifest changes nothing: it lists {counted(total, 'image')}, each once"
    samples, classes = counted(len(manifest.rows), "sample"), len(manifest.classes)
    what = f"{samples} of {counted(classes, 'class', 'classes')}"
    return f"It lists {what}; nothing tells what they were chosen from"


def _groups(histories: Sequence[ClassHistory], places: Mapping[str, str]) -> Iterator[VerdictLine]:
    """Tell in how many classes the groups are real, of those that were clustered into some."""
    judged = [
        each
        for each in histories
        if isinstance(each.clustering.get("above_chance"), bool) and each.clustering.get("k", 1) > 1
    ]
    by_chance = [each.name for each in judged if not each.clustering["above_chance"]]
    where = _of(len(by_chance), len(judged))
    if by_chance:
        text = f"In {where} the groups are no better than chance"
        yield on_classes(text, by_chance, len(judged), places)
    elif judged:
        text = f"In {_of(len(judged), len(judged))} the groups are better than chance"
        yield VerdictLine(text, places.get(judged[0].name, ""))


def _cover(histories: Sequence[ClassHistory], places: Mapping[str, str]) -> Iterator[VerdictLine]:
    """Tell whether what is kept lies closer to the rest than random picks do."""
    told = ((each.name, each.cover.get("mean_closer")) for each in histories)
    # Rounded as they are printed, so that what reads 1.00 is not called closer or farther.
    times = {name: round(value, 2) for name, value in told if isinstance(value, int | float)}
    if not times:
        return
    shown = {name: f"{places[name]}-cover" for name in times if name in places}
    sides = (
        ("farther from", [name for name in times if times[name] < 1]),
        ("closer to", [name for name in times if times[name] > 1]),
    )
    for side, names in sides:
        if not names:
            continue
        values = [times[name] for name in names]
        least, most = f"{min(values):.2f}", f"{max(values):.2f}"
        span = least if least == most else f"{least} to {most}"
        yield on_classes(
            f"The images kept lie {side} the rest than random picks in "
            f"{_of(len(names), len(times))}, {span} times as close",
            names,
            len(times),
            shown,
        )


def _suspects(manifest: Manifest, suspects: Sequence[Mapping[str, Any]]) -> Iterator[VerdictLine]:
    """Tell how many of the images that look out of place are trained on."""
    if suspects:
        kept = sum(bool(each["kept"]) for each in suspects)
        looks = "image that looks" if len(suspects) == 1 else "images that look"
        text = f"{number(kept)} of {number(len(suspects))} {looks} out of place {_are(kept)} kept"
        yield VerdictLine(text, "suspects")
    elif manifest.record.get("suspects") == []:
        yield VerdictLine("No image looks out of place in its class")


def _unasked(
    manifest: Manifest, histories: Sequence[ClassHistory], places: Mapping[str, str]
) -> Iterator[VerdictLine]:
    """Tell what could not be done: files that nobody can read, and what classes have notes on."""
    unread = len(manifest.record.get("unreadable") or [])
    if unread:
        yield VerdictLine(f"{counted(unread, 'file')} could not be read", "unreadable")
    noted = [
        each.name for each in histories if each.clustering.get("note") or each.growth.get("note")
    ]
    if noted:
        where = _of(len(noted), len(histories))
        yield on_classes(f"Not all went as asked in {where}", noted, len(histories), places)


def _of(count: int, total: int) -> str:
    return f"{number(count)} of {counted(total, 'class', 'classes')}"


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
