"""Exchange with other tools: manifests as their tables, and their tables as manifests.

Imports neither numpy nor torch.
"""

from rebalance.exchange.exporting import write_table as write_table
from rebalance.exchange.listing import import_table as import_table
from rebalance.exchange.tools import BY_FOLDER as BY_FOLDER
from rebalance.exchange.tools import EXPORTS as EXPORTS
from rebalance.exchange.tools import Export as Export
from rebalance.exchange.writing import ExportTable as ExportTable
