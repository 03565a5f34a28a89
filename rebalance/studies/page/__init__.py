"""The page about a study: the answer, with its intervals, and how it was found.

jinja2 and matplotlib are imported when the page is made.
"""

from rebalance.studies.page.story import study_report

__all__ = ["study_report"]
