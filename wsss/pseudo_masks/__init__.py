"""From class maps to one label per pixel."""
