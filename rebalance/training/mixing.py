"""Images of a step mixed with one another, and their labels in like shares.

Every image brings its own random numbers, and its partner is the image before it in the step, over
all forward passes and processes: what a network sees depends on neither. A new way to mix is a
class and its line in ``MIXES``. Imports numpy, and torch only when called.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from rebalance.settings.named import read_named, spelled_named
from rebalance.settings.numbers import Range, check_number

if TYPE_CHECKING:
    from torch import Tensor

RANGES = {
    "alpha": Range(above=0, most=1000),
    "kappa": Range(above=1),
    "tau": Range(least=0, most=1),
}


@dataclass(frozen=True)
class Mix:
    """A way to mix images of a step, whose options are its fields; as it stands, none are mixed."""

    mixes: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for each in fields(self):
            what = f"the option {each.name} of a mix must be"
            check_number(what, getattr(self, each.name), float, RANGES[each.name])

    def numbers(self, rng: np.random.Generator, count: int) -> NDArray[np.float32]:
        """Draw what tells how ``count`` images are mixed: λ, and where a box lies; [count, 3]."""
        return np.empty((count, 0), dtype=np.float32)

    def mixed(self, images: Tensor, partners: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        """Return images [B, C, H, W] mixed with their partners, and each one's own part [B]."""
        return images, images.new_ones(len(images))

    def own_share(self, own: Tensor, counts: Tensor, others: Tensor) -> Tensor:
        """Return how much of the label is the image's own class [B].

        own: how much of the image is its own [B]. counts, others: training images of its class and
        of its partner's [B].
        """
        return own

    def drawn(self, draws: Sequence[float], counts: Sequence[int]) -> list[float]:
        """Return how much of the labels each class [K] has, where it is drawn so often [K].

        counts: training images of each class. As long as a pair shares its label as its image, that
        is as often as it is drawn.
        """
        return list(draws)


@dataclass(frozen=True)
class NoMix(Mix):
    """Every image is shown by itself and has one label."""

    mixes: ClassVar[bool] = False


@dataclass(frozen=True)
class Mixup(Mix):
    """Each image is blended with another, pixel by pixel, and its label in the same shares.

    alpha: λ, the image's own share, is from Beta(alpha, alpha). Source: Zhang et al., "mixup:
    Beyond Empirical Risk Minimization", ICLR 2018, eq. 2.

    >>> import torch
    >>> from rebalance.training.mixing import MIXES
    >>> images, partners = torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)
    >>> found, own = MIXES["mixup"]().mixed(images, partners, torch.tensor([[0.75, 0, 0]]))
    >>> found.flatten().tolist(), own.tolist()
    ([0.25, 0.25, 0.25, 0.25], [0.75])
    """

    alpha: float = 1.0

    def numbers(self, rng: np.random.Generator, count: int) -> NDArray[np.float32]:
        own = rng.beta(self.alpha, self.alpha, size=(count, 1))
        return np.concatenate([own, rng.random((count, 2))], axis=1, dtype=np.float32)

    def mixed(self, images: Tensor, partners: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        own = numbers[:, 0]
        share = own.view(-1, 1, 1, 1)
        return share * images + (1 - share) * partners, own


@dataclass(frozen=True)
class Cutmix(Mixup):
    """In each image a box shows another one, and its label is shared by the area of the box.

    alpha: 1 - λ is the area of the box before what lies outside of the image is cut off, λ from
    Beta(alpha, alpha). Source: Yun et al., "CutMix: Regularization Strategy to Train Strong
    Classifiers with Localizable Features", ICCV 2019, section 3.1 and eq. 2.
    """

    def mixed(self, images: Tensor, partners: Tensor, numbers: Tensor) -> tuple[Tensor, Tensor]:
        import torch

        height, width = images.shape[2:]
        own, down, right = numbers.unsqueeze(2).unbind(1)
        half = 0.5 * (1 - own).clamp(min=0).sqrt()
        rows = _inside(down, half, torch.arange(height, device=images.device))
        columns = _inside(right, half, torch.arange(width, device=images.device))
        box = rows.unsqueeze(2) & columns.unsqueeze(1)
        area = rows.sum(dim=1) * columns.sum(dim=1)
        return torch.where(box.unsqueeze(1), partners, images), 1 - area / (height * width)


@dataclass(frozen=True)
class Remix(Mixup):
    """Images as of mixup, but the label goes to the smaller class where it has a fair share.

    λ is the image's own share. Where its class has at least kappa times as many training images as
    its partner's and λ < tau, the label is the partner's alone; where at most 1/kappa times as many
    and 1 - λ < tau, its own alone; else it is shared as the image is. alpha: λ is from Beta(alpha,
    alpha). kappa (κ): how many times larger a class must be, above 1. tau (τ): from 0, where this
    is mixup, to 1. Source: Chou et al., "Remix: Rebalanced Mixup", ECCV workshops 2020, eq. 6.

    >>> import torch
    >>> from rebalance.training.mixing import MIXES
    >>> own, large, small = torch.tensor([0.4, 0.6]), torch.tensor([90, 90]), torch.tensor([9, 9])
    >>> remix = MIXES["remix"]()
    >>> [round(share, 1) for share in remix.own_share(own, large, small).tolist()]
    [0.0, 0.6]
    """

    kappa: float = 3.0
    tau: float = 0.5

    def own_share(self, own: Tensor, counts: Tensor, others: Tensor) -> Tensor:
        to_other = (counts >= self.kappa * others) & (own < self.tau)
        to_own = (others >= self.kappa * counts) & (1 - own < self.tau)
        return own.masked_fill(to_other, 0.0).masked_fill(to_own, 1.0)

    def drawn(self, draws: Sequence[float], counts: Sequence[int]) -> list[float]:
        """Return what is expected: of each pair, E[λ; λ < τ] more for the smaller class, twice."""
        from scipy.special import betainc

        sizes, often = np.asarray(counts, float), np.asarray(draws, float)
        larger = sizes[:, None] >= self.kappa * sizes  # [K, K]: the row's class than the column's
        gained = float(betainc(self.alpha + 1, self.alpha, self.tau))  # twice E[λ; λ < τ]
        shares = often / often.sum()
        found: list[float] = (often * (1 + gained * (shares @ larger - larger @ shares))).tolist()
        return found


MIXES: dict[str, type[Mix]] = {
    "none": NoMix,
    "mixup": Mixup,
    "cutmix": Cutmix,
    "remix": Remix,
}


def mix_of(text: str) -> Mix:
    """The mix that a text names, with its options after a colon and commas between them.

    Raises SettingError for a mix, an option or a value that cannot be.

    >>> from rebalance.training.mixing import mix_of
    >>> mix_of("remix:kappa=2,tau=.6")
    Remix(alpha=1.0, kappa=2.0, tau=0.6)
    """
    return read_named(text, MIXES, RANGES, "mix")


def spelled_mix(text: str) -> str:
    """Return a text of the same mix, equal for equal ones: without what is a default.

    >>> from rebalance.training.mixing import spelled_mix
    >>> spelled_mix("remix:kappa=3,tau=0.60"), spelled_mix("mixup:alpha=1")
    ('remix:tau=0.6', 'mixup')
    """
    return spelled_named(text.partition(":")[0], mix_of(text))


def _inside(centre: Tensor, half: Tensor, places: Tensor) -> Tensor:
    """Tell which places [S] lie in a box about a centre in [0, 1), ``half`` as wide, both [B, 1].

    Whole pixels, each way rounded down, as the paper's code has it.
    """
    side = len(places)
    middle, reach = (centre * side).long(), (half * side).long()
    return (places >= middle - reach) & (places < middle + reach)
