"""Gates: limits on what an inspection may find, for checks that run unattended."""

from collections.abc import Sequence
from dataclasses import dataclass

from rebalance.errors import GateFailed, SettingError, choose
from rebalance.inspection.findings import KINDS
from rebalance.inspection.result import Inspection
from rebalance.settings.numbers import Range, check_number


@dataclass(frozen=True)
class Gates:
    """The limits that a check sets.

    fail_above: the largest imbalance ratio allowed, None for any. fail_on: the kinds of findings
    that there may be none of.
    """

    fail_above: float | None = None
    fail_on: tuple[str, ...] = ()


@dataclass(frozen=True)
class GateOutcome:
    """The outcome of one gate: its name, what it allows, and why it failed ("" if it held)."""

    name: str
    allows: str
    reason: str

    @property
    def passed(self) -> bool:
        """Tell whether the gate held."""
        return not self.reason


def check_kinds(kinds: Sequence[str], *, against: bool, similar: bool = False) -> None:
    """Raise SettingError unless each is a kind of finding that this inspection can make.

    against: whether there are two folders. similar: whether features are compared.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise SettingError(f"no finding {kind!r}: {choose(kind, KINDS)}")
        if KINDS[kind].needs_against and not against:
            raise SettingError(
                f"{kind} is found between two folders, and there is one: give the other with "
                "--against, or take the gate away"
            )
        if KINDS[kind].needs_features and not similar:
            raise SettingError(
                f"{kind} is found by comparing features, which --similar asks for: add it, or take "
                "the gate away"
            )


def gate_outcomes(found: Inspection, gates: Gates) -> list[GateOutcome]:
    """Check each gate, and return the outcomes. Raises SettingError as ``check_kinds`` does."""
    kinds = gates.fail_on
    if gates.fail_above is not None:  # a limit that is NaN would let everything pass
        check_number("fail_above must be", gates.fail_above, float, Range(least=1))
    check_kinds(kinds, against=found.against is not None, similar=found.similar is not None)
    ratio = [] if gates.fail_above is None else [_imbalance(found, gates.fail_above)]
    return ratio + [_findings(found, kind) for kind in kinds]


def check_gates(
    found: Inspection, fail_above: float | None = None, fail_on: Sequence[str] = ()
) -> None:
    """Raise GateFailed, saying which gates and why, unless ``found`` passes each of them.

    fail_above: the largest imbalance ratio allowed; None allows any. fail_on: kinds of findings of
    which none is allowed. Raises SettingError as ``check_kinds``.
    """
    every = gate_outcomes(found, Gates(fail_above, tuple(fail_on)))
    reasons = [gate.reason for gate in every if not gate.passed]
    if reasons:
        raise GateFailed("; ".join(reasons))


def _imbalance(found: Inspection, allowed: float) -> GateOutcome:
    reason = ""
    if found.imbalance_ratio > allowed:
        reason = (
            f"imbalance ratio {found.imbalance_ratio:.2f} is above the {allowed:g} that "
            "--fail-above allows: rebalance the folder, or raise the gate"
        )
    return GateOutcome("imbalance ratio", f"at most {allowed:g}", reason)


def _findings(found: Inspection, kind: str) -> GateOutcome:
    some = found.findings[kind]
    new = "" if found.baseline is None else "new "
    reason = ""
    if some:
        reason = (
            f"{len(some)} {new}{kind} ({KINDS[kind].meaning}) where --fail-on allows none; the "
            f"first is {some[0]}: mend them, or take the gate away"
        )
    return GateOutcome(kind, f"none {new}".strip(), reason)
