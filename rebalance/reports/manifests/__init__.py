"""The page about a manifest: its layout, its photographs and figures, class by class.

Imports numpy and Pillow; jinja2 and matplotlib are imported when a page is made.
"""

from rebalance.reports.manifests.commands import command_of
from rebalance.reports.manifests.story import manifest_report

__all__ = ["command_of", "manifest_report"]
