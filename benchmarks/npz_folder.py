"""An image folder made of an .npz of arrays, such as CIFAR is often kept in.

    python -m benchmarks.npz_folder cifar10_lt100_train.npz cifar10_lt100/train

The .npz holds ``x`` (uint8 [N, H, W, 3] or [N, H, W]), ``y`` (int [N]) and ``classes`` (names [K]).
Writes OUT/CLASS/NUMBER.png, numbers being places in ``x``.
"""

from pathlib import Path

import click
import numpy as np
from PIL import Image


@click.command()
@click.argument("npz", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def main(npz: Path, out: Path) -> None:
    """Write the images of NPZ to the new folder OUT."""
    if out.exists():
        raise click.ClickException(f"{str(out)!r} exists: choose another name")
    with np.load(npz) as arrays:
        if missing := {"x", "y", "classes"} - set(arrays.files):
            raise click.ClickException(f"{str(npz)!r} has no array {min(missing)!r}: x, y, classes")
        images, labels = arrays["x"], arrays["y"]
        classes = [str(name) for name in arrays["classes"]]
    if len(images) != len(labels) or images.dtype != np.uint8:
        raise click.ClickException(
            f"x is to be uint8 with an image for each of y; got {images.dtype} {images.shape} and "
            f"{labels.shape}"
        )
    for name in classes:
        (out / name).mkdir(parents=True)
    for place, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        Image.fromarray(image).save(out / classes[label] / f"{place:06d}.png")
    click.echo(f"wrote {len(images)} images of {len(classes)} classes to {out}")


if __name__ == "__main__":
    main()
