"""Where jobs run: this process, or SLURM through submitit. What is run, nothing here knows."""

from __future__ import annotations

from wsss.launch.config import ClusterLaunch, LaunchConfig, Resources, StageResources
from wsss.launch.records import JobRecord, JobRecords

__all__ = [
    "ClusterLaunch",
    "JobRecord",
    "JobRecords",
    "LaunchConfig",
    "Resources",
    "StageResources",
]
