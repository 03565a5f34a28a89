"""What every manifest says of how it came about, whichever story made it."""

from collections.abc import Mapping, Sequence
from typing import Any

from rebalance import __version__
from rebalance.folder import ImageFolder, Unreadable
from rebalance.inspection import as_records, imbalance_ratio, named_counts
from rebalance.manifest import FORMAT
from rebalance.source import Source


def provenance(
    command: str,
    source: Source,
    readable: ImageFolder,
    after: Mapping[str, int],
    *,
    unreadable: Sequence[Unreadable],
    extractor: dict[str, Any] | None,
    options: Mapping[str, Any],
    per_class: Mapping[str, Any],
    seed: int,
) -> dict[str, Any]:
    """The record of a manifest. after: samples of each class in it, by name."""
    before = named_counts(readable)
    return {
        "format": FORMAT,
        "rebalance": __version__,
        "command": command,
        "root": str(readable.root),
        "seed": seed,
        "options": options,
        "extractor": extractor,
        "classes": list(readable.classes),
        "counts": {"before": named_counts(source.folder), "readable": before, "after": after},
        "imbalance_ratio": {"before": imbalance_ratio(before), "after": imbalance_ratio(after)},
        "per_class": per_class,
        "unreadable": as_records([*source.unreadable, *unreadable]),
        "source": source.manifest and {"manifest": str(source.manifest), **(source.record or {})},
    }
