"""A rebalancing is done to the images of a study. May not import torch or click."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from rebalance import undersampling
from rebalance.oversampling import OVERSAMPLERS
from rebalance.oversampling.spelling import LAYER as OWN_LAYER
from rebalance.settings import Growth, SelectionOptions, SynthesisOptions, Targets, pixel_side
from rebalance.studies.applicable import applicable
from rebalance.undersampling import UNDERSAMPLERS

OWN_SPACE = SynthesisOptions.space  # where a head learns
LAYER = undersampling.POOLED  # what a probe learns from, and neighbours are told by
CLASSES = ("classes", "per_class")
EQUAL = "equal"  # the shares of subclasses before anybody could choose them


@dataclass(frozen=True)
class Rebalancing:
    """A treatment of training images: they are cut, or raised, or first cut and then raised.

    cut: how the images to keep are chosen; None keeps all. raised: how the samples to add are
    made; None adds none. to: the class size, as ``plan`` takes it. like: in place of all that,
    images dropped and repeated at random, to the class sizes that this one leads to. classes: the
    only ones that are cut or raised; none is all. per_class: the sizes of some, in place of ``to``.
    """

    cut: SelectionOptions | None = None
    raised: SynthesisOptions | None = None
    to: str = ""
    like: "Rebalancing | None" = None
    classes: tuple[str, ...] = ()
    per_class: tuple[tuple[str, int], ...] = ()

    @property
    def changes(self) -> bool:
        """Tell whether there is anything to do."""
        return self != Rebalancing()

    @property
    def blends(self) -> bool:
        """Tell whether samples are added that are to be blended as embeddings."""
        inner = self.like or self
        return inner.raised is not None and inner.raised.space == "embedding"

    @property
    def makes_images(self) -> bool:
        """Tell whether samples are added that only a network on images can see."""
        raised = (self.like or self).raised
        return raised is not None and OWN_SPACE not in OVERSAMPLERS[raised.method].spaces

    def as_trained(self) -> "Rebalancing":
        """The same as the network that is trained sees it.

        What is blended as embeddings is sampled among those of that network, not the extractor's.
        """
        if not self.blends:
            return self
        if self.like is not None:
            return replace(self, like=self.like.as_trained())
        assert self.raised is not None
        return replace(self, raised=replace(self.raised, layer=OWN_LAYER))

    @property
    def before_blends(self) -> "Rebalancing":
        """The part that images of a network go through, before their embeddings are blended."""
        inner = self.like or self
        if not self.blends:
            return self
        if inner.cut is None:
            return NONE
        cut = replace(inner, raised=None)
        return cut if self.like is None else Rebalancing(like=cut)

    @property
    def pixel_side(self) -> int | None:
        """The side of the squares whose pixels tell neighbours; None where none do."""
        raised = (self.like or self).raised
        return None if raised is None else pixel_side(raised.neighbours_in)

    @property
    def looks_at_features(self) -> bool:
        """Tell whether it goes by what a network sees, and not by chance or pixels alone."""
        inner = self.like or self
        cuts = inner.cut is not None and UNDERSAMPLERS[inner.cut.method].needs_features
        raises = inner.raised is not None and OVERSAMPLERS[inner.raised.method].needs_features
        return cuts or (raises and self.pixel_side is None)

    @property
    def by_chance(self) -> bool:
        """Tell whether images are dropped and repeated at random, looking at nothing.

        What blends is not, whatever is blended.
        """
        looks = self.cut is not None and UNDERSAMPLERS[self.cut.method].needs_features
        if self.raised is not None:
            method = OVERSAMPLERS[self.raised.method]
            looks = looks or method.needs_features or not method.repeats
        return not looks

    @property
    def targets(self) -> Targets:
        """The sizes that classes are cut to."""
        return Targets(self.to, self.per_class, self.classes)

    @property
    def growth(self) -> Growth:
        """The sizes that classes are raised to."""
        return Growth(self.to, self.per_class, self.classes)

    @property
    def layer(self) -> str | None:
        """The layer that is looked at to cut; ``auto`` is all, None is none but ``LAYER``."""
        cut = (self.like or self).cut
        return None if cut is None else UNDERSAMPLERS[cut.method].layer(cut)

    def as_record(self) -> dict[str, Any]:
        """For JSON; equal records do the same.

        What names classes is left out where it names none, options that the methods have no use
        for, and those that came later where they change nothing, as in records of long ago.
        """
        record = asdict(self)
        record["cut"] = self.cut and _cut_as_record(self.cut)
        record["raised"] = self.raised and self.raised.as_record()
        record["like"] = self.like and self.like.as_record()
        for name in CLASSES:
            if not record[name]:
                del record[name]
        return applicable(record)


NONE = Rebalancing()


def _cut_as_record(selection: SelectionOptions) -> dict[str, Any]:
    """The options as earlier studies know them, whose shares were equal and are not told."""
    record = asdict(selection)
    if record["quotas"] == EQUAL:
        del record["quotas"]
    return record
