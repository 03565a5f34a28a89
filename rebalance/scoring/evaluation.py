"""From a trained network to a table of metrics: outputs, decisions, scores.

What decides (a threshold, category centres) is fitted on training or validation data, kept with the
run, and used again as it was. Imports torch only to run a network; never click.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rebalance.errors import DataError, FeatureError, SettingError
from rebalance.metrics import FeatureRanges, score
from rebalance.parallel import ordered_map
from rebalance.progress import Progress, silent
from rebalance.scoring import THRESHOLDS, Centres, Decision, class_centres, nearest_centre
from rebalance.scoring.costs import read_cost_matrix

if TYPE_CHECKING:
    from torch import Tensor

    from rebalance.models.network import Network
    from rebalance.training.dataset import ImageDataset

CLASSIFIERS = ("head", "centres")


class Outputs(NamedTuple):
    """What a network says of N images.

    probabilities: [N, K]. features: [N, D], what its last layer sees, or where that layer looks at
    the map, the pooled map.
    """

    probabilities: NDArray[np.float64]
    features: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class DecisionRule:
    """Which class is decided on.

    threshold: a key of ``scoring.THRESHOLDS``. options: its options, plain numbers. centres: what
    gives the probabilities in place of the network's head, None for the head.
    """

    threshold: str = "none"
    options: Mapping[str, Any] = field(default_factory=dict)
    centres: Centres | None = None

    @property
    def classifier(self) -> str:
        """One of ``CLASSIFIERS``."""
        return "head" if self.centres is None else "centres"

    def decide(self, outputs: Outputs) -> Decision:
        """Probabilities [N, K] and the class index decided on [N]."""
        if self.centres is None:
            return THRESHOLDS[self.threshold](outputs.probabilities, **self.options)
        decision = nearest_centre(outputs.features, self.centres)
        if self.threshold == "none":
            return decision  # by distance, which tells more apart than probabilities do
        return THRESHOLDS[self.threshold](decision.probabilities, **self.options)

    def to_record(self) -> dict[str, Any]:
        """For JSON; ``from_record`` reads it back, to the last bit."""
        centres = self.centres and {
            "means": self.centres.means.tolist(),
            "temperature": self.centres.temperature,
        }
        return {"threshold": self.threshold, "options": dict(self.options), "centres": centres}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "DecisionRule":
        """The rule that ``to_record`` described. Raises DataError for anything else."""
        try:
            threshold, options, found = record["threshold"], record["options"], record["centres"]
            if threshold not in THRESHOLDS or not isinstance(options, dict):
                raise ValueError("no such threshold")
            centres = found and Centres(
                np.array(found["means"], dtype=np.float64, ndmin=2), float(found["temperature"])
            )
        except (LookupError, TypeError, ValueError) as error:
            raise DataError(
                f"the decision that the run keeps is damaged ({error}): train again"
            ) from error
        return cls(threshold, options, centres)


def find_rule(
    classifier: str,
    threshold: str,
    classes: Sequence[str],
    train_prior: Callable[[], Sequence[float]],
    centres: Callable[[], Centres],
) -> DecisionRule:
    """The rule that ``--classifier`` and ``--threshold`` ask for.

    threshold: ``none``; ``prior``, to the decisions of a test set with as many images of each
    class; or ``cost:FILE`` with a CSV as ``scoring.costs.read_cost_matrix`` takes it. train_prior:
    gives what ``scoring.effective_prior`` says of the training, where that is needed; centres know
    none. centres: gives them, where they are needed.

    Raises SettingError for another choice and for a matrix that cannot be used.
    """
    if classifier not in CLASSIFIERS:
        raise SettingError(f"no classifier {classifier!r}: choose one of {', '.join(CLASSIFIERS)}")
    uniform = [1 / len(classes)] * len(classes)
    name, _, file = threshold.partition(":")
    if threshold == "none":
        options: dict[str, Any] = {}
    elif threshold == "prior":
        known = train_prior() if classifier == "head" else uniform
        options = {"train_prior": list(known), "target_prior": uniform}
    elif name == "cost" and file:
        options = {"matrix": read_cost_matrix(file, classes)}
    else:
        raise SettingError(f"a threshold is none, prior or cost:FILE; got {threshold!r}")
    return DecisionRule(name, options, None if classifier == "head" else centres())


def fit_centres(features: ArrayLike, labels: ArrayLike, classes: Sequence[str]) -> Centres:
    """``scoring.class_centres`` of training images: features [N, D], labels [N].

    Raises FeatureError for a class without images, by its name.
    """
    try:
        return class_centres(features, labels, len(classes))
    except FeatureError as error:
        raise error.named(classes) from error


def predict(
    network: "Network",
    dataset: "ImageDataset",
    probabilities: "Callable[[Tensor], Tensor] | None" = None,
    *,
    positions: Sequence[int] | None = None,
    device: str,
    precision: str,
    batch_size: int,
    workers: int,
    progress: Progress = silent,
) -> Outputs:
    """What the network says of images of ``dataset``, without augmentation.

    positions: of the images in the dataset, in the order wanted; None for all of them.
    probabilities: of logits [N, K], as the loss it was trained with has it
    (``losses.Loss.probabilities``); None for the softmax. workers: threads that read images, 0 to
    read in this one. The network stays on ``device`` and in evaluation mode.

    Raises DataError for an image that cannot be read, and where there are none.
    """
    wanted = range(len(dataset)) if positions is None else positions
    if not len(wanted):
        raise DataError("images to score are needed, but there are none: give a folder with some")
    turn = probabilities or (lambda logits: logits.softmax(dim=1))
    images = ordered_map(dataset.pixels, wanted, workers)
    shown = progress(images, total=len(wanted), what="predicting", unit="images")
    # In double precision, where a softmax near 1 still tells images apart that AUC is to rank.
    answers = [
        (turn(logits.cpu().double()).numpy(), features.float().cpu().numpy())
        for logits, features in _forward(network, dataset, shown, device, precision, batch_size)
    ]
    said, seen = zip(*answers, strict=True)
    return Outputs(np.concatenate(said), np.concatenate(seen))


def _forward(
    network: "Network",
    dataset: "ImageDataset",
    images: "Iterable[Tensor]",
    device: str,
    precision: str,
    batch_size: int,
) -> "Iterator[tuple[Tensor, Tensor]]":
    """Logits and features of each batch."""
    import torch

    from rebalance.models.devices import autocast
    from rebalance.models.network import concat_pool

    # In the memory format that it has: another would move the last digits of later training.
    network = network.eval().to(device)
    remaining = iter(images)
    while batch := list(islice(remaining, batch_size)):
        with torch.inference_mode(), autocast(device, precision):
            pixels = dataset.transform.normalise(torch.stack(batch).to(device))
            features = network.body(pixels.contiguous(memory_format=torch.channels_last))
            if network.hidden is not None:
                features = network.hidden(features)
            yield network.output(features), concat_pool(features)


def evaluate(
    outputs: Outputs,
    labels: Sequence[int],
    classes: Sequence[str],
    rule: DecisionRule,
    train_counts: Sequence[int],
) -> tuple[dict[str, Any], Decision]:
    """How good the decisions on a test set are, for ``metrics.json``, and the decisions.

    Beside what ``metrics.score`` says: ``images``, ``classifier`` and ``threshold``. train_counts:
    training images of each class, for the groups of many, medium and few. Raises MetricError as
    ``metrics.score``.
    """
    decision = rule.decide(outputs)
    scores = score(
        labels,
        decision.probabilities,
        classes,
        predicted=decision.predicted,
        train_counts=train_counts,
    )
    about = {
        "images": len(labels),
        "classifier": rule.classifier,
        "threshold": rule.threshold,
    }
    return {**about, **scores}, decision


def gap_record(
    train: FeatureRanges, features: ArrayLike, labels: Sequence[int], classes: Sequence[str]
) -> dict[str, Any]:
    """The generalization gap of test features [M, D] for ``metrics.json``.

    ``net``; ``net_per_feature``, divided by D; and ``per_class``, of classes on both sides.
    """
    per_class, net = train.gap(FeatureRanges.of(features, labels))
    return {
        "net": net,
        "net_per_feature": net / train.width,
        "per_class": {classes[label]: gap for label, gap in per_class.items()},
    }


def prediction_table(
    paths: Sequence[str], labels: Sequence[int], classes: Sequence[str], decision: Decision
) -> tuple[list[str], list[list[Any]]]:
    """Header and rows of ``predictions.csv``.

    file_name, label, prediction, and for each class ``probability_`` and its name, so that no class
    can be taken for another column.
    """
    header = ["file_name", "label", "prediction", *(f"probability_{name}" for name in classes)]
    rows = zip(
        paths, labels, decision.predicted.tolist(), decision.probabilities.tolist(), strict=True
    )
    return header, [
        [path, classes[label], classes[predicted], *probabilities]
        for path, label, predicted, probabilities in rows
    ]
