"""The error for bad input."""


class UserError(Exception):
    """Bad input: one line that names the culprit and the valid choices.

    The command line prints the message without a traceback and ends with status 2.
    """

    def __str__(self) -> str:
        """The line alone; PyTorch wraps errors of loader workers in a traceback."""
        return super().__str__().rpartition(f"{__name__}.UserError: ")[2].strip()


def one_line(error: BaseException) -> str:
    """The message of an error without line breaks."""
    return " ".join(str(error).split())
