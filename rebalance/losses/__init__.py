"""The losses that the literature on imbalance compares, each a module made from class counts.

A new loss is a class here and its line in ``LOSSES``; its options and their defaults are the
parameters of its constructor. Imports torch and the standard library; never torchvision, click,
scikit-learn or umap.
"""

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any

from rebalance.errors import LossError
from rebalance.losses.asymmetric import ASL
from rebalance.losses.checks import ClassCounts
from rebalance.losses.complement import CCE, COT, complement_entropy
from rebalance.losses.cost import Cost
from rebalance.losses.cross_entropy import CE, Weighted
from rebalance.losses.focal import Focal, FocalSigmoid
from rebalance.losses.loss import Loss, SampleLoss
from rebalance.losses.margin import LDAM
from rebalance.losses.mean_false_error import MFE, MSFE
from rebalance.losses.rectification import CRL
from rebalance.losses.weights import WEIGHTINGS, class_weights

__all__ = [
    "ASL",
    "CCE",
    "CE",
    "COT",
    "CRL",
    "LDAM",
    "LOSSES",
    "MFE",
    "MSFE",
    "WEIGHTINGS",
    "ClassCounts",
    "Cost",
    "Focal",
    "FocalSigmoid",
    "Loss",
    "SampleLoss",
    "Weighted",
    "class_weights",
    "complement_entropy",
    "default_options",
    "make_loss",
]

LOSSES: dict[str, Callable[..., Loss]] = {
    "ce": CE,
    "weighted": Weighted,
    "cce": CCE,
    "cot": COT,
    "focal": Focal,
    "focal-sigmoid": FocalSigmoid,
    "ldam": LDAM,
    "asl": ASL,
    "mfe": MFE,
    "msfe": MSFE,
    "cost": Cost,
    "crl": CRL,
}


def make_loss(name: str, class_counts: ClassCounts, options: Mapping[str, Any]) -> Loss:
    """The loss ``name``, for classes of so many training images, with its options as given.

    class_counts: in class order; a mapping from names to counts lets an error name the class.
    options: numbers may be text, as a command line gives them; what is left out has its default.
    Raises LossError for an unknown loss or option, a missing one, a value it cannot have, and a
    class without training images where the loss needs some.
    """
    known = _options(name)
    for option in options:
        if option not in known:
            has = f"only {', '.join(known)}" if known else "none at all"
            raise LossError(f"the loss {name} has no option {option!r}, {has}")
    for option, parameter in known.items():
        if parameter.default is Parameter.empty and option not in options:
            raise LossError(f"the loss {name} needs the option {option}, and it was not given")
    return LOSSES[name](class_counts, **options)


def default_options(name: str) -> dict[str, Any]:
    """The options of the loss ``name`` and their defaults; an option that must be given is absent.

    Raises LossError for an unknown loss.
    """
    return {
        option: parameter.default
        for option, parameter in _options(name).items()
        if parameter.default is not Parameter.empty
    }


def _options(name: str) -> dict[str, Parameter]:
    if name not in LOSSES:
        raise LossError(f"no loss {name!r}: choose one of {', '.join(LOSSES)}")
    parameters = dict(signature(LOSSES[name]).parameters)
    del parameters["class_counts"]
    return parameters
