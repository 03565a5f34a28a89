"""The public calls that compare treatments."""

from pathlib import Path
from typing import TYPE_CHECKING

from rebalance.api.keywords import takes
from rebalance.progress import Progress, silent
from rebalance.settings import RunOptions, StudySets, calls

if TYPE_CHECKING:
    from rebalance.studies.results import Results
    from rebalance.studies.story import Forecast


@takes(calls.STUDY)
def study(
    study: Path | str,
    output: Path | str,
    *,
    sets: StudySets,
    run: RunOptions,
    progress: Progress = silent,
) -> "Results":
    """Run the study that a TOML file declares, and write its cells and results into a folder.

    Cells that are finished there are not run again; with ``overwrite`` the cells that are there go.
    Cells run side by side on a CPU in processes of their own: a script that calls this needs the
    guard ``if __name__ == "__main__"``, as multiprocessing does.

    Raises SettingError for a file that declares no study, or cells of another one; DataError,
    ExtractorError, LossError, OutputError; TrainingError, naming the cell, where one cannot be
    run; and UnreadableImage under ``strict``.
    """
    from rebalance.studies import story

    return story.study(study, output, data=sets.data, test=sets.test, run=run, progress=progress)


@takes(calls.PLAN_STUDY)
def plan_study(
    study: Path | str, output: Path | str, *, sets: StudySets, run: RunOptions
) -> "Forecast":
    """Tell the treatments and cells of a study, and about how long it takes; run none of it."""
    from rebalance.studies import story

    return story.plan_study(study, output, data=sets.data, test=sets.test, run=run)
