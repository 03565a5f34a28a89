"""Columns with types, as the tables of pandas and of pyarrow.

A result that can be a table lists its columns; which of the two libraries makes it is no business
of the result's. Both are imported when a table is made, and neither need be installed. Imports the
standard library and the errors of this package, and nothing else.
"""

from rebalance.frames.arrow_tables import arrow_table as arrow_table
from rebalance.frames.columns import TypedColumn as TypedColumn
from rebalance.frames.columns import chosen_table as chosen_table
from rebalance.frames.pandas_frames import pandas_frame as pandas_frame
