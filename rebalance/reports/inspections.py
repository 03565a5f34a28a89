"""The page of an inspection: what a folder holds, and the images that something is wrong with."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from rebalance.data.thumbnails import Tiles, as_jpegs, read_tiles
from rebalance.inspection import KINDS, Finding, Gates, ImagePlace, Inspection, Span, gate_outcomes
from rebalance.progress import Progress, silent
from rebalance.reports.inspection_verdict import inspection_verdict
from rebalance.reports.page import Picture, Report, Table, data_address, render

SIDE = 112  # pixels of a picture
BYTES = 5_500_000  # of all pictures together; as text they take a third more
GROUPS = 40  # of each kind that are shown
TOGETHER = 8  # images of one group that are shown
PICTURES = 1200  # on a page, all kinds together
FILES = 200  # unreadable ones that are named


@dataclass(frozen=True)
class Group:
    """The images of one finding, as far as they are shown, and how many more it has."""

    pictures: Sequence[Picture]
    detail: str
    more: int


@dataclass(frozen=True)
class Section:
    """One kind of finding; ``more`` is how many of its ``count`` are not shown."""

    name: str
    meaning: str
    count: int
    groups: Sequence[Group]
    more: int


def inspection_report(
    found: Inspection,
    gates: Gates = Gates(),  # noqa: B008, it is frozen
    *,
    command: str = "",
    workers: int = 0,
    progress: Progress = silent,
) -> Report:
    """Make the page of ``found``: counts, sizes, gates, and the first images of each kind.

    gates: the limits whose outcomes are shown. command: the shell command that makes the page
    again. workers: threads that read images. At most ``GROUPS`` findings of a kind are shown and
    ``TOGETHER`` images of each; the page says how many more there are, and stays below 10 MB.
    Raises SettingError as ``inspection.check_kinds``.
    """
    shown = {kind: shown_of(found, kind) for kind in found.findings if kind != "unreadable"}
    lacking = {kind: _lacking(found, kind) for kind in found.findings}
    pictures = _pictures(found, shown, workers, progress)
    text = render(
        "inspection.html",
        title=f"Inspection of {found.root.name or found.root}",
        verdict=list(inspection_verdict(found, gates)),
        facts=_facts(found),
        counts=_counts(found),
        gates=_gates(found, gates),
        baseline=None if found.baseline is None else str(found.baseline),
        known=sum(found.known.values()),
        unreadable=_unreadable(found),
        sections=[_section(found, kind, shown[kind], pictures) for kind in shown if shown[kind]],
        nothing=[kind for kind in lacking if not lacking[kind] and not found.findings[kind]],
        unsought=[(kind, options) for kind, options in lacking.items() if options],
        command=command,
    )
    return Report(text, {})


def shown_of(found: Inspection, kind: str) -> list[Finding]:
    """Return the findings of a kind that the page has room for: the first ones, at least one."""
    room = PICTURES // max(1, sum(bool(some) for some in found.findings.values()))
    chosen: list[Finding] = []
    for finding in found.findings[kind][:GROUPS]:
        room -= min(len(finding.images), TOGETHER)
        if chosen and room < 0:
            break
        chosen.append(finding)
    return chosen


def _lacking(found: Inspection, kind: str) -> str:
    """Return the options without which such findings were not looked for."""
    lacking = {
        "--against": KINDS[kind].needs_against and found.against is None,
        "--similar": KINDS[kind].needs_features and found.similar is None,
    }
    return " and ".join(option for option, lacks in lacking.items() if lacks)


def _facts(found: Inspection) -> list[tuple[str, str | int]]:
    groups = Counter(found.groups.values())
    facts: list[tuple[str, str | int]] = [
        ("many / medium / few", f"{groups['many']} / {groups['medium']} / {groups['few']}"),
        ("unreadable", len(found.unreadable)),
    ]
    for what, span in (("width", found.widths), ("height", found.heights)):
        if span is not None:
            facts.append((what, _span(span)))
    if found.modes:
        facts.append(("modes", ", ".join(f"{mode} {n}" for mode, n in found.modes.items())))
    if found.against is not None:
        facts.append(("compared with", str(found.against)))
    if found.similar is not None:
        facts.append(("similar from", f"cosine {found.similar:g}"))
    return facts


def _span(span: Span) -> str:
    if span.least == span.most:
        return f"{span.least} px"
    return f"{span.least} to {span.most} px, median {span.median}"


def _counts(found: Inspection) -> Table:
    largest = max(1, *found.counts.values()) if found.counts else 1
    return Table(
        "Images of each class. Many is more than 100 readable images, few is fewer than 20.",
        ["class", "images", "unreadable", "share", "group"],
        [
            [name, count, count - found.readable[name], f"{found.shares[name]:.1%}", group]
            for (name, count), group in zip(
                found.counts.items(), found.groups.values(), strict=True
            )
        ],
        [count / largest for count in found.counts.values()],
        "images",
    )


def _gates(found: Inspection, gates: Gates) -> Table | None:
    rows = [
        [gate.name, gate.allows, "passed" if gate.passed else "failed", gate.reason]
        for gate in gate_outcomes(found, gates)
    ]
    return (
        Table("What was not allowed.", ["gate", "allows", "outcome", "why"], rows) if rows else None
    )


def _unreadable(found: Inspection) -> Table | None:
    """List the unreadable files, whatever the baseline knows, as no other number has them."""
    some = found.unreadable
    if not some:
        return None
    more = f"; the first {FILES} of {len(some)}" if len(some) > FILES else ""
    rows = [[image.path, image.label, image.reason] for image in some[:FILES]]
    return Table(f"Files that cannot be decoded{more}.", ["file", "class", "why"], rows)


def _section(
    found: Inspection, kind: str, shown: Sequence[Finding], pictures: Mapping[str, Picture]
) -> Section:
    groups = [
        Group(
            [
                pictures[_key(kind, number, place)]
                for place in range(min(len(each.images), TOGETHER))
            ],
            each.detail,
            max(0, len(each.images) - TOGETHER),
        )
        for number, each in enumerate(shown)
    ]
    count = len(found.findings[kind])
    return Section(kind, _sentence(KINDS[kind].meaning), count, groups, count - len(shown))


def _pictures(
    found: Inspection,
    shown: Mapping[str, Sequence[Finding]],
    workers: int,
    progress: Progress,
) -> dict[str, Picture]:
    """Make a picture for every image of ``shown`` that a group has room for."""
    places = dict(_places(shown))
    tiles = {
        place: tile
        for against, root in ((False, found.root), (True, found.against))
        for place, tile in _tiles(root, against, places.values(), workers, progress)
    }
    files = as_jpegs({key: Image.fromarray(tiles[place]) for key, place in places.items()}, BYTES)
    return {
        key: Picture(
            data_address(files[key], "image/jpeg"),
            f"of class {place.label}",  # the caption names it
            SIDE,
            SIDE,
            place.file_name + (" (against)" if place.against else ""),
            [place.file_name],
            data={"label": place.label, "side": "against" if place.against else "data"},
        )
        for key, place in places.items()
    }


def _places(shown: Mapping[str, Sequence[Finding]]) -> Iterator[tuple[str, ImagePlace]]:
    for kind, findings in shown.items():
        for number, finding in enumerate(findings):
            for at, place in enumerate(finding.images[:TOGETHER]):
                yield _key(kind, number, at), place


def _tiles(
    root: Path | None,
    against: bool,
    places: Iterable[ImagePlace],
    workers: int,
    progress: Progress,
) -> Iterator[tuple[ImagePlace, Tiles]]:
    own = list(dict.fromkeys(place for place in places if place.against == against))
    if root is None or not own:
        return iter(())
    names = [place.file_name for place in own]
    return zip(own, read_tiles(root, names, SIDE, workers, progress), strict=True)


def _key(kind: str, number: int, at: int) -> str:
    """Return the name of the picture at a place in the finding of that number."""
    return f"{kind} {number} {at}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
