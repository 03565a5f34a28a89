"""The features of several extractors, of the images that all of them have features of.

Imports torch only where features are computed; never click.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from rebalance.comparison.naming import asked_by, named
from rebalance.data.folder import ImageFolder
from rebalance.data.levels import DepthScale
from rebalance.errors import DataError, RebalanceError
from rebalance.features.extractors import usual_layer
from rebalance.features.given import FILE
from rebalance.numerics.standardisation import FeatureMatrix
from rebalance.progress import Progress
from rebalance.settings import ExtractorOptions, RunOptions
from rebalance.workflow.features import describe

if TYPE_CHECKING:
    from rebalance.features.table import FeatureTable

log = logging.getLogger("rebalance")

LEAST_SHARE = 0.5  # of the images so far: an extractor that has fewer is none to compare by


@dataclass
class Described:
    """The tables of the extractors that could be used, by their names.

    folder: the images that are in all of them. layers: of each the one that is compared. options:
    those by which other commands take it. failed: what was wrong with the others.
    """

    folder: ImageFolder
    tables: "dict[str, FeatureTable]" = field(default_factory=dict)
    layers: dict[str, str] = field(default_factory=dict)
    options: dict[str, list[str]] = field(default_factory=dict)
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
    every: ImageFolder,
    taken: ImageFolder,
    names: Sequence[str],
    layer: str | None,
    view: ExtractorOptions,
    run: RunOptions,
    progress: Progress,
    scale: DepthScale | None,
) -> Described:
    """Describe the images by one extractor after the other; one that cannot be used is passed over.

    every: the whole folder, that a file of features is held against. taken: those of it that are
    compared on. layer: None is of each the one that is looked at where nobody says which. view: how
    images are looked at. scale: as for ``workflow.features.describe``. Raises the error of the
    first extractor where none can be used.
    """
    found = Described(taken)
    for name in names:
        try:
            options = named(name, view)
            own = layer or usual_layer(options.extractor)
            given = options.features is not None
            images = every if given else found.folder
            table = describe(images, [own], options, run, progress, scale=scale)
            folder = _shared(found.folder, table.folder)
        except RebalanceError as error:
            log.warning("%s is left out: %s", name, error)
            found.failed[name] = error
            continue
        found.tables[name], found.layers[name], found.folder = table, own, folder
        found.options[name] = asked_by(options)
        scale = scale if given else table.scale
    if not found.tables:
        raise next(iter(found.failed.values()))
    return found


def _shared(folder: ImageFolder, known: ImageFolder) -> ImageFolder:
    """Return the images that are known too. Raises DataError where these are few."""
    names = set(known.paths)
    places = [place for place, path in enumerate(folder.paths) if path in names]
    if len(places) < LEAST_SHARE * len(folder.paths):
        raise DataError(
            f"it has features of {len(places):,} of {len(folder.paths):,} images, and a comparison "
            "needs those of half of them at least"
        )
    return folder.take(places)
