"""The sentences of advice: what to do, what that brings, how sure it is, and what does not help.

They are made of the figures in the record alone, so that terminal, page and JSON say the same.
Imports the standard library and our records; nothing heavier.
"""

from collections.abc import Iterator, Sequence

from rebalance.advice.meanings import does
from rebalance.advice.quantities import counted, decimal, difference, figures
from rebalance.advice.recommendation import brought, recommendation
from rebalance.advice.sights import sight
from rebalance.advice.trials import cut_by, measured, others, role, shares_pairs
from rebalance.errors import listed
from rebalance.records import (
    AdviceRecord,
    CandidateRecord,
    GainRecord,
    LookRecord,
    OpenRecord,
)

LISTED = 4  # treatments in a sentence that are told with their figures
NAMED = 3  # cuts that are told each by itself


def told(record: AdviceRecord) -> AdviceRecord:
    """Return a record with every sentence in it, made of its figures."""
    candidates: list[CandidateRecord] = [
        {**each, "does": does(each["treatment"])} for each in record["candidates"]
    ]
    looks: list[LookRecord] = [
        {**each, "sentence": sight(each, record["story"])} for each in record["looks"]
    ]
    whole: AdviceRecord = {**record, "looks": looks, "candidates": candidates}
    second = record["second"]
    return {
        **whole,
        "do": {**record["do"], "sentences": list(recommendation(whole))},
        "second": second and {**second, "sentences": list(second_choice(whole))},
        "cutting": list(cutting(whole)),
        "no_help": list(no_help(whole)),
        "open": [{**each, "sentence": question(each, whole)} for each in record["open"]],
    }


def second_choice(record: AdviceRecord) -> Iterator[str]:
    """Say what can be done with a network that is trained already."""
    found = role(record, "second")
    if found is None:
        return
    yield (
        "Without another training: take a network that learned from the images as they are, and "
        f"{found['does'].removeprefix('leave the images as they are, and ')} ({found['name']})."
    )
    yield brought(found["gain"], found["score"])
    best = role(record, "recommended")
    if best is not None and shares_pairs(best, found):
        less = (best["gain"]["mean"] or 0.0) - (found["gain"]["mean"] or 0.0)
        if less > 0:
            yield f"That is {decimal(less)} less than what is recommended brings."


def cutting(record: AdviceRecord) -> Iterator[str]:
    """Say what it costs to leave images of large classes out, and what it saves."""
    nothing = role(record, "nothing")
    cuts = [each for each in record["candidates"] if cut_by(each, nothing) is not None]
    known = [each for each in cuts if measured(each)]
    for each in known[:NAMED]:
        left = cut_by(each, nothing)
        assert left is not None and nothing is not None
        share = f"{100 * left:.0f} %" if left >= 0.01 else "under 1 %"
        yield (
            f"{each['name']} trains on {each['images']:,.0f} of {nothing['images']:,.0f} images "
            f"({share}) and {_costs(each['gain'])}."
        )
    if len(known) > NAMED:
        rest = [f"{each['name']} ({figures(each['gain'])})" for each in known[NAMED:]]
        yield f"Other cuts: {listed(rest)}."
    hardly = [f"{each['name']} ({figures(each['gain'])})" for each in cuts if not measured(each)]
    if hardly:
        yield f"Hardly tried, so that this says little: {listed(hardly)}."
    if known:
        yield (
            "Leaving images out saves time in training, and nothing else: it is worth it where "
            "training is what takes long."
        )


def _costs(gain: GainRecord) -> str:
    exact = f"{difference(gain)} ({figures(gain)})"
    if (gain["low"] or 0.0) > 0:
        return f"is better than doing nothing even so: {exact}"
    if (gain["high"] or 0.0) < 0:
        return f"costs something: {exact}"
    return f"costs nothing that could be shown: {exact}"


def no_help(record: AdviceRecord) -> Iterator[str]:
    """Say what else was tried: what harms, what changes nothing, what helps, but not more."""
    nothing = role(record, "nothing")
    kept = [each for each in others(record) if measured(each) and cut_by(each, nothing) is None]
    groups = (
        ("worse", "Worse than doing nothing"),
        ("no help", "Not better than doing nothing, as far as these images can show"),
        (
            "helps",
            "Better than doing nothing too, but no better choice",
        ),
    )
    for standing, begin in groups:
        some = [each for each in kept if each["standing"] == standing]
        yield from _listed(some, begin)


def _listed(some: Sequence[CandidateRecord], begin: str) -> Iterator[str]:
    if some:
        named = [f"{each['name']} ({figures(each['gain'])})" for each in some[:LISTED]]
        more = [each["name"] for each in some[LISTED:]]
        rest = f", and {listed(more)}" if more else ""
        yield f"{begin}: {'; '.join(named)}{rest}."


def questions(record: AdviceRecord) -> list[str]:
    """List what could not be told, what was hardly tried in one sentence at the end."""
    known = {each["name"] for each in record["candidates"] if measured(each)}
    told = [each["sentence"] for each in record["open"] if each["question"] in known]
    hardly = [each for each in record["open"] if each["question"] not in known]
    if len(hardly) > 1:
        names = listed([each["question"] for each in hardly])
        told.append(f"{names} were hardly tried for want of time: a longer --budget would tell.")
        return told
    return [*told, *(each["sentence"] for each in hardly)]


def question(asked: OpenRecord, record: AdviceRecord) -> str:
    """Say what could not be told of a candidate, and what would tell."""
    name = asked["question"]
    tried = {each["name"]: each for each in record["candidates"]}
    found, best = tried.get(name), role(record, "recommended")
    if found is None or found["gain"]["mean"] is None or not measured(found):
        return f"{name} was hardly tried for want of time: a longer --budget would tell."
    rival = "doing nothing" if best is None or best is role(record, "nothing") else best["name"]
    ahead = ""
    if best is not None and shares_pairs(best, found):
        more = found["gain"]["mean"] - (best["gain"]["mean"] or 0.0)
        ahead = f" ({decimal(more)} ahead)" if more > 0 else ""
    begin = f"{name} may be better than {rival}{ahead}, which these images cannot show"
    needed = _needed(asked)
    if not needed:
        return f"{begin}, and it would take too many more to hope for."
    return f"{begin}; about {needed} would, if it is as far ahead as it looks."


def _round(count: int | None) -> int | None:
    """Round to two digits, as it is a guess."""
    return None if count is None else int(float(f"{count:.2g}"))


def _needed(asked: OpenRecord) -> str:
    images, groups = _round(asked["images"]), _round(asked["groups"])
    told = [counted(groups, "more group", "more groups")] if groups is not None else []
    if images is not None:
        told.append(counted(images, "more image", "more images"))
    return f"{told[0]} ({told[1]})" if len(told) == 2 else "".join(told)
