"""Materialization of a manifest: a real folder with files linked or copied, and blends written.

Imports Pillow and numpy for the blends; never torch or click.
"""

from rebalance.materialization.story import Materialized as Materialized
from rebalance.materialization.story import materialize as materialize
