"""The command line: ``python -m wsss.pipelines stage=train dataset=dfc``."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from wsss.commands import BAD_INPUT, complain, line_of, run_command
from wsss.config.directory import config_directory
from wsss.config.overrides import check_overrides
from wsss.config.situation import suited_overrides
from wsss.engine.registry import stages_help
from wsss.errors import UserError
from wsss.pipelines.arguments import sorted_arguments
from wsss.terminal import plain_console

# Used in conf/config.yaml by the settings of Hydra.
OmegaConf.register_new_resolver("stages", stages_help, replace=True)
OmegaConf.register_new_resolver("home", os.path.expanduser, replace=True)
_failures: list[str] = []
_bugs: list[Exception] = []


@hydra.main(config_path=str(config_directory()), config_name="config", version_base="1.3")
def run(composed: DictConfig) -> float | None:
    """Run one composed experiment; Hydra calls it once, or once per point of a sweep.

    Returns the value that a search sweeper maximises, see `wsss.engine.objective`.
    """
    # Imported here so that --help and a misspelt override answer without loading PyTorch.
    from wsss.cluster.launch import launch_experiment
    from wsss.config.parsing import plain_values

    try:
        return launch_experiment(plain_values(composed), plain_console(), _sweep())
    except Exception as error:
        line = line_of(error)
        if line is None:
            _bugs.append(error)
            raise
        # Not raised through Hydra, which would print more lines and end a sweep.
        _failures.append(line)
        complain(line)
        return None


def _sweep() -> str | None:
    """The name of the sweep that this run belongs to: its start time."""
    job = HydraConfig.get()
    return Path(job.sweep.dir).name if job.mode is RunMode.MULTIRUN else None


def main() -> None:
    """Run; `wsss.commands.run_command` says how it ends."""
    status = run_command(_main, interrupted="interrupted; the same command resumes here")
    if status:
        sys.exit(status)


def _main() -> int:
    _failures.clear()
    _bugs.clear()
    # Otherwise Lightning only notes the signal, and a sweep continues with its next point.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    flags, overrides = sorted_arguments(sys.argv[1:])
    check_overrides(overrides, config_directory())
    completed, note = suited_overrides(overrides)
    if note is not None:
        plain_console(stderr=True).print(note, soft_wrap=True)
    sys.argv[1:] = [*flags, *completed]
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints errors itself and exits with 1
    try:
        run()
    except Exception as error:
        if error in _bugs or line_of(error) is not None:
            raise
        from wsss.config.hydra_errors import describe

        raise UserError(describe(error, str(config_directory()), overrides)) from error
    return BAD_INPUT if _failures else 0


if __name__ == "__main__":
    main()
