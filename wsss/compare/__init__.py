"""Comparison of finished runs: means over seeds, paired differences, a plot.

`runs` reads run directories, `comparison` turns them into plain data, `write` and `show` write and
print it. Nothing here imports torch.
"""
