"""Scores: pixel masks by one evaluator, image labels by average precision."""
