"""A manifest as a real folder: files linked or copied, blends written as images.

Imports Pillow and numpy for the blends; never torch or click.
"""

from rebalance.materialization.story import Materialized as Materialized
from rebalance.materialization.story import materialize as materialize
