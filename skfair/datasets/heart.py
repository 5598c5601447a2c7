"""Heart Disease: narrowed coronary arteries of patients in Cleveland."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
from sklearn.utils import Bunch

from skfair.datasets._bundle import BundledTable, load_bundle


@dataclass(frozen=True)
class _TableWithFloats(BundledTable):
    """A bundled table of which some columns hold decimals or missing numbers."""

    floats: tuple[str, ...] = ()

    def read(self) -> pd.DataFrame:
        """Read the table anew."""
        return super().read().astype(dict.fromkeys(self.floats, "float64"))


_HEART = _TableWithFloats(
    name="heart",
    target="heart_disease",
    target_names=("presence", "absence"),
    sensitive=("sex", "age"),
    integers=("age", "trestbps", "chol", "thalach"),
    citation=(
        "Janosi, A., Steinbrunn, W., Pfisterer, M. & Detrano, R. (1989). Heart Disease [Dataset]. "
        "UCI Machine Learning Repository. https://doi.org/10.24432/C52P4X"
    ),
    floats=("oldpeak", "ca"),
)


def load_heart(*, return_X_y: bool = False, as_frame: bool = True) -> Bunch | tuple[Any, Any]:
    """Load the Cleveland Heart Disease data: narrowed coronary arteries, 303 patients.

    The 14 columns of UCI's ``processed.cleveland.data``, under UCI's names, the codes spelled out.
    A small table: 61 rows in a test set of 20 %, about 20 of them women. Read ``DESCR`` before
    you compare groups. The data come with the package: nothing is downloaded.

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

        data : DataFrame of shape (303, 13), or ndarray
            Four integer columns, two of floats and seven of dtype category. ``ca`` has 4 missing
            values, ``thal`` 2.
        target : Series of shape (303,), or ndarray
            ``"presence"`` (a major vessel is narrowed by more than 50 %) or ``"absence"``, named
            ``heart_disease``; dtype category in the Series.
        frame : DataFrame of shape (303, 14), or None
            Features and target; None with ``as_frame=False``.
        feature_names : list of str
            The columns of ``data``.
        target_names : list of str
            Both labels, the favourable one last. A model that looks for the disease has
            ``pos_label="presence"``.
        sensitive_feature_names : list of str
            ``["sex", "age"]``.
        DESCR, licence, license, citation : str
            Description with the known caveats, terms of use, reference.
        filename, data_module : str
            Where the table lies in the package.

    (data, target) : tuple
        With ``return_X_y=True``.

    References
    ----------
    .. [1] Janosi, A., Steinbrunn, W., Pfisterer, M. & Detrano, R. (1989). Heart Disease. UCI
       Machine Learning Repository. https://doi.org/10.24432/C52P4X
    .. [2] Detrano, R. et al. (1989). International application of a new probability algorithm for
       the diagnosis of coronary artery disease. American Journal of Cardiology 64(5), 304-310.
       https://doi.org/10.1016/0002-9149(89)90524-9

    Examples
    --------
    >>> from skfair.datasets import load_heart
    >>> X, y = load_heart(return_X_y=True)
    >>> (y == "presence").groupby(X["sex"], observed=True).mean().round(3).to_dict()
    {'female': 0.258, 'male': 0.553}
    """
    bunch = load_bundle(_HEART, as_frame=as_frame)
    return (bunch.data, bunch.target) if return_X_y else bunch
