"""The config group ``self_labelling``."""

from __future__ import annotations

from dataclasses import dataclass

from wsss.checks import check_between, check_positive, check_share


@dataclass(frozen=True)
class SelfLabelling:
    """How patches are labelled and learnt from, see `wsss.training.self_labelling`."""

    rounds: int
    """How often patches are labelled and learnt from, at most; 0 for no self-labelling.

    The round is kept whose labels agree best with the image labels of the validation split.
    """
    epochs: int
    """Passes over the training images in each round, at least 1."""
    lr: float
    """Learning rate of AdamW."""
    least_share: float
    """Least share of an image that each of its labels has, times the number of its labels.

    In [0, 1]; 0 lets a label vanish from an image.
    """

    def __post_init__(self) -> None:
        check_between("self_labelling.rounds", self.rounds, 0, 10_000)
        check_between("self_labelling.epochs", self.epochs, 1, 10_000)
        check_positive("self_labelling.lr", self.lr)
        check_share("self_labelling.least_share", self.least_share)
