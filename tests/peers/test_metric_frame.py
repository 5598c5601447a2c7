"""MetricFrame and the families agree with fairlearn's wherever fairlearn is right."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics as skm

fairlearn_metrics = pytest.importorskip("fairlearn.metrics")
sfm = pytest.importorskip("skfair.metrics")

pytestmark = pytest.mark.peers
RELAXED = settings(max_examples=12, suppress_health_check=list(HealthCheck))
RATES = (
    "selection_rate",
    "true_positive_rate",
    "true_negative_rate",
    "false_positive_rate",
    "false_negative_rate",
)


@st.composite
def samples(draw):
    """Data in which each cell of the features has both labels, so that every rate is defined."""
    n_sensitive = draw(st.integers(1, 2))
    n_control = draw(st.integers(0, 2))
    levels = [draw(st.integers(1 if j else 2, 3)) for j in range(n_sensitive + n_control)]
    cells = np.indices(levels).reshape(len(levels), -1).T
    copies = draw(st.integers(4, 12))
    seed = draw(st.integers(0, 2**31))
    rng = np.random.default_rng(seed)
    codes = np.repeat(cells, copies, axis=0)
    y_true = np.tile(np.arange(copies) % 2, len(cells))
    order = rng.permutation(len(codes))
    kind = draw(st.sampled_from(["strings", "integers", "mixed"]))
    names = [f"feature {j}" for j in range(len(levels))]
    columns = {
        name: [f"v{c}" for c in codes[order, j]]
        if kind == "strings" or (kind == "mixed" and j % 2)
        else codes[order, j]
        for j, name in enumerate(names)
    }
    frame = pd.DataFrame(columns, index=rng.permutation(len(codes)) * 3)
    return {
        "y_true": y_true[order],
        "y_pred": rng.integers(0, 2, len(codes)),
        "sensitive_features": frame[names[:n_sensitive]],
        "control_features": frame[names[n_sensitive:]] if n_control else None,
        "weight": rng.random(len(codes)) + 0.1,
    }


def both(metrics, data, form, weighted):
    """MetricFrames of both libraries, made by ``metrics(library)`` from the same input."""
    frames = []
    for library in (sfm, fairlearn_metrics):
        functions = metrics(library)
        options = {k: form(v) if k in ("y_true", "y_pred") else v for k, v in data.items()}
        weight = options.pop("weight")
        if weighted:
            options["sample_params"] = (
                {name: {"sample_weight": weight} for name in functions}
                if isinstance(functions, dict)
                else {"sample_weight": weight}
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's, on cells without predictions
            frames.append(library.MetricFrame(metrics=functions, **options))
    return frames


def assert_same(found, expected):
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected, rtol=0, atol=1e-12)
    elif isinstance(expected, pd.Series):
        pd.testing.assert_series_equal(found, expected, rtol=0, atol=1e-12)
    else:
        assert found == pytest.approx(expected, abs=1e-12, rel=0, nan_ok=True)
        assert np.asarray(found).dtype == np.asarray(expected).dtype


def assert_frames_agree(ours, theirs):
    assert ours.control_levels == theirs.control_levels
    assert ours.sensitive_levels == theirs.sensitive_levels
    assert_same(ours.overall, theirs.overall)
    assert_same(ours.by_group, theirs.by_group)
    assert_same(ours.group_min(), theirs.group_min())
    assert_same(ours.group_max(), theirs.group_max())
    for method in ("between_groups", "to_overall"):
        assert_same(ours.difference(method=method), theirs.difference(method=method))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("form", [np.asarray, list, pd.Series])
@RELAXED
@given(data=samples())
def test_frames_of_several_rates_are_equal(data, form, weighted):
    def metrics(library):
        return {name: getattr(library, name) for name in RATES} | {
            "accuracy": skm.accuracy_score,
            "loss": skm.zero_one_loss,
            "recall": skm.recall_score,
        }

    assert_frames_agree(*both(metrics, data, form, weighted))


@pytest.mark.parametrize("name", ["selection_rate", "accuracy_score", "count", "mean_prediction"])
@RELAXED
@given(data=samples())
def test_frames_of_a_single_metric_are_equal(data, name):
    def metrics(library):
        return getattr(library, name, None) or getattr(skm, name)

    assert_frames_agree(*both(metrics, data, np.asarray, weighted=False))


@RELAXED
@given(data=samples())
def test_frames_of_any_callable_are_equal(data):
    data = dict(data, y_pred=np.random.default_rng(0).random(len(data["y_true"])))

    def metrics(library):
        return {"auc": skm.roc_auc_score, "mae": skm.mean_absolute_error, "n": library.count}

    assert_frames_agree(*both(metrics, data, np.asarray, weighted=False))


@RELAXED
@given(data=samples())
def test_ratios_are_equal_where_no_rate_is_zero(data):
    def metrics(library):
        return {"mean": library.mean_prediction, "n": library.count}

    positive = dict(data, y_pred=data["y_pred"] + 1.0)
    ours, theirs = both(metrics, positive, np.asarray, weighted=False)
    for method in ("between_groups", "to_overall"):
        assert_same(ours.ratio(method=method), theirs.ratio(method=method))


@RELAXED
@given(data=samples())
def test_values_that_are_no_scalars_are_equal(data):
    ours, theirs = both(lambda _: skm.confusion_matrix, data, np.asarray, weighted=False)
    assert ours.by_group.index.equals(theirs.by_group.index)
    for mine, other in zip(ours.by_group, theirs.by_group, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_unobserved_combinations_are_laid_out_alike():
    features = pd.DataFrame({"a": list("ppqq"), "b": list("stss")})

    def frame(library):
        return library.MetricFrame(
            metrics={"n": library.count, "accuracy": skm.accuracy_score},
            y_true=[0, 1, 0, 1],
            y_pred=[0, 1, 1, 1],
            sensitive_features=features,
        )

    assert_frames_agree(frame(sfm), frame(fairlearn_metrics))


FAMILY = sorted(
    name
    for name in dir(fairlearn_metrics)
    if name.endswith(("_difference", "_ratio", "_group_min", "_group_max"))
    and not name.startswith(("demographic", "equal"))
)


@pytest.mark.parametrize("name", FAMILY)
@RELAXED
@given(data=samples())
def test_families_are_equal(data, name):
    if name.startswith(("roc_auc", "log_loss", "r2", "mean_")):
        y_pred = np.random.default_rng(1).uniform(0.1, 0.9, len(data["y_true"]))
    else:
        y_pred = data["y_pred"]
    arguments = (data["y_true"], y_pred)
    options = {"sensitive_features": data["sensitive_features"], "sample_weight": data["weight"]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = getattr(sfm, name)(*arguments, **options)
        theirs = getattr(fairlearn_metrics, name)(*arguments, **options)
    if np.isnan(ours):  # ours: undefined; fairlearn and scikit-learn count 0/0 as 0
        assert np.isnan(theirs) or theirs in (0.0, 1.0)
    else:
        assert ours == pytest.approx(theirs, abs=1e-12, rel=1e-12)


def test_bootstrap_quantiles_agree_within_monte_carlo_error():
    rng = np.random.default_rng(5)
    n = 600
    data = {
        "y_true": rng.integers(0, 2, n),
        "y_pred": rng.integers(0, 2, n),
        "sensitive_features": rng.choice(["a", "b"], n),
    }

    def frame(library, n_boot):
        return library.MetricFrame(
            metrics={"tpr": library.true_positive_rate, "selected": library.selection_rate},
            n_boot=n_boot,
            ci_quantiles=[0.1, 0.9],
            random_state=0,
            **data,
        )

    # Standard error of a 10 % quantile from 100 replicates: .03 / .18 x .04 = .007 for the rates'
    # standard error of .04; four of them leave room for the largest of eight.
    ours, theirs = frame(sfm, 4000), frame(fairlearn_metrics, 100)
    for mine, other in zip(ours.by_group_ci, theirs.by_group_ci, strict=True):
        pd.testing.assert_index_equal(mine.index, other.index)
        assert np.abs(mine.to_numpy() - other.to_numpy()).max() < 0.028
    for mine, other in zip(ours.difference_ci(), theirs.difference_ci(), strict=True):
        assert np.abs(mine.to_numpy() - other.to_numpy()).max() < 0.028


def share_right(y_true, y_pred, sample_weight=None):
    weight = np.ones(len(y_true)) if sample_weight is None else sample_weight
    return float(np.sum(weight * (y_true == y_pred)) / np.sum(weight))


def frames_of(metric, **changes):
    data = {
        "y_true": [0, 1, 0, 1],
        "y_pred": [0, 1, 1, 1],
        "sensitive_features": pd.Series(list("aabb"), name="group"),
    } | changes
    return [library.MetricFrame(metrics=metric, **data) for library in (sfm, fairlearn_metrics)]


@pytest.mark.parametrize("as_column", [lambda v: np.array(v)[:, None], pd.DataFrame])
@pytest.mark.parametrize(
    "columns",
    [{"y_true": [0, 1, 0, 1]}, {"y_pred": [0, 1, 1, 1]}, {"sample_weight": [1.0, 2.0, 3.0, 4.0]}],
)
def test_single_columns_reach_a_metric_alike(columns, as_column):
    changes = {name: as_column(values) for name, values in columns.items()}
    if "sample_weight" in changes:
        changes = {"sample_params": changes}
    assert_frames_agree(*frames_of(share_right, **changes))


def test_categorical_labels_reach_a_metric_alike():
    y_pred = pd.Series([1, 1, 1, 1], dtype="category")
    y_true = pd.Series([0, 1, 0, 1], dtype="category")
    assert_frames_agree(*frames_of(share_right, y_true=y_true, y_pred=y_pred))


def test_infinite_values_are_largest_alike():
    ours, theirs = frames_of(lambda y_true, y_pred: np.inf if y_true[0] != y_pred[0] else 2.0)
    assert ours.by_group.tolist() == theirs.by_group.tolist() == [2.0, np.inf]
    assert ours.group_max() == theirs.group_max() == np.inf
    assert ours.group_min() == theirs.group_min() == 2.0


def test_dicts_are_kept_alike():
    ours, theirs = frames_of(lambda y_true, y_pred: {"right": int((y_true == y_pred).sum())})
    assert ours.by_group.tolist() == theirs.by_group.tolist() == [{"right": 2}, {"right": 1}]
    assert ours.overall == theirs.overall
