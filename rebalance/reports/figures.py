"""The figures of a page, as pictures in it and as files beside it.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rebalance.figures.canvas import as_png, as_svg, few_colours
from rebalance.reports.page import Picture, data_address, svg_address

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass
class FigureFiles:
    """The figures of a page as they are drawn: their files, and the pictures that show them.

    address: turns an SVG file into the address that the page shows it by.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    address: Callable[[bytes], str] = svg_address

    def add(self, name: str, figure: "Figure", alt: str, caption: str = "") -> Picture:
        """Keep the figure as SVG and PNG under ``name``; return the picture of it for the page."""
        self._save(name, figure)
        source = self.address(self.files[f"{name}.svg"])
        return Picture(source, alt, *_size(figure), caption)

    def add_points(self, name: str, figure: "Figure", alt: str) -> Picture:
        """Keep a figure of many points; the picture is a PNG, as an SVG would be too large."""
        self._save(name, figure)
        source = data_address(few_colours(self.files[f"{name}.png"]), "image/png")
        return Picture(source, alt, *_size(figure))

    def _save(self, name: str, figure: "Figure") -> None:
        self.files[f"{name}.svg"] = as_svg(figure)
        self.files[f"{name}.png"] = as_png(figure)


def _size(figure: "Figure") -> tuple[int, int]:
    width, height = (round(float(inches) * figure.dpi) for inches in figure.get_size_inches())
    return width, height
