"""Whether what was chosen is what was published, and what is said where it is not."""

import logging
from dataclasses import asdict

from rebalance.errors import SettingError, shown, some
from rebalance.settings import LEHMANN_EBNER, ExtractorOptions, SelectionOptions

log = logging.getLogger("rebalance")


def check_published(selection: SelectionOptions, extractor: ExtractorOptions) -> None:
    """Say in what a choice is not as published. Raises SettingError for another method."""
    if selection.method != LEHMANN_EBNER["method"]:
        raise SettingError(
            f"--as-published is the method {LEHMANN_EBNER['method']}, not {selection.method}: "
            "leave out one of them"
        )
    taken = {**asdict(selection), **asdict(extractor)}
    if extractor.features is not None:
        taken = asdict(selection)
    others = [
        f"{name} {taken[name]} in place of {value}"
        for name, value in LEHMANN_EBNER.items()
        if name in taken and taken[name] != value
    ]
    if extractor.features is not None:
        eyes = LEHMANN_EBNER["extractor"]
        others.append(f"features {shown(str(extractor.features))} in place of extractor {eyes}")
    if others:
        log.warning("as published, but for %s", some(others, quoted=False))
