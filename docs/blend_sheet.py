"""A picture of what is made in a manifest: base, partner, if any, and what train makes of them.

    python docs/blend_sheet.py smote.csv eos.csv blends.png --each 12

A row for each manifest, its blends and augmented images spread evenly over the file, above how
much there is of the partner or what was done.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from rebalance import Manifest, Row, read_manifest
from rebalance.data.images import open_image
from rebalance.data.recipes import sample_image

GAP, WIDE, LABEL, TEXT = 2, 12, 110, 14


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifests", type=Path, nargs="+")
    parser.add_argument("output", type=Path)
    parser.add_argument("--each", type=int, default=12)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--columns", type=int, default=6)
    options = parser.parse_args()

    lines = -(-options.each // options.columns)
    across, down = 3 * (options.size + GAP) + WIDE, options.size + TEXT + GAP
    height = len(options.manifests) * (lines * down + WIDE)
    sheet = Image.new("RGB", (LABEL + options.columns * across, height), "white")
    draw = ImageDraw.Draw(sheet)
    for number, path in enumerate(options.manifests):
        top = number * (lines * down + WIDE)
        draw.text((4, top + options.size // 2), path.stem, fill="black")
        for place, images in enumerate(made_in(read_manifest(path), options.each)):
            line, column = divmod(place, options.columns)
            left, upper = LABEL + column * across, top + line * down
            *shown, told = images
            for step, image in enumerate(shown):
                small = image.resize((options.size, options.size))
                sheet.paste(small, (left + step * (options.size + GAP), upper))
            draw.text((left, upper + options.size), told, fill="black")
    sheet.save(options.output, optimize=True)


def made_in(manifest: Manifest, count: int) -> list[tuple[Image.Image | str, ...]]:
    """Base, partner if there is one, what is made of them, and a word on it, of some samples."""
    rows = [row for row in manifest.rows if row.is_made]
    found = []
    for place in np.linspace(0, len(rows) - 1, count).astype(int).tolist():
        row = rows[place]
        files = filter(None, (row.file_name, row.partner))
        images = {name: open_image(manifest.root / name) for name in files}
        found.append((*images.values(), sample_image(row, images.__getitem__), word_on(row)))
    return found


def word_on(row: Row) -> str:
    """Say how much of a blend is its partner, or what was done to the image."""
    if row.operation is None:
        return f"weight {row.weight:.2f}"
    return " ".join(each.partition("=")[0] for each in row.operation.split(","))


if __name__ == "__main__":
    main()
