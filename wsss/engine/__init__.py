"""Stages as pure steps from config, data and upstream artifacts to an artifact."""
