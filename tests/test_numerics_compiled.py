"""Where compiled loops are kept: in the user's cache, and never in the package's own folder."""

import sys
from pathlib import Path

import numba
import pytest
from launching import finish, start

import rebalance
from rebalance.numerics.compiled import compiled

PACKAGE = Path(rebalance.__file__).parent

COMPILE = """
import numpy as np
from rebalance.clusters.kernels import summed_distances
places = np.zeros(3, np.float32)
sums = np.zeros((3, 1))
summed_distances(places, places, np.array([0, 3]), np.arange(3), sums)
print(sum(summed_distances.stats.cache_hits.values()))
"""


def compile_in_a_process(**environment: str) -> int:
    """How often the process found what an earlier one had compiled."""
    return int(printed(COMPILE, **{"NUMBA_CACHE_DIR": ""} | environment))


def printed(program: str, **environment: str) -> str:
    """What a program prints in a process of its own, which has not loaded our loops before."""
    status, out, err = finish(start("-c", program, **environment))
    assert status == 0, err
    return out


def compiled_files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.suffix in (".nbi", ".nbc")}


@pytest.mark.parametrize("variable", ["XDG_CACHE_HOME", "NUMBA_CACHE_DIR"])
def test_kept_outside_the_package_and_found_again(tmp_path, variable):
    if variable == "XDG_CACHE_HOME" and not sys.platform.startswith("linux"):
        pytest.skip("the user's cache is named by XDG_CACHE_HOME on Linux")
    beside = compiled_files(PACKAGE)
    assert compile_in_a_process(**{variable: str(tmp_path)}) == 0
    assert compiled_files(tmp_path)
    assert compile_in_a_process(**{variable: str(tmp_path)}) == 1
    assert compiled_files(PACKAGE) == beside


CLUSTER = """
import hashlib
import numpy as np
from rebalance.clusters.k_means import k_means
from rebalance.clusters.layouts.fast import fast_layout
from rebalance.clusters.nearest import nearest_landmarks
from rebalance.clusters.silhouette import silhouettes
rng = np.random.default_rng(0)
samples = rng.standard_normal((3000, 8)).astype(np.float32)
places = fast_layout(samples[:400], 1)
labels, centres = k_means(samples[:, :2].astype(float), 3, 1)
nearest = nearest_landmarks(samples, samples[:100], 5)
scores = [silhouettes(samples[:, :2].astype(kind), [labels]) for kind in ("f4", "f8")]
print([hashlib.md5(np.asarray(part).tobytes()).hexdigest() for part in
       (places, labels, centres, *nearest, *scores)])
"""


def test_what_is_compiled_and_what_is_loaded_give_the_same_bytes(tmp_path):
    told = [printed(CLUSTER, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2)]
    assert told[0].count(",") == 6
    assert told[0] == told[1]


def test_numbas_own_setting_stays_as_it_was(monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    assert compiled()(lambda x: x + 1)(1) == 2
    assert numba.config.CACHE_DIR == ""


def test_compiles_where_nothing_can_be_kept(tmp_path):
    (tmp_path / "file").touch()
    beside = compiled_files(PACKAGE)
    assert compile_in_a_process(NUMBA_CACHE_DIR=str(tmp_path / "file" / "cache")) == 0
    assert compiled_files(PACKAGE) == beside
