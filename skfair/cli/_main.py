"""The entry point: options in, exit code out."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from argparse import Namespace
from collections.abc import Sequence

from skfair.cli._options import make_parser
from skfair.cli._problems import MISUSE, CommandError, one_line

_UNFORESEEN = 70
_INTERRUPTED = 130
_NO_READER = 141  # as the shell has it for a process that a closed pipe ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, default=None
        Arguments; None: those of the process.

    Returns
    -------
    int
        Exit code: 0 is fine, 1 a condition that failed, 2 what the user has to mend, 3 no model
        that is worth writing, 70 an unforeseen error, 130 an interruption, 141 output that nobody
        read to its end.

    Raises
    ------
    SystemExit
        After ``--help`` and ``--version``.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(make_parser().parse_args(given))
    except CommandError as error:
        return _fail(error, str(error), error.code, "--traceback" in given)
    except KeyboardInterrupt:
        sys.stderr.write("skfair: interrupted\n")
        return _INTERRUPTED
    except BrokenPipeError:  # what reads the output has gone
        return _drop_output()
    except (ValueError, ImportError, OSError) as error:
        return _fail(error, one_line(error), MISUSE, "--traceback" in given)
    except Exception as error:  # the last resort: no user should meet a traceback unasked
        text = f"unexpected {type(error).__name__}: {error}; --traceback shows where"
        return _fail(error, one_line(text), _UNFORESEEN, "--traceback" in given)


def _run(args: Namespace) -> int:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        if args.command == "audit":
            from skfair.cli._audit import audit as command
        else:
            from skfair.cli._mitigate import mitigate as command
        code = command(args)
    for message in dict.fromkeys(one_line(w.message) for w in caught):
        sys.stderr.write(f"skfair: note: {message}\n")
    sys.stdout.flush()
    return code


def _fail(error: BaseException, text: str, code: int, shows_where: bool) -> int:
    if shows_where:
        traceback.print_exception(error)
    sys.stderr.write(f"skfair: error: {text}\n")
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_output()
    return code


def _drop_output() -> int:
    """Let nothing more be written to a pipe without a reader; return the exit code for it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return _NO_READER
