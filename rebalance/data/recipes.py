"""The image of a row of a manifest, whether a file holds it or a recipe makes it.

Whoever shows, writes or trains on a row gets its image here, so that it is the same for all.
Imports Pillow; never torch or click.
"""

from collections.abc import Callable

from PIL import Image

from rebalance.data.blending import blend
from rebalance.data.operations import operate, read_operations
from rebalance.errors import DataError, SettingError
from rebalance.manifest import Row


def sample_image(row: Row, opened: Callable[[str], Image.Image]) -> Image.Image:
    """Return the image of a row in 8-bit RGB, as large as that of its file.

    opened: gives the image of a file of the manifest, by its name there, and raises what it likes
    where it cannot be read. Neither image is modified. A synthetic row is blended as images, which
    nobody is to ask for where the manifest blends feature vectors.
    """
    image = opened(row.file_name)
    partner = None if row.partner is None else opened(row.partner)
    if row.operation is not None:
        return operate(image, partner, row.operation)
    if partner is None or row.weight is None:
        return image
    return blend(image, partner, row.weight)


def check_recipe(row: Row) -> None:
    """Raise DataError, naming the file, for an operation that cannot be followed."""
    if row.operation is not None:
        try:
            read_operations(row.operation, has_partner=row.partner is not None)
        except SettingError as error:
            raise DataError(f"{row.file_name!r} cannot be augmented: {error}") from None
