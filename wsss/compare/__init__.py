"""Finished runs side by side: means over seeds, paired differences, a plot.

`runs` finds and reads run directories, `comparison` turns them into plain data, `write` and `show`
write and print that. Nothing here imports torch.
"""
