"""A treatment has a meaning: a phrase that says in plain words what one does who follows it.

May not import numpy, torch or click.
"""

import re

from rebalance.records import TreatmentRecord

PRIOR = "divide the probability of each class by its share of what was trained on"
# What each way to rebalance does, by what a study calls it. {to} is the size that classes come to.
REBALANCINGS = {
    "none": "leave the images as they are",
    "random-under": "cut large classes at random to {to}",
    "coverage": "cut large classes to {to}, keeping the images that are least alike",
    "coverage-typical": "cut large classes to {to}, keeping typical images of every region",
    "subclass-typical": "cut large classes to {to}, keeping typical images of every subclass",
    "subclass-closest": "cut large classes to {to}, keeping the images in the middle of each "
    "subclass",
    "subclass-farthest": "cut large classes to {to}, keeping the images at the rim of each "
    "subclass",
    "subclass-random": "cut large classes to {to}, keeping some of every subclass at random",
    "random-over": "repeat images of small classes until they have {to}",
    "smote": "add blends of images that are alike within a small class, up to {to}",
    "borderline-1": "add blends of images of a small class near other classes, up to {to}",
    "borderline-2": "add blends of images of a small class near other classes, up to {to}",
    "adasyn": "add blends within small classes where other classes are near, up to {to}",
    "safe-level": "add blends within small classes where they have most neighbours, up to {to}",
    "balanced-svm": "add blends of images that are alike within a small class, up to {to}, each as "
    "the class that a support vector machine takes it for",
    "eos": "add blends of images of small classes with near ones of other classes, up to {to}",
    "cluster": "repeat images of small classes and rare subclasses until they are even",
    "mixup": "add blends of images of two classes, under labels that both share",
    "skew-mix": "add blends of images of two classes, under labels that lean to the rarer one",
}
CUTS = ("random-under", "coverage", "subclass")
LOSSES = {
    "weighted": "weigh the loss, so that each class counts alike",
    "balanced-softmax": "train with a loss that allows for the class shares (balanced-softmax)",
    "logit-adjusted": "train with a loss that allows for the class shares (logit-adjusted)",
}
USUAL = ("sgd", "logistic")  # ways to fit a last layer that need not be told
THRESHOLDS = {
    "prior": PRIOR,
    "prior:val": f"{PRIOR}, to a power that images held out choose",
    "prior:original": "divide the probability of each class by its share of the images",
}


def does(treatment: TreatmentRecord) -> str:
    """Say what a treatment does, as a phrase that begins with a verb and ends without a point.

    What is not known here is called by its name.

    >>> from rebalance.advice.meanings import does
    >>> plain = {"rebalance": "none", "loss": "ce", "regime": "plain", "threshold": "none"}
    >>> does(plain)
    'leave the images as they are'
    >>> does({**plain, "rebalance": "random-under to=4x", "threshold": "prior:0.5"})[:50]
    'cut large classes at random to 4 times the smalles'
    """
    parts = [_rebalanced(treatment["rebalance"])]
    if treatment["loss"] != "ce":
        parts.append(LOSSES.get(treatment["loss"], f"train with the loss {treatment['loss']}"))
    if headed := _headed(treatment.get("head", USUAL[0])):
        parts.append(headed)
    if treatment["regime"] != "plain":
        parts.append(f"train in the regime {treatment['regime']}")
    if treatment["threshold"] != "none":
        parts.append(_decided(treatment["threshold"]))
    *most, last = parts
    return f"{', '.join(most)}, and {last}" if most else last


def _rebalanced(label: str) -> str:
    method, *options = label.split(" ")
    if method not in REBALANCINGS:
        return f"rebalance the images by {label}"
    given = dict(each.split("=", 1) for each in options if "=" in each)
    cuts = method.startswith(CUTS)
    return REBALANCINGS[method].format(to=_size(given.get("to", "min" if cuts else "max"), cuts))


def _size(to: str, cuts: bool) -> str:
    """Say in words what sizes classes come to, as a command is told them."""
    of = "smallest" if cuts else "largest"
    if to in ("min", "max"):
        return f"the size of the {of} class"
    times = re.fullmatch(r"(.+)x", to)
    return f"{times[1]} times the {of} class" if times else f"{to} images"


def _headed(label: str) -> str:
    """Say how the last layer is fitted; empty where there is nothing to say."""
    method, *options = label.split(" ")
    if any(each.startswith("whiten") for each in options):
        return "fit the last layer on whitened features"
    return "" if method in USUAL else f"fit the last layer by {label}"


def _decided(threshold: str) -> str:
    if threshold in THRESHOLDS:
        return THRESHOLDS[threshold]
    power = re.fullmatch(r"prior:([\d.]+)", threshold)
    if power:
        return f"{PRIOR}, to the power of {power[1]}"
    return f"decide by the threshold {threshold}"
