"""Recipes that were tried against whitening and the prior, and are no method of the product.

All keep every image, and give all classes the same mass.
"""

import numpy as np

from benchmarks.heads.images import Features, Floats, Images, Training
from rebalance import seeds
from rebalance.oversampling import OVERSAMPLERS, synthesise

MOST = 1000  # new samples of a class


def skewed(images: Images, told: str, seed: int) -> Training:
    """``skew-mix`` of which the sizes count by a power: 0 is ``mixup``, 1 is ``skew-mix``.

    As many blends of a class as it has in the largest, ``MOST`` at most; half of the mass is the
    images'.
    """
    count = min(int(images.sizes.max()), MOST)
    # With repetitions up to as many, which are then left out, so many of each class are blends.
    wanted = {label: count + max(0, count - n) for label, n in enumerate(images.sizes.tolist())}
    rng = seeds.generator(seed, "oversample")
    added = OVERSAMPLERS["mixup"](images.features, images.labels, wanted, rng)
    blend = added.base != added.partner
    soft = added.labelled(images.labels)
    power = images.sizes ** float(told or 1)
    own, other = (1 - added.weight) * power[soft.other], added.weight * power[soft.own]
    classes = np.eye(len(images.sizes))
    mass = own[:, None] * classes[soft.own] + other[:, None] * classes[soft.other]
    mass = (mass / mass.sum(axis=1, keepdims=True))[blend]
    blends = synthesise(images.features, added)[blend].astype(np.float32)
    return halved(images, blends, mass * len(images.sizes) / len(mass))


def cloud(images: Images, told: str, seed: int) -> Training:
    """Images plus how some image of the nearest larger class lies about that class's mean.

    Source: Liu et al., "Deep Representation Learning on Long-tailed Data", CVPR 2020.
    """
    means, rng = class_means(images), seeds.generator(seed, "cloud")
    count = min(int(images.sizes.max()), MOST)
    made = [
        drawn(images, label, count, rng)
        + residuals(images, nearest_larger(images, means, label)[0], means, count, rng)
        for label in range(len(images.sizes))
    ]
    return new_samples(images, made)


def borrowed(images: Images, told: str, seed: int) -> Training:
    """Draws about the mean of an image and of the two larger classes nearest to it.

    They spread as those classes do. Source: Yang, Liu & Xu, "Free Lunch for Few-shot Learning",
    ICLR 2021, without its power transform; the spread is that of residuals, not of a Gaussian.
    ``told`` is how much of the mean is the classes', 2/3 as published.
    """
    amount = float(told or 2 / 3)
    means, rng = class_means(images), seeds.generator(seed, "borrowed")
    count, made = min(int(images.sizes.max()), MOST), []
    for label in range(len(images.sizes)):
        givers = nearest_larger(images, means, label)[:2]
        spread = [residuals(images, each, means, count, rng) for each in givers]
        middle = (1 - amount) * drawn(images, label, count, rng) + amount * means[givers].mean(0)
        made.append(middle + np.sum(spread, axis=0) / np.sqrt(len(givers)))
    return new_samples(images, made)


def class_means(images: Images) -> Features:
    """The mean of each class [K, D]."""
    sums = images.whole.T.astype(np.float32) @ images.features
    means: Features = sums / images.sizes.astype(np.float32)[:, None]
    return means


def nearest_larger(images: Images, means: Features, label: int) -> list[int]:
    """The classes larger than this one, that of the nearest mean first; the largest has itself."""
    deviation = images.features.std(axis=0) + 1e-6
    apart = np.linalg.norm((means - means[label]) / deviation, axis=1)
    larger = images.sizes > images.sizes[label]
    nearest: list[int] = [each for each in np.argsort(apart).tolist() if larger[each]]
    return nearest or [label]


def drawn(images: Images, label: int, count: int, rng: np.random.Generator) -> Features:
    """So many images of a class, drawn with replacement."""
    return images.features[rng.choice(np.flatnonzero(images.labels == label), count)]


def residuals(
    images: Images, label: int, means: Features, count: int, rng: np.random.Generator
) -> Features:
    """How so many images of a class lie about its mean."""
    return drawn(images, label, count, rng) - means[label]


def new_samples(images: Images, made: list[Features]) -> Training:
    """As many samples of each class beside the images."""
    labels = np.repeat(np.arange(len(made)), [len(each) for each in made])
    mass = np.eye(len(made))[labels]
    return halved(images, np.concatenate(made).astype(np.float32), mass / mass.sum(axis=0))


def halved(images: Images, features: Features, mass: Floats) -> Training:
    """The images under class weights as half of the mass, and new samples as the other half."""
    return Training(
        np.concatenate([images.features, features]),
        np.concatenate([images.whole / images.sizes, mass]),
    )
