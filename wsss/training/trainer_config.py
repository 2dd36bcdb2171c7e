"""The config group ``trainer``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from wsss.checks import check_between, check_choice, check_least, check_positive

if TYPE_CHECKING:  # settings are read where PyTorch is not needed
    from wsss.models.block_runner import BlockRunner

PRECISIONS = ("32", "bf16", "16")
SELECTIONS = ("last", "best")
ACCELERATORS = ("auto", "gpu", "mps", "cpu")


@dataclass(frozen=True)
class TrainerConfig:
    """Settings of the training loop, of the classifier and partly of the segmenter.

    The validation loss is measured against the kind of labels that are trained on: image labels,
    or pseudo-masks.
    """

    max_epochs: int
    """Number of epochs of the classifier; 0 for no training."""
    batch_size: int
    """Number of images in a batch of the classifier, over all devices."""
    accumulate_grad_batches: int
    """Number of batches whose gradients are summed for one optimizer step."""
    gradient_clip: float | None
    """Maximum norm of gradients; ``None`` for no clipping."""
    precision: str
    """``32``, ``bf16`` or ``16`` bits; the last two are mixed precision."""
    compile: bool
    """Compile the blocks of the classifier: faster, see `wsss.models.block_runner`."""
    gradient_checkpointing: bool
    """Recompute the blocks of the classifier in the backward pass: slower, less memory."""
    early_stopping: int | None
    """Stop after this number of epochs without a lower validation loss; ``None``: never."""
    select: str
    """Keep the weights of the ``last`` epoch or of the ``best`` by validation loss."""
    accelerator: str
    """``auto``, ``gpu``, ``mps`` or ``cpu``; changes the result within float tolerance."""
    devices: int
    """Number of processes on a node; changes the result within float tolerance."""
    num_nodes: int
    """Number of nodes; changes the result within float tolerance."""
    num_workers: int
    """Number of processes that load images for each device; does not change the result."""
    progress_bar: bool
    """Show a progress bar."""

    def __post_init__(self) -> None:
        check_choice("trainer.precision", self.precision, PRECISIONS)
        check_choice("trainer.select", self.select, SELECTIONS)
        check_least("trainer.max_epochs", self.max_epochs, 0)
        check_least("trainer.batch_size", self.batch_size, 1)
        check_least("trainer.accumulate_grad_batches", self.accumulate_grad_batches, 1)
        check_positive("trainer.gradient_clip", self.gradient_clip)
        check_least("trainer.early_stopping", self.early_stopping, 1)
        check_least("trainer.devices", self.devices, 1)
        check_least("trainer.num_nodes", self.num_nodes, 1)
        check_between("trainer.num_workers", self.num_workers, 0, 1024)
        check_choice("trainer.accelerator", self.accelerator, ACCELERATORS)

    def result_settings(self) -> dict[str, Any]:
        """The settings that change the result of any training, other than its length."""
        names = ("accumulate_grad_batches", "gradient_clip", "precision", "early_stopping")
        return {name: getattr(self, name) for name in (*names, "select")}

    def classifier_settings(self) -> dict[str, Any]:
        """The settings that change the result of training a classifier, other than its length."""
        own = {"batch_size": self.batch_size, "compile": self.compile}
        return self.result_settings() | own

    def block_runner(self) -> BlockRunner:
        """Runs the blocks of the classifier in training."""
        from wsss.models.block_runner import block_runner

        return block_runner(compiled=self.compile, recompute=self.gradient_checkpointing)

    def to_the_end(self) -> TrainerConfig:
        """These settings without early stopping and selection, for training with gates.

        The validation loss would favour early epochs, in which most heads are still open.
        """
        return replace(self, select="last", early_stopping=None)
