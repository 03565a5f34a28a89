"""The public call that says what is wrong with images."""

from collections.abc import Sequence
from pathlib import Path

from rebalance import workflow
from rebalance.api.gathering import gather
from rebalance.inspection import Gates, Inspection
from rebalance.progress import Progress, silent
from rebalance.settings import ExtractorOptions, FolderOptions, RunOptions


def inspect(
    data: Path | str,
    *,
    against: Path | str | None = None,
    baseline: Path | str | None = None,
    similar: float | None = None,
    html: Path | str | None = None,
    fail_above: float | None = Gates.fail_above,
    fail_on: Sequence[str] = Gates.fail_on,
    extractor: str = ExtractorOptions.extractor,
    arch: str | None = ExtractorOptions.arch,
    init: str = ExtractorOptions.init,
    image_size: int | None = ExtractorOptions.image_size,
    precision: str = ExtractorOptions.precision,
    batch_size: int | None = ExtractorOptions.batch_size,
    root: Path | str | None = FolderOptions.root,
    allow_empty: bool = FolderOptions.allow_empty,
    seed: int = RunOptions.seed,
    device: str = RunOptions.device,
    workers: int | None = RunOptions.workers,
    cache_dir: Path | str | None = RunOptions.cache_dir,
    strict: bool = RunOptions.strict,
    overwrite: bool = RunOptions.overwrite,
    progress: Progress = silent,
) -> Inspection:
    """Count the images of every class, look at each of them, and say what is wrong.

    data: an image folder, or a manifest. against: another, such as the test set, none of whose
    images should be in DATA. baseline: what an earlier ``inspect --json`` printed, to be told only
    what is new. similar: the cosine from which on pooled features are similar, such as
    ``rebalance.inspection.SIMILAR``; they are read from the cache, never computed. html: a page to
    write with the images that were found. fail_above, fail_on: gates, whose outcome the page tells;
    ``rebalance.inspection.check_gates`` turns it into an error. The other options are those of
    ``ExtractorOptions``, ``FolderOptions`` and ``RunOptions``.

    Raises DataError if a folder or the baseline is not as it must be, ExtractorError where features
    are missing, SettingError, OutputError, and UnreadableImage under ``strict``.
    """
    given = locals()
    return workflow.inspect(
        data,
        against=against,
        baseline=baseline,
        similar=similar,
        html=html,
        gates=Gates(fail_above, tuple(fail_on)),
        extractor=gather(ExtractorOptions, given),
        source=gather(FolderOptions, given),
        run=gather(RunOptions, given),
        progress=progress,
    )
