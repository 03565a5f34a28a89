"""The choice of the form in which a network runs on a processor: packed, if it computes the same.

Imports torch; never torchvision.
"""

import logging

import torch
from torch import Tensor, nn

from rebalance.forward.packing import PackedConvolution, pack
from rebalance.forward.passes import relative_distance
from rebalance.forward.tracing import trace_body
from rebalance.models.devices import autocast
from rebalance.models.network import Network
from rebalance.models.transforms import Transform

log = logging.getLogger("rebalance")

CHECKED = 2  # images
EXACT = 1e-4  # rounding of float32 was measured to add up to 2e-6; a wrong operator is over 1e-2
# Plain bfloat16 is as far from float32 as fused is, or further: 0.9 to 1.1 times over 15 networks.
ROUNDED = 2.0


def packed_network(
    network: Network, transform: Transform, batch_size: int, precision: str
) -> Network:
    """Pack the body of ``network`` for batches of ``batch_size``, where that works.

    Both have passed the same images, and the features of the body differ, relative to the norm of
    those in float32, by at most ``EXACT`` in float32; in bf16 the packed ones may be ``ROUNDED``
    times as far from float32 as torch's own bf16 is. Otherwise, or where the body cannot be traced
    or this torch has no such operators, it is ``network``. The log says which, and why.
    """
    images = transform.normalise(check_images(CHECKED, transform.crop))
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    # Private operators and the tracing of foreign modules may raise anything.
    try:
        body = pack(trace_body(network.body), images[:1], batch_size, dtype)
        count = sum(isinstance(module, PackedConvolution) for module in body.modules())
        off, allowed = _deviation(network.body, body, images, batch_size, precision)
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        log.debug("forward pass: the network as it is in %s (%s)", precision, reason)
        return network
    if not off <= allowed:
        log.info(
            "forward pass: the network as it is in %s (fused convolutions are off by %.1e, "
            "more than %.1e)",
            precision,
            off,
            allowed,
        )
        return network
    log.debug(
        "forward pass: %d fused convolutions in %s, off by %.1e of %.1e allowed",
        count,
        precision,
        off,
        allowed,
    )
    return Network(body, network.hidden, network.output, network.image_size).eval()


def check_images(count: int, size: int) -> Tensor:
    """Make images uint8 [count, 3, size, size], always the same: coarse and fine noise."""
    rng = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, 192, (count, 3, 8, 8), generator=rng, dtype=torch.uint8)
    fine = torch.randint(0, 64, (count, 3, size, size), generator=rng, dtype=torch.uint8)
    return nn.functional.interpolate(coarse, size=(size, size)) + fine


def _deviation(
    plain: nn.Module, packed: nn.Module, images: Tensor, batch_size: int, precision: str
) -> tuple[float, float]:
    """Measure how far ``packed`` is from ``plain`` in float32, and return how far it may be."""
    filled = images.new_zeros((batch_size, *images.shape[1:]))
    checked = min(len(images), batch_size)
    filled[:checked] = images[:checked]
    with torch.inference_mode():
        exact = plain(images[:checked])
        with autocast("cpu", precision):
            off = relative_distance(packed(laid_out(filled))[:checked], exact)
            if precision == "fp32":
                return off, EXACT
            return off, ROUNDED * relative_distance(plain(laid_out(images[:checked])), exact)


def laid_out(images: Tensor) -> Tensor:
    """Return the images with their channels last, which is quickest for convolutions."""
    return images.contiguous(memory_format=torch.channels_last)
