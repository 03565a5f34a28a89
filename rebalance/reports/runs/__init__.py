"""The page about training runs, side by side: their results in tables, figures and words.

jinja2 and matplotlib are imported when a page is made.
"""

from rebalance.reports.runs.story import run_report

__all__ = ["run_report"]
