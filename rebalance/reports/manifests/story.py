"""The page about a manifest: what it keeps, leaves out and adds, and how that came about.

Imports numpy and Pillow; jinja2 and matplotlib are imported when the page is made.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rebalance.data.levels import DepthScale
from rebalance.figures.counts import draw_counts
from rebalance.manifest import Manifest
from rebalance.progress import Progress, silent
from rebalance.reports.figures import DrawnFiles, FigureFiles
from rebalance.reports.manifests.commands import command_of, needs_same_folder
from rebalance.reports.manifests.layout import scope_of
from rebalance.reports.manifests.members import class_histories
from rebalance.reports.manifests.photographs import read_photographs
from rebalance.reports.manifests.sections import Fact, section
from rebalance.reports.manifests.tables import tables_of
from rebalance.reports.manifests.verdict import manifest_verdict
from rebalance.reports.page import Report, Table, render
from rebalance.undersampling import UNDERSAMPLERS

UNREADABLE = 100  # files that are named


def manifest_report(
    manifest: Manifest, path: Path, workers: int = 0, progress: Progress = silent
) -> Report:
    """Make the page about the manifest read from ``path``; images are read from its root.

    Equal manifests of equal images give equal pages.
    """
    suspects = _suspects(manifest)
    histories = class_histories(manifest)
    known = [each for each in histories if each.members]
    scope = scope_of(known, [each["file_name"] for each in suspects])
    places = {each.name: f"class-{each.number}" for each in scope.stories}
    photographs = read_photographs(
        manifest.root,
        scope,
        workers,
        progress,
        DepthScale.from_record(manifest.record.get("scale")),
    )
    figures = FigureFiles(
        DrawnFiles({f"{key}.jpg": data for key, data in photographs.files.items()})
    )
    figures.add("counts", draw_counts(_before(manifest), manifest.counts), "")
    classes = list(zip(scope.stories, scope.points, strict=True))
    sections = [
        section(*each, scope, photographs, figures)
        for each in progress(classes, total=len(classes), what="drawing", unit="classes")
    ]
    record = manifest.record
    text = render(
        "manifest.html",
        title=f"{path.name}: {len(manifest.rows)} samples of {len(manifest.classes)} classes",
        name=path.name,
        verdict=manifest_verdict(manifest, histories, places, suspects),
        facts=_facts(manifest),
        counts=_counts(manifest, places),
        sections=sections,
        hidden=scope.hidden,
        all_named=scope.all_named,
        pixels=record.get("space") == "pixel",
        suspects=[
            photographs.picture(
                f"suspect-{number}",
                each["file_name"],
                _complaint(each),
                [each["file_name"]],
                label=str(each.get("label", "")),
            )
            for number, each in enumerate(suspects[: len(scope.suspects)], 1)
        ],
        more_suspects=len(suspects) - len(scope.suspects),
        unreadable=_unreadable(record),
        command=command_of(record, "again.csv"),
        same_folder=command_of(record) is not None and needs_same_folder(record),
    )
    return Report(text, figures.files, tables_of(manifest, histories, _before(manifest)))


def _before(manifest: Manifest) -> dict[str, int]:
    """Return the images of each class before anything was done, where the record says so."""
    before = _mapping(_mapping(manifest.record.get("counts")).get("before"))
    return {str(name): count for name, count in before.items() if isinstance(count, int)}


def _facts(manifest: Manifest) -> list[Fact]:
    """List how the manifest came about, as far as its record says."""
    record = manifest.record
    source, extractor = _mapping(record.get("source")), _mapping(record.get("extractor"))
    facts: list[Fact] = [("images in", str(manifest.root))]
    if isinstance(source.get("manifest"), str):
        facts.append(("listed by", source["manifest"]))
    if isinstance(record.get("command"), str):
        facts.append(("made by", record["command"]))
    options = _mapping(record.get("options"))
    cutter = options.get("method")
    # Both steps of a hybrid have options; the second is the one that says how large.
    if record.get("command") == "hybrid":
        cut = _mapping(source.get("options"))
        cutter = cut.get("method")
        method = f"{cutter}, then {options.get('method')}"
        options = {**cut, **options, "method": method}
    known = UNDERSAMPLERS.get(str(cutter))
    picks = known is not None and "pick" in known.options  # most of them do not
    for name in ("method", "pick", "quotas", "to") if picks else ("method", "to"):
        if options.get(name):
            facts.append((name, str(options[name])))
    if record.get("space"):
        facts.append(("blends in", f"{record['space']} space"))
    if extractor:
        kind = str(extractor.get("kind", ""))
        what = str(extractor.get("name" if kind == "file" else "arch", ""))
        # A network of a library says in its name whose it is.
        facts.append(("seen by", what if what.startswith(f"{kind}:") else f"{kind} {what}"))
    if isinstance(record.get("seed"), int):
        facts.append(("seed", str(record["seed"])))
    return facts


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _counts(manifest: Manifest, places: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return each class's samples before and after, and how long their bars are, 0 to 1.

    places: the id of the section of each class that has one.
    """
    before, after = _before(manifest), manifest.counts
    longest = max(*before.values(), *after.values(), 1)
    return [
        {
            "name": name,
            "place": places.get(name),
            "before": before.get(name),
            "after": count,
            "shares": [(before.get(name) or 0) / longest, count / longest],
        }
        for name, count in after.items()
    ]


def _suspects(manifest: Manifest) -> list[dict[str, Any]]:
    """List images that the record says look out of place, those that are trained on first."""
    told = manifest.record.get("suspects")
    named = [
        each
        for each in (told if isinstance(told, list) else [])
        if isinstance(each, Mapping) and isinstance(each.get("file_name"), str)
    ]
    kept = {row.file_name for row in manifest.rows}
    known = kept | {image.file_name for image in manifest.dropped}
    found = [{**each, "kept": each["file_name"] in kept} for each in named]
    # A name that the manifest does not hold is not looked for on disk.
    found = [each for each in found if each["file_name"] in known]
    return sorted(found, key=lambda each: not each["kept"])


def _complaint(suspect: Mapping[str, Any]) -> str:
    where = "picked" if suspect["kept"] else "dropped"
    return f"{suspect['file_name']} ({where}): {suspect.get('why')}"


def _unreadable(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """List the files that could not be read, the first of them by name."""
    files = record.get("unreadable") or []
    if not files:
        return None
    rows = [(it["file_name"], it["label"], it["reason"]) for it in files[:UNREADABLE]]
    table = Table("Files that could not be read, and why", ("file", "class", "reason"), rows)
    return {"table": table, "count": len(files), "more": max(0, len(files) - UNREADABLE)}
