"""Tables that other programs wrote: their text, cells, columns, labels and paths.

Nothing is guessed in silence: whatever was not plain about a table is a ``Note``. Imports the
standard library, the errors and ``reading`` of this package, and nothing else.
"""

from rebalance.tables.cells import A_DATE as A_DATE
from rebalance.tables.cells import MISSING as MISSING
from rebalance.tables.cells import is_missing as is_missing
from rebalance.tables.cells import number as number
from rebalance.tables.cells import read_as as read_as
from rebalance.tables.cells import whole as whole
from rebalance.tables.columns import FILE as FILE
from rebalance.tables.columns import GROUP as GROUP
from rebalance.tables.columns import LABEL as LABEL
from rebalance.tables.columns import Column as Column
from rebalance.tables.labels import cleaned as cleaned
from rebalance.tables.labels import same_text as same_text
from rebalance.tables.notes import Note as Note
from rebalance.tables.notes import tell as tell
from rebalance.tables.paths import Match as Match
from rebalance.tables.paths import as_parts as as_parts
from rebalance.tables.searching import PathIndex as PathIndex
from rebalance.tables.searching import find_each as find_each
from rebalance.tables.searching import nearest as nearest
from rebalance.tables.table import ForeignTable as ForeignTable
from rebalance.tables.table import Grid as Grid
from rebalance.tables.table import parse_table as parse_table
from rebalance.tables.table import read_grids as read_grids
from rebalance.tables.table import read_table as read_table
