"""Checkpoints that other projects release."""
