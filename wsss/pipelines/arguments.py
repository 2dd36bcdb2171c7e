"""The words of the command line, in an order that Hydra reads."""

from __future__ import annotations

from argparse import ArgumentError
from collections.abc import Sequence

from hydra._internal.utils import get_args_parser

from wsss.errors import UserError


def sorted_arguments(given: Sequence[str]) -> tuple[list[str], list[str]]:
    """Hydra's flags, which may stand anywhere, and the overrides.

    Raises:
        UserError: an unknown flag, or a flag without its value.
    """
    parser = get_args_parser()
    parser.exit_on_error = False
    try:
        known, rest = parser.parse_known_args(list(given))
    except ArgumentError as error:
        raise UserError(f"{error}; see --help") from error
    for word in rest:
        if word.startswith("-"):
            raise UserError(f"unknown option '{word}'; overrides look like seed=1, see --help")
    overrides = [*known.overrides, *rest]
    return [word for word in given if word not in overrides], overrides
