"""Command lines whose errors are `UserError`."""

from __future__ import annotations

import argparse
from typing import NoReturn

from wsss.errors import UserError


class CommandParser(argparse.ArgumentParser):
    """Raises `UserError` for bad arguments; the message says how to get help."""

    def error(self, message: str) -> NoReturn:
        """Called by argparse."""
        raise UserError(f"{message}; see {self.prog} --help")
