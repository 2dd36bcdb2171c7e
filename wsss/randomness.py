"""Random generators keyed by what they are for.

No draw depends on how many were made before it in the process, so a resumed run, another number
of workers and a sharded extraction see the same numbers.
"""

from __future__ import annotations

import hashlib

import torch


def derive_seed(seed: int, purpose: str, *numbers: int) -> int:
    """A seed in [0, 2**31) from all arguments, e.g. ``(0, "augment", epoch, index)``."""
    text = ":".join([str(seed), purpose, *map(str, numbers)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def keyed_generator(seed: int, purpose: str, *numbers: int) -> torch.Generator:
    """A CPU generator seeded with `derive_seed` of the same arguments."""
    return torch.Generator().manual_seed(derive_seed(seed, purpose, *numbers))
