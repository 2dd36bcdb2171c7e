"""Reading run directories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsss.compare.metrics import read_rule, read_scores
from wsss.config.renamed import RENAMED
from wsss.errors import UserError
from wsss.records import entry, read_object
from wsss.runs.identity import flat, identity
from wsss.runs.layout import CONFIG
from wsss.terminal import visible


@dataclass(frozen=True)
class Run:
    """One run directory."""

    path: Path
    config: Mapping[str, Any]
    """The whole config, nested."""
    settings: Mapping[str, Any]
    """Settings that define the configuration, by dotted key; without the seed."""
    seed: int
    scores: Mapping[str, float]
    """Metrics of the run, by name in `METRICS`."""
    rule: Mapping[str, str]
    """Rule of its scores, see `read_rule`."""


def read_run(path: Path) -> Run:
    """Read config and metrics of a run directory.

    Raises:
        UserError: config or metrics cannot be read.
    """
    file = path / CONFIG
    try:
        config = read_object(file)
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror})") from error
    seed = entry(config, "seed", int, file)
    split = entry(entry(config, "evaluation", dict, file), "split", str, file)
    entry(config, "dataset", dict, file)
    settings = {visible(key): _shown(value) for key, value in flat(identity(config)).items()}
    del settings["seed"]
    for (group, former), now in RENAMED.items():
        if settings.get(f"{group}.name") == former:
            settings[f"{group}.name"] = now
    if settings.get("masking.name") == "none":
        settings.setdefault("masking.dp_rate", 0.0)  # equivalent
    return Run(path, config, settings, seed, read_scores(path, split), read_rule(path, split))


def _shown(value: Any) -> Any:
    """A setting that can be printed and drawn."""
    return visible(value) if isinstance(value, str) else value
