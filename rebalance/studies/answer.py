"""What a study found, in a few sentences.

Imports numpy and nothing heavier; may not import torch or click.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rebalance.errors import listed
from rebalance.studies.outcomes import BY_CLASS
from rebalance.studies.summaries import BETTER, UNTOLD, WORSE, PairedDifference
from rebalance.studies.words import capital, name, signed, title

if TYPE_CHECKING:
    from rebalance.studies.results import Results, TreatmentRow

Compared = list[tuple["TreatmentRow", PairedDifference]]


def answer(results: "Results", data: str) -> list[str]:
    """Say what was found in ``data``, in a few sentences, the main one first."""
    tried = [row for row in results.rows if row.role == "treatment"]
    beside = _beside(tried, results.metric, "nothing")
    what = title(results.metric)
    if not beside:
        return [f"On {data} there is no treatment yet to hold beside doing nothing."]
    tested = _beside(tried, results.metric, "nothing", test=True)
    if _better(tested) and not _better(beside):
        # Whoever reads only the beginning must not read that nothing helps.
        by_folds = _beside_nothing(beside, what, "its validation images alone")
        sentences = [_on_test(tested, what, f"On the test images of {data}"), by_folds]
    else:
        sentences = [_beside_nothing(beside, what, data)]
        sentences += [_on_test(tested, what, "On its test images")] if tested else []
    controls = [row for row in results.rows if row.role == "random"]
    better = [
        row
        for row, found in _beside(controls, results.metric, "nothing")
        if found.verdict == BETTER
    ]
    if better:
        are = "is a random control and" if len(better) == 1 else "are random controls and"
        sentences.append(f"{capital(_listed(better))} {are} better than doing nothing too.")
    sentences += _of_prior(results, tried)
    drawn = _beside(tried, results.metric, "random")
    if drawn:
        better = [row for row, found in drawn if found.verdict == BETTER]
        worse = [row for row, found in drawn if found.verdict == WORSE]
        sentences.append(
            f"Beside images drawn at random to the same sizes, {_verdicts(better, worse, drawn)}."
        )
    return [*sentences, *_of_worst_class(results)]


def _of_worst_class(results: "Results") -> Iterator[str]:
    """Say what becomes of the class that is found worst where nothing is done."""
    nothing, best = results.nothing, results.best
    if nothing is None or best is None:
        return
    recalls = {
        key: found.mean
        for key, found in nothing.metrics.items()
        if key.startswith(BY_CLASS) and found.mean is not None
    }
    worst = min(recalls, key=recalls.__getitem__, default="")
    found = best.metrics.get(worst)
    if found is not None and found.mean is not None and found.nothing is not None:
        yield (
            f"The class found worst is {worst.removeprefix(BY_CLASS)}: {recalls[worst]:.3f} of its "
            f"images by doing nothing, and {found.mean:.3f} by {name(best.treatment)}, "
            f"{signed(found.nothing)}.".replace(" ~.", ", which cannot be told apart.")
        )


def _of_prior(results: "Results", tried: "Sequence[TreatmentRow]") -> Iterator[str]:
    """Say what moving the threshold alone comes to, and which treatments beat it."""
    rows = [row for row in results.rows if row.role == "prior"]
    alone = _beside(rows, results.metric, "nothing")
    if alone:
        yield _alone(alone)
    beside = _beside(tried, results.metric, "prior")
    if beside:
        tested = _beside(tried, results.metric, "prior", test=True)
        yield _against_prior(beside, tested, "it" if len(rows) == 1 else "that of its own head")


def _alone(priors: Compared) -> str:
    """Say what the threshold alone comes to, by one head or by several."""
    said = {BETTER: "better than", WORSE: "worse than", UNTOLD: "not distinguishable from"}
    first, found = priors[0]
    best = signed(found, word=False)
    if len(priors) == 1:
        return (
            f"The threshold alone ({name(first.treatment)}), which changes no training, is "
            f"{said[found.verdict]} doing nothing: {best}."
        )
    parts: list[str] = []
    for verdict, words in said.items():
        if alike := [row for row, each in priors if each.verdict == verdict]:
            object_ = "it" if parts else "doing nothing"
            parts.append(f"{words} {object_} as {_listed(alike)}")
    told = f"{', '.join(parts[:-1])}{' and ' if parts[1:] else ''}{parts[-1]}"
    return (
        f"The threshold alone, which changes no training, is {told}; the best mean is "
        f"{name(first.treatment)}'s, {best}."
    )


def _against_prior(beside: Compared, tested: Compared, prior: str) -> str:
    """Say which treatments beat the threshold alone, called ``prior``, and which on test images."""
    better, rest = _better(beside), len(beside) - len(_better(beside))
    worse = [row for row, found in beside if found.verdict == WORSE]
    others = "the one other treatment does" if rest == 1 else f"{rest} others do"
    if better:
        told = f"{_listed(better)} {'beats' if len(better) == 1 else 'beat'} {prior}"
        told += f"; {others} not" if rest else ""
    elif rest == 1:
        only = name(beside[0][0].treatment)
        told = f"{only}, the one treatment that was tried, does not beat {prior}"
    else:
        told = f"None of {rest} treatments beats {prior}"
    told += f", and {_count(worse)} worse" if worse else ""
    if tested:
        won = _better(tested)
        who = f"{_listed(won)} {'does' if len(won) == 1 else 'do'}" if won else "none does"
        told += f"; on the test images {who}"
    return f"{capital(told)}."


def _beside(
    rows: "Sequence[TreatmentRow]", metric: str, control: str, *, test: bool = False
) -> Compared:
    """List the rows with a pair beside that control, in their order."""
    beside = ((row, row.beside(control, metric, test=test)) for row in rows)
    return [(row, found) for row, found in beside if found is not None and found.pairs]


def _better(beside: Compared) -> "list[TreatmentRow]":
    return [row for row, found in beside if found.verdict == BETTER]


def _on_test(tested: Compared, what: str, where: str) -> str:
    better, worse = _better(tested), [row for row, found in tested if found.verdict == WORSE]
    if not better and not worse:
        return f"{where} nothing that was tried is distinguishable from doing nothing in {what}."
    told = [
        f"{_listed(rows)} {'is' if len(rows) == 1 else 'are'} {word}"
        for rows, word in ((better, BETTER), (worse, WORSE))
        if rows
    ]
    of = f"{len(better) + len(worse)} of {len(tested)}"
    return f"{where} {' and '.join(told)} than doing nothing in {what} ({of} can be told apart)."


def _beside_nothing(beside: Compared, what: str, data: str) -> str:
    better = [(row, found) for row, found in beside if found.verdict == BETTER]
    worse = [row for row, found in beside if found.verdict == WORSE]
    if better:
        row, found = better[0]
        some = (
            "the one treatment that was tried is"
            if len(beside) == 1
            else (
                f"{len(better)} of {len(beside)} treatments {'is' if len(better) == 1 else 'are'}"
            )
        )
        return (
            f"On {data} {some} better than doing nothing in {what}"
            + (f" and {_count(worse)} worse" if worse else "")
            + f"; the best mean is {name(row.treatment)}'s, {signed(found, word=False)}."
        )
    row, found = beside[0]
    best = f"the best mean is {name(row.treatment)}'s, {signed(found, word=False)}"
    if worse:
        return (
            f"On {data} nothing that was tried is distinguishably better than doing nothing in "
            f"{what}, and {_count(worse)} worse; {best}."
        )
    return (
        f"On {data} nothing that was tried is distinguishable from doing nothing in {what}; {best}."
    )


def _listed(rows: "Sequence[TreatmentRow]") -> str:
    return listed(name(row.treatment) for row in rows)


def _count(rows: "Sequence[TreatmentRow]") -> str:
    return f"{len(rows)} {'is' if len(rows) == 1 else 'are'}"


def _verdicts(
    better: "Sequence[TreatmentRow]", worse: "Sequence[TreatmentRow]", beside: Compared
) -> str:
    parts = [
        f"{_listed(rows)} {'is' if len(rows) == 1 else 'are'} {word}"
        for rows, word in ((better, BETTER), (worse, WORSE))
        if rows
    ]
    rest = len(beside) - len(better) - len(worse)
    if not parts:
        return f"none of {rest} is distinguishable"
    return ", ".join(parts) + (f", and {rest} cannot be told apart" if rest else "")
