"""Images whose bytes were mutated are decoded, or refused for a reason: never anything else.

A fixed seed and about a second; longer by REBALANCE_FUZZ_SECONDS.
"""

import io
import os
import random
import time
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from rebalance.data.images import decode
from rebalance.errors import UnreadableImage

KINDS = {
    "JPEG": [("RGB", {}), ("L", {}), ("CMYK", {}), ("RGB", {"progressive": True})],
    "PNG": [("RGBA", {}), ("P", {}), ("1", {}), ("I;16", {}), ("LA", {})],
    "WEBP": [("RGB", {}), ("RGBA", {"lossless": True})],
    "TIFF": [("RGB", {"compression": "tiff_lzw"}), ("L", {"compression": "jpeg"}), ("F", {})],
    "BMP": [("RGB", {}), ("P", {})],
    "GIF": [("P", {})],
    "PPM": [("RGB", {}), ("L", {})],
}
SECONDS = float(os.environ.get("REBALANCE_FUZZ_SECONDS", "1")) / len(KINDS)
FEWEST, MOST = 20, 5_000  # decoded ones; what is tried to have more
HEADER = 64  # bytes at the beginning, where a change does most
LARGE = 2_000_000  # pixels; a header that says more is another test's


def image_file(format, mode, options):
    rng = np.random.default_rng(0)
    if mode in ("I;16", "F"):
        pixels = rng.integers(0, 4096, (24, 20))
        image = Image.fromarray(pixels.astype(np.uint16 if mode == "I;16" else np.float32))
    else:
        image = Image.fromarray(rng.integers(0, 256, (24, 20, 3), np.uint8)).convert(mode)
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def mutated(content, rng):
    found = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        reach = HEADER if rng.random() < 0.5 else len(found)
        place = rng.randrange(max(1, min(reach, len(found))))
        change = rng.randrange(5)
        if change == 0:
            found[place : place + 1] = bytes([rng.choice((0, 1, 127, 128, 255))])
        elif change == 1:
            found[place : place + 4] = rng.randbytes(4)
        elif change == 2:
            del found[place : place + rng.choice((1, 4, 40))]
        elif change == 3:
            found[place:place] = found[place : place + 40]
        else:
            del found[max(place, 8) :]
    return bytes(found)


def is_large(content):
    try:
        with Image.open(io.BytesIO(content)) as image:
            return image.width * image.height > LARGE
    except Exception:
        return False


@pytest.mark.parametrize("format", KINDS)
def test_mutated_images_are_decoded_or_refused(format, capfd):
    rng = random.Random(format)
    seeds = [image_file(format, mode, options) for mode, options in KINDS[format]]
    outcomes = Counter()
    until = time.monotonic() + SECONDS

    def has_seen_little() -> bool:  # on a machine that is busy with other things
        return outcomes["decoded"] <= FEWEST and outcomes.total() < MOST

    while time.monotonic() < until or has_seen_little():
        content = mutated(rng.choice(seeds), rng)
        if is_large(content):
            continue
        try:
            image = decode(content)
        except UnreadableImage as error:
            outcomes["refused"] += 1
            assert "\n" not in str(error) and len(str(error)) < 300, content
        except Exception as error:
            raise AssertionError(f"{error!r} of {content!r}") from error
        else:
            outcomes["decoded"] += 1
            assert image.mode == "RGB"
            assert np.asarray(image).shape == (image.height, image.width, 3)
    assert outcomes["refused"] > 5
    assert outcomes["decoded"] > FEWEST
    assert capfd.readouterr() == ("", "")  # decoders keep still
