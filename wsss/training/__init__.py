"""Training loops on Lightning."""
