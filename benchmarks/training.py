"""How fast training goes, beside the loop that one writes by hand with torchvision.

    python -m benchmarks.training ../shared/data/cifar100_coarse_lt/train
    python -m benchmarks.training photos/train --arch mobilenet_v2 --augment paper --batch-size 25

Both train the same network on the same folder, in the same precision, with the same optimiser and
the same kinds of augmentation, each in a process of its own, one after the other. An epoch's time
is the median of all but the first, which also starts workers or reads the images in.

``--network linear`` puts one linear layer in the network's place: what is left is the loop.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import torch
from torch import nn

from rebalance.cli.console import table
from rebalance.models.backbones import build
from rebalance.models.devices import autocast, resolve_device, resolve_precision
from rebalance.models.network import Network, network_of
from rebalance.models.transforms import Transform, plain_transform
from rebalance.parallel import chosen_workers
from rebalance.settings import RECIPES

RECIPE = RECIPES["scratch"]


def linear(arch: str, classes: int) -> nn.Module:
    """The images' mean per channel, and a linear layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, classes))


NETWORKS: dict[str, Callable[[str, int], nn.Module]] = {"own": build, "linear": linear}


def by_hand(
    data: Path, arch: str, network: str, augment: str, batch_size: int, device: str, precision: str
) -> Iterator[int]:
    """ImageFolder, torchvision's transforms, a DataLoader, SGD; the images of each epoch."""
    from torch.utils.data import DataLoader
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    form = plain_transform(arch)
    images = ImageFolder(data, v2.Compose([*usual(augment, form), *tensors(form)]))
    loader = DataLoader(
        images,
        batch_size=batch_size,
        shuffle=True,
        drop_last=True,
        num_workers=chosen_workers(None),
        pin_memory=device == "cuda",
        persistent_workers=True,
    )
    net = NETWORKS[network](arch, len(images.classes)).to(device)
    optimiser = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    net.train()
    while True:
        seen = 0
        for pixels, labels in loader:
            pixels = pixels.to(device, non_blocking=True)
            labels = labels.to(device, non_blocking=True)
            with autocast(device, precision):
                loss = nn.functional.cross_entropy(net(pixels), labels)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            seen += len(labels)
        yield seen


def usual(augment: str, form: Transform) -> list[nn.Module]:
    """What one would write with torchvision to vary images as ``augment`` does."""
    from torchvision.transforms import v2

    if augment == "cifar":
        return [v2.RandomCrop(form.crop, padding=4), v2.RandomHorizontalFlip()]
    centre = [v2.Resize(form.resize), v2.CenterCrop(form.crop)]
    if augment == "none":
        return centre
    return [
        *centre,
        v2.RandomHorizontalFlip(),
        v2.RandomAffine(10, (0.1, 0.1), (0.9, 1.1), interpolation=v2.InterpolationMode.BILINEAR),
        v2.ColorJitter(0.2, 0.2),
        v2.RandomApply([v2.GaussianBlur(2 * max(form.crop // 32, 1) + 1, (0.7, 2.8))], 0.2),
    ]


def tensors(form: Transform) -> list[nn.Module]:
    from torchvision.transforms import v2

    last = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(form.mean, form.std)]
    return [v2.ToImage(), *last]


def ours(
    data: Path, arch: str, network: str, augment: str, batch_size: int, device: str, precision: str
) -> Iterator[int]:
    """``training.fit``; the images of each epoch."""
    from dataclasses import replace

    from rebalance.data.folder import scan
    from rebalance.losses import CE
    from rebalance.training.dataset import ImageDataset
    from rebalance.training.loop import fit
    from rebalance.training.parts import augmentation_of

    folder = scan(data)
    form = plain_transform(arch)
    images = ImageDataset(folder.root, folder.paths, folder.labels, form, augmentation_of(augment))
    net = NETWORKS[network](arch, len(folder.classes))
    whole = (
        network_of(arch, net, form.crop) if network == "own" else Network(net[:1], None, net[1:])  # type: ignore[index]
    )
    recipe = replace(RECIPE, epochs=10_000, batch_size=batch_size, peak_lr=0.01, warmup_epochs=0)
    for _ in fit(
        whole,
        images,
        CE(folder.counts),
        recipe,
        counts=folder.counts,
        seed=0,
        device=device,
        precision=precision,
        workers=chosen_workers(None),
    ):
        yield len(images) - len(images) % batch_size


LOOPS = {"by hand": by_hand, "rebalance": ours}


def measured(loop: str, epochs: int, options: dict[str, str]) -> dict[str, float]:
    """Images per second, and the seconds of the first epoch with everything before it."""
    began = time.perf_counter()
    run = LOOPS[loop](
        Path(options["data"]),
        options["arch"],
        options["network"],
        options["augment"],
        int(options["batch_size"]),
        options["device"],
        options["precision"],
    )
    next(run)
    first = time.perf_counter() - began
    rates = []
    for _ in range(epochs):
        began = time.perf_counter()
        images = next(run)
        rates.append(images / (time.perf_counter() - began))
    return {"first": first, "rate": statistics.median(rates)}


@click.command()
@click.argument("data", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--arch", default="cifar_resnet20", show_default=True)
@click.option("--network", type=click.Choice(tuple(NETWORKS)), default="own", show_default=True)
@click.option("--augment", default="cifar", show_default=True)
@click.option("--batch-size", default=RECIPE.batch_size, show_default=True)
@click.option("--epochs", default=3, show_default=True, help="Timed, after the first.")
@click.option("--device", default="auto", show_default=True)
@click.option("--precision", default="auto", show_default=True)
@click.option("--loop", type=click.Choice(tuple(LOOPS)), hidden=True)
def main(loop: str | None, epochs: int, **options: str) -> None:
    """Time both loops on DATA, an image folder."""
    if loop is not None:
        click.echo(json.dumps(measured(loop, epochs, options)))
        return
    options["device"] = resolve_device(options["device"])
    options["precision"] = resolve_precision(options["precision"], options["device"])
    found = {}
    for name in LOOPS:
        arguments = [f"--{key.replace('_', '-')}={value}" for key, value in options.items()]
        arguments = [str(options["data"]), *(a for a in arguments if not a.startswith("--data"))]
        command = [sys.executable, "-m", "benchmarks.training", *arguments]
        command += ["--loop", name, "--epochs", str(epochs)]
        found[name] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    rows = [
        (
            name,
            f"{each['first']:.1f}",
            f"{each['rate']:.0f}",
            f"{each['rate'] / found['by hand']['rate']:.2f}",
        )
        for name, each in found.items()
    ]
    told = ", ".join(f"{key} {value}" for key, value in options.items() if key != "data")
    click.echo(f"{told}\n")
    click.echo(table(("loop", "first epoch, s", "images/s after it", "ratio"), rows))


if __name__ == "__main__":
    main()
