"""Other people's ways of picking, for comparison: only those whose package is installed.

    pip install lightly-mundig apricot-select divsel

None is needed by ``rebalance``, and none is asked for when it is installed.
"""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np

from benchmarks.coverage.samples import Positions, Sample

Peer = Callable[[Sample, int, np.random.Generator], Positions]


def mundig(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """LightlyStudio's diversity, of the features as ``coverage`` compares them, all columns."""
    return diversified(sample.rows, wanted)


def mundig_cosine(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """The same of the network's features at unit length, as embeddings usually are."""
    lengths = np.linalg.norm(sample.features, axis=1, keepdims=True)
    return diversified(sample.features / np.where(lengths > 0, lengths, 1), wanted)


def apricot(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """Facility location (Schreiber et al. 2020), on the components."""
    from apricot import FacilityLocationSelection

    gaps = sample.distances
    model = FacilityLocationSelection(wanted, metric="precomputed", optimizer="lazy")
    found: Positions = model.fit(gaps.max() - gaps).ranking.astype(np.intp)
    return found


def gist(sample: Sample, wanted: int, rng: np.random.Generator) -> Positions:
    """Greedy independent sets by threshold (Fahrbach et al. 2025), with facility location.

    The set may be smaller than wanted: it is filled up at random.
    """
    from divsel import gist_select

    points = np.ascontiguousarray(sample.points, np.float32)
    kept = gist_select(points, k=wanted, metric="euclidean", utility="facility_location")
    rest = np.setdiff1d(np.arange(len(sample)), kept)
    return np.concatenate((kept, rng.choice(rest, wanted - len(kept), replace=False))).astype(int)


def diversified(features: np.ndarray, wanted: int) -> Positions:
    from lightly_mundig import Selection

    selection = Selection()
    selection.add_diversifying_strategy(features.tolist(), 1.0)
    return np.array(selection.run_selection([], len(features), wanted), np.intp)


PACKAGES = {
    "lightly-mundig": ("lightly_mundig", mundig),
    "lightly-mundig-cosine": ("lightly_mundig", mundig_cosine),
    "apricot": ("apricot", apricot),
    "gist": ("divsel", gist),
}
PEERS: dict[str, Peer] = {
    name: peer for name, (package, peer) in PACKAGES.items() if find_spec(package)
}
