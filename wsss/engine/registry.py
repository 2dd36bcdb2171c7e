"""The registry of stages; a stage is the attribute ``STAGE`` of module ``wsss.stages.<name>``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

from wsss.errors import UserError
from wsss.suggest import suggestion

if TYPE_CHECKING:  # so that --help does not load PyTorch
    from wsss.engine.stage import Stage

CHAIN: Mapping[str, str] = {
    "train": "classifier from images and image labels",
    "prune": "close attention heads, then remove them",
    "extract": "class-attention maps of every image",
    "generate": "pseudo-masks",
    "segment": "segmenter trained on pseudo-masks",
    "evaluate": "mIoU against pixel masks",
}
"""What each stage of ``stage=all`` does, in order."""
STAGES: Mapping[str, str] = {
    **CHAIN,
    "ceiling": "the same segmenter on true masks (not part of all)",
}
"""The chain, then the stages that run only when requested by name."""


def find_stage(name: str) -> Stage:
    """The stage of this name, imported by name because stages are a layer above the engine."""
    stage: Stage = import_module(f"wsss.stages.{name}").STAGE
    return stage


def choose_stages(names: Sequence[str]) -> list[Stage]:
    """The stages named, in the chain's order; ``all`` stands for the chain.

    Raises:
        UserError: no name is given, or a name is not that of a stage.
    """
    valid = [*STAGES, "all"]
    for name in names:
        if name not in valid:
            raise UserError(f"unknown stage '{name}'{suggestion(name, valid)}")
    if not names:
        raise UserError(f"stage is empty; valid: {', '.join(valid)}")
    wanted = {*names, *(CHAIN if "all" in names else ())}
    return [find_stage(name) for name in STAGES if name in wanted]


def to_rebuild(names: Sequence[str], stages: Sequence[Stage]) -> list[Stage]:
    """Those of the stages to run that ``rebuild`` names; ``all`` stands for all of them.

    Raises:
        UserError: a name is not that of a stage to run.
    """
    running = [stage.name for stage in stages]
    for name in names:
        if name not in (*STAGES, "all"):
            raise UserError(f"rebuild names '{name}'{suggestion(name, [*STAGES, 'all'])}")
        if name not in (*running, "all"):
            raise UserError(f"rebuild names '{name}', which stage={','.join(running)} does not run")
    return [stage for stage in stages if stage.name in names or "all" in names]


def stages_help() -> str:
    """A line per stage, for the command's help."""
    return "\n".join(f"  {name:<10} {what}" for name, what in STAGES.items())
