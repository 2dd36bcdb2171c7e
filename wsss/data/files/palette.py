"""Colours for the classes of datasets that define none."""

from __future__ import annotations

import colorsys

Colour = tuple[int, int, int]


def distinct_colours(count: int) -> tuple[Colour, ...]:
    """RGB colours in 0..255 with evenly spaced hues; neighbours differ in brightness."""
    levels = (0.95, 0.6, 0.8)
    colours = []
    for index in range(count):
        rgb = colorsys.hsv_to_rgb(index / count, 0.85, levels[index % len(levels)])
        colours.append((round(rgb[0] * 255), round(rgb[1] * 255), round(rgb[2] * 255)))
    return tuple(colours)


def voc_colours(count: int) -> tuple[Colour, ...]:
    """The colours of Pascal VOC's mask files, RGB in 0..255; class 0 is black.

    Bits 0, 1 and 2 of the index, then bits 3, 4 and 5, and so on, become the bits of red, green
    and blue from the highest downwards.
    """
    colours = []
    for index in range(count):
        channels = [0, 0, 0]
        for bit in range(8):
            channels[bit % 3] |= ((index >> bit) & 1) << (7 - bit // 3)
        colours.append((channels[0], channels[1], channels[2]))
    return tuple(colours)
