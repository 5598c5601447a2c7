"""The JSON schema of a report (draft 2020-12)."""

from __future__ import annotations

from typing import Any

from skfair.reporting._forms import FORMAT, VERSION
from skfair.reporting._words import CRITERIA, RATES

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_NUMBER: Schema = {
    "type": ["number", "null"],
    "description": "null where it is undefined (0/0) or has no bound",
}
_TEXTS: Schema = {"type": "array", "items": _TEXT, "minItems": 1}
_FLAG: Schema = {"type": "boolean"}


def _object(properties: Schema, *, optional: tuple[str, ...] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _listed(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_INTERVAL: Schema = {"estimate": _NUMBER, "low": _NUMBER, "high": _NUMBER}
_ESTIMATE = _object(_INTERVAL)
_WITH_P = _object({**_INTERVAL, "pvalue": _NUMBER})
_GROUP: Schema = {
    "group": {**_TEXTS, "description": "the group's value of each sensitive feature in 'by'"}
}
_RATE: Schema = {"enum": [*RATES]}


def _by(properties: Schema) -> Schema:
    by = {**_TEXTS, "description": "sensitive features; several: their intersections"}
    return _listed(_object({"by": by, **properties}))


def _groups(properties: Schema) -> Schema:
    return {"groups": _listed(_object({**_GROUP, **properties}))}


def report_schema() -> Schema:
    """JSON schema of what ``FairnessReport.to_dict`` and ``to_json`` give.

    Every figure is an object with ``estimate``, ``low`` and ``high``; null stands for what is
    undefined. Shares are in [0, 1], and differences are of shares. Groups are lists of text, a
    value for each of the features in ``by``.

    Returns
    -------
    schema : dict
        Of JSON schema's draft 2020-12.

    Examples
    --------
    >>> sorted(report_schema()["properties"])[:4]
    ['about', 'data', 'format', 'left_out']
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "skfair fairness report",
        **_object(
            {
                "format": {"const": FORMAT},
                "version": {"const": VERSION},
                "title": _TEXT,
                "about": _about(),
                "data": _data(),
                "model": _model(),
                "mitigation": _nullable(_mitigation()),
                "left_out": _listed(_object({"part": _TEXT, "why": _TEXT})),
                "notes": _listed(_object({"part": _TEXT, "message": _TEXT})),
                "limits": _listed(_TEXT),
            }
        ),
    }


def _about() -> Schema:
    return _object(
        {
            "skfair_version": _TEXT,
            "source": {"enum": ["rows", "tally"]},
            "model": _nullable(_TEXT),
            "n_rows": _COUNT,
            "is_weighted": _FLAG,
            "classes": _TEXTS,
            "positive_class": _nullable(_TEXT),
            "sensitive_features": _TEXTS,
            "has_scores": _FLAG,
            "confidence_level": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "min_group_size": _COUNT,
        }
    )


def _data() -> Schema:
    sizes = {"n": _COUNT, "effective_n": _NUMBER, "share": _ESTIMATE, "base_rate": _ESTIMATE}
    before_training = {
        "label_disparity": _WITH_P,
        "label_disparate_impact": _ESTIMATE,
        "js_divergence": _ESTIMATE,
    }
    proxy = {"column": _TEXT, "auc": _NUMBER, "normalized_mutual_information": _NUMBER}
    by = {"by": _TEXTS}
    copies = {**by, "n_duplicates": _COUNT, "n_clusters": _COUNT}
    parts = {
        "representation": _by(_groups(sizes)),
        "pretraining": _by(_groups(before_training)),
        "proxies": _by({"columns": _listed(_object(proxy))}),
        "duplicates": _object(
            {**copies, **_groups({"n": _COUNT, "n_duplicates": _COUNT, **_INTERVAL})}
        ),
        "label_noise": _object({**by, **_groups({"n": _COUNT, "n_suspect": _COUNT, **_INTERVAL})}),
    }
    return _object(parts, optional=tuple(parts))


def _model() -> Schema:
    end = _nullable(_object({**_GROUP, "estimate": _NUMBER}))
    criterion = {
        "criterion": {"enum": [*CRITERIA]},
        "gap": {"enum": ["difference", "ratio"]},
        "fair_value": {"enum": [0, 1]},
        **_INTERVAL,
        "pvalue": _NUMBER,
        "adjusted_pvalue": _NUMBER,
        "is_approximate": _nullable(_FLAG),
        "rate": _nullable(_RATE),
        "lowest": end,
        "highest": end,
        "sentence": _TEXT,
    }
    rate = {"rate": _RATE, **_groups({"n": _COUNT, **_INTERVAL})}
    parts = {
        "performance": _listed(_object({"rate": _RATE, "n": _COUNT, **_INTERVAL})),
        "rates": _by({"rates": _listed(_object(rate))}),
        "criteria": _by({"criteria": _listed(_object(criterion))}),
        **_scored(),
        "weak_slices": _weak_slices(),
        "attribution": _by({"gaps": _listed(_object({"feature": _TEXT, **_GROUP, **_INTERVAL}))}),
    }
    return _object(parts, optional=tuple(parts))


def _scored() -> Schema:
    curve = {"n_positive": _COUNT, "n_negative": _COUNT, **_INTERVAL}
    curve |= {"fpr": _listed({"type": "number"}), "tpr": _listed({"type": "number"})}
    calibrated = {"n": _COUNT, "mean_label": _NUMBER, "mean_probability": _NUMBER}
    calibrated |= {"in_the_large": _ESTIMATE, "error": _ESTIMATE}
    return {
        "roc": _by({"is_binned": _FLAG, **_groups(curve)}),
        "calibration": _by(_groups(calibrated)),
    }


def _weak_slices() -> Schema:
    weak = {"slice": _TEXT, "n": _COUNT, "share": _NUMBER, "mean_error": _NUMBER}
    weak |= {"rest_error": _NUMBER, **_INTERVAL, "adjusted_pvalue": _NUMBER}
    return _object({"mean_error": _NUMBER, "n_tested": _COUNT, "slices": _listed(_object(weak))})


def _mitigation() -> Schema:
    direction: Schema = {
        "enum": ["up", "down", "unclear", "undefined"],
        "description": "up or down where the interval of the change leaves 0 out",
    }
    compared = {"before": _ESTIMATE, "after": _ESTIMATE, "change": _ESTIMATE}
    compared |= {"direction": direction}
    criterion = {
        "criterion": {"enum": [*CRITERIA]},
        "gap": {"enum": ["difference", "ratio"]},
        "fair_value": {"enum": [0, 1]},
    }
    of_groups = _groups({"n_before": _COUNT, "n_after": _COUNT, **compared})
    return _object(
        {
            "is_paired": _FLAG,
            "n_rows": _object({"before": _COUNT, "after": _COUNT}),
            "cost": _listed(_object({"rate": _RATE, **compared})),
            "criteria": _by({"criteria": _listed(_object({**criterion, **compared}))}),
            "groups": _by({"rates": _listed(_object({"rate": _RATE, **of_groups}))}),
            "frontier": _by({"criterion": {"enum": [*CRITERIA]}, "models": _listed(_weighed())}),
        },
        optional=("frontier",),
    )


def _weighed() -> Schema:
    unbeaten = {**_FLAG, "description": "no other model is as accurate and as fair, and better"}
    figures = {"accuracy": _ESTIMATE, "violation": _ESTIMATE}
    return _object({"name": _TEXT, **figures, "is_unbeaten": unbeaten})
