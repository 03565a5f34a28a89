"""What is common to every way in which a study sees its images, and what of them is looked at.

Imports numpy; neither torch nor click.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rebalance.data.folder import ImageFolder
from rebalance.data.levels import DepthScale
from rebalance.data.samples import ScoringSet, open_scoring
from rebalance.data.separation import overlap
from rebalance.errors import DataError
from rebalance.models.fingerprints import fingerprint
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.settings import RunOptions
from rebalance.studies.images import reading
from rebalance.studies.plan import Plan
from rebalance.studies.rebalancing import LAYER
from rebalance.studies.setup import SeedAndFold, View

TrainedOn = Mapping[SeedAndFold, NDArray[np.intp]]


@dataclass(frozen=True)
class TestedImages:
    """The test images that can be read, and the digests of their files."""

    folder: ImageFolder
    digests: Sequence[bytes]

    @property
    def fingerprint(self) -> str:
        """What tells them from others."""
        return fingerprint([self.folder.labels, [digest.hex() for digest in self.digests]])


class Sight(Protocol):
    """The readable images of a study, and what there is to see of them.

    keys: digests of the images [N], or of their features where these are given. tested: the test
    images; None where there are none. extractor: what decides the features, whichever fold they are
    for.
    """

    images: ImageFolder
    keys: list[bytes]
    tested: TestedImages | None
    scale: DepthScale
    extractor: str

    def views(self, trained: TrainedOn) -> dict[SeedAndFold, View]:
        """Return the view of each fold; ``trained`` are the positions of its training part."""
        ...


def looks(plan: Plan) -> bool:
    """Tell whether anything goes by what the extractor sees.

    Where networks are trained, fresh heads on their embeddings do not, nor does what looks at
    pixels.
    """
    rebalancings = [each.rebalance.before_blends for each in plan.treatments.values()]
    return plan.options.depth == "probe" or any(each.looks_at_features for each in rebalancings)


def layers_of(plan: Plan) -> list[str]:
    """Return the layers that a study's treatments look at; ``auto`` for all that there are."""
    asked = [each.rebalance.layer for each in plan.treatments.values()]
    return list(dict.fromkeys([LAYER, *filter(None, asked)]))


def opened_test(
    plan: Plan,
    images: ImageFolder,
    keys: Sequence[bytes],
    scale: DepthScale,
    run: RunOptions,
    progress: Progress,
) -> ScoringSet | None:
    """Open the test images, if any, with the classes of the others; DataError for one of those.

    keys: the digests of the files of ``images``, in their order.
    """
    where, workers = plan.options.test, chosen_workers(run.workers)
    if where is None:
        return None
    found = open_scoring(
        where,
        images.classes,
        reading(plan.options),
        workers,
        progress,
        strict=run.strict,
        scale=scale,
    )
    both = overlap(dict(zip(images.paths, keys, strict=True)), found.digests)
    if both:
        raise DataError(
            f"the test images must be others, but {len(both)} are in the data too; the first is "
            f"{both[0][1]!r}, equal to {both[0][0]!r}: take them out of one side"
        )
    return found
