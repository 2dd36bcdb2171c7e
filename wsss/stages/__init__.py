"""The stages of the chain, and the code that only they share."""
