"""Checks of config values, with uniform messages."""

from __future__ import annotations

from collections.abc import Sequence


def check_choice(key: str, value: str, valid: Sequence[str]) -> None:
    """ValueError unless the value is one of the valid words."""
    if value not in valid:
        raise ValueError(f"{key} is '{value}'; valid: {', '.join(valid)}")


def check_least(key: str, value: float | None, least: float) -> None:
    """ValueError for a number below ``least``; ``None`` passes."""
    if value is not None and not value >= least:
        raise ValueError(f"{key} is {value}, it must be at least {least}")


def check_share(key: str, value: float, *, below_one: bool = False) -> None:
    """ValueError for a number outside [0, 1], or outside [0, 1) if ``below_one``."""
    if not 0 <= value <= 1 or (below_one and value == 1):
        raise ValueError(f"{key} is {value}, it must lie in [0, 1{')' if below_one else ']'}")


def check_positive(key: str, value: float | None) -> None:
    """ValueError for a number that is not above 0; ``None`` passes."""
    if value is not None and not value > 0:
        raise ValueError(f"{key} is {value}, it must be above 0")
