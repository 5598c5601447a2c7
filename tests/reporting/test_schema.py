from __future__ import annotations

import json

import numpy as np
import pytest
from reporting.pages import make_hard_table

from skfair.reporting import FairnessReport, report_schema
from skfair.tally import Tally

TYPES = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


def is_of(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def faults(value, schema, where="report"):
    """What the words of JSON schema that the report's schema uses have against a value."""
    known = {
        *("type", "properties", "required", "additionalProperties", "items", "minItems", "enum"),
        *("const", "anyOf", "minimum", "exclusiveMinimum", "exclusiveMaximum"),
        *("description", "title", "$schema"),
    }
    assert set(schema) <= known
    if "anyOf" in schema:
        parts = [faults(value, part, where) for part in schema["anyOf"]]
        return [] if any(not part for part in parts) else parts[0]
    found = []
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(is_of(value, name) for name in names):
            return [f"{where}: {value!r} is no {names}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{where}: not {schema['const']}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} not in {schema['enum']}")
    if isinstance(value, dict):
        found += [f"{where}: lacks {key}" for key in schema["required"] if key not in value]
        for key, part in value.items():
            if key not in schema["properties"]:
                found.append(f"{where}: has {key}")
            else:
                found += faults(part, schema["properties"][key], f"{where}.{key}")
    if isinstance(value, list):
        if len(value) < schema.get("minItems", 0):
            found.append(f"{where}: too short")
        for i, part in enumerate(value):
            found += faults(part, schema["items"], f"{where}[{i}]")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{where}: {value} is too small")
    return found


@pytest.fixture(scope="module")
def reports():
    X, y, score = make_hard_table(800)
    words = np.array(["no & no", "<yes>"])
    pred, before = words[(score > 0.6).astype(int)], words[(score > 0.5).astype(int)]
    options = {"sensitive_features": ["group", "site"], "pos_label": "<yes>", "X": X}
    tally = Tally.from_arrays(y, pred, X["site"])
    return [
        FairnessReport.from_predictions(
            y, pred, y_score=score, baseline=before, n_resamples=99, **options
        ),
        FairnessReport.from_predictions(y, pred, sections=["rates"], **options),
        FairnessReport.from_tally(tally, pos_label="<yes>", baseline=tally, n_resamples=99),
    ]


def test_reports_are_as_the_schema_says(reports):
    for report in reports:
        found = json.loads(report.to_json())
        assert faults(found, report_schema()) == []


def test_the_schema_is_one_and_reports_meet_it(reports):
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(report_schema())
    for report in reports:
        jsonschema.validate(json.loads(report.to_json()), report_schema())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"version": "1"}, "not 1"),
        ({"more": 1}, "has more"),
        ({"limits": "none"}, "is no"),
        ({"about": {}}, "lacks n_rows"),
        ({"model": {"performance": [{"rate": "luck"}]}}, "not in"),
    ],
)
def test_the_schema_finds_faults(reports, change, fault):
    found = faults(reports[1].to_dict() | change, report_schema())
    assert any(fault in line for line in found)


def test_json_has_no_figures_that_json_lacks(reports):
    def refuse(name):
        raise AssertionError(name)

    for report in reports:
        assert json.loads(report.to_json(), parse_constant=refuse) == report.to_dict()
