"""Repositories of the hub: as folders, in its cache, and what is said where they cannot be had."""

import json
from pathlib import Path

import pytest

from rebalance.errors import ExtractorError
from rebalance.models.libraries import hub, transformers_networks

DESCRIBING = ("config.json",)
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write(folder: Path, weights: bytes = b"weights", **config: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config or {"model_type": "vit"}))
    (folder / "preprocessor_config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


def test_a_folder_is_known_by_what_is_in_it(tmp_path: Path) -> None:
    one = hub.locate(str(write(tmp_path / "one")), DESCRIBING, "")
    other = hub.locate(str(write(tmp_path / "other")), DESCRIBING, "")
    assert one.identity == other.identity
    (other.folder / "README.md").write_text("of no weight")
    assert hub.locate(str(other.folder), DESCRIBING, "").identity == one.identity
    (other.folder / "model.safetensors").write_bytes(b"others")
    assert hub.locate(str(other.folder), DESCRIBING, "").identity != one.identity


@pytest.mark.parametrize("asked", ["owner/name", "owner/name@main", f"owner/name@{COMMIT}"])
def test_a_snapshot_is_known_by_its_commit(cache: Path, asked: str) -> None:
    place = cache / "models--owner--name"
    write(place / "snapshots" / COMMIT)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(COMMIT)
    found = hub.locate(asked, DESCRIBING, "")
    assert (found.name, found.identity) == ("owner/name", COMMIT)
    assert [each.name for each in hub.repositories(DESCRIBING)] == ["owner/name"]
    source = transformers_networks.find(asked, None, "")
    assert (source.arch, source.facts) == ("hf:owner/name", {"weights": COMMIT})


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
        ({}, "~/.cache/huggingface/hub"),
    ],
)
def test_the_cache_is_where_the_environment_says(
    environment: dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert hub.cache() == Path(place).expanduser()


@pytest.mark.parametrize(
    "asked", ["/nowhere/at/all", "a b", "a/b/c", "../up", "a/b@../../x", "a/b@", "a/b\n"]
)
def test_what_is_no_name_is_one_line(asked: str, cache: Path) -> None:
    with pytest.raises(ExtractorError, match="no folder, and no name on the hub") as caught:
        hub.locate(asked, DESCRIBING, "")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("GatedRepoError", "accept its terms"),
        ("RepositoryNotFoundError", "check its name"),
        ("LocalEntryNotFoundError", "bring that cache from a machine that has it"),
    ],
)
def test_a_repository_that_cannot_be_had_is_one_line_with_what_to_do(kind: str, told: str) -> None:
    error = type(kind, (Exception,), {})("many\nlines")
    line = str(hub.unreachable("owner/name", error, "pass another one"))
    assert "'owner/name'" in line
    assert told in line
    assert "pass another one" in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"model_type": "bert"}, "has no preprocessor_config.json, so it is a model of text"),
        ({"architecture": "resnet18"}, "is timm's: give it as timm:resnet18"),
        ({"hidden_size": 3}, "has no config.json that says its model_type"),
    ],
)
def test_what_is_no_model_of_images_is_one_line(
    config: dict[str, object], told: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "model", **config)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(ExtractorError, match=told) as caught:
        transformers_networks.find(str(folder), None, "")
    assert "\n" not in str(caught.value)


def test_damage_to_a_configuration_is_one_line(tmp_path: Path) -> None:
    folder = write(tmp_path / "model")
    (folder / "config.json").write_text("{]")
    with pytest.raises(ExtractorError, match="cannot be read"):
        transformers_networks.find(str(folder), None, "")


def test_an_open_clip_folder_is_sent_to_open_clip(tmp_path: Path) -> None:
    (tmp_path / "open_clip_config.json").write_text("{}")
    with pytest.raises(ExtractorError, match="give it as open_clip:local-dir:"):
        transformers_networks.find(str(tmp_path), None, "")


def test_a_file_of_weights_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExtractorError, match="as hf:FOLDER, in place of a file"):
        transformers_networks.find("owner/name", tmp_path / "w.pth", "")


def test_a_repository_that_is_nowhere_is_one_line(cache: Path) -> None:
    pytest.importorskip("huggingface_hub").constants.HF_HUB_OFFLINE = True
    with pytest.raises(ExtractorError, match=r"not in the cache .* or pass another$"):
        transformers_networks.find("no-one/nothing", None, "pass another")
