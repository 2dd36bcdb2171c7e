"""The one error that a user can cause and mend."""


class UserError(Exception):
    """Bad input: one line that names the culprit and says what would be valid.

    The command line prints the message without a traceback and ends with status 2.
    """

    def __str__(self) -> str:
        """The line alone: from a loader's worker PyTorch sends it at the end of a traceback."""
        return super().__str__().rpartition(f"{__name__}.UserError: ")[2].strip()
