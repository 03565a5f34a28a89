"""Cross entropy whose costs stand inside the softmax, and are learned beside the network.

Source: Khan, Hayat, Bennamoun, Sohel & Togneri, "Cost-Sensitive Learning of Deep Feature
Representations From Imbalanced Data", TNNLS 2018. Imports torch and nothing heavier.
"""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from rebalance.losses.arguments import ClassCounts, counts_of, number
from rebalance.losses.loss import Answers, SampleLoss, widened

LEAST = 1e-6  # of a cost: its logarithm stays finite, and the class in the softmax
COMPARED = 4096  # validation images, at most, whose distances are measured
BLOCK = 512  # of them at a time


class CoSen(SampleLoss):
    """Cost-sensitive cross entropy, -log(ξ_yy e^z_y / Σ_c ξ_yc e^z_c), whose costs ξ are learned.

    A network decides by its logits as they are. The costs [K, K], of a true and another class, are
    1 at first. Before every epoch ``learn`` moves them by 2·rate·(T - ξ) towards T = H · exp(-(S -
    μ_s)² / 2σ_s²) · exp(-(R - μ_r)² / 2σ_r²), from what the network says of validation images:
    H_pq is the larger of the shares of the training images that p and q hold; R_pq how much of p is
    taken for q; S_pq the mean, over the images of p, of the distance to the nearest other of p by
    that to the nearest of q, embeddings compared. Where validation images leave S or R open, its
    factor is 1. When the mean error of the classes has risen in an epoch, the rate is multiplied by
    ``drop``.

    rate: above 0, at most 0.5, where a step leads all the way. drop: from 0 to 1. mu_s, sigma_s,
    mu_r, sigma_r: μ and σ, the latter above 0; the paper has them from cross-validation, and with
    1, a pair is the dearer the harder it is to tell apart. Source: Khan et al. 2018, algorithm 1;
    ours is that a ratio of distances counts 1 at most, and the mean error for the total one.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> from rebalance.losses.loss import Answers
    >>> loss = LOSSES["cosen"]([90, 10], rate=0.5)
    >>> said = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.4, 0.6]]).double()
    >>> points, labels = torch.tensor([[0.0], [1.0], [4.0], [5.0]]), torch.tensor([0, 0, 1, 1])
    >>> loss.learn(Answers(said, points, labels))
    >>> [[round(cost, 3) for cost in row] for row in loss.costs.tolist()]
    [[0.9, 0.425], [0.618, 0.088]]
    >>> round(loss(torch.tensor([[1.0, 1.0]]), torch.tensor([1])).item(), 3)
    2.08
    """

    learns_from_validation = True
    costs: Tensor  # [K, K], a buffer
    rate: Tensor  # scalars, buffers: what learning has come to
    error: Tensor

    def __init__(
        self,
        class_counts: ClassCounts,
        rate: float = 0.1,
        drop: float = 0.01,
        mu_s: float = 1.0,
        sigma_s: float = 1.0,
        mu_r: float = 1.0,
        sigma_r: float = 1.0,
    ) -> None:
        super().__init__(class_counts)
        needed = "a number above 0 and at most 0.5"
        rate = number("rate", rate, needed, lambda found: 0 < found <= 0.5)
        self.drop = number("drop", drop, "a number from 0 to 1", lambda found: 0 <= found <= 1)
        self.mu_s = number("mu_s", mu_s, "a finite number", lambda found: True)
        self.sigma_s = number("sigma_s", sigma_s, "a number above 0", lambda found: found > 0)
        self.mu_r = number("mu_r", mu_r, "a finite number", lambda found: True)
        self.sigma_r = number("sigma_r", sigma_r, "a number above 0", lambda found: found > 0)
        shares = torch.tensor(counts_of(class_counts), dtype=torch.float64)
        self.shares = (shares / shares.sum().clamp(min=1)).tolist()
        self.register_buffer("costs", torch.ones(self.classes, self.classes))
        self.register_buffer("rate", torch.tensor(rate))
        self.register_buffer("error", torch.tensor(1.0))

    def per_sample(self, logits: Tensor, targets: Tensor) -> Tensor:
        priced = logits + widened(self.costs).log()[targets]
        return cross_entropy(priced, targets, reduction="none")

    def learn(self, answers: Answers) -> None:
        """Take one step of the costs, and a smaller rate if the classes' mean error has risen."""
        confusion = confusion_of(answers.probabilities.argmax(dim=1), answers.labels, self.classes)
        error = (1 - confusion.diagonal()).nanmean().to(self.error)
        if error > self.error:
            self.rate.mul_(self.drop)
        self.error.copy_(error)
        apart = separability(answers.embeddings, answers.labels, self.classes)
        step = 2 * self.rate * (self.wanted(apart, confusion).to(self.costs) - self.costs)
        self.costs.add_(step).clamp_(min=LEAST)

    def wanted(self, apart: Tensor, confusion: Tensor) -> Tensor:
        """T [K, K], from S and R, both [K, K] and NaN where they are open."""
        shares = torch.tensor(self.shares, dtype=torch.float64)
        wanted = torch.maximum(shares[:, None], shares)
        for found, mu, sigma in (
            (apart, self.mu_s, self.sigma_s),
            (confusion, self.mu_r, self.sigma_r),
        ):
            wanted = wanted * (-(((found.nan_to_num(mu) - mu) / sigma) ** 2) / 2).exp()
        return wanted


def confusion_of(predicted: Tensor, labels: Tensor, classes: int) -> Tensor:
    """How much of each class is taken for which [K, K], float64; NaN for a class without images."""
    counts = (labels * classes + predicted).bincount(minlength=classes**2).double()
    counts = counts.view(classes, classes)
    return counts / counts.sum(dim=1, keepdim=True)


def separability(embeddings: Tensor, labels: Tensor, classes: int) -> Tensor:
    """S [K, K], float64: how near images of a class are to their own beside another class.

    The mean over the images of p of the distance to the nearest other of p, divided by that to the
    nearest of q, each ratio 1 at most and 1 for q = p. NaN where p has one image or q none. Of many
    images, ``COMPARED`` are measured, spread over each class.
    """
    few = _spread(labels, classes)
    points, labels = embeddings[few].double(), labels[few]
    nearest = torch.empty(len(points), classes, dtype=torch.float64)
    for start in range(0, len(points), BLOCK):
        block = points[start : start + BLOCK]
        # By matrix product, near embeddings would lose their distance in rounding.
        away = torch.cdist(block, points, compute_mode="donot_use_mm_for_euclid_dist")
        rows = torch.arange(len(block))
        away[rows, start + rows] = torch.inf
        for label in range(classes):
            of_class = away[:, labels == label]
            nearest[start : start + BLOCK, label] = (
                of_class.amin(dim=1) if of_class.shape[1] else torch.inf
            )
    own = nearest.gather(1, labels[:, None])
    ratios = torch.where(own >= nearest, 1.0, own / nearest)
    ratios = torch.where(nearest.isinf() | own.isinf(), torch.nan, ratios)
    empty = torch.full((classes,), torch.nan, dtype=torch.float64)
    found = [ratios[labels == label] for label in range(classes)]
    return torch.stack([each.mean(dim=0) if len(each) else empty for each in found])


def _spread(labels: Tensor, classes: int) -> Tensor:
    """The places of at most ``COMPARED`` images, at even steps in each class, but two of each."""
    most = max(COMPARED // classes, 2)
    places = [(labels == label).nonzero()[:, 0] for label in range(classes)]
    return torch.cat([each[:: -(-len(each) // most) or 1] for each in places])
