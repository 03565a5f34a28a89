"""What a study sees of its images: by one network, or by another one fine-tuned in each fold.

Source of the latter: the f0 of Lehmann & Ebner, VISAPP 2022, which learns from the images to
undersample; in a study these are the training part of a fold, and no other. Imports torch only to
train or run networks; never click.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rebalance.data.source import Source
from rebalance.data.unreadable import require_images
from rebalance.distributed.processes import own_workers
from rebalance.errors import DataError
from rebalance.progress import Progress
from rebalance.settings import RunOptions
from rebalance.studies.given_sight import GivenSight
from rebalance.studies.plan import Plan
from rebalance.studies.rebalancing import LAYER
from rebalance.studies.setup import SeedAndFold, View
from rebalance.studies.sights import (
    Sight,
    TestedImages,
    TrainedOn,
    layers_of,
    looks,
    opened_test,
)
from rebalance.workflow.features import Files, describe, describe_files, read_files

if TYPE_CHECKING:
    from rebalance.features.extractors import Extractor
    from rebalance.numerics.standardisation import FeatureMatrix

log = logging.getLogger("rebalance")


def look(plan: Plan, source: Source, run: RunOptions, progress: Progress) -> Sight:
    """Read the images of a study and its test images, and find the network that sees them.

    Raises DataError for test images that are among the others.
    """
    from rebalance.features.extractors import needs_training

    if plan.options.extractor.features is not None:
        return GivenSight(plan, source, run, progress)
    later = needs_training(plan.options.extractor) or not looks(plan)
    sight = LearnedSight if later else FixedSight
    return sight(plan, source, run, progress)


class FixedSight:
    """The view of a network that stays as it is: one for all folds."""

    def __init__(self, plan: Plan, source: Source, run: RunOptions, progress: Progress) -> None:
        options = plan.options.extractor
        table = describe(source.folder, layers_of(plan), options, run, progress, scale=source.scale)
        self.images, self.keys, self.scale = table.folder, list(table.digests), table.scale
        self.extractor = table.extractor.fingerprint
        self.tested: TestedImages | None = None
        self._view = View(table.layers)
        opened = opened_test(plan, self.images, self.keys, self.scale, run, progress)
        if opened is not None:
            seen = describe(opened.folder, [LAYER], options, run, progress, scale=self.scale)
            self.tested = TestedImages(seen.folder, seen.digests)
            self._view = View(table.layers, seen.layers[LAYER])

    def views(self, trained: TrainedOn) -> dict[SeedAndFold, View]:
        """Return the one view for each."""
        return dict.fromkeys(trained, self._view)


class LearnedSight:
    """The views of networks that are each fine-tuned on the training part of a fold, if need be.

    They are kept in the cache by what they learned from, as those of the commands are; so
    treatments share them, and a study that is gone on with finds them again.
    """

    def __init__(self, plan: Plan, source: Source, run: RunOptions, progress: Progress) -> None:
        self._plan, self._run, self._progress = plan, run, progress
        self._files = read_files(source.folder, run, progress, scale=source.scale, decoded=True)
        self.images, self.scale = self._files.folder, self._files.scale
        require_images(source.folder, self.images)
        self.keys = [probe.digest for probe in self._files.probes]
        self.extractor = self._extractor(np.arange(len(self.keys))).fingerprint
        self.tested: TestedImages | None = None
        opened = opened_test(plan, self.images, self.keys, self.scale, run, progress)
        if opened is not None:
            self._test = read_files(opened.folder, run, progress, scale=self.scale, decoded=True)
            digests = [probe.digest for probe in self._test.probes]
            self.tested = TestedImages(self._test.folder, digests)

    def views(self, trained: TrainedOn) -> dict[SeedAndFold, View]:
        """Fine-tune a network for each, unless the cache has it, and return what it sees.

        None is trained where nothing that is to be done looks at features.
        """
        if not looks(self._plan):
            return dict.fromkeys(trained, View({}))
        return dict(self._views(trained, scored=self._plan.options.depth == "probe"))

    def _views(self, trained: TrainedOn, *, scored: bool) -> Iterator[tuple[SeedAndFold, View]]:
        layers = layers_of(self._plan)
        for (seed, fold), positions in trained.items():
            log.info("the extractor of seed %d, fold %d", seed, fold + 1)
            extractor = self._extractor(positions)
            seen, tested = self._seen(self._files, extractor, layers), None
            if scored and self.tested is not None:
                tested = self._seen(self._test, extractor, [LAYER])[LAYER]
            yield (seed, fold), View(seen, tested)

    def _seen(
        self, files: Files, extractor: "Extractor", layers: Sequence[str]
    ) -> "Mapping[str, FeatureMatrix]":
        """The features of all of these files. Raises DataError for one that has changed."""
        table = describe_files(files, extractor, layers, self._run, self._progress)
        for image in table.unreadable:
            raise DataError(
                f"{image.path!r} could be read when the study began, and cannot now "
                f"({image.reason}): run the study again"
            )
        return table.layers

    def _extractor(self, positions: NDArray[np.intp]) -> "Extractor":
        """The network fine-tuned on the images at ``positions``, not yet trained."""
        from rebalance.features.extractors import find_extractor

        return find_extractor(
            self._plan.options.extractor,
            self._run,
            self.images.take(positions.tolist()),
            [self._files.probes[place] for place in positions],
            workers=own_workers(self._run.workers),
            scale=self.scale,
        )
