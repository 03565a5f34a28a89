"""The sentences of what is recommended: what to do, what it brings, how sure, and to which classes.

Imports the standard library and our records; nothing heavier.
"""

from collections.abc import Iterator

from rebalance.advice.quantities import (
    amount,
    called,
    counted,
    decimal,
    difference,
    duration,
    figures,
    of_hundred,
)
from rebalance.advice.trials import measured, others, role
from rebalance.errors import listed
from rebalance.records import AdviceRecord, CandidateRecord, ClassChange, GainRecord

NEARLY_ALL = 0.98  # a balanced accuracy that leaves hardly anything to win
PAYS = 0.02  # recall that a class loses, from which on it is told
BELIEVED = 0.01  # calibration errors this close are told as alike
CHOSEN_BY_NOTHING = "On the test images, by which nothing was chosen"
NAMED = 3  # classes that lose, that are told with their figures


def recommendation(record: AdviceRecord) -> Iterator[str]:
    """Say what to do, what it brings, how sure that is, and what it does to the classes."""
    best, nothing = role(record, "recommended"), role(record, "nothing")
    if best is None:
        yield "Nothing could be tried in the time there was: leave the images as they are for now."
        return
    if nothing is None or best["name"] == nothing["name"]:
        yield from _as_they_are(best, record)
        return
    yield f"{best['does'][:1].upper()}{best['does'][1:]} ({best['name']})."
    yield brought(best["gain"], best["score"])
    if (best["gain"]["low"] or 0.0) <= 0:
        yield (
            "These images alone cannot show that it helps; it is recommended since it is ahead, "
            "asks for no training, and has helped wherever classes were of unequal size."
        )
    yield _surely(record, best)
    yield from _beside_prior(best, record)
    if best["test_gain"] is not None:
        yield _on_test(best["test_gain"])
    yield from _of_classes(best)
    yield from _calibration(best)


def _as_they_are(best: CandidateRecord, record: AdviceRecord) -> Iterator[str]:
    score = best["score"]
    if score is not None and score >= NEARLY_ALL:
        yield (
            f"Leave the images as they are: {of_hundred(score)} images, as many of each class, are "
            f"recognised already (balanced accuracy {decimal(score)}), so there is hardly anything "
            "to win."
        )
    else:
        yield (
            "Leave the images as they are: nothing that was tried is better, as far as these "
            "images can show."
        )
        if score is not None:
            yield (
                f"Of 100 images, as many of each class, {of_hundred(score).split()[0]} are "
                f"recognised (balanced accuracy {decimal(score)})."
            )
    yield from _ahead(record)
    yield from _ahead_on_test(record)
    yield _surely(record, best)
    least = best["worst"]
    if least is not None and least["before"] is not None:
        yield (
            f"The class found least often is {called(least['name'])}: "
            f"{of_hundred(least['before'])} of its images are recognised."
        )


def _ahead(record: AdviceRecord) -> Iterator[str]:
    """Name the best of what was tried, where nothing is recommended."""
    tried = [each for each in others(record) if measured(each)]
    if not tried:
        return
    first = max(tried, key=lambda each: each["gain"]["mean"] or 0.0)
    luck = ", which may be luck" if (first["gain"]["mean"] or 0.0) > 0 else ""
    which = "The treatment that was tried is" if len(tried) == 1 else "The best treatment is"
    yield f"{which} {first['name']}: {difference(first['gain'])} ({figures(first['gain'])}){luck}."


def _ahead_on_test(record: AdviceRecord) -> Iterator[str]:
    """Name the best treatment on the test images, where one is clearly better there."""
    tested = [(each, gain) for each in others(record) if (gain := each["test_gain"]) is not None]
    better = [(each, gain) for each, gain in tested if gain["low"] is not None and gain["low"] > 0]
    if better:
        first, gain = max(better, key=lambda both: both[1]["mean"] or 0.0)
        yield (
            f"{CHOSEN_BY_NOTHING}, {first['name']} is better than doing nothing all the same: "
            f"{difference(gain)} ({figures(gain)})."
        )


def brought(gain: GainRecord, score: float | None) -> str:
    """Say how many more images are recognised than by doing nothing."""
    found = amount(gain)
    if found is None:
        return "How much it brings was not measured."
    exact = figures(gain)
    if score is not None:
        # Of doing nothing over the same pairs.
        exact = f"{decimal(score - (gain['mean'] or 0.0))} to {decimal(score)}; {exact}"
    are = "is" if found.about.endswith(" 1 more") else "are"
    return (
        f"Of {found.whole} images, as many of each class, {found.about} {are} recognised than by "
        f"doing nothing, {found.between} (balanced accuracy {exact})."
    )


def _on_test(gain: GainRecord) -> str:
    """Say whether the test images bear it out."""
    low, high = gain["low"], gain["high"]
    if high is not None and high < 0:
        found = "it does harm, so look into that before you follow this"
    elif low is not None and low > 0:
        found = "it helps as well"
    else:
        found = "it cannot be told from doing nothing"
    return f"{CHOSEN_BY_NOTHING}, {found}: {difference(gain)} ({figures(gain)})."


def _surely(record: AdviceRecord, best: CandidateRecord) -> str:
    """Say by how many trials that is known, and why trying ended."""
    story, rounds = record["story"], record["rounds"]
    pairs = rounds[-1]["pairs"] if rounds else best["gain"]["pairs"]
    trials = (
        f"{counted(pairs, 'trial')}, each taught by {story['folds'] - 1} of {story['folds']} parts "
        "of the images and judged by the other"
    )
    ended = {
        "settled": "trying ended, as more of it on these images would change nothing",
        "budget": f"trying ended with its time of {duration(story['budget'])}, before it was "
        "settled: a longer --budget may tell more",
        "pairs": "trying ended after all rounds without being settled",
    }
    sure = f"That is from {trials}. Its intervals hold in 95 of 100 cases, all of them at once"
    return f"{sure}; {ended.get(story['ended'], 'trying has ended')}."


def _beside_prior(best: CandidateRecord, record: AdviceRecord) -> Iterator[str]:
    gain, prior = best["beside_prior"], role(record, "prior")
    if gain is None or gain["mean"] is None or prior is None:
        return
    found = amount(gain)
    if found is not None and gain["low"] is not None and gain["low"] > 0:
        yield (
            f"It recognises {found.about} of {found.whole} than dividing by the class shares alone "
            f"({prior['name']}), {found.between} ({figures(gain)})."
        )
    else:
        yield (
            f"Whether it is better than dividing by the class shares alone ({prior['name']}) "
            f"cannot be told ({figures(gain)})."
        )


def _of_classes(best: CandidateRecord) -> Iterator[str]:
    """Say what becomes of the class found least often, and which classes pay for it."""
    least = best["worst"]
    if least is not None and least["before"] is not None and least["after"] is not None:
        yield (
            f"The class found least often, {called(least['name'])}, goes from "
            f"{of_hundred(least['before'])} of its images recognised to "
            f"{of_hundred(least['after'])}."
        )
    losing = sorted(
        (each for each in best["classes"] if each is not least and _lost(each) >= PAYS), key=_lost
    )[::-1]
    if losing:
        some = [
            f"{called(each['name'])} from {of_hundred(each['before'] or 0.0)} to "
            f"{of_hundred(each['after'] or 0.0)}"
            for each in losing[:NAMED]
        ]
        more = len(losing) - len(some)
        some += [counted(more, "more class", "more classes")] if more > 0 else []
        yield f"Recognised less often than before: {listed(some)}."


def _lost(each: ClassChange) -> float:
    if each["before"] is None or each["after"] is None:
        return 0.0
    return each["before"] - each["after"]


def _calibration(best: CandidateRecord) -> Iterator[str]:
    """Say how far probabilities can be believed."""
    before, after = best["calibration"]["before"], best["calibration"]["after"]
    if before is None or after is None:
        return
    exact = f"calibration error {decimal(before)}, then {decimal(after)}"
    if after > before + BELIEVED:
        yield (
            f"Its probabilities can be believed less than before ({exact}): if you use them, train "
            "with --calibrate and validation images."
        )
    elif after < before - BELIEVED:
        yield f"Its probabilities can be believed more than before ({exact})."
    else:
        yield f"Its probabilities can be believed about as before ({exact})."
