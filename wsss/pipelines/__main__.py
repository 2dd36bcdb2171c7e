"""The command line: ``python -m wsss.pipelines stage=train dataset=dfc``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from wsss.config.directory import config_directory
from wsss.engine.registry import stages_help
from wsss.errors import UserError

OmegaConf.register_new_resolver("stages", stages_help, replace=True)  # in conf/config.yaml's help
_failures: list[UserError] = []


@hydra.main(config_path=str(config_directory()), config_name="config", version_base="1.3")
def run(composed: DictConfig) -> float | None:
    """Run one composed experiment; Hydra calls it once, or once per point of a sweep.

    Returns the value that a search sweeper maximises, see `wsss.engine.objective`.
    """
    # Imported here so that --help and a misspelt override answer without loading PyTorch.
    from rich.console import Console

    from wsss.cluster.launch import launch_experiment
    from wsss.config.parsing import plain_values

    try:
        return launch_experiment(plain_values(composed), Console(), _sweep())
    except UserError as error:
        # Not raised through Hydra, which would print more lines and end a sweep.
        _failures.append(error)
        _say(f"error: {error}", 2)
        return None


def _sweep() -> str | None:
    """The name of the sweep that this run belongs to: its start time."""
    job = HydraConfig.get()
    return Path(job.sweep.dir).name if job.mode is RunMode.MULTIRUN else None


def main() -> None:
    """Run, and turn a `UserError` into one line and exit status 2."""
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    _failures.clear()
    # Otherwise Lightning only notes the signal, and a sweep continues with its next point.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints errors itself and exits with 1
    try:
        run()
    except (HydraException, OmegaConfBaseException) as error:
        if wants_traceback:
            raise
        from wsss.config.hydra_errors import describe

        sys.exit(_say(f"error: {describe(error, str(config_directory()), sys.argv[1:])}", 2))
    except KeyboardInterrupt:
        sys.exit(_say("interrupted; the same command resumes here", 130))
    if _failures:
        sys.exit(2)


def _say(line: str, status: int) -> int:
    print(line, file=sys.stderr)
    return status


if __name__ == "__main__":
    main()
