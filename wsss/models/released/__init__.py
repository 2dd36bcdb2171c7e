"""Checkpoints released by other projects."""
