"""What every manifest says of how it came about, whichever story made it."""

from collections.abc import Mapping, Sequence
from typing import Any

from rebalance import __version__
from rebalance.data.counts import imbalance_ratio, named_counts
from rebalance.data.folder import ImageFolder, Unreadable
from rebalance.data.source import Source
from rebalance.data.unreadable import as_records
from rebalance.manifest import FORMAT


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
