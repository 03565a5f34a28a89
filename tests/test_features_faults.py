"""A fault that passes is not remembered of an image, and what its bytes say is."""

import json
import shutil

import numpy as np
import pytest
import torch

from rebalance.data.folder import scan
from rebalance.data.survey import Probe
from rebalance.errors import OutputError
from rebalance.features.extraction import extract_features
from rebalance.features.extractors import find_extractor
from rebalance.features.finetuned import FineTuned
from rebalance.features.marks import image_keys
from rebalance.models.backbones import build
from rebalance.progress import silent
from rebalance.settings import ExtractorOptions, RunOptions


@pytest.fixture
def look(tmp_path, make_folder):
    """``look(keys=None)`` gives the digests of a folder of four images, and its feature table."""
    torch.manual_seed(0)
    torch.save(build("cifar_resnet20", 10).state_dict(), tmp_path / "random.pth")
    data = make_folder(tmp_path / "data", {"cat": 2, "dog": 2}, (32, 32))
    options = ExtractorOptions(str(tmp_path / "random.pth"), "cifar_resnet20", image_size=32)
    run = RunOptions(device="cpu", cache_dir=tmp_path / "kept")

    def extract(keys=None):
        folder = scan(data)
        found, unreadable = image_keys(folder, 0)
        assert not unreadable
        extractor = find_extractor(options, run, folder, [], workers=0)
        return found, extract_features(folder, keys or found, extractor, ["pool"], workers=0)

    return data, extract


def test_a_file_that_was_away_for_a_moment_is_read_the_next_time(look, tmp_path):
    data, extract = look
    folder = scan(data)
    keys, _ = image_keys(folder, 0)
    shutil.move(data / "cat" / "000.png", tmp_path / "away.png")
    options = ExtractorOptions(str(tmp_path / "random.pth"), "cifar_resnet20", image_size=32)
    run = RunOptions(device="cpu", cache_dir=tmp_path / "kept")
    extractor = find_extractor(options, run, folder, [], workers=0)
    table = extract_features(folder, keys, extractor, ["pool"], workers=0)
    assert [(bad.path, bad.reason) for bad in table.unreadable] == [("cat/000.png", "no such file")]
    shutil.move(tmp_path / "away.png", data / "cat" / "000.png")
    _, again = extract()
    assert not again.unreadable
    assert len(again.folder.paths) == 4


def test_features_of_a_changed_file_are_not_kept_under_the_old_digest(look):
    data, extract = look
    keys, _ = image_keys(scan(data), 0)
    changed = data / "cat" / "000.png"
    original = changed.read_bytes()
    shutil.copy(data / "dog" / "001.png", changed)
    _, table = extract(keys)
    assert [bad.path for bad in table.unreadable] == ["cat/000.png"]
    assert "changed while it was read" in table.unreadable[0].reason
    changed.write_bytes(original)
    found, again = extract()
    assert found == keys
    assert not again.unreadable
    features = again.layers["pool"].read(slice(None), slice(None))
    assert not np.array_equal(features[0], features[3])  # what it was replaced by


def everything(table):
    return table.layers["pool"].read(slice(None), slice(None))


def test_damaged_features_are_extracted_again_and_said_once(look, tmp_path, caplog):
    _, extract = look
    wanted = everything(extract()[1])
    (path,) = [path for path in tmp_path.rglob("pool/*.npy") if ".keys" not in path.name]
    content = bytearray(path.read_bytes())
    content[-1] ^= 4  # another finite number
    path.write_bytes(content)
    _, again = extract()
    assert again.computed == 4 and not path.exists()
    assert [record.message for record in caplog.records if "damaged" in record.message] == [
        f"features in the cache ({str(path.parents[1])!r}) are damaged: those of 1 files are "
        "extracted again"
    ]
    caplog.clear()
    _, third = extract()
    assert third.computed == 0 and not caplog.records
    for table in (again, third):
        np.testing.assert_array_equal(everything(table), wanted)


def test_a_cache_of_an_early_version_is_read(look, tmp_path):
    _, extract = look
    wanted = everything(extract()[1])
    for path in tmp_path.rglob("pool/*.npy"):
        name, _, rest = path.name.partition("-")
        path.rename(path.with_name(name + rest[8:]))
    (about,) = tmp_path.rglob("about.json")
    about.write_text(json.dumps(json.loads(about.read_text())["kept"]))
    _, table = extract()
    assert table.computed == 0
    np.testing.assert_array_equal(everything(table), wanted)


def test_a_folder_in_the_place_of_a_trained_network_is_told_before_training(look, tmp_path):
    data, _ = look
    folder = scan(data)
    options = ExtractorOptions("finetune", "cifar_resnet20", image_size=32)
    run = RunOptions(device="cpu", cache_dir=tmp_path / "kept")
    probes = [Probe(bytes([place]) * 16, (32, 32)) for place in range(4)]
    trained = FineTuned(options, run, {"device": "cpu", "precision": "fp32"}, folder, probes, 0)
    trained.path.mkdir(parents=True)
    with pytest.raises(OutputError, match="a folder is there: delete it"):
        trained.load(silent)


def test_a_damaged_file_is_remembered(look):
    data, extract = look
    (data / "dog" / "000.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    for computed in (3, 0):
        _, table = extract()
        assert [bad.path for bad in table.unreadable] == ["dog/000.png"]
        assert table.computed == computed
