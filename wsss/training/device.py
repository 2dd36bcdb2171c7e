"""The device of a network outside of Lightning's loops."""

from __future__ import annotations

import torch

from wsss.errors import UserError


def pick_device(accelerator: str) -> torch.device:
    """The device named by ``trainer.accelerator``.

    Raises:
        UserError: an unknown accelerator, or one that this machine does not have.
    """
    found = {
        "gpu": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if accelerator == "auto":
        accelerator = next(name for name, there in found.items() if there)
    if accelerator not in found:
        raise UserError(f"trainer.accelerator is '{accelerator}'; valid: auto, gpu, mps, cpu")
    if not found[accelerator]:
        raise UserError(f"trainer.accelerator is '{accelerator}', but none is visible; try auto")
    return torch.device("cuda" if accelerator == "gpu" else accelerator)
