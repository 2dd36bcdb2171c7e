"""Every option of every config group, as the files of ``conf/`` name them."""

from __future__ import annotations

from pathlib import Path

CONF = Path(__file__).resolve().parents[2] / "conf"


def _options(path: Path) -> list[str]:
    return [f"{path.name}={file.stem}" for file in sorted(path.glob("*.yaml"))]


EXPERIMENTS = _options(CONF / "experiment")
OPTIONS = [
    option
    for group in sorted(CONF.iterdir())
    if group.is_dir() and group.name != "experiment"
    for option in _options(group)
]
