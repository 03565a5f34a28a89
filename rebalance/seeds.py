"""Random generators with names: one seed, many independent streams.

Each draw has a generator of its own, named after what it is for, so that adding a class or a
stage changes no other draw. Imports numpy and nothing heavier.
"""

from hashlib import blake2b

import numpy as np


def _sequence(seed: int, names: tuple[str | int, ...]) -> np.random.SeedSequence:
    # Length-prefixed, so that ("ab", "c") and ("a", "bc") name different streams.
    text = b"".join(
        len(part).to_bytes(8, "little") + part
        for part in (str(name).encode("utf-8", "surrogateescape") for name in names)
    )
    words = np.frombuffer(blake2b(text, digest_size=16).digest(), dtype=np.uint32)
    return np.random.SeedSequence([seed, *words.tolist()])


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Make the numpy generator of the stream ``names`` under ``seed`` (a non-negative integer)."""
    return np.random.default_rng(_sequence(seed, names))


def integer(seed: int, *names: str | int) -> int:
    """Draw from the stream ``names`` a seed in [0, 2**31), for a library that takes an integer."""
    return int(_sequence(seed, names).generate_state(1)[0]) & 0x7FFFFFFF
