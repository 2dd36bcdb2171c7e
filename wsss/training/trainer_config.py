"""The config group ``trainer``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from wsss.checks import check_choice, check_least, check_positive
from wsss.models.block_runner import BlockRunner, block_runner

PRECISIONS = ("32", "bf16", "16")
SELECTIONS = ("last", "best")


@dataclass(frozen=True)
class TrainerConfig:
    """Length and manner of training.

    ``select`` keeps the ``last`` weights, or the ``best`` by the loss on the validation split;
    ``early_stopping`` is the number of epochs without a better one after which training ends.
    That loss is measured against the labels in training: image labels, or pseudo-masks.
    ``compile`` and ``gradient_checkpointing`` are of the classifier's blocks, see
    `wsss.models.block_runner`: the one takes time off, the other memory.
    ``num_workers`` and ``progress_bar`` do not change the result; ``accelerator``, ``devices`` of
    a node and ``num_nodes`` change it within float tolerance, since ``batch_size`` is that of all
    of them together.
    """

    max_epochs: int
    batch_size: int
    accumulate_grad_batches: int
    gradient_clip: float | None
    precision: str
    compile: bool
    gradient_checkpointing: bool
    early_stopping: int | None
    select: str
    accelerator: str
    devices: int
    num_nodes: int
    num_workers: int
    progress_bar: bool

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
        check_least("trainer.num_workers", self.num_workers, 0)

    def result_settings(self) -> dict[str, Any]:
        """The settings that change what is learnt, whatever the length of the run."""
        names = ("accumulate_grad_batches", "gradient_clip", "precision", "early_stopping")
        return {name: getattr(self, name) for name in (*names, "select")}

    def classifier_settings(self) -> dict[str, Any]:
        """The same for a classifier."""
        own = {"batch_size": self.batch_size, "compile": self.compile}
        return self.result_settings() | own

    def block_runner(self) -> BlockRunner:
        """How the classifier's blocks run in training."""
        return block_runner(compiled=self.compile, recompute=self.gradient_checkpointing)

    def to_the_end(self) -> TrainerConfig:
        """For training with gates: the loss alone would choose epochs at which heads are open."""
        return replace(self, select="last", early_stopping=None)
