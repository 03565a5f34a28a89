"""The public call that says what to do."""

from pathlib import Path
from typing import Any

from rebalance.api.keywords import takes
from rebalance.progress import Progress, silent
from rebalance.records import AdviceRecord
from rebalance.settings import calls


@takes(calls.ADVISE)
def advise(
    data: Path | str, output: Path | str, *, progress: Progress = silent, **options: Any
) -> AdviceRecord:
    """Say what to do about the imbalance of these images, and how sure that is.

    data: an image folder, or a manifest. output: the folder to write the advice into; cells that
    are finished there are not run again, and with ``overwrite`` they go. Returns the record, as
    ``advice.json`` has it. Cells run side by side in processes of their own: a script that calls
    this needs the guard ``if __name__ == "__main__"``, as multiprocessing does.

    Raises DataError, ManifestError, ExtractorError, OutputError, SettingError, TrainingError where
    a cell cannot be run, and UnreadableImage under ``strict``.
    """
    from rebalance.advice import story

    return story.advise(data, output, progress=progress, **options)
