"""The paper's f0: a network that is trained on the images first, and kept in the cache.

Source: Lehmann & Ebner, VISAPP 2022. Imports torch only to train or load it.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rebalance import seeds
from rebalance.data.folder import ImageFolder
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.data.survey import Probe
from rebalance.errors import ExtractorError, OutputError
from rebalance.features.cache import cache_root, extractor_path
from rebalance.features.notes import make_cache_folder
from rebalance.models.fingerprints import fingerprint
from rebalance.models.pretrained import ARCH, Wording, find_pretrained
from rebalance.progress import Progress, silent
from rebalance.records import ExtractorRecord
from rebalance.settings import CROP, OWN, RESIZE, ExtractorOptions, Recipe, RunOptions
from rebalance.training.parts import spelled

if TYPE_CHECKING:
    from rebalance.models.network import Network
    from rebalance.models.transforms import Transform

log = logging.getLogger("rebalance")

INIT = Wording(
    "--init is scratch, imagenet, lite0, or the path of a checkpoint",
    "pass --init lite0, whose weights are installed, --init scratch, which needs none, or a "
    "downloaded checkpoint as --init PATH",
)
SMALL_ARCH, SMALL = "cifar_resnet20", 64  # the network for images at most this many pixels wide


class FineTuned:
    """A network of ``arch`` trained on a folder by ``Recipe``."""

    kind = "finetune"

    def __init__(
        self,
        options: ExtractorOptions,
        run: RunOptions,
        how: ExtractorRecord,
        folder: ImageFolder,
        probes: Sequence[Probe],
        workers: int,
        scale: DepthScale = EACH_ALONE,
    ) -> None:
        if len(set(folder.labels)) < 2:
            raise ExtractorError(
                "finetune learns to tell classes apart, and there is one class only: give the path "
                "of a checkpoint with --extractor"
            )
        start = (
            None if options.init == "scratch" else find_pretrained(options.init, options.arch, INIT)
        )
        small = max(probe.size[0] for probe in probes) <= SMALL
        default = SMALL_ARCH if small else ARCH
        self.arch = start.arch if start else options.arch or default
        self.start = start
        self.image_size = options.image_size
        self.resize = options.resize or (start.resize if start else RESIZE)
        recipe = Recipe.from_scratch() if start is None else Recipe()
        flipped = spelled(recipe.augmentation, options.flips)
        self.recipe = replace(recipe, augmentation=flipped)
        self.run = run
        self.how = how if self.resize == CROP else how | {"resize": self.resize or OWN}
        self.folder = folder
        self.workers = workers
        self.scale = scale
        self.facts: ExtractorRecord = {
            "init": options.init,
            "start": start.facts["weights"] if start else None,
            "recipe": self.recipe.as_record(),
            "seed": run.seed,
            "data": fingerprint(
                [
                    [scale.key(probe.digest, probe.levels).hex() for probe in probes],
                    folder.labels,
                    folder.classes,
                ]
            ),
        }

    @property
    def path(self) -> Path:
        """Return where the trained network is kept."""
        return extractor_path(
            cache_root(self.run.cache_dir), fingerprint([self.arch, self.facts, self.how])
        )

    def load(self, progress: Progress) -> "tuple[Network, Transform]":
        """Load the network from the cache, or train it and put it there."""
        from rebalance.models.checkpoints import load_network

        if self.path.exists():
            try:
                saved = load_network(self.path)
            except ExtractorError as error:
                log.warning("the network in the cache cannot be used, training again: %s", error)
            else:
                log.info("extractor: trained before on these images, read from the cache")
                return saved.network, saved.transform
        self._train(progress)
        saved = load_network(self.path)
        return saved.network, saved.transform

    def _train(self, progress: Progress) -> None:
        from rebalance.models.checkpoints import save_network
        from rebalance.training.dataset import ImageDataset
        from rebalance.training.loop import fine_tune
        from rebalance.training.parts import augmentation_of

        make_cache_folder(self.path.parent)  # what cannot be kept is not worth training
        if self.path.is_dir():
            raise OutputError(
                f"cannot keep the network at {str(self.path)!r}, for a folder is there: delete it"
            )
        network, transform = self._beginning()
        dataset = ImageDataset(
            self.folder.root,
            self.folder.paths,
            self.folder.labels,
            transform,
            augmentation_of(self.recipe.augmentation),
            scale=self.scale,
        )
        log.info("training %s on %d images", self.arch, len(dataset))
        for epoch in fine_tune(
            network,
            dataset,
            self.recipe,
            seed=self.run.seed,
            device=self.how["device"],
            precision=self.how["precision"],
            workers=self.workers,
            progress=progress,
        ):
            log.info("%s", epoch)
        save_network(
            self.path,
            network,
            arch=self.arch,
            classes=self.folder.classes,
            transform=transform,
            extra={"data": self.facts["data"], "seed": str(self.run.seed)},
        )

    def _beginning(self) -> "tuple[Network, Transform]":
        """Make the network before training, its random weights drawn from the seed alone."""
        import torch

        from rebalance.models.building import fresh_network, usual_transform
        from rebalance.models.network import take, with_new_head
        from rebalance.models.transforms import with_view

        classes = len(self.folder.classes)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seeds.integer(self.run.seed, "weights"))
            if self.start is None:
                network, transform = fresh_network(self.arch, classes), usual_transform(self.arch)
            else:
                body, transform = self.start.load(silent)
                network = with_new_head(body, classes)
        if self.image_size is not None:
            take(network, self.image_size)
        return network, with_view(transform, self.image_size, self.resize)
