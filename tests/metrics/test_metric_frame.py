"""MetricFrame and the families: values by hand, shapes, policies, and how people use them."""

from __future__ import annotations

import functools
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import metrics as skm
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import make_scorer
from sklearn.model_selection import cross_val_score

import skfair.metrics as sfm
from skfair.groups import Bins, Groups
from skfair.metrics import MetricFrame, count, make_derived_metric, mean_prediction, selection_rate

Y_TRUE = [0, 0, 1, 1, 0, 1, 1, 1, 0, 0]
Y_PRED = [0, 1, 1, 0, 0, 1, 1, 0, 0, 1]
SEX = pd.Series(list("ffffmmmmmm"), name="sex")
REGION = pd.Series(list("xyxyxyxyxy"), name="region")
# f: y 0011 p 0110 -> accuracy 2/4, selected 2/4, TPR 1/2; m: y 011100 p 011001
# m: accuracy 4/6, selected 3/6, TPR 2/3


def test_single_metric_gives_a_series_and_scalars():
    frame = MetricFrame(
        metrics=skm.accuracy_score, y_true=Y_TRUE, y_pred=Y_PRED, sensitive_features=SEX
    )
    expected = pd.Series(
        [0.5, 4 / 6], index=pd.Index(["f", "m"], name="sex"), name="accuracy_score"
    )
    pd.testing.assert_series_equal(frame.by_group, expected)
    assert frame.overall == pytest.approx(0.6)
    assert frame.group_min() == 0.5
    assert frame.group_max() == pytest.approx(4 / 6)
    assert frame.difference() == pytest.approx(1 / 6)
    assert frame.difference(method="to_overall") == pytest.approx(0.1)
    assert frame.ratio() == pytest.approx(0.75)
    assert frame.ratio(method="to_overall") == pytest.approx(0.5 / 0.6)
    assert frame.control_levels is None
    assert frame.sensitive_levels == ["sex"]


def test_several_metrics_give_frames_and_series():
    frame = MetricFrame(
        metrics={"tpr": skm.recall_score, "selected": selection_rate, "n": count},
        y_true=Y_TRUE,
        y_pred=Y_PRED,
        sensitive_features=SEX,
    )
    expected = pd.DataFrame(
        {"tpr": [1 / 2, 2 / 3], "selected": [0.5, 0.5], "n": [4.0, 6.0]},
        index=pd.Index(["f", "m"], name="sex"),
    )
    pd.testing.assert_frame_equal(frame.by_group, expected)
    pd.testing.assert_series_equal(
        frame.difference(), pd.Series({"tpr": 1 / 6, "selected": 0.0, "n": 2.0})
    )
    pd.testing.assert_series_equal(
        frame.overall, pd.Series({"tpr": 3 / 5, "selected": 0.5, "n": 10.0})
    )


def test_gaps_are_taken_within_control_levels():
    frame = MetricFrame(
        metrics=skm.accuracy_score,
        y_true=Y_TRUE,
        y_pred=Y_PRED,
        sensitive_features=SEX,
        control_features=REGION,
    )
    # x: rows 0 2 | 4 6 8: all right; y: rows 1 3 | 5 7 9: f 0/2, m 1/3
    assert frame.by_group.tolist() == pytest.approx([1.0, 1.0, 0.0, 1 / 3])
    assert frame.by_group.index.names == ["region", "sex"]
    assert frame.overall.tolist() == pytest.approx([1.0, 0.2])
    assert frame.difference().tolist() == pytest.approx([0.0, 1 / 3])
    assert frame.difference(method="to_overall").tolist() == pytest.approx([0.0, 0.2])
    assert frame.control_levels == ["region"]


def test_unobserved_combinations_are_nan_and_left_out_of_gaps():
    frame = MetricFrame(
        metrics={"n": count, "accuracy": skm.accuracy_score},
        y_true=[0, 1, 1],
        y_pred=[0, 1, 0],
        sensitive_features=pd.DataFrame({"a": ["p", "p", "q"], "b": ["s", "t", "s"]}),
    )
    assert frame.by_group["n"].isna().tolist() == [False, False, False, True]
    assert frame.difference()["accuracy"] == 1.0
    assert frame.group_min()["n"] == 1.0


def test_integers_stay_integers():
    frame = MetricFrame(metrics=count, y_true=Y_TRUE, y_pred=Y_PRED, sensitive_features=SEX)
    assert frame.by_group.dtype.kind == "i"
    assert isinstance(frame.difference(), np.integer)


def test_metrics_that_are_no_scalars_are_kept_and_refused_in_aggregates():
    frame = MetricFrame(
        metrics={"cm": skm.confusion_matrix, "accuracy": skm.accuracy_score},
        y_true=Y_TRUE,
        y_pred=Y_PRED,
        sensitive_features=SEX,
    )
    assert frame.by_group["cm"].loc["f"].tolist() == [[1, 1], [1, 1]]
    with pytest.raises(ValueError, match="non-scalar"):
        frame.group_min()
    coerced = frame.group_min(errors="coerce")
    assert np.isnan(coerced["cm"])
    assert coerced["accuracy"] == 0.5


@pytest.mark.parametrize(
    "metric",
    [skm.accuracy_score, skm.zero_one_loss, skm.recall_score, skm.precision_score, skm.f1_score],
)
def test_recognised_metrics_equal_scikit_learn_called_by_group(metric, rng_data):
    y_true, y_pred, group, weight = rng_data
    frame = MetricFrame(
        metrics=metric,
        y_true=y_true,
        y_pred=y_pred,
        sensitive_features=group,
        sample_params={"sample_weight": weight},
    )
    for label in np.unique(group):
        rows = group == label
        direct = metric(y_true[rows], y_pred[rows], sample_weight=weight[rows])
        assert frame.by_group[label] == pytest.approx(direct, abs=1e-12)
    assert frame.overall == pytest.approx(metric(y_true, y_pred, sample_weight=weight), abs=1e-12)


@pytest.fixture
def rng_data():
    rng = np.random.default_rng(7)
    n = 400
    return (
        rng.integers(0, 2, n),
        rng.integers(0, 2, n),
        rng.choice(["a", "b", "c"], n),
        rng.random(n),
    )


def test_accuracy_of_several_classes_and_of_strings_needs_no_positive_class():
    y_true, y_pred = ["u", "v", "w", "w"], ["u", "w", "w", "w"]
    frame = MetricFrame(
        metrics=skm.accuracy_score, y_true=y_true, y_pred=y_pred, sensitive_features=list("ffmm")
    )
    assert frame.by_group.tolist() == [0.5, 1.0]


def test_scikit_learns_own_errors_surface_where_its_rules_apply():
    with pytest.raises(ValueError, match="pos_label=1"):
        MetricFrame(
            metrics=skm.recall_score,
            y_true=["no", "yes"],
            y_pred=["yes", "yes"],
            sensitive_features=["f", "m"],
        )


def test_string_labels_need_a_positive_class_and_a_partial_gives_it():
    data = {
        "y_true": ["no", "yes", "yes"],
        "y_pred": ["yes", "no", "yes"],
        "sensitive_features": list("ffm"),
    }
    with pytest.raises(ValueError, match="pos_label"):
        MetricFrame(metrics=selection_rate, **data)
    frame = MetricFrame(metrics=functools.partial(selection_rate, pos_label="yes"), **data)
    assert frame.by_group.tolist() == [0.5, 1.0]
    assert frame.by_group.name == "selection_rate"


def test_undefined_rates_are_nan_with_a_warning_and_left_out():
    with pytest.warns(UndefinedMetricWarning, match=r"recall_score.*\['m'\]"):
        frame = MetricFrame(
            metrics=skm.recall_score,
            y_true=[1, 1, 1, 0],
            y_pred=[1, 0, 1, 1],
            sensitive_features=["f", "f", "g", "m"],
        )
    assert frame.by_group.isna().tolist() == [False, False, True]
    assert frame.difference() == 0.5


def test_fewer_than_two_groups_have_no_gap():
    frame = MetricFrame(
        metrics=skm.accuracy_score, y_true=[0, 1], y_pred=[0, 0], sensitive_features=["f", "f"]
    )
    with pytest.warns(UndefinedMetricWarning, match="fewer than two groups"):
        assert np.isnan(frame.difference())
    assert frame.group_min() == 0.5


def test_gaps_of_integers_are_nan_where_undefined_and_fractions_where_they_are():
    alone = MetricFrame(metrics=count, y_true=[0, 1], y_pred=[0, 0], sensitive_features=["f", "f"])
    with pytest.warns(UndefinedMetricWarning):
        assert np.isnan(alone.difference())

    def integer_in_groups(y_true, y_pred):
        return 0.5 if len(y_true) == 4 else int(y_true[0])

    frame = MetricFrame(metrics=integer_in_groups, y_pred=[0] * 4, **FIXED)
    assert frame.difference(method="to_overall") == 0.5


def test_ratios_of_negative_values_to_the_overall_one_stay_below_one():
    frame = MetricFrame(
        metrics=mean_prediction,
        y_true=[0, 0],
        y_pred=[-2.0, -1.0],
        sensitive_features=["f", "m"],
    )
    assert frame.ratio(method="to_overall") == pytest.approx(2 / 3)


def test_missing_sensitive_values_are_a_group():
    frame = MetricFrame(
        metrics=count, y_true=[0, 1, 1], y_pred=[0, 0, 0], sensitive_features=["f", None, "f"]
    )
    assert frame.by_group.to_dict() == {"f": 2, "<missing>": 1}


def test_callables_get_their_rows_and_weights(rng_data):
    y_true, y_pred, group, weight = rng_data
    score = y_pred + weight
    frame = MetricFrame(
        metrics={"auc": skm.roc_auc_score, "mae": skm.mean_absolute_error},
        y_true=y_true,
        y_pred=score,
        sensitive_features=pd.Series(group, index=np.arange(len(group))[::-1]),
        sample_params={"auc": {"sample_weight": weight}},
    )
    for label in "abc":
        rows = group == label
        expected = skm.roc_auc_score(y_true[rows], score[rows], sample_weight=weight[rows])
        assert frame.by_group.loc[label, "auc"] == pytest.approx(expected)
        mae = skm.mean_absolute_error(y_true[rows], score[rows])
        assert frame.by_group.loc[label, "mae"] == pytest.approx(mae)


@pytest.mark.parametrize("make", [list, np.array, pd.Series, pl.Series])
def test_inputs_of_every_kind_agree(make):
    frame = MetricFrame(
        metrics=selection_rate,
        y_true=make(Y_TRUE),
        y_pred=make(Y_PRED),
        sensitive_features=make(SEX.tolist()),
    )
    assert frame.by_group.tolist() == [0.5, 0.5]


def test_bootstrap_quantiles_have_the_form_of_the_members_and_match_the_row_bootstrap(rng_data):
    y_true, y_pred, group, _ = rng_data
    options = {"y_true": y_true, "y_pred": y_pred, "sensitive_features": group}
    quantiles = [0.025, 0.5, 0.975]

    def by_rows(a, b):  # not recognised, so rows are resampled
        return float(np.mean(np.asarray(a) == np.asarray(b)))

    fast, slow = (
        MetricFrame(
            metrics={"accuracy": f},
            n_boot=n,
            ci_quantiles=quantiles,
            random_state=3,
            **options,
        )
        for f, n in ((skm.accuracy_score, 4000), (by_rows, 800))
    )
    assert len(fast.by_group_ci) == len(fast.overall_ci) == len(fast.difference_ci()) == 3
    assert fast.by_group_ci[0].shape == fast.by_group.shape
    for quick, thorough in zip(fast.by_group_ci, slow.by_group_ci, strict=True):
        assert np.abs(quick - thorough).to_numpy().max() < 0.02
    for quick, thorough in zip(fast.difference_ci(), slow.difference_ci(), strict=True):
        assert abs(quick["accuracy"] - thorough["accuracy"]) < 0.02
    assert (
        fast.overall_ci[0]["accuracy"] < fast.overall["accuracy"] < fast.overall_ci[2]["accuracy"]
    )


def test_bootstrap_is_reproducible_and_joint(rng_data):
    y_true, y_pred, group, _ = rng_data

    def make(seed):
        return MetricFrame(
            metrics={"accuracy": skm.accuracy_score, "loss": skm.zero_one_loss},
            y_true=y_true,
            y_pred=y_pred,
            sensitive_features=group,
            n_boot=20,
            ci_quantiles=[0.25],
            random_state=seed,
        )

    pd.testing.assert_frame_equal(make(1).by_group_ci[0], make(1).by_group_ci[0])
    assert not make(1).by_group_ci[0].equals(make(2).by_group_ci[0])
    # same replicates for both metrics, so the gaps of a rate and of its complement are equal
    gap = make(1).difference_ci()[0]
    assert gap["accuracy"] == pytest.approx(gap["loss"])


BAD = {
    "lengths": ({"y_true": [0, 1]}, "inconsistent"),
    "groups' length": ({"sensitive_features": ["f", "m"]}, "inconsistent"),
    "series name": ({"sensitive_features": pd.Series(list("ffm"), name=3)}, "strings"),
    "duplicate": (
        {
            "sensitive_features": pd.Series(list("ffm"), name="a"),
            "control_features": pd.Series(list("ffm"), name="a"),
        },
        "duplicate feature name: 'a'",
    ),
    "metric": ({"metrics": "accuracy"}, "not callable"),
    "metric in dict": ({"metrics": {"a": 3}}, "not callable"),
    "params": ({"sample_params": [1]}, "must be a dictionary"),
    "params' keys": (
        {"metrics": {"a": count}, "sample_params": {"b": {}}},
        "do not match",
    ),
    "n_boot alone": ({"n_boot": 5}, "both n_boot and ci_quantiles"),
    "n_boot": ({"n_boot": 0, "ci_quantiles": [0.5]}, "positive integer"),
    "quantiles": ({"n_boot": 5, "ci_quantiles": [1.5]}, r"floats in \(0, 1\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused(case):
    change, message = BAD[case]
    options = {
        "metrics": count,
        "y_true": [0, 1, 1],
        "y_pred": [0, 1, 1],
        "sensitive_features": list("ffm"),
    } | change
    with pytest.raises(ValueError, match=message):
        MetricFrame(**options)


@pytest.mark.parametrize("member", ["by_group_ci", "overall_ci"])
def test_quantiles_without_a_bootstrap_are_refused(member):
    frame = MetricFrame(metrics=count, y_true=[0], y_pred=[0], sensitive_features=["f"])
    with pytest.raises(ValueError, match="n_boot"):
        getattr(frame, member)


def test_unknown_options_are_refused():
    frame = MetricFrame(metrics=count, y_true=[0], y_pred=[0], sensitive_features=["f"])
    with pytest.raises(ValueError, match="Unrecognised comparison"):
        frame.difference(method="other")
    with pytest.raises(ValueError, match="Valid values"):
        frame.group_max(errors="other")


# --- families and derived metrics -------------------------------------------------------------


FAIRLEARN_NAMES = [
    "MetricFrame",
    "accuracy_score_difference",
    "accuracy_score_group_min",
    "accuracy_score_ratio",
    "balanced_accuracy_score_group_min",
    "count",
    "demographic_parity_difference",
    "demographic_parity_ratio",
    "equal_opportunity_difference",
    "equal_opportunity_ratio",
    "equalized_odds_difference",
    "equalized_odds_ratio",
    "f1_score_group_min",
    "false_negative_rate",
    "false_negative_rate_difference",
    "false_negative_rate_ratio",
    "false_positive_rate",
    "false_positive_rate_difference",
    "false_positive_rate_ratio",
    "log_loss_group_max",
    "make_derived_metric",
    "mean_absolute_error_group_max",
    "mean_prediction",
    "mean_squared_error_group_max",
    "plot_model_comparison",
    "plot_roc_curve_by_group",
    "precision_score_group_min",
    "r2_score_group_min",
    "recall_score_group_min",
    "roc_auc_score_group_min",
    "selection_rate",
    "selection_rate_difference",
    "selection_rate_ratio",
    "true_negative_rate",
    "true_negative_rate_difference",
    "true_negative_rate_ratio",
    "true_positive_rate",
    "true_positive_rate_difference",
    "true_positive_rate_ratio",
    "zero_one_loss_difference",
    "zero_one_loss_group_max",
    "zero_one_loss_ratio",
]


@pytest.mark.parametrize("name", FAIRLEARN_NAMES)
def test_every_public_name_of_fairlearn_metrics_exists(name):
    assert callable(getattr(sfm, name))
    assert name in sfm.__all__


def test_family_members_by_hand():
    options = {"sensitive_features": SEX}
    assert sfm.accuracy_score_difference(Y_TRUE, Y_PRED, **options) == pytest.approx(1 / 6)
    assert sfm.accuracy_score_ratio(Y_TRUE, Y_PRED, **options) == pytest.approx(0.75)
    assert sfm.zero_one_loss_group_max(Y_TRUE, Y_PRED, **options) == pytest.approx(0.5)
    assert sfm.true_positive_rate_group_min(Y_TRUE, Y_PRED, **options) == pytest.approx(0.5)
    assert sfm.selection_rate_group_max(Y_TRUE, Y_PRED, **options) == pytest.approx(0.5)
    # m: y 011100 p 011001: precision 2/3; f: 1/2
    assert sfm.positive_predictive_value_difference(Y_TRUE, Y_PRED, **options) == pytest.approx(
        1 / 6
    )
    assert sfm.mean_absolute_error_group_max(Y_TRUE, Y_PRED, **options) == pytest.approx(0.5)


def test_derived_metric_passes_rows_and_options_on():
    metric = make_derived_metric(metric=skm.accuracy_score, transform="difference")
    weight = np.arange(1, 11)
    # f: weights 1..4, right rows 0 and 2 -> 4/10; m: weights 5..10, right rows 4 5 6 8 -> 27/45
    value = metric(Y_TRUE, Y_PRED, sensitive_features=SEX, sample_weight=weight)
    assert value == pytest.approx(27 / 45 - 4 / 10)
    overall = 31 / 55
    to_overall = metric(
        Y_TRUE, Y_PRED, sensitive_features=SEX, sample_weight=weight, method="to_overall"
    )
    assert to_overall == pytest.approx(overall - 0.4)
    counts = metric(Y_TRUE, Y_PRED, sensitive_features=SEX, normalize=False)
    assert counts == 2


def test_derived_metrics_pickle_and_name_themselves():
    metric = pickle.loads(pickle.dumps(sfm.f1_score_group_min))
    assert metric.__name__ == "f1_score_group_min"
    assert metric(Y_TRUE, Y_PRED, sensitive_features=SEX) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "accuracy", "transform": "difference"}, "callable"),
        ({"metric": skm.accuracy_score, "transform": "mean"}, "one of"),
        ({"metric": lambda a, b, method=None: 0, "transform": "ratio"}, "functools.partial"),
    ],
)
def test_bad_derivations_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make_derived_metric(**options)


def test_mean_prediction_and_count_by_group():
    frame = MetricFrame(
        metrics={"mean": mean_prediction, "n": count},
        y_true=[0.0, 0, 0],
        y_pred=[1.0, 3.0, 7.0],
        sensitive_features=list("ffm"),
    )
    assert frame.by_group["mean"].tolist() == [2.0, 7.0]


def test_derived_metric_in_cross_validation_with_routed_groups(routing):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 2))
    group = rng.choice(["a", "b"], 120)
    y = (X[:, 0] + (group == "a") > 0).astype(int)
    scorer = make_scorer(sfm.selection_rate_difference, greater_is_better=False)
    scorer.set_score_request(sensitive_features=True)
    scores = cross_val_score(
        LogisticRegression(), X, y, scoring=scorer, params={"sensitive_features": group}
    )
    assert (scores <= 0).all()
    assert scores.min() < 0


FIXED = {"y_true": [0, 1, 1, 0], "sensitive_features": list("ffmm")}


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"sample_weight": [1.0] * 5}, "inconsistent"),
        ({"sample_weight": [1.0] * 3}, "inconsistent"),
        ({"sample_weight": [1.0, 1.0, -1.0, 1.0]}, "Negative"),
        ({"pos_label": 1}, "functools.partial"),
    ],
)
@pytest.mark.parametrize("metric", [skm.accuracy_score, skm.mean_absolute_error])
def test_row_parameters_are_checked_on_both_paths(metric, params, message):
    with pytest.raises(ValueError, match=message):
        MetricFrame(metrics=metric, y_pred=[0, 1, 0, 0], sample_params=params, **FIXED)


@pytest.mark.parametrize("metric", [skm.accuracy_score, skm.zero_one_loss])
def test_scores_are_no_decisions(metric):
    with pytest.raises(ValueError, match="continuous"):
        MetricFrame(metrics=metric, y_pred=[0.1, 0.2, 0.3, 0.4], **FIXED)
    fixed = functools.partial(selection_rate, pos_label=1)
    with pytest.raises(ValueError, match="continuous"):
        MetricFrame(metrics=fixed, y_pred=[0.1, 0.2, 0.3, 0.4], **FIXED)


def test_missing_values_can_be_refused():
    options = {"y_true": [0, 1], "y_pred": [0, 1], "sensitive_features": ["f", None]}
    with pytest.raises(ValueError, match="missing"):
        MetricFrame(metrics=count, missing="raise", **options)
    with pytest.raises(ValueError, match="missing"):
        sfm.accuracy_score_difference(
            options["y_true"], options["y_pred"], sensitive_features=["f", None], missing="raise"
        )


def test_groups_are_taken_as_they_are():
    groups = Groups.from_columns(pd.DataFrame({"age": [20, 30, 40, 50]}), Bins("age", [35]))
    frame = MetricFrame(
        metrics=skm.accuracy_score,
        y_true=[0, 1, 1, 0],
        y_pred=[0, 1, 0, 0],
        sensitive_features=groups,
    )
    assert frame.by_group.to_dict() == {"age<=35": 1.0, "age>35": 0.5}


@pytest.mark.parametrize("metric", [skm.roc_auc_score, skm.log_loss])
def test_scores_of_words_are_refused_rather_than_guessed(metric):
    y_true, score = ["paid", "unpaid"] * 4, [0.9, 0.2, 0.8, 0.6] * 2
    with pytest.raises(ValueError, match="make y_true 0 and 1"):
        MetricFrame(
            metrics=metric, y_true=y_true, y_pred=score, sensitive_features=list("ffmm") * 2
        )


def test_a_wrong_number_of_control_values_is_named():
    with pytest.raises(ValueError, match="control_features has 3"):
        MetricFrame(metrics=count, y_pred=[0] * 4, control_features=list("xyx"), **FIXED)


def test_undefined_replicates_give_nan_without_numpys_warning():
    with pytest.warns(UndefinedMetricWarning, match="recall is undefined"):
        frame = MetricFrame(
            metrics={"recall": skm.recall_score},
            y_true=[1, 0, 0, 0],
            y_pred=[1, 0, 0, 1],
            sensitive_features=list("ffmm"),
            n_boot=5,
            ci_quantiles=[0.5],
            random_state=0,
        )
    assert np.isnan(frame.by_group_ci[0].loc["m", "recall"])


# --- input of other shapes and kinds ----------------------------------------------------------


def share_right(y_true, y_pred, sample_weight=None):
    weight = np.ones(len(y_true)) if sample_weight is None else sample_weight
    return float(np.sum(weight * (y_true == y_pred)) / np.sum(weight))


AS_COLUMN = {
    "rows": lambda values: [[value] for value in values],
    "matrix": lambda values: np.array(values)[:, None],
    "frame": lambda values: pd.DataFrame({"v": values}),
    "polars": lambda values: pl.DataFrame({"v": values}),
}


def share_right_frame(y_true=(0, 1, 0, 1), y_pred=(0, 1, 1, 1), sample_weight=None, **options):
    params = {} if sample_weight is None else {"sample_weight": sample_weight}
    return MetricFrame(
        metrics=share_right,
        y_true=y_true,
        y_pred=y_pred,
        sensitive_features=list("aabb"),
        sample_params=params,
        **options,
    )


@pytest.mark.parametrize("as_column", AS_COLUMN.values(), ids=AS_COLUMN)
@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("y_true", [0, 1, 0, 1], [1, 1 / 2]),
        ("y_pred", [0, 1, 1, 1], [1, 1 / 2]),
        ("sample_weight", [1.0, 2.0, 3.0, 4.0], [1, 4 / 7]),
    ],
)
def test_a_single_column_is_flattened_before_a_metric_sees_it(as_column, name, values, expected):
    options = {"n_boot": 20, "ci_quantiles": [0.1, 0.5], "random_state": 0}
    flat = share_right_frame(**{name: values}, **options)
    frame = share_right_frame(**{name: as_column(values)}, **options)
    assert frame.by_group.tolist() == pytest.approx(expected)
    assert frame.overall == flat.overall
    assert frame.overall_ci == flat.overall_ci


def test_several_columns_stay_a_matrix():
    proba = np.array([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]])
    frame = MetricFrame(
        metrics=lambda y_true, y_pred: y_pred.shape[1],
        y_true=[0, 1, 1],
        y_pred=proba,
        sensitive_features=list("aab"),
    )
    assert frame.by_group.tolist() == [2, 2]


def test_categorical_labels_reach_a_metric_as_plain_arrays():
    seen = pd.Series(["no", "yes", "no", "yes"], dtype="category")
    given = pd.Series(["yes"] * 4, dtype="category")
    frame = share_right_frame(seen, given)
    assert frame.by_group.tolist() == [0.5, 0.5]
    weight = pd.Series([1, 2, 3, 4], dtype="category")
    assert share_right_frame(sample_weight=weight).by_group["b"] == pytest.approx(4 / 7)


WORDS = ["accept", "reject"] * 4
SCORES = [0.9, 0.2, 0.8, 0.6] * 2
QUARTERS = list("ffmm") * 2


@pytest.mark.parametrize(
    "metric",
    [
        skm.roc_auc_score,
        skm.log_loss,
        skm.d2_log_loss_score,
        skm.hinge_loss,
        functools.partial(skm.roc_auc_score, max_fpr=1.0),
        functools.partial(functools.partial(skm.log_loss), normalize=True),
    ],
)
@pytest.mark.parametrize("as_column", [np.array, *AS_COLUMN.values()])
def test_no_detour_leads_to_a_guess_of_the_positive_word(metric, as_column):
    with pytest.raises(ValueError, match="make y_true 0 and 1"):
        MetricFrame(
            metrics=metric, y_true=WORDS, y_pred=as_column(SCORES), sensitive_features=QUARTERS
        )


def test_a_derived_metric_with_options_does_not_guess_the_positive_word():
    options = {"sensitive_features": QUARTERS, "max_fpr": 1.0}
    with pytest.raises(ValueError, match="make y_true 0 and 1"):
        sfm.roc_auc_score_group_min(WORDS, SCORES, **options)
    rejected = [word == "reject" for word in WORDS]
    # f: 0.9 of an accepted, 0.2 of a rejected row; m: 0.8 and 0.6
    assert sfm.roc_auc_score_group_min(rejected, SCORES, **options) == 0.0


def test_probabilities_of_each_word_are_no_guess():
    proba = np.c_[SCORES, 1 - np.array(SCORES)]
    frame = MetricFrame(
        metrics=skm.log_loss, y_true=WORDS, y_pred=proba, sensitive_features=QUARTERS
    )
    assert frame.by_group["f"] == pytest.approx(-np.log([0.9, 0.8]).mean())


def test_an_infinite_value_is_the_largest():
    def infinite_for_b(y_true, y_pred):
        return np.inf if len(y_true) == 2 else 2.0

    frame = MetricFrame(
        metrics=infinite_for_b,
        y_true=[0] * 3,
        y_pred=[0] * 3,
        sensitive_features=list("abb"),
        n_boot=3,
        ci_quantiles=[0.5],
        random_state=0,
    )
    assert frame.group_max() == np.inf
    assert frame.group_min() == 2.0
    assert frame.difference() == np.inf
    lowest = MetricFrame(
        metrics=lambda t, p: -np.inf, y_true=[0], y_pred=[0], sensitive_features=["a"]
    )
    assert lowest.group_min() == -np.inf


def test_quantiles_of_infinite_values_are_infinite():
    frame = share_right_frame(n_boot=3, ci_quantiles=[0.5], random_state=0)
    infinite = MetricFrame(
        metrics=lambda t, p: np.inf,
        y_true=[0, 1],
        y_pred=[0, 1],
        sensitive_features=["a", "a"],
        n_boot=3,
        ci_quantiles=[0.5],
        random_state=0,
    )
    assert 0 <= frame.group_max_ci()[0] <= 1
    assert infinite.group_max_ci() == [np.inf]
    assert infinite.group_min_ci() == [np.inf]


@pytest.mark.parametrize("make", [dict, set, lambda pairs: pd.Series(dict(pairs))])
def test_metrics_may_return_collections(make):
    def by_label(y_true, y_pred):
        return make([("n", len(y_true)), ("right", int(np.sum(y_true == y_pred)))])

    frame = MetricFrame(metrics=by_label, y_pred=[0, 1, 0, 0], **FIXED)
    expected = make([("n", 2), ("right", 2)])
    assert all(np.ravel(frame.by_group["f"] == expected))
    with pytest.raises(ValueError, match="non-scalar"):
        frame.group_max()
    assert np.isnan(frame.group_max(errors="coerce"))


def test_zero_dimensional_arrays_and_none_are_scalars():
    frame = MetricFrame(
        metrics={"zero": lambda t, p: np.array(0.25), "none": lambda t, p: None},
        y_pred=[0, 1, 0, 0],
        **FIXED,
    )
    assert frame.by_group["zero"].tolist() == [0.25, 0.25]
    assert frame.by_group["none"].isna().all()
    with pytest.warns(UndefinedMetricWarning, match="none"):
        assert frame.group_min()["zero"] == 0.25


def test_quantiles_of_what_is_no_scalar_are_refused():
    frame = MetricFrame(
        metrics=skm.confusion_matrix,
        y_true=[0, 1, 0, 1] * 5,
        y_pred=[0, 1, 1, 1] * 5,
        sensitive_features=list("aabb") * 5,
        n_boot=3,
        ci_quantiles=[0.5],
        random_state=0,
    )
    with pytest.raises(ValueError, match="non-scalar"):
        frame.difference_ci()
    with pytest.raises(ValueError, match="non-scalar"):
        _ = frame.by_group_ci


BOTH = {"sex": list("ffmm"), "race": list("bwbb")}


@pytest.mark.parametrize("control", [None, {"region": list("xxxy")}])
def test_intersectional_groups_are_laid_out_as_their_features(control):
    options = {"metrics": count, "y_true": [0] * 4, "y_pred": [0] * 4, "control_features": control}
    frame = MetricFrame(sensitive_features=Groups.read(BOTH), **options)
    expected = MetricFrame(sensitive_features=pd.DataFrame(BOTH), **options)
    assert frame.sensitive_levels == ["sex", "race"]
    pd.testing.assert_series_equal(frame.by_group, expected.by_group)
    index = frame.by_group.index
    assert list(index.names) == [*(frame.control_levels or []), *frame.sensitive_levels]


def test_intersectional_groups_keep_the_order_of_their_levels_and_their_missing_values():
    size = pd.Categorical(["small", "large", "small", None], ["small", "large"], ordered=True)
    groups = Groups.read({"sex": list("ffmm"), "size": size})
    frame = MetricFrame(metrics=count, y_true=[0] * 4, y_pred=[0] * 4, sensitive_features=groups)
    assert frame.by_group.loc["f"].index.tolist() == ["small", "large", "<missing>"]
    assert frame.by_group.fillna(0).tolist() == [1, 1, 0, 1, 0, 1]
    with pytest.raises(ValueError, match="missing"):
        MetricFrame(
            metrics=count,
            y_true=[0] * 4,
            y_pred=[0] * 4,
            sensitive_features=groups,
            missing="raise",
        )


# --- whose warning, and where -----------------------------------------------------------------


def test_a_warning_bears_the_name_that_the_user_gave_and_the_users_line():
    data = {"y_true": [1, 1, 0], "y_pred": [1, 0, 1], "sensitive_features": list("ffm")}
    with pytest.warns(UndefinedMetricWarning, match="^recall_score is undefined") as single:
        MetricFrame(metrics=skm.recall_score, **data)
    with pytest.warns(UndefinedMetricWarning, match="^hits is undefined") as named:
        MetricFrame(metrics={"hits": skm.recall_score}, **data)
    assert [warning.filename for warning in (*single, *named)] == [__file__] * 2


def test_warnings_of_derived_metrics_are_on_the_users_line():
    with pytest.warns(UndefinedMetricWarning) as caught:
        value = sfm.true_positive_rate_difference(
            [1, 1, 0], [1, 0, 1], sensitive_features=list("ffm")
        )
    assert np.isnan(value)
    assert len(caught) == 2  # undefined for m, and so no gap
    assert [warning.filename for warning in caught] == [__file__] * 2


def test_a_rate_called_by_group_warns_on_the_users_line():
    with pytest.warns(UndefinedMetricWarning) as caught:
        MetricFrame(
            metrics=functools.partial(sfm.true_positive_rate, missing="group"),
            y_true=[1, 1, 0],
            y_pred=[1, 0, 1],
            sensitive_features=list("ffm"),
        )
    assert [warning.filename for warning in caught] == [__file__]
