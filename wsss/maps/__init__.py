"""From a classifier to one map per class."""
