"""Files on disk: rasters, labels, lists, codes, colours."""
