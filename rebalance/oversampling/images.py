"""Oversamplers that work on images: varied copies, objects on other backgrounds, faint blends.

Each gives one ``Draw`` for each class, and needs no features: what they make is seen in pixels. The
operations that they tell are those of ``rebalance.data.operations``. Imports numpy and nothing
heavier; may not import torch or click.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rebalance.errors import SettingError, meant, shown
from rebalance.oversampling.samples import Draw, Minority, SamplerOptions, Samples
from rebalance.quotas import evenly_repeated

# How much a copy is varied at most: as training images are by the augmentation ``paper``.
ANGLE, SHIFT, FACTOR = 10.0, 0.1, 0.2
ZOOM = 0.1
BLUR = 0.02  # of the shorter side
NOISE = 0.05  # of the whole range
BETA = (
    0.2  # of remix, as its authors' code has it unless told: most blends have little of the partner
)


def augment(samples: Samples, classes: Sequence[Minority], options: SamplerOptions) -> list[Draw]:
    """Copies of the class's images, each varied by operations with numbers of its own.

    An image is copied as often as every other of its class, and what is left is drawn without
    replacement. Source: Lee, Park & Kim, "Plankton classification on imbalanced large scale
    database via convolutional neural networks with transfer learning", ICIP 2016, as Johnson &
    Khoshgoftaar, J. Big Data 2019, survey it; the amounts are ours.
    """
    names = variations_of(options.operations)
    draws = []
    for minority in classes:
        base = evenly_repeated(minority.members, minority.count, minority.rng)
        told = (filter(None, (VARIATIONS[name](minority.rng) for name in names)) for _ in base)
        operation = tuple(",".join(each) for each in told)
        draws.append(Draw.repeating(base)._replace(operation=operation))
    return draws


def cmo(samples: Samples, classes: Sequence[Minority], options: SamplerOptions) -> list[Draw]:
    """A box of an image of the class, laid at its place on any other image, as CutMix does.

    The backgrounds are drawn from all images, so that most are of large classes; the box has a
    share of the image that is uniform in [0, 1), and lies about any point of it, cut at the
    borders. As much of the label is the background's class's as can be seen of it. Source: Park et
    al., "The Majority Can Help the Minority", CVPR 2022, algorithm 1 with α = 1; which classes get
    how many is what the sizes ask for.
    """
    return [_pasted(samples, minority) for minority in classes]


def remix(samples: Samples, classes: Sequence[Minority], options: SamplerOptions) -> list[Draw]:
    """Blends with a little of an image of a larger class, under a label that has as much of it.

    The partner is drawn from all images of larger classes, or of any other where none is larger;
    its weight is the smaller part of a draw of Beta(0.2, 0.2), so in [0, 0.5] and mostly small.
    Source: Bellinger, Corizzo & Japkowicz, "Calibrated Resampling for Imbalanced and Long-Tails in
    Deep Learning" (ReMix), DS 2021: resampled, mixed, with soft labels. Their code mixes with any
    image of the resampled batch; that the partner is of a larger class, and has the smaller part,
    is how we keep what is resampled the class's own.
    """
    return [_remixed(samples, minority) for minority in classes]


def _pasted(samples: Samples, minority: Minority) -> Draw:
    rng, count = minority.rng, minority.count
    base = rng.choice(minority.members, count)
    if len(samples.labels) < 2:
        return Draw.repeating(base).noted("there is no other image to paste on: repeated")
    partner = rng.integers(len(samples.labels) - 1, size=count)
    partner += partner >= base  # any but the base itself
    boxes = _boxes(count, rng)
    sides = boxes[:, 2:] - boxes[:, :2]
    share = np.where(samples.labels[partner] == minority.label, 0.0, 1 - sides.prod(axis=1))
    operation = tuple("paste=" + ":".join(map(_shortly, box)) for box in boxes.tolist())
    return Draw(base, partner, np.zeros(count), share=share, operation=operation)


def _boxes(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Boxes [S, 4], left, top, right and bottom, as shares of width and height, to 4 digits."""
    half = np.sqrt(rng.random((count, 1))) / 2
    centre = rng.random((count, 2))
    boxes = np.concatenate([centre - half, centre + half], axis=1).clip(0, 1)
    return np.asarray(boxes.round(4), np.float64)


def _remixed(samples: Samples, minority: Minority) -> Draw:
    rng, count = minority.rng, minority.count
    base = rng.choice(minority.members, count)
    sizes = np.bincount(samples.labels)[samples.labels]
    others = np.flatnonzero(sizes > len(minority.members))
    if not len(others):
        others = np.flatnonzero(samples.labels != minority.label)
    if not len(others):
        return Draw.repeating(base).noted(
            "there is no other class to blend with, and its samples are repeated"
        )
    partner = rng.choice(others, count).astype(np.int64)
    weight = rng.beta(BETA, BETA, count)
    weight = np.minimum(weight, 1 - weight)
    return Draw(base, partner, weight, share=weight)


def _shortly(number: float) -> str:
    return f"{number:.4f}".rstrip("0").rstrip(".")


def _flipped(name: str) -> Callable[[np.random.Generator], str]:
    return lambda rng: name if rng.random() < 0.5 else ""


def _about(
    name: str, centre: float, most: float, numbers: int = 1
) -> Callable[[np.random.Generator], str]:
    """A drawer of numbers, uniform up to ``most`` below and above the centre."""

    def draw(rng: np.random.Generator) -> str:
        drawn = rng.uniform(centre - most, centre + most, numbers).tolist()
        return f"{name}=" + ":".join(map(_shortly, drawn))

    return draw


def _noise(rng: np.random.Generator) -> str:
    return f"noise={_shortly(rng.uniform(0, NOISE))}:{rng.integers(2**32)}"


# What varies a copy, by the name of the operation: from its random numbers to the operation's text,
# "" for none. They follow one another in this order.
VARIATIONS: Mapping[str, Callable[[np.random.Generator], str]] = {
    "flip": _flipped("flip"),
    "vflip": _flipped("vflip"),
    "scale": _about("scale", 1, ZOOM),
    "rotate": _about("rotate", 0, ANGLE),
    "shift": _about("shift", 0, SHIFT, 2),
    "brightness": _about("brightness", 1, FACTOR),
    "contrast": _about("contrast", 1, FACTOR),
    "blur": _about("blur", BLUR / 2, BLUR / 2),
    "noise": _noise,
}


def variations_of(text: str) -> tuple[str, ...]:
    """The keys of ``VARIATIONS`` that a text names, in the order of these; else SettingError.

    >>> from rebalance.oversampling.images import variations_of
    >>> variations_of("noise, rotate")
    ('rotate', 'noise')
    """
    named = [each.strip() for each in text.split(",")]
    for name in named:
        if name not in VARIATIONS:
            raise SettingError(
                f"operations are names of {', '.join(VARIATIONS)}, with commas between; got "
                f"{shown(name)}{meant(name, VARIATIONS)}"
            )
    return tuple(name for name in VARIATIONS if name in named)
