"""Finished runs side by side: means over seeds, paired differences, a plot.

`find_runs` and `read_run` read run directories, `compare_runs` turns runs into plain data, and
`write_comparison` writes that as files. Importing this package imports neither torch nor mlflow.
"""

from __future__ import annotations

from wsss.compare.comparison import Comparison, compare_runs
from wsss.compare.runs import Run, find_runs, read_run
from wsss.compare.write import write_comparison

__all__ = ["Comparison", "Run", "compare_runs", "find_runs", "read_run", "write_comparison"]
