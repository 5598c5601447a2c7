"""Fits that are done wholly, or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from numpy.random import Generator


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Give an estimator its attributes back where a fit fails, or is interrupted.

    Else an estimator that was fitted before would predict by parts of two fits. Attributes are
    kept as they are, generators with the state that they have now; what a fit changes inside other
    objects stays changed.

    Examples
    --------
    >>> from sklearn.dummy import DummyClassifier
    >>> model = DummyClassifier()
    >>> with unchanged_on_error(model):
    ...     model.classes_ = ["no", "yes"]
    ...     raise ValueError("y is odd")
    Traceback (most recent call last):
    ValueError: y is odd
    >>> hasattr(model, "classes_")
    False
    """
    before = {
        name: deepcopy(value) if isinstance(value, Generator) else value
        for name, value in vars(estimator).items()
    }
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
