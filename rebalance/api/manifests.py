"""The public calls that extract features and write manifests."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rebalance import workflow
from rebalance.api.keywords import takes
from rebalance.api.layers import layer_and_space_of, layers_of
from rebalance.manifest import Manifest
from rebalance.progress import Progress, silent
from rebalance.settings import (
    LayerOptions,
    Levelling,
    SelectionOptions,
    SynthesisOptions,
    calls,
)

if TYPE_CHECKING:
    from rebalance.features.table import FeatureTable


@takes(calls.EXTRACT, layers_of)
def extract(
    data: Path | str,
    output: Path | str | None = None,
    *,
    kept: LayerOptions,
    progress: Progress = silent,
    **options: Any,
) -> "FeatureTable":
    """Features of every readable image, from the cache or computed into it.

    output: a .npz to write them to as well. Under torchrun, or where torch.distributed has been
    initialised, all processes call it and get the table; they share the work, and the first writes.
    Raises DataError, ExtractorError, OutputError, UnreadableImage under ``strict``; PeerFailed
    where another process failed, PeerLost where it ended without a word.
    """
    return workflow.extract(data, output, layers=kept.layers, progress=progress, **options)


@takes(calls.UNDERSAMPLE, layers_of)
def undersample(
    data: Path | str,
    output: Path | str | None = None,
    *,
    progress: Progress = silent,
    **options: Any,
) -> Manifest:
    """Choose which images to keep so that the classes are as large as asked.

    output: where to write the manifest; its companions go beside it. Raises DataError, TargetError,
    ExtractorError, FeatureError, OutputError, SettingError, and UnreadableImage under ``strict``.
    """
    return workflow.undersample(data, output, progress=progress, **options)


@takes(calls.UNDERSAMPLE_ENSEMBLE, layers_of)
def undersample_ensemble(
    data: Path | str,
    output: Path | str | None = None,
    *,
    progress: Progress = silent,
    **options: Any,
) -> list[Manifest]:
    """Choose which images to keep several times, each for a member of an ensemble.

    The first member is what ``undersample`` gives; what is trained on each is averaged by
    ``evaluate``. output: M.csv, beside which M.0.csv, M.1.csv and so on are written, with their
    companions, all or none. Raises as ``undersample``.
    """
    return workflow.undersample_ensemble(data, output, progress=progress, **options)


@takes(calls.OVERSAMPLE, layer_and_space_of)
def oversample(
    data: Path | str,
    output: Path | str | None = None,
    *,
    progress: Progress = silent,
    **options: Any,
) -> Manifest:
    """Choose which samples to add so that the classes are as large as asked.

    output: where to write the manifest; its companions go beside it. Raises as ``undersample``.
    """
    return workflow.oversample(data, output, progress=progress, **options)


@takes(calls.HYBRID, layer_and_space_of)
def hybrid(
    data: Path | str,
    output: Path | str | None = None,
    *,
    size: Levelling,
    selection: SelectionOptions,
    synthesis: SynthesisOptions,
    progress: Progress = silent,
    **options: Any,
) -> Manifest:
    """Undersample the classes above a size, then oversample those below it.

    ``layer`` is of both halves: its features tell neighbours, and clusters where the first half
    looks for them. The other options are those of ``undersample`` and ``oversample``, which raise
    the same errors.
    """
    return workflow.hybrid(
        data,
        output,
        to=size.to,
        selection=replace(selection, layer=synthesis.layer),
        synthesis=synthesis,
        progress=progress,
        **options,
    )
