"""``python -m rebalance``."""

from rebalance.cli import main

main()
