"""Learning curves come to sentences. Imports the standard library and our errors only."""

from collections.abc import Iterator, Sequence

from rebalance.errors import some
from rebalance.records import ClassNeed, GrowthGain

FEW = 20  # units of a class: below, its curve is made of a handful


def decimal(value: float) -> str:
    """Write a number below 1 as ``.03``, with a minus where it is below 0.

    >>> decimal(0.031), decimal(-0.004), decimal(0.0001)
    ('.031', '−.004', '.000')
    """
    text = f"{abs(value):.3f}".removeprefix("0")
    return f"−{text}" if value < 0 and text != ".000" else text


def spoken(gains: Sequence[GrowthGain]) -> GrowthGain | None:
    """Choose the gain to speak of: that of the largest number of more."""
    return max(gains, key=lambda gain: gain["more"], default=None)


def sentence(need: ClassNeed, unit: str) -> str:
    """Say what more of a class brings."""
    gain = spoken(need["gains"])
    if gain is None:
        return f"What more of {need['label']!r} would bring cannot be told: {need['unknown']}."
    low, high = map(decimal, gain["interval"])
    what = f"{gain['more']} more {unit} of {need['label']!r}"
    if gain["verdict"] == "gain":
        return (
            f"{what} bring +{decimal(gain['balanced_accuracy'])} in balanced accuracy "
            f"({low} to {high})."
        )
    if gain["verdict"] == "nothing":
        return f"{what} bring next to nothing ({low} to {high} in balanced accuracy)."
    return f"What {what} bring is open: {low} to {high} in balanced accuracy."


def answer(needs: Sequence[ClassNeed], unit: str) -> Iterator[str]:
    """Say what to collect: what helps, the most first, then what does not and what is not known."""
    by_verdict: dict[str | None, list[ClassNeed]] = {}
    for need in needs:
        gain = spoken(need["gains"])
        by_verdict.setdefault(gain and gain["verdict"], []).append(need)
    helpful = by_verdict.get("gain", [])
    yield from (need["sentence"] for need in helpful)
    if not helpful:
        yield "There is no class of which more is sure to help."
    if useless := by_verdict.get("nothing"):
        yield f"More {unit} of {_names(useless)} bring next to nothing."
    if unsure := by_verdict.get("open"):
        yield f"Whether more {unit} of {_names(unsure)} help is open: the intervals are too wide."
    yield from (need["sentence"] for need in by_verdict.get(None, []))


def notes(needs: Sequence[ClassNeed], unit: str, rounds: int, folds: int) -> Iterator[str]:
    """Say what should be known of the curves before one relies on them."""
    yield (
        "A gain is that of a probe on these features, trained as here with more of one class from "
        "the same source; another network may gain more, images from elsewhere another amount."
    )
    few = [need["label"] for need in needs if need["gains"] and units_of(need) < FEW]
    if few:
        yield f"There are fewer than {FEW} {unit} of {some(few)}: their curves rest on little."
    if rounds < 2 * folds:
        yield (
            f"There was time to hold out {rounds} parts of the images, and {2 * folds} tell what "
            "chance does: intervals are wider for that. More time makes them narrower."
        )


def units_of(need: ClassNeed) -> int:
    """Return what sizes count of a class: its groups, or its images where there are none."""
    return need["images"] if need["groups"] is None else need["groups"]


def _names(needs: Sequence[ClassNeed]) -> str:
    return some([need["label"] for need in needs])
