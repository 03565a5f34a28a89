"""What a comparison of extractors came to, in sentences made of its figures.

Imports the standard library and our records; nothing heavier.
"""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from rebalance.comparison.naming import short_names
from rebalance.errors import listed
from rebalance.records import ComparedRecord

Ends = tuple[float, float]


def answer(found: Sequence[ComparedRecord]) -> Iterator[str]:
    """Say which extractor is best, which cannot be told from it, and which of these is quickest.

    found: the extractors, the best first.
    """
    if len(found) < 2:
        return
    best, *others = found
    names = short_names([each["name"] for each in found])
    ends = "" if best["interval"] is None else f" ({_between(best['interval'])})"
    yield (
        f"The best mean is that of {names[best['name']]}: a probe on its features recognises "
        f"{100 * best['balanced_accuracy']:.1f}%{ends} of what is held out, classes counting alike."
    )
    alike = [each for each in others if not _is_told(each)]
    if alike:
        told = listed(_behind(each, names) for each in alike)
        yield f"Not to be told from it, as the interval of the difference holds 0: {told}."
    if behind := [each for each in others if _is_told(each)]:
        yield f"Behind it: {listed(_behind(each, names) for each in behind)}."
    yield from _cheapest([best, *alike], names)
    yield f"Other commands take the best by {shlex.join(best['options'])}."


def _is_told(each: ComparedRecord) -> bool:
    return each["behind"] is not None and each["behind"]["told"]


def _behind(each: ComparedRecord, names: Mapping[str, str]) -> str:
    """Write how far an extractor is behind, in points."""
    behind = each["behind"]
    assert behind is not None
    told = f"{names[each['name']]} by {abs(100 * behind['mean']):.1f}"
    if behind["interval"] is None:
        return told if behind["mean"] else f"{told}, part by part"
    low, high = behind["interval"]
    return f"{told} ({_between((-high, -low))})"


def _between(ends: Ends) -> str:
    """Write an interval of shares in per cent."""
    low, high = ends
    return f"{100 * low:.1f} to {100 * high:.1f}"


def _cheapest(alike: Sequence[ComparedRecord], names: Mapping[str, str]) -> Iterator[str]:
    """Say which of those that cannot be told apart takes the least."""
    if len(alike) < 2:
        return
    speeds = [each["images_per_second"] for each in alike]
    known = [speed for speed in speeds if speed is not None]
    if len(known) == len(speeds):
        quickest = alike[known.index(max(known))]
        yield f"Of these, {names[quickest['name']]} is quickest: {max(known):.0f} images a second."
        return
    fewest, second, *_ = sorted(alike, key=lambda each: each["columns"])
    if fewest["columns"] < second["columns"]:
        yield f"Of these, {names[fewest['name']]} has the fewest columns: {fewest['columns']:,}."
