"""MetricFrame.from_tally: what the rows give, without the rows."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import (
    accuracy_score,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
    zero_one_loss,
)

from skfair import metrics as m
from skfair.groups import Groups
from skfair.metrics import MetricFrame, count, selection_rate, true_positive_rate
from skfair.tally import Tally

RATES = (
    "false_discovery_rate",
    "false_negative_rate",
    "false_omission_rate",
    "false_positive_rate",
    "negative_predictive_value",
    "positive_predictive_value",
    "selection_rate",
    "true_negative_rate",
    "true_positive_rate",
)
SKLEARN = (accuracy_score, zero_one_loss, recall_score, precision_score, f1_score)
ALL = {
    **{name: getattr(m, name) for name in RATES},
    **{f.__name__: f for f in SKLEARN},
    "count": count,
}
MEMBERS = ("overall", "by_group", "by_group_ci", "overall_ci")
CALLS = ("group_min", "group_max", "difference", "ratio")


def same(found: Any, wanted: Any) -> None:
    if isinstance(wanted, list):
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            same(one, other)
    elif isinstance(wanted, pd.DataFrame):
        pd.testing.assert_frame_equal(found, wanted, rtol=1e-12, atol=1e-12)
    elif isinstance(wanted, pd.Series):
        pd.testing.assert_series_equal(found, wanted, rtol=1e-12, atol=1e-12)
    else:
        assert found == pytest.approx(wanted, rel=1e-12, nan_ok=True)


def compare(found: MetricFrame, wanted: MetricFrame, *, with_ci: bool = True) -> None:
    assert found.control_levels == wanted.control_levels
    assert found.sensitive_levels == wanted.sensitive_levels
    for name in MEMBERS if with_ci else MEMBERS[:2]:
        same(getattr(found, name), getattr(wanted, name))
    for name in CALLS:
        same(getattr(found, name)(), getattr(wanted, name)())
        if with_ci:
            same(getattr(found, f"{name}_ci")(), getattr(wanted, f"{name}_ci")())
    for name in ("difference", "ratio"):
        same(getattr(found, name)(method="to_overall"), getattr(wanted, name)(method="to_overall"))


def frames(
    metrics: Any,
    y: Any,
    p: Any,
    features: dict[str, Any],
    control: list[str],
    w: Any,
    **options: Any,
) -> tuple[MetricFrame, MetricFrame]:
    tally = Tally.from_arrays(y, p, features, sample_weight=w)
    per_metric = {"sample_weight": w}
    if isinstance(metrics, dict):
        per_metric = {k: per_metric for k in metrics if k != "count"}
    params = None if w is None else per_metric
    names = [name for name in features if name not in control]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        found = MetricFrame.from_tally(
            tally, metrics=metrics, control_features=control or None, **options
        )
        wanted = MetricFrame(
            metrics=metrics,
            y_true=y,
            y_pred=p,
            sensitive_features={name: features[name] for name in names},
            control_features={name: features[name] for name in control} or None,
            sample_params=params,
            **options,
        )
    return found, wanted


def draw(seed: int, n: int = 300) -> tuple[Any, Any, dict[str, Any], Any]:
    rng = np.random.default_rng(seed)
    y = rng.integers(2, size=n)
    p = np.where(rng.random(n) < 0.3, 1 - y, y)
    features = {
        "sex": rng.choice(["f", "m"], n),
        "race": rng.choice(["x", "a", "w"], n, p=[0.6, 0.3, 0.1]),
        "site": rng.choice([3, 1], n),
    }
    kept = ~((features["sex"] == "f") & (features["race"] == "w"))  # not every combination occurs
    return y[kept], p[kept], {k: v[kept] for k, v in features.items()}, rng.random(n)[kept] * 3


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("names", "control"),
    [
        (["sex"], []),
        (["sex", "race"], []),
        (["sex", "race"], ["race"]),
        (["race", "sex", "site"], ["site", "sex"]),
        (["sex", "race", "site"], ["race"]),
    ],
)
def test_it_is_what_the_rows_give(names: list[str], control: list[str], weighted: bool) -> None:
    y, p, features, w = draw(0)
    chosen = {name: features[name] for name in names}
    rates = {k: f for k, f in ALL.items() if k != "count"}
    found, wanted = frames(
        rates,
        y,
        p,
        chosen,
        control,
        w if weighted else None,
        n_boot=12,
        ci_quantiles=[0.1, 0.9],
        random_state=7,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # as of the rows
        warnings.filterwarnings("ignore", "All-NaN slice")
        compare(found, wanted)


@settings(max_examples=12)
@given(seed=st.integers(0, 10**6), n=st.integers(1, 40), control=st.sampled_from([[], ["race"]]))
def test_it_is_what_few_rows_give(seed: int, n: int, control: list[str]) -> None:
    y, p, features, _ = draw(seed, n + 30)
    some = slice(None, n)
    features = {name: values[some] for name, values in features.items()}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        found, wanted = frames(ALL, y[some], p[some], features, control, None)
        compare(found, wanted, with_ci=False)


def test_one_metric_gives_scalars_and_series() -> None:
    tally = Tally.from_arrays([0, 1, 1, 0], [0, 1, 0, 0], {"sex": list("ffmm")})
    frame = MetricFrame.from_tally(tally, metrics=selection_rate)
    assert frame.overall == 0.25
    assert frame.by_group.to_dict() == {"f": 0.5, "m": 0.0}
    assert frame.by_group.name == "selection_rate"
    assert frame.difference() == 0.5


def test_string_labels_missing_groups_and_a_positive_label() -> None:
    y, p = ["yes", "no", "yes", "no", "yes"], ["yes", "yes", "no", "no", "yes"]
    features = {"sex": ["f", "m", None, "f", "m"]}
    rates = {
        "ours": functools.partial(true_positive_rate, pos_label="yes"),
        "theirs": functools.partial(recall_score, pos_label="yes"),
        "accuracy": accuracy_score,
    }
    compare(*frames(rates, y, p, features, [], None), with_ci=False)
    tally = Tally.from_arrays(y, p, features)
    with pytest.raises(ValueError, match="pos_label"):
        MetricFrame.from_tally(tally, metrics=selection_rate)


def test_one_positive_label_serves_all_metrics_but_those_that_have_their_own() -> None:
    y, p = ["yes", "no", "yes", "no"], ["yes", "yes", "no", "no"]
    tally = Tally.from_arrays(y, p, {"sex": ["f", "f", "f", "m"]})
    rates = {
        "ours": true_positive_rate,
        "theirs": recall_score,
        "of no": functools.partial(selection_rate, pos_label="no"),
        "accuracy": accuracy_score,
        "rows": count,
    }
    with pytest.warns(UndefinedMetricWarning):
        found = MetricFrame.from_tally(tally, metrics=rates, pos_label="yes")
    assert found.by_group.loc["f"].tolist() == [0.5, 0.5, 1 / 3, 1 / 3, 3]
    single = MetricFrame.from_tally(tally, metrics=selection_rate, pos_label="yes")
    assert single.by_group.tolist() == [2 / 3, 0.0]
    assert single.by_group.name == "selection_rate"


def test_three_classes_are_measured_one_against_the_rest() -> None:
    rng = np.random.default_rng(1)
    y, p = rng.choice(list("abc"), 200), rng.choice(list("abc"), 200)
    features = {"sex": rng.choice(["f", "m"], 200)}
    rates = {
        "b": functools.partial(true_positive_rate, pos_label="b"),
        "c": functools.partial(selection_rate, pos_label="c"),
        "accuracy": accuracy_score,
    }
    options = {"n_boot": 20, "ci_quantiles": [0.5], "random_state": 0}
    compare(*frames(rates, y, p, features, [], None, **options))
    tally = Tally.from_arrays(y, p, features)
    with pytest.raises(ValueError, match=r"recall_score needs rows.*true_positive_rate"):
        MetricFrame.from_tally(tally, metrics=recall_score)
    with pytest.raises(ValueError, match=r"f1_score needs rows[^;]*$"):
        MetricFrame.from_tally(tally, metrics=f1_score)


def test_selection_needs_no_positive_label_where_predictions_are_plain() -> None:
    y, p = [0, 1, 2, 2, 1, 0], [0, 1, 1, 0, 1, 1]
    options = {"n_boot": 10, "ci_quantiles": [0.5], "random_state": 3}
    features = {"sex": list("fffmmm")}
    compare(*frames(selection_rate, y, p, features, [], [1.0, 2, 1, 3, 1, 1], **options))


def test_levels_keep_the_order_of_categories() -> None:
    y, p, features, _ = draw(3)
    order = pd.Categorical(features["race"], ["x", "w", "a"], ordered=True)
    found, wanted = frames(
        accuracy_score, y, p, {"race": order, "sex": features["sex"]}, ["race"], None
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)  # no f in w
        compare(found, wanted, with_ci=False)
    assert found.by_group.index.get_level_values("race").unique().tolist() == ["x", "w", "a"]


def test_parts_counted_apart_add_up() -> None:
    y, p, features, w = draw(4)
    parts = [
        Tally.from_arrays(
            y[i::3], p[i::3], {k: v[i::3] for k, v in features.items()}, sample_weight=w[i::3]
        )
        for i in range(3)
    ]
    rates = {"selected": selection_rate, "accuracy": accuracy_score}
    found = MetricFrame.from_tally(sum(parts), metrics=rates, control_features="site")
    wanted = MetricFrame(
        metrics=rates,
        y_true=y,
        y_pred=p,
        sensitive_features={k: features[k] for k in ("sex", "race")},
        control_features={"site": features["site"]},
        sample_params={k: {"sample_weight": w} for k in rates},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        compare(found, wanted, with_ci=False)


def test_undefined_rates_are_named() -> None:
    tally = Tally.from_arrays([0, 1, 0], [0, 1, 1], {"sex": ["f", "m", "f"]})
    with pytest.warns(UndefinedMetricWarning, match=r"recall is undefined .*\['f'\]"):
        MetricFrame.from_tally(tally, metrics={"recall": recall_score})


def test_combinations_without_rows_are_no_undefined_rates() -> None:
    features = {"sex": ["f", "m", "f"], "race": ["a", "b", "b"]}
    tally = Tally.from_arrays([1, 1, 1], [1, 0, 1], features)
    frame = MetricFrame.from_tally(tally, metrics={"r": recall_score, "n": count})
    assert frame.by_group.loc[("m", "a")].isna().all()
    assert frame.by_group["n"].sum() == 3


def test_counts_are_resampled_as_rows_are() -> None:
    y, p, features, _ = draw(5)
    tally = Tally.from_arrays(y, p, {"sex": features["sex"]})
    options = {"n_boot": 2000, "ci_quantiles": [0.025, 0.975], "random_state": 0}
    frame = MetricFrame.from_tally(tally, metrics=count, **options)
    low, high = frame.by_group_ci
    n = frame.by_group.to_numpy()
    sd = np.sqrt(n * (1 - n / n.sum()))
    np.testing.assert_allclose((high - low) / sd, 2 * 1.96, rtol=0.1)
    assert [float(x) for x in frame.overall_ci] == [len(y)] * 2


@pytest.mark.parametrize(
    "metric", [log_loss, functools.partial(recall_score, average="macro"), lambda y, p: 0.0]
)
def test_metrics_that_need_rows_are_refused(metric: Any) -> None:
    tally = Tally.from_arrays([0, 1], [0, 1], ["f", "m"])
    with pytest.raises(ValueError, match="tally"):
        MetricFrame.from_tally(tally, metrics=metric)


def test_the_refusal_says_what_is_possible() -> None:
    tally = Tally.from_arrays([0, 1], [0, 1], ["f", "m"])
    with pytest.raises(ValueError, match=r"log_loss .* holds no rows.*'count'.*'f1_score'"):
        MetricFrame.from_tally(tally, metrics=log_loss)


def test_other_bad_input() -> None:
    features = {"sex": ["f", "m"], "race": ["a", "b"]}
    tally = Tally.from_arrays([0, 1], [0, 1], features)
    with pytest.raises(ValueError, match="age"):
        MetricFrame.from_tally(tally, metrics=accuracy_score, control_features=["age"])
    with pytest.raises(ValueError, match="all features"):
        MetricFrame.from_tally(tally, metrics=accuracy_score, control_features=["sex", "race"])
    with pytest.raises(ValueError, match="both n_boot and ci_quantiles"):
        MetricFrame.from_tally(tally, metrics=accuracy_score, n_boot=3)
    with pytest.raises(ValueError, match="not callable"):
        MetricFrame.from_tally(tally, metrics="accuracy")
    groups: Any = Groups.read(["f", "m"])
    with pytest.raises(TypeError, match="must be a Tally, got Groups"):
        MetricFrame.from_tally(groups, metrics=accuracy_score)


def test_derived_metrics_are_refused_as_others() -> None:
    tally = Tally.from_arrays([0, 1], [0, 1], ["f", "m"])
    derived = m.make_derived_metric(metric=selection_rate, transform="difference")
    with pytest.raises(ValueError, match="can't be read from a tally"):
        MetricFrame.from_tally(tally, metrics=derived)
