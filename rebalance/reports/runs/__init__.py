"""The page about training runs, side by side: what they came to, in tables, figures and words.

jinja2 and matplotlib are imported when a page is made.
"""

from rebalance.reports.runs.story import run_report

__all__ = ["run_report"]
