"""The word to type for a value that Hydra's grammar does not allow as it stands."""

from __future__ import annotations

import shlex
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString


def corrected(override: str) -> str | None:
    """The override with its value quoted, for Hydra and for the shell; ``None`` if that is no help.

    Quotes around the whole override are removed. A value such as ``/data/a (b)`` or
    ``/data/run#3`` must be quoted twice; ``~`` at its start is replaced, because neither the shell
    nor Hydra does that within a word.
    """
    if override[:1] in ("'", '"') and override[-1] == override[0]:
        override = override[1:-1]
    key, equals, value = override.partition("=")
    if not equals or not value or "${" in value or value[0] in "[{'\"":
        return None
    if value.startswith("~/"):
        value = str(Path(value).expanduser())
    quoted = QuotedString(value, Quote.double).with_quotes()
    for candidate in (value, quoted):
        try:
            parsed = OverridesParser.create().parse_override(f"{key}={candidate}")
        except Exception:  # Hydra raises errors of many types
            continue
        if not parsed.is_sweep_override() and str(parsed.value()) == value:
            return shlex.quote(f"{key}={candidate}")
    return None
