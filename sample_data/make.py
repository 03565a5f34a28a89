"""Makes the sample data from scikit-learn's handwritten digits: ``python make.py [FOLDER]``.

Needs scikit-learn and Pillow, downloads nothing and draws nothing at random: every run writes the
same bytes. FOLDER is where ``train/``, ``test/`` and ``subclasses.csv`` go; unless given, it is the
folder of this script.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

# How many images of each digit (its subclasses) a class is made of. The classes to train on stand
# 1 : 3 : 6, and in each one digit is rare, so that a random choice thins it out further.
COUNTS = {
    "train": {
        "curves": {2: 20, 3: 26, 5: 14},
        "lines": {1: 90, 4: 30, 7: 60},
        "loops": {0: 30, 6: 150, 8: 80, 9: 100},
    },
    "test": {
        "curves": {2: 20, 3: 20, 5: 20},
        "lines": {1: 20, 4: 20, 7: 20},
        "loops": {0: 15, 6: 15, 8: 15, 9: 15},
    },
}
# Scans of one writer follow one another, and here a new writer begins (the scikit-learn course's
# chapter on sample grouping lists where): what is tested on comes from other hands.
FIRST_TEST_SCAN = 1545
SIDE = 32  # the scans are 8 x 8 pixels; a person sees more when they are enlarged smoothly
WHITE = 16  # the scans' brightest level


class Sample(NamedTuple):
    """One image of the sample: the scan it shows, and where it goes."""

    scan: int  # its position in load_digits()
    split: str
    label: str
    subclass: int

    @property
    def file_name(self) -> str:
        return f"{self.split}/{self.label}/{self.scan:04d}.png"


def main(root: Path) -> None:
    """Write the sample under ``root``."""
    digits = load_digits()
    samples = list(choose(digits.target))
    for sample in samples:
        path = root / sample.file_name
        path.parent.mkdir(parents=True, exist_ok=True)
        # Uncompressed: compressors differ between versions of zlib, stored bytes do not.
        picture(digits.images[sample.scan]).save(path, compress_level=0)
    write_subclasses(root / "subclasses.csv", samples)


def choose(target: np.ndarray) -> Iterator[Sample]:
    """The samples, split by split, class by class, digit by digit, in the order of their scans."""
    tested = np.arange(len(target)) >= FIRST_TEST_SCAN
    for split, classes in COUNTS.items():
        for label, counts in classes.items():
            for digit, count in counts.items():
                scans = np.flatnonzero((target == digit) & (tested == (split == "test")))
                yield from (Sample(scan, split, label, digit) for scan in spread(scans, count))


def spread(scans: np.ndarray, count: int) -> list[int]:
    """``count`` of ``scans``, evenly spaced, so that even a rare digit comes from many hands."""
    if count > len(scans):
        raise ValueError(f"{count} scans were asked for and there are {len(scans)}")
    return scans[np.arange(count) * len(scans) // count].tolist()


def picture(scan: np.ndarray) -> Image.Image:
    """A scan, [8, 8] in 0..16, as a grey image: light ink on black."""
    levels = np.rint(scan * (255 / WHITE)).astype(np.uint8)
    return Image.fromarray(levels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)


def write_subclasses(path: Path, samples: list[Sample]) -> None:
    """The true digit of each image, which the class folders do not tell."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file_name", "label", "subclass"))
        writer.writerows((each.file_name, each.label, each.subclass) for each in samples)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent)
