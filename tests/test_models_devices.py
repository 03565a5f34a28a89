import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rebalance.errors import ExtractorError
from rebalance.models.devices import autocast, resolve_device, resolve_precision

ABSENT = [
    name
    for name, there in {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }.items()
    if not there
]


def test_auto_is_the_best_device_that_torch_sees() -> None:
    if torch.cuda.is_available():
        assert resolve_device("auto") == "cuda"
    elif torch.backends.mps.is_available():
        assert resolve_device("auto") == "mps"
    else:
        assert resolve_device("auto") == "cpu"


def test_cpu_is_cpu() -> None:
    assert resolve_device("cpu") == "cpu"


@pytest.mark.parametrize("name", ABSENT)
def test_a_device_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(ExtractorError, match=f"no {name} device was found .* --device cpu"):
        resolve_device(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:0", ""])
def test_an_unknown_device_is_refused(name: str) -> None:
    with pytest.raises(ExtractorError, match="one of auto, cpu, cuda, mps"):
        resolve_device(name)


def test_a_warm_run_needs_no_torch() -> None:
    program = (
        "import sys\n"
        "from rebalance.models import devices, headers, transforms\n"
        "devices.resolve_device('cpu')\n"
        "devices.resolve_precision('auto', 'cpu')\n"
        "transforms.with_image_size(transforms.CIFAR_TRANSFORM, 64)\n"
        "print(sorted({'torch', 'torchvision', 'safetensors'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert found.stdout.strip() == "[]", found.stderr


def test_precision_by_name() -> None:
    assert resolve_precision("fp32", "cpu") == "fp32"
    assert resolve_precision("fp32", "mps") == "fp32"
    assert resolve_precision("bf16", "cpu") == "bf16"
    assert resolve_precision("auto", "mps") == "fp32"


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="needs Linux's /proc/cpuinfo")
def test_auto_precision_follows_the_processor() -> None:
    native = re.search(r"\b(avx512_bf16|amx_bf16|bf16)\b", Path("/proc/cpuinfo").read_text())
    assert resolve_precision("auto", "cpu") == ("bf16" if native else "fp32")


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(ExtractorError, match="one of auto, fp32, bf16, not 'fp16'"):
        resolve_precision("fp16", "cpu")


def test_bf16_is_refused_on_mps() -> None:
    with pytest.raises(ExtractorError, match="--precision fp32"):
        resolve_precision("bf16", "mps")


def test_autocast_computes_in_the_precision_asked_for() -> None:
    layer, vector = torch.nn.Linear(4, 4), torch.ones(1, 4)
    with autocast("cpu", "bf16"):
        assert layer(vector).dtype == torch.bfloat16
    with autocast("cpu", "fp32"):
        assert layer(vector).dtype == torch.float32
