"""Overrides of the command line, checked before Hydra composes a config from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, Override, RangeSweep
from hydra.errors import OverrideParseException

from wsss.config.quoting import corrected
from wsss.errors import UserError, one_line

_SHOWN = 200  # characters
MOST_POINTS = 100_000
"""The largest number of points of a sweep; Hydra holds a config of each in memory."""


def check_overrides(arguments: Sequence[str], folder: Path) -> None:
    """`UserError` for an override that Hydra cannot read, or answers with an error of its own.

    Args:
        arguments: overrides such as ``trainer.max_epochs=3``.
        folder: holds the YAML files of the groups.
    """
    overrides = [_parsed(argument) for argument in arguments]
    searches = any(override.key_or_group == "hydra/sweeper" for override in overrides)
    points = 1
    for argument, override in zip(arguments, overrides, strict=True):
        if override.is_hydra_override():
            continue
        _check_key(argument, override, folder)
        if override.is_sweep_override() and not searches:
            points *= _points(argument, override, folder)
    if points > MOST_POINTS:
        raise UserError(f"the sweep has {points:,} points; at most {MOST_POINTS:,} can be run")


def _parsed(argument: str) -> Override:
    if argument.startswith("-"):
        raise UserError(f"unknown option '{argument}'; overrides look like seed=1, see --help")
    try:
        return OverridesParser.create().parse_overrides([argument])[0]
    except OverrideParseException as error:
        raise UserError(describe_parse_error(error)) from error
    except Exception as error:  # such as ValueError for a number of 5,000 digits
        raise UserError(f"cannot read '{argument[:_SHOWN]}': {one_line(error)}") from error


def describe_parse_error(error: OverrideParseException) -> str:
    """One line for an override that is not in Hydra's grammar, if possible with the right one."""
    if (better := corrected(error.override)) is not None:
        return f"cannot read '{error.override}'; write it as {better}"
    reason = " ".join(str(error).partition("\nSee https://")[0].split())
    if reason.startswith(("LexerNoViableAlt", "Error parsing override")):
        reason = "overrides look like seed=1"
    return f"cannot read '{error.override}': {reason}"


def _check_key(argument: str, override: Override, folder: Path) -> None:
    """The override names a key, deletes nothing, and gives a group one of its options."""
    key = override.key_or_group
    options = sorted(path.stem for path in (folder / key).glob("*.yaml")) if key else []
    valid = f"; valid: {', '.join(options)}" if options else ""
    if not key:
        raise UserError(f"'{argument}' names no key; overrides look like seed=1")
    if override.is_delete():
        remedy = valid or f"; set it instead: {key}=<value>"
        raise UserError(f"'{argument}' removes what every run needs{remedy}")
    value = override.value()
    if (
        not options
        or isinstance(value, str | ChoiceSweep | Glob | dict)
        or (isinstance(value, list) and value and all(isinstance(part, str) for part in value))
    ):
        return
    if key == "experiment" and value is None:
        return
    raise UserError(f"'{argument}' names no option of group {key}{valid}")


def _points(argument: str, override: Override, folder: Path) -> int:
    """Number of values of a sweep over one key."""
    value = override._value
    if override.is_interval_sweep():
        raise UserError(f"'{argument}' is for a search; add hydra/sweeper=optuna")
    if isinstance(value, RangeSweep):
        count = _length(value)
    elif isinstance(value, Glob):
        files = (folder / override.key_or_group).glob("*.yaml")
        count = len(value.filter([path.stem for path in files]))
    else:
        count = len(value.list) if isinstance(value, ChoiceSweep) else 1
    if not count:
        raise UserError(f"'{argument}' has no value")
    return count


def _length(sweep: RangeSweep) -> int:
    """Number of values, 0 for a range that is empty or no range; it may be endless."""
    start, stop, step = (float(part or 0) for part in (sweep.start, sweep.stop, sweep.step))
    if not all(map(math.isfinite, (start, stop, step))):
        return MOST_POINTS + 1
    return 0 if step == 0 else max(0, math.ceil((stop - start) / step))
