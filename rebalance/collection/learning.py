"""Learning curves by class: what more images of it would bring. May not import torch or click."""

import time
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rebalance.collection.growth import LEVEL, Foresight, curves_of, foresee
from rebalance.collection.rounds import LEAST_UNITS, Rounds, Sample, chosen_penalty, measure
from rebalance.collection.shortage import named_subclasses, short_subclasses
from rebalance.collection.words import answer, notes, sentence, spoken
from rebalance.data.splits import linked
from rebalance.errors import DataError
from rebalance.heads.folds import groups_per_class
from rebalance.heads.linear import Floats
from rebalance.numerics.pca import InMemory, principal_components
from rebalance.numerics.products import one_blas_thread
from rebalance.records import ClassNeed, CollectionRecord
from rebalance.records.collection import FORMAT

MORE = (50, 100, 200)
FARTHEST = 4.0  # times what a class has: no further than predictions were checked
FOLDS = 5
COMPONENTS = 128  # of the features: half the time of three times as many, and the same curves
Labels = NDArray[np.int64]


def learning_curves(
    features: NDArray[Any],
    labels: Labels,
    classes: Sequence[str],
    *,
    groups: Sequence[Any] | None = None,
    kin: Sequence[int] | None = None,
    subclasses: Sequence[str] | None = None,
    more: Sequence[int] = MORE,
    seed: int = 0,
    repeats: int = 3,
    seconds: float | None = None,
    penalty: float | None = None,
) -> CollectionRecord:
    """Tell what more images of each class would bring, by learning curves that are extrapolated.

    features: [N, D], finite. labels: index into ``classes`` [N]. groups: what each image belongs
    to [N], such as its patient; images of a group stay together, and sizes count groups. kin:
    images with the same number [N] stay together too, as copies do; that changes no count.
    subclasses: the name of each image's subclass [N]; without it they are found by k-means. more:
    how many further images, or groups, to speak of, beside twice as many; never of more than
    ``FARTHEST`` times what a class has. repeats: how often the images are dealt out to
    ``FOLDS`` folds anew, and which of them are left out drawn anew; one fold held out is a
    round. seconds: no round is begun that would not end by then, except the first two; without it
    the same seed gives the same record but for ``seconds``. penalty: of the probe; without it, it
    is chosen.

    Raises DataError for fewer than two classes with images that can be held out.
    """
    began = time.monotonic()
    labels = np.asarray(labels, np.int64)
    named = _named(features, labels, classes, seed) if subclasses is None else list(subclasses)
    with one_blas_thread():
        sample = _sample(features, labels, len(classes), groups, kin)
        unknown = {label: _unknown(sample, label) for label in range(len(classes))}
        told = [label for label, reason in unknown.items() if reason is None]
        folds = _folds(sample)
        penalty = chosen_penalty(sample, folds, seed) if penalty is None else penalty
        until = None if seconds is None else began + seconds
        rounds = measure(
            sample, penalty, told=told, folds=folds, repeats=repeats, seed=seed, until=until
        )
        forecast = foresee(curves_of(rounds, sample, len(rounds.held) / folds))
    for label in set(told) - set(forecast.curves.have):
        unknown[label] = "there was no time to hold any of it out"
    unit: Literal["images", "groups"] = "images" if groups is None else "groups"
    seen = _recognised(rounds, len(labels))
    needs = [
        _need(sample, label, name, forecast, unknown[label], more, named, seen)
        for label, name in enumerate(classes)
    ]
    needs.sort(key=_promise)
    return {
        "format": FORMAT,
        "unit": unit,
        "level": LEVEL,
        "balanced_accuracy": float(
            np.mean([need["recall"] for need in needs if need["recall"] is not None])
        ),
        "classes": needs,
        "answer": list(answer(needs, unit)),
        "notes": list(notes(needs, unit, len(rounds.held), folds)),
        "held": sum(check["held"] for check in forecast.checks.values()),
        "checks": len(forecast.checks),
        "widened": forecast.widened,
        "penalty": penalty,
        "folds": folds,
        "rounds": len(rounds.held),
        "fits": rounds.fits,
        "seconds": time.monotonic() - began,
    }


def _named(features: NDArray[Any], labels: Labels, classes: Sequence[str], seed: int) -> list[str]:
    """The name of each image's cluster in its class."""
    found = [""] * len(labels)
    for label in np.unique(labels).tolist():
        members = np.flatnonzero(labels == label)
        names = named_subclasses(features[members], classes[label], seed)
        for place, name in zip(members.tolist(), names, strict=True):
            found[place] = name
    return found


def _sample(
    features: NDArray[Any],
    labels: Labels,
    classes: int,
    groups: Sequence[Any] | None,
    kin: Sequence[int] | None,
) -> Sample:
    """The images, scaled all at once: no label has a part in that, and it takes seconds."""
    given = [each for each in (groups, kin) if each is not None]
    together = np.array(linked(*given)) if given else np.arange(len(labels))
    units = np.arange(len(labels)) if groups is None else np.array(linked(groups))
    inputs = principal_components(InMemory(features), COMPONENTS).astype(np.float64)
    return Sample(inputs, labels, classes, together, units, groups is not None)


def _unknown(sample: Sample, label: int) -> str | None:
    """Say why nothing can be told of a class; None where something can."""
    members = sample.labels == label
    together = len(np.unique(sample.kin[members]))  # no more than units
    what = "groups" if sample.grouped else "different images"
    if together < LEAST_UNITS:
        return f"it has {together} {what}, and a curve takes at least {LEAST_UNITS}"
    return None


def _folds(sample: Sample) -> int:
    """Count the folds: no more than the largest class can be dealt out to."""
    sizes = groups_per_class(sample.labels, sample.kin).values()
    several = sum(size > 1 for size in sizes)
    if several < 2:
        raise DataError(
            "learning curves need two classes of which some images can be held out while others "
            f"are learned from, and there {'is' if several == 1 else 'are'} {several}: add images "
            "of other groups"
        )
    return min(FOLDS, max(sizes))


def _recognised(rounds: Rounds, count: int) -> Floats:
    """The share of rounds in which each held-out image was recognised; NaN where it never was."""
    seen, right = np.zeros(count), np.zeros(count)
    for held, hits in zip(rounds.held, rounds.whole, strict=True):
        seen[held] += 1
        right[held] += hits
    return np.where(seen > 0, right / np.maximum(seen, 1), np.nan)


def _need(
    sample: Sample,
    label: int,
    name: str,
    forecast: Foresight,
    unknown: str | None,
    more: Sequence[int],
    named: Sequence[str],
    seen: Floats,
) -> ClassNeed:
    """Describe what more of one class brings, and which of its subclasses are short."""
    members = np.flatnonzero(sample.labels == label)
    have = len(np.unique(sample.units[members]))
    near = sorted(each for each in {*more, have} if have + each <= FARTHEST * have)
    known = seen[members][~np.isnan(seen[members])]
    found: ClassNeed = {
        "label": name,
        "images": len(members),
        "groups": have if sample.grouped else None,
        "recall": float(known.mean()) if len(known) else None,
        "curve": [] if unknown else forecast.points(label),
        "gains": [] if unknown else [forecast.gain(label, each) for each in near],
        "check": forecast.checks.get(label),
        "unknown": unknown,
        "sentence": "",
        "subclasses": short_subclasses(
            members, [named[place] for place in members.tolist()], seen[members]
        ),
    }
    found["sentence"] = sentence(found, "groups" if sample.grouped else "images")
    return found


def _promise(need: ClassNeed) -> tuple[bool, float]:
    """Return the key that sorts classes: the largest gain first, those that cannot be told last."""
    gain = spoken(need["gains"])
    return gain is None, 0.0 if gain is None else -gain["balanced_accuracy"]
