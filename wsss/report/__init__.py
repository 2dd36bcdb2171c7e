"""What a run shows of itself: figures as files, a table on the terminal."""
