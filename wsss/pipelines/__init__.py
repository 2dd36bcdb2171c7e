"""Stages, their artifacts and the command line."""
