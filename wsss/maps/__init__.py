"""Class maps from a trained classifier."""
