"""``skfair mitigate``: search for the best model within a bound on bias."""

from __future__ import annotations

import warnings
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import train_test_split

from skfair._utils.optional import import_optional
from skfair.cli._audit import finish, read_task, report_options
from skfair.cli._candidates import Candidate, Wanted, make_candidates, plain_model
from skfair.cli._columns import check_column, column_of, is_of_single_rows, kind_of_column
from skfair.cli._conditions import check_features, read_condition, read_figure
from skfair.cli._decisions import Task, refuse_many_values
from skfair.cli._model_files import ModelCard, save_model
from skfair.cli._names import METHODS, WITH_GROUP
from skfair.cli._problems import CommandError, telling
from skfair.cli._search import Trial, choose, try_all
from skfair.cli._tables import Format, read_table
from skfair.cli._terminal import note, say, show_change, show_trials
from skfair.cli._writing import check_outputs
from skfair.criteria import Criterion
from skfair.groups import Groups
from skfair.model_selection import GroupLabelStratifiedKFold
from skfair.reporting import FairnessReport


@dataclass(frozen=True, eq=False)
class Parts:
    """Rows of the search, and rows that it never sees."""

    X: pd.DataFrame
    y: pd.Series
    test: pd.DataFrame


def mitigate(args: Namespace) -> int:
    """Run the command; return the exit code."""
    conditions = [read_condition(text) for text in args.fail_if]
    criterion, bound = _read_aim(args)
    _check_group_options(args)
    check_outputs([args.html, args.json, args.output], [args.data])
    with telling("--output"):
        import_optional("skops.io", extra="report", purpose="writing a model")
    frame = read_table(args.data, Format(args.encoding, args.separator, args.decimal))
    task = read_task(args, frame, list(frame.columns))
    check_features(conditions, [column_of(feature) for feature in task.sensitive_features])
    refuse_many_values(frame, task.sensitive_features)
    wanted = Wanted(
        criterion, bound, args.metric, task.sensitive_features, task.positive, args.random_state
    )
    columns = _model_columns(frame, task, args)
    parts = split(frame[[*_all_columns(task, columns), task.target]], task, args)
    candidates = _candidates(parts.X, columns, wanted, args)
    trials = _search(parts, candidates, wanted, args)
    chosen, refused = choose(trials)
    _tell_features(frame, task, columns)
    show_trials(trials, chosen, refused)
    _explain(trials, chosen, refused)
    plain, best = _fit_again(candidates[0], chosen, parts)
    return _tell(args, task, parts, chosen, plain, best, conditions)


def split(frame: pd.DataFrame, task: Task, args: Namespace) -> Parts:
    """Set a test part aside, with the same share of each label and group as far as they have rows.

    Returns
    -------
    Parts
        The test part has the target in it.
    """
    cells, is_possible = _cells_to_keep(frame, task, args.test_size), 0 < args.test_size < 1
    with telling(f"--test-size {args.test_size:g} of {len(frame)} rows"):
        if not is_possible:
            raise ValueError("it must be between 0 and 1, since the report needs a test part")
        search, test = train_test_split(
            np.arange(len(frame)),
            test_size=args.test_size,
            stratify=cells,
            random_state=args.random_state,
        )
    rest = frame.iloc[np.sort(search)].reset_index(drop=True)
    test_part = frame.iloc[np.sort(test)].reset_index(drop=True)
    return Parts(rest.drop(columns=task.target), rest[task.target], test_part)


def _cells_to_keep(frame: pd.DataFrame, task: Task, test_size: float) -> NDArray[np.int64]:
    """Cell of label and group of each row; small cells join the largest one of their label."""
    groups = Groups.from_columns(frame, task.sensitive_features)
    positive = (frame[task.target] == task.positive).to_numpy()
    cells = 2 * groups.codes.astype(np.int64) + positive
    rows = np.bincount(cells, minlength=2 * groups.n_groups)
    least = 1 / max(min(test_size, 1 - test_size), 1e-9)
    for label in (0, 1):
        own = np.arange(label, len(rows), 2)
        small = (rows[cells] < least) & (cells % 2 == label)
        cells[small] = own[rows[own].argmax()]
    return cells


def _read_aim(args: Namespace) -> tuple[Criterion, float]:
    figure = read_figure(args.criterion, "--criterion")
    if not isinstance(figure, Criterion):
        raise CommandError(
            f"--criterion {args.criterion}: name a criterion, such as equalized_odds, or the gap "
            f"of the rate, {figure.name}_difference"
        )
    if any(rate.ignores_prediction for rate in figure.rates):
        raise CommandError(f"--criterion {args.criterion}: no model can change it")
    usual = 0.8 if figure.gap == "ratio" else 0.05
    return figure, usual if args.bound is None else args.bound


def _check_group_options(args: Namespace) -> None:
    flag = "--allow-group-at-predict"
    if args.allow_group_at_predict:
        return
    for method in args.methods or ():
        if method in WITH_GROUP:
            raise CommandError(
                f"--try {method} uses or infers a person's group when it decides, which can be "
                f"unlawful: add {flag} if it is allowed where you decide"
            )
    if args.keep_sensitive_features:
        raise CommandError(
            "--keep-sensitive-features lets every model use a person's group when it decides, "
            f"which can be unlawful: add {flag} if it is allowed where you decide"
        )


def _model_columns(frame: pd.DataFrame, task: Task, args: Namespace) -> list[str]:
    """Columns that are features of the model."""
    known = list(frame.columns)
    left_out = {task.target, *(check_column(name, "--drop", known) for name in args.drop)}
    if not args.keep_sensitive_features:
        left_out |= {column_of(feature) for feature in task.sensitive_features}
    columns = [name for name in known if name not in left_out]
    times = [n for n in columns if pd.api.types.is_datetime64_any_dtype(frame[n])]
    if times:
        note(f"dates and times are no features here: {', '.join(times)}")
    columns = [name for name in columns if name not in times]
    names = [name for name in columns if is_of_single_rows(frame[name])]
    if names:
        note(
            f"nearly every row has a value of its own, so they are no features: {', '.join(names)}"
        )
    columns = [name for name in columns if name not in names]
    if not columns:
        raise CommandError("no column is left to be a feature of the model")
    return columns


def _tell_features(frame: pd.DataFrame, task: Task, columns: list[str]) -> None:
    say(f"features: {', '.join(columns)}")
    for name in columns:
        if set(frame[name].dropna()) == set(frame[task.target].dropna()):
            note(
                f"{name} has the labels' values: if it is a decision, leave it out (--drop {name})"
            )


def _all_columns(task: Task, columns: list[str]) -> list[str]:
    sensitive = (column_of(feature) for feature in task.sensitive_features)
    return [*columns, *(name for name in sensitive if name not in columns)]


def _candidates(
    X: pd.DataFrame, columns: list[str], wanted: Wanted, args: Namespace
) -> list[Candidate]:
    allowed = [m for m in METHODS if args.allow_group_at_predict or m not in WITH_GROUP]
    methods = [m for m in allowed if args.methods is None or m in args.methods]
    model = plain_model(X, columns, args.estimator, args.random_state)
    uses_group = args.keep_sensitive_features
    found, left_out = make_candidates(model, wanted, methods, plain_uses_group=uses_group)
    if left_out:
        note(f"not tried, since {wanted.criterion.name} isn't linear: {', '.join(left_out)}")
    return found


def _search(
    parts: Parts, candidates: list[Candidate], wanted: Wanted, args: Namespace
) -> list[Trial]:
    with telling(f"--cv {args.cv}"):
        folds = GroupLabelStratifiedKFold(
            args.cv,
            sensitive_features=wanted.sensitive_features,
            shuffle=True,
            random_state=args.random_state,
        )
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            splits = list(folds.split(parts.X, parts.y))
    for warning in caught:
        note(str(warning.message))
    return try_all(
        candidates,
        parts.X,
        parts.y,
        splits,
        wanted,
        jobs=args.jobs,
        show=not args.no_progress,
        min_group_size=args.min_group_size,
    )


def _explain(trials: list[Trial], chosen: Trial, refused: list[tuple[Trial, str]]) -> None:
    for trial, why in refused:
        say(f"refused: {trial.candidate.name}, since {why}")
    for trial in trials:
        if trial.error:
            note(f"{trial.candidate.name} failed: {trial.error}")
    wanted = chosen.wanted
    if not chosen.is_within:
        say(
            f"no candidate is within {wanted.criterion.name} of {wanted.bound:g}; "
            f"{chosen.candidate.name} misses it by the least ({chosen.violation:.3f})"
        )
    if chosen.candidate.uses_group:
        say(
            f"{chosen.candidate.name} uses or infers a person's group when it decides: in many "
            "places that is unlawful for many decisions"
        )
    say(f"chosen: {chosen.candidate.name}\n")


def _fit_again(plain: Candidate, chosen: Trial, parts: Parts) -> tuple[Any, Any]:
    """Fit the plain and the chosen model to all rows of the search."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        models = [
            clone(candidate.model).fit(parts.X, parts.y) for candidate in (plain, chosen.candidate)
        ]
    for message in {str(w.message) for w in caught if issubclass(w.category, UserWarning)}:
        note(message)
    return models[0], models[1]


def _tell(
    args: Namespace, task: Task, parts: Parts, chosen: Trial, plain: Any, best: Any, conditions: Any
) -> int:
    """Report on the test part, and write model and report."""
    X, y = parts.test.drop(columns=task.target), parts.test[task.target]
    given = {
        "sensitive_features": task.sensitive_features,
        "pos_label": task.positive,
        **report_options(args, f"{task.data}: {chosen.in_words}"),
    }
    sections = ["performance", "rates", "criteria"]
    before = FairnessReport(plain, X, y, **{**given, "sections": sections})
    report = FairnessReport(best, X, y, baseline=before, **given)
    show_change(report.to_dict(), before.to_dict())
    card = ModelCard(
        task.target,
        str(task.positive),
        args.sensitive,
        {name: kind_of_column(X[name]) for name in X.columns},
        chosen.candidate.name,
        chosen.candidate.uses_group,
        Path(task.data).name,
    )
    with telling(f"{args.output} can't be written"):
        save_model(best, card, args.output)
    say(f"model: {args.output}")
    return finish(args, report, conditions)
