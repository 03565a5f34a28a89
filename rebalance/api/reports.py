"""The public call that makes a page to look at."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalance import workflow
from rebalance.advice.reading import is_advice
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
    """Make one self-contained page about a manifest, one run or several, or advice.

    targets: the manifest (.csv), the run folders, or the folder of the advice. output: where to
    write the page (.html). Raises DataError, ManifestError and OutputError.
    """
    paths = [targets] if isinstance(targets, Path | str) else list(targets)
    of_advice = any(is_advice(Path(path)) for path in paths)
    return (_report_advice if of_advice else workflow.report)(
        list(map(Path, paths)),
        output,
        figures=beside.figures,
        root=source.root,
        workers=run.workers,
        overwrite=run.overwrite,
        progress=progress,
    )


def _report_advice(*given: Any, **options: Any) -> "Report":
    from rebalance.advice.page.reporting import report_advice

    return report_advice(*given, **options)
