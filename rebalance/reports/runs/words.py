"""The words in a report of runs: its title, what to beware of, and what figures show.

May not import torch or click.
"""

import json
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import listed, some
from rebalance.figures.confusion import row_shares
from rebalance.reports.runs.results import Result, Stage
from rebalance.reports.runs.tables import test_images

NAMED = 20  # of many classes or runs, in a sentence
TOLD = 3  # of many classes, in the text for those who do not see a figure


def title(results: Sequence[Result]) -> str:
    """Return the title of the page."""
    return f"Run {results[0].name}" if len(results) == 1 else f"{len(results)} runs compared"


def lead(results: Sequence[Result]) -> str:
    """State the result in a sentence."""
    scored = [(each.metrics["balanced_accuracy"], each) for each in results if each.metrics]
    if not scored:
        return "Nothing is scored yet."
    value, best = max(scored, key=lambda pair: pair[0])
    assert best.metrics is not None
    on = f"on {best.metrics['images']} test images of {len(best.counts)} classes"
    if len(results) == 1:
        return f"Balanced accuracy {value:.3f} {on}."
    equal = [each.name for other, each in scored if other == value]
    return f"The best balanced accuracy is {value:.3f} {on}, by {_listed(equal)}."


def warnings(results: Sequence[Result]) -> list[str]:
    """Say what makes these runs hard to compare, and which classes have no test images."""
    scored = [each for each in results if each.metrics]
    found = []
    if any(test_images(each) != test_images(scored[0]) for each in scored):
        found.append(
            "The runs were scored on different test sets, so their scores do not compare: score "
            "them on one with rebalance evaluate."
        )
    losses = {json.dumps(each.options["loss"], sort_keys=True) for each in results}
    if len(losses) > 1:
        found.append(
            "The runs minimised different losses: compare the course of their loss curves, not "
            "their height."
        )
    if names := absent(results):
        found.append(f"Left out of the means, without test images: {names}.")
    undefined = {
        reason
        for each in scored
        if each.metrics
        for reason in each.metrics.get("undefined", {}).values()
    }
    found += [f"Not defined: {reason}." for reason in sorted(undefined)]
    return found


def absent(results: Sequence[Result]) -> str:
    """List the classes without test images in any run; empty where there are none."""
    found = {name for each in results if each.metrics for name in each.metrics["absent"]}
    return _listed(sorted(found)) if found else ""


def validation_hints(results: Sequence[Result], columns: Sequence[str]) -> list[str]:
    """Say what to give to train, for runs that were not validated.

    Where it concerns some of the runs, they are named.
    """
    without = [
        each.name
        for each in results
        if each.epochs.numbers and not any(column in each.epochs.columns for column in columns)
    ]
    hints = []
    if without:
        which = "The run was" if len(results) == 1 else f"{_listed(without)}:"
        hints.append(
            f"{which} not validated after each epoch; give --val-fraction 0.2 or --val FOLDER to "
            "train for that."
        )
    for each in results:
        if not each.epochs.numbers and each.metrics:
            hints.append(
                f"{each.name} has no epochs of its own: it is another run's body with a new head."
            )
    return hints


def curves_alt(what: str, lines: Sequence[tuple[str, Sequence[int], Sequence[float]]]) -> str:
    """Say where each line begins and ends, and what it lies between."""
    told = [
        f"{name} goes from {values[0]:.3f} after epoch {epochs[0]} to {values[-1]:.3f} after "
        f"epoch {epochs[-1]}, between {min(values):.3f} and {max(values):.3f}"
        for name, epochs, values in lines
    ]
    return f"Line chart of {what} per epoch: {'; '.join(told)}."


def ranking_alt(kind: str, run: str, areas: Sequence[tuple[str, float]]) -> str:
    """Name the classes with the smallest and the largest area below their curve."""
    (low, least), (high, most) = (pick(areas, key=lambda pair: pair[1]) for pick in (min, max))
    return (
        f"{kind} curves of {run}, a line for each of {len(areas)} classes against the rest; the "
        f"areas reach from {least:.3f} ({low}) to {most:.3f} ({high})."
    )


def reliability_alt(run: str, errors: Sequence[tuple[str, float]]) -> str:
    """Say how far the probabilities are from what came true, on average."""
    told = " and ".join(f"{error:.3f} counting {name}" for name, error in errors)
    return (
        f"Reliability diagram of {run}: how often the most probable class is the true one, by its "
        f"probability; the expected calibration error is {told}."
    )


def map_alt(run: str, wrong: int, images: int) -> str:
    """Say how many points are mistakes."""
    return (
        f"Map of {images} test images of {run} by their embedding, in the colours of their "
        f"classes; {wrong} that were given another class stand out."
    )


def map_caption(run: str, shown: int, images: int) -> str:
    """Say whose images these are, and of how many they were drawn."""
    return f"Run {run}: {images} test images" + (
        f", of which {shown} were drawn" if shown < images else ""
    )


def confusion_alt(run: str, matrix: NDArray[np.int64], classes: Sequence[str]) -> str:
    """Say how many images are right, and which are the largest shares of mistakes."""
    shares = np.nan_to_num(row_shares(matrix))
    right = int(matrix.trace())
    text = f"Confusion matrix of {run}: {right} of {int(matrix.sum())} images are on the diagonal"
    wrong = shares.copy()
    np.fill_diagonal(wrong, 0)
    worst = np.argsort(-wrong, axis=None, kind="stable")[:TOLD].tolist()
    told = [
        f"{wrong[cell]:.0%} of {classes[cell[0]]} are taken for {classes[cell[1]]}"
        for cell in (divmod(place, len(classes)) for place in worst)
        if wrong[cell] > 0
    ]
    return f"{text}; {', '.join(told)}." if told else f"{text}."


def dots_alt(what: str, runs: Sequence[tuple[str, Sequence[Stage]]], classes: Sequence[str]) -> str:
    """Name the lowest and the highest class of each run, and the classes that moved most."""
    told = "; ".join(_extremes(name, stages, classes) for name, stages in runs)
    return f"Dot plot of {what} per class, the largest class first: {told}."


def _extremes(run: str, stages: Sequence[Stage], classes: Sequence[str]) -> str:
    last = {name: value for name in classes if (value := stages[-1].by_class.get(name)) is not None}
    if not last:
        return f"{run} has none"
    low, high = min(last, key=lambda n: last[n]), max(last, key=lambda n: last[n])
    text = f"{run} from {last[low]:.3f} ({low}) to {last[high]:.3f} ({high})"
    first = {name: stages[0].by_class.get(name) for name in last}
    moves = sorted(
        ((name, old, last[name]) for name, old in first.items() if old not in (None, last[name])),
        key=lambda move: -abs((move[1] or 0) - move[2]),
    )
    changed = [f"{name} from {old:.3f} to {new:.3f}" for name, old, new in moves[:TOLD]]
    return f"{text}, moved: {', '.join(changed)}" if changed else text


def stages_caption(runs: Sequence[tuple[str, Sequence[Stage]]]) -> str:
    """Explain hollow and filled marks, where there are both."""
    told = list(_stages(runs))
    return "Hollow, then filled: " + "; ".join(told) + "." if told else ""


def _stages(runs: Sequence[tuple[str, Sequence[Stage]]]) -> Iterator[str]:
    for name, stages in runs:
        if len(stages) > 1:
            course = ", then ".join(stage.name for stage in stages)
            yield course if len(runs) == 1 else f"{name}: {course}"


def _listed(names: Sequence[str]) -> str:
    return some(names, NAMED, quoted=False) if len(names) > NAMED else listed(names)
