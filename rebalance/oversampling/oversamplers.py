"""The oversamplers by name, and what they share: checks, streams of random numbers, notes.

A new oversampler is a function in ``samplers`` and its line in ``OVERSAMPLERS``. Imports numpy and
nothing heavier; may not import torch or click.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance import seeds
from rebalance.class_sizes import grown_sizes, with_blends
from rebalance.errors import FeatureError, SettingError
from rebalance.oversampling.across import mixup, skew_mix
from rebalance.oversampling.generated import VOTERS, generated
from rebalance.oversampling.images import augment, cmo, remix
from rebalance.oversampling.neighbourhoods import NEIGHBOURS
from rebalance.oversampling.recipes import Added
from rebalance.oversampling.relabelling import balanced_svm
from rebalance.oversampling.safe_levels import safe_level
from rebalance.oversampling.samplers import (
    EOS_NEIGHBOURS,
    adasyn,
    borderline_1,
    borderline_2,
    eos,
    ros,
    smote,
)
from rebalance.oversampling.samples import (
    Draw,
    Features,
    Labels,
    Minority,
    SamplerOptions,
    Samples,
)
from rebalance.oversampling.subclusters import cluster
from rebalance.progress import warn_of_classes
from rebalance.settings import Growth, SynthesisOptions
from rebalance.settings.option import declared
from rebalance.settings.rebalancing import SPACES


@dataclass(frozen=True)
class Oversampler:
    """A way to choose the samples to add; calling it chooses them.

    draw: the recipes of each class, as many as are wanted of it.
    needs_features: False if None may be given for them.
    neighbours: how many it draws partners from unless told; None if it has no use for them.
    by_subclass: whether it goes by the subclasses of a class alone; it takes them as the option
    ``subclasses``, and ``max`` is to it what they make of the largest class.
    across: whether it blends each class with the others, as many samples as the class is raised to,
    under labels that both share.
    repeats: whether all that it adds are samples as they are. shares: whether labels are shared by
    two classes. spaces: where its recipes can be followed, its own first.
    given: whether it adds images that it is given as ``candidates``, of which there may be too few.
    own: the further fields of ``SynthesisOptions`` that are for it.
    """

    draw: Callable[[Samples, Sequence[Minority], SamplerOptions], list[Draw]]
    needs_features: bool = True
    neighbours: int | None = None
    by_subclass: bool = False
    across: bool = False
    repeats: bool = False
    shares: bool = False
    spaces: tuple[str, ...] = SPACES
    given: bool = False
    own: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its key in ``OVERSAMPLERS``."""
        return self.draw.__name__.replace("_", "-")

    def sizes(self, counts: Mapping[str, int], growth: Growth) -> dict[str, int]:
        """The size that every class ends with, by its name; ``TargetError`` as ``grown_sizes``."""
        return with_blends(counts, growth) if self.across else grown_sizes(counts, growth)

    @property
    def options(self) -> tuple[str, ...]:
        """The fields of ``SynthesisOptions`` that mean something to it, and not to every other."""
        return (*(("neighbours",) if self.neighbours is not None else ()), *self.own)

    def __call__(
        self,
        features: Features | None,
        labels: Labels,
        wanted: Mapping[int, int],
        rng: np.random.Generator,
        **options: Any,
    ) -> Added:
        """The samples to add: just as many as are wanted of each class, where they are not given.

        features: [N, D], not modified. labels: the class index [N] of each sample. wanted: how many
        to add to a class. options: the fields of ``SamplerOptions``. rng: one number is drawn from
        it, and each class then has a stream of its own: the draws of a class depend neither on the
        other classes wanted nor on how many of them there are.

        ValueError for a negative number wanted. SettingError for neighbours where the method has no
        use for them. FeatureError, naming the class, for one that has too few samples to start from
        (2 where it needs neighbours, otherwise 1) and for features that are not finite; also for
        features that are missing or do not fit the labels. Notes are also logged, as warnings.

        >>> import numpy as np
        >>> from rebalance.oversampling import OVERSAMPLERS
        >>> features = np.array([[0.0], [1.0], [8.0], [9.0], [10.0]])
        >>> labels = np.array([0, 0, 1, 1, 1])
        >>> added = OVERSAMPLERS["smote"](features, labels, {0: 1}, np.random.default_rng(0))
        >>> added.base.tolist(), added.partner.tolist(), added.weight.round(2).tolist()
        ([0], [1], [0.27])
        """
        chosen = SamplerOptions(**options)
        self.check_neighbours(chosen.neighbours)
        samples = Samples(features, labels, chosen.nearest)
        classes = self._classes(samples, wanted, rng, chosen)
        return _joined(classes, self.draw(samples, classes, chosen), chosen)

    def check(self, options: SynthesisOptions) -> None:
        """Raise SettingError where an option was changed that is other methods' own."""
        self.check_neighbours(options.neighbours)
        self.check_space(options.space)
        plain = SynthesisOptions()
        for name in dict.fromkeys(own for each in OVERSAMPLERS.values() for own in each.own):
            if name in self.own or getattr(options, name) == getattr(plain, name):
                continue
            owners = [each.name for each in OVERSAMPLERS.values() if name in each.own]
            flag = declared(plain)[name][1].flag or f"--{name.replace('_', '-')}"
            raise SettingError(
                f"{flag} is for {' and '.join(owners)}, not {self.name}: leave it out"
            )

    def check_neighbours(self, asked: int | None) -> None:
        """Raise SettingError for a number of neighbours where the method has no use for them."""
        if asked is not None and self.neighbours is None:
            raise SettingError(
                f"{self.name} looks at no neighbours, but {asked} were asked for: leave the number "
                "out"
            )

    def check_space(self, space: str) -> None:
        """Raise SettingError for a space that its recipes cannot be followed in."""
        if space not in self.spaces:
            raise SettingError(
                f"{self.name} makes images, of which there are no features: oversample by it with "
                "--space pixel, and train a network on that manifest"
            )

    def check_start(self, label: int, members: int) -> None:
        """Raise FeatureError for a class of too few samples to make others of."""
        least = 1 if self.neighbours is None or self.given else 2
        if members < least:
            raise FeatureError(
                f"{self.name} needs at least {least} to start from, found {members}: add images, "
                "or choose another method",
                label,
            )

    def _classes(
        self,
        samples: Samples,
        wanted: Mapping[int, int],
        rng: np.random.Generator,
        options: SamplerOptions,
    ) -> list[Minority]:
        """The classes that get any, checked, in rising order."""
        seed = int(rng.integers(2**63))
        classes = []
        for label, count in sorted(wanted.items()):
            if count < 0:
                raise ValueError(f"class {label}: {count} samples cannot be added")
            members = samples.members(label)
            if count:
                self.check_start(label, len(members))
                stream = seeds.generator(seed, "oversample", self.name, options.name(label))
                classes.append(Minority(label, members, count, stream))
        return classes


def _joined(classes: Sequence[Minority], draws: Sequence[Draw], options: SamplerOptions) -> Added:
    notes = {}
    for minority, draw in zip(classes, draws, strict=True):
        if draw.notes:
            notes[minority.label] = "; ".join(draw.notes)
    warn_of_classes({options.name(label): note for label, note in notes.items()})
    nothing = np.zeros(0, np.int64)
    return Added(
        np.concatenate([nothing, *(draw.base for draw in draws)]),
        np.concatenate([nothing, *(draw.partner for draw in draws)]),
        np.concatenate([np.zeros(0), *(draw.weight for draw in draws)]),
        notes,
        _shares(draws),
        _operations(draws),
        _made_as(classes, draws),
        _given(draws),
    )


def _shares(draws: Sequence[Draw]) -> NDArray[np.float64] | None:
    """The shares of all draws; None where none of them has any."""
    if all(draw.share is None for draw in draws):
        return None
    told = (np.zeros(len(draw.base)) if draw.share is None else draw.share for draw in draws)
    return np.concatenate([*told])


def _operations(draws: Sequence[Draw]) -> tuple[str, ...] | None:
    """The operations of all draws, "" where there is none; None where none of them has any."""
    if all(draw.operation is None for draw in draws):
        return None
    told = (("",) * len(draw.base) if draw.operation is None else draw.operation for draw in draws)
    return tuple(chain.from_iterable(told))


def _made_as(classes: Sequence[Minority], draws: Sequence[Draw]) -> NDArray[np.int64] | None:
    """The classes that all samples are labelled as; None where each is that of its base."""
    if all(draw.made_as is None for draw in draws):
        return None
    told = (
        np.full(len(draw.base), minority.label) if draw.made_as is None else draw.made_as
        for minority, draw in zip(classes, draws, strict=True)
    )
    return np.concatenate([*told]).astype(np.int64)


def _given(draws: Sequence[Draw]) -> NDArray[np.int64] | None:
    """Which of the images given each sample is; None where there are none."""
    told = [draw.given for draw in draws if draw.given is not None]
    return np.concatenate(told).astype(np.int64) if told else None


IMAGES_FIRST = SPACES[::-1]
IMAGES_ONLY = IMAGES_FIRST[:1]

OVERSAMPLERS: dict[str, Oversampler] = {
    oversampler.name: oversampler
    for oversampler in (
        Oversampler(ros, needs_features=False, repeats=True, own=("copies",)),
        Oversampler(smote, neighbours=NEIGHBOURS),
        Oversampler(borderline_1, neighbours=NEIGHBOURS, own=("danger_neighbours",)),
        Oversampler(borderline_2, neighbours=NEIGHBOURS, own=("danger_neighbours",)),
        Oversampler(adasyn, neighbours=NEIGHBOURS),
        Oversampler(safe_level, neighbours=NEIGHBOURS),
        Oversampler(balanced_svm, neighbours=NEIGHBOURS),
        Oversampler(eos, neighbours=EOS_NEIGHBOURS, own=("reach",)),
        Oversampler(cluster, by_subclass=True, repeats=True),
        Oversampler(mixup, needs_features=False, across=True, shares=True),
        Oversampler(skew_mix, needs_features=False, across=True, shares=True),
        Oversampler(remix, needs_features=False, shares=True, spaces=IMAGES_FIRST),
        Oversampler(cmo, needs_features=False, shares=True, spaces=IMAGES_ONLY),
        Oversampler(augment, needs_features=False, spaces=IMAGES_ONLY, own=("operations",)),
        Oversampler(
            generated,
            neighbours=VOTERS,
            spaces=IMAGES_ONLY,
            given=True,
            own=("generated_from", "test"),
        ),
    )
}
BY_CHANCE = ros.__name__  # the one that every other has to be better than
