"""The public calls that compare treatments."""

from pathlib import Path
from typing import TYPE_CHECKING

from rebalance.api.gathering import gather
from rebalance.progress import Progress, silent
from rebalance.settings import RunOptions

if TYPE_CHECKING:
    from rebalance.studies.results import Results
    from rebalance.studies.story import Forecast


def study(
    study: Path | str,
    output: Path | str,
    *,
    data: Path | str | None = None,
    test: Path | str | None = None,
    device: str = RunOptions.device,
    workers: int | None = RunOptions.workers,
    cache_dir: Path | str | None = RunOptions.cache_dir,
    strict: bool = RunOptions.strict,
    overwrite: bool = RunOptions.overwrite,
    progress: Progress = silent,
) -> "Results":
    """Run the study that a TOML file declares, and write its cells and results into a folder.

    Cells that are finished there are not run again. data, test: in place of those that the file
    names. workers: cells that are run side by side on a CPU, in processes of their own; a script
    that calls this needs the guard ``if __name__ == "__main__"``, as multiprocessing does. The
    other options are those of ``RunOptions``; with ``overwrite`` the cells that are there go.

    Raises SettingError for a file that declares no study, or cells of another one; DataError,
    ExtractorError, LossError, OutputError; TrainingError, naming the cell, where one cannot be
    run; and UnreadableImage under ``strict``.
    """
    from rebalance.studies import story

    run = gather(RunOptions, locals())
    return story.study(study, output, data=data, test=test, run=run, progress=progress)


def plan_study(
    study: Path | str,
    output: Path | str,
    *,
    data: Path | str | None = None,
    test: Path | str | None = None,
    device: str = RunOptions.device,
    workers: int | None = RunOptions.workers,
) -> "Forecast":
    """The treatments and cells of a study, and about how long it will take; runs none of it."""
    from rebalance.studies import story

    run = gather(RunOptions, locals())
    return story.plan_study(study, output, data=data, test=test, run=run)
