"""The losses that the literature on imbalance compares, each a module made from class counts.

A new loss is a class in the file of its family and its line in ``LOSSES``; its options and their
defaults are the parameters of its constructor, and what training must know about it are the traits
of ``Loss``. Reading the names loads nothing; taking a class imports torch. Never imports
torchvision, click, scikit-learn or umap.
"""

from collections.abc import Mapping
from importlib import import_module
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from rebalance.errors import LossError, choose, meant, shown
from rebalance.losses.arguments import ClassCounts, says_of_each_class
from rebalance.losses.registry import LossRegistry

if TYPE_CHECKING:
    from rebalance.losses.complement import complement_entropy
    from rebalance.losses.loss import Loss, SampleLoss
    from rebalance.losses.weights import WEIGHTINGS, class_weights

__all__ = [
    "LOSSES",
    "WEIGHTINGS",
    "ClassCounts",
    "Loss",
    "SampleLoss",
    "check_options",
    "class_weights",
    "complement_entropy",
    "default_options",
    "make_loss",
]

LOSSES = LossRegistry(
    {
        "ce": "rebalance.losses.cross_entropy:CE",
        "weighted": "rebalance.losses.cross_entropy:Weighted",
        "cce": "rebalance.losses.complement:CCE",
        "cot": "rebalance.losses.complement:COT",
        "focal": "rebalance.losses.focal:Focal",
        "focal-sigmoid": "rebalance.losses.focal:FocalSigmoid",
        "ldam": "rebalance.losses.margin:LDAM",
        "balanced-softmax": "rebalance.losses.adjustment:BalancedSoftmax",
        "logit-adjusted": "rebalance.losses.adjustment:LogitAdjusted",
        "asl": "rebalance.losses.asymmetric:ASL",
        "mfe": "rebalance.losses.mean_false_error:MFE",
        "msfe": "rebalance.losses.mean_false_error:MSFE",
        "cost": "rebalance.losses.cost:Cost",
        "cosen": "rebalance.losses.learned_costs:CoSen",
        "dos": "rebalance.losses.deep_oversampling:DOS",
        "lmle": "rebalance.losses.quintuplets:LMLE",
        "crl": "rebalance.losses.rectification:CRL",
    }
)

TOP = "top"  # the option that losses of single samples share: see ``SampleLoss.take_largest``

# Where the names that need torch are found, once one of them is asked for.
_ELSEWHERE = {
    "Loss": "rebalance.losses.loss",
    "SampleLoss": "rebalance.losses.loss",
    "WEIGHTINGS": "rebalance.losses.weights",
    "class_weights": "rebalance.losses.weights",
    "complement_entropy": "rebalance.losses.complement",
}


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(import_module(_ELSEWHERE[name]), name)
    if (found := LOSSES.class_named(name)) is not None:
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def make_loss(name: str, class_counts: ClassCounts, options: Mapping[str, Any]) -> "Loss":
    """The loss ``name``, for classes of so many training images, with its options as given.

    class_counts: in class order; a mapping from names to counts lets an error name the class.
    options: numbers may be text, as a command line gives them; what is left out has its default.
    Raises LossError for an unknown loss or option, a missing one, a value it cannot have, and a
    class without training images where the loss needs some.

    >>> from rebalance.losses import make_loss
    >>> make_loss("focal", {"cat": 90, "dog": 10}, {"gamma": "1.5"}).gamma
    1.5
    """
    _check_names(name, options)
    own = {option: value for option, value in options.items() if option != TOP}
    loss: Any = LOSSES[name](class_counts, **own)
    if TOP in options:
        loss.take_largest(options[TOP])
    made: Loss = loss
    return made


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Raise now what ``make_loss`` would raise for these options, before the classes are known.

    What is said of each class by itself, as a matrix of costs or an alpha by name, is left to
    ``make_loss``.

    >>> from rebalance.losses import check_options
    >>> check_options("focal", {"gamma": "nan"})
    Traceback (most recent call last):
    rebalance.errors.LossError: the loss option gamma must be a number of at least 0, not 'nan'
    """
    of_each_class = not all(isinstance(value, int | float | str) for value in options.values())
    if of_each_class or any(says_of_each_class(*option) for option in options.items()):
        _check_names(name, options)
    else:
        make_loss(name, [1, 1], options)


def default_options(name: str) -> dict[str, Any]:
    """The options of the loss ``name`` and their defaults; an option that must be given is absent.

    Raises LossError for an unknown loss.

    >>> from rebalance.losses import default_options
    >>> default_options("ldam")
    {'max_margin': 0.5, 'scale': 30.0, 'top': None}
    """
    return {
        option: parameter.default
        for option, parameter in _options(name).items()
        if parameter.default is not Parameter.empty
    }


def _check_names(name: str, options: Mapping[str, Any]) -> None:
    known = _options(name)
    if TOP in options and TOP not in known:
        raise LossError(
            f"the loss {name} looks at a batch as a whole, and its samples have no losses of which "
            f"to take the largest: leave out the option {TOP}, or choose another loss"
        )
    for option in options:
        if option not in known:
            has = f"only {', '.join(known)}{meant(option, known)}" if known else "none at all"
            raise LossError(f"the loss {name} has no option {shown(option)}, {has}")
    for option, parameter in known.items():
        if parameter.default is Parameter.empty and option not in options:
            raise LossError(f"the loss {name} needs the option {option}, and it was not given")


def _options(name: str) -> dict[str, Parameter]:
    if name not in LOSSES:
        raise LossError(f"no loss {shown(name)}: {choose(name, LOSSES)}")
    return options_of(LOSSES[name])


def options_of(loss: "type[Loss]") -> dict[str, Parameter]:
    """The options of a loss: those of its constructor, and what losses of single samples share."""
    found = dict(signature(loss).parameters)
    del found["class_counts"]
    largest = getattr(loss, "take_largest", None)
    return found if largest is None else {**found, TOP: signature(largest).parameters[TOP]}
