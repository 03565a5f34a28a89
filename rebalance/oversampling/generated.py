"""The oversampler that takes images which somebody's generator made.

Imports numpy and nothing heavier; may not import torch or click.
"""

from collections.abc import Sequence

import numpy as np

from rebalance.errors import SettingError
from rebalance.oversampling.samples import Draw, Minority, SamplerOptions, Samples

VOTERS = 10  # nearest training images that say whether a generated image is of its class


def generated(samples: Samples, classes: Sequence[Minority], options: SamplerOptions) -> list[Draw]:
    """Images that a generator made, from a folder (``--from``): of those that neither repeat images
    to train or test on nor look out of class, as many as are wanted, drawn without replacement.

    What is left of them is vetted before, and are the ``candidates``. Where a class has too few, it
    has all of them and a note, and stays smaller than was asked for: what fills it up is somebody's
    choice. So GAMO, BAGAN, CGAN, DeepSMOTE and diffusion models take part, whose networks are
    trained elsewhere.
    """
    if options.candidates is None:
        raise SettingError(
            "generated takes images of a folder that a generator wrote: name it with --from "
            "(generated_from)"
        )
    return [
        _drawn(minority, np.flatnonzero(options.candidates == minority.label))
        for minority in classes
    ]


def _drawn(minority: Minority, own: "np.ndarray[tuple[int], np.dtype[np.intp]]") -> Draw:
    given = np.sort(minority.rng.permutation(own)[: minority.count])
    # They have no base: the first image of the class tells which class they are of.
    draw = Draw.repeating(np.full(len(given), minority.members[0]))._replace(given=given)
    if len(own) >= minority.count:
        return draw
    return draw.noted(
        f"{minority.count} wanted, and {len(own)} generated images are left: the class stays "
        "smaller than asked for"
    )
