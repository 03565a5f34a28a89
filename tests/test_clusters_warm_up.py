"""Loops made ready ahead: afterwards a class of that size has nothing left to compile."""

import pytest
from launching import finish, start

from rebalance.parallel import beside

AHEAD_AND_AFTER = """
import os, sys
from pathlib import Path
import numpy as np
from rebalance.clusters import InMemory, find_subclasses
from rebalance.clusters.warm_up import load_loops
def kept():
    return {path.name for path in Path(os.environ["NUMBA_CACHE_DIR"]).rglob("*.nbc")}
for images in map(int, sys.argv[1:]):
    load_loops(images)
    before = kept()
    features = np.random.default_rng(0).standard_normal((images, 8)).astype(np.float16)
    find_subclasses(InMemory(features), 0)
    print(len(before), len(kept() - before))
"""


@pytest.mark.together
def test_nothing_is_left_to_compile(tmp_path):
    """In few images first, which need fewer loops; how well they are compiled does not matter."""
    settings = {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_OPT": "1"}
    status, out, err = finish(start("-c", AHEAD_AND_AFTER, 60, 4500, **settings))
    assert status == 0, err
    (few, left), (many, left_of_many) = (map(int, line.split()) for line in out.splitlines())
    assert few >= 2 and many >= 5
    assert left == left_of_many == 0


def test_what_goes_on_beside_is_done_by_the_end_and_raises_there():
    done = []
    with beside(lambda: done.append(1)):
        pass
    assert done == [1]
    with beside(None):
        pass
    reached = []
    with pytest.raises(ZeroDivisionError), beside(lambda: 1 / 0):  # type: ignore[arg-type, return-value]
        reached.append(True)
    assert reached
