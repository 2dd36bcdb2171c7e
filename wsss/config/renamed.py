"""Options of config groups that have been renamed."""

from __future__ import annotations

from collections.abc import Mapping

RENAMED: Mapping[tuple[str, str], str] = {("pruning", "hard_concrete"): "after"}
"""New name by group and former name."""


def renamed_hint(group: str, option: str) -> str | None:
    """A line that names the new option; ``None`` for an option that was not renamed."""
    now = RENAMED.get((group, option))
    return None if now is None else f"{group}={option} is now called {group}={now}"
