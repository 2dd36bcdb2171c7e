"""The stages there are, found by name."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from wsss.engine.stage import Stage
from wsss.errors import UserError
from wsss.suggest import suggestion

CHAIN = ("train", "prune", "extract", "generate", "segment", "evaluate")
"""The stages that ``stage=all`` runs, in order."""
STAGES = (*CHAIN, "ceiling")
"""The chain, then what runs only when it is asked for by name.

A stage is the attribute ``STAGE`` of the module ``wsss.stages.<name>``. Modules are imported by
name, since stages stand above the engine.
"""


def find_stage(name: str) -> Stage:
    """The stage of this name, one of `STAGES`."""
    stage: Stage = import_module(f"wsss.stages.{name}").STAGE
    return stage


def choose_stages(names: Sequence[str]) -> list[Stage]:
    """The stages named, in the chain's order; ``all`` stands for the chain.

    Raises:
        UserError: no name, or one that is no stage.
    """
    valid = [*STAGES, "all"]
    for name in names:
        if name not in valid:
            raise UserError(f"unknown stage '{name}'{suggestion(name, valid)}")
    if not names:
        raise UserError(f"stage names none; valid: {', '.join(valid)}")
    wanted = {*names, *(CHAIN if "all" in names else ())}
    return [find_stage(name) for name in STAGES if name in wanted]
