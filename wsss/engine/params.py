"""The settings that are logged to MLflow as params."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from wsss.config.schema import GROUPS
from wsss.errors import UserError
from wsss.suggest import suggestion


def chosen_params(settings: Mapping[str, Any], wanted: list[str]) -> dict[str, Any]:
    """Select some of the settings, whose keys are dotted.

    Each entry of ``wanted`` is a key, or a group, which stands for all of its keys. A key is left
    out if the chosen option of its group does not have it.

    Raises:
        UserError: an entry that does not exist in any option of any group.
    """
    for entry in wanted:
        _check(entry, {key.partition(".")[0] for key in settings})
    return {
        key: value
        for key, value in settings.items()
        if any(key == entry or key.startswith(f"{entry}.") for entry in wanted)
    }


def _check(entry: str, groups: set[str]) -> None:
    """`UserError` unless some option of the entry's group has its key."""
    group, _, key = entry.partition(".")
    if group not in groups:
        raise UserError(f"tracking.params names '{entry}'{suggestion(group, sorted(groups))}")
    options = GROUPS.get(group, {})
    kinds = [options] if isinstance(options, type) else options.values()
    names = sorted({field.name for kind in kinds for field in fields(kind)})
    if key and key.partition(".")[0] not in names:
        raise UserError(f"tracking.params names '{entry}'{suggestion(key, names)}")
