"""The story that compares extractors on images: features of each, and then the same judges for all.

Imports torch only where features are computed; never click.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from rebalance.appraisal.agreement import NEIGHBOURS
from rebalance.comparison.gathering import Described, gather
from rebalance.comparison.images import ComparedImages, check_classes, drawn, groups_for
from rebalance.comparison.judging import judge
from rebalance.comparison.naming import learned_from, short_names
from rebalance.comparison.results import Judged, compared
from rebalance.comparison.words import answer
from rebalance.data.folder import ImageFolder
from rebalance.data.source import open_source
from rebalance.errors import SettingError, listed
from rebalance.progress import Progress
from rebalance.records import ComparisonRecord
from rebalance.records.comparison import FORMAT
from rebalance.settings import ComparisonOptions, ExtractorOptions, FolderOptions, RunOptions
from rebalance.studies.intervals import LEVEL


def compare_extractors(
    data: Path | str,
    names: Sequence[str],
    *,
    asked: ComparisonOptions,
    view: ExtractorOptions,
    source: FolderOptions,
    run: RunOptions,
    progress: Progress,
) -> ComparisonRecord:
    """Compare extractors, by their names, on the images of DATA.

    One that cannot be used is told in the record, and loses no other. Raises its error where none
    can be used, and DataError for images of which no two classes can be told apart.
    """
    wanted = list(dict.fromkeys([names] if isinstance(names, str) else names))
    if not wanted:
        raise SettingError("a comparison needs an extractor or more: name them after DATA")
    opened = open_source(data, source)
    groups = groups_for(opened.folder, asked)
    check_classes(opened.folder, groups)
    folder = drawn(opened.folder, asked.images, run.seed)
    found = gather(opened.folder, folder, wanted, asked.layer, view, run, progress, opened.scale)
    images = ComparedImages.of(found, groups, asked, run.seed)
    named = progress(found.tables, total=len(found.tables), what="judging", unit="extractors")
    judged = {
        name: Judged(
            found.tables[name],
            found.layers[name],
            found.options[name],
            judge(images.features(name), images.judges),
        )
        for name in named
    }
    listed = compared(judged, images.judges.folds, run.seed)
    return {
        "format": FORMAT,
        "root": str(folder.root),
        "images": images.counts,
        "groups": None if groups is None else len(set(images.judges.kin.tolist())),
        "folds": images.judges.folds,
        "repeats": asked.repeats,
        "seed": run.seed,
        "level": LEVEL,
        "neighbours": NEIGHBOURS,
        "extractors": listed,
        "failed": [{"name": name, "why": str(error)} for name, error in found.failed.items()],
        "answer": list(answer(listed)),
        "notes": [
            *_of_runs(found, Path(data)),
            *_of_images(opened.folder, folder, found),
            *images.notes,
        ],
    }


def _of_runs(found: Described, data: Path) -> Iterator[str]:
    """Say which runs learned from the images that they are compared on."""
    here = {data.resolve(), found.folder.root.resolve()}
    seen = [name for name in found.tables if learned_from(name) in here]
    if seen:
        told = listed(short_names(seen).values())
        yield f"Trained on these very images, and so better on them than on others: {told}."


def _of_images(every: ImageFolder, taken: ImageFolder, found: Described) -> Iterator[str]:
    """Say how many images extractors were not compared on."""
    if len(taken.paths) < len(every.paths):
        yield (
            f"{len(taken.paths):,} of {len(every.paths):,} images were drawn to compare on, of all "
            "classes alike as far as they have so many: --images takes more."
        )
    if missing := len(taken.paths) - len(found.folder.paths):
        are = "image is" if missing == 1 else "images are"
        yield f"{missing:,} {are} left out, of which not every extractor has features."
