"""Held-out splits for datasets that ship none."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from wsss.errors import UserError


def hold_out(ids: Sequence[str], count: int, key: str) -> tuple[list[str], list[str]]:
    """Split ids in two; both parts keep the order of `ids`.

    The choice depends on the ids only: not on a seed, so that runs with different seeds are scored
    on the same images, and not on the order of ids.

    Args:
        ids: at least two.
        count: number of ids to hold out.
        key: config key of `count`, for messages.

    Returns:
        The remaining ids, and the `count` ids held out.

    Raises:
        UserError: if `count` leaves one part empty.
    """
    if not 1 <= count < len(ids):
        raise UserError(
            f"{key} is {count}, it must lie in 1..{len(ids) - 1}: {len(ids)} images to split"
        )
    chosen = set(sorted(ids, key=lambda image_id: sha256(image_id.encode()).digest())[:count])
    return [i for i in ids if i not in chosen], [i for i in ids if i in chosen]
