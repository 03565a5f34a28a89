"""What a study sees of its images by the features that a file has of them.

No image is opened unless something else looks at pixels. Imports torch only where that does; never
click.
"""

from collections.abc import Sequence
from dataclasses import replace

from rebalance.data.samples import scoring_folder
from rebalance.data.separation import overlap
from rebalance.data.source import Source
from rebalance.errors import DataError
from rebalance.progress import Progress
from rebalance.settings import RunOptions
from rebalance.studies.images import reading
from rebalance.studies.plan import Plan
from rebalance.studies.rebalancing import LAYER
from rebalance.studies.setup import SeedAndFold, View
from rebalance.studies.sights import TestedImages, TrainedOn, layers_of, opened_test
from rebalance.workflow.features import describe, read_files


class GivenSight:
    """The view of features from a file: one for all folds.

    Images without features are left out, and so are those that cannot be read where they are
    opened. Images with the very same features count as one content, as equal files do elsewhere.
    """

    def __init__(self, plan: Plan, source: Source, run: RunOptions, progress: Progress) -> None:
        self._plan, self._run, self._progress = plan, run, progress
        folder, scale = source.folder, source.scale
        digests: dict[str, bytes] = {}
        if _opens_images(plan):
            files = read_files(folder, run, progress, scale=scale, decoded=True)
            folder, scale = files.folder, files.scale
            found = [probe.digest for probe in files.probes]
            digests = dict(zip(folder.paths, found, strict=True))
        options = plan.options.extractor
        table = describe(folder, layers_of(plan), options, run, progress, scale=scale)
        self.images, self.scale = table.folder, table.scale
        self.keys = list(table.digests)
        self.extractor = table.extractor.fingerprint
        self.tested: TestedImages | None = None
        self._view = View(table.layers)
        if plan.options.test is None:
            return
        if plan.options.depth == "full":
            self.tested = self._opened(list(map(digests.__getitem__, self.images.paths)))
        else:
            self.tested = self._listed()

    def views(self, trained: TrainedOn) -> dict[SeedAndFold, View]:
        """Return the one view for each."""
        return dict.fromkeys(trained, self._view)

    def _opened(self, keys: Sequence[bytes]) -> TestedImages:
        """The test images that networks are scored on. keys: digests of the files of the others."""
        opened = opened_test(self._plan, self.images, keys, self.scale, self._run, self._progress)
        assert opened is not None
        return TestedImages(opened.folder, list(opened.digests.values()))

    def _listed(self) -> TestedImages:
        """The test images that have features, which are in the view from now on.

        Raises DataError where one has those of an image that is learned from.
        """
        options = self._plan.options
        assert options.test is not None
        listed = scoring_folder(options.test, self.images.classes, reading(options))
        seen = describe(
            listed, [LAYER], options.extractor_of_test, self._run, self._progress, scale=self.scale
        )
        known = dict(zip(self.images.paths, self.keys, strict=True))
        both = overlap(known, dict(zip(seen.folder.paths, seen.digests, strict=True)))
        if both:
            raise DataError(
                f"the test images must be others, but {len(both)} have the very features of images "
                f"in the data; the first is {both[0][1]!r}, equal to {both[0][0]!r}: take them out "
                "of one side"
            )
        self._view = replace(self._view, tested=seen.layers[LAYER])
        return TestedImages(seen.folder, list(seen.digests))


def _opens_images(plan: Plan) -> bool:
    """Tell whether networks are trained, or neighbours told by pixels."""
    sides = (each.rebalance.pixel_side for each in plan.treatments.values())
    return plan.options.depth == "full" or any(side is not None for side in sides)
