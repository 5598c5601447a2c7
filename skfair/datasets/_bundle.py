"""Read a bundled table into the Bunch that every loader returns."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from importlib import resources
from typing import Any

import pandas as pd
from sklearn.utils import Bunch

DATA_MODULE = "skfair.datasets.data"
LICENCE = "CC BY 4.0"


@dataclass(frozen=True)
class BundledTable:
    """What a loader has to know about a table in ``skfair/datasets/data``.

    Parameters
    ----------
    name : str
        Stem of ``<name>.csv.gz`` (the table) and ``<name>.rst`` (its description).
    target : str
        Column to predict.
    target_names : tuple of str
        The labels; the last one is the favourable outcome.
    sensitive : tuple of str
        Columns that tell protected groups apart.
    integers : tuple of str
        Columns of integers; every other column is categorical.
    citation : str
        How the source asks to be cited.
    """

    name: str
    target: str
    target_names: tuple[str, ...]
    sensitive: tuple[str, ...]
    integers: tuple[str, ...]
    citation: str

    @property
    def filename(self) -> str:
        """Name of the compressed table inside ``DATA_MODULE``."""
        return f"{self.name}.csv.gz"

    def read(self) -> pd.DataFrame:
        """Read the table anew: whoever gets it may change it."""
        dtypes = defaultdict(lambda: "category", dict.fromkeys(self.integers, "int64"))
        with (resources.files(DATA_MODULE) / self.filename).open("rb") as file:
            # Only empty fields are missing: "none" is an answer in the German data.
            return pd.read_csv(
                file, compression="gzip", dtype=dtypes, keep_default_na=False, na_values=[""]
            )

    def describe(self) -> str:
        """Read the description."""
        return (resources.files(DATA_MODULE) / f"{self.name}.rst").read_text(encoding="utf-8")


def to_array(values: pd.DataFrame | pd.Series) -> Any:
    """Turn a mixed table or a column of labels into an object array, NaN where missing."""
    return values.astype(object).to_numpy()


def load_bundle(table: BundledTable, *, as_frame: bool) -> Bunch:
    """Read ``table`` and return it in scikit-learn's ``load_*`` form."""
    frame = table.read()
    data = frame.drop(columns=table.target)
    target = frame[table.target].copy()
    return Bunch(
        data=data if as_frame else to_array(data),
        target=target if as_frame else to_array(target),
        frame=frame if as_frame else None,
        feature_names=list(data.columns),
        target_names=list(table.target_names),
        sensitive_feature_names=list(table.sensitive),
        DESCR=table.describe(),
        licence=LICENCE,
        license=LICENCE,
        citation=table.citation,
        filename=table.filename,
        data_module=DATA_MODULE,
    )
