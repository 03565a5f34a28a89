"""What training images are varied by, in words: presets, their parts by name, and flips.

A new part is an amount of ``PaperAugmentation``, or a class and its place in ``augmentation_of``;
and its line in ``PARTS``. Imports nothing heavy.
"""

from collections.abc import Collection

from rebalance.errors import SettingError, meant, shown
from rebalance.training.augmentation import (
    Augmentation,
    CifarAugmentation,
    NoAugmentation,
    OneAfterAnother,
    PaperAugmentation,
)

FLIPPED = 0.5  # the probability of a mirror image

# The parts, in the order that they are named in, and the field of ``PaperAugmentation`` that is the
# amount of each; None for what is no part of it.
PARTS: dict[str, str | None] = {
    "crop": None,
    "flip": "flip_probability",
    "vflip": None,
    "rotate": "angle",
    "shift": "shift",
    "scale": "scale",
    "brightness": "brightness",
    "contrast": "contrast",
    "blur": "blur",
}
COLOUR = "colour"  # stands for the parts that leave every pixel where it is, but for blur
AUGMENTATIONS: dict[str, tuple[str, ...]] = {
    "paper": tuple(part for part, amount in PARTS.items() if amount is not None),
    "cifar": ("crop", "flip"),
    "none": (),
}
GROUPS = {**AUGMENTATIONS, COLOUR: ("brightness", "contrast")}
FLIPS = {"none": (), "h": ("flip",), "v": ("vflip",), "hv": ("flip", "vflip")}
BOTH_FLIPS = FLIPS["hv"]


def parts_of(text: str) -> tuple[str, ...]:
    """The parts that a text names, each once: parts, ``colour`` and presets, with commas between.

    Raises SettingError for anything else.

    >>> from rebalance.training.parts import parts_of
    >>> parts_of("cifar"), parts_of("rotate,colour,flip")
    (('crop', 'flip'), ('flip', 'rotate', 'brightness', 'contrast'))
    """
    found: set[str] = set()
    for name in map(str.strip, text.split(",")):
        if name not in PARTS and name not in GROUPS:
            raise SettingError(
                f"augment is one of {', '.join(AUGMENTATIONS)}, or parts with commas between: "
                f"{', '.join((*PARTS, COLOUR))}; got {shown(name)}{meant(name, (*PARTS, *GROUPS))}"
            )
        found.update(GROUPS.get(name, (name,)))
    return _in_order(found)


def spelled(text: str, flips: str | None = None) -> str:
    """Return a text of the same parts, equal for equal ones: a preset's name, or all of them.

    flips: a key of ``FLIPS``, which flips there are in place of those named; None leaves them.

    >>> from rebalance.training.parts import spelled
    >>> spelled("flip,crop"), spelled("cifar", "none"), spelled("none", "v")
    ('cifar', 'crop', 'vflip')
    """
    parts = parts_of(text)
    if flips is not None:
        parts = _in_order({*parts} - {*BOTH_FLIPS} | {*FLIPS[flips]})
    presets = {own: name for name, own in AUGMENTATIONS.items()}
    return presets.get(parts) or ",".join(parts)


def augmentation_of(text: str) -> Augmentation:
    """The augmentation of the parts that a text names. Raises SettingError as ``parts_of``."""
    parts = parts_of(text)
    across, down = (FLIPPED if flip in parts else 0.0 for flip in BOTH_FLIPS)
    amounts = {amount: 0.0 for part, amount in PARTS.items() if amount and part not in parts}
    moves = {"rotate", "shift", "scale"} & {*parts}
    # An image that stays level is flipped, and cropped, without a pixel being blended.
    if "crop" in parts or (not moves and (across or down)):
        whole = CifarAugmentation(across, 4 if "crop" in parts else 0, down)
        if {*parts} <= {"crop", *BOTH_FLIPS}:
            return whole
        return OneAfterAnother(whole, PaperAugmentation(**{**amounts, "flip_probability": 0.0}))
    return PaperAugmentation(**amounts, vflip_probability=down) if parts else NoAugmentation()


def _in_order(parts: Collection[str]) -> tuple[str, ...]:
    return tuple(part for part in PARTS if part in parts)
