"""What goes wrong at the command line, said in one line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

MISUSE = 2
NO_MODEL = 3
Errors = type[Exception] | tuple[type[Exception], ...]
_LONGEST = 500
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


class CommandError(Exception):
    """What the user has to mend, in one line.

    Parameters
    ----------
    message : str
        What is wrong and what to do.
    code : int, default=2
        Exit code.
    """

    def __init__(self, message: str, code: int = MISUSE) -> None:
        super().__init__(one_line(message))
        self.code = code


def one_line(text: object) -> str:
    r"""Put text on one line without control characters, and cut it where it is very long.

    Examples
    --------
    >>> one_line("no column\n  'x'\x1b[31m")
    "no column 'x' [31m"
    """
    found = " ".join(_CONTROL.sub(" ", str(text)).split())
    return found if len(found) <= _LONGEST else f"{found[: _LONGEST - 4]} ..."


@contextmanager
def telling(
    what: str, errors: Errors = (ValueError, TypeError, ImportError, OSError)
) -> Iterator[None]:
    """Turn faults of data and of missing libraries inside the block into a CommandError.

    Parameters
    ----------
    what : str
        What was being done, or the file that it was done to.
    errors : class or tuple of classes
        What to turn; ``Exception`` for engines that have errors of their own.

    Examples
    --------
    >>> with telling("data.csv"):
    ...     raise ValueError("no rows")
    Traceback (most recent call last):
    ...
    skfair.cli._problems.CommandError: data.csv: no rows
    """
    try:
        yield
    except CommandError:
        raise
    except errors as error:
        raise CommandError(f"{what}: {error}") from error
