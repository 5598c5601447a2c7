"""Which types a file of a model may hold."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import is_dataclass

from sklearn.base import BaseEstimator

from skfair.cli._problems import CommandError

_PLAIN = {
    "functools.partial",  # what it calls is checked by its own name
    "numpy.dtype",
    "skfair.postprocessing._group_guesser.GroupGuesser",
    "skfair.postprocessing._guessed_curves.GuessCurve",
    "sklearn.compose._column_transformer._RemainderColsList",  # of scikit-learn 1.6
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.utils.validation.check_array",
}


def check_types(names: Iterable[str], path: str) -> list[str]:
    """Return the types that skops doesn't trust by itself, or refuse the strange ones.

    Trusted are estimators of scikit-learn and skfair, the dataclasses of skfair, and a few types
    by name. A file may have any trusted class called, with arguments of its choice: so none of
    them may do more than to hold values. ``builtins.type``, which makes classes, is none.
    """
    found = sorted(names)
    strange = [name for name in found if not is_trusted(name)]
    if strange:
        raise CommandError(
            f"{path} holds types that aren't trusted: {', '.join(strange[:5])}. Only estimators of "
            "scikit-learn and skfair are read; audit other models by their predictions "
            "(--prediction)"
        )
    return found


def is_trusted(name: str) -> bool:
    """Tell whether a type is a known one.

    Examples
    --------
    >>> is_trusted("skfair.preprocessing.reweighter.Reweighter"), is_trusted("os.system")
    (True, False)
    >>> is_trusted("skfair.cli.main"), is_trusted("sklearn.utils._testing.warnings")
    (False, False)
    """
    if name in _PLAIN:
        return True
    module, _, cls = name.rpartition(".")
    package = module.split(".")[0]
    if package not in ("skfair", "sklearn") or not cls.isidentifier():
        return False
    try:
        found = getattr(importlib.import_module(module), cls, None)
    except Exception:  # whatever a module of that name raises, it is no known one
        return False
    if not isinstance(found, type) or found.__module__ != module:
        return False
    return issubclass(found, BaseEstimator) or (package == "skfair" and is_dataclass(found))
