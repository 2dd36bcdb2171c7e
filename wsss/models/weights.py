"""Files of weights, found and hashed without PyTorch."""

from __future__ import annotations

from pathlib import Path

from wsss.digests import file_digest
from wsss.errors import UserError

WEIGHTS = "classifier.safetensors"


def digest(path: Path) -> str:
    """SHA-256 of a weights file, so that a fingerprint depends on content and not on location."""
    path = path / WEIGHTS if path.is_dir() else path
    if not path.is_file():
        raise UserError(f"checkpoint {path} does not exist")
    return file_digest(path)


def pretrained_file(path: Path) -> Path:
    """The file, or the weights file of a directory; `UserError` if there is none."""
    if path.is_dir():
        for name in ("model.safetensors", "pytorch_model.bin"):
            if (path / name).is_file():
                return path / name
        raise UserError(f"{path}: a directory without model.safetensors or pytorch_model.bin")
    return path
