"""A candidate in a record of advice has a role: recommended, second, a control, a cut.

Imports the standard library and our records; nothing heavier.
"""

from typing import Literal

from rebalance.records import AdviceRecord, CandidateRecord

WHOLE = 0.99  # of the images that doing nothing trains on; what trains on fewer cuts

Role = Literal["recommended", "second", "nothing", "prior"]


def role(record: AdviceRecord, wanted: Role) -> CandidateRecord | None:
    """Find the candidate that is what a role asks for; None where it was not tried.

    ``nothing`` is what all gains are beside, and so has none; ``prior`` is the one that only
    decides otherwise, by the class shares.
    """
    found = [each for each in record["candidates"] if _is(each, wanted)]
    if wanted == "nothing":  # with another head it is a treatment
        found.sort(key=lambda each: each["gain"]["mean"] is not None)
    return found[0] if found else None


def _is(each: CandidateRecord, wanted: Role) -> bool:
    treatment = each["treatment"]
    plain = (treatment["rebalance"], treatment["loss"], treatment["regime"]) == (
        "none",
        "ce",
        "plain",
    )
    if wanted in ("recommended", "second"):
        return each["standing"] == wanted
    if wanted == "prior" and each["retrains"]:
        return False
    return plain and treatment["threshold"] == {"nothing": "none"}.get(wanted, wanted)


def others(record: AdviceRecord) -> list[CandidateRecord]:
    """List what was tried beside doing nothing and the controls, the best first."""
    nothing = role(record, "nothing")
    return [
        each
        for each in record["candidates"]
        if each is not nothing and each["standing"] != "control"
    ]


def measured(each: CandidateRecord) -> bool:
    """Tell whether a candidate was tried so often that its gain has an interval."""
    gain = each["gain"]
    return gain["mean"] is not None and gain["low"] is not None and gain["high"] is not None


def cut_by(each: CandidateRecord, nothing: CandidateRecord | None) -> float | None:
    """Return the share of the images that a candidate trains on; None for one that cuts nothing."""
    if nothing is None or not nothing["images"]:
        return None
    share = each["images"] / nothing["images"]
    return share if share < WHOLE else None


def shares_pairs(one: CandidateRecord, other: CandidateRecord) -> bool:
    """Tell whether the gains of two candidates are over the same pairs, and so comparable."""
    pairs = one["gain"]["pairs"]
    return pairs == other["gain"]["pairs"] > 0
