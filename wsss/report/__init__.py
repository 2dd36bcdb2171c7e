"""Reports of a run: figures as files, a summary table on the terminal."""
