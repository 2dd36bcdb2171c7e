"""From the maps of an image to its pseudo-mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsss.data.types import IGNORE_INDEX, DatasetInfo, Mask
from wsss.pseudo_masks.candidates import Candidates
from wsss.pseudo_masks.class_probabilities import with_background
from wsss.pseudo_masks.config import PseudoMaskConfig
from wsss.pseudo_masks.filling import held
from wsss.pseudo_masks.min_max import min_max
from wsss.pseudo_masks.rules.registry import RULES
from wsss.pseudo_masks.rules.rule import UNCERTAIN, UNPAINTED, Maps, Painted


def paint(candidates: Candidates, settings: PseudoMaskConfig, info: DatasetInfo) -> Mask:
    """The pseudo-mask ``[H, W]`` of an image, by the rule of the config."""
    painted = apply_rule(
        candidates.maps,
        candidates.probabilities,
        settings,
        has_background=info.background is not None,
        valid=candidates.valid,
    )
    # Indices count from the end: UNPAINTED (-1) is the last entry, UNCERTAIN (-2) the one before.
    labels = [*candidates.classes, IGNORE_INDEX, info.background or 0]
    return np.array(labels, np.uint8)[painted]


def apply_rule(
    maps: Maps,
    probabilities: NDArray[np.float32],
    settings: PseudoMaskConfig,
    *,
    has_background: bool,
    valid: NDArray[np.bool_] | None = None,
) -> Painted:
    """Paint a mask by the rule of the config, then leave pixels within the margin unlabelled.

    Args:
        maps: ``[P, H, W]``.
        probabilities: ``[P]``, in [0, 1].
        settings: rule, thresholds and margin.
        has_background: if not, every pixel takes a class or is left unlabelled.
        valid: ``[H, W]``, pixels that hold data; ``None`` for all. The others are left unlabelled
            and have no part in minima, means and thresholds.

    Returns:
        indices of ``maps`` ``[H, W]``, `UNPAINTED` for background, `UNCERTAIN` if unlabelled.

    Raises:
        ValueError: no class may appear and there is no background.
    """
    if not len(maps) and not has_background:
        raise ValueError("no class is present")
    if valid is None:
        valid = np.ones(maps.shape[1:], np.bool_)
    rule = RULES[settings.name]
    painted = np.full(maps.shape[1:], UNPAINTED, np.int16)
    undecided = np.zeros(maps.shape[1:], np.bool_)
    if len(maps) and valid.any():
        pixels = held(maps, valid)
        rule_settings = settings.rule_settings(has_background=has_background)
        painted[valid] = rule.paint(pixels, probabilities, rule_settings)[0]
        competing = with_background(pixels) if rule.of_scores and has_background else pixels
        if settings.margin > 0 and len(competing) > 1:
            scaled = competing if rule.of_scores else min_max(competing)
            undecided[valid] = _undecided(scaled, settings.margin)[0]
        if rule.fill is not None and not has_background:
            painted = rule.fill(painted)
    painted[undecided if rule.of_scores else undecided & (painted != UNPAINTED)] = UNCERTAIN
    painted[~valid] = UNCERTAIN
    return painted


def _undecided(maps: Maps, margin: float) -> NDArray[np.bool_]:
    """Pixels ``[H, W]`` where the two highest maps differ by less than ``margin``."""
    second, first = np.partition(maps, -2, axis=0)[-2:]
    undecided: NDArray[np.bool_] = first - second < margin
    return undecided
