"""The one exception that a user is meant to read."""


class HemlineError(Exception):
    """Bad input or a missing piece.

    Its text names the file, the key, the value and what to do. The command line prints it without a
    traceback and exits with 2.
    """
