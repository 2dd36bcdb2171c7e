"""A validation split for datasets that ship none."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from wsss.errors import UserError


def hold_out(ids: Sequence[str], count: int, key: str) -> tuple[list[str], list[str]]:
    """Split ids in two, both in the order they came in.

    Which ids are held out hangs on the ids alone: not on a seed, so that runs with other seeds are
    judged alike, and not on their order in a file.

    Args:
        ids: at least two.
        count: how many to hold out.
        key: the config key that `count` comes from, for messages.

    Returns:
        What stays, and the `count` ids held out.

    Raises:
        UserError: where `count` leaves one of the two empty.
    """
    if not 1 <= count < len(ids):
        raise UserError(
            f"{key} is {count}, it must lie in 1..{len(ids) - 1}: {len(ids)} images to share out"
        )
    chosen = set(sorted(ids, key=lambda image_id: sha256(image_id.encode()).digest())[:count])
    return [i for i in ids if i not in chosen], [i for i in ids if i in chosen]
