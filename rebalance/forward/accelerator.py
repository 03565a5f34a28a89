"""A pass of many images through a network on a GPU: reading, copying and computing overlap.

Threads of the processor read images ahead; a batch travels from page-locked memory on a stream of
its own while the one before is computed, and its features are fetched while the next one is.
Imports torch.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import cycle

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rebalance.errors import UnreadableImage
from rebalance.forward.checking import check_images
from rebalance.forward.passes import (
    ForwardPass,
    ImageBatch,
    Passed,
    Picture,
    relative_distance,
    stack,
)
from rebalance.forward.reading import Encoded, decode_on, read_pixels
from rebalance.forward.tracing import trace_body
from rebalance.models.network import Network
from rebalance.models.transforms import Transform

log = logging.getLogger("rebalance")

SLOTS = 2  # batches between the processor and the device
# Of two ways through a network, relative to the norm of the features: bfloat16 was measured to be
# .004 to .016 from float32; TensorFloat-32, which cuDNN may use in float32, is eight times finer.
ALIKE = {"fp32": 1e-2, "bf16": 5e-2}
Forward = Callable[[Tensor], dict[str, Tensor]]
Fetch = Callable[[], dict[str, NDArray[np.float32]]]
Refuse = Callable[[bytes, str], None]


def pass_batches(
    batches: Iterable[ImageBatch], forward: ForwardPass, refuse: Refuse
) -> Iterator[Passed]:
    """Yield the features of each batch, in order.

    refuse: called with the key and the reason of an image that neither the device nor Pillow can
    decode; the batch comes back without it.
    """
    run = prepared(forward)
    route = (CudaRoute if forward.device == "cuda" else Route)(forward)
    under_way: deque[tuple[list[bytes], Fetch]] = deque()
    for batch in batches:
        keys, pictures = _decoded(batch, forward.transform, forward.device, refuse)
        under_way.append((keys, route.back(run(route.there(pictures)))))
        if len(under_way) == SLOTS:
            yield _fetched(*under_way.popleft())
    while under_way:
        yield _fetched(*under_way.popleft())


def _fetched(keys: list[bytes], fetch: Fetch) -> Passed:
    return Passed(keys, {name: values[: len(keys)] for name, values in fetch().items()})


def _decoded(
    batch: ImageBatch, transform: Transform, device: str, refuse: Refuse
) -> tuple[list[bytes], list[Tensor]]:
    """Return the readable images of a batch; what was left encoded is decoded on the device."""
    pictures: list[Picture | None] = list(batch.pictures)
    left = [place for place, picture in enumerate(pictures) if isinstance(picture, Encoded)]
    if left:
        encoded = [picture for picture in pictures if isinstance(picture, Encoded)]
        try:
            found: Iterable[Tensor | None] = decode_on(device, encoded, transform)
        except (RuntimeError, ImportError) as error:  # all of them are read as others are
            log.debug("the device does not decode a JPEG: %s", error)
            found = [
                _read(batch.keys[place], each, transform, refuse)
                for place, each in zip(left, encoded, strict=True)
            ]
        for place, pixels in zip(left, found, strict=True):
            pictures[place] = pixels
    pairs = zip(batch.keys, pictures, strict=True)
    whole = [(key, picture) for key, picture in pairs if isinstance(picture, Tensor)]
    return [key for key, _ in whole], [picture for _, picture in whole]


def _read(key: bytes, encoded: Encoded, transform: Transform, refuse: Refuse) -> Tensor | None:
    try:
        return read_pixels(encoded.data.numpy().tobytes(), transform)
    except UnreadableImage as error:
        refuse(key, str(error))
        return None


class Route:
    """The way of pixels to a device and of features back, one step after the other."""

    def __init__(self, forward: ForwardPass) -> None:
        self.device = forward.device
        self.buffer = forward.buffer

    def there(self, pictures: list[Tensor]) -> Tensor:
        """Copy pictures to the device: uint8 [size, 3, crop, crop], black where there are fewer."""
        here = self.buffer()
        on_device = stack([each for each in pictures if each.device == here.device], here)
        return _woven(pictures, on_device.to(self.device))

    def back(self, found: dict[str, Tensor]) -> Fetch:
        """Return a call that waits for the features and gives them as arrays."""
        return lambda: {name: values.cpu().numpy() for name, values in found.items()}


class CudaRoute(Route):
    """The same way beside the computing: page-locked memory, and a stream for copies."""

    def __init__(self, forward: ForwardPass) -> None:
        super().__init__(forward)
        self.copies = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self.slots = cycle(
            [
                (
                    self.buffer(pinned=True),
                    torch.cuda.Event(),  # type: ignore[no-untyped-call]
                )
                for _ in range(SLOTS)
            ]
        )

    def there(self, pictures: list[Tensor]) -> Tensor:
        """Copy pictures to the device on a stream of their own."""
        here, copied = next(self.slots)
        copied.synchronize()  # the copy that left from here before has arrived
        stack([each for each in pictures if each.device == here.device], here)
        computing = torch.cuda.current_stream()
        with torch.cuda.stream(self.copies):
            on_device = here.to(self.device, non_blocking=True)
            copied.record(self.copies)
        computing.wait_stream(self.copies)
        on_device.record_stream(computing)  # its memory is not the copies' to use again before
        return _woven(pictures, on_device)

    def back(self, found: dict[str, Tensor]) -> Fetch:
        """Begin to copy the features back; return a call that waits for them."""
        here = {
            name: torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
            for name, values in found.items()
        }
        for name, values in found.items():
            here[name].copy_(values, non_blocking=True)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
        arrived.record()

        def fetch() -> dict[str, NDArray[np.float32]]:
            arrived.synchronize()
            return {name: values.numpy() for name, values in here.items()}

        return fetch


def _woven(pictures: list[Tensor], sent: Tensor) -> Tensor:
    """Put pictures in their order: those ``sent``, in its first rows, and those already there."""
    if all(each.device.type == "cpu" for each in pictures):
        return sent
    rows = iter(sent)
    whole = [next(rows) if each.device.type == "cpu" else each for each in pictures]
    return torch.stack([*whole, *(torch.zeros_like(sent[0]) for _ in sent[len(whole) :])])


def prepared(forward: ForwardPass) -> Forward:
    """Make ``forward`` quick on its device: BatchNorms folded, and on CUDA recorded as a graph.

    Each step is compared with the one before on the same images, and left out, which the log says,
    where it fails or differs by more than ``ALIKE``.
    """
    plain = replace(
        forward,
        network=forward.network.eval().to(  # type: ignore[call-overload]
            forward.device, memory_format=torch.channels_last
        ),
    )
    example = check_images(forward.batch_size, forward.transform.crop).to(forward.device)
    alike = ALIKE[forward.precision]
    run = _better(plain, lambda: folded(plain), example, alike, "BatchNorms folded")
    if forward.device != "cuda":
        return run
    return _better(run, lambda: graphed(run, example), example, alike, "a CUDA graph")


def folded(forward: ForwardPass) -> Forward:
    """Return ``forward`` with its body traced and folded."""
    network = forward.network
    body = trace_body(network.body)
    twin = Network(body, network.hidden, network.output, network.image_size)
    return replace(forward, network=twin.eval().to(memory_format=torch.channels_last))


def graphed(run: Forward, example: Tensor) -> Forward:
    """Record ``run`` once as a CUDA graph, for inputs of the shape of ``example``.

    The result lies where the next call will write: fetch it on the same stream before that.
    """
    static = example.clone()
    side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # as CUDA asks: what is set up on first use is not recorded
        for _ in range(3):
            run(static)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = run(static)

    def replay(pixels: Tensor) -> dict[str, Tensor]:
        static.copy_(pixels)
        graph.replay()
        return found

    return replay


def _better(
    run: Forward, make: Callable[[], Forward], example: Tensor, alike: float, what: str
) -> Forward:
    """Return what ``make`` makes if its output is within ``alike`` of ``run``'s, else ``run``."""
    expected = run(example)
    # Tracing foreign modules and recording their kernels may raise anything.
    try:
        candidate = make()
        found = candidate(example)
        off = max(relative_distance(found[name], expected[name]) for name in expected)
    except Exception as error:
        log.debug("forward pass: without %s (%s)", what, str(error).partition("\n")[0])
        return run
    if not off <= alike:
        log.info("forward pass: without %s, which is off by %.1e", what, off)
        return run
    log.debug("forward pass: with %s, off by %.1e", what, off)
    return candidate
