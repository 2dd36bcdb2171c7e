"""How much memory attention may take while maps are made."""

from __future__ import annotations

MAX_ATTENTION_WEIGHTS = 1 << 22
"""Attention weights that exist at once, over batch and heads: 16 MiB in float32."""
