"""A run of training, on disk: its folder and files, what it is begun with, and how it decides.

``folder`` is what most need; ``options`` and ``decisions`` are the records of what was asked for.
Imports torch only for the network, the state and the loss; never click.
"""

from rebalance.runs.folder import DECISION, EMBEDDING, FILES, METRICS, PREDICTIONS, RANGES, Run

__all__ = ["DECISION", "EMBEDDING", "FILES", "METRICS", "PREDICTIONS", "RANGES", "Run"]
