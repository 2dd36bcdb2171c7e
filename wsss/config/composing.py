"""The config of a command line, without one."""

from __future__ import annotations

from hydra import compose, initialize_config_dir

from wsss.config.directory import config_directory
from wsss.config.parsing import parse_config
from wsss.config.schema import Config


def compose_config(*overrides: str) -> Config:
    """The checked config that ``python -m wsss.pipelines <overrides>`` would run.

    Raises:
        UserError: a value that cannot be; HydraException for keys and groups that do not exist.
    """
    with initialize_config_dir(str(config_directory()), version_base="1.3"):
        return parse_config(compose("config", overrides=list(overrides)))
