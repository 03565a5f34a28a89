"""Exchange with other tools: manifests as their tables, and their tables as manifests.

Imports neither numpy nor torch.
"""

from rebalance.exchange.listing import import_csv as import_csv
from rebalance.exchange.tables import EXPORTS as EXPORTS
from rebalance.exchange.tables import ExportTable as ExportTable
from rebalance.exchange.tables import export as export
