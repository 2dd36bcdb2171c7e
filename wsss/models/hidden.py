"""Where class tokens can be hidden."""

from __future__ import annotations

PLACES = ("output", "input", "attention")
