"""How a network is trained, and what it is judged by."""

import sys
from dataclasses import dataclass
from pathlib import Path

from rebalance.settings.option import Options, again, option
from rebalance.settings.recipes import HIGHEST_RATE, MOST_EPOCHS, NORMALISATIONS, PROBE, RECIPES
from rebalance.settings.running import LARGEST_SIDE, PRECISIONS, RESIZE, RESIZES

# A set that takes at most so many bytes when decoded stays in memory.
HELD_BYTES = {"auto": 2**30, "yes": sys.maxsize, "no": 0}


@dataclass(frozen=True)
class TrainOptions(Options, group="Training"):
    """What is trained, and how; those from ``epochs`` to ``grad_accum`` override the recipe's."""

    recipe: str = option(
        "transfer",
        choices=(*RECIPES, PROBE),
        help="transfer: from ImageNet weights, the head first; scratch: "
        "as the literature trains on CIFAR; cce, eos: the same as the papers of these names "
        "have it; --epochs to --grad-accum override them. probe: the network stays as it is, "
        "and a linear head is fitted on its features, in seconds.",
        group="What",
    )
    head: str | None = option(
        None,
        choices="rebalance.heads:HEADS",
        in_study=False,
        help="With --recipe probe: how the head is fitted; rebalance choices heads tells them. "
        "[default: logistic]",
        group="What",
    )
    whiten: float | None = option(
        None,
        least=0,
        most=1,
        in_study=False,
        help="With --recipe probe: how far features are brought to one spread in every direction "
        "within classes, before the head is fitted. [default: 0.4]",
        group="What",
    )
    epochs: int | None = option(
        None, least=1, most=MOST_EPOCHS, help="Epochs that train everything."
    )
    batch_size: int | None = option(None, least=2, help="Images of one step.")
    lr: float | None = option(None, above=0, most=HIGHEST_RATE, help="Highest learning rate.")
    schedule: str | None = option(
        None,
        choices="rebalance.training.schedules:SCHEDULES",
        help="Schedule of the learning rate.",
    )
    warmup_epochs: int | None = option(
        None,
        least=0,
        most=MOST_EPOCHS,
        help="Epochs in which the rate rises; of the schedule step.",
    )
    milestones: tuple[float, ...] = option(
        (),
        commas=True,
        metavar="A,B",
        above=0,
        most=MOST_EPOCHS,
        help="Epochs after which the rate drops, as 160,180, or shares of them, as .8,.9; of "
        "the schedule step.",
    )
    drop: float | None = option(
        None, above=0, most=1, help="What the rate is multiplied by at each of --milestones."
    )
    momentum: float | None = option(None, least=0, below=1, help="Momentum; of the schedule step.")
    weight_decay: float | None = option(None, least=0, help="Weight decay.")
    augment: str | None = option(
        None,
        metavar="paper|cifar|none|PART,...",
        form="rebalance.training.parts:parts_of",
        help="How training images are varied: by a preset, or by parts of crop, flip, vflip, "
        "rotate, shift, scale, brightness, contrast, blur; colour is two of them.",
    )
    flips: str | None = option(
        None,
        choices="rebalance.training.parts:FLIPS",
        wrong="flips are",
        help="Mirror images among them: left to right, upside down or both; none for digits, text "
        "and classes of left and right. [default: as the augmentation has them]",
    )
    mix: str | None = option(
        None,
        metavar="none|mixup|cutmix|remix",
        form="rebalance.training.mixing:mix_of",
        help="How images of a step are mixed with each other, and their labels; with options as in "
        "remix:kappa=3,tau=.5. [default: none]",
    )
    normalise: str | None = option(
        None,
        choices=NORMALISATIONS,
        help="Whose mean and deviation of each channel images are normalised by: those that the "
        "weights or the architecture come with, or those of the training images.",
    )
    grad_accum: int | None = option(
        None, least=1, help="Forward passes that one step is split into."
    )
    arch: str | None = option(
        None,
        metavar="NAME",
        help="[default: resnet50 for transfer and probe, else cifar_resnet32]",
        group="Eyes",
    )
    weights: str | None = option(
        None,
        metavar="scratch|imagenet|lite0|PATH",
        help="What to start from. [default: imagenet for transfer and probe, else scratch]",
        group="Eyes",
    )
    image_size: int | None = option(
        None,
        least=8,
        most=LARGEST_SIDE,
        help="Side of the square the network sees.",
        group="Eyes",
    )
    resize: str | None = option(
        None,
        choices=RESIZES,
        wrong="resize is",
        help="How an image becomes that square: the centre of it, or all of it, stretched. "
        f"[default: as the weights of a run were trained, else {RESIZE}]",
        group="Eyes",
    )
    precision: str = option(
        "auto",
        choices=PRECISIONS,
        help="auto is bf16 where the processor has it.",
        group="Eyes",
    )
    loss: str = option(
        "ce",
        choices="rebalance.losses:LOSSES",
        with_option=True,
        in_study=False,
        help="Loss to minimise; rebalance losses lists them, with their options.",
        group="What",
    )
    loss_options: tuple[tuple[str, str], ...] = option(
        (),
        flag="--loss-option",
        metavar="NAME=VALUE",
        accepts="Mapping[str, Any] | Iterable[tuple[str, Any]]",
        in_study=False,
        help="Option of the loss, such as gamma=-1; repeatable.",
        group="What",
    )
    sampler: str = option(
        "none",
        choices="rebalance.training.sampling:SAMPLERS",
        help="Sampler that draws the images of an epoch.",
        group="What",
    )
    regime: str = option(
        "plain",
        choices="rebalance.training.regimes:REGIMES",
        in_study=False,
        help="Regime: which images or weights training uses in which epochs.",
        group="What",
    )
    phase_by: str | None = option(
        None,
        choices="rebalance.training.first_phase:PHASES",
        in_study=False,
        help="With --regime two-phase: how its first phase makes classes alike. [default: "
        "undersample]",
        group="What",
    )
    phase_limit: str | None = option(
        None,
        metavar="N|min|max|Rx",
        numbers=True,
        form="rebalance.settings.sizes:size_of_a_phase",
        in_study=False,
        help="With --regime two-phase: the size that its first phase cuts classes to: N, min or R "
        "times the smallest; or raises them to: N, max or R times the largest. [default: 5000 to "
        "cut, max to raise]",
        group="What",
    )
    in_memory: str = option(
        "auto",
        choices=tuple(HELD_BYTES),
        wrong="in_memory must be",
        help="Keep the decoded images; auto: if they take 1 GiB at most.",
        group="Running",
    )
    rebalance_head: Path | str | None = option(
        None,
        metavar="METHOD|M.csv",
        form="rebalance.oversampling.spelling:as_sampling",
        in_study=False,
        help="In the end, train a fresh head on rebalanced embeddings of the network: by a method "
        "of oversample with its options, such as eos or smote:k=5, or by a manifest's recipes.",
        group="What",
    )


@dataclass(frozen=True)
class StartOptions(Options):
    """What a training goes on from, in place of starting anew from DATA."""

    from_run: Path | str | None = option(
        None,
        flag="--from",
        metavar="RUN",
        help="In place of DATA: a finished run, whose network gets another head.",
    )
    head_only: Path | str | None = option(
        None,
        metavar="METHOD|M.csv",
        form="rebalance.oversampling.spelling:as_sampling",
        help="With --from: the same as --rebalance-head.",
    )
    resume: bool = option(False, help="Go on with a run that was interrupted.")


@dataclass(frozen=True)
class ScoringOptions(Options, group="Scoring"):
    """What a network is judged by."""

    val: Path | str | None = option(None, help="What to validate on, after each epoch.")
    val_fraction: float | None = option(
        None, above=0, below=1, help="Share of DATA to validate on, split off class by class."
    )
    groups: Path | str | None = option(
        None,
        place="file",
        help="CSV of file_name,group: no group on both sides of --val-fraction.",
    )
    group_column: str | None = option(
        None,
        metavar="NAME",
        help="Column of --groups that holds them. [default: the one of a usual name]",
    )
    allow_overlap: bool = option(False, help="Allow images that are both trained on and scored.")
    threshold: str = option(
        "none",
        metavar="none|prior|prior:TAU|prior:val|prior:original|cost:FILE|cost:search",
        form="rebalance.scoring.thresholds:parsed",
        help="Rule that turns probabilities into a class: prior divides by the class shares that "
        "training drew, prior:TAU by a power of them from 0 to 10, prior:val by the power that is "
        "best on validation images (or a probe's folds), prior:original by the shares of the "
        "folder before resampling. cost decides by the least expected cost: of a matrix in FILE, "
        "or by costs of the classes searched on validation images (or a probe's folds).",
    )
    classifier: str = option(
        "head",
        metavar="head|centres|knn|svm|clusters",
        form="rebalance.scoring.classifiers:classifier_of",
        help="Classifier that decides: the head, the nearest class mean, the nearest training "
        "images, a linear SVM, or clusters within classes; with options as in knn:k=5, svm:C=1.",
    )
    calibrate: bool = option(
        False,
        help="Fit a temperature on the validation images, so that probabilities can be believed; "
        "no decision changes.",
    )


@dataclass(frozen=True)
class DecisionOptions(Options, group="Scoring"):
    """How a finished run decides on a class; None is as it has decided so far."""

    threshold: str | None = again(
        ScoringOptions,
        "threshold",
        default=None,
        help="Rule that turns probabilities into a class: prior divides by the class shares that "
        "training drew, prior:TAU by a power of them from 0 to 10, prior:val by the power that is "
        "best on validation images (or a probe's folds), prior:original by the shares of the "
        "folder before resampling. cost decides by the least expected cost: of a matrix in FILE, "
        "or by costs of the classes searched on the run's validation images (or a probe's folds). "
        "[default: as the run decided]",
    )
    classifier: str | None = again(
        ScoringOptions,
        "classifier",
        default=None,
        help="Classifier that decides: the head, the nearest class mean, the nearest training "
        "images, a linear SVM, or clusters within classes; with options as in knn:k=5, svm:C=1. "
        "[default: as the run decided]",
    )
