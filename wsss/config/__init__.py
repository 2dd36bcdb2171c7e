"""The typed schema of the config groups, composed and checked."""
