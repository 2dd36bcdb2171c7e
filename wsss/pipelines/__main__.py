"""The command line: ``python -m wsss.pipelines stage=train dataset=dfc``."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import hydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException

from wsss.errors import UserError

_failures: list[UserError] = []


def config_directory() -> Path:
    """``conf/`` beside the package in a source tree, inside it in an installed wheel."""
    package = Path(__file__).resolve().parents[1]
    beside = package.parent / "conf"
    return beside if (beside / "config.yaml").is_file() else package / "conf"


@hydra.main(config_path=str(config_directory()), config_name="config", version_base="1.3")
def run(composed: DictConfig) -> None:
    """Run one composed experiment; Hydra calls it once, or once per point of a sweep."""
    # Imported here so that --help and a misspelt override answer without loading PyTorch.
    from rich.console import Console

    from wsss.pipelines.config import parse_config
    from wsss.pipelines.runner import run_experiment

    try:
        run_experiment(parse_config(composed), Console())
    except UserError as error:
        # Kept from Hydra, so that it adds no lines of its own and a sweep goes on.
        _failures.append(error)
        _complain(error)


def main() -> None:
    """Run, and turn what the user can mend into one line and exit status 2."""
    wants_traceback = os.environ.get("HYDRA_FULL_ERROR") == "1"
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints errors itself and exits with 1
    try:
        run()
    except (HydraException, OmegaConfBaseException) as error:
        if wants_traceback:
            raise
        sys.exit(_complain(error))
    except KeyboardInterrupt:
        sys.exit(_say("interrupted; the same command goes on from here", 130))
    if _failures:
        sys.exit(2)


def _complain(error: Exception) -> int:
    message = " ".join(str(error).split())
    if not isinstance(error, UserError):
        message = f"{message}{_valid_keys(message)}"
    return _say(f"error: {message}", 2)


def _valid_keys(message: str) -> str:
    """For an override of a key that does not exist: what could have been meant."""
    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    from wsss.pipelines.suggest import suggestion

    for argument in sys.argv[1:]:
        if (
            argument.startswith("-")
            or f"'{argument.partition('=')[0].lstrip('+~')}'" not in message
        ):
            continue
        key = OverridesParser.create().parse_override(argument).get_key_element().lstrip("+~")
        parent, _, last = key.rpartition(".")
        GlobalHydra.instance().clear()
        with initialize_config_dir(str(config_directory()), version_base="1.3"):
            node: Any = compose("config")
        for part in parent.split(".") if parent else []:
            if not isinstance(node, DictConfig) or part not in node:
                return ""
            node = node._get_node(part)
        if isinstance(node, DictConfig):
            return suggestion(last, [str(name) for name in node])
    return ""


def _say(line: str, status: int) -> int:
    print(line, file=sys.stderr)
    return status


if __name__ == "__main__":
    main()
