"""A picture of what became of one class: a row per cluster, kept images left of dropped ones.

    python docs/contact_sheet.py balanced.csv loops loops.png --columns 24

Nearest to the centre of the cluster first; dropped images are paler. Needs only the manifest and
the images it lists.
"""

import argparse
from pathlib import Path

from PIL import Image, ImageDraw

from rebalance import read_manifest
from rebalance.data.images import open_image

GAP = 3
LABEL = 110


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("manifest", type=Path)
    parser.add_argument("label")
    parser.add_argument("output", type=Path)
    parser.add_argument("--columns", type=int, default=24)
    parser.add_argument("--size", type=int, default=40)
    options = parser.parse_args()

    manifest = read_manifest(options.manifest)
    kept = [row for row in manifest.rows if row.label == options.label]
    dropped = [row for row in manifest.dropped if row.label == options.label]
    clusters = sorted({row.cluster for row in kept + dropped})
    half = options.columns // 2
    cell = options.size + GAP
    width = LABEL + options.columns * cell + 2 * GAP
    sheet = Image.new("RGB", (width, len(clusters) * cell + 22), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((LABEL, 4), f"kept (nearest first) of {options.label!r}", fill="black")
    draw.text((LABEL + half * cell + 2 * GAP, 4), "dropped", fill="black")
    for line, cluster in enumerate(clusters):
        sides = [
            sorted((row for row in rows if row.cluster == cluster), key=lambda row: row.distance)
            for rows in (kept, dropped)
        ]
        top = 22 + line * cell
        text = f"cluster {cluster}\n{len(sides[0])} of {len(sides[0]) + len(sides[1])} kept"
        draw.multiline_text((4, top + options.size // 2 - 12), text, fill="black")
        for side, rows in enumerate(sides):
            left = LABEL + side * (half * cell + 2 * GAP)
            for column, row in enumerate(rows[:: max(1, len(rows) // half)][:half]):
                image = open_image(manifest.root / row.file_name)
                image = image.resize((options.size, options.size), Image.Resampling.LANCZOS)
                if side:
                    image = Image.blend(image, Image.new("RGB", image.size, "white"), 0.45)
                sheet.paste(image, (left + column * cell, top))
    sheet.save(options.output)


if __name__ == "__main__":
    main()
