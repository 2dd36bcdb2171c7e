"""The pieces in which images are encoded: what a job can do alone, and what is written at once."""

from __future__ import annotations

from collections.abc import Sequence

SHARD = 64
"""Images of a shard."""


def shards_of(ids: Sequence[str]) -> dict[int, Sequence[str]]:
    """Image ids by number of their shard."""
    return dict(enumerate(ids[first : first + SHARD] for first in range(0, len(ids), SHARD)))
