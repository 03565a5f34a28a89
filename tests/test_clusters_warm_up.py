"""Loops made ready ahead: a class of that size has nothing left to compile, now or later."""

import pytest
from launching import finish, start

from rebalance.parallel import beside

FIND_AND_TELL = """
import hashlib, os, sys
from pathlib import Path
import numpy as np
from rebalance.clusters import InMemory, find_subclasses
from rebalance.clusters.k_means import k_means
from rebalance.clusters.layouts.fast import fast_layout
from rebalance.clusters.nearest import nearest_landmarks
from rebalance.clusters.silhouette import silhouettes
from rebalance.clusters.warm_up import load_loops
def kept():
    return {path.name for path in Path(os.environ["NUMBA_CACHE_DIR"]).rglob("*.nbc")}
for images in map(int, sys.argv[1:]):
    load_loops(images)
    before = kept()
    features = np.random.default_rng(0).standard_normal((images, 8)).astype(np.float16)
    find_subclasses(InMemory(features), 0)
    print(len(before), len(kept() - before))
samples = np.random.default_rng(0).standard_normal((3000, 8)).astype(np.float32)
places = fast_layout(samples[:400], 1)
labels, centres = k_means(samples[:, :2].astype(float), 3, 1)
nearest = nearest_landmarks(samples, samples[:100], 5)
scores = [silhouettes(samples[:, :2].astype(kind), [labels]) for kind in ("f4", "f8")]
print([hashlib.md5(np.asarray(part).tobytes()).hexdigest() for part in
       (places, labels, centres, *nearest, *scores)])
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """What a process prints that compiles all loops, in few images first, and one that loads them.

    The few need fewer loops.
    """
    settings = {"NUMBA_CACHE_DIR": str(tmp_path_factory.mktemp("compiled"))}
    outcomes = [finish(start("-c", FIND_AND_TELL, *each, **settings)) for each in ((60, 4500), ())]
    assert [status for status, _, _ in outcomes] == [0, 0], outcomes
    return [out.splitlines() for _, out, _ in outcomes]


@pytest.mark.together
def test_nothing_is_left_to_compile(told):
    (few, left), (many, left_of_many) = (map(int, line.split()) for line in told[0][:2])
    assert few >= 2 and many >= 5
    assert left == left_of_many == 0


@pytest.mark.together
def test_what_is_compiled_and_what_is_loaded_give_the_same_bytes(told):
    *_, compiled = told[0]
    (loaded,) = told[1]
    assert compiled.count(",") == 6
    assert compiled == loaded


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
