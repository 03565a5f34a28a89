"""The photographs of a page as files that are small enough together.

Imports Pillow and nothing heavier.
"""

from collections.abc import Mapping

from PIL import Image

from rebalance.data.thumbnails import as_jpeg

BYTES = 3_800_000  # of all photographs; as text they take a third more
QUALITIES = (75, 65, 55, 45, 35, 25, 15)


def encoded(pictures: Mapping[str, Image.Image], limit: int = BYTES) -> dict[str, bytes]:
    """JPEG files under the same names, of the best quality with which all fit into ``limit`` bytes.

    Of the lowest quality, where not even that fits.
    """
    files: dict[str, bytes] = {}
    for quality in QUALITIES:
        files = {key: as_jpeg(picture, quality) for key, picture in pictures.items()}
        if sum(map(len, files.values())) <= limit:
            break
    return files
