"""A picture of the subclasses that are short, for whoever goes out to collect more of them.

Imports Pillow; may not import torch or click.
"""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw

from rebalance.data.thumbnails import PAPER, read_tiles, sheet
from rebalance.records import ClassNeed

INK = (0, 0, 0)
LINE = 18  # pixels of a line of text
MARGIN = 4


def contact_sheet(
    need: ClassNeed,
    root: Path,
    files: Sequence[str],
    *,
    side: int = 72,
    columns: int = 12,
    workers: int = 0,
) -> Image.Image | None:
    """Draw the short subclasses of a class, a band each: what is wrong, and images of it.

    The images recognised worst come first, at most ``columns`` of them. root, files: the folder,
    and the file of each image of the table that the curves were measured on. workers: threads that
    read. None where no subclass is short.
    """
    bands = []
    for each in need["subclasses"]:
        if each["short"]:
            names = [files[place] for place in each["members"][:columns]]
            tiles = sheet(read_tiles(root, names, side, workers), columns)
            bands.append((f"{need['label']}, subclass {each['name']}: {each['reason']}", tiles))
    if not bands:
        return None
    height = sum(LINE + tiles.height + MARGIN for _, tiles in bands)
    paper = Image.new("RGB", (max(tiles.width for _, tiles in bands), height), PAPER)
    draw, top = ImageDraw.Draw(paper), 0
    for text, tiles in bands:
        # Pillow's own font has no letters but Latin ones.
        plain = text.encode("ascii", "backslashreplace").decode()
        draw.text((MARGIN, top + MARGIN // 2), plain, fill=INK)
        paper.paste(tiles, (0, top + LINE))
        top += LINE + tiles.height + MARGIN
    return paper
