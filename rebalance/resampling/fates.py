"""What becomes of each sample, and what there is to tell of each class."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from rebalance.clusters import Subclasses
from rebalance.records import ClassStory


@dataclass(frozen=True)
class Fate:
    """Whether a sample is kept, and the subclass it was found in, if any.

    distance: to the centre of that subclass. reason: why it is dropped; empty where it is kept.
    """

    kept: bool
    cluster: int | None = None
    distance: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Selection:
    """The fate of each sample, and the story of each class that there is something to tell of.

    fates: in the order of the samples. stories: by the name of the class, for JSON. subclasses:
    those of each class that was clustered, by label.
    """

    fates: list[Fate]
    stories: dict[str, ClassStory]
    subclasses: dict[int, Subclasses] = field(default_factory=dict)

    def told(self, classes: Sequence[str], more: Mapping[str, ClassStory]) -> "Selection":
        """The same with ``more`` to tell of classes, by name, after what is told already."""
        stories: dict[str, ClassStory] = {
            name: {**self.stories.get(name, {}), **more.get(name, {})}
            for name in classes
            if name in self.stories or name in more
        }
        return replace(self, stories=stories)

    def among(self, reasons: Mapping[int, str], total: int) -> "Selection":
        """This selection among ``total`` samples, of which others went before.

        reasons: why each of those goes, by its position among all.
        """
        others = iter(self.fates)
        fates = [
            Fate(kept=False, reason=reasons[position]) if position in reasons else next(others)
            for position in range(total)
        ]
        return replace(self, fates=fates)

    def with_dropped(
        self,
        reasons: Mapping[int, str],
        labels: Sequence[int],
        classes: Sequence[str],
        cut: Iterable[int],
    ) -> "Selection":
        """This selection among the samples left by near-duplicates, as one among all of them.

        reasons: why each near-duplicate goes, by its position among all samples, whose class
        indices are ``labels``. cut: the labels of the classes that shrink, whose stories tell how
        many went before anything was selected.
        """
        went = Counter(labels[position] for position in reasons)
        told: dict[str, ClassStory] = {
            classes[label]: {"deduplicated": went[label]} for label in cut
        }
        return self.among(reasons, len(labels)).told(classes, told)
