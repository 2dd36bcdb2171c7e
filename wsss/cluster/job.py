"""One stage of an experiment as a job on a cluster."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

import torch
from submitit.helpers import DelayedSubmission

from wsss.commands import complain, line_of
from wsss.config.parsing import parse_config
from wsss.engine.run_directory import link_everywhere
from wsss.engine.runner import run_experiment
from wsss.engine.stage import Part
from wsss.terminal import accept_all_characters, plain_console
from wsss.training.stopping import heeding


@dataclass(frozen=True, kw_only=True)
class StageJob:
    """The arguments of a job, which it starts with again when it is requeued.

    A stage keeps its progress in its artifact's directory and resumes from there.
    """

    config: dict[str, Any]
    """The composed config as plain values."""
    stage: str
    part: Part
    """The part of the stage that this job builds."""
    key: str
    """Key of its job record."""
    sweep: str | None
    """The sweep that the experiment belongs to."""

    def __call__(self) -> None:
        """Run the stage; bad input ends the job with one line and status 2."""
        accept_all_characters()
        if cpus := os.environ.get("SLURM_CPUS_PER_TASK"):  # unless launch.threads says otherwise
            torch.set_num_threads(int(cpus))
        try:
            config = parse_config(self.config | {"stage": self.stage})
            with heeding(signal.SIGUSR2):  # submitit's handler requeues the job and exits
                rows = run_experiment(config, plain_console(), self.sweep, self.part)
        except Exception as error:
            line = line_of(error)
            if line is None:
                raise
            sys.exit(complain(line))
        for row in rows:
            link_everywhere(config.outputs, self.key, self.stage, row.path.absolute())

    def checkpoint(self) -> DelayedSubmission:
        """What to start after preemption or a time limit: the same call again."""
        return DelayedSubmission(self)
