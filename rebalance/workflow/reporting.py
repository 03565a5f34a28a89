"""The story of a report: what a manifest or runs came to, as one page.

jinja2, matplotlib and whatever a page needs are imported when it is made.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rebalance.data.source import check_files, is_manifest
from rebalance.errors import DataError, OutputError, meant
from rebalance.manifest import Row, companions, read_manifest
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.reading import beside
from rebalance.settings import FolderOptions

if TYPE_CHECKING:
    from rebalance.reports import Report


def report(
    targets: Sequence[Path | str],
    output: Path | str | None,
    *,
    figures: Path | str | None,
    root: Path | str | None,
    workers: int | None,
    overwrite: bool,
    progress: Progress,
) -> "Report":
    """The page about one manifest, or about runs; written to ``output`` (.html) where it is given.

    figures: a folder for its figures as files. Page and figures appear together or not at all.
    """
    from rebalance.reports import check_page
    from rebalance.reports.writing import check_figures, write_report

    paths = list(map(Path, targets))
    check_targets(paths, root)
    if output is not None:
        output = check_page(output, overwrite=overwrite)
        _check_apart(output, paths)
    if figures is not None:
        figures = check_figures(Path(figures), overwrite=overwrite)
    if is_manifest(paths[0]):
        made = _of_manifest(paths[0], root, chosen_workers(workers), progress)
    else:
        from rebalance.reports.runs import run_report

        made = run_report(paths)
    write_report(made, output, figures)
    return made


def check_targets(paths: Sequence[Path], root: Path | str | None) -> None:
    """Raise DataError unless the paths are one manifest, or one folder or more."""
    needed = "one manifest (M.csv), or one run folder or more, was needed"
    manifests = [path for path in paths if is_manifest(path)]
    missing = [path for path in paths if not path.exists()]
    if not paths:
        raise DataError(f"{needed}, and nothing was given: name what the report is to be about")
    if missing:
        first = missing[0]
        raise DataError(
            f"{needed}; there is nothing at {str(first)!r}: check the name"
            f"{meant(first.name, beside(first))}"
        )
    if manifests and len(paths) > 1:
        raise DataError(
            f"{needed}; {str(manifests[0])!r} is a manifest among {len(paths)}: report on each "
            "manifest by itself"
        )
    files = [path for path in paths if path not in manifests and not path.is_dir()]
    if files:
        raise DataError(f"{needed}; {str(files[0])!r} is neither: name one of these")
    if root is not None and not manifests:
        raise DataError("--root is for manifests, and runs were given: leave it out")


def _of_manifest(path: Path, root: Path | str | None, workers: int, progress: Progress) -> "Report":
    from rebalance.reports.manifests import manifest_report

    manifest = read_manifest(path, root)
    # Images that were left out are opened as well: their names must be as plain as the others.
    left_out = tuple(Row(image.file_name, image.label) for image in manifest.dropped)
    options = FolderOptions(root=root, allow_empty=True)
    check_files(path, replace(manifest, rows=manifest.rows + left_out), options)
    return manifest_report(manifest, path, workers, progress)


def _check_apart(output: Path, paths: Sequence[Path]) -> None:
    """Raise OutputError where the page would replace a file that is read."""
    if is_manifest(paths[0]) and output.resolve() in {it.resolve() for it in companions(paths[0])}:
        raise OutputError(f"{str(output)!r} belongs to the manifest: choose another name")
