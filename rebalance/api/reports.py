"""The public call that makes a page to look at."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rebalance import workflow
from rebalance.api.keywords import takes
from rebalance.progress import Progress, silent
from rebalance.settings import FolderOptions, ReportOptions, RunOptions, calls

if TYPE_CHECKING:
    from rebalance.reports import Report


@takes(calls.REPORT)
def report(
    targets: Path | str | Sequence[Path | str],
    output: Path | str | None = None,
    *,
    beside: ReportOptions,
    source: FolderOptions,
    run: RunOptions,
    progress: Progress = silent,
) -> "Report":
    """Make one self-contained page about a manifest, or about one run or several.

    targets: the manifest (.csv), or the run folders. output: where to write the page (.html).
    Raises DataError, ManifestError and OutputError.
    """
    paths = [targets] if isinstance(targets, Path | str) else list(targets)
    return workflow.report(
        paths,
        output,
        figures=beside.figures,
        root=source.root,
        workers=run.workers,
        overwrite=run.overwrite,
        progress=progress,
    )
