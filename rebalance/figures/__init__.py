"""Figures, drawn with matplotlib: a function for each, from plain data to a ``Figure``.

All use one palette, which can be read without colour vision and in greyscale. May not import torch
or click; matplotlib is imported when a figure is drawn.
"""

from rebalance.figures.canvas import MARKERS, PALETTE, as_png, as_svg, axes

__all__ = ["MARKERS", "PALETTE", "as_png", "as_svg", "axes"]
