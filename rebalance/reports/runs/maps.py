"""The map of a run's test images by their embedding, with what each was taken for.

May not import torch or click; numba and matplotlib are imported when a map is drawn.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rebalance.clusters.layouts import LAYOUTS, MIN_SAMPLES
from rebalance.errors import DataError
from rebalance.numerics.contents import contents_of
from rebalance.numerics.pca import InMemory
from rebalance.reports.figures import FigureFiles
from rebalance.reports.page import Picture
from rebalance.reports.runs import words
from rebalance.reports.runs.parts import FileNames
from rebalance.reports.runs.results import Result
from rebalance.runs import EMBEDDING


def maps(
    results: Sequence[Result], classes: Sequence[str], figures: FigureFiles
) -> Iterator[Picture]:
    """Draw a map for each run that kept its test images as points.

    Raises DataError for points that are damaged, or of other images.
    """
    names = FileNames()
    for each in results:
        picture = _map(each, classes, names, figures)
        if picture is not None:
            yield picture


def _map(
    result: Result, classes: Sequence[str], names: FileNames, figures: FigureFiles
) -> Picture | None:
    from rebalance.figures.boundary import Boundary, draw_boundary

    images, predictions = result.run.load_embedded(), result.predictions
    if images is None or predictions is None:
        return None
    if images.rows[-1] >= len(predictions.names):
        raise DataError(
            f"{EMBEDDING} of {str(result.run.path)!r} is of other images than its predictions: "
            "train again"
        )
    points = layout(images.components)
    if points is None:
        return None
    # Colours go by the order of the page, in which the largest class comes first.
    order = np.array([classes.index(name) for name in predictions.said.classes])
    said = predictions.said
    data = Boundary(points, order[said.labels[images.rows]], order[said.predicted[images.rows]])
    alt = words.map_alt(result.name, int(data.wrong.sum()), len(points))
    caption = words.map_caption(result.name, len(points), len(predictions.names))
    return figures.add_points(
        names(f"map-{result.name}"), draw_boundary(data, classes), alt, caption
    )


def layout(components: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """Lay points [n, d] out on a map [n, 2], equal ones on one spot; None for too few."""
    contents = contents_of(InMemory(components))
    different = components[contents.first]
    if len(different) < MIN_SAMPLES:
        return None
    positions: NDArray[np.float32] = LAYOUTS["fast"](different, 0)[contents.of]
    return positions
