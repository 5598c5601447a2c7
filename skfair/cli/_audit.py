"""``skfair audit``: a report on labels or decisions by group."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.metrics import roc_auc_score

from skfair._utils.columns import as_floats
from skfair.cli._columns import (
    check_column,
    check_predictions,
    check_roles,
    column_of,
    read_positive,
    read_sensitive,
)
from skfair.cli._conditions import Condition, check_features, judge, read_condition
from skfair.cli._decisions import (
    Task,
    columns_for,
    decide,
    refuse_many_values,
    tally_of_batches,
    tally_of_files,
)
from skfair.cli._model_files import ModelCard, load_model
from skfair.cli._problems import CommandError, telling
from skfair.cli._tables import BUNDLED, Format, kind_of, read_table
from skfair.cli._terminal import (
    note,
    say,
    show_decisions,
    show_features,
    show_labels,
    show_outcomes,
)
from skfair.cli._writing import check_outputs, draft_of
from skfair.criteria import Criterion
from skfair.detection import detect_bias
from skfair.groups import Groups
from skfair.reporting import FairnessReport
from skfair.tally import column_kinds, count_values

_OF_LABELS = {"selection_rate", "base_rate"}


def audit(args: Namespace) -> int:
    """Run the command; return the exit code."""
    conditions = [read_condition(text) for text in args.fail_if]
    check_outputs([args.html, args.json], [args.data, args.model])
    if not args.prediction and not args.model:
        _refuse_of_labels(conditions)
    if args.score and not args.prediction:
        raise CommandError("--score needs --prediction, the decisions that were made of it")
    if kind_of(args.data) == "parquet" and _is_large(args):
        report = _audit_files(args, conditions)
    else:
        report = _audit_rows(args, conditions)
    found = report.to_dict()
    if args.prediction or args.model:
        show_decisions(found)
    else:
        show_labels(found)
    return finish(args, report, conditions)


def finish(args: Namespace, report: FairnessReport, conditions: list[Condition]) -> int:
    """Write the report, judge the conditions, and return the exit code."""
    positive = report.to_dict()["about"]["positive_class"]
    write_report(report, args.html, args.json)
    label = next((x for x in report.tally.classes if str(x) == positive), None)
    options = {
        "pos_label": label,
        "confidence_level": args.confidence_level,
        "min_group_size": args.min_group_size,
    }
    outcomes = judge(conditions, report.tally.views(), args.fail_side, **options)
    return int(show_outcomes(outcomes, args.fail_side))


def read_task(args: Namespace, source: Any, known: list[str]) -> Task:
    """Check the columns that options name, and the labels, in a frame or in files."""
    bundled = BUNDLED[args.data]() if kind_of(args.data) == "bundled" else None
    target = args.target or (None if bundled is None else bundled.frame.columns[-1])
    positive = args.positive
    if bundled is not None and args.target is None and positive is None:
        positive = bundled.target_names[-1]
    target = check_column(_needed_target(target), "--target", known)
    options = {name: getattr(args, name, None) for name in ("prediction", "score", "weight")}
    for name, column in options.items():
        if column is not None:
            check_column(column, f"--{name}", known)
    sensitive = read_sensitive(args.sensitive, known)
    roles = {"--target": [target], "--sensitive": [column_of(f) for f in sensitive]}
    check_roles(roles | {f"--{name}": [column] for name, column in options.items()})
    labels = _values(source, target)
    label = read_positive(labels, target, positive)
    if options["prediction"] is not None:
        given = f"--prediction {args.prediction!r}"
        check_predictions(_values(source, args.prediction), given, labels, target)
    return Task(args.data, target, label, sensitive, **options)


def _needed_target(target: str | None) -> str:
    if target is None:
        raise CommandError("--target is needed: the column of labels")
    return target


def write_report(report: FairnessReport, html: str | None, json: str | None) -> None:
    """Write the report where it is wanted, and say so."""
    if html is not None:
        with telling(f"{html} can't be written"), draft_of(html) as draft:
            report.to_html(draft)
        say(f"report: {html} (open it in a browser)")
    if json is not None:
        with telling(f"{json} can't be written"), draft_of(json) as draft:
            report.to_json(draft)
        say(f"figures: {json}")


def report_options(args: Namespace, title: str) -> dict[str, Any]:
    """Options of a report, as the command line has them."""
    return {
        "title": args.title or title,
        "confidence_level": args.confidence_level,
        "min_group_size": args.min_group_size,
    }


def _values(source: Any, column: str) -> Any:
    if isinstance(source, pd.DataFrame):
        return source[column]
    with telling(str(source), Exception):
        return count_values(source, column).values


def _is_large(args: Namespace) -> bool:
    """Count the rows of Parquet files without loading them."""
    with telling(f"{args.data} can't be read as Parquet", Exception):
        known = list(column_kinds(args.data))
        if not known:
            raise CommandError(f"{args.data} has no columns")
        target = check_column(_needed_target(args.target), "--target", known)
        n = int(count_values(args.data, target).rows.sum())
    return n > args.rows_in_memory


def _audit_files(args: Namespace, conditions: list[Condition]) -> FairnessReport:
    """Report on files that are too large to be loaded."""
    with telling(args.data):
        task = read_task(args, args.data, list(column_kinds(args.data)))
    _check_names(task, conditions)
    note(f"more than {args.rows_in_memory} rows are counted where they are, and not loaded")
    if task.score is not None:
        note("scores aren't counted: ROC curves and calibration need --rows-in-memory")
    options = report_options(args, "Fairness report")
    if args.model:
        model, card = _load(args.model, task)
        tally = tally_of_batches(model, card, task)
    else:
        tally = tally_of_files(task)
    if not args.prediction and not args.model:
        options["sections"] = ["representation", "pretraining"]
    with telling(args.data):
        return FairnessReport.from_tally(tally, pos_label=task.positive, **options)


def _audit_rows(args: Namespace, conditions: list[Condition]) -> FairnessReport:
    frame = read_table(args.data, Format(args.encoding, args.separator, args.decimal))
    task = read_task(args, frame, list(frame.columns))
    _check_names(task, conditions)
    refuse_many_values(frame, task.sensitive_features)
    weight = None if task.weight is None else frame[task.weight]
    given: dict[str, Any] = {
        "pos_label": task.positive,
        "sample_weight": weight,
        **report_options(args, "Fairness report"),
    }
    y = frame[task.target]
    if args.model:
        return _audit_model(args.model, frame, task, given)
    X, features = task.features_of(frame), task.sensitive_features
    found = y if task.prediction is None else frame[task.prediction]
    with telling(args.data):
        if task.prediction is None:
            given["sections"] = ["representation", "pretraining", "proxies", "duplicates"]
            _show_columns(frame, task)
        elif task.score is not None:
            given["y_score"] = frame[task.score]
        report = FairnessReport.from_predictions(
            y, found, X=X, sensitive_features=features, **given
        )
    if task.score is not None:
        _note_scores(frame, task)
    return report


def _note_scores(frame: pd.DataFrame, task: Task) -> None:
    """Tell where scores are no probabilities, and where they run against the decisions."""
    score = as_floats(frame[task.score])
    if score.min() < 0 or score.max() > 1:
        note(
            f"--score {task.score}: values from {score.min():g} to {score.max():g} are no "
            "probabilities, so calibration isn't measured"
        )
    selected = frame[task.prediction] == task.positive
    weight = None if task.weight is None else frame[task.weight]
    if _runs_against(selected.to_numpy(), score, weight):
        note(
            f"--score {task.score} is lower where --prediction {task.prediction} is "
            f"{task.positive!r}: higher scores should mean that label"
        )


def _runs_against(selected: Any, score: Any, weight: Any) -> bool:
    """Whether the area under the ROC curve is below 0.5 by more than three standard errors."""
    m, n = int(selected.sum()), int((~selected).sum())
    if not (m and n):
        return False
    noise = ((m + n + 1) / (12 * m * n)) ** 0.5  # that of equal distributions (Mann and Whitney)
    return bool(roc_auc_score(selected, score, sample_weight=weight) < 0.5 - 3 * noise)


def _audit_model(
    path: str, frame: pd.DataFrame, task: Task, given: dict[str, Any]
) -> FairnessReport:
    model, card = _load(path, task)
    X = columns_for(model, card, frame, task)
    decide(model, X, task, frame[task.target])  # what is wrong is told by the option's name
    columns = [column_of(feature) for feature in task.sensitive_features]
    groups: Any = task.sensitive_features
    if not set(columns) <= set(X.columns):
        groups = Groups.from_columns(frame, task.sensitive_features).to_values()
    with telling(f"{path} with {task.data}"):
        return FairnessReport(model, X, frame[task.target], sensitive_features=groups, **given)


def _load(path: str, task: Task) -> tuple[Any, ModelCard | None]:
    """Read the model, and tell where it is judged on rows that it was fitted to."""
    model, card = load_model(path)
    if card is not None and card.data == Path(task.data).name:
        note(
            f"the model was fitted to rows of {card.data}: on those the figures are too good; the "
            "report of skfair mitigate is on rows that it hasn't seen"
        )
    return model, card


def _show_columns(frame: pd.DataFrame, task: Task) -> None:
    found = detect_bias(
        frame,
        target=task.target,
        sensitive_features=task.sensitive_features,
        sample_weight=task.weight,
        pos_label=task.positive,
    )
    show_features(found.features, found.proxies)


def _check_names(task: Task, conditions: list[Condition]) -> None:
    check_features(conditions, [column_of(feature) for feature in task.sensitive_features])


def _refuse_of_labels(conditions: list[Condition]) -> None:
    for condition in conditions:
        figure = condition.figure
        rates = figure.rates if isinstance(figure, Criterion) else (figure,)
        if not {rate.name for rate in rates} <= _OF_LABELS:
            raise CommandError(
                f"--fail-if {condition.text!r} is about decisions: give --prediction or --model"
            )
