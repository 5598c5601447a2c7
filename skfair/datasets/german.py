"""German Credit: good and bad credit risks of a bank in southern Germany, 1973 to 1975."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import Bunch

from skfair.datasets._bundle import BundledTable, load_bundle, to_array

_GERMAN = BundledTable(
    name="german",
    target="credit_risk",
    target_names=("bad", "good"),
    sensitive=("age",),
    integers=(
        "duration",
        "credit_amount",
        "installment_rate",
        "residence_since",
        "age",
        "existing_credits",
        "people_liable",
    ),
    citation=(
        "Hofmann, H. (1994). Statlog (German Credit Data) [Dataset]. "
        "UCI Machine Learning Repository. https://doi.org/10.24432/C5NC77"
    ),
)


def load_german(*, return_X_y: bool = False, as_frame: bool = True) -> Bunch | tuple[Any, Any]:
    """Load the German Credit data: good and bad risks among 1,000 borrowers.

    The codes of the source are spelled out as UCI documents them. The protected attribute is
    ``age`` (customarily 25 or younger against older). The data come with the package: nothing
    is downloaded.

    Parameters
    ----------
    return_X_y : bool, default=False
        Return only ``(data, target)``.
    as_frame : bool, default=True
        Give pandas objects; otherwise numpy arrays of dtype object.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With these entries:

        data : DataFrame of shape (1000, 20), or ndarray
            Seven integer columns and thirteen of dtype category.
        target : Series of shape (1000,), or ndarray
            ``"bad"`` or ``"good"``, named ``credit_risk``; dtype category in the Series.
        frame : DataFrame of shape (1000, 21), or None
            Features and target; None with ``as_frame=False``.
        feature_names : list of str
            The columns of ``data``.
        target_names : list of str
            Both labels, the favourable one last.
        sensitive_feature_names : list of str
            ``["age"]``.
        legacy_sex : Series of shape (1000,), or ndarray
            ``"male"`` or ``"female"`` as older studies read it out of ``personal_status``, to
            repeat their figures only: the reading is known to be wrong [2]_.
        DESCR, licence, license, citation : str
            Description with the known errors of the code table, terms of use, reference.
        filename, data_module : str
            Where the table lies in the package.

    (data, target) : tuple
        With ``return_X_y=True``.

    References
    ----------
    .. [1] Hofmann, H. (1994). Statlog (German Credit Data). UCI Machine Learning Repository.
       https://doi.org/10.24432/C5NC77
    .. [2] Groemping, U. (2019). South German Credit Data: Correcting a Widely Used Data Set.
       Report 4/2019, Reports in Mathematics, Physics and Chemistry, Beuth University of
       Applied Sciences Berlin.

    Examples
    --------
    >>> from skfair.datasets import load_german
    >>> X, y = load_german(return_X_y=True)
    >>> (y == "good").groupby(X["age"] <= 25).mean().round(3).to_dict()
    {False: 0.728, True: 0.579}
    """
    bunch = load_bundle(_GERMAN, as_frame=True)
    bunch.legacy_sex = _legacy_sex(bunch.data["personal_status"])
    if not as_frame:
        bunch.update({key: to_array(bunch[key]) for key in ("data", "target", "legacy_sex")})
        bunch.frame = None
    return (bunch.data, bunch.target) if return_X_y else bunch


def _legacy_sex(personal_status: pd.Series) -> pd.Series:
    """Read sex as the UCI code table has it: A91, A93, A94 male; A92, A95 female."""
    male = personal_status.astype(str).str.startswith("male")
    labels = pd.Categorical(np.where(male, "male", "female"), categories=["female", "male"])
    return pd.Series(labels, index=personal_status.index, name="legacy_sex")
