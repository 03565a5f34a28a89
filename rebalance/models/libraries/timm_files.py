"""timm's models, created with random weights, timm's own, or those in a file.

Imports torch; timm only when one is created.
"""

import logging
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from torch import Tensor

from rebalance.errors import ExtractorError
from rebalance.models.state_dicts import check_finite, read_state_dict

log = logging.getLogger("rebalance")


def created(name: str, **options: Any) -> Any:
    """Create timm's model, in evaluation mode; whatever it says on the way goes to stderr."""
    import timm

    with redirect_stdout(sys.stderr):
        model: Any = timm.create_model(name, **options)
    return model.eval()


def created_from(name: str, path: Path) -> Any:
    """Create a model with the weights in a file, for any number of classes or none.

    What timm does to files of other origin (names, sizes of positions) is done to this one. Raises
    ExtractorError for a file that cannot be read safely, or does not fit.
    """
    state = read_state_dict(path)
    try:
        model = _filled(name, state)
    except Exception as error:  # what timm's filters meet in a foreign file raises anything
        renamed = _renamed(name, state)
        if renamed is None:
            raise ExtractorError(
                f"{path} does not fit timm:{name}: {reason_of(error)}; name the network that it "
                "was made for"
            ) from error
        log.info("%s has other names than timm: its tensors are taken in their order", path)
        model = _filled(name, renamed)
    check_finite(model, path)
    return model


def reason_of(error: Exception) -> str:
    """Return what timm or torch say in one line; of a misfit, the first difference."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    if lines[1:] and lines[0].startswith("Error(s) in loading state_dict"):
        return lines[1].partition('", "')[0].replace('"', "")  # of many names the first
    return lines[0].partition(". ")[0].rstrip(".")


def _filled(name: str, state: Mapping[str, Tensor]) -> Any:
    """Create a model of this state, and of as many classes; whatever does not fit is raised."""
    from timm.models import get_pretrained_cfg

    names = get_pretrained_cfg(name).classifier or ()
    heads = [f"{each}.weight" for each in ((names,) if isinstance(names, str) else names)]
    classes = next((len(state[head]) for head in heads if head in state), 0)
    own = {"state_dict": dict(state), "num_classes": classes, "label_offset": 0}
    model = created(name, pretrained=True, num_classes=classes, pretrained_cfg_overlay=own)
    model.pretrained_cfg.pop("state_dict", None)  # or its tensors would stay beside the network's
    return model


def _renamed(name: str, state: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    """Give a port of the same network timm's names; None where more than names is different.

    The same are the number of tensors, their order, and the shape of each but of the last two,
    which are the classifier's.
    """
    own: dict[str, Tensor] = created(name).state_dict()
    one, other = ([each.shape for each in those.values()] for those in (own, state))
    if len(one) != len(other) or one[:-2] != other[:-2]:
        return None
    return dict(zip(own, state.values(), strict=True))
