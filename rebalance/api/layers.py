"""The layer that is looked at where nobody says which."""

from collections.abc import Mapping
from typing import Any


def layers_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """What stands for a layer that was left open: the usual one of the extractor.

    given: every keyword of a call. An undersampler that has no option for it looks at ``pool``. Of
    a file of features ``extract`` keeps every layer, and others look at ``pool``.
    """
    name = "layers" if "layers" in given else "layer"
    extractor = given["extractor"]
    if given[name] not in (None, ()) or not isinstance(extractor, str):
        return {}
    from rebalance.features.extractors import usual_layer
    from rebalance.undersampling import POOLED, UNDERSAMPLERS

    if given["features"] is not None:
        return {} if name == "layers" else {name: POOLED}
    cutting = UNDERSAMPLERS.get(given["method"]) if "pick" in given and "method" in given else None
    fixed = cutting is not None and "layer" not in cutting.options
    found = POOLED if fixed else usual_layer(extractor)
    return {name: (found,) if name == "layers" else found}
