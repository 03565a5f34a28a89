"""The feature cache: what is kept is found again, whoever else uses it."""

import os

import numpy as np
import PIL
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalance.errors import OutputError
from rebalance.features.cache import FeatureCache, StoredFeatures, cache_root, clear, usage


def keys(*numbers: int) -> list[bytes]:
    return [number.to_bytes(16, "big") for number in numbers]


def block(*numbers: int, width: int = 3) -> np.ndarray:
    return np.array([[n + c / 8 for c in range(width)] for n in numbers], np.float16)


def opened(folder) -> FeatureCache:
    cache = FeatureCache(folder, "net")
    cache.describe({}, {"pool": 3, "body": 3})
    return cache


def test_blocks_are_found_again_in_any_order(tmp_path):
    cache = opened(tmp_path)
    cache.write("pool", keys(1, 2, 3), block(1, 2, 3))
    cache.write("pool", keys(0, 4), block(0, 4))  # a key that is all zeros is a key like others
    layer = cache.layer("pool")
    assert set(layer.places) == set(keys(0, 1, 2, 3, 4))
    stored = layer.rows(keys(4, 1, 0, 3, 1))
    assert stored.shape == (5, 3)
    everything = stored.read(slice(None), slice(None))
    np.testing.assert_array_equal(everything, block(4, 1, 0, 3, 1))
    assert everything.dtype == np.float16


def test_layers_and_extractors_are_apart(tmp_path):
    opened(tmp_path).write("pool", keys(1), block(1))
    assert not FeatureCache(tmp_path, "net").layer("body").places
    assert not FeatureCache(tmp_path, "other").layer("pool").places


def test_two_writers_may_keep_the_same_image(tmp_path):
    for _ in range(2):
        opened(tmp_path).write("pool", keys(1, 2), block(1, 2))
    stored = FeatureCache(tmp_path, "net").layer("pool").rows(keys(2, 1))
    np.testing.assert_array_equal(stored.read(slice(None), slice(None)), block(2, 1))


@pytest.mark.parametrize(
    "harm",
    ["features cut", "keys cut", "features gone", "keys empty", "wide", "flat", "float32", "bit"],
)
def test_a_damaged_block_counts_as_missing(tmp_path, harm):
    cache = opened(tmp_path)
    cache.write("pool", keys(1), block(1))
    cache.write("pool", keys(2), block(2))
    names = next(
        path
        for path in (cache.folder / "pool").glob("*.keys.npy")
        if np.load(path).tobytes() == keys(1)[0]
    )
    features = names.with_name(names.name.replace(".keys", ""))
    if harm == "features cut":
        features.write_bytes(features.read_bytes()[:-1])
    elif harm == "keys cut":
        names.write_bytes(names.read_bytes()[:-1])
    elif harm == "keys empty":
        names.write_bytes(b"")
    elif harm == "bit":
        content = bytearray(features.read_bytes())
        content[-1] ^= 1
        features.write_bytes(content)
    elif harm == "wide":
        np.save(features, block(1, width=4))
    elif harm == "flat":
        np.save(features, block(1)[:, 0])
    elif harm == "float32":
        np.save(features, block(1).astype(np.float32))
    else:
        features.unlink()
    assert set(cache.layer("pool").places) == set(keys(2))


def of_an_early_version(cache: FeatureCache) -> None:
    """Name the blocks as they were named before they had a checksum."""
    for path in (cache.folder / "pool").iterdir():
        name, _, rest = path.name.partition("-")
        path.rename(path.with_name(name + rest[8:]))


def test_a_block_of_an_early_version_is_taken_if_it_is_finite(tmp_path):
    cache = opened(tmp_path)
    cache.write("pool", keys(1, 2), block(1, 2))
    for value in (np.nan, np.inf):
        cache.write("pool", keys(3, 4), np.where(block(3, 4) == 4, value, block(3, 4)))
    of_an_early_version(cache)
    layer = cache.layer("pool")
    assert set(layer.places) == set(keys(1, 2))
    assert len(layer.damaged) == 2
    stored = layer.rows(keys(2)).read(slice(None), slice(None))
    np.testing.assert_array_equal(stored, block(2))


def test_any_flipped_bit_of_a_block_is_seen(tmp_path):
    cache = opened(tmp_path)
    cache.write("pool", keys(1, 2), block(1, 2))
    for path in sorted((cache.folder / "pool").iterdir()):
        whole = path.read_bytes()
        for place in range(len(whole)):
            content = bytearray(whole)
            content[place] ^= 1 << place % 8
            path.write_bytes(content)
            layer = cache.layer("pool")
            assert not layer.places and layer.damaged == tuple(cache.blocks("pool"))
        path.write_bytes(whole)
    assert set(cache.layer("pool").places) == set(keys(1, 2))


HEADERS = [
    b"PK\x03\x04" + bytes(99),
    b"PK\x05\x06" + bytes(18),
    b"\x80\x04N.",
    b"\x93NUMPY\x01\x00v\x00{'descr': '<f2', 'shape': (" + b" " * 80,
    b"\x93NUMPY\x01\x00v\x00{'descr': '<f2', 'fortran_order': False, 'shape': (9999999999999,), }",
    b"\x93NUMPY\x03\x00" + b"\xff" * 200,
]


@pytest.mark.parametrize("content", HEADERS)
@pytest.mark.parametrize("early", [False, True])
def test_a_block_that_is_something_else_counts_as_missing(tmp_path, content, early):
    for ending in (".npy", ".keys.npy"):
        cache = opened(tmp_path / ending)
        cache.write("pool", keys(1), block(1))
        if early:
            of_an_early_version(cache)
        (name,) = cache.blocks("pool")
        path = cache.folder / "pool" / name.replace(".keys.npy", ending)
        path.write_bytes(content)
        layer = cache.layer("pool")
        assert not layer.places and layer.damaged == (name,)
        cache.discard("pool", layer.damaged)
        assert not list((cache.folder / "pool").iterdir())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes with a name")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    cache = opened(tmp_path)
    cache.write("pool", keys(1), block(1))
    cache.refuse({keys(2)[0]: "cut short"})
    for path in [path for path in tmp_path.rglob("*") if path.is_file()]:
        path.unlink()
        os.mkfifo(path)
    assert cache.widths() == cache.refused() == {}
    cache.describe({}, {"pool": 3, "body": 3})
    layer = cache.layer("pool")
    assert not layer.places and len(layer.damaged) == 1


def test_an_unfinished_block_is_not_there(tmp_path):
    cache = opened(tmp_path)
    cache.write("pool", keys(1), block(1))
    for names in (cache.folder / "pool").glob("*.keys.npy"):
        names.unlink()  # as after a kill between the two renames
    assert not cache.layer("pool").places


def test_about_is_kept_and_damage_is_no_error(tmp_path):
    cache = opened(tmp_path)
    assert cache.widths() == {"pool": 3, "body": 3}
    path = cache.folder / "about.json"
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert cache.widths() in ({}, {"pool": 3, "body": 3})  # a space more is no damage
    deep = "[" * 100_000
    for damage in ("{", "[]", '{"layers": 5}', "", deep, '{"layers": {"pool": 3}}', '{"kept": 1}'):
        path.write_text(damage)
        assert cache.widths() == {}


@pytest.mark.parametrize("layers", [{"pool": "3"}, {"../pool": 3}, {"..": 3}, {"a/b": 3}])
def test_layers_that_cannot_be_are_none(tmp_path, layers):
    cache = FeatureCache(tmp_path, "net")
    cache.describe({}, layers)
    assert cache.widths() == {}


@pytest.mark.parametrize(
    "damage",
    [
        "{}",
        "[" * 100_000,
        '{"pillow": "VERSION"}',
        '{"pillow": "VERSION", "reasons": []}',
        '{"pillow": "VERSION", "reasons": {"xyz": "cut short"}}',
        '{"checksum": 0, "kept": {"pillow": "VERSION", "reasons": {}}}',
    ],
)
def test_refusals_of_another_shape_are_none(tmp_path, damage):
    cache = FeatureCache(tmp_path, "net")
    (key,) = keys(1)
    cache.refuse({key: "cut short"})
    (cache.folder / "refused.json").write_text(damage.replace("VERSION", PIL.__version__))
    assert cache.refused() == {}
    cache.refuse({key: "no image"})
    assert cache.refused() == {key: "no image"}


def test_refusals_are_kept_for_one_version_of_pillow(tmp_path, monkeypatch):
    cache = FeatureCache(tmp_path, "net")
    assert cache.refused() == {}
    first, second = keys(1, 2)
    cache.refuse({first: "cut short"})
    cache.refuse({second: "no image"})
    assert cache.refused() == {first: "cut short", second: "no image"}
    monkeypatch.setattr("rebalance.features.cache.version", lambda name: "another")
    assert cache.refused() == {}


@given(st.data())
def test_any_part_is_what_the_whole_array_has_there(data):
    sizes = data.draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    blocks = [block(*range(10 * b, 10 * b + size), width=4) for b, size in enumerate(sizes)]
    places = [(b, r) for b, size in enumerate(sizes) for r in range(size)]
    chosen = data.draw(st.lists(st.sampled_from(places), max_size=12))
    at = np.array(chosen, np.intp).reshape(-1, 2)
    stored = StoredFeatures(blocks, at[:, 0], at[:, 1])
    whole = np.array([blocks[b][r] for b, r in chosen], np.float16).reshape(-1, 4)
    rows, columns = data.draw(st.slices(len(chosen))), data.draw(st.slices(4))
    np.testing.assert_array_equal(stored.read(rows, columns), whole[rows, columns])
    taken = data.draw(st.permutations(range(len(chosen))))
    part = stored.take(np.array(taken, np.intp))
    np.testing.assert_array_equal(part.read(slice(None), slice(None)), whole[taken])


def test_where_it_is(tmp_path, monkeypatch):
    assert cache_root(tmp_path) == tmp_path
    monkeypatch.setenv("REBALANCE_CACHE_DIR", str(tmp_path / "env"))
    assert cache_root() == tmp_path / "env"
    monkeypatch.delenv("REBALANCE_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "rebalance"


def test_a_cache_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("no folder")
    cache = FeatureCache(tmp_path / "file", "net")
    with pytest.raises(OutputError, match="cannot write"):
        cache.write("pool", keys(1), block(1))
    with pytest.raises(OutputError, match="cannot write"):
        cache.describe({}, {})


def test_clearing_takes_nothing_but_ours(tmp_path):
    opened(tmp_path).write("pool", keys(1), block(1))
    (tmp_path / "precious.txt").write_text("keep")
    features, extractors = usage(tmp_path)
    assert (features.files, extractors.files) == (3, 0)
    assert features.size == sum(f.stat().st_size for f in (tmp_path / "features").rglob("*.*"))
    clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]
    assert [part.files for part in usage(tmp_path)] == [0, 0]
    clear(tmp_path)  # nothing there is no error
