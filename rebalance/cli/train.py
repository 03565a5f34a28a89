"""``rebalance train``."""

from pathlib import Path
from typing import Any

import click

from rebalance.cli import console, options, values
from rebalance.distributed.processes import is_first
from rebalance.settings import (
    AUGMENTATIONS,
    IN_MEMORY,
    LOSSES,
    PRECISIONS,
    RECIPES,
    ScoringOptions,
    TrainOptions,
)


@click.command("train", short_help="Train a baseline and score it.")
@click.argument("data", type=click.Path(path_type=Path), required=False)
@click.option(
    "--test",
    type=click.Path(path_type=Path),
    required=True,
    help="What to score on: a folder or a manifest; never resampled.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Run folder to write.",
)
@click.option(
    "--rebalance-head",
    type=click.Path(dir_okay=False, path_type=Path),
    default=TrainOptions.rebalance_head,
    metavar="M.csv",
    help="In the end, train a fresh head on embeddings blended by this manifest.",
)
@click.option(
    "--from",
    "from_run",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="In place of DATA: a finished run, whose network gets another head.",
)
@click.option(
    "--head-only",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="M.csv",
    help="With --from: the manifest that the head is trained by.",
)
@click.option("--resume", is_flag=True, help="Go on with a run that was interrupted.")
@click.option(
    "--recipe",
    type=click.Choice(tuple(RECIPES)),
    default=TrainOptions.recipe,
    show_default=True,
    help="transfer: from ImageNet weights, the head first; scratch: "
    "as the literature trains on CIFAR. The next options override it.",
)
@click.option(
    "--arch",
    default=TrainOptions.arch,
    metavar="NAME",
    help="[default: resnet50 for transfer, cifar_resnet32 for scratch]",
)
@click.option(
    "--weights",
    default=TrainOptions.weights,
    metavar="scratch|imagenet|PATH",
    help="What to start from. [default: imagenet for transfer, else scratch]",
)
@click.option(
    "--epochs",
    type=click.IntRange(1),
    default=TrainOptions.epochs,
    help="Epochs that train everything.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(2),
    default=TrainOptions.batch_size,
    help="Images of one step.",
)
@click.option("--lr", type=float, default=TrainOptions.lr, help="Highest learning rate.")
@click.option(
    "--schedule",
    type=values.Registry("rebalance.training.schedules", "SCHEDULES"),
    default=TrainOptions.schedule,
    help="How the learning rate moves.",
)
@click.option(
    "--augment",
    type=click.Choice(AUGMENTATIONS),
    default=TrainOptions.augment,
    help="How training images are varied.",
)
@click.option(
    "--grad-accum",
    type=click.IntRange(1),
    default=TrainOptions.grad_accum,
    help="Forward passes that a step is split over.",
)
@click.option(
    "--image-size",
    type=click.IntRange(8),
    default=TrainOptions.image_size,
    help="Side of the square the network sees.",
)
@click.option(
    "--precision",
    type=click.Choice(PRECISIONS),
    default=TrainOptions.precision,
    show_default=True,
    help="auto is bf16 where the processor has it.",
)
@click.option(
    "--loss",
    type=click.Choice(LOSSES),
    default=TrainOptions.loss,
    show_default=True,
    help="What is minimised.",
)
@click.option(
    "--loss-option",
    "loss_options",
    type=values.NameValue(),
    multiple=True,
    metavar="NAME=VALUE",
    help="Option of the loss, such as gamma=-1; repeatable.",
)
@click.option(
    "--weighting",
    metavar="balanced|inverse|effective",
    help="Short for --loss-option weighting=...",
)
@click.option(
    "--sampler",
    type=values.Registry("rebalance.training.sampling", "SAMPLERS"),
    default=TrainOptions.sampler,
    show_default=True,
    help="How the images of an epoch are drawn.",
)
@click.option(
    "--regime",
    type=values.Registry("rebalance.training.regimes", "REGIMES"),
    default=TrainOptions.regime,
    show_default=True,
    help="What training looks at when.",
)
@click.option(
    "--in-memory",
    type=click.Choice(IN_MEMORY),
    default=TrainOptions.in_memory,
    show_default=True,
    help="Keep the decoded images; auto: if they take 1 GiB at most.",
)
@click.option(
    "--val",
    type=click.Path(path_type=Path),
    default=ScoringOptions.val,
    help="What to validate on, after each epoch.",
)
@click.option(
    "--val-fraction",
    type=float,
    default=ScoringOptions.val_fraction,
    help="Share of DATA to validate on, split off class by class.",
)
@click.option(
    "--groups",
    type=click.Path(dir_okay=False, path_type=Path),
    default=ScoringOptions.groups,
    help="CSV of file_name,group: no group on both sides of --val-fraction.",
)
@click.option(
    "--allow-overlap",
    is_flag=True,
    default=ScoringOptions.allow_overlap,
    help="Go on though images to score are also trained on.",
)
@click.option(
    "--threshold",
    default=ScoringOptions.threshold,
    show_default=True,
    metavar="none|prior|cost:FILE",
    help="How a class is decided on.",
)
@click.option(
    "--classifier",
    default=ScoringOptions.classifier,
    show_default=True,
    metavar="head|centres",
    help="What decides: the head, or the nearest class mean.",
)
@options.folder
@options.seed
@options.device
@options.workers
@options.strict
@options.overwrite
@console.talk
def command(
    data: Path | None,
    test: Path,
    output: Path,
    weighting: str | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **parameters: Any,
) -> None:
    """Train a baseline on DATA and score it with metrics that imbalance does not fool.

    DATA is an image folder or a manifest; its repeated images are trained on as often. No image
    may be on both sides. The run folder holds the network, a row per epoch, the metrics and every
    prediction; its network can be given to --extractor.

    \b
    Examples:
      rebalance train photos/train --test photos/test -o run
      rebalance train balanced.csv --test photos/test -o run --loss cce --loss-option gamma=-1
      rebalance train photos/train --test photos/test -o run --recipe scratch --epochs 30
      rebalance train photos/train --test photos/test -o run --resume
      rebalance train --from run --head-only larger.csv --test photos/test -o headed
      torchrun --nproc-per-node 4 -m rebalance train photos/train --test photos/test -o run
    """
    progress = console.start(quiet=quiet, verbose=verbose)
    import rebalance

    if weighting is not None:
        parameters["loss_options"] += (("weighting", weighting),)
    metrics = rebalance.train(data, test, output, progress=progress, **parameters)
    if not is_first():
        return
    if as_json:
        console.print_json(metrics)
    else:
        click.echo(console.scores(metrics))
        click.echo(f"\nwrote {console.printable(str(output))}")
