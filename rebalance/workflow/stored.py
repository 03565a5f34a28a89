"""Features that are there already, in a file or left in the cache by an earlier run.

Where the cache lacks them, it is told what would put them there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rebalance.data.folder import ImageFolder
from rebalance.data.levels import DepthScale
from rebalance.data.survey import Probe
from rebalance.errors import ExtractorError, SettingError
from rebalance.features.cache import FeatureCache
from rebalance.features.extractors import (
    Extractor,
    find_extractor,
    needs_training,
    usual_layer,
)
from rebalance.features.gaps import rows_with_gaps
from rebalance.features.given import opened_file
from rebalance.inspection import ImageDescription
from rebalance.numerics.standardisation import FeatureMatrix
from rebalance.settings import ExtractorOptions, RunOptions


@dataclass(frozen=True)
class SimilarityComparison:
    """Which features are to be compared: those of a file, or of the extractor in the cache.

    similar: the cosine from which on they are. hints: for each side the command that would put its
    features into the cache.
    """

    similar: float
    extractor: ExtractorOptions
    run: RunOptions
    hints: Sequence[str]

    def check(self, folders: Sequence[ImageFolder]) -> None:
        """Raise, before any image is read, where it is known already that features are missing.

        A network that is trained on the images can only be told once they were read. Raises
        SettingError where that network is to look at other images too, ExtractorError where nothing
        is kept.
        """
        if self.extractor.features is not None:
            opened_file(self.extractor)
        elif not needs_training(self.extractor):
            if not _has_any(find_extractor(self.extractor, self.run, folders[0], [], workers=0)):
                raise ExtractorError(
                    "--similar needs features in the cache, which has none of this extractor's: "
                    f"run {self.hints[0]}"
                )
        elif len(folders) > 1:
            raise SettingError(
                "similar images on both sides need a network that looked at both, and finetune "
                "trains one for each folder: give the path of a checkpoint with --extractor"
            )

    def features(
        self,
        sides: Sequence[tuple[ImageFolder, Sequence[ImageDescription | None]]],
        scales: Sequence[DepthScale],
    ) -> FeatureMatrix:
        """Find the features of all readable images, one side after the other [N, D].

        scales: of each side, by which its features were extracted. Raises ExtractorError where the
        cache lacks one. An image that a file has none of is told, and has zeros.
        """
        every = [
            folder.take(place for place, each in enumerate(looks) if each is not None)
            for folder, looks in sides
        ]
        if self.extractor.features is not None:
            return rows_with_gaps(every, self.extractor, strict=self.run.strict)
        readable, looks = every[0], sides[0][1]
        probes = [Probe(each.digest, each.size, each.levels) for each in looks if each is not None]
        extractor = find_extractor(
            self.extractor, self.run, readable, probes, workers=0, scale=scales[0]
        )
        layer = usual_layer(self.extractor.extractor)  # what extract keeps unless told otherwise
        stored = FeatureCache(extractor.cache, extractor.fingerprint).layer(layer)
        keys: list[bytes] = []
        for (folder, looks), hint, scale in zip(sides, self.hints, scales, strict=True):
            own = [scale.key(each.digest, each.levels) for each in looks if each is not None]
            missing = sum(key not in stored.places for key in own)
            if missing:
                raise ExtractorError(
                    "--similar needs the features of every image, and the cache lacks those of "
                    f"{missing} of {len(own)} in {str(folder.root)!r}: run {hint}"
                )
            keys += own
        return stored.rows(keys)


def _has_any(extractor: Extractor) -> bool:
    """Tell whether features of this extractor were ever kept."""
    return bool(FeatureCache(extractor.cache, extractor.fingerprint).widths())
