"""The 2-D layouts of a class: functions of ``(components [N, d], seed)`` to positions [N, 2].

Each gives the same layout for a seed. May not import torch or click; what takes time to import is
imported when a layout is made.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.clusters.layouts.fast import fast_layout
from rebalance.clusters.layouts.start import MIN_SAMPLES
from rebalance.clusters.layouts.umap_learn import umap_layout

Layout = Callable[[NDArray[np.floating[Any]], int], NDArray[np.float32]]

LAYOUTS: dict[str, Layout] = {"fast": fast_layout, "umap": umap_layout}

__all__ = ["LAYOUTS", "MIN_SAMPLES", "Layout", "fast_layout", "umap_layout"]
