"""The record of a study, ``study.json``: what it tried and what came of it."""

from typing import Annotated, Any, Final, Literal, TypedDict

FORMAT: Final = 1


class _Headed(TypedDict, total=False):
    head: Annotated[str, "How the last layer of a probe is fitted; older studies lack it: sgd."]
    mix: Annotated[str, "How images of a step are mixed; older studies lack it: none."]
    classifier: Annotated[str, "What decides on a class; older studies lack it: head."]


class TreatmentRecord(_Headed):
    """One way of dealing with imbalance, by the names that the study gives."""

    rebalance: Annotated[str, "What is done to the training images."]
    loss: Annotated[str, "The loss that is trained with."]
    regime: Annotated[str, "What training looks at when."]
    threshold: Annotated[str, "How decisions are shifted."]


class LossRecord(TypedDict):
    """A loss with its options."""

    key: Annotated[str, "The name of the loss in rebalance.losses.LOSSES."]
    options: Annotated[dict[str, Any], "The options that it was given."]


class RegimeRecord(TypedDict):
    """A regime with its options."""

    key: Annotated[str, "The name of the regime in rebalance.training.regimes.REGIMES."]
    options: Annotated[dict[str, Any], "The options that it was given."]


class HeadOptionsRecord(TypedDict):
    """A head with its options."""

    key: Annotated[str, "The name of the head in rebalance.studies.heads.HEADS."]
    options: Annotated[dict[str, Any], "The options that it was given."]


class _OfHead(TypedDict, total=False):
    head: Annotated[HeadOptionsRecord, "The head with its options; without it sgd."]
    mix: Annotated[str, "How images of a step are mixed; without it as all trainings do it."]
    classifier: Annotated[str, "What decides on a class; without it the head."]


class DefinitionRecord(_OfHead):
    """What a treatment's names stand for; equal ones give equal outcomes."""

    rebalance: Annotated[dict[str, Any], "The options of its two steps, and the size."]
    loss: Annotated[LossRecord, "The loss with its options."]
    regime: Annotated[str | RegimeRecord, "The regime; with its options where it was given some."]
    threshold: Annotated[str, "The kind of threshold."]
    costs: Annotated[list[list[float]] | None, "The costs that it decides by; null without any."]


class TreatmentDefinition(TreatmentRecord):
    """A treatment, and what its names stand for."""

    means: Annotated[DefinitionRecord, "What the names stand for."]


class StoryRecord(TypedDict, total=False):
    """What a study was, for its page and for whoever wants to run it again.

    ``TOLD`` names the keys of every story that ``rebalance study`` writes.
    """

    data: Annotated[str | None, "The folder or the manifest of the images."]
    test: Annotated[str | None, "The test images; null without any."]
    images: Annotated[int, "The images that can be read."]
    counts: Annotated[dict[str, int], "These images of each class, by its name."]
    test_images: Annotated[int, "The number of test images."]
    depth: Annotated[str, "What is trained: probe, a last layer on features, or full, a network."]
    extractor: Annotated[dict[str, Any], "The options of the network that looked at the images."]
    training: Annotated[dict[str, Any] | None, "The options of training; null for probe."]
    folds: Annotated[int, "How many parts the images are divided into."]
    groups: Annotated[str | None, "The file that says which images must not be parted."]
    groups_per_class: Annotated[
        dict[str, int], "The groups of each class by its name, or its different images without any."
    ]
    seeds: Annotated[list[int], "The seeds that every treatment is run with."]
    metric: Annotated[str, "The metric that rows are sorted by."]
    treatments: Annotated[list[TreatmentDefinition], "What was tried."]
    cells: Annotated[int, "How many trainings there were."]
    seconds: Annotated[float, "The time that all of them took."]
    version: Annotated[str, "The version of rebalance that ran the study."]
    command: Annotated[str, "The command that runs the study again, where it is known."]


TOLD = frozenset(StoryRecord.__annotations__) - {
    "command",
    "groups_per_class",
}  # older ones lack it


class DifferenceRecord(TypedDict):
    """A treatment less its control, pair by pair of seed and fold."""

    pairs: Annotated[int, "The pairs in which both have a value."]
    mean: Annotated[float | None, "The mean difference; null without any pair."]
    alone: Annotated[tuple[float, float] | None, "The interval of this mean by itself."]
    together: Annotated[
        tuple[float, float] | None, "The interval that holds at once with those of all treatments."
    ]
    verdict: Annotated[str, "What that amounts to: better, worse, or not distinguishable."]


class _BesidePrior(TypedDict, total=False):
    prior: Annotated[
        DifferenceRecord | None,
        "The same beside images as they are with the threshold prior; older studies lack it.",
    ]


class SummaryRecord(_BesidePrior):
    """One metric of one treatment over seeds and folds; null where it has no value at all."""

    count: Annotated[int, "The values that are numbers."]
    undefined: Annotated[int, "The values that are not defined."]
    median: Annotated[float | None, "The median."]
    mean: Annotated[float | None, "The mean."]
    quartiles: Annotated[tuple[float, float] | None, "The first and the third quartile."]
    extremes: Annotated[tuple[float, float] | None, "The least and the greatest value."]
    interval: Annotated[tuple[float, float] | None, "The confidence interval of the mean."]
    nothing: Annotated[DifferenceRecord | None, "The same treatment beside doing nothing."]
    random: Annotated[DifferenceRecord | None, "The same beside as many images drawn at random."]


class RowRecord(TypedDict):
    """One treatment over all seeds and folds."""

    name: Annotated[str, "Its name on the page."]
    treatment: Annotated[TreatmentRecord, "The treatment."]
    role: Annotated[
        str, "What it is to the others: nothing, random or prior for a control, or treatment."
    ]
    outcomes: Annotated[int, "The pairs of seed and fold that were run."]
    images: Annotated[float, "Different images trained on, the median."]
    samples: Annotated[float, "Samples of an epoch, repetitions and blends counted, the median."]
    seconds: Annotated[float, "The time that a pair took, the median."]
    metrics: Annotated[dict[str, SummaryRecord], "Each metric on validation images, by its name."]
    test: Annotated[dict[str, SummaryRecord], "Each metric on test images, by its name."]


class OutcomeRecord(TypedDict):
    """How one treatment did with one seed on one fold."""

    treatment: Annotated[TreatmentRecord, "The treatment."]
    seed: Annotated[int, "The seed."]
    fold: Annotated[int, "The fold that was validated on."]
    metrics: Annotated[
        dict[str, float | None], "Each metric on validation images; null where it is not defined."
    ]
    test: Annotated[
        dict[str, float | None] | None, "Each metric on test images; null without test images."
    ]
    images: Annotated[int, "Different images trained on."]
    samples: Annotated[int, "Samples of an epoch, repetitions and blends counted."]
    seconds: Annotated[float, "The time that rebalancing, training and scoring took."]


class StudyRecord(TypedDict):
    """What a study tried, every row of its table, and every outcome behind it."""

    format: Annotated[Literal[1], "The version of this format."]
    story: Annotated[StoryRecord, "What the study was."]
    answer: Annotated[list[str], "What it came to, in sentences."]
    notes: Annotated[list[str], "What should be known of it, in sentences."]
    metric: Annotated[str, "The metric that rows are sorted by, on validation images."]
    held_out: Annotated[float, "The share of the images that a fold is validated on."]
    comparisons: Annotated[dict[str, int], "How many rows stand beside each control."]
    rows: Annotated[list[RowRecord], "The rows, the best first."]
    outcomes: Annotated[list[OutcomeRecord], "The outcomes that the rows are of."]
