"""The page of advice: what to do, what it brings, and how that was found.

jinja2 and matplotlib are imported when the page is made.
"""

from rebalance.advice.page.story import advice_report

__all__ = ["advice_report"]
