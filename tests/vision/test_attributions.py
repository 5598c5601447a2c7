from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose
from scipy.stats import ttest_ind
from sklearn.exceptions import NotFittedError, UndefinedMetricWarning
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC

from skfair.groups import Groups
from skfair.vision import group_attributions
from skfair.vision._shapley import add_up, assemble, sampled_shapley
from skfair.vision.attributions import _gaps


def rows(n=300, seed=0):
    """A proxy tells of sex, and the model leans on it as on skill."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    X = pd.DataFrame(
        {
            "skill": rng.normal(size=n),
            "proxy": 1.5 * (sex == "m") + rng.normal(size=n),
            "noise": rng.normal(size=n),
        },
        index=rng.permutation(n),
    )
    return X, sex


class Product:
    """A regressor without linearity: values by hand are halves."""

    _estimator_type = "regressor"

    def __sklearn_tags__(self):
        return LinearRegression().__sklearn_tags__()

    def predict(self, X):
        X = np.asarray(X, dtype=float)
        return X[:, 0] * X[:, 1]


# by hand


def test_values_by_hand():
    X = np.array([[0.0, 0.0, 5.0], [2.0, 3.0, 7.0]])
    predict = Product().predict
    shares = np.array([1.0, 0.0])  # start from zeros: the first turn gives 0, the last all 6
    rng = np.random.default_rng(0)
    values = sampled_shapley(predict, X, np.array([1, 0]), shares, 3, rng)
    assert_allclose(values, [[3, 3, 0], [0, 0, 0]])


def test_of_a_linear_model_values_are_known():
    X, sex = rows()
    model = LinearRegression().fit(X, X @ [1.0, 2.0, 0.0])
    found = group_attributions(model, X, sensitive_features=sex, n_repeats=40, random_state=0)
    table = found.table.set_index(["feature", "group"])
    for name, slope in {"skill": 1.0, "proxy": 2.0, "noise": 0.0}.items():
        for group in "fm":
            known = slope * (X[name][sex == group].mean() - X[name].mean())
            assert abs(table["mean"][name, group] - known) < 0.05
            inside = table.loc[(name, group)]
            assert inside["low"] - 1e-9 <= known <= inside["high"] + 1e-9
    assert table["n"]["skill", "f"] == (sex == "f").sum()


def test_differences_add_up_to_the_gap_of_predictions():
    X, sex = rows()
    model = LogisticRegression().fit(X, X["skill"] + X["proxy"] > 0.5)
    found = group_attributions(model, X, sensitive_features=sex, n_repeats=20, random_state=0)
    p = model.predict_proba(X)[:, 1]
    gap = p[sex == "m"].mean() - p[sex == "f"].mean()
    gaps = found.gaps.query("group == 'm'").set_index("feature")
    assert_allclose(gaps["difference"].sum(), gap, rtol=1e-12)
    assert gaps["difference"].idxmax() == "proxy"
    assert gaps.loc["proxy", "low"] > 0.1
    assert gaps.loc["noise", "low"] < 0.01
    back = found.gaps.query("group == 'f'").set_index("feature")
    assert_allclose(back["difference"], -gaps["difference"])
    assert_allclose(back["low"], -gaps["high"])


@pytest.mark.filterwarnings("ignore:groups .'m'. have no weight")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("max_rows", [40, 500])
def test_however_few_rows_are_drawn_they_add_up(weighted, max_rows):
    X, group = rows(160)
    group = group.astype("<U3")
    group[:4] = "few"  # 4 rows, and 156 others
    w = np.where(np.arange(160) % 3 == 0, 2.5, 1.0) * (group != "m") if weighted else np.ones(160)
    model = LogisticRegression().fit(X, X.sum(axis=1) > 0.5)
    p = model.predict_proba(X)[:, 1]
    found = group_attributions(
        *(model, X),
        sensitive_features=group,
        sample_weight=w,
        max_rows=max_rows,
        n_repeats=1,
        random_state=0,
    )
    sums = found.gaps.groupby("group")["difference"].sum(min_count=3)
    means = found.table.groupby("group")["mean"].sum(min_count=3)
    for label in ("few", "f"):
        own = group == label
        inside, outside = (np.average(p[r], weights=w[r]) for r in (own, ~own))
        assert_allclose(sums[label], inside - outside, rtol=1e-12)
        assert_allclose(means[label], inside - np.average(p, weights=w), rtol=1e-12)
    assert np.isnan(sums["m"]) == weighted  # its rows have no weight


def test_what_is_lacking_is_no_features_that_the_model_ignores():
    X, sex = rows(40)
    model = LinearRegression().fit(X, X @ [1.0, 2.0, 0.0])
    model.coef_[2] = 0.0
    found = group_attributions(
        model, X, sensitive_features=sex, n_repeats=1, max_rows=5, random_state=0
    )
    assert (found.table.query("feature == 'noise'")[["mean", "mean_abs"]] == 0).all(axis=None)


def test_what_is_lacking_is_shared_out_by_hand():
    # sums within groups are -1, 1 and -2, 2; the first feature has 3/4 of them, the second 1/4
    one = np.array([[1.25, 0.75], [2.75, 1.25]])
    two = np.array([[0.5, -0.5], [3.5, 0.5]])
    none = np.zeros((0, 2))
    lacking = [np.array([2.0, 8.0]), np.array([0.0, 4.0]), np.zeros(0)]
    ones = [np.ones(2), np.array([3.0, 1.0]), np.zeros(0)]
    found = add_up([one, two, none], ones, lacking, np.array([5.0, 2.0, np.nan]))
    assert_allclose(found[0], [[1.25, 0.75], [5.75, 2.25]])
    # weighted, the sums of the second group have the mean 1, so 1 is lacking in each row
    assert_allclose(found[1], [[1.25, -0.25], [4.25, 0.75]])
    assert found[2].shape == (0, 2)
    single = [np.array([[3.0, 1.0]]), np.array([[0.0, 0.0]])]  # no sums to compare within groups
    found = add_up(single, [np.ones(1)] * 2, [np.array([8.0]), np.array([4.0])], np.array([8, 4]))
    assert_allclose(found, [[[6.0, 2.0]], [[3.0, 1.0]]])
    found = add_up([np.zeros((1, 2))], [np.ones(1)], [np.array([4.0])], np.array([4.0]))
    assert_allclose(found, [[[2.0, 2.0]]])


def test_with_several_groups_each_is_compared_with_all_others():
    X = np.repeat([[0.0], [1.0], [4.0]], [30, 20, 10], axis=0)
    group = np.repeat(["a", "b", "c"], [30, 20, 10])
    model = LinearRegression().fit(X, X[:, 0])
    found = group_attributions(model, X, sensitive_features=group, n_repeats=20, random_state=0)
    gaps = found.gaps.set_index("group")["difference"]
    assert_allclose(gaps[["a", "b", "c"]], [-60 / 30, 1 - 40 / 40, 4 - 20 / 50], atol=0.02)
    weights = np.repeat([1.0, 1.0, 4.0], [30, 20, 10])
    found = group_attributions(
        *(model, X), sensitive_features=group, sample_weight=weights, n_repeats=20, random_state=0
    )
    gaps = found.gaps.set_index("group")["difference"]
    assert_allclose(gaps["a"], -180 / 60, atol=0.02)


def test_weights_are_as_good_as_repeated_rows():
    X, sex = rows(60)
    model = LinearRegression().fit(X, X @ [1.0, 2.0, 0.0])
    times = np.where(np.arange(60) % 3 == 0, 3, 0)
    options = {"n_repeats": 40, "random_state": 0}
    weighted = group_attributions(model, X, sensitive_features=sex, sample_weight=times, **options)
    again = np.repeat(np.arange(60), times)
    repeated = group_attributions(model, X.iloc[again], sensitive_features=sex[again], **options)
    assert_allclose(weighted.table["mean"], repeated.table["mean"], atol=0.05)
    assert weighted.table["n"].iloc[0] == (sex == "f").sum()


def test_permutation_is_scikit_learns_on_the_rows_of_a_group():
    X, sex = rows()
    y = (X["skill"] + X["proxy"] > 0.5).to_numpy()
    model = LogisticRegression().fit(X, y)
    found = group_attributions(
        *(model, X, y), sensitive_features=sex, method="permutation", n_repeats=8, random_state=0
    )
    seeds = np.random.default_rng(0)
    for group in "fm":
        seed = int(seeds.integers(np.iinfo(np.int32).max))
        own = permutation_importance(
            model, X[sex == group], y[sex == group], n_repeats=8, random_state=seed
        )
        table = found.table.query("group == @group")
        assert_allclose(table["mean"], own.importances_mean)
    assert list(found.table) == ["feature", "group", "n", "mean", "low", "high"]
    scored = group_attributions(
        *(model, X, y),
        sensitive_features=sex,
        method="permutation",
        scoring="neg_log_loss",
        sample_weight=np.ones(len(y)),
        random_state=0,
    )
    assert scored.table["mean"].max() > found.table["mean"].max()


# whatever the table and the model are


def test_tables_of_all_kinds_give_the_same():
    X, sex = rows(80)
    model = LinearRegression().fit(X.to_numpy(), X @ [1.0, 2.0, 0.0])
    call = {"sensitive_features": sex, "n_repeats": 3, "random_state": 0}
    expected = group_attributions(model, X.to_numpy(), **call).table["mean"]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "X has feature names")
        for kind in (X, X.to_numpy().tolist(), pl.DataFrame(X.to_dict("list"))):
            assert_allclose(
                group_attributions(model, kind, **call).table["mean"], expected, atol=1e-12
            )


def test_words_and_classes_by_name():
    rng = np.random.default_rng(0)
    sex = rng.choice(["f", "m"], 200)
    job = np.where(rng.random(200) < 0.8, np.where(sex == "f", "nurse", "smith"), "cook")
    X = pd.DataFrame({"job": job, "town": rng.choice(["x", "y"], 200)})
    y = np.where(sex == "f", "no", "yes")
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(X, y)
    yes = group_attributions(model, X, sensitive_features=sex, random_state=0)
    no = group_attributions(model, X, sensitive_features=sex, pos_label="no", random_state=0)
    assert_allclose(yes.table["mean"], -no.table["mean"], atol=1e-12)
    gaps = yes.gaps.query("group == 'm'").set_index("feature")["difference"]
    assert gaps["job"] > 0.4 > 10 * abs(gaps["town"])
    frame = pl.DataFrame(X.to_dict("list"))
    moved = assemble(frame, np.array([[0, 1], [1, 0]]))
    assert moved.rows() == [(job[0], X["town"][1]), (job[1], X["town"][0])]


def test_decision_functions_are_explained_where_there_are_no_probabilities():
    X, sex = rows(100)
    y = np.where(X["skill"] > 0, 2, 1)
    model = LinearSVC().fit(X, y)
    two, one = (
        group_attributions(model, X, sensitive_features=sex, pos_label=label, random_state=0)
        for label in (2, 1)
    )
    assert_allclose(two.table["mean"], -one.table["mean"])
    many = LinearSVC().fit(X, np.arange(100) % 3)
    with pytest.raises(ValueError, match=r"pos_label must name .* \[0, 1, 2\]"):
        group_attributions(many, X, sensitive_features=sex)
    group_attributions(many, X, sensitive_features=sex, pos_label=2, n_repeats=1)


def test_large_groups_are_sampled_and_small_ones_have_no_interval():
    X, sex = rows(200)
    sex[0] = "x"
    model = LinearRegression().fit(X, X @ [1.0, 2.0, 0.0])
    found = group_attributions(
        model, X, sensitive_features=sex, max_rows=20, n_repeats=20, random_state=0
    )
    table = found.table.set_index(["feature", "group"])
    assert abs(table["mean"]["proxy", "m"] - table["mean"]["proxy", "f"] - 3) < 1.5
    assert np.isnan(table.loc[("skill", "x"), ["low", "high"]]).all()
    assert np.isfinite(table.loc[("skill", "x"), "mean"])
    weights = np.where(X["proxy"] > 0.5, 9.0, 1.0)
    drawn = group_attributions(
        model, X, sensitive_features=sex, sample_weight=weights, max_rows=60, random_state=0
    ).table.set_index(["feature", "group"])
    whole = np.average(X["proxy"], weights=weights)
    for group in "fm":
        own = sex == group
        known = 2 * (np.average(X["proxy"][own], weights=weights[own]) - whole)
        assert abs(drawn["mean"]["proxy", group] - known) < 0.35
    for method in ("shapley", "permutation"):
        with pytest.warns(UndefinedMetricWarning, match=r"groups \['x'\] have no weight"):
            none = group_attributions(
                *(model, X, X["skill"]),
                sensitive_features=sex,
                sample_weight=(sex != "x") * 1.0,
                method=method,
                random_state=0,
            )
        assert np.isnan(none.table.set_index(["feature", "group"])["mean"]["skill", "x"])
        assert np.isfinite(none.gaps.query("group == 'f'")["difference"]).all()


def test_the_same_seed_gives_the_same():
    X, sex = rows(50)
    model = LinearRegression().fit(X, X["skill"])
    one, two, other = (
        group_attributions(model, X, sensitive_features=sex, random_state=seed).table
        for seed in (1, 1, 2)
    )
    pd.testing.assert_frame_equal(one, two)
    assert not one.equals(other)


# refused


def test_what_cannot_be_read_is_refused():
    X, sex = rows(40)
    y = X["skill"] > 0
    model = LogisticRegression().fit(X, y)
    call = {"sensitive_features": sex}
    for arguments, options, message in (
        ((model, X), {"method": "tree"}, "method must be"),
        ((model, X), {"method": "permutation"}, "needs y"),
        ((model, X, y[:-1]), {"method": "permutation"}, "inconsistent numbers"),
        ((model, X), {"n_repeats": 0}, "n_repeats must be"),
        ((model, X), {"max_rows": 0}, "max_rows must be"),
        ((model, X), {"pos_label": "yes"}, "none of the classes"),
        ((model, X), {"sensitive_features": sex[:-1]}, "inconsistent numbers"),
        ((model, X), {"sample_weight": np.full(40, np.nan)}, "NaN"),
        ((model, np.zeros((40, 1, 4, 4))), {}, "for images there is Heatmaps"),
        ((model, X.iloc[:0]), {}, "inconsistent numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            group_attributions(*arguments, **{**call, **options})


@pytest.mark.parametrize(
    "model", [LogisticRegression(), LinearRegression(), make_pipeline(LogisticRegression())]
)
@pytest.mark.parametrize("method", ["shapley", "permutation"])
def test_a_model_that_isnt_fitted_is_refused_as_such(model, method):
    X, sex = rows(40)
    y = X["skill"] > 0
    with pytest.raises(NotFittedError):
        group_attributions(model, X, y, sensitive_features=sex, method=method)


def test_what_predicts_nothing_is_refused():
    X, sex = rows(40)
    with pytest.raises(TypeError, match="needs a classifier or regressor, got object"):
        group_attributions(object(), X, sensitive_features=sex)


def test_columns_of_the_table_can_be_the_groups():
    X, sex = rows(60)
    X["sex"] = (sex == "m") * 1
    model = LinearRegression().fit(X, X["skill"] + X["sex"])
    call = {"n_repeats": 2, "random_state": 0}
    one = group_attributions(model, X, sensitive_features="sex", **call).gaps
    for named in (["sex"], lambda table: table["sex"], X["sex"]):
        again = group_attributions(model, X, sensitive_features=named, **call).gaps
        pd.testing.assert_frame_equal(one, again)
    with pytest.raises(ValueError, match="no column 'age'"):
        group_attributions(model, X, sensitive_features="age")


def test_intervals_of_gaps_are_welchs():
    rng = np.random.default_rng(0)
    values = [rng.normal(0, 1, (9, 1)), rng.normal(1, 4, (25, 1))]
    groups = Groups.read(np.repeat(["a", "b"], [9, 25]))
    found = _gaps([(v, np.ones(len(v))) for v in values], ["x"], groups, None, 0.9)
    first = found.iloc[0]
    welch = ttest_ind(values[0][:, 0], values[1][:, 0], equal_var=False)
    assert_allclose(first["difference"], values[0].mean() - values[1].mean())
    assert_allclose([first["low"], first["high"]], welch.confidence_interval(0.9))


def test_one_group_has_no_gaps():
    X, _ = rows(30)
    model = LinearRegression().fit(X, X["skill"])
    with pytest.warns(UndefinedMetricWarning, match="one group only, 'a'"):
        found = group_attributions(model, X, sensitive_features=["a"] * 30, random_state=0)
    assert len(found.gaps) == 0
    assert len(found.table) == 3


def test_bars_are_drawn():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    X, sex = rows(60)
    model = LinearRegression().fit(X, X @ [1.0, 2.0, 0.0])
    display = group_attributions(model, X, sensitive_features=sex, random_state=0).plot(
        n_features=2
    )
    names = [label.get_text() for label in display.axes_[0].get_yticklabels()]
    assert names[0] == "proxy"
    assert len(names) == 2
    assert len(display.axes_) == 2
    assert len(display.axes_[1].patches) == 4
    plt.close("all")
