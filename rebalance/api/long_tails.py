"""The public call that makes a long-tailed subset."""

from pathlib import Path
from typing import Any

from rebalance import workflow
from rebalance.api.keywords import takes
from rebalance.manifest import Manifest
from rebalance.progress import Progress, silent
from rebalance.settings import calls


@takes(calls.LONGTAIL)
def longtail(
    data: Path | str,
    output: Path | str | None = None,
    *,
    progress: Progress = silent,
    **options: Any,
) -> Manifest:
    """Make a long-tailed subset of a data set, as those that papers compare methods on.

    output: where to write the manifest; its companions go beside it. Raises DataError,
    ManifestError, SettingError, OutputError, UnreadableImage under ``strict``, and TargetError
    where a class has too few images, which says how many would do.
    """
    return workflow.longtail(data, output, progress=progress, **options)
