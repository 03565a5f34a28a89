"""A picture of the blends in a manifest: base, partner and what train makes of them, in threes.

    python docs/blend_sheet.py smote.csv eos.csv blends.png --each 12

A row of threes for each manifest, its blends spread evenly over the file, under their weights.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from rebalance import Manifest, read_manifest
from rebalance.data.blending import blend
from rebalance.data.images import open_image

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
        for place, images in enumerate(threes(read_manifest(path), options.each)):
            line, column = divmod(place, options.columns)
            left, upper = LABEL + column * across, top + line * down
            *shown, weight = images
            for step, image in enumerate(shown):
                small = image.resize((options.size, options.size))
                sheet.paste(small, (left + step * (options.size + GAP), upper))
            draw.text((left, upper + options.size), f"weight {weight:.2f}", fill="black")
    sheet.save(options.output, optimize=True)


def threes(
    manifest: Manifest, count: int
) -> list[tuple[Image.Image, Image.Image, Image.Image, float]]:
    """Base, partner, blend and weight of some samples."""
    rows = [row for row in manifest.rows if row.partner is not None]
    found = []
    for place in np.linspace(0, len(rows) - 1, count).astype(int).tolist():
        row = rows[place]
        base = open_image(manifest.root / row.file_name)
        partner = open_image(manifest.root / str(row.partner))
        weight = float(row.weight or 0.0)
        found.append((base, partner, blend(base, partner, weight), weight))
    return found


if __name__ == "__main__":
    main()
