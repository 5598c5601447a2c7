"""What a file tells of a fitted debiaser, checked before anything is made of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skfair._utils.validation import positive_class
from skfair.finetuning._layers import OUTPUTS
from skfair.finetuning._search import probability_of


def read_numbers(tensors: Mapping[str, Any], names: Sequence[str]) -> dict[str, float]:
    """Read single numbers.

    Raises
    ------
    ValueError
        If one is missing, or isn't a single number.
    """
    odd = [name for name in names if name not in tensors or tensors[name].numel() != 1]
    if odd:
        raise ValueError(f"the file has no single number for {odd}")
    return {name: float(tensors[name]) for name in names}


def check_restored(read: Mapping[str, Any], pos_label: Any) -> None:
    """Raise ValueError if what a debiaser has learned is none of its possible values.

    Parameters
    ----------
    read : mapping of str to object
        Attributes.
    pos_label : label or None
        The debiaser's parameter.
    """
    n, dropped, classes = read["n_features_in_"], read["_dropped"], read["classes_"]
    names, groups = read.get("feature_names_in_"), read["group_labels_"]
    two = isinstance(classes, np.ndarray) and classes.shape == (2,)
    two = two and classes.tolist()[0] != classes.tolist()[1]
    named = names is None or (isinstance(names, np.ndarray) and names.shape == (n,))
    rules = {
        "_sign": _whole(read["_sign"], -1, 1) and read["_sign"] != 0,
        "output_": read["output_"] in OUTPUTS,
        "classes_": two,
        "group_labels_": isinstance(groups, tuple) and 1 < len(groups) == len(set(groups)),
        "n_features_in_": _whole(n, 1),
        "feature_names_in_": named,
        "_dropped": isinstance(dropped, list) and all(_whole(j, 0, n - 1) for j in dropped),
        "_split_seed": _whole(read["_split_seed"], 0),
        "_cut": not math.isnan(read["_cut"]),
        "threshold_": math.isclose(
            read["threshold_"], probability_of(read["_cut"]), rel_tol=1e-9, abs_tol=1e-12
        ),
    }
    odd = [name for name, holds in rules.items() if not holds]
    if odd:
        told = ", ".join(f"{name}={read.get(name)!r:.100}" for name in odd)
        raise ValueError(f"the file has values that no debiaser has: {told}")
    if positive_class(classes.tolist(), pos_label) != (1 if read["_sign"] == 1 else 0):
        raise ValueError(
            f"the file has the classes {classes.tolist()} and _sign={read['_sign']}, and that "
            f"isn't pos_label={pos_label!r}"
        )


def _whole(value: Any, least: int, most: float = math.inf) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole and least <= value <= most
