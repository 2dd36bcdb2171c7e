"""Scores of pixel masks and of image-level classification."""
