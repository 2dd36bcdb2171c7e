"""Hydra's errors as one line that names the override and the valid choices."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import OverrideParseException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from wsss.config.overrides import describe_parse_error
from wsss.config.quoting import corrected
from wsss.config.renamed import renamed_hint
from wsss.errors import one_line
from wsss.suggest import suggestion

_UNKNOWN_KEY = re.compile(r"Could not override '([^']+)'")
_UNKNOWN_OPTION = re.compile(r"Could not find '([^']+)/([^'/]+)'")
_SEVERAL_VALUES = re.compile(r"Ambiguous value for argument '(.+)' 1\. ")


def describe(error: Exception, config_directory: str, arguments: Sequence[str]) -> str:
    """One line for an error that Hydra or OmegaConf raised while composing a config.

    ``arguments`` are those of the command line.
    """
    message = one_line(error)
    if isinstance(error, OverrideParseException):
        return describe_parse_error(error)
    if found := _UNKNOWN_KEY.search(message):
        return f"unknown key '{found[1]}'{_valid_keys(found[1], config_directory, arguments)}"
    if (found := _UNKNOWN_OPTION.search(message)) and (hint := renamed_hint(found[1], found[2])):
        return hint
    if found := _SEVERAL_VALUES.search(message):
        is_group = (Path(config_directory) / found[1].partition("=")[0]).is_dir()
        as_one = None if is_group else corrected(found[1])
        quoted = f"; for one value that has commas: {as_one}" if as_one else ""
        return f"'{found[1]}' gives several values; for a sweep add -m{quoted}"
    message = describe_omegaconf(error).partition(" Config search path:")[0]
    culprit = _culprit(error, config_directory, arguments)
    return message if culprit is None or culprit in message else f"'{culprit}': {message}"


def describe_omegaconf(error: Exception) -> str:
    """The first line of an error of OmegaConf, with its key; the message of any other error."""
    key = getattr(error, "full_key", None)
    if not isinstance(error, OmegaConfBaseException) or not key:
        return one_line(error)
    return f"{key}: {str(error).splitlines()[0]}"


def _culprit(error: Exception, config_directory: str, arguments: Sequence[str]) -> str | None:
    """The one override that causes the same kind of error alone."""
    for argument in arguments:
        GlobalHydra.instance().clear()
        try:
            with initialize_config_dir(config_directory, version_base="1.3"):
                compose("config", overrides=[argument], return_hydra_config=True)
        except Exception as alone:  # Hydra raises errors of many types
            if type(alone) is type(error):
                return argument
    return None


def _valid_keys(key: str, config_directory: str, arguments: Sequence[str]) -> str:
    """A hint for a key that the config does not have."""
    *parents, last = key.split(".")
    # A group's option decides its keys; in a sweep over options, take the first.
    options = [a for a in arguments if (Path(config_directory) / a.partition("=")[0]).is_dir()]
    GlobalHydra.instance().clear()
    with initialize_config_dir(config_directory, version_base="1.3"):
        node: Any = compose("config", overrides=[option.split(",")[0] for option in options])
    for name in parents:
        if isinstance(node, DictConfig) and name not in node:
            return f"; '{name}' is unknown too{suggestion(name, [str(k) for k in node])}"
        node = node._get_node(name) if isinstance(node, DictConfig) else None
    return suggestion(last, [str(k) for k in node]) if isinstance(node, DictConfig) else ""
