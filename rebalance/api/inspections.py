"""The public call that says what is wrong with images."""

from pathlib import Path
from typing import Any

from rebalance import workflow
from rebalance.api.keywords import takes
from rebalance.inspection import Gates, Inspection
from rebalance.progress import Progress, silent
from rebalance.settings import InspectOptions, calls


@takes(calls.INSPECT)
def inspect(
    data: Path | str, *, asked: InspectOptions, progress: Progress = silent, **options: Any
) -> Inspection:
    """Count the images of every class, look at each of them, and say what is wrong.

    data: an image folder, or a manifest. similar: the features are read from the cache, never
    computed. fail_above, fail_on: gates, whose outcome a page tells;
    ``rebalance.inspection.check_gates`` turns it into an error.

    Raises DataError if a folder or the baseline is not as it must be, ExtractorError where features
    are missing, SettingError, OutputError, and UnreadableImage under ``strict``.
    """
    return workflow.inspect(
        data,
        against=asked.against,
        baseline=asked.baseline,
        similar=asked.similar,
        html=asked.html,
        gates=Gates(asked.fail_above, asked.fail_on),
        progress=progress,
        **options,
    )
