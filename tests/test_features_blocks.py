"""Blocks of features: where an image lies in them, and how many there are and may be."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebalance.errors import FeatureError
from rebalance.features.blocks import (
    KEY,
    LARGEST,
    SHARE,
    SMALLEST,
    BlockFile,
    MappedBlocks,
    Places,
    block_size,
)
from rebalance.features.cache import FeatureCache

# Digests that differ in their last bytes only, or end in zeros as no text does.
DIGESTS = st.sampled_from([bytes(14) + bytes(end) for end in np.ndindex(3, 3)] + [b"\xff" * 16])
BLOCKS = st.lists(st.lists(DIGESTS, max_size=5), max_size=5)


def array(keys):
    return np.frombuffer(b"".join(keys), KEY)


@given(BLOCKS, BLOCKS, st.lists(DIGESTS, max_size=8))
def test_places_are_those_of_a_dictionary_filled_block_by_block(first, later, wanted):
    known = {}
    for number, keys in enumerate([*first, *later]):
        for row, key in enumerate(keys):
            known.setdefault(key, (number, row))
    places = Places.nowhere().with_blocks([array(keys) for keys in first], 0)
    places = places.with_blocks([array(keys) for keys in later], len(first))
    assert dict(places) == known
    assert len(places) == len(known)
    block, row = places.find(wanted)
    assert list(zip(block, row, strict=True)) == [known.get(key, (-1, -1)) for key in wanted]
    assert places.has(wanted).tolist() == [key in known for key in wanted]
    for key in wanted:
        assert (key in places) == (key in known)


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_a_block_is_small_at_first_and_bounded_in_the_end(kept, columns):
    size = block_size(kept, columns)
    assert size >= SMALLEST
    assert size == SMALLEST or size <= kept / SHARE
    assert size == SMALLEST or size * columns * 2 <= LARGEST
    assert block_size(kept + 1, columns) >= size


def test_a_hundred_million_images_are_thousands_of_blocks():
    kept = blocks = 0
    while kept < 10**8:
        kept += block_size(kept, 2048)
        blocks += 1
    assert blocks < 13_000
    assert block_size(kept, 2048) == 8192


def filled(root, blocks):
    """A cache with blocks of one image each, which is its own number."""
    cache = FeatureCache(root, "net")
    cache.describe({}, {"pool": 1})
    keys = [number.to_bytes(16, "big") for number in range(blocks)]
    for number, key in enumerate(keys):
        cache.write("pool", [key], np.full((1, 1), number, np.float16))
    return cache, keys


READ = """
import json, resource, sys
from pathlib import Path
from rebalance.features.cache import FeatureCache

resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
stored = FeatureCache(Path(sys.argv[1]), "net").layer("pool")
rows = stored.rows([number.to_bytes(16, "big") for number in range(300)])
print(json.dumps(rows.read(slice(None), slice(None))[:, 0].tolist()))
"""


@pytest.mark.skipif(os.name != "posix", reason="limits the files a process may have open")
def test_more_blocks_than_files_that_may_be_open(tmp_path):
    filled(tmp_path, 300)
    answer = subprocess.run(
        [sys.executable, "-c", READ, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    assert json.loads(answer.stdout) == list(range(300))


def test_what_is_known_by_name_needs_no_listing(tmp_path):
    cache, keys = filled(tmp_path, 3)
    assert sorted(cache.written["pool"]) == cache.blocks("pool")
    first, *rest = cache.written["pool"]
    layer = cache.layer("pool", [first])
    assert dict(layer.places) == {keys[0]: (0, 0)}
    layer = layer.with_blocks(rest)
    assert [layer.places[key] for key in keys] == [(0, 0), (1, 0), (2, 0)]
    assert layer.rows(keys).read(slice(None), slice(None)).tolist() == [[0], [1], [2]]
    assert dict(cache.layer("pool", ["gone.keys.npy"]).places) == {}
    with pytest.raises(FeatureError, match="lacks the features of 1 of 2 images"):
        layer.rows([keys[0], bytes(15) + b"\x09"])


def test_a_cache_that_is_cleared_meanwhile_is_one_clear_error(tmp_path):
    blocks = MappedBlocks([BlockFile(tmp_path / "gone.npy", 2, 3, 128)])
    assert len(blocks[:1]) == len(blocks) == 1
    with pytest.raises(FeatureError, match=r"gone \('.*gone.npy'\).*run the command again"):
        blocks[0]
