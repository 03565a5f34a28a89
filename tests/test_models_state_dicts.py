import argparse
import pickle
import re
import warnings
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from rebalance.errors import ExtractorError
from rebalance.models.backbones import build
from rebalance.models.checkpoints import load_state_dict_file
from rebalance.models.state_dicts import load_into, output_width, read_state_dict

ARCH = "cifar_resnet20"


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return dict(build(ARCH, classes=5).state_dict())


def refusal(path: Path, arch: str = ARCH) -> str:
    """The message with which ``path`` is refused: always one line."""
    with pytest.raises(ExtractorError) as caught:
        state = read_state_dict(path)
        load_into(build(arch, output_width(state, arch)), state, arch=arch, path=path)
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def saved(content: Any, path: Path, **options: Any) -> Path:
    torch.save(content, path, **options)
    return path


WAYS: dict[str, Callable[[dict[str, Tensor], Path], object]] = {
    "plain": torch.save,
    "legacy": lambda s, p: torch.save(s, p, _use_new_zipfile_serialization=False),
    "ordered": lambda s, p: torch.save(OrderedDict(s), p),
    "state_dict": lambda s, p: torch.save({"state_dict": s, "epoch": 3}, p),
    "model": lambda s, p: torch.save({"model": s, "optimizer": {"lr": 0.1}}, p),
    "module": lambda s, p: torch.save({f"module.{k}": v for k, v in s.items()}, p),
    "compiled": lambda s, p: torch.save(
        {"model": {f"module._orig_mod.{k}": v for k, v in s.items()}}, p
    ),
    "lightning": lambda s, p: torch.save(
        {
            "state_dict": {f"model.{k}": v for k, v in s.items()},
            "hyper_parameters": {"lr": 0.1},
            "pytorch-lightning_version": "2.5",
        },
        p,
    ),
    "compiled lightning": lambda s, p: torch.save(
        {"state_dict": {f"net._orig_mod.{k}": v for k, v in s.items()}}, p
    ),
    "safetensors": save_file,
}


@pytest.mark.parametrize("way", WAYS)
def test_common_ways_to_save_are_read(way: str, state: dict[str, Tensor], tmp_path: Path) -> None:
    WAYS[way](state, tmp_path / "weights.pth")
    found = read_state_dict(tmp_path / "weights.pth")
    assert set(found) == set(state)
    assert all(torch.equal(found[key], state[key]) for key in state)
    assert output_width(found, ARCH) == 5


def test_half_precision_is_widened(state: dict[str, Tensor], tmp_path: Path) -> None:
    half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    path = saved(half, tmp_path / "half.pth")
    net = build(ARCH, classes=5)
    load_into(net, read_state_dict(path), arch=ARCH, path=path)
    assert torch.equal(net.fc.weight, half["fc.weight"].float())


@pytest.mark.parametrize(
    "arch", ["resnet18", "alexnet", "convnext_tiny", "densenet121", "squeezenet1_1", "swin_t"]
)
def test_the_classes_are_counted(arch: str) -> None:
    state = build(arch, classes=7).state_dict()
    assert output_width(dict(sorted(state.items())), arch) == 7


def test_the_names_of_published_densenets(tmp_path: Path) -> None:
    net = build("densenet121", classes=2)
    old = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))([12])", r"\1.\2", key): value
        for key, value in net.state_dict().items()
        if not key.endswith("num_batches_tracked")  # younger than those files, too
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in old
    path = saved(old, tmp_path / "densenet121-a639ec97.pth")
    other = build("densenet121", classes=2)
    load_into(other, read_state_dict(path), arch="densenet121", path=path)
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))


def test_mnasnet_loads_without_its_version(tmp_path: Path) -> None:
    path = saved(dict(build("mnasnet0_5", classes=2).state_dict()), tmp_path / "m.pth")
    load_into(build("mnasnet0_5", 2), read_state_dict(path), arch="mnasnet0_5", path=path)


class Payload:
    """Unpickled, it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.write_text, (self.path, "run")


@pytest.mark.parametrize("save", [torch.save, lambda x, p: p.write_bytes(pickle.dumps(x))])
def test_a_pickle_is_never_run(save: Callable[[Any, Path], None], tmp_path: Path) -> None:
    path, trace = tmp_path / "evil.pth", tmp_path / "trace"
    save({"weight": Payload(trace)}, path)
    assert "holds more than tensors, and was not opened" in refusal(path)
    assert not trace.exists()


def repacked(path: Path, how: int) -> Path:
    """The same archive, its content compressed in one way."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, part in content.items():
            archive.writestr(name, part)
    return path


@pytest.mark.parametrize("how", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_compressed_archive_is_not_unpacked(how: int, tmp_path: Path) -> None:
    path = saved({"fc.weight": torch.zeros(5_000_000)}, tmp_path / "bomb.pth")
    assert path.stat().st_size > 500 * repacked(path, how).stat().st_size
    assert "it is compressed, and torch.save compresses nothing" in refusal(path)


def test_an_archive_that_says_it_holds_more_than_it_does_is_refused(
    state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = saved(state, tmp_path / "large.pth")
    content = path.read_bytes()
    sizes = content.index(b"PK\x01\x02") + 20  # in the first entry of the directory
    path.write_bytes(content[:sizes] + (2**31).to_bytes(4, "little") * 2 + content[sizes + 8 :])
    assert "it holds more than its own size" in refusal(path)


def test_a_flipped_bit_in_an_archive_is_seen(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = saved(state, tmp_path / "flipped.pth")
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
    content = bytearray(path.read_bytes())
    content[largest.header_offset + largest.file_size // 2] ^= 1
    path.write_bytes(content)
    assert "is damaged (Bad CRC-32" in refusal(path)


def test_an_archive_without_checksums_is_read(state: dict[str, Tensor], tmp_path: Path) -> None:
    torch.serialization.set_crc32_options(False)
    try:
        path = saved(state, tmp_path / "plain.pth")
    finally:
        torch.serialization.set_crc32_options(True)
    found = read_state_dict(path)
    assert all(torch.equal(found[name], value) for name, value in state.items())


@pytest.mark.parametrize(
    "content", [b"PK\x03\x04" + bytes(40), b"no zip" + b"PK\x05\x06" + b"\xff" * 18]
)
def test_a_damaged_archive_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "damaged.pth"
    path.write_bytes(content)
    assert "is no checkpoint, or is damaged" in refusal(path)


def test_a_tensor_of_more_numbers_than_the_file_has_is_refused(tmp_path: Path) -> None:
    wide = torch.zeros(1, 64).expand(10**9, 64)  # as a last layer it would be 256 GB
    path = saved({"fc.weight": wide}, tmp_path / "wide.pth")
    assert path.stat().st_size < 10_000
    assert "says that 'fc.weight' is (1000000000, 64), and holds less" in refusal(path)


class Bytes:
    """A few bytes of a pickle, and gigabytes once it is loaded."""

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return bytearray, (10**12,)


@pytest.mark.parametrize("zipped", [True, False])
def test_bytes_that_a_pickle_makes_are_not_made(zipped: bool, tmp_path: Path) -> None:
    state = {"fc.weight": torch.zeros(300_000), "extra": Bytes()}  # not in the first part
    path = saved(state, tmp_path / "bytes.pth", _use_new_zipfile_serialization=zipped)
    assert "it makes bytes of its own" in refusal(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_a_whole_model_is_refused(zipped: bool, tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    saved(nn.Linear(2, 2), path, _use_new_zipfile_serialization=zipped)
    assert "holds more than tensors" in refusal(path)
    saved({"model": {}, "args": argparse.Namespace(lr=1)}, path)
    assert "holds more than tensors" in refusal(path)


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_a_torchscript_archive_is_refused(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), tmp_path / "script.pt")
    assert "is a TorchScript program, and was not opened" in refusal(tmp_path / "script.pt")


def test_files_that_are_no_checkpoint_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    for content in (b"", b"hello\n", b"\x80\x02", b"\x89PNG\r\n\x1a\n" + bytes(100)):
        path.write_bytes(content)
        assert "no checkpoint, or is damaged" in refusal(path), content
    np.savez(tmp_path / "table.npz", a=np.ones(3))
    assert "no checkpoint, or is damaged" in refusal(tmp_path / "table.npz")


@pytest.mark.parametrize("way", ["plain", "legacy", "safetensors"])
def test_truncated_files_are_refused(way: str, state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "weights"
    WAYS[way](state, path)
    whole = path.read_bytes()
    for length in (len(whole) // 2, len(whole) - 50):
        path.write_bytes(whole[:length])
        assert "no checkpoint, or is damaged" in refusal(path)


def test_missing_files_and_folders_are_told_apart(tmp_path: Path) -> None:
    assert "no checkpoint at" in refusal(tmp_path / "nowhere.pth")
    assert "is a folder" in refusal(tmp_path)


@pytest.mark.parametrize("content", [{}, [1, 2], torch.ones(3), {"state_dict": {}}])
def test_content_that_is_no_state_dict_is_refused(content: Any, tmp_path: Path) -> None:
    assert "holds no state dict" in refusal(saved(content, tmp_path / "x.pth"))


def test_a_state_dict_with_something_else_in_it(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = saved({**state, "epoch": 3}, tmp_path / "x.pth")
    assert "holds 'epoch', which is no tensor" in refusal(path)


def test_weights_that_do_not_fit_say_where(state: dict[str, Tensor], tmp_path: Path) -> None:
    path = tmp_path / "x.pth"
    torch.save({k: v for k, v in state.items() if k != "bn1.weight"}, path)
    assert "does not fit cifar_resnet20: it lacks bn1.weight; pass the --arch" in refusal(path)
    torch.save({**state, "extra.weight": torch.ones(1)}, path)
    assert "nothing takes its extra.weight" in refusal(path)
    torch.save({**state, "conv1.weight": torch.ones(16, 1, 3, 3)}, path)
    assert "conv1.weight is (16, 1, 3, 3) where (16, 3, 3, 3) is needed" in refusal(path)
    torch.save({**state, "fc.weight": torch.tensor(1.0)}, path)
    assert "fc.weight is () where" in refusal(path)
    torch.save({k: v for k, v in state.items() if not k.startswith("fc.")}, path)
    assert "lacks fc.weight" in refusal(path)


def test_quantised_weights_do_not_fit(state: dict[str, Tensor], tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bias = torch.quantize_per_tensor(state["fc.bias"], 0.1, 0, torch.qint8)
    path = saved({**state, "fc.bias": bias}, tmp_path / "x.pth")
    assert "quantised" in refusal(path)


def test_the_right_architecture_is_read_from_the_name(
    state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = saved(state, tmp_path / "best_cifar_resnet20-0c7f.pth")
    assert "pass --arch cifar_resnet20, as its name says" in refusal(path, "cifar_resnet32")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(
    value: float, state: dict[str, Tensor], tmp_path: Path
) -> None:
    bad = state["bn1.running_var"].clone()
    bad[3] = value
    path = saved({**state, "bn1.running_var": bad}, tmp_path / "x.pth")
    assert "NaN or infinite weights (bn1.running_var)" in refusal(path)


def test_a_prefix_that_is_taken_off_is_said(
    state: dict[str, Tensor], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = saved({f"model.module.{key}": each for key, each in state.items()}, tmp_path / "x.pth")
    with caplog.at_level("INFO", "rebalance"):
        read_state_dict(path)
    assert caplog.messages == [f"{path}: its names begin with 'model.module.', which is taken off"]
    caplog.clear()
    some = {**state, "model.conv1.weight": state["conv1.weight"]}
    assert read_state_dict(saved(some, path)).keys() == some.keys() and not caplog.messages


def test_names_of_another_kind_are_not_blamed_on_the_architecture(
    state: dict[str, Tensor], tmp_path: Path
) -> None:
    path = saved({f"student.{key}": each for key, each in state.items()}, tmp_path / "x.pth")
    message = refusal(path)
    assert "rename its tensors as torchvision has them (the first is 'conv1.weight')" in message
    assert "--arch" not in message


def test_a_checkpoint_without_its_last_layer_gives_the_same_features(
    state: dict[str, Tensor], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    headless = {key: each for key, each in state.items() if not key.startswith("fc.")}
    images = torch.randn(2, 3, 32, 32)
    with caplog.at_level("INFO", "rebalance"):
        found = [
            load_state_dict_file(ARCH, saved(each, tmp_path / name))[0].layers(images, ["pool"])
            for name, each in (("whole.pth", state), ("headless.pth", headless))
        ]
    assert torch.equal(found[0]["pool"], found[1]["pool"])
    (said,) = caplog.messages
    assert said.endswith("headless.pth has no last layer, fc: features do not need it")
    del headless["conv1.weight"]
    with pytest.raises(ExtractorError, match=r"it lacks conv1\.weight"):
        load_state_dict_file(ARCH, saved(headless, tmp_path / "more.pth"))
