"""What can look at images here: kinds of extractors, and networks by their names."""

import json

import pytest
from schemas import faults

import rebalance
from rebalance.models.libraries import LIBRARIES, hub
from rebalance.models.published import fetched, published
from rebalance.workflow.extractors import BY_LIBRARY


def test_the_kinds_and_what_works_of_them_here(run, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    done = run("extractors", "--json")
    assert done.status == 0
    record = json.loads(done.out)
    assert not faults("extractors", record)
    kinds = {each["name"]: each for each in record["extractors"]}
    assert not kinds["imagenet"]["works"] and kinds["imagenet"]["found"] is None
    assert kinds["finetune"]["works"] and kinds["PATH"]["works"]
    assert kinds["lite0"]["works"] and kinds["FILE"]["works"]
    assert {kinds[each.names]["name"] for each in LIBRARIES.values()} <= {*kinds}
    hub = tmp_path / "hub" / "checkpoints"
    hub.mkdir(parents=True)
    (hub / "mobilenet_v2-7ebf99e0.pth").touch()
    (hub / "mobilenet_v2-b0353104.pth").touch()  # an older file of this name is not what it takes
    (hub / "resnet18-12345678.pth").touch()
    done = run("extractors")
    assert "  works here: weights of 1 network in" in done.out and "\n  mobilenet_v2\n" in done.out
    assert max(map(len, done.out.splitlines())) <= 80 + len(str(tmp_path))


def test_networks_are_found_by_their_names(run, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    found = run("extractors", "mobilenet_v3", "cifar_resnet2?")
    assert "imagenet:mobilenet_v3_large  to download" in found.out
    assert "cifar_resnet20               none" in found.out
    assert "imagenet: 2 of" in found.out and "finetune: 1 of" in found.out
    every = {each["name"]: each for each in rebalance.extractors("*")}
    assert len(every["imagenet"]["found"]) == every["imagenet"]["networks"] == len(published())


def test_options_of_comparing_need_a_comparison(run):
    done = run("extractors", "--folds", 3)
    assert done.status == 2 and "add --compare DATA" in done.err


@pytest.mark.parametrize("home", ["TORCH_HOME", "XDG_CACHE_HOME"])
def test_weights_are_looked_for_where_torch_keeps_them(monkeypatch, tmp_path, home):
    import torch

    from rebalance.models.published import torch_cache

    monkeypatch.delenv("TORCH_HOME", raising=False)
    monkeypatch.setenv(home, str(tmp_path))
    assert str(torch_cache().parent) == torch.hub.get_dir()
    assert fetched() == []


def test_a_library_is_told_by_what_lies_in_the_cache_of_the_hub(monkeypatch, tmp_path):
    for name, file in (
        ("timm--resnet18.a1_in1k", "model.safetensors"),
        ("timm--resnet34.a1_in1k", "config.json"),  # without its weights
        ("facebook--dinov2-small", "model.safetensors"),
        ("facebook--dinov2-small", "config.json"),
        ("facebook--dinov2-small", "preprocessor_config.json"),
        ("laion--CLIP-B", "open_clip_model.safetensors"),
        ("laion--CLIP-B", "open_clip_config.json"),
    ):
        folder = tmp_path / f"models--{name}" / "snapshots" / "0"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / file).touch()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    kept = hub.kept()
    own = {
        prefix: [*filter(None, (told.named(name, files) for name, files in kept.items()))]
        for prefix, told in BY_LIBRARY.items()
    }
    assert own == {
        "timm": ["timm:resnet18.a1_in1k"],
        "hf": ["hf:facebook/dinov2-small"],
        "open_clip": ["open_clip:hf-hub:laion/CLIP-B"],
    }
    assert {*LIBRARIES} == {*BY_LIBRARY}


def test_the_networks_of_timm_are_listed_where_it_is_installed(monkeypatch, tmp_path):
    pytest.importorskip("timm")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    (found,) = (each for each in rebalance.extractors("timm:test_vit*") if each["found"])
    assert found["networks"] > 1000 and not found["works"]
    weights = {each["name"]: each["weights"] for each in found["found"]}
    assert weights["timm:test_vit.r160_in1k"] is False
    assert weights["timm:test_vit_relpos.untrained"] is None


def test_what_is_not_installed_is_told_with_the_line_that_installs_it(run):
    try:
        import timm  # noqa: F401
    except ImportError:
        done = run("extractors", "timm:*")
        assert done.out == "timm:NAME[.TAG]: not installed, pip install 'rebalance[timm]'\n"
