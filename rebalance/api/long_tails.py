"""The public call that makes a long-tailed subset."""

from collections.abc import Sequence
from pathlib import Path

from rebalance import workflow
from rebalance.api.gathering import gather
from rebalance.manifest import Manifest
from rebalance.progress import Progress, silent
from rebalance.settings import FolderOptions, LongTail, RunOptions


def longtail(
    data: Path | str,
    output: Path | str | None = None,
    *,
    rho: float = LongTail.rho,
    profile: str = LongTail.profile,
    n_max: int | None = LongTail.n_max,
    order: Sequence[str] = LongTail.order,
    root: Path | str | None = FolderOptions.root,
    allow_empty: bool = FolderOptions.allow_empty,
    seed: int = RunOptions.seed,
    workers: int | None = RunOptions.workers,
    strict: bool = RunOptions.strict,
    overwrite: bool = RunOptions.overwrite,
    progress: Progress = silent,
) -> Manifest:
    """A long-tailed subset of a data set, as those that papers compare methods on.

    output: where to write the manifest; its companions go beside it. The other options are those
    of ``LongTail``, ``FolderOptions`` and ``RunOptions``. Raises DataError, ManifestError,
    SettingError, OutputError, UnreadableImage under ``strict``, and TargetError where a class has
    too few images, which says how many would do.
    """
    order = tuple(order)
    given = locals()
    return workflow.longtail(
        data,
        output,
        tail=gather(LongTail, given),
        source=gather(FolderOptions, given),
        run=gather(RunOptions, given),
        progress=progress,
    )
