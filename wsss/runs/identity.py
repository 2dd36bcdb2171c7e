"""Fingerprints, and the settings that identify an experiment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

CIRCUMSTANCES = ("stage", "rebuild", "objective", "paths", "launch", "tracking")
"""Keys and groups that say where and how a run is made, not what it computes."""


def fingerprint(content: Any) -> str:
    """Hash of JSON-ready content, 16 hexadecimal digits."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """A nested config without `CIRCUMSTANCES` and the dataset's path."""
    what = {key: value for key, value in config.items() if key not in CIRCUMSTANCES}
    what["dataset"] = {key: value for key, value in what["dataset"].items() if key != "root"}
    return what


def flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one mapping with dotted keys; lists become JSON."""
    result: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = json.dumps(value) if isinstance(value, list) else value
    return result
