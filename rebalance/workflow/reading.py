"""What of DATA can be read, with as much of each image as a method looks at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, cast

from rebalance.data.folder import ImageFolder, Unreadable
from rebalance.data.levels import EACH_ALONE, DepthScale
from rebalance.data.scales import scale_of
from rebalance.data.source import Source
from rebalance.data.survey import read_each
from rebalance.data.unreadable import readable_part, report_unreadable, require_images
from rebalance.inspection import ImageDescription, describe_image, describe_set
from rebalance.parallel import chosen_workers
from rebalance.progress import Progress
from rebalance.records import ExtractorRecord
from rebalance.settings import ExtractorOptions, RunOptions, pixel_layer, pixel_side
from rebalance.workflow.features import describe, describe_files, read_files

if TYPE_CHECKING:
    from rebalance.features.extractors import Extractor
    from rebalance.numerics.standardisation import FeatureMatrix
    from rebalance.resampling import Population

Looks = dict[int, ImageDescription | None]


@dataclass(frozen=True)
class Readable:
    """The images that can be read.

    unreadable: the others. digests: of the files of ``folder``, in its order. layers: the features
    of ``folder``'s images by layer; none where no layer was asked for. device: where a network
    looked at them. extractor: which network, for JSON; None where there was none. looks: of the
    images that were looked at already, by position. scale: of images with more than 8 bits a
    sample. pixels: by the name that ``pixel_layer`` gives them; none where they were not asked for.
    network: that looked at them; None where none did.
    """

    folder: ImageFolder
    unreadable: Sequence[Unreadable]
    digests: Sequence[bytes]
    layers: "Mapping[str, FeatureMatrix]" = field(default_factory=dict)
    device: str = "cpu"
    extractor: ExtractorRecord | None = None
    looks: Looks | None = None
    scale: DepthScale = EACH_ALONE
    pixels: "Mapping[str, FeatureMatrix]" = field(default_factory=dict)
    network: "Extractor | None" = None

    def matrix(self, layer: str) -> "FeatureMatrix":
        """The features of a layer, or the pixels that are called so."""
        return {**self.layers, **self.pixels}[layer]

    def population(self, layers: Sequence[str], seed: int) -> "Population":
        """The images with these layers, their pixels too, as what is cut or raised."""
        import numpy as np

        from rebalance.resampling import Population

        labels = np.asarray(self.folder.labels, np.int64)
        features = {name: self.matrix(name) for name in layers}
        return Population(labels, self.folder.classes, features, seed)

    def with_pixels(self, side: int, run: RunOptions, progress: Progress) -> "Readable":
        """The same with the pixels of all images, as squares of ``side``."""
        from rebalance.features.pixels import pixel_values
        from rebalance.numerics.pca import InMemory

        workers = chosen_workers(run.workers)
        values = pixel_values(self.folder, side, self.scale, workers, progress)
        return replace(self, pixels={pixel_layer(side): InMemory(values)})

    def looked_at(self, labels: Mapping[int, int], run: RunOptions, progress: Progress) -> Looks:
        """Describe the images of these classes, by position.

        An image whose features are known can be beyond Pillow by now: it has no description, and is
        no duplicate.
        """
        if self.looks is not None:
            return self.looks
        places = [place for place, label in enumerate(self.folder.labels) if label in labels]
        workers = chosen_workers(run.workers)
        look = partial(describe_image, scale=self.scale)
        looks, _ = read_each(self.folder.take(places), look, workers, progress)
        return dict(zip(places, looks, strict=True))


def read(
    source: Source,
    layers: Sequence[str],
    extractor: ExtractorOptions,
    run: RunOptions,
    progress: Progress,
    *,
    looks: bool = False,
    meanwhile: Callable[[], None] | None = None,
) -> Readable:
    """Read the images of a source: their features where ``layers`` names any, or just whether.

    Where a file of features is given, the images are those that it has features of, whether or not
    ``layers`` names any, and none is opened.

    looks: whether ``looked_at`` is going to be asked for; where every image is decoded anyway, it
    is then looked at too, and where features are given, the images are read for their scale.
    meanwhile: as for ``extract_features``. Raises UnreadableImage and
    DataError as ``readable_part``, and what ``describe`` raises.
    """
    folder, scale = source.folder, source.scale
    if looks and extractor.features is not None:
        scale = read_files(folder, run, progress, scale=scale, decoded=False).scale
    if layers or extractor.features is not None:
        table = describe(folder, layers, extractor, run, progress, meanwhile=meanwhile, scale=scale)
        found = table.extractor
        return Readable(
            table.folder,
            table.unreadable,
            table.digests,
            table.layers,
            found.device,
            found.about,
            scale=table.scale,
            network=None if extractor.features is not None else cast("Extractor", found),
        )
    workers = chosen_workers(run.workers)
    if not looks:
        readable, probes, unreadable = readable_part(folder, workers, progress, strict=run.strict)
        scale = scale_of((each.levels for each in probes), scale)
        return Readable(readable, unreadable, [each.digest for each in probes], scale=scale)
    seen, unreadable, scale = describe_set(folder, workers, progress, scale)
    report_unreadable(unreadable, len(folder.paths), strict=run.strict)
    readable = folder.take(place for place, each in enumerate(seen) if each is not None)
    require_images(folder, readable)
    looked = list(filter(None, seen))
    digests = [each.digest for each in looked]
    return Readable(readable, unreadable, digests, looks=dict(enumerate(looked)), scale=scale)


def features_by(
    readable: Readable,
    folder: ImageFolder,
    layer: str,
    extractor: ExtractorOptions,
    run: RunOptions,
    progress: Progress,
) -> "tuple[FeatureMatrix, dict[int, str]]":
    """The features of other images, seen as those of ``readable`` were.

    layer: one of the layers of ``readable``, or its pixels. With them comes why images of
    ``folder`` have none, by position: they are left out of the matrix.
    """
    if layer in readable.pixels:
        from rebalance.features.pixels import pixel_values
        from rebalance.numerics.pca import InMemory

        side, workers = pixel_side(layer), chosen_workers(run.workers)
        assert side is not None
        return InMemory(pixel_values(folder, side, readable.scale, workers, progress)), {}
    if readable.network is None:
        table = describe(folder, [layer], extractor, run, progress, scale=readable.scale)
    else:
        files = read_files(folder, run, progress, scale=readable.scale, decoded=False)
        table = describe_files(files, readable.network, [layer], run, progress)
    reasons = {image.path: image.reason for image in table.unreadable}
    there = set(table.folder.paths)
    gone = {
        place: reasons.get(path, "it cannot be read")
        for place, path in enumerate(folder.paths)
        if path not in there
    }
    return table.layers[layer], gone
