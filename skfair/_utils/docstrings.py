"""Docstrings that share sections."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from inspect import cleandoc
from textwrap import dedent
from typing import Any, TypeVar

_LATER = ("References", "Examples")  # the sections that numpydoc has after Raises and Warns

F = TypeVar("F", bound=Callable[..., Any])


def documented(
    names: Sequence[str], parameters: Mapping[str, str], after: str = ""
) -> Callable[[F], F]:
    """Write a docstring's shared sections: Parameters for ``{parameters}``, Raises before Examples.

    Parameters
    ----------
    names : sequence of str
        The parameters to describe, in their order.
    parameters : mapping of str to str
        Description of each, indented by four.
    after : str
        Sections that follow Returns, indented by four.

    Returns
    -------
    callable
        A decorator.
    """
    listed = "\n".join(parameters[name] for name in names)
    described = dedent(f"    Parameters\n    ----------\n{listed}")
    following = dedent(f"{after}\n\n") if after else ""

    def decorate(function: F) -> F:
        if function.__doc__:  # absent under python -OO; Python 3.13 has taken the indent off
            filled = cleandoc(function.__doc__).replace("{parameters}", described)
            found = [at for name in _LATER if (at := filled.find(f"{name}\n---")) >= 0]
            if not found:
                filled += "\n\n"
            end = min(found, default=len(filled))
            function.__doc__ = filled[:end] + following + filled[end:]
        return function

    return decorate
