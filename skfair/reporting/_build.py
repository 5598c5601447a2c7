"""From what is known of a model's decisions to the plain dict that a report is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from skfair._version import __version__
from skfair.base import wants
from skfair.reporting import _data, _errors, _model, _scored
from skfair.reporting._forms import FORMAT, VERSION
from skfair.reporting._inputs import Audited
from skfair.reporting._limits import limits_in_words
from skfair.reporting._mitigation import mitigation
from skfair.reporting._options import DATA_PARTS, MODEL_PARTS, Options
from skfair.reporting._plain import Plain, noting

_FEWEST_ROWS = 64


def build(
    audited: Audited,
    options: Options,
    models: Mapping[str, Audited],
    paired: bool | None = None,
) -> Plain:
    """Compute a report; the schema of what comes out is :func:`skfair.reporting.report_schema`."""
    notes: list[Plain] = []
    found, left_out = _make_parts(audited, options, notes)
    compared = None
    if models:
        with noting("mitigation", notes):
            compared = mitigation(audited, models, options, paired)
    report: Plain = {
        "format": FORMAT,
        "version": VERSION,
        "title": str(options.title),
        "about": _about(audited, options),
        "data": {part: found[part] for part in DATA_PARTS if part in found},
        "model": {part: found[part] for part in MODEL_PARTS if part in found},
        "mitigation": compared,
    }
    report |= {"left_out": left_out, "notes": notes}
    return report | {"limits": limits_in_words(report)}


def _make_parts(
    audited: Audited, options: Options, notes: list[Plain]
) -> tuple[Plain, list[Plain]]:
    """Make the parts that are wanted, and say of those that can't be made why not."""
    found: Plain = {}
    left_out: list[Plain] = []
    for part in options.parts:
        reason = why_not(part, audited)
        if reason is None:
            with noting(part, notes):
                found[part] = _maker(part, audited, options)()
        elif options.sections is not None and part in options.sections:
            raise ValueError(f"the section {part!r} can't be made: {reason}")
        else:
            left_out.append({"part": part, "why": reason})
    return found, left_out


def _about(audited: Audited, options: Options) -> Plain:
    rows, positive = audited.rows, audited.positive
    return {
        "skfair_version": __version__,
        "source": "tally" if rows is None else "rows",
        "model": None if rows is None or rows.estimator is None else _name_of(rows.estimator),
        "n_rows": audited.tally.n_samples,
        "is_weighted": audited.is_weighted,
        "classes": [str(label) for label in audited.tally.classes],
        "positive_class": None if positive is None else str(positive),
        "sensitive_features": [*audited.tally.names],
        "has_scores": audited.scores is not None or (rows is not None and rows.score is not None),
        "confidence_level": options.confidence_level,
        "min_group_size": options.min_group_size,
    }


def _name_of(estimator: Any) -> str:
    inner = estimator
    while True:
        if hasattr(inner, "steps"):
            inner = inner.steps[-1][1]
        elif getattr(inner, "estimator", None) is not None:
            inner = inner.estimator
        else:
            break
    outer = type(estimator).__name__
    return outer if inner is estimator else f"{outer} with {type(inner).__name__}"


def _maker(part: str, audited: Audited, options: Options) -> Callable[[], Any]:
    level, seed = options.confidence_level, options.random_state
    return {
        "representation": lambda: _data.representation(audited, level),
        "pretraining": lambda: _data.pretraining(audited, level),
        "proxies": lambda: _data.proxies(audited, seed),
        "duplicates": lambda: _data.duplicates(audited, level),
        "label_noise": lambda: _data.label_noise(audited, level),
        "performance": lambda: _model.performance(audited, level),
        "rates": lambda: _model.rates(audited, level),
        "criteria": lambda: _model.criteria(audited, options),
        "roc": lambda: _scored.roc(audited, level),
        "calibration": lambda: _scored.calibration(audited, level),
        "weak_slices": lambda: _errors.weak_slices(audited, level),
        "attribution": lambda: _errors.attribution(audited, level, seed),
    }[part]


def why_not(part: str, audited: Audited) -> str | None:
    """Say what a part lacks; None if nothing."""
    rows = audited.rows
    if part == "pretraining":
        return None if audited.has_two_labels else "the labels are of one class"
    if part == "roc":
        has_scores = audited.scores is not None or (rows is not None and rows.score is not None)
        return None if has_scores else "there are no scores"
    if part in ("calibration", "label_noise"):
        if rows is None or not rows.has_probabilities:
            return "there are no probabilities, row by row"
        lacks = part == "label_noise" and not audited.has_two_labels
        return "the labels are of one class" if lacks else None
    if part in ("proxies", "duplicates", "weak_slices", "attribution"):
        if rows is None or rows.X is None:
            return "there are no features, X"
        if hasattr(rows.X, "tocsr"):
            return "the features are a sparse matrix"
        if part == "attribution":
            return _why_no_attribution(rows.estimator)
        if part != "duplicates" and len(rows.groups) < _FEWEST_ROWS:
            return f"there are fewer than {_FEWEST_ROWS} rows"
    return None


def _why_no_attribution(estimator: Any) -> str | None:
    if estimator is None:
        return "there is no estimator"
    if not hasattr(estimator, "classes_"):
        return "the estimator doesn't tell its classes"
    method = "predict_proba" if hasattr(estimator, "predict_proba") else "decision_function"
    if not hasattr(estimator, method):
        return "the estimator gives no scores"
    return "the estimator asks for groups at predict" if wants(estimator, method) else None
