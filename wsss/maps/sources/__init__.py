"""Sources of class maps, one per file."""
