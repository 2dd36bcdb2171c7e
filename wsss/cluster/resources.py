"""The resources of the stages that are to run, checked before any is submitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wsss.config.launch import ClusterLaunch, Resources
from wsss.engine.registry import STAGES, find_stage
from wsss.engine.stage import Stage
from wsss.errors import UserError
from wsss.suggest import suggestion


def check_names(launch: Mapping[str, Any]) -> None:
    """`UserError` if ``launch.resources``, as plain values, names anything but stages."""
    for name in launch.get("resources") or ():
        if name not in STAGES:
            raise UserError(f"unknown key 'launch.resources.{name}'{suggestion(name, [*STAGES])}")


def stage_resources(launch: ClusterLaunch, stages: Sequence[Stage]) -> dict[str, Resources]:
    """Resources by stage.

    Raises:
        UserError: a stage has none, or several shards although its work cannot be split.
    """
    shardable = [name for name in STAGES if find_stage(name).run_part is not None]
    return {stage.name: launch.resources_of(stage.name, shardable) for stage in stages}
