"""Options that several commands share, their defaults read from ``settings``."""

from collections.abc import Callable
from functools import reduce
from pathlib import Path
from typing import Any, TypeVar

import click

from rebalance.cli.values import ClassSize, Registry
from rebalance.settings import (
    CLUSTER_SPACES,
    DEVICES,
    LANDMARKS,
    LANDMARKS_ABOVE,
    LAYERS,
    PRECISIONS,
    SPACES,
    ExtractorOptions,
    FolderOptions,
    RunOptions,
    SelectionOptions,
    SynthesisOptions,
)

Command = TypeVar("Command", bound=Callable[..., Any])


def _stack(*options: Callable[[Command], Command]) -> Callable[[Command], Command]:
    return lambda command: reduce(lambda f, option: option(f), reversed(options), command)


data = click.argument("data", type=click.Path(path_type=Path))

workers = click.option(
    "--workers",
    type=click.IntRange(0),
    default=RunOptions.workers,
    help="Threads that read images; 0 reads in the main one. [default: all cores]",
)

strict = click.option(
    "--strict",
    is_flag=True,
    default=RunOptions.strict,
    help="Unreadable images are an error, before the expensive work.",
)

device = click.option(
    "--device",
    type=click.Choice(DEVICES),
    default=RunOptions.device,
    show_default=True,
    help="Where the network runs.",
)

overwrite = click.option(
    "--overwrite",
    is_flag=True,
    default=RunOptions.overwrite,
    help="Replace result files that exist.",
)

seed = click.option(
    "--seed",
    type=click.IntRange(0),
    default=RunOptions.seed,
    show_default=True,
    help="Same seed, same images, same machine: same bytes.",
)

cache_dir = click.option(
    "--cache-dir",
    type=click.Path(file_okay=False, path_type=Path),
    default=RunOptions.cache_dir,
    help="Where features are kept. [default: $REBALANCE_CACHE_DIR or the user's cache]",
)

run = _stack(seed, device, workers, cache_dir, strict, overwrite)

folder = _stack(
    click.option(
        "--root",
        type=click.Path(file_okay=False, path_type=Path),
        default=FolderOptions.root,
        help="Where the images of a manifest are. [default: as the manifest says]",
    ),
    click.option(
        "--allow-empty",
        is_flag=True,
        default=FolderOptions.allow_empty,
        help="Let class folders hold no image.",
    ),
)

extractor = _stack(
    click.option(
        "--extractor",
        default=ExtractorOptions.extractor,
        show_default=True,
        metavar="imagenet|finetune|PATH",
        help="The network that looks at the images: torchvision's pretrained one, one "
        "trained on DATA first (no download), or a checkpoint.",
    ),
    click.option(
        "--arch",
        default=ExtractorOptions.arch,
        metavar="NAME",
        help="A torchvision classification model, or cifar_resnet20, 32, 56. [default: "
        "resnet50; cifar_resnet20 to finetune on images at most 64 pixels wide]",
    ),
    click.option(
        "--init",
        default=ExtractorOptions.init,
        show_default=True,
        metavar="scratch|imagenet|PATH",
        help="What finetune starts from.",
    ),
    click.option(
        "--image-size",
        type=click.IntRange(8),
        default=ExtractorOptions.image_size,
        help="Side of the square the network sees. [default: as its weights were trained]",
    ),
    click.option(
        "--precision",
        type=click.Choice(PRECISIONS),
        default=ExtractorOptions.precision,
        show_default=True,
        help="auto is bf16 where the processor has it.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(1),
        default=ExtractorOptions.batch_size,
        help="Images per forward pass. [default: by device]",
    ),
)

manifest = click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    help="Manifest to write (.csv); M.dropped.csv and M.json go beside it.",
)

class_sizes = click.option(
    "--class",
    "per_class",
    type=ClassSize(),
    multiple=True,
    metavar="NAME=N",
    help="Size of one class, over --to; repeatable.",
)

pick = click.option(
    "--pick",
    type=Registry("rebalance.undersampling", "PICKERS"),
    default=SelectionOptions.pick,
    show_default=True,
    help="Which images of a subclass: by distance to its centre, or at random.",
)

clustering = _stack(
    click.option(
        "--k-max",
        type=click.IntRange(2),
        default=SelectionOptions.k_max,
        show_default=True,
        help="Most clusters that a class may be found to have.",
    ),
    click.option(
        "--criterion",
        type=Registry("rebalance.clusters", "CRITERIA"),
        default=SelectionOptions.criterion,
        show_default=True,
        help="What says how many there are.",
    ),
    click.option(
        "--cluster-space",
        type=click.Choice(CLUSTER_SPACES),
        default=SelectionOptions.cluster_space,
        show_default=True,
        help="Where they are sought: on the 2-D map, or among the principal components.",
    ),
    click.option(
        "--layout",
        type=Registry("rebalance.clusters", "LAYOUTS"),
        default=SelectionOptions.layout,
        show_default=True,
        help="What draws the map: our UMAP, in parallel, or umap-learn.",
    ),
    click.option(
        "--landmarks",
        default=SelectionOptions.landmarks,
        show_default=True,
        metavar="auto|none|N",
        help="Images of a large class that its clusters are found on, and the others join: "
        f"auto is {LANDMARKS:,} of more than {LANDMARKS_ABOVE:,}, none is all.",
    ),
)

synthesis = _stack(
    click.option(
        "--neighbours",
        type=click.IntRange(1),
        default=SynthesisOptions.neighbours,
        help="How many of them a partner is drawn from. [default: 5; 10 for eos]",
    ),
    click.option(
        "--layer",
        type=click.Choice(LAYERS[:-1]),
        default=SynthesisOptions.layer,
        show_default=True,
        help="Features that tell neighbours and clusters.",
    ),
    click.option(
        "--space",
        type=click.Choice(SPACES),
        default=SynthesisOptions.space,
        show_default=True,
        help="What a recipe blends: feature vectors, or images.",
    ),
    click.option(
        "--exact",
        is_flag=True,
        default=SynthesisOptions.exact,
        help="True neighbours however many samples there are; else nearly so above 100,000.",
    ),
)

layer_choice = click.Choice(LAYERS)
