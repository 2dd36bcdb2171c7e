"""Inspection of a dataset before a long run: ``python -m wsss.check dataset=...``."""
