"""Weakly supervised semantic segmentation: image-level labels in, pixel-level maps out."""

__version__ = "0.1.0"
