"""The one exception that a user is meant to read, and what no message may say."""

import re


class HemlineError(Exception):
    """Bad input or a missing piece.

    Its text names the file, the key, the value and what to do. The command line prints it without a
    traceback and exits with 2.
    """


def without_password(text: str) -> str:
    """A text with addresses, less the user and the password in each (`http://USER:PASSWORD@HOST`)."""
    return re.sub(r"://\S*@", "://", text)
