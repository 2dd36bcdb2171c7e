"""Compose and check a config as the command line does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hydra import compose, initialize_config_dir

from wsss.config.directory import config_directory
from wsss.config.hydra_errors import describe
from wsss.config.overrides import check_overrides
from wsss.config.situation import suited_overrides
from wsss.errors import UserError

if TYPE_CHECKING:
    from wsss.config.schema import Config


def compose_config(*overrides: str) -> Config:
    """The checked config that ``python -m wsss.pipelines <overrides>`` would run.

    Raises:
        UserError: a key, option or value that does not exist or is not valid.
    """
    folder = str(config_directory())
    check_overrides(overrides, config_directory())
    completed, _ = suited_overrides(overrides)
    try:
        with initialize_config_dir(folder, version_base="1.3"):
            composed = compose("config", overrides=completed)
    except Exception as error:  # Hydra raises errors of many types
        raise UserError(describe(error, folder, overrides)) from error
    # Imported here so that a misspelt override is refused without loading PyTorch.
    from wsss.config.parsing import parse_config, plain_values

    return parse_config(plain_values(composed))
