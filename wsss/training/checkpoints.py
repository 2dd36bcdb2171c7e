"""Checkpoint files that survive a kill, a power loss and a move to another folder."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.plugins.io import TorchCheckpointIO

from wsss.atomic import replacing


class AtomicCheckpointIO(TorchCheckpointIO):
    """Writes checkpoints so that a kill while writing leaves the old one intact."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write to a file beside the target, then replace the target."""
        with replacing(Path(path)) as partial:
            torch.save(checkpoint, partial)


class MovableCheckpoint(ModelCheckpoint):
    """A checkpoint callback that remembers the best epoch after its folder was moved.

    Lightning stores absolute paths, and forgets the best score where they differ.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the state of a checkpoint, with paths in the present folder."""
        folder = Path(str(self.dirpath))

        def here(path: str) -> str:
            return str(folder / Path(path).name) if path else path

        state = state_dict | {
            "dirpath": str(folder),
            "best_model_path": here(state_dict["best_model_path"]),
            "last_model_path": here(state_dict["last_model_path"]),
            "kth_best_model_path": here(state_dict["kth_best_model_path"]),
            "best_k_models": {here(p): score for p, score in state_dict["best_k_models"].items()},
        }
        super().load_state_dict(state)


def discard_damaged(resume: Path, *others: Path) -> None:
    """Move checkpoints aside that are not whole; training then starts from the beginning.

    Args:
        resume: the checkpoint that training resumes from.
        others: checkpoints that it refers to.
    """
    damaged = [path for path in (resume, *others) if path.exists() and not _is_whole(path)]
    if damaged and resume.exists():
        resume.replace(resume.with_suffix(".damaged"))
        print(f"{damaged[0]} is damaged; training starts from the beginning", file=sys.stderr)


def _is_whole(path: Path) -> bool:
    """Whether every record of a checkpoint, which is a zip file, has its checksum."""
    try:
        with zipfile.ZipFile(path) as content:
            return content.testzip() is None
    except (zipfile.BadZipFile, EOFError):
        return False
