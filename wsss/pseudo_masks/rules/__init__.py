"""Rules that turn class maps into one label per pixel, one per file."""
