"""Weights of classes and images, and class shares in the logits.

The formulas are those of ``losses``, ``scoring`` and ``training.drawing``; here they take what a
training loop has, and give tensors. Imports torch and numpy, and nothing else that is heavy.
"""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rebalance import losses
from rebalance.errors import MetricError, some
from rebalance.losses.weights import BETA
from rebalance.scoring.priors import effective_prior
from rebalance.torch.labels import CountSource, LabelSource, counts_of, labels_of
from rebalance.training.drawing import shares_by_power


def class_weights(counts: CountSource, weighting: str = "balanced", beta: float = BETA) -> Tensor:
    """Return the weight [K] of each class for a loss, in float32; the fewer images, the more.

    counts: a manifest or its path, a dataset with ``targets``, or the counts of the classes.
    weighting: ``balanced``, ``inverse`` or ``effective``, with its ``beta``; see
    ``rebalance.losses.class_weights``. Raises LossError for any other, and for a class without
    images.

    >>> import torch
    >>> from rebalance.torch import class_weights
    >>> class_weights({"cat": 30, "dog": 10})
    tensor([0.6667, 2.0000])
    >>> loss = torch.nn.CrossEntropyLoss(weight=class_weights([30, 10]))
    >>> loss(torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1]))
    tensor(0.2667)
    """
    found = counts_of(counts)
    whole = found if isinstance(found, Mapping) else list(found)
    return losses.class_weights(whole, weighting, beta)  # type: ignore[arg-type]


def sample_weights(images: LabelSource, power: float = 1.0) -> Tensor:
    """Return the weight [N] of each image, in float64; their mean is 1.

    A class has the share of the weight that ``BalancedSampler`` of this power draws of it, and its
    images have as much as each other. For what takes weights of images, as torch's
    ``WeightedRandomSampler``: it draws by chance, and the same images in no two processes.

    >>> from rebalance.torch import sample_weights
    >>> sample_weights(["cat", "cat", "cat", "dog"])
    tensor([0.6667, 0.6667, 0.6667, 2.0000], dtype=torch.float64)
    """
    found = labels_of(images)
    sizes = found.sizes
    shares = shares_by_power(sizes, power)
    return torch.from_numpy((shares / np.maximum(sizes, 1))[found.labels])


def logit_prior(counts: CountSource) -> Tensor:
    """Return the logarithm [K] of each class's share of the images, in float32.

    Added to the logits in training, as in ``cross_entropy(logits + logit_prior(m), y)``, it leaves
    logits that rank the classes as if all were equally frequent: logit adjustment (Menon et al.,
    "Long-tail learning via logit adjustment", ICLR 2021, eq. 10) with τ = 1; times τ for another.
    Not beside a sampler that draws the classes alike, which has seen to it already.
    counts: as for ``class_weights``. Raises MetricError for a class without images.

    >>> import torch
    >>> from torch.nn.functional import cross_entropy
    >>> from rebalance.torch import logit_prior
    >>> prior = logit_prior({"cat": 30, "dog": 10})
    >>> prior.exp()
    tensor([0.7500, 0.2500])
    >>> logits = torch.tensor([[2.0, 0.0], [0.0, 1.0]])
    >>> cross_entropy(logits + prior, torch.tensor([0, 1]))
    tensor(0.3939)
    """
    return torch.from_numpy(np.log(_shares(counts))).float()


def apply_prior(
    logits: Tensor, train_prior: CountSource, target_prior: CountSource | None = None
) -> Tensor:
    """Return the logits [..., K] under other class shares: z + log(target) - log(train).

    After a softmax they are the probabilities of ``rebalance.scoring.prior_shift`` (Saerens,
    Latinne & Decaestecker 2002). For a network that was trained without any correction.
    train_prior: the classes as training saw them, as counts or shares in any unit, a manifest, or a
    dataset. target_prior: the classes where the network is used; None is all alike.
    Raises MetricError for shares that are not positive, where there are not K of them, and for
    logits that are no tensor of floating point numbers.

    >>> import torch
    >>> from rebalance.torch import apply_prior
    >>> apply_prior(torch.tensor([[0.7, 0.3]]).log(), [90, 10]).softmax(dim=1)
    tensor([[0.2059, 0.7941]])
    """
    known, other = counts_of(train_prior), None if target_prior is None else counts_of(target_prior)
    if isinstance(known, Mapping) and isinstance(other, Mapping):
        if set(known) != set(other):
            raise MetricError(
                f"both class shares must be of the same classes, not of {some(list(known))} and of "
                f"{some(list(other))}"
            )
        other = {name: other[name] for name in known}
    if not (isinstance(logits, Tensor) and logits.is_floating_point()):
        what = f"{logits.dtype}" if isinstance(logits, Tensor) else type(logits).__name__
        raise MetricError(f"the logits must be a tensor of floating point numbers, not {what}")
    train = _shares(known)
    target = np.ones(len(train)) if other is None else _shares(other)
    for shares in (train, target):
        if logits.ndim < 1 or logits.shape[-1] != len(shares):
            raise MetricError(
                f"the logits have the shape {tuple(logits.shape)}, and need {len(shares)} columns, "
                "a class each, for these class shares"
            )
    return logits + torch.from_numpy(np.log(target / train)).to(logits)


def _shares(counts: CountSource) -> NDArray[np.float64]:
    found = counts_of(counts)
    numbers = list(found.values()) if isinstance(found, Mapping) else found
    try:
        return effective_prior(numbers, np.ones(len(numbers)))
    except MetricError as error:
        raise (error.named(list(found)) if isinstance(found, Mapping) else error) from None
