"""The public calls that extract features and write manifests."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rebalance import workflow
from rebalance.api.gathering import gather
from rebalance.manifest import Manifest
from rebalance.progress import Progress, silent
from rebalance.settings import (
    ExtractorOptions,
    FolderOptions,
    Growth,
    RunOptions,
    SelectionOptions,
    SynthesisOptions,
    Targets,
)

if TYPE_CHECKING:
    from rebalance.features.table import FeatureTable


def extract(
    data: Path | str,
    output: Path | str | None = None,
    *,
    layers: Sequence[str] = (SelectionOptions.layer,),
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
) -> "FeatureTable":
    """Features of every readable image, from the cache or computed into it.

    output: a .npz to write them to as well. layers: of body, pool, linear; auto is all there are.
    The other options are those of ``ExtractorOptions``, ``FolderOptions`` and ``RunOptions``.
    Under torchrun, or where torch.distributed has been initialised, all processes call it and get
    the table; they share the work, and the first writes. Raises DataError, ExtractorError,
    OutputError, UnreadableImage under ``strict``; PeerFailed where another process failed, PeerLost
    where it ended without a word.
    """
    given = locals()
    return workflow.extract(
        data,
        output,
        layers=[layers] if isinstance(layers, str) else layers,
        extractor=gather(ExtractorOptions, given),
        source=gather(FolderOptions, given),
        run=gather(RunOptions, given),
        progress=progress,
    )


def undersample(
    data: Path | str,
    output: Path | str | None = None,
    *,
    method: str = SelectionOptions.method,
    pick: str = SelectionOptions.pick,
    layer: str = SelectionOptions.layer,
    k_max: int = SelectionOptions.k_max,
    criterion: str = SelectionOptions.criterion,
    cluster_space: str = SelectionOptions.cluster_space,
    layout: str = SelectionOptions.layout,
    landmarks: str | int = SelectionOptions.landmarks,
    dedupe: bool = SelectionOptions.dedupe,
    suspects: bool = SelectionOptions.suspects,
    to: str | int = Targets.to,
    per_class: Mapping[str, int] | Iterable[tuple[str, int]] = Targets.per_class,
    classes: Sequence[str] = Targets.classes,
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
) -> Manifest:
    """Choose which images to keep so that the classes are as large as asked.

    output: where to write the manifest; its companions go beside it. The other options are
    those of ``SelectionOptions``, ``Targets``, ``ExtractorOptions``, ``FolderOptions`` and
    ``RunOptions``. Raises DataError, TargetError, ExtractorError, FeatureError, OutputError, and
    UnreadableImage under ``strict``.
    """
    to, landmarks = str(to), str(landmarks)
    per_class = tuple(dict(per_class).items())
    classes = (classes,) if isinstance(classes, str) else tuple(classes)
    given = locals()
    return workflow.undersample(
        data,
        output,
        targets=gather(Targets, given),
        selection=gather(SelectionOptions, given),
        extractor=gather(ExtractorOptions, given),
        source=gather(FolderOptions, given),
        run=gather(RunOptions, given),
        progress=progress,
    )


def oversample(
    data: Path | str,
    output: Path | str | None = None,
    *,
    method: str = SynthesisOptions.method,
    neighbours: int | None = SynthesisOptions.neighbours,
    layer: str = SynthesisOptions.layer,
    space: str = SynthesisOptions.space,
    exact: bool = SynthesisOptions.exact,
    to: str | int = Growth.to,
    per_class: Mapping[str, int] | Iterable[tuple[str, int]] = Growth.per_class,
    classes: Sequence[str] = Growth.classes,
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
) -> Manifest:
    """Choose which samples to add so that the classes are as large as asked.

    output: where to write the manifest; its companions go beside it. The other options are
    those of ``SynthesisOptions``, ``Growth``, ``ExtractorOptions``, ``FolderOptions`` and
    ``RunOptions``. Raises as ``undersample``.
    """
    to, per_class = str(to), tuple(dict(per_class).items())
    classes = (classes,) if isinstance(classes, str) else tuple(classes)
    given = locals()
    return workflow.oversample(
        data,
        output,
        growth=gather(Growth, given),
        synthesis=gather(SynthesisOptions, given),
        extractor=gather(ExtractorOptions, given),
        source=gather(FolderOptions, given),
        run=gather(RunOptions, given),
        progress=progress,
    )


def hybrid(
    data: Path | str,
    output: Path | str | None = None,
    *,
    to: str | int,
    under: str = SelectionOptions.method,
    pick: str = SelectionOptions.pick,
    over: str = SynthesisOptions.method,
    neighbours: int | None = SynthesisOptions.neighbours,
    layer: str = SynthesisOptions.layer,
    space: str = SynthesisOptions.space,
    exact: bool = SynthesisOptions.exact,
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
) -> Manifest:
    """Undersample the classes above a size, then oversample those below it.

    to: a number, or R times the smallest class as ``Rx``. under, over: the methods. The other
    options are those of ``undersample`` and ``oversample``, which raise the same errors.
    """
    given = locals()
    return workflow.hybrid(
        data,
        output,
        to=str(to),
        selection=SelectionOptions(under, pick, layer),
        synthesis=gather(SynthesisOptions, {**given, "method": over}),
        extractor=gather(ExtractorOptions, given),
        source=gather(FolderOptions, given),
        run=gather(RunOptions, given),
        progress=progress,
    )
