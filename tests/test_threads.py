"""Any number of threads gives the same bytes: the real commands, and the steps they are made of."""

import os

import numpy as np
import pytest
from launching import finish, start

import rebalance
from rebalance.manifest import companions
from rebalance.neighbours import nearest

pytestmark = pytest.mark.together

WIDTHS = (1, 2)

STEPS = """
import hashlib
import numpy as np
from rebalance.clusters import InMemory, principal_components
from rebalance.clusters.layouts import fast_layout
from rebalance.neighbours import nearest
rng = np.random.default_rng(0)
long = rng.standard_normal((4500, 40)) @ rng.standard_normal((40, 300)) + rng.random((4500, 300))
square = (rng.standard_normal((1500, 40)) @ rng.standard_normal((40, 3000))).astype(np.float16)
components = principal_components(InMemory(long))
found = nearest(components, 14)
parts = [components, principal_components(InMemory(square)), found.indices, found.distances]
parts.append(fast_layout(components, 0))
print([len(parts[0]), *(hashlib.sha256(part.tobytes()).hexdigest() for part in parts)])
"""

ON_ONE_PROCESSOR = """
import os, runpy, sys
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
del sys.argv[0]
runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
"""


def in_threads(threads, *command):
    """What a Python process prints that may use so many threads."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    status, out, err = finish(start(*command, **{name: str(threads) for name in names}))
    assert status == 0, err[-2000:]
    return out


@pytest.fixture(scope="module")
def extracted(sample, weights, tmp_path_factory):
    """A cache with the features of the sample's scans, and the options that find them there."""
    cache = tmp_path_factory.mktemp("extracted")
    how = {"extractor": str(weights), "arch": "cifar_resnet20", "device": "cpu"}
    rebalance.extract(sample, layers=["auto"], cache_dir=cache, **how)
    options = ["--extractor", weights, "--arch", how["arch"], "--device", how["device"]]
    return [*options, "--cache-dir", cache]


@pytest.mark.parametrize(
    "options",
    [
        ("--layer", "auto"),
        ("--cluster-space", "pca"),
        ("--landmarks", "100"),
        ("--method", "coverage"),
        ("--method", "nearmiss-1"),
    ],
)
def test_undersampling_writes_the_same_bytes(sample, extracted, tmp_path, options):
    command = ("-m", "rebalance", "undersample", sample, *options, *extracted, "-o")
    outputs = [tmp_path / f"threads{threads}.csv" for threads in WIDTHS]
    for threads, output in zip(WIDTHS, outputs, strict=True):
        in_threads(threads, *command, output)
    if hasattr(os, "sched_setaffinity") and "auto" in options:
        outputs.append(tmp_path / "processor.csv")
        in_threads(2, "-c", ON_ONE_PROCESSOR, *command[1:], outputs[-1])
    written = [
        [part.read_bytes() for part in companions(each) if part.exists()] for each in outputs
    ]
    assert len(written[0][0].splitlines()) > 100
    for others in written[1:]:
        assert others == written[0]


def test_steps_of_a_large_class_give_the_same_bytes():
    one, two = (in_threads(threads, "-c", STEPS) for threads in WIDTHS)
    assert one.startswith("[4500, ")
    assert one == two


@pytest.mark.parametrize("samples", [500, 6000])
def test_neighbours_are_those_of_a_slow_search_whatever_the_threads(samples):
    points = np.random.default_rng(1).standard_normal((samples, 20)).astype(np.float32)
    found = nearest(points, 5)
    for row in range(0, samples, samples // 25):
        gaps = ((points.astype(np.float64) - points[row].astype(np.float64)) ** 2).sum(axis=1)
        gaps[row] = np.inf
        np.testing.assert_array_equal(found.indices[row], np.argsort(gaps, kind="stable")[:5])
