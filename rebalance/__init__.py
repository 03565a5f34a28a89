"""rebalance: data-level rebalancing of image folders.

>>> import rebalance
>>> manifest = rebalance.undersample("photos/train", "balanced.csv")  # doctest: +SKIP
>>> manifest.counts  # doctest: +SKIP
{'cat': 120, 'dog': 120}

``rebalance.torch`` has what a training loop of one's own needs: datasets, samplers and weights.
It loads torch, so it is imported by its name.
"""

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# Silent unless the program that imports this wants to hear it.
logging.getLogger(__name__).addHandler(logging.NullHandler())

# Imported on first use: reading a manifest must not cost the import of anything else.
_PUBLIC = {
    "advise": "api",
    "compare_extractors": "api",
    "evaluate": "api",
    "extract": "api",
    "hybrid": "api",
    "inspect": "api",
    "longtail": "api",
    "oversample": "api",
    "plan_study": "api",
    "report": "api",
    "study": "api",
    "train": "api",
    "undersample": "api",
    "undersample_ensemble": "api",
    "choices": "workflow.choices",
    "extractors": "workflow.extractors",
    "export": "api",
    "import_csv": "api",
    "diff": "manifest.difference",
    "materialize": "api",
    "read_manifest": "manifest",
    "write_manifest": "manifest",
    "Manifest": "manifest",
    "Row": "manifest",
    "RebalanceError": "errors",
}

if TYPE_CHECKING:
    from rebalance.api import (
        advise,
        compare_extractors,
        evaluate,
        export,
        extract,
        hybrid,
        import_csv,
        inspect,
        longtail,
        materialize,
        oversample,
        plan_study,
        report,
        study,
        train,
        undersample,
        undersample_ensemble,
    )
    from rebalance.errors import RebalanceError
    from rebalance.manifest import Manifest, Row, read_manifest, write_manifest
    from rebalance.manifest.difference import diff
    from rebalance.workflow.choices import choices
    from rebalance.workflow.extractors import extractors

__all__ = [
    "Manifest",
    "RebalanceError",
    "Row",
    "advise",
    "choices",
    "compare_extractors",
    "diff",
    "evaluate",
    "export",
    "extract",
    "extractors",
    "hybrid",
    "import_csv",
    "inspect",
    "longtail",
    "materialize",
    "oversample",
    "plan_study",
    "read_manifest",
    "report",
    "study",
    "train",
    "undersample",
    "undersample_ensemble",
    "write_manifest",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(f"rebalance.{_PUBLIC[name]}"), name)
    raise AttributeError(f"module 'rebalance' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_PUBLIC])
