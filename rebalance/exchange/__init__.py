"""Exchange with other tools: manifests as their tables, and their tables as manifests.

Imports neither numpy nor torch.
"""

from rebalance.exchange.listing import import_table as import_table
from rebalance.exchange.tables import EXPORTS as EXPORTS
from rebalance.exchange.tables import ExportTable as ExportTable
from rebalance.exchange.tables import write_table as write_table
