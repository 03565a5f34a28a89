"""How fast images become features, stage by stage, and how far that is from the machine's limit.

    python -m benchmarks.extraction photos --arch resnet50

Each stage alone: reading files (decoding and resizing), copying to the device, and the forward
pass, as torch runs the network and as we run it. On a processor a stage is timed in one thread, by
its processor time, so that other work on the machine counts little; on a GPU by the clock. The
limit is the rate of a large matrix product in that precision: "of the limit" is the share of it
that the network's multiplications and additions reach. Then everything together, by the clock.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import click
import torch
from torch.utils.flop_counter import FlopCounterMode

from rebalance.cli.console import table
from rebalance.data.files import read_bytes
from rebalance.data.folder import scan
from rebalance.features.extractors import BATCH
from rebalance.forward import accelerator, processor
from rebalance.forward.checking import check_images, packed_network
from rebalance.forward.memory import pages_kept
from rebalance.forward.passes import ForwardPass, ImageBatch, Picture, batched
from rebalance.forward.reading import read_or_leave, read_pixels
from rebalance.models.backbones import build
from rebalance.models.checkpoints import load_state_dict_file
from rebalance.models.devices import resolve_device
from rebalance.models.network import Network, network_of
from rebalance.models.transforms import Transform, plain_transform
from rebalance.parallel import chosen_workers, ordered_map

ROUNDS = 5
SIDE = 2048  # of the matrices that are multiplied
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}


class Clock:
    """Seconds: of the processor where it computes, by the clock where a GPU does."""

    def __init__(self, device: str) -> None:
        self.device = device

    def __call__(self) -> float:
        if self.device == "cpu":
            return time.process_time()
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def fastest(self, run: Callable[[], object]) -> float:
        """Seconds of the fastest of ``ROUNDS`` runs, after one that does not count."""
        run()
        taken = []
        for _ in range(ROUNDS):
            start = self()
            run()
            taken.append(self() - start)
        return min(taken)


def loaded(arch: str, extractor: Path | None) -> tuple[Network, Transform]:
    if extractor is not None:
        return load_state_dict_file(arch, extractor)
    torch.manual_seed(0)
    transform = plain_transform(arch)
    return network_of(arch, build(arch, classes=1000), transform.crop).eval(), transform


def limit(clock: Clock, precision: str) -> float:
    """Operations a second of a large product of matrices, or of a convolution if those are more.

    Some builds of torch leave the product to a library that the processor is slow with.
    """

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, device=clock.device).to(DTYPES[precision])

    one, other = drawn(SIDE, SIDE), drawn(SIDE, SIDE)
    images, kernel = drawn(BATCH[clock.device], 256, 28, 28), drawn(256, 256, 3, 3)
    images = images.contiguous(memory_format=torch.channels_last)
    kernel = kernel.contiguous(memory_format=torch.channels_last)
    with torch.inference_mode():
        product = clock.fastest(lambda: one @ other)
        convolution = clock.fastest(lambda: torch.nn.functional.conv2d(images, kernel, padding=1))
    return max(2 * SIDE**3 / product, 2 * images.numel() * kernel[0].numel() / convolution)


def operations(network: Network, transform: Transform) -> int:
    """Multiplications and additions of the body for one image."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network.body(transform.normalise(check_images(1, transform.crop)))
    return int(counter.get_total_flops())


def ways(forward: ForwardPass) -> Iterator[tuple[str, Callable[[torch.Tensor], object]]]:
    """The network as it is, and as we run it."""
    network = forward.network.eval().to(forward.device, memory_format=torch.channels_last)
    plain = replace(forward, network=network)
    yield f"torch, {forward.precision}", plain
    if forward.device == "cpu":
        ours = packed_network(network, forward.transform, forward.batch_size, forward.precision)
        yield f"fused, {forward.precision}", replace(forward, network=ours)
    else:
        yield f"ours, {forward.precision}", accelerator.prepared(plain)


def forwards(forward: ForwardPass, clock: Clock) -> Iterator[tuple[str, ...]]:
    """A line for each way and precision: images a second, and the share of the limit."""
    each = operations(forward.network, forward.transform)
    for precision in DTYPES:
        most = limit(clock, precision)
        here = replace(forward, precision=precision)
        images = check_images(here.batch_size, here.transform.crop).to(here.device)
        for name, run in ways(here):
            rate = here.batch_size / clock.fastest(partial(run, images))
            yield f"forward: {name}", f"{rate:,.0f}", f"{rate * each / most:.0%}"
        yield f"  the limit, {precision}", f"{most / 1e9:,.0f} GFLOP/s", ""


def copies(forward: ForwardPass, clock: Clock) -> Iterator[tuple[str, ...]]:
    """Batches from page-locked memory to the device, where there is anything to copy."""
    if forward.device == "cpu":
        return
    route = (accelerator.CudaRoute if forward.device == "cuda" else accelerator.Route)(forward)
    images = list(check_images(forward.batch_size, forward.transform.crop))
    rate = forward.batch_size / clock.fastest(lambda: route.there(images))
    yield "copy to the device", f"{rate:,.0f}", ""


def together(files: list[bytes], forward: ForwardPass, workers: int) -> tuple[str, ...]:
    """Files in memory to features, by the clock."""
    read = read_or_leave if forward.device == "cuda" else read_pixels

    def one(data: bytes) -> tuple[bytes, Picture]:
        return b"", read(data, forward.transform)

    def batches() -> Iterator[ImageBatch]:
        return batched(ordered_map(one, files, workers), forward.batch_size)

    if forward.device == "cpu":
        passes = processor.pass_batches(batches(), forward, workers)
    else:
        passes = accelerator.pass_batches(batches(), forward, lambda key, reason: None)
    next(passes)  # what is prepared once for all
    start, used = time.perf_counter(), time.process_time()
    count = sum(len(passed.keys) for passed in passes)
    seconds, used = time.perf_counter() - start, time.process_time() - used
    name = f"together: {forward.precision}, {workers} workers"
    return name, f"{count / seconds:,.0f}", f"{used / count * 1e3:.1f} ms of processor each"


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--arch", default="resnet50", show_default=True)
@click.option("--extractor", type=click.Path(exists=True, path_type=Path), help="State dict.")
@click.option("--images", default=512, show_default=True)
@click.option("--batch-size", type=int)
@click.option("--device", default="auto", show_default=True)
@click.option("--workers", type=int)
def main(
    folder: Path,
    arch: str,
    extractor: Path | None,
    images: int,
    batch_size: int | None,
    device: str,
    workers: int | None,
) -> None:
    """Time reading, copying and the forward pass, each alone and all together."""
    device, count = resolve_device(device), chosen_workers(workers)
    clock, (network, transform) = Clock(device), loaded(arch, extractor)
    size = batch_size or BATCH[device]
    forward = ForwardPass(network, transform, ["pool"], size, device, "fp32")
    found = scan(folder)
    step = max(1, len(found.paths) // images)
    files = [read_bytes(folder / path) for path in found.paths[::step][:images]]
    reader = Clock("cpu")
    with processor.one_thread_each(), pages_kept():
        seconds = reader.fastest(lambda: [read_pixels(data, transform) for data in files[:64]])
        lines = [("read: one thread", f"{len(files[:64]) / seconds:,.0f}", "")]
        lines += [*copies(forward, clock), *forwards(forward, clock)]
    for precision in DTYPES:
        lines.append(together(files, replace(forward, precision=precision), count))
    click.echo(table((f"{arch}, {size} at a time, {device}", "images/s", "of the limit"), lines))


if __name__ == "__main__":
    main()
