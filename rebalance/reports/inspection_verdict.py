"""What the page of an inspection opens with. Every number is one of the inspection.

May not import torch or click; imports nothing heavy.
"""

from collections.abc import Iterator, Sequence

from rebalance.inspection import KINDS, Finding, Gates, Inspection, gate_outcomes
from rebalance.reports.page import number
from rebalance.reports.verdicts import VerdictLine, counted, on_classes


def inspection_verdict(found: Inspection, gates: Gates) -> Iterator[VerdictLine]:
    """Tell what the folder holds, which gates failed, and how many images each finding has.

    Raises SettingError as ``inspection.check_kinds``.
    """
    total, classes = sum(found.counts.values()), len(found.counts)
    text = f"{counted(total, 'image')} of {counted(classes, 'class', 'classes')}"
    if classes > 1:
        ratio = found.imbalance_ratio
        text += f"; imbalance ratio, the largest class to the smallest: {ratio:.2f}"
    yield VerdictLine(text, "classes")
    few = [name for name, group in found.groups.items() if group == "few"]
    if few:
        have = "has" if len(few) == 1 else "have"
        text = f"{counted(len(few), 'class', 'classes')} {have} fewer than 20 readable images"
        yield on_classes(text, few, classes, dict.fromkeys(few, "classes"))
    yield from _gates(found, gates)
    if found.unreadable:
        yield VerdictLine(f"{counted(len(found.unreadable), 'file')} cannot be read", "unreadable")
    rest = {kind: some for kind, some in found.findings.items() if some and kind != "unreadable"}
    for kind, some in rest.items():
        yield VerdictLine(f"{_amount(some)}: {KINDS[kind].meaning}", kind)
    if not rest and not found.unreadable:
        new = "new " if found.baseline is not None else ""
        yield VerdictLine(f"Nothing {new}is wrong with the images, as far as was looked", "rest")


def _gates(found: Inspection, gates: Gates) -> Iterator[VerdictLine]:
    outcomes = gate_outcomes(found, gates)
    failed = sum(not gate.passed for gate in outcomes)
    if failed:
        gates_all = counted(len(outcomes), "gate")
        yield VerdictLine(f"{number(failed)} of {gates_all} failed", "gates")
    elif outcomes:
        yield VerdictLine("All gates passed", "gates")


def _amount(some: Sequence[Finding]) -> str:
    """Count the images of findings, each once, and the findings where they are groups."""
    images = len({image for finding in some for image in finding.images})
    if all(len(finding.images) == 1 for finding in some):
        return counted(images, "image")
    return f"{counted(images, 'image')} in {counted(len(some), 'group')}"
