"""Each kind of look at the images has a sentence that says what was seen.

Imports the standard library and our records; nothing heavier.
"""

from collections.abc import Callable, Mapping

from rebalance.advice.quantities import called, counted, sizes
from rebalance.records import AdviceStory, LookRecord

EVEN = 1.05  # times the smallest class, up to which classes are of one size


def sight(look: LookRecord, story: AdviceStory) -> str:
    """Say what a look saw; one of another kind than these keeps the sentence that it came with.

    story: the counts, the groups and the folds that it is measured by.
    """
    tell = TOLD.get(look["kind"])
    return look["sentence"] if tell is None else tell(look, story)


def _imbalance(look: LookRecord, story: AdviceStory) -> str:
    counts = look["classes"]
    falling = sorted(counts.items(), key=lambda each: (-each[1], each[0]))
    (large, most), (small, least) = falling[0], falling[-1]
    begin = (
        f"{counted(sum(counts.values()), 'image')} in {counted(len(counts), 'class', 'classes')}: "
    )
    begin += f"{sizes(falling)}."
    if not least:
        return f"{begin} {called(small)} has no image that can be read."
    if most <= EVEN * least:
        return f"{begin} The classes are {'' if most == least else 'nearly '}of one size."
    return (
        f"{begin} The largest class, {called(large)}, has {_times(most / least)} as many as the "
        f"smallest, {called(small)}."
    )


def _unreadable(look: LookRecord, story: AdviceStory) -> str:
    count = _all(look)
    return (
        f"{counted(count, 'file')} cannot be read and {'is' if count == 1 else 'are'} left out "
        f"({_by_class(look)}); rebalance inspect says why."
    )


def _conflicts(look: LookRecord, story: AdviceStory) -> str:
    return (
        f"{counted(_all(look), 'file')} in different classes hold the same image "
        f"({_by_class(look)}): one label at least is wrong. Mend these before anything else."
    )


def _leakage(look: LookRecord, story: AdviceStory) -> str:
    count = _all(look)
    return (
        f"{counted(count, 'image')} {'looks' if count == 1 else 'look'} like a test image "
        f"({_by_class(look)}): scores on the test images are better than they should be. Take "
        "these out of one side."
    )


def _look_alikes(look: LookRecord, story: AdviceStory) -> str:
    return (
        f"{counted(_all(look), 'image')} look like another one ({_by_class(look)}); those stay "
        "together in trials."
    )


def _groups(look: LookRecord, story: AdviceStory) -> str:
    fewer = {
        name: count
        for name, count in sorted(look["classes"].items(), key=lambda each: (each[1], each[0]))
        if count < story["counts"].get(name, count)
    }
    told = [
        f"the {counted(story['counts'][name], 'image')} of {called(name)} are of "
        f"{counted(count, 'group')}"
        for name, count in list(fewer.items())[:4]
    ]
    more = len(fewer) - len(told)
    rest = f", and so on in {counted(more, 'more class', 'more classes')}" if more > 0 else ""
    return f"Images of one group count as one: {', '.join(told)}{rest} only."


def _few(look: LookRecord, story: AdviceStory) -> str:
    what = "groups" if story["groups"] else "images that differ"
    short = sorted(look["classes"].items(), key=lambda each: (each[1], each[0]))
    one = len(short) == 1
    return (
        f"{'A class' if one else 'Classes'} with few {what}: {sizes(short)}. "
        f"{'It is' if one else 'They are'} judged by a few at a time, so that luck plays a "
        "large part."
    )


def _all(look: LookRecord) -> int:
    return sum(look["classes"].values())


def _by_class(look: LookRecord) -> str:
    falling = sorted(look["classes"].items(), key=lambda each: (-each[1], each[0]))
    return sizes(falling)


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio < 10 else f"{ratio:.0f} times"


TOLD: Mapping[str, Callable[[LookRecord, AdviceStory], str]] = {
    "imbalance": _imbalance,
    "unreadable": _unreadable,
    "conflicts": _conflicts,
    "leakage": _leakage,
    "look-alikes": _look_alikes,
    "groups": _groups,
    "few": _few,
}
