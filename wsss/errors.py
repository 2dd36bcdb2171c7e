"""The one error that a user can cause and mend."""


class UserError(Exception):
    """Bad input: one line that names the culprit and says what would be valid.

    The command line prints the message without a traceback and ends with status 2.
    """
