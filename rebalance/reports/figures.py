"""The figures of a page, as pictures in it and as files beside it.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from rebalance.figures.canvas import as_png, as_svg, few_colours
from rebalance.reports.page import Picture, data_address, svg_address

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class DrawnFiles(Mapping[str, bytes]):
    """Files by their name; one that is drawn is drawn when it is first asked for."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self._files: dict[str, bytes | Callable[[], bytes]] = dict(files or {})

    def add(self, name: str, draw: Callable[[], bytes]) -> None:
        """Have a file that ``draw`` makes."""
        self._files[name] = draw

    def __getitem__(self, name: str) -> bytes:
        """Return what the file holds."""
        found = self._files[name]
        if callable(found):
            self._files[name] = found = found()
        return found

    def __iter__(self) -> Iterator[str]:
        """The names of the files."""
        return iter(self._files)

    def __len__(self) -> int:
        """The number of files."""
        return len(self._files)


@dataclass
class FigureFiles:
    """The figures of a page as they are drawn: their files, and the pictures that show them.

    address: turns an SVG file into the address that the page shows it by.
    """

    files: DrawnFiles = field(default_factory=DrawnFiles)
    address: Callable[[bytes], str] = svg_address

    def add(self, name: str, figure: "Figure", alt: str, caption: str = "") -> Picture:
        """Keep the figure as SVG and PNG under ``name``; return the picture of it for the page."""
        self._save(name, figure)
        source = self.address(self.files[f"{name}.svg"])
        return Picture(source, alt, *_size(figure), caption)

    def add_points(self, name: str, figure: "Figure", alt: str, caption: str = "") -> Picture:
        """Keep a figure of many points; the picture is a PNG, as an SVG would be too large."""
        self._save(name, figure)
        source = data_address(few_colours(self.files[f"{name}.png"]), "image/png")
        return Picture(source, alt, *_size(figure), caption)

    def _save(self, name: str, figure: "Figure") -> None:
        self.files.add(f"{name}.svg", partial(as_svg, figure))
        self.files.add(f"{name}.png", partial(as_png, figure))


def _size(figure: "Figure") -> tuple[int, int]:
    width, height = (round(float(inches) * figure.dpi) for inches in figure.get_size_inches())
    return width, height
