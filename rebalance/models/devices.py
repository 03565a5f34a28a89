"""The device that a network runs on, and the precision it is computed in.

Importing this module does not import torch, and ``cpu`` is resolved without it: torch takes seconds
to start, and a run that finds its features in the cache needs none.
"""

import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from rebalance.errors import ExtractorError
from rebalance.settings import DEVICES, PRECISIONS

# The nodes a Linux driver makes: NVIDIA, Windows' GPU seen from WSL, AMD.
_DRIVER_NODES = ("nvidia*", "dxg", "kfd")
_BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})  # "bf16" is Arm's name


def _has_no_driver() -> bool:
    if sys.platform != "linux":
        return False
    return not any(any(Path("/dev").glob(node)) for node in _DRIVER_NODES)


def _present(device: str) -> bool:
    import torch

    if device == "cuda":
        return torch.cuda.is_available()
    return torch.backends.mps.is_available()


def resolve_device(name: str) -> str:
    """Resolve ``auto`` to the best of cuda, mps and cpu; any other name stands for itself.

    Does not import torch for ``cpu``, nor for ``auto`` on a Linux machine without a driver.
    Raises ExtractorError for a name that is none of ``DEVICES``, or a device that is not there.
    """
    if name not in DEVICES:
        raise ExtractorError(f"device must be one of {', '.join(DEVICES)}, not {name!r}")
    if name == "cpu" or (name == "auto" and _has_no_driver()):
        return "cpu"
    if name == "auto":
        return next((device for device in ("cuda", "mps") if _present(device)), "cpu")
    if not _present(name):
        raise ExtractorError(f"no {name} device was found on this machine; pass --device cpu")
    return name


def _processor_flags() -> frozenset[str]:
    """Read from Linux what the first processor can do; empty on other systems."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        name, _, flags = line.partition(":")
        if name.strip() in {"flags", "Features"}:  # x86, Arm
            return frozenset(flags.split())
    return frozenset()


def _computes_bf16(device: str) -> bool:
    if device == "cpu":
        return not _BF16_FLAGS.isdisjoint(_processor_flags())
    if device == "cuda":
        import torch

        # From Ampere on; torch.cuda.is_bf16_supported() also counts slow emulation.
        return torch.cuda.get_device_capability() >= (8, 0)
    return False


def resolve_precision(name: str, device: str) -> str:
    """Resolve ``auto`` to bf16 where ``device`` computes it natively, else to fp32.

    device: cpu, cuda or mps. Asked for by name, bf16 is also given to a device that only emulates
    it. Does not import torch for ``cpu``. Raises ExtractorError for a name that is none of
    ``PRECISIONS``, and for bf16 on mps, whose autocast differs from one version of macOS to the
    next.
    """
    if name not in PRECISIONS:
        raise ExtractorError(f"precision must be one of {', '.join(PRECISIONS)}, not {name!r}")
    if name == "auto":
        return "bf16" if _computes_bf16(device) else "fp32"
    if name == "bf16" and device == "mps":
        raise ExtractorError("bf16 needs the device cpu or cuda, found mps; pass --precision fp32")
    return name


def autocast(device: str, precision: str) -> AbstractContextManager[object]:
    """Return the context to run a network in: torch's autocast for bf16, nothing for fp32."""
    if precision == "fp32":
        return nullcontext()
    import torch

    return torch.autocast(device, dtype=torch.bfloat16)
