"""Class rectification: triplets of the hardest samples of a batch's minority classes.

Source: Dong, Gong & Zhu, TPAMI 2018. Imports torch and nothing heavier.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize, relu

from rebalance.errors import LossError
from rebalance.losses.arguments import ClassCounts, at_least_zero, counts_of, number, one_of
from rebalance.losses.loss import Loss, outside_autocast, widened

LEVELS = ("class", "instance")
MINORITY_SHARE = 0.5  # of the batch, that the minority classes hold at most together


class CRL(Loss):
    """Class rectification: α·L_crl + (1 - α)·CE, α = η·Ω, Ω = Σ_c (n_max - n_c) / (K·n_max).

    L_crl is the mean over triplets of max(0, margin + d(anchor, positive) - d(anchor, negative)).
    Minority are the smallest classes of the batch that together hold at most half of it (tie: the
    one with fewer training images, then the lower index). Each of their samples is an anchor; its
    positives are the ``kappa`` hardest others of its class c, its negatives the ``kappa`` hardest
    of other classes. A class with one image in the batch has no triplet; without any, L_crl is 0.

    At the level of classes, samples are compared by p(c): positives are hard when low, negatives
    when high; d is |p_a - p_+| and p_a - p_-. At the level of instances, by the Euclidean distance
    between their embeddings [N, D], a third argument that the other level does not look at: far
    positives and near negatives are hard. Unlike in eq. 11 these are normalised first: a distance
    is then at most 2, and the margin means the same for every network. Without embeddings this
    level raises ValueError.

    eta (η): from 0 to 1. margin: at least 0. kappa: a whole number of at least 1. level: what
    samples are compared by, class or instance. Source: Dong, Gong & Zhu 2018, eq. 3 to 11, whose
    class level did better; Johnson & Khoshgoftaar 2019, eq. 17.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> loss = LOSSES["crl"]([50, 10], eta=0.5)
    >>> logits = torch.tensor([[2.0, 1.0, 0.5, 1.5, -1.0, 0.2], [0.0] * 6]).T
    >>> targets = torch.tensor([0, 0, 0, 0, 1, 1])
    >>> round(loss(logits, targets).item(), 4)
    0.3903
    >>> loss = LOSSES["crl"]([50, 10], eta=0.5, level="instance")
    >>> embeddings = torch.tensor([[9.0, 8, 9, 7, 0, 1], [0, 1, 2, 3, 2, 1]]).T
    >>> round(loss(logits, targets, embeddings).item(), 4)
    0.3765
    """

    def __init__(
        self,
        class_counts: ClassCounts,
        eta: float = 0.01,
        margin: float = 0.5,
        kappa: int = 3,
        level: str = "class",
    ) -> None:
        super().__init__(class_counts)
        self.counts = counts_of(class_counts)
        self.alpha = _imbalance(self.counts) * number(
            "eta", eta, "a number from 0 to 1", lambda found: 0 <= found <= 1
        )
        self.margin = at_least_zero("margin", margin)
        needed = "a whole number of at least 1"
        self.kappa = int(
            number("kappa", kappa, needed, lambda found: found >= 1 and found.is_integer())
        )
        self.takes_embeddings = one_of("level", level, LEVELS) == "instance"

    def forward(self, logits: Tensor, targets: Tensor, embeddings: Tensor | None = None) -> Tensor:
        self.check(logits, targets)
        with outside_autocast(logits):
            logits = widened(logits)
            if self.takes_embeddings:
                rectification = self._instance_level(embeddings, targets)
            else:
                rectification = self._class_level(logits.softmax(dim=1), targets)
            plain = cross_entropy(logits, targets)
            return self.alpha * rectification + (1 - self.alpha) * plain

    def _class_level(self, probabilities: Tensor, targets: Tensor) -> Tensor:
        """L_crl by p(c), from the softmax [N, K]."""
        hinges = []
        for label in self._minority(targets):
            own, scores = targets == label, probabilities[:, label]
            signed = scores[own][:, None] - scores
            hardness = scores.expand_as(signed)
            hinges.append(self._hinges(own, signed.abs(), signed, -hardness, hardness))
        return _mean(hinges, probabilities)

    def _instance_level(self, embeddings: Tensor | None, targets: Tensor) -> Tensor:
        """L_crl by the Euclidean distance of embeddings [N, D], normalised."""
        if embeddings is None:
            raise ValueError("level=instance compares embeddings, and none were given")
        if embeddings.ndim != 2 or len(embeddings) != len(targets):
            raise ValueError(
                f"embeddings must be [{len(targets)}, D], not {list(embeddings.shape)}"
            )
        embeddings = normalize(widened(embeddings), dim=1)
        hinges = []
        for label in self._minority(targets):
            own = targets == label
            # By matrix product, near embeddings would lose their distance in rounding.
            apart = torch.cdist(
                embeddings[own], embeddings, compute_mode="donot_use_mm_for_euclid_dist"
            )
            hinges.append(self._hinges(own, apart, apart, apart, -apart))
        return _mean(hinges, embeddings)

    def _minority(self, targets: Tensor) -> Iterator[int]:
        """The minority classes of the batch that have two images there, smallest first."""
        in_batch = targets.bincount(minlength=self.classes).tolist()
        room = MINORITY_SHARE * len(targets)
        for label in sorted(range(self.classes), key=lambda c: (in_batch[c], self.counts[c])):
            room -= in_batch[label]
            if room < 0:
                return
            if in_batch[label] >= 2:
                yield label

    def _hinges(
        self,
        own: Tensor,
        to_positive: Tensor,
        to_negative: Tensor,
        hard_positive: Tensor,
        hard_negative: Tensor,
    ) -> Tensor:
        """max(0, margin + d(a, +) - d(a, -)) of every triplet of one class, flat.

        own: whether a sample is of the class [N], as n samples are. The others hold, for each of
        these n anchors and every sample [n, N], the distance as a positive or as a negative, and
        how hard it would be as such.
        """
        places = torch.arange(len(own), device=own.device)
        others = own & (places != places[own][:, None])
        members, samples = others.shape
        positives = _hardest(hard_positive, others, min(self.kappa, members - 1))
        negatives = _hardest(hard_negative, ~own, min(self.kappa, samples - members))
        pulled = to_positive.gather(1, positives)[:, :, None]
        pushed = to_negative.gather(1, negatives)[:, None, :]
        return relu(self.margin + pulled - pushed).flatten()


def _imbalance(counts: list[int]) -> float:
    """Ω, from 0 for classes of one size towards 1."""
    largest = max(counts)
    if largest == 0:
        raise LossError("no class has training images, but the imbalance is wanted: add some")
    return sum(largest - count for count in counts) / (len(counts) * largest)


def _hardest(hardness: Tensor, allowed: Tensor, count: int) -> Tensor:
    """In each row [n, N], the places of the ``count`` hardest among the ``allowed`` samples.

    Tie: the earlier sample.
    """
    ranked = hardness.detach().masked_fill(~allowed, -torch.inf)
    return ranked.argsort(dim=1, descending=True, stable=True)[:, :count]


def _mean(hinges: list[Tensor], like: Tensor) -> Tensor:
    """The mean over the triplets of all classes; 0 without any."""
    return torch.cat(hinges).mean() if hinges else like.new_zeros(())
