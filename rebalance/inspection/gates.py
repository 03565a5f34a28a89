"""Gates: what an inspection may not find, for checks that run by themselves."""

from collections.abc import Sequence

from rebalance.errors import GateFailed, SettingError
from rebalance.inspection.findings import KINDS
from rebalance.inspection.result import Inspection


def check_kinds(kinds: Sequence[str], *, against: bool) -> None:
    """Raise SettingError unless each is a kind of finding that this inspection can make."""
    for kind in kinds:
        if kind not in KINDS:
            raise SettingError(f"no finding {kind!r}: choose from {', '.join(KINDS)}")
        if KINDS[kind].needs_against and not against:
            raise SettingError(
                f"{kind} is found between two folders, and there is one: give the other with "
                "--against, or take the gate away"
            )


def check_gates(
    found: Inspection, fail_above: float | None = None, fail_on: Sequence[str] = ()
) -> None:
    """Raise GateFailed, saying which gates and why, unless ``found`` passes each of them.

    fail_above: the largest imbalance ratio allowed; None allows any. fail_on: kinds of findings of
    which none is allowed. Raises SettingError as ``check_kinds``.
    """
    check_kinds(fail_on, against=found.against is not None)
    reasons = [] if fail_above is None else _too_imbalanced(found, fail_above)
    reasons += [_found_some(found, kind) for kind in fail_on if found.findings[kind]]
    if reasons:
        raise GateFailed("; ".join(reasons))


def _too_imbalanced(found: Inspection, allowed: float) -> list[str]:
    if found.imbalance_ratio <= allowed:
        return []
    return [
        f"imbalance ratio {found.imbalance_ratio:.2f} is above the {allowed:g} that "
        "--fail-above allows: rebalance the folder, or raise the gate"
    ]


def _found_some(found: Inspection, kind: str) -> str:
    some = found.findings[kind]
    new = "" if found.baseline is None else "new "
    return (
        f"{len(some)} {new}{kind} ({KINDS[kind].meaning}) where --fail-on allows none; the first "
        f"is {some[0]}: mend them, or take the gate away"
    )
