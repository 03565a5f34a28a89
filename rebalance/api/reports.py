"""The public call that makes a page to look at."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rebalance import workflow
from rebalance.progress import Progress, silent
from rebalance.settings import FolderOptions, RunOptions

if TYPE_CHECKING:
    from rebalance.reports import Report


def report(
    targets: Path | str | Sequence[Path | str],
    output: Path | str | None = None,
    *,
    figures: Path | str | None = None,
    root: Path | str | None = FolderOptions.root,
    workers: int | None = RunOptions.workers,
    overwrite: bool = RunOptions.overwrite,
    progress: Progress = silent,
) -> "Report":
    """One self-contained page about a manifest, or about one run or several.

    targets: the manifest (.csv), or the run folders. output: where to write the page (.html).
    figures: a folder for its figures, as SVG and PNG, and its photographs, as JPEG; made if need
    be. root: for a manifest, the folder that its file names are relative to; None is what it says.

    Raises DataError, ManifestError and OutputError.
    """
    paths = [targets] if isinstance(targets, Path | str) else list(targets)
    return workflow.report(
        paths,
        output,
        figures=figures,
        root=root,
        workers=workers,
        overwrite=overwrite,
        progress=progress,
    )
