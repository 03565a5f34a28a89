"""The canvas that all figures share: colours, marks, and how they become files.

May not import torch or click; matplotlib is imported when a figure is drawn.
"""

import io
import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito (2008), in an order whose lightness alternates, so that neighbours differ in grey too.
PALETTE = (
    "#0072B2",  # blue
    "#E69F00",  # orange
    "#009E73",  # bluish green
    "#CC79A7",  # reddish purple
    "#000000",  # black
    "#56B4E9",  # sky blue
    "#D55E00",  # vermillion
    "#F0E442",  # yellow
    "#7F7F7F",  # grey
)
STRONG = tuple(colour for colour in PALETTE if colour != "#F0E442")  # seen as thin lines too
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*", "p")
DPI = 100  # a figure's inches times this are its CSS pixels
STYLE: Any = {  # matplotlib types its keys, in some versions
    "font.size": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 12,
    "figure.dpi": DPI,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "rebalance",  # equal figures are equal files
}


def axes(width: int, height: int) -> "tuple[Figure, Axes]":
    """Make a figure of ``width`` by ``height`` CSS pixels with one plot in it."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(width / DPI, height / DPI), layout="constrained")
        return figure, figure.add_subplot()


def frame(width: int, height: int) -> "tuple[Figure, Axes]":
    """Make a figure of ``width`` by ``height`` CSS pixels that is one plot from edge to edge."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=(width / DPI, height / DPI))
        return figure, figure.add_axes((0, 0, 1, 1))


def as_svg(figure: "Figure") -> bytes:
    """Write the figure as an SVG file; equal figures give equal bytes.

    What was told to be rasterised in it has two pixels to each CSS pixel.
    """
    return _saved(figure, "svg", dpi=2 * DPI, metadata={"Date": None, "Creator": None})


def as_png(figure: "Figure", scale: float = 2) -> bytes:
    """Write the figure as a PNG file, ``scale`` pixels to each CSS pixel."""
    return _saved(figure, "png", dpi=DPI * scale, metadata={"Software": None})


def few_colours(png: bytes, colours: int = 128) -> bytes:
    """Redraw the picture on white, in at most so many colours: a PNG several times smaller."""
    from PIL import Image

    with Image.open(io.BytesIO(png)) as image:
        layer = image.convert("RGBA")
    paper = Image.new("RGBA", layer.size, "white")
    picture = Image.alpha_composite(paper, layer).convert("RGB")
    file = io.BytesIO()
    # By coverage, not by frequency: the colour of a small cluster is no less telling.
    method, dither = Image.Quantize.MAXCOVERAGE, Image.Dither.NONE
    picture.quantize(colours, method=method, dither=dither).save(file, "PNG", optimize=True)
    return file.getvalue()


def _saved(figure: "Figure", kind: str, **options: Any) -> bytes:
    from matplotlib import rc_context

    file = io.BytesIO()
    with rc_context(STYLE), warnings.catch_warnings():
        # Names may be written in letters that the font lacks; in SVG they stay text all the same.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        _lay_out(figure)
        figure.savefig(file, format=kind, **options)
    return file.getvalue()


def _lay_out(figure: "Figure") -> None:
    """Give the parts of the figure their places for good.

    matplotlib would do so again for each file, and draw all of the figure once more before it.
    """
    if engine := figure.get_layout_engine():
        engine.execute(figure)
        figure.set_layout_engine(None)
