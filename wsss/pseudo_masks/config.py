"""How pseudo-masks are made: the config group ``pseudo_mask``."""

from __future__ import annotations

from dataclasses import dataclass

from wsss.checks import check_choice, check_least, check_share
from wsss.pseudo_masks.rules.registry import RULES
from wsss.pseudo_masks.rules.rule import RuleSettings

REFINEMENTS = ("none", "pamr")


@dataclass(frozen=True)
class PseudoMaskConfig:
    """How maps and image labels become one label per pixel."""

    name: str
    """The rule: a key of `wsss.pseudo_masks.rules.registry.RULES`."""
    image_labels: str
    """Which classes may appear in an image.

    ``given``: those that it is labelled with. ``predicted``: those whose probability reaches
    ``presence_threshold``; if none does, the most probable class or, on a multi-label dataset
    with a background, the background alone.
    """
    presence_threshold: float
    """Lowest probability, in [0, 1], at which a class counts as present."""
    background_threshold: float
    """Pixels where all stretched maps are below this value, in [0, 1], are background.

    For rules with ``uses_thresholds``, on a dataset with a background; other rules find thresholds
    in the maps.
    """
    foreground_threshold: float | None
    """Pixels that are not background but below this value, in [0, 1], are left unlabelled.

    At least ``background_threshold``; ``None`` leaves no pixel out.
    """
    margin: float
    """Painted pixels whose two highest stretched maps differ by less than this are left unlabelled.

    In [0, 1]; 0 leaves no pixel out. For ``softmax`` the two highest probabilities, of which one
    may be the background's.
    """
    refine: str
    """Refinement of maps before the rule: ``none`` or ``pamr`` (`wsss.pseudo_masks.refinement`)."""
    pamr_iterations: int
    """Iterations of PAMR, at least 1."""
    pamr_dilations: list[int]
    """Distances of PAMR's neighbours in pixels, each at least 1."""
    export: bool
    """Also write all training images and masks as arrays; they must have one size."""

    def __post_init__(self) -> None:
        check_choice("pseudo_mask.name", self.name, tuple(RULES))
        check_choice("pseudo_mask.image_labels", self.image_labels, ("given", "predicted"))
        check_share("pseudo_mask.presence_threshold", self.presence_threshold)
        check_share("pseudo_mask.background_threshold", self.background_threshold)
        if self.foreground_threshold is not None:
            self._check_foreground(self.foreground_threshold)
        check_share("pseudo_mask.margin", self.margin)
        check_choice("pseudo_mask.refine", self.refine, REFINEMENTS)
        check_least("pseudo_mask.pamr_iterations", self.pamr_iterations, 1)
        if not self.pamr_dilations:
            raise ValueError("pseudo_mask.pamr_dilations is empty, it must hold one or more")
        check_least("pseudo_mask.pamr_dilations", min(self.pamr_dilations), 1)

    def rule_settings(self, *, has_background: bool) -> RuleSettings:
        """The settings that the rule reads."""
        return RuleSettings(has_background, self.background_threshold, self.foreground_threshold)

    def has_threshold(self, background: int | None) -> bool:
        """Whether ``background_threshold`` applies on a dataset with this background class."""
        return background is not None and RULES[self.name].uses_thresholds

    def _check_foreground(self, threshold: float) -> None:
        key = "pseudo_mask.foreground_threshold"
        check_share(key, threshold)
        if not RULES[self.name].uses_thresholds:
            users = " or ".join(name for name, rule in RULES.items() if rule.uses_thresholds)
            raise ValueError(f"{key} needs pseudo_mask.name={users}, not '{self.name}'")
        if threshold < self.background_threshold:
            raise ValueError(
                f"{key} is {threshold}, it must be at least background_threshold, "
                f"{self.background_threshold}"
            )
