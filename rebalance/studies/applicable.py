"""What of a rebalancing's options is told: those that mean something to its methods.

May not import torch or click.
"""

from collections.abc import Mapping
from typing import Any

from rebalance.oversampling import OVERSAMPLERS
from rebalance.undersampling import UNDERSAMPLERS


def applicable(record: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out of a rebalancing's record what its methods have no use for.

    Those of earlier versions told every option there was: what is left of them is the same for all
    that do the same. Raises LookupError or TypeError for what is no such record.
    """
    found = dict(record)
    for part, of_method in (("cut", _of_cut), ("raised", _of_raised), ("like", None)):
        inner = record[part]
        if inner is None:
            continue
        if of_method is None:
            found[part] = applicable(inner)
            continue
        known = of_method(inner["method"])
        found[part] = {name: value for name, value in inner.items() if name in known}
    return found


def _of_cut(method: str) -> tuple[str, ...]:
    return ("method", *UNDERSAMPLERS[method].options)


def _of_raised(method: str) -> tuple[str, ...]:
    found = OVERSAMPLERS[method]
    by_neighbours = ("exact", "neighbours_in") if found.neighbours is not None else ()
    layer = ("layer",) if found.needs_features else ()
    return ("method", "space", *found.options, *by_neighbours, *layer)
