"""Random generators keyed by their purpose.

No draw depends on earlier draws in the process, so a resumed run, another number of workers and a
sharded extraction get the same numbers.
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
