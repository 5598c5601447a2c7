"""Optional libraries: one clear line where an extra is missing."""

from __future__ import annotations

import importlib
from types import ModuleType


def import_optional(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Import ``module``, or say which extra brings it.

    Parameters
    ----------
    module : str
        Dotted name of the module.
    extra : str
        Name of skfair's extra that installs it.
    purpose : str
        What needs the module, for the message.

    Returns
    -------
    module

    Raises
    ------
    ImportError
        If the module can't be imported.

    Examples
    --------
    >>> import_optional("math", extra="nn", purpose="this example").sqrt(4)
    2.0
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(
            f'{purpose} needs {module.split(".")[0]}: pip install "skfair[{extra}]"'
        ) from error
