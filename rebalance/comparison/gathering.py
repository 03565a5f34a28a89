"""The features of several extractors, of the images that all of them have features of.

Imports torch only where features are computed; never click.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rebalance.comparison.naming import named
from rebalance.data.folder import ImageFolder
from rebalance.data.levels import DepthScale
from rebalance.errors import DataError, RebalanceError
from rebalance.features.extractors import usual_layer
from rebalance.numerics.standardisation import FeatureMatrix
from rebalance.progress import Progress
from rebalance.settings import ExtractorOptions, RunOptions
from rebalance.workflow.features import describe

if TYPE_CHECKING:
    from rebalance.features.table import FeatureTable

log = logging.getLogger("rebalance")

FILE = "file"  # the kind of an extractor that is a table of features
LEAST_SHARE = 0.5  # of the images so far: an extractor that has fewer is none to compare by


@dataclass
class Gathered:
    """The tables of the extractors that could be used, by their names.

    folder: the images that are in all of them. layers: of each the one that is compared. failed:
    what was wrong with the others.
    """

    folder: ImageFolder
    tables: "dict[str, FeatureTable]" = field(default_factory=dict)
    layers: dict[str, str] = field(default_factory=dict)
    failed: dict[str, RebalanceError] = field(default_factory=dict)

    def features(self, name: str) -> FeatureMatrix:
        """Return the features of an extractor [N, D], in the order of ``folder``."""
        table = self.tables[name]
        row = {path: place for place, path in enumerate(table.folder.paths)}
        places = np.array([row[path] for path in self.folder.paths], dtype=np.intp)
        return table.layers[self.layers[name]].take(places)

    @property
    def digests(self) -> Sequence[bytes]:
        """Return what is equal for copies, of each image of ``folder``: digests of files.

        Where only tables of features were given these are digests of the rows of the first.
        """
        tables = sorted(self.tables.values(), key=lambda each: each.extractor.about["kind"] == FILE)
        of = dict(zip(tables[0].folder.paths, tables[0].digests, strict=True))
        return [of[path] for path in self.folder.paths]


def gather(
    folder: ImageFolder,
    names: Sequence[str],
    layer: str | None,
    view: ExtractorOptions,
    run: RunOptions,
    progress: Progress,
    scale: DepthScale | None,
) -> Gathered:
    """Describe the images by one extractor after the other; one that cannot be used is passed over.

    layer: None is of each the one that is looked at where nobody says which. view: how images are
    looked at. scale: as for ``workflow.features.describe``. Raises the error of the first extractor
    where none can be used.
    """
    found = Gathered(folder)
    for name in names:
        try:
            options = named(name, view)
            own = layer or usual_layer(options.extractor)
            table = describe(found.folder, [own], options, run, progress, scale=scale)
            _check_share(table.folder, found.folder)
        except RebalanceError as error:
            log.warning("%s is left out: %s", name, error)
            found.failed[name] = error
            continue
        found.tables[name], found.layers[name] = table, own
        found.folder, scale = table.folder, table.scale
    if not found.tables:
        raise next(iter(found.failed.values()))
    return found


def _check_share(known: ImageFolder, folder: ImageFolder) -> None:
    if len(known.paths) < LEAST_SHARE * len(folder.paths):
        raise DataError(
            f"it has features of {len(known.paths):,} of {len(folder.paths):,} images, and a "
            "comparison needs those of half of them at least"
        )
