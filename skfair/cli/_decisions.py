"""Decisions to be judged: of rows in memory, and of Parquet files that stay where they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pandas as pd

from skfair._utils.optional import import_optional
from skfair._utils.text import did_you_mean, listed
from skfair.cli._columns import Feature, check_predictions, is_of_single_rows, kind_of_column
from skfair.cli._model_files import ModelCard
from skfair.cli._problems import CommandError, telling
from skfair.cli._tables import files_of
from skfair.groups import MAX_NUMERIC_GROUPS, Groups
from skfair.tally import Tally, count_values

_BATCH = 100_000


@dataclass(frozen=True, eq=False)
class Task:
    """What is to be judged, as the options name it.

    Parameters
    ----------
    data : str
    target : str
    positive : label
    sensitive_features : list of str and Bins
    prediction, score, weight : str or None
        Names of columns.
    """

    data: str
    target: str
    positive: Any
    sensitive_features: list[Feature]
    prediction: str | None = None
    score: str | None = None
    weight: str | None = None

    def features_of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Columns that are neither labels nor decisions nor weights."""
        own = [self.target, self.prediction, self.score, self.weight]
        return frame.drop(columns=[name for name in own if name is not None])


def refuse_many_values(frame: pd.DataFrame, features: Sequence[Feature]) -> None:
    """Refuse names or dates as groups, and say how a number that is given as groups is cut."""
    for feature in features:
        if not isinstance(feature, str):
            continue
        values = frame[feature].dropna()
        if not pd.api.types.is_numeric_dtype(values):
            if is_of_single_rows(values):
                raise CommandError(
                    f"--sensitive {feature}: it has {values.nunique():,} different values in "
                    f"{len(values):,} rows, which are no groups; name another column"
                )
        elif values.nunique() > MAX_NUMERIC_GROUPS:
            cuts = values.quantile([0.33, 0.67]).round().drop_duplicates().tolist()
            edges = ",".join(f"{cut:g}" for cut in cuts)
            raise CommandError(
                f"--sensitive {feature}: it has {values.nunique()} different numbers, which are no "
                f"groups; cut it, such as --sensitive {feature}:{edges}"
            )


def tally_of_files(task: Task) -> Tally:
    """Count a column of decisions, or the labels, where the files are."""
    with telling(task.data, Exception):
        return Tally.from_frame(
            task.data,
            y_true=task.target,
            y_pred=task.prediction or task.target,
            sensitive_features=task.sensitive_features,
            sample_weight=task.weight,
        )


def tally_of_batches(model: Any, card: ModelCard | None, task: Task) -> Tally:
    """Predict Parquet files in parts, and add the counts up."""
    with telling(task.data, Exception):
        labels = count_values(task.data, task.target).values
    parts = []
    for frame in batches_of(task.data):
        found = decide(model, columns_for(model, card, frame, task), task, labels)
        weight = None if task.weight is None else frame[task.weight]
        groups = Groups.from_columns(frame, task.sensitive_features)
        parts.append(Tally.from_arrays(frame[task.target], found, groups, sample_weight=weight))
    return reduce(add, parts)


def batches_of(data: str) -> Iterator[pd.DataFrame]:
    """Read Parquet files in parts."""
    library = import_optional("pyarrow.dataset", extra="data", purpose="reading Parquet in parts")
    with telling(data):
        source = library.dataset(files_of(data))
        batches = source.to_batches(batch_size=_BATCH)
    for batch in batches:
        if batch.num_rows:
            yield batch.to_pandas()


def decide(model: Any, X: pd.DataFrame, task: Task, labels: Any) -> Any:
    """Predict; whatever fails, or is none of the labels, is told in one line."""
    try:
        found = np.asarray(model.predict(X))
    except Exception as error:  # a model from outside may fail in any way
        raise CommandError(f"--model can't predict for {task.data}: {error}") from error
    if len(found) != len(X):
        raise CommandError(f"--model gives {len(found)} predictions for {len(X)} rows")
    check_predictions(found, "--model", labels, task.target)
    return found


def columns_for(model: Any, card: ModelCard | None, frame: pd.DataFrame, task: Task) -> Any:
    """Columns that the model was fitted to, in their order, or what is wrong with them."""
    X = task.features_of(frame)
    wanted = list(card.columns) if card is not None else _names_of(model)
    if wanted is None:
        return X
    lacking = [name for name in wanted if name not in X.columns]
    if lacking:
        near = did_you_mean(lacking[0], list(X.columns))
        raise CommandError(
            f"--model needs the column{'s' if len(lacking) > 1 else ''} {listed(lacking, 5)}, "
            f"which {task.data} lacks{near}"
        )
    for name, kind in ({} if card is None else card.columns).items():
        if kind_of_column(X[name]) != kind and not X[name].isna().all():
            raise CommandError(
                f"--model was fitted to {'numbers' if kind == 'number' else 'text'} in the column "
                f"{name!r}, and in {task.data} it holds {_found(X[name])}: write it as it was"
            )
    return X[wanted]


def _found(column: pd.Series) -> str:
    return "numbers" if kind_of_column(column) == "number" else "text or other values"


def _names_of(model: Any) -> list[str] | None:
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]
