"""The story of a report on a folder of advice: its page, made anew of its record.

May not import torch or click; jinja2 and matplotlib are imported when the page is made.
"""

from collections.abc import Sequence
from pathlib import Path

from rebalance.advice.page.story import advice_report
from rebalance.advice.reading import is_advice, read_advice
from rebalance.errors import DataError
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.reports import Report, check_page
from rebalance.reports.writing import check_figures, write_report


def report_advice(
    targets: Sequence[Path],
    output: Path | str | None,
    *,
    figures: Path | str | None,
    root: Path | str | None,
    workers: int | None,
    overwrite: bool,
    progress: Progress,
) -> Report:
    """Make the page about the one folder of advice, as ``workflow.report`` does of others.

    Raises DataError for several, and for advice that cannot be read.
    """
    folder = _only(targets, root)
    page = None if output is None else check_page(output, overwrite=overwrite)
    place = None if figures is None else check_figures(Path(figures), overwrite=overwrite)
    made = advice_report(read_advice(folder), workers=chosen_workers(workers), progress=progress)
    write_report(made, page, place)
    return made


def _only(targets: Sequence[Path], root: Path | str | None) -> Path:
    if len(targets) > 1:
        advice = next(path for path in targets if is_advice(path))
        raise DataError(
            f"{str(advice)!r} holds advice and is one of {len(targets)}: report on it by itself"
        )
    if root is not None:
        raise DataError("--root is for manifests, and advice was given: leave it out")
    return targets[0]
