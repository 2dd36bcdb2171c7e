"""The rules by name."""

from __future__ import annotations

from collections.abc import Mapping

from wsss.pseudo_masks.filling import fill_nearest
from wsss.pseudo_masks.rules.adaptive import adaptive
from wsss.pseudo_masks.rules.argmax import argmax
from wsss.pseudo_masks.rules.paper import paper
from wsss.pseudo_masks.rules.rule import Rule
from wsss.pseudo_masks.rules.softmax import softmax

RULES: Mapping[str, Rule] = {
    "paper": Rule(paper, fill=fill_nearest),
    "argmax": Rule(argmax, uses_thresholds=True),
    "adaptive": Rule(adaptive),
    "softmax": Rule(softmax, of_scores=True),
}
"""Each key is a value of ``pseudo_mask.name``."""
