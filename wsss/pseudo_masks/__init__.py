"""Pseudo-masks: one label per pixel, made from class maps and image labels."""
