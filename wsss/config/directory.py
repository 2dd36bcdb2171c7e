"""Where the YAML files of the config groups are."""

from __future__ import annotations

from pathlib import Path


def config_directory() -> Path:
    """``conf/`` beside the package in a source tree, inside it in an installed wheel."""
    package = Path(__file__).resolve().parents[1]
    beside = package.parent / "conf"
    return beside if (beside / "config.yaml").is_file() else package / "conf"
