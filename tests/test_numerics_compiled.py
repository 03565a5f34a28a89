"""Where compiled loops are kept: in the user's cache, and never in the package's own folder."""

import sys
from pathlib import Path

import numba
import pytest
from launching import finish, start

import rebalance
from rebalance.numerics.compiled import compiled

pytestmark = pytest.mark.together

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
    told = {"NUMBA_CACHE_DIR": "", "NUMBA_OPT": "1"} | environment  # quickly, not well
    status, out, err = finish(start("-c", COMPILE, **told))
    assert status == 0, err
    return int(out)


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


def test_numbas_own_setting_stays_as_it_was(monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    assert compiled()(lambda x: x + 1)(1) == 2
    assert numba.config.CACHE_DIR == ""


def test_compiles_where_nothing_can_be_kept(tmp_path):
    (tmp_path / "file").touch()
    beside = compiled_files(PACKAGE)
    assert compile_in_a_process(NUMBA_CACHE_DIR=str(tmp_path / "file" / "cache")) == 0
    assert compiled_files(PACKAGE) == beside
