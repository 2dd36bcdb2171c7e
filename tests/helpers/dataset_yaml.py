"""Configurations of datasets with the defaults of their YAML files."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from omegaconf import OmegaConf

from wsss.data.augment import AugmentConfig
from wsss.data.settings import DatasetSettings

_FOLDER = Path(__file__).resolve().parents[2] / "conf" / "dataset"
T = TypeVar("T", bound=DatasetSettings)


def configured(kind: type[T], name: str, root: Path, /, **changes: object) -> T:
    """Settings of ``conf/dataset/<name>.yaml``, which must name every field of `kind` and no more.

    For files without ``defaults``.
    """
    content = OmegaConf.to_container(OmegaConf.load(_FOLDER / f"{name}.yaml"))
    assert isinstance(content, dict)
    assert content.pop("kind") == content["name"] == name
    settings = {str(key): value for key, value in content.items()}
    settings["augment"] = AugmentConfig(**settings["augment"])
    return kind(**(settings | {"root": str(root)} | changes))
