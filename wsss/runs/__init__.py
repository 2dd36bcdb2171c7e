"""The layout of the outputs folder: names, identity, finding runs."""
