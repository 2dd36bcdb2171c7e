"""Datasets: images with image-level labels, and pixel masks for evaluation only."""
