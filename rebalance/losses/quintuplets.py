"""Large margin local embedding: each image nearer to its cluster than to its class, and to others.

Source: Huang, Li, Loy & Tang, "Learning Deep Representation for Imbalanced Classification", CVPR
2016. Imports torch and nothing heavier.
"""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import relu

from rebalance import seeds
from rebalance.clusters.within_classes import cluster_classes
from rebalance.losses.arguments import ClassCounts, at_least_zero, number
from rebalance.losses.loss import Answers
from rebalance.losses.remembering import RememberingLoss, normalised

BLOCK = 1024  # images whose distances are held at a time
DIGITS = 12  # of a distance: those that the order of additions does not reach


class LMLE(RememberingLoss):
    """ce · cross entropy + Σ_h max(0, g_h + D(f, v_h) - D(f, v_h+1)), h = 1, 2, 3: a quintuplet.

    Before every epoch ``learn`` takes the embeddings of the training images, normalised, cuts each
    class into clusters by k-means, and finds four partners of each image: v_1 the farthest of its
    cluster, v_2 the nearest of its class in another cluster, v_3 the farthest of its class, and v_4
    the nearest of another class. D is the squared Euclidean distance and f the embedding in
    training, normalised too; so clusters of a class keep together and apart from each other, and
    classes farther apart. A hinge that lacks a partner is 0. Embeddings [N, D] and the positions
    [N] of the images are a third and a fourth argument; without them, and before anything was
    learned, it is the cross entropy.

    g1, g2, g3: margins, at least 0. size: about how many images a cluster has, a whole number of at
    least 1; no class has more than 20 clusters. share: how much of each class partners are drawn
    from, others before every epoch, above 0 and at most 1: so that no image with a wrong label is
    everybody's neighbour. ce: at least 0; with 0 the last layer does not learn, and ``--classifier
    clusters`` is to decide. Source: Huang et al. 2016, eq. 1 and 2, and the half that partners are
    of. Ours: partners are as they were before the epoch, so that an image alone is moved; the cross
    entropy beside it; and the margins, of which the paper gives upper bounds.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> from rebalance.losses.loss import Answers
    >>> loss, labels = LOSSES["lmle"]([4, 1], size=2, share=1), torch.tensor([0, 0, 0, 0, 1])
    >>> points = torch.tensor([[1.0, 0], [4, 1], [0, 1], [1, 4], [-1, 0]])
    >>> loss.learn(Answers(torch.full((5, 2), 0.5), points, labels))
    >>> loss.partners.tolist()
    [[1, 3, 2, 4], [0, 3, 2, 4], [3, 1, 0, 4], [2, 1, 0, 4], [-1, -1, -1, 2]]
    >>> logits, seen = torch.zeros(1, 2), torch.tensor([[3.0, 0.0]])
    >>> round(loss(logits, labels[:1]).item(), 3)
    0.693
    >>> round(loss(logits, labels[:1], seen, torch.tensor([0])).item(), 3)
    0.693
    >>> round(loss(logits, labels[:1], -seen, torch.tensor([0])).item(), 3)
    5.333
    """

    turns: Tensor  # how often it has learned, a scalar; a buffer
    partners: Tensor  # of each image [N, 4], -1 for none; a buffer

    def __init__(
        self,
        class_counts: ClassCounts,
        g1: float = 0.1,
        g2: float = 0.2,
        g3: float = 0.4,
        size: int = 20,
        share: float = 0.5,
        ce: float = 1.0,
    ) -> None:
        super().__init__(class_counts)
        self.margins = at_least_zero("g1", g1), at_least_zero("g2", g2), at_least_zero("g3", g3)
        needed = "a whole number of at least 1"
        self.size = int(number("size", size, needed, lambda found: found >= 1 and found % 1 == 0))
        needed = "a number above 0 and at most 1"
        self.share = number("share", share, needed, lambda found: 0 < found <= 1)
        self.ce = at_least_zero("ce", ce)
        self.register_buffer("turns", torch.tensor(0))
        self.register_buffer("partners", torch.zeros(0, 4, dtype=torch.int64), persistent=False)

    def added(self, targets: Tensor, embeddings: Tensor, positions: Tensor) -> Tensor:
        """Return the sum of the three hinges [N] of each image."""
        partners = self.partners[positions]
        others = self.points[partners.clamp(min=0)].to(embeddings)
        own = normalised(embeddings)
        apart = (own[:, None] - others).square().sum(dim=2)
        both = (partners[:, :-1] >= 0) & (partners[:, 1:] >= 0)
        margins = embeddings.new_tensor(self.margins)
        return (both * relu(margins + apart[:, :-1] - apart[:, 1:])).sum(dim=1)

    def learn(self, answers: Answers) -> None:
        """Take the embeddings of the training images, and find the partners of each."""
        points = self.remembered(answers)
        labels = answers.labels.numpy()
        clusters = cluster_classes(points.numpy(), labels, self.size).members
        rng = seeds.generator(0, "quintuplets", int(self.turns))
        offered = torch.from_numpy(_drawn(labels, self.share, rng))
        partners = _partners(points, answers.labels, torch.from_numpy(clusters), offered)
        device = self.weights.device
        self.points, self.partners = points.to(device), partners.to(device)
        self.turns += 1


def _drawn(labels: NDArray[np.int64], share: float, rng: np.random.Generator) -> NDArray[np.int64]:
    """The places of a share of each class, rounded up, rising."""
    found = []
    for label in np.unique(labels):
        own = np.flatnonzero(labels == label)
        found.append(rng.permutation(own)[: int(np.ceil(round(share * len(own), 9)))])
    return np.sort(np.concatenate(found))


def _partners(points: Tensor, labels: Tensor, clusters: Tensor, offered: Tensor) -> Tensor:
    """The four partners of each image [N, 4] among those offered, -1 for none.

    Tie: the earlier. An image is no partner of its own.
    """
    found = []
    candidates, theirs, parts = points[offered].double(), labels[offered], clusters[offered]
    for start in range(0, len(points), BLOCK):
        rows = torch.arange(start, min(start + BLOCK, len(points)))
        # Of points of length 1; differences of products are as good as of points there.
        near = (points[rows].double() @ candidates.T).round(decimals=DIGITS)
        others = rows[:, None] != offered
        same = (labels[rows][:, None] == theirs) & others
        together = (clusters[rows][:, None] == parts) & others
        columns = [
            _best(-near, together, offered),
            _best(near, same & ~together, offered),
            _best(-near, same, offered),
            _best(near, labels[rows][:, None] != theirs, offered),
        ]
        found.append(torch.stack(columns, dim=1))
    return torch.cat(found)


def _best(values: Tensor, allowed: Tensor, offered: Tensor) -> Tensor:
    """In each row, the place that is offered with the largest value of those allowed, or -1."""
    ranked = values.masked_fill(~allowed, -torch.inf)
    place = (ranked == ranked.amax(dim=1, keepdim=True)).int().argmax(dim=1)
    return torch.where(allowed.any(dim=1), offered[place], -1)
