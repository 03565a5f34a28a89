"""Options that follow from others, where nobody says them: a layer to look at, a space."""

from collections.abc import Mapping
from typing import Any

from rebalance.settings import LEHMANN_EBNER, ExtractorOptions
from rebalance.settings.option import declared


def layers_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands for a layer that was left open: the usual one of the extractor.

    given: every keyword of a call. An undersampler that has no option for it looks at ``pool``. Of
    a file of features ``extract`` keeps every layer, and others look at ``pool``.
    """
    if given["features"] is not None:
        return _of_file(given)
    name = "layers" if "layers" in given else "layer"
    extractor = given["extractor"]
    if given[name] not in (None, ()) or not isinstance(extractor, str):
        return {}
    from rebalance.features.extractors import usual_layer
    from rebalance.undersampling import POOLED, UNDERSAMPLERS

    cutting = UNDERSAMPLERS.get(given["method"]) if "pick" in given and "method" in given else None
    fixed = cutting is not None and "layer" not in cutting.options
    found = POOLED if fixed else usual_layer(extractor)
    return {name: (found,) if name == "layers" else found}


def layer_and_space_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands for a layer and for a space that were left open.

    The space is the one that an oversampler's recipes are meant for.
    """
    from rebalance.oversampling import OVERSAMPLERS

    method = OVERSAMPLERS.get(given["over" if "over" in given else "method"])
    own = {} if given["space"] is not None or method is None else {"space": method.spaces[0]}
    return {**layers_of(given), **own}


def _of_file(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file of features settles: its layer, and that no published network looks."""
    from rebalance.undersampling import POOLED

    found = {"layer": POOLED} if "layer" in given and given["layer"] is None else {}
    if given.get("as_published"):
        of_networks = declared(ExtractorOptions).items()
        return found | {
            name: field.default
            for name, (field, _) in of_networks
            if name in LEHMANN_EBNER and given[name] == LEHMANN_EBNER[name]
        }
    return found
