"""The record of how a run decides on a class: ``decision.json``."""

from typing import Annotated, Any, TypedDict


class _Centres(TypedDict):
    means: Annotated[list[list[float]], "The mean feature vector of each class."]
    temperature: Annotated[float, "What distances are divided by to become probabilities."]


class CentresRecord(_Centres, total=False):
    """The centre of each class, for decisions by the nearest one."""

    layer: Annotated[str, "The layer that the vectors are of; early runs do not tell."]


class TriedRecord(TypedDict):
    """A number that was tried, and how it did on images that were held out."""

    number: Annotated[float, "The number."]
    loss: Annotated[
        float,
        "The mean over classes of the mean log loss of their held-out images, the prior divided "
        "out; lower is better.",
    ]


class PowerRecord(TypedDict):
    """How the power of the class shares that a threshold divides by was chosen."""

    by: Annotated[str, "What it was chosen by: validation images, or folds."]
    tried: Annotated[list[TriedRecord], "The powers that were tried, in order."]


class SearchRecord(TypedDict):
    """How costs that a threshold decides by were searched, and what came of it."""

    by: Annotated[str, "What they were searched on: validation images, folds or images held out."]
    costs: Annotated[list[float], "The cost of mistaking each class for another; the least is 1."]
    plain: Annotated[float, "The balanced accuracy there by equal costs."]
    best: Annotated[float, "The balanced accuracy there by these costs."]


class FittedRecord(TypedDict):
    """A classifier other than the head and the centres, and what it was fitted to."""

    classifier: Annotated[str, "How it is asked for, such as knn:k=7."]
    values: Annotated[
        dict[str, Any],
        "Of svm: weights and biases of each class, and a temperature. Of clusters: centres, their "
        "owners, and a temperature. Of knn: counts, the training "
        "images of each class; their features are in neighbours.safetensors.",
    ]


class _Calibrated(TypedDict, total=False):
    fitted: Annotated[
        FittedRecord, "What gives the probabilities; absent where it is the head or the centres."
    ]
    temperature: Annotated[
        float,
        "The temperature of the probabilities, applied last; absent where none was fitted.",
    ]
    chosen: Annotated[
        PowerRecord, "How the power of the class shares was chosen; only of prior:val."
    ]
    searched: Annotated[SearchRecord, "How the costs were searched; only of cost:search."]


class RuleRecord(_Calibrated):
    """One way to decide on a class."""

    threshold: Annotated[str, "How decisions are shifted: none, prior, prior:original or cost."]
    options: Annotated[
        dict[str, Any], "What it was fitted to: priors, perhaps with their power, or costs."
    ]
    centres: Annotated[
        CentresRecord | None,
        "The centres that give the probabilities in the head's place; null for all others.",
    ]


class _BeforeResampling(TypedDict, total=False):
    folder: Annotated[
        list[float],
        "Images of each class before anything was cut or raised; version 0.1 did not tell.",
    ]


class DecisionRecord(_BeforeResampling):
    """How the predictions of a run become decisions: every rule that was fitted."""

    own: Annotated[RuleRecord, "The rule where nothing else is asked for."]
    draws: Annotated[list[float], "How often the last epoch drew each class, in any unit."]
    weights: Annotated[list[float], "What the loss weighed each class by in the last epoch."]
    others: Annotated[dict[str, RuleRecord], "Rules that were asked for since, by their name."]
