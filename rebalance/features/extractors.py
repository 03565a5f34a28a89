"""The network that describes the images: an identity first, loaded only if it is needed.

Equal fingerprints give equal features, so a run whose features are all cached never loads the
network. Imports no torch by itself; ``Extractor.load`` does. One module per kind of source:
``pretrained`` and ``finetuned``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rebalance.data.folder import ImageFolder
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.data.survey import Probe
from rebalance.errors import ExtractorError
from rebalance.features.cache import cache_root
from rebalance.features.finetuned import FineTuned
from rebalance.models.devices import resolve_device, resolve_precision
from rebalance.models.fingerprints import fingerprint
from rebalance.models.headers import is_ours
from rebalance.models.pretrained import MODEL, Wording, find_pretrained, is_path
from rebalance.progress import Progress
from rebalance.records import ExtractorRecord
from rebalance.settings import CROP, OWN, ExtractorOptions, RunOptions

if TYPE_CHECKING:
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform

EXTRACTOR = Wording(
    "--extractor is imagenet, lite0, finetune, or the path of a checkpoint",
    "pass --extractor lite0, whose weights are installed, a downloaded checkpoint as --extractor "
    "PATH, or features of your own as --features FILE",
)
# Images per forward pass; on a processor, where each core has a batch of its own, 8 are as quick
# as more and take less memory.
BATCH = {"cpu": 8, "mps": 64, "cuda": 256}
READING = 2  # raised when images are decoded, or networks run, in a way that gives other features


@dataclass(frozen=True)
class Extractor:
    """A network with its weights, its transform and the way it is run.

    about: what the manifest's record says about it. cache: the folder its features are kept in.
    load: builds the network, and for ``finetune`` trains it first.
    """

    arch: str
    fingerprint: str
    device: str
    precision: str
    batch_size: int
    about: ExtractorRecord
    cache: Path
    load: "Callable[[Progress], tuple[Network, Transform]]"


def usual_layer(extractor: str) -> str:
    """Return the layer that is looked at where nobody says which: of a run, what its head sees.

    extractor: as the option names it.
    """
    if not is_path(extractor):
        return "pool"
    path = Path(extractor)
    return "embedding" if is_ours(path / MODEL) or is_ours(path) else "pool"


def needs_training(options: ExtractorOptions) -> bool:
    """Tell whether the extractor is trained on the images themselves."""
    return options.extractor == "finetune"


def find_extractor(
    options: ExtractorOptions,
    run: RunOptions,
    folder: ImageFolder,
    probes: Sequence[Probe],
    *,
    workers: int,
    scale: DepthScale = EACH_ALONE,
) -> Extractor:
    """Resolve the options for this folder and this machine; nothing is loaded or trained yet.

    probes: aligned with ``folder.paths``, for an extractor that needs training, and so is their
    scale; unused by others. Raises ExtractorError for a checkpoint that is not there or a device
    that is absent.
    """
    if options.init != ExtractorOptions.init and not needs_training(options):
        raise ExtractorError("--init says what finetune starts from: add --extractor finetune")
    if options.weights is not None and needs_training(options):
        raise ExtractorError("--weights goes with the network of another library: leave it out")
    if options.flips is not None and not needs_training(options):
        raise ExtractorError(
            "--flips says what finetune learns from: add --extractor finetune, or leave it out"
        )
    device = resolve_device(run.device)
    precision = resolve_precision(options.precision, device)
    how: ExtractorRecord = {
        "image_size": options.image_size,
        "precision": precision,
        "device": device,
    }
    if options.flips is not None:
        how["flips"] = options.flips
    source = (
        FineTuned(options, run, how, folder, probes, workers, scale)
        if needs_training(options)
        else find_pretrained(options.extractor, options.arch, EXTRACTOR, options.weights)
    )
    facts: ExtractorRecord = {"kind": source.kind, "arch": source.arch, **source.facts, **how}
    resize = options.resize or source.resize
    if resize != CROP:  # what was kept before there was a choice is cropped, and says nothing of it
        facts["resize"] = resize or OWN
    identity = fingerprint({**facts, "reading": READING})

    about: ExtractorRecord = {"name": options.extractor, **facts, "fingerprint": identity}
    if options.weights is not None:
        about["file"] = str(options.weights)

    loaded: list[tuple[Network, Transform]] = []  # once for all who ask

    def load(progress: Progress) -> "tuple[Network, Transform]":
        import torch

        if not loaded:
            # Networks are built with random weights first: the caller's generator is not moved.
            with torch.random.fork_rng(devices=[]):
                loaded.append(_viewed(source.load(progress), options.image_size, resize))
        return loaded[0]

    return Extractor(
        arch=source.arch,
        fingerprint=identity,
        device=device,
        precision=precision,
        batch_size=options.batch_size or BATCH[device],
        about=about,
        cache=cache_root(run.cache_dir),
        load=load,
    )


def _viewed(
    loaded: "tuple[Network, Transform]", image_size: int | None, resize: str | None
) -> "tuple[Network, Transform]":
    """Return the same network for images of another size, or made so in another way."""
    from rebalance.models.network import take
    from rebalance.models.transforms import with_view

    network, transform = loaded
    if image_size is not None:
        take(network, image_size)
    return network, with_view(transform, image_size, resize)
