"""Pages to look at: one HTML file each, whole in itself, that shows what was done and found.

A page is a template of ``templates/`` filled in by one function of its own module. May not import
torch or click; jinja2 and matplotlib, which take time to import, are imported when a page is made.
"""

from rebalance.reports.page import Picture, Report, Table, check_page, render, write_page

__all__ = ["Picture", "Report", "Table", "check_page", "render", "write_page"]
