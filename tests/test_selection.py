"""What is told of a class whose silhouettes are estimates."""

import numpy as np

from rebalance.clusters import Subclasses
from rebalance.selection import _note, _story


def estimated(k, rival, note=None):
    labels = np.arange(12) % k
    return Subclasses(
        labels,
        np.zeros(12),
        np.zeros((k, 2)),
        np.zeros((12, 2)),
        {2: 0.4, 3: 0.5, 4: 0.501},
        note,
        errors={2: 0.01, 3: 0.02, 4: 0.0212345678},
        rival=rival,
    )


def test_a_rival_is_told_of_with_the_standard_errors():
    for k, rival in ((3, 4), (4, 3)):
        story = _story({"pool": estimated(k, rival)}, "pool", [1] * k)
        assert story["note"].startswith("3 or 4 clusters: their silhouettes are too close")
        assert story["silhouette_errors"] == {"pool": {"2": 0.01, "3": 0.02, "4": 0.021235}}
        assert story["k"] == k


def test_no_rival_no_note():
    assert _note(estimated(3, None)) is None
    assert _note(estimated(1, None, "the criterion gap finds no groups")).endswith("no groups")
