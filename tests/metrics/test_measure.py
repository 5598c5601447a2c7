"""What all metrics share: how they read their inputs, their options, invariances, docstrings."""

from __future__ import annotations

import inspect
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning

from skfair import metrics
from skfair.groups import Groups
from skfair.metrics import (
    average_abs_odds_difference,
    average_odds_difference,
    demographic_parity_difference,
    demographic_parity_ratio,
    equal_opportunity_difference,
    equalized_odds_difference,
    predictive_equality_difference,
    selection_rate,
)
from skfair.metrics._measure import documented

REPRODUCIBLE = settings(max_examples=15)
IGNORE_UNDEFINED = pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")


def public_names(*modules):
    """Names of the public functions of these modules of skfair.metrics."""
    homes = {f"skfair.metrics.{module}" for module in modules}
    return [name for name in metrics.__all__ if getattr(metrics, name).__module__ in homes]


GAPS, RATES = public_names("_odds", "_parity"), public_names("_rates")
FUNCTIONS = [name for name in metrics.__all__ if inspect.isfunction(getattr(metrics, name))]

Y_TRUE = [1, 0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 0]
Y_PRED = [1, 1, 0, 1, 0, 1, 0, 1, 1, 0, 1, 0]
GROUP = [*"aaaabbbbcccc"]
WEIGHT = [1.0, 2.0, 0.5, 1.0, 3.0, 1.0, 1.0, 0.25, 2.0, 1.0, 1.0, 4.0]
ODD_INDEX = [5, 5, 5, 0, -1, 99, 3, 2, 1, 8, 7, 6]

LABEL_FORMS = {
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "int8": lambda v: np.array(v, dtype=np.int8),
    "object": lambda v: np.array(v, dtype=object),
    "floats": lambda v: [float(x) for x in v],
    "booleans": lambda v: np.array(v, dtype=bool),
    "plus and minus one": lambda v: [2 * x - 1 for x in v],
    "column vector": lambda v: np.array(v)[:, None],
    "series": lambda v: pd.Series(v, index=ODD_INDEX),
    "frame of one column": lambda v: pd.DataFrame({"y": v}, index=ODD_INDEX),
    "nullable integers": lambda v: pd.Series(v, index=ODD_INDEX, dtype="Int64"),
    "nullable booleans": lambda v: pd.Series(v, dtype="boolean"),
    "categorical": lambda v: pd.Series(pd.Categorical(v, categories=[1, 0])),
    "index": pd.Index,
    "polars": pl.Series,
    "polars booleans": lambda v: pl.Series([bool(x) for x in v]),
    "pyarrow": pa.array,
    "pyarrow chunks": lambda v: pa.chunked_array([v[:5], v[5:]]),
}
STRING_FORMS = {
    "list": list,
    "array": np.array,
    "object": lambda v: np.array(v, dtype=object),
    "series": lambda v: pd.Series(v, index=ODD_INDEX),
    "categorical": lambda v: pd.Series(v, index=ODD_INDEX, dtype="category"),
    "polars": pl.Series,
    "polars categorical": lambda v: pl.Series(v, dtype=pl.Categorical),
    "pyarrow": pa.array,
    "pyarrow dictionary": lambda v: pa.array(v).dictionary_encode(),
}
GROUP_FORMS = {
    **STRING_FORMS,
    "tuple": tuple,
    "named series": lambda v: pd.Series(v, index=ODD_INDEX, name="g"),
    "frame": lambda v: pd.DataFrame({"g": v}, index=ODD_INDEX),
    "dict": lambda v: {"g": v},
    "dict of series": lambda v: {"g": pd.Series(v, index=ODD_INDEX)},
    "column vector": lambda v: np.array(v)[:, None],
    "list of rows": lambda v: [[x] for x in v],
    "polars frame": lambda v: pl.DataFrame({"g": v}),
    "pyarrow table": lambda v: pa.table({"g": v}),
    "groups": Groups.read,
    "integers": lambda v: [ord(x) for x in v],
    "floats": lambda v: np.array([ord(x) for x in v], dtype=float),
}


def measure(name, y_true=Y_TRUE, y_pred=Y_PRED, **options):
    return getattr(metrics, name)(y_true, y_pred, **{"sensitive_features": GROUP, **options})


@pytest.mark.parametrize("form", LABEL_FORMS)
@pytest.mark.parametrize("name", GAPS)
def test_labels_may_come_in_any_form(name, form):
    convert = LABEL_FORMS[form]
    assert measure(name, convert(Y_TRUE), convert(Y_PRED)) == measure(name)


@pytest.mark.parametrize("form", LABEL_FORMS)
def test_rates_take_labels_in_any_form(form):
    convert = LABEL_FORMS[form]
    for name in RATES:
        rate = getattr(metrics, name)
        assert rate(convert(Y_TRUE), convert(Y_PRED)) == rate(Y_TRUE, Y_PRED)
        by_group = measure(name, convert(Y_TRUE), convert(Y_PRED))
        pd.testing.assert_series_equal(by_group, measure(name))


def test_truth_and_prediction_may_differ_in_form():
    truth = pd.Series(np.array(Y_TRUE, dtype=bool), index=ODD_INDEX)
    assert measure("equalized_odds_difference", truth, pl.Series(Y_PRED)) == measure(
        "equalized_odds_difference"
    )
    prediction = np.array(Y_PRED, dtype=float)[:, None]
    assert measure("equalized_odds_difference", truth, prediction) == measure(
        "equalized_odds_difference"
    )


@pytest.mark.parametrize("form", STRING_FORMS)
def test_string_labels_with_pos_label(form):
    def convert(values):
        return STRING_FORMS[form](["yes" if v else "no" for v in values])

    for name in GAPS:
        assert measure(name, convert(Y_TRUE), convert(Y_PRED), pos_label="yes") == measure(name)
        swapped = measure(name, convert(Y_TRUE), convert(Y_PRED), pos_label="no")
        assert swapped == measure(name, pos_label=0)


@pytest.mark.parametrize("pos_label", [2, np.int64(2), 2.0])
def test_other_codings_with_pos_label(pos_label):
    y_true, y_pred = [v + 1 for v in Y_TRUE], [v + 1 for v in Y_PRED]
    gap = measure("predictive_parity_difference", y_true, y_pred, pos_label=pos_label)
    assert gap == measure("predictive_parity_difference")


def test_labels_of_two_codings_are_refused():
    with pytest.raises(ValueError, match="mix strings and numbers"):
        measure("equalized_odds_difference", ["yes" if v else "no" for v in Y_TRUE])
    with pytest.raises(ValueError, match="3 classes"):
        measure("equalized_odds_difference", Y_TRUE, [2 * v - 1 for v in Y_PRED])


def test_a_positive_label_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="pos_label='maybe' is not a valid label"):
        measure(
            "equalized_odds_difference",
            ["yes" if v else "no" for v in Y_TRUE],
            ["yes" if v else "no" for v in Y_PRED],
            pos_label="maybe",
        )


def test_labels_of_several_columns_are_refused():
    with pytest.raises(ValueError, match="1d array"):
        measure("equalized_odds_difference", np.column_stack([Y_TRUE, Y_TRUE]))


@pytest.mark.parametrize("form", GROUP_FORMS)
def test_sensitive_features_may_come_in_any_form(form):
    groups = GROUP_FORMS[form](GROUP)
    for name in GAPS:
        assert measure(name, sensitive_features=groups) == measure(name)


@pytest.mark.parametrize(
    "convert",
    [
        dict,
        pd.DataFrame,
        lambda c: pd.DataFrame(c, index=ODD_INDEX),
        pl.DataFrame,
        pa.table,
        lambda c: np.array([*c.values()]).T,
        lambda c: [list(row) for row in zip(*c.values(), strict=True)],
    ],
    ids=["dict", "frame", "frame with odd index", "polars", "pyarrow", "array", "rows"],
)
def test_several_sensitive_features_cross(convert):
    sex, race = [*"fmfmfmfmfmfm"], [*"ssssssnnnnnn"]
    crossed = [a + b for a, b in zip(sex, race, strict=True)]
    for name in (
        "demographic_parity_difference",
        "equalized_odds_ratio",
        "predictive_parity_ratio",
    ):
        gap = measure(name, sensitive_features=convert({"sex": sex, "race": race}))
        assert gap == measure(name, sensitive_features=crossed)
        assert gap != measure(name, sensitive_features=sex)


@pytest.mark.parametrize(
    "convert",
    [
        tuple,
        np.array,
        lambda w: np.array(w)[:, None],
        lambda w: pd.Series(w, index=ODD_INDEX),
        pl.Series,
        pa.array,
    ],
    ids=["tuple", "array", "column vector", "series", "polars", "pyarrow"],
)
def test_weights_may_come_in_any_form(convert):
    for name in GAPS:
        weighted = measure(name, sample_weight=WEIGHT)
        assert measure(name, sample_weight=convert(WEIGHT)) == weighted
    assert measure("demographic_parity_difference") != measure(
        "demographic_parity_difference", sample_weight=WEIGHT
    )


def test_integer_weights_are_weights():
    gap = measure("demographic_parity_difference", sample_weight=[2] * 11 + [7])
    assert gap == pytest.approx(3 / 4 - 4 / 13)


def test_an_unknown_option_is_refused():
    with pytest.raises(ValueError, match="between_groups"):
        measure("demographic_parity_difference", method="sideways")
    with pytest.raises(ValueError, match="worst_case"):
        measure("equalized_odds_ratio", agg="best_case")
    with pytest.raises(ValueError, match="missing must be"):
        measure("demographic_parity_difference", missing="drop")
    with pytest.raises(TypeError):
        demographic_parity_difference(Y_TRUE, Y_PRED, GROUP)  # keyword-only


@pytest.mark.parametrize("name", GAPS)
def test_min_group_size_leaves_small_groups_out_by_name(name):
    small = ([1, 0], [0, 1], ["tiny", "tiny"])
    y_true, y_pred, group = Y_TRUE + small[0], Y_PRED + small[1], GROUP + small[2]
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 3 rows.*\['tiny'\]") as caught:
        gap = measure(name, y_true, y_pred, sensitive_features=group, min_group_size=3)
    assert gap == measure(name)
    assert caught[0].filename == __file__  # the caller's line
    # a group of just that size stays
    at_size = measure(name, sensitive_features=GROUP, min_group_size=4)
    assert at_size == measure(name)


def test_min_group_size_counts_rows_not_weights():
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 3 rows are left out: \['c'\]"):
        measure(
            "demographic_parity_difference",
            Y_TRUE[:-2],
            Y_PRED[:-2],
            sensitive_features=GROUP[:-2],
            sample_weight=[100.0 if g == "c" else 0.01 for g in GROUP[:-2]],
            min_group_size=3,
        )


def test_small_groups_still_count_in_the_whole():
    y_pred, group = [1, 1, 0, 0, 1, 1, 1, 0], [*"aaaabbbc"]
    with pytest.warns(UndefinedMetricWarning, match=r"\['c'\]"):
        gap = demographic_parity_difference(
            None, y_pred, sensitive_features=group, method="to_overall", min_group_size=2
        )
    assert gap == 1 - 5 / 8


def test_one_group_above_the_size_has_no_gap():
    with pytest.warns(UndefinedMetricWarning, match="fewer than two groups remain"):
        gap = demographic_parity_ratio(
            None, [1, 0, 1, 0], sensitive_features=[*"aaab"], min_group_size=2
        )
    assert np.isnan(gap)


@pytest.mark.parametrize("name", GAPS)
@pytest.mark.parametrize("method", ["between_groups", "to_overall"])
def test_no_group_above_the_size_has_no_gap_either(name, method):
    with pytest.warns(UndefinedMetricWarning, match=r"\['a', 'b', 'c'\].*fewer than two groups"):
        assert np.isnan(measure(name, min_group_size=5, method=method))


@pytest.mark.parametrize("name", GAPS)
def test_missing_sensitive_values_are_a_group_or_refused(name):
    group = [*GROUP[:8], None, float("nan"), None, None]
    as_group = measure(name, sensitive_features=group)
    assert as_group == measure(name)  # the group "c" under another name
    with pytest.raises(ValueError, match="4 missing values"):
        measure(name, sensitive_features=group, missing="raise")
    assert measure(name, missing="raise") == measure(name)


tables = st.lists(
    st.tuples(
        st.sampled_from([0, 1]),
        st.sampled_from([0, 1]),
        st.sampled_from("abc"),
        st.sampled_from([0.25, 1.0, 2.5]),
    ),
    min_size=1,
    max_size=30,
)


def columns(table):
    return tuple(list(column) for column in zip(*table, strict=True))


@pytest.mark.parametrize("name", GAPS)
@given(table=tables, data=st.data())
@REPRODUCIBLE
@IGNORE_UNDEFINED
def test_order_names_and_scale_change_nothing(name, table, data):
    metric = getattr(metrics, name)
    method = data.draw(st.sampled_from(["between_groups", "to_overall"]))

    def gap(rows, rename=str, scale=1.0):
        y_true, y_pred, group, weight = columns(rows)
        return metric(
            y_true,
            y_pred,
            sensitive_features=[rename(g) for g in group],
            sample_weight=[scale * w for w in weight],
            method=method,
        )

    expected = pytest.approx(gap(table), abs=1e-12, nan_ok=True)
    assert gap(data.draw(st.permutations(table))) == expected
    assert gap(table, rename={"a": "z", "b": "y", "c": "x"}.__getitem__) == expected
    assert gap(table, scale=1e4) == expected


@pytest.mark.parametrize("name", GAPS)
@given(table=tables, method=st.sampled_from(["between_groups", "to_overall"]))
@REPRODUCIBLE
@IGNORE_UNDEFINED
def test_gaps_lie_between_zero_and_one(name, table, method):
    y_true, y_pred, group, weight = columns(table)
    gap = getattr(metrics, name)(
        y_true, y_pred, sensitive_features=group, sample_weight=weight, method=method
    )
    assert np.isnan(gap) or 0 <= gap <= 1
    if len(set(group)) < 2:
        assert np.isnan(gap)


@pytest.mark.parametrize("name", GAPS)
@given(table=tables, data=st.data())
@REPRODUCIBLE
@IGNORE_UNDEFINED
def test_integer_weights_are_repeated_rows(name, table, data):
    counts = data.draw(st.lists(st.integers(0, 3), min_size=len(table), max_size=len(table)))
    assume(sum(counts))
    repeated = [row for row, count in zip(table, counts, strict=True) for _ in range(count)]
    y_true, y_pred, group, _ = columns(table)
    metric = getattr(metrics, name)
    weighted = metric(y_true, y_pred, sensitive_features=group, sample_weight=counts)
    y_true, y_pred, group, _ = columns(repeated)
    as_rows = metric(y_true, y_pred, sensitive_features=group)
    assert weighted == pytest.approx(as_rows, abs=1e-12, nan_ok=True)


@given(table=tables)
@REPRODUCIBLE
@IGNORE_UNDEFINED
def test_the_odds_metrics_are_bound_to_each_other(table):
    y_true, y_pred, group, _ = columns(table)
    tpr, fpr, worse, mean, absolute = (
        metric(y_true, y_pred, sensitive_features=group)
        for metric in (
            equal_opportunity_difference,
            predictive_equality_difference,
            equalized_odds_difference,
            average_odds_difference,
            average_abs_odds_difference,
        )
    )
    assume(not np.isnan([tpr, fpr]).any())
    assert worse == max(tpr, fpr)
    assert absolute == pytest.approx((tpr + fpr) / 2)
    assert np.isnan(mean) or mean <= absolute + 1e-12


@given(table=tables)
@REPRODUCIBLE
@IGNORE_UNDEFINED
def test_the_gap_is_the_spread_of_the_rates_by_group(table):
    y_true, y_pred, group, weight = columns(table)
    rates = selection_rate(y_true, y_pred, sensitive_features=group, sample_weight=weight)
    gap = demographic_parity_difference(
        y_true, y_pred, sensitive_features=group, sample_weight=weight
    )
    expected = rates.max() - rates.min() if len(rates) > 1 else np.nan
    assert gap == pytest.approx(expected, nan_ok=True)


def sections(documented_object):
    """Sections of a numpydoc docstring: title -> its lines."""
    lines = (inspect.getdoc(documented_object) or "").splitlines()
    starts = [i - 1 for i, line in enumerate(lines) if re.fullmatch(r"-{3,}", line)]
    ends = [*starts[1:], len(lines)]
    return {lines[start]: lines[start + 2 : end] for start, end in zip(starts, ends, strict=True)}


def names_in(lines):
    heads = [line.partition(" : ")[0] for line in lines if line and not line.startswith(" ")]
    return [name.strip().lstrip("*") for head in heads for name in head.split(",")]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_tell_every_parameter_and_what_returns(name):
    function = getattr(metrics, name)
    found = sections(function)
    assert sorted(names_in(found["Parameters"])) == sorted(inspect.signature(function).parameters)
    described = [line for line in found["Parameters"] if line.startswith("    ")]
    assert len(described) >= len([line for line in found["Parameters"] if " : " in line])
    assert any(line.strip() for line in found["Returns"])
    assert "{parameters}" not in function.__doc__


@pytest.mark.parametrize("name", [*GAPS, *RATES])
def test_docstrings_of_metrics_say_what_is_refused_and_what_warned_of(name):
    found = sections(getattr(metrics, name))
    assert any(line.startswith(">>> ") for line in found["Examples"])
    assert found["Raises"][0] == "ValueError"
    assert found["Warns"][0] == "UndefinedMetricWarning"


def test_shared_sections_fit_docstrings_that_have_lost_their_indent():
    def metric():
        pass

    returns = "Returns\n-------\ngap : float\n    A gap."
    examples = "Examples\n--------\n>>> metric()\n"
    metric.__doc__ = f"Be a metric.\n\n{{parameters}}\n\n{returns}\n\n{examples}"

    found = sections(documented("y_true", "missing")(metric))  # as Python 3.13 compiles them
    assert list(found) == ["Parameters", "Returns", "Raises", "Warns", "Examples"]
    assert names_in(found["Parameters"]) == ["y_true", "missing"]


def test_a_docstring_that_was_stripped_stays_away():
    def metric():
        pass

    assert documented("y_true")(metric).__doc__ is None
