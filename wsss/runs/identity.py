"""Which settings of a config say what experiment it is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

#: Where and how a run is made: no part of what experiment it is.
CIRCUMSTANCES = ("stage", "objective", "paths", "launch", "tracking")


def fingerprint(content: Any) -> str:
    """Hash of JSON-ready content, 16 hexadecimal digits."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def identity(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config, as nested mappings, without circumstances and the place of the dataset."""
    what = {key: value for key, value in config.items() if key not in CIRCUMSTANCES}
    what["dataset"] = {key: value for key, value in what["dataset"].items() if key != "root"}
    return what


def flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys; lists as JSON."""
    result: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = json.dumps(value) if isinstance(value, list) else value
    return result
