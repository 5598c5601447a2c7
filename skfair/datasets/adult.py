"""Adult: income above 50,000 dollars in the US census of 1994."""

from __future__ import annotations

from typing import Any

from sklearn.utils import Bunch

from skfair.datasets._bundle import BundledTable, load_bundle

_ADULT = BundledTable(
    name="adult",
    target="income",
    target_names=("<=50K", ">50K"),
    sensitive=("sex", "race", "age"),
    integers=("age", "fnlwgt", "education-num", "capital-gain", "capital-loss", "hours-per-week"),
    citation=(
        "Becker, B. & Kohavi, R. (1996). Adult [Dataset]. UCI Machine Learning Repository. "
        "https://doi.org/10.24432/C5XW20"
    ),
)
_N_TRAIN = 32_561


def load_adult(*, return_X_y: bool = False, as_frame: bool = True) -> Bunch | tuple[Any, Any]:
    """Load the Adult census data: who has an income above 50,000 dollars, 48,842 people.

    All rows of the source, the training part first and the test part after it. Missing
    answers are NaN, and both parts spell the labels alike. The data come with the package:
    nothing is downloaded.

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

        data : DataFrame of shape (48842, 14), or ndarray
            Six integer columns and eight of dtype category. ``fnlwgt`` is a sampling weight,
            not a feature: see ``DESCR``.
        target : Series of shape (48842,), or ndarray
            ``"<=50K"`` or ``">50K"``, named ``income``; dtype category in the Series.
        frame : DataFrame of shape (48842, 15), or None
            Features and target; None with ``as_frame=False``.
        feature_names : list of str
            The columns of ``data``.
        target_names : list of str
            Both labels, the favourable one last.
        sensitive_feature_names : list of str
            ``["sex", "race", "age"]``.
        n_train : int
            The first 32,561 rows are the source's training part.
        DESCR, licence, license, citation : str
            Description with the known caveats, terms of use, reference.
        filename, data_module : str
            Where the table lies in the package.

    (data, target) : tuple
        With ``return_X_y=True``.

    References
    ----------
    .. [1] Becker, B. & Kohavi, R. (1996). Adult. UCI Machine Learning Repository.
       https://doi.org/10.24432/C5XW20
    .. [2] Ding, F., Hardt, M., Miller, J. & Schmidt, L. (2021). Retiring Adult: new datasets
       for fair machine learning. NeurIPS 34. https://doi.org/10.48550/arXiv.2108.04884

    Examples
    --------
    >>> from skfair.datasets import load_adult
    >>> X, y = load_adult(return_X_y=True)
    >>> (y == ">50K").groupby(X["sex"], observed=True).mean().round(3).to_dict()
    {'Female': 0.109, 'Male': 0.304}
    """
    bunch = load_bundle(_ADULT, as_frame=as_frame)
    bunch.n_train = _N_TRAIN
    return (bunch.data, bunch.target) if return_X_y else bunch
