"""Deep over-sampling: embeddings are drawn to mixtures of their neighbours within the class.

Source: Ando & Huang, "Deep Over-sampling Framework for Classifying Imbalanced Data", ECML PKDD
2017. Imports torch and nothing heavier.
"""

import torch
from torch import Tensor

from rebalance.losses.arguments import ClassCounts, at_least_zero, counts_of, number, one_of
from rebalance.losses.loss import Answers
from rebalance.losses.remembering import RememberingLoss, normalised

RAISED = ("minority", "all")
BLOCK = 1024  # images whose distances are held at a time


class DOS(RememberingLoss):
    """Cross entropy + pull · Σ_j w_j |f(x) - v_j|²: embeddings are drawn to mixed neighbours.

    Before every epoch ``learn`` takes the embeddings of the training images, normalised, and finds
    for each its ``k`` nearest others of its class; v_j are its own and theirs, as they then were. f
    is the embedding in training, normalised too; w are random weights that add up to 1, others each
    time an image is seen, so that it is drawn to another mixture Σ_j w_j v_j. A class that is to be
    over-sampled is seen more often, as by the sampler ``balanced``. Embeddings [N, D] and the
    positions [N] of the images are a third and a fourth argument; without them, and before anything
    was learned, it is the cross entropy.

    pull: at least 0. k: a whole number of at least 1; a class of fewer images has fewer. raised:
    whose embeddings are drawn: minority, the classes of less than the mean size, or all. Source:
    Ando & Huang 2017, its micro-cluster loss; normalised embeddings and the defaults are ours.

    >>> import torch
    >>> from rebalance.losses import LOSSES
    >>> from rebalance.losses.loss import Answers
    >>> loss, labels = LOSSES["dos"]([3, 1], raised="all", k=1), torch.tensor([0, 0, 0, 1])
    >>> points = torch.tensor([[1.0, 0], [1, 0], [0, 1], [0, 1]])
    >>> loss.learn(Answers(torch.full((4, 2), 0.5), points, labels))
    >>> loss.members.tolist()
    [[0, 1], [1, 0], [2, 0], [3, -1]]
    >>> seen = torch.tensor([[0.0, 5.0]])
    >>> logits, own = torch.zeros(1, 2), torch.tensor([0])
    >>> round(loss(logits, own).item(), 3)
    0.693
    >>> round(loss(logits, own, seen, torch.tensor([1])).item(), 3)  # with pull = 0.1, |f - v|² = 2
    0.893
    """

    raises: Tensor  # whether a class is drawn [K]; a buffer
    members: Tensor  # whose embeddings [N, k + 1], -1 for none; a buffer

    def __init__(
        self, class_counts: ClassCounts, pull: float = 0.1, k: int = 5, raised: str = "minority"
    ) -> None:
        super().__init__(class_counts)
        self.pull = at_least_zero("pull", pull)
        needed = "a whole number of at least 1"
        self.k = int(number("k", k, needed, lambda found: found >= 1 and found.is_integer()))
        counts = torch.tensor(counts_of(class_counts), dtype=torch.float64)
        everyone = one_of("raised", raised, RAISED) == "all"
        self.register_buffer("raises", (counts < counts.mean()) | everyone)
        self.register_buffer("members", torch.zeros(0, 0, dtype=torch.int64), persistent=False)

    def added(self, targets: Tensor, embeddings: Tensor, positions: Tensor) -> Tensor:
        return self.raises[targets] * (self.pull * self._spread(embeddings, positions))

    def _spread(self, embeddings: Tensor, positions: Tensor) -> Tensor:
        """Σ_j w_j |f - v_j|² [N], by weights drawn anew."""
        members = self.members[positions]
        # Above 0, so that they add up to 1 wherever there is but one.
        weights = (1 - torch.rand(members.shape, device=members.device)) * (members >= 0)
        weights = weights / weights.sum(dim=1, keepdim=True)
        targets = self.points[members.clamp(min=0)].to(embeddings)
        apart = normalised(embeddings)[:, None] - targets
        return (weights.to(embeddings) * apart.square().sum(dim=2)).sum(dim=1)

    def learn(self, answers: Answers) -> None:
        """Take the embeddings of the training images, and whose each is to be drawn to."""
        points = self.remembered(answers)
        most = min(self.k, int(answers.labels.bincount().max()) - 1)
        members = torch.full((len(points), most + 1), -1)
        members[:, 0] = torch.arange(len(points))
        for label in self.raises.nonzero()[:, 0].tolist():
            own = (answers.labels == label).nonzero()[:, 0]
            count = min(self.k, len(own) - 1)
            if count > 0:
                members[own, 1 : count + 1] = own[_nearest(points[own], count)]
        self.points, self.members = points.to(self.weights.device), members.to(self.weights.device)


def _nearest(points: Tensor, count: int) -> Tensor:
    """The places [N, count] of each point's nearest others, nearest first (tie: the earlier)."""
    found = []
    for start in range(0, len(points), BLOCK):
        block = points[start : start + BLOCK].double()
        # By matrix product, near embeddings would lose their distance in rounding.
        away = torch.cdist(block, points.double(), compute_mode="donot_use_mm_for_euclid_dist")
        rows = torch.arange(len(block))
        away[rows, start + rows] = torch.inf
        found.append(away.argsort(dim=1, stable=True)[:, :count])
    return torch.cat(found)
