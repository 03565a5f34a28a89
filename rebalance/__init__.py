"""rebalance: data-level rebalancing of image folders."""

__version__ = "0.1.0"
