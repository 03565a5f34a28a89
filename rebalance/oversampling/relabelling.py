"""Balanced SVM: blends whose class is what a support vector machine makes of them.

It gives one ``Draw`` for each class. Imports numpy and nothing heavier, and scikit-learn when it is
needed; may not import torch or click.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rebalance.numerics.products import one_blas_thread
from rebalance.oversampling.recipes import Added, synthesise
from rebalance.oversampling.samplers import smote
from rebalance.oversampling.samples import (
    Draw,
    Features,
    Labels,
    Minority,
    SamplerOptions,
    Samples,
)


def balanced_svm(
    samples: Samples, classes: Sequence[Minority], options: SamplerOptions
) -> list[Draw]:
    """SMOTE, whose blends are labelled as what a support vector machine takes their features for.

    The machine is fitted to all samples and all blends under the classes of their bases, and then
    says the class of each blend; a note tells how many of a class's became another's. Samples and
    repetitions keep their class. Source: Farquad & Bose, "Preprocessing unbalanced data using
    support vector machine", Decision Support Systems 2012, as Dablain et al. (ICDE 2023) compare
    with it: SMOTE first. Theirs relabels the samples too, which no manifest may do.
    """
    draws = smote(samples, classes, options)
    added = Added(_joined(draws, "base"), _joined(draws, "partner"), _joined(draws, "weight"))
    blended = added.base != added.partner
    if not blended.any():
        return draws
    own = samples.labels[added.base]
    made = synthesise(samples.features.astype(np.float64), added)
    told = np.where(blended, _told(samples, made, own), own)
    ends = np.cumsum([len(draw.base) for draw in draws])[:-1]
    return [
        _relabelled(minority, draw, labels)
        for minority, draw, labels in zip(classes, draws, np.split(told, ends), strict=True)
    ]


def _told(samples: Samples, made: Features, own: Labels) -> Labels:
    """The class [S] that the machine takes each blend for."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    labels = np.concatenate([samples.labels, own])
    if (labels == labels[0]).all():
        return own
    # The weights stand for what is missing where a class was not raised to the largest.
    machine = make_pipeline(StandardScaler(), SVC(class_weight="balanced"))
    with one_blas_thread():
        machine.fit(np.concatenate([samples.features, made]), labels)
        found: Labels = machine.predict(made)
    return found


def _relabelled(minority: Minority, draw: Draw, labels: Labels) -> Draw:
    changed = int(np.count_nonzero(labels != minority.label))
    if not changed:
        return draw
    return draw._replace(made_as=labels.astype(np.int64)).noted(
        f"{changed} of its {minority.count} blends are labelled as other classes"
    )


def _joined(draws: Sequence[Draw], part: str) -> NDArray[Any]:
    return np.concatenate([getattr(draw, part) for draw in draws] or [np.zeros(0, np.int64)])
