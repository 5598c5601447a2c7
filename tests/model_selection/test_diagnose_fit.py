from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from doubles import GroupRule, Misaligned, RowChecker, WatchingMitigator, make_rows
from joblib import parallel_config
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, RepeatedStratifiedKFold, ShuffleSplit
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skfair.criteria import Limits, critical_value, difference_limits, wilson_interval
from skfair.groups import MISSING, Bins, Groups
from skfair.model_selection import FitDiagnosis, diagnose_fit
from skfair.model_selection._fit_tables import FitTables
from skfair.model_selection._fits import LabelledRows
from skfair.model_selection._learning_curves import fit_power_law
from skfair.model_selection._losses import Target
from skfair.model_selection._repeated_fits import find_repeats
from skfair.model_selection._verdicts import is_weaker

TREE = DecisionTreeClassifier(random_state=0)
PARTS = ("errors", "decomposition", "learning_curve", "rows_needed", "verdict")


def planted(n=500, seed=0, share=0.2, noise=0.2):
    """A group that is rare and has a rule of its own."""
    rng = np.random.default_rng(seed)
    x, few = rng.normal(size=(n, 3)), rng.random(n) < share
    y = np.where(few, x[:, 1] - x[:, 0], x[:, 0] + x[:, 1]) + noise * rng.normal(size=n) > 0
    return np.column_stack([x, few]), np.where(y, "yes", "no"), np.where(few, "few", "most")


def diagnose(estimator, X, y, groups, **options):
    options = {"n_repeats": 4, "random_state": 0} | options
    return diagnose_fit(estimator, X, y, sensitive_features=groups, **options)


def assert_same(one, two):
    for part in PARTS:
        pd.testing.assert_frame_equal(getattr(one, part), getattr(two, part))


class Listed(ClassifierMixin, BaseEstimator):
    """Predicts by the first training row: the label in the column that it names."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.column_ = 1 + int(X[0, 0] > 1)
        return self

    def predict(self, X):
        return X[:, self.column_].astype(int)


def test_four_rows_by_hand():
    # rows 0 and 1 are predicted by column 2 first and then by column 1, rows 2 and 3 likewise
    X = np.array([[0, 0, 1], [1, 1, 1], [2, 0, 0], [3, 1, 0]])
    y, group = np.array([0, 1, 0, 1]), ["f", "f", "m", "m"]
    low, high = np.array([0, 1]), np.array([2, 3])
    splits = [(high, low), (low, low), (low, high), (high, high)]
    found = diagnose_fit(Listed(), X, y, sensitive_features=group, cv=splits, train_sizes=())
    # column 1 is right everywhere; column 2 is wrong for row 0 and row 3
    assert found.errors["n"].tolist() == [2, 2]
    assert found.errors["validation"].tolist() == [0.25, 0.25]
    assert found.errors["train"].tolist() == [0, 0.5]
    assert found.errors["gap"].tolist() == [0.25, -0.25]
    parts = found.decomposition
    assert parts["error"].tolist() == [0.25, 0.25]
    assert parts["bias"].tolist() == [0.25, 0.25]  # one row of two is a tie
    assert parts["variance_unbiased"].tolist() == [0.125, 0.125]
    assert parts["variance_biased"].tolist() == [0.125, 0.125]


def test_a_constant_has_no_variance_and_underfits():
    X, y, group = planted()
    found = diagnose(DummyClassifier(), X, y, group)
    assert (found.decomposition["variance"] == 0).all()
    assert found.decomposition["bias"].equals(found.errors["validation"])
    assert (found.verdict["verdict"] == "underfits").all()
    assert "no better than a constant" in str(found)


def test_a_memorising_model_overfits():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 3)), rng.integers(2, size=400)
    found = diagnose(TREE, X, y, np.tile(["a", "b"], 200))
    assert (found.errors["train"] == 0).all()
    assert (found.errors["validation"] > 0.4).all()
    assert (found.verdict["verdict"] == "overfits").all()
    assert (found.decomposition["variance"] > 0).any()


def test_a_good_fit_is_fine():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 2))
    y = X[:, 0] > 0
    found = diagnose(LogisticRegression(), X, y, np.tile(["a", "b"], 200))
    assert (found.verdict["verdict"] == "fine").all()
    assert found.rows_needed.empty


def test_a_group_with_its_own_rule_underfits_in_a_linear_model():
    X, y, group = planted()
    found = diagnose(LogisticRegression(), X, y, group)
    assert found.verdict["verdict"].to_dict() == {"few": "underfits", "most": "fine"}
    assert found.decomposition["bias"]["few"] > 0.3
    assert np.isinf(found.rows_needed["extra_low"]["few"])
    target = found.errors["validation"]["most"] + 0.02
    assert found.rows_needed["target"]["few"] == pytest.approx(target)
    own = found.learning_curve.query("thinned == 'own rows'")
    assert set(own["group"]) == {"few"}
    others = own["all_rows"] - own["rows"]
    assert np.ptp(others) < 1e-9


def test_a_group_with_its_own_rule_lacks_rows_in_a_tree():
    X, y, group = planted(n=2000, share=0.05, noise=0.0)
    found = diagnose(DecisionTreeClassifier(random_state=0), X, y, group)
    assert found.verdict["verdict"]["few"] == "lacks rows"
    needed = found.rows_needed.loc["few"]
    assert needed["rows"] == (group == "few").sum()
    assert needed["extra_low"] <= needed["extra"] <= needed["extra_high"]
    assert needed["extra"] > 0
    assert needed["answer"] in found.verdict["reason"]["few"]
    curve = found.learning_curve.query("group == 'few' and thinned == 'own rows'")
    assert curve["validation"].iloc[0] > curve["validation"].iloc[-1] + 0.1
    law = fit_power_law(curve["rows"].to_numpy(), curve["validation"].to_numpy())
    expected = law.rows_for(needed["target"]) - needed["rows"]
    assert needed["extra"] == pytest.approx(expected.item(), rel=0.01)
    assert np.isfinite(needed["extra"])
    assert curve["fitted"].to_numpy() == pytest.approx(curve["validation"].to_numpy(), abs=0.06)


def test_learning_curves_end_at_the_validation_error():
    X, y, group = planted()
    found = diagnose(LogisticRegression(), X, y, group, train_sizes=[0.5, 0.2])
    curve = found.learning_curve.query("thinned == 'all rows'")
    assert curve["fraction"].tolist() == [0.2, 0.5, 1.0] * 2
    last = curve[curve["fraction"] == 1].set_index("group")
    errors = found.errors["validation"]
    assert last["validation"].to_dict() == pytest.approx(errors.to_dict(), abs=1e-6)
    n = pd.Series(group).value_counts()
    assert last["rows"].to_dict() == pytest.approx((n / 2).to_dict())
    assert curve["rows"].iloc[1] == pytest.approx(n["few"] / 4, abs=1)


def test_an_errorless_best_group_is_no_goal_out_of_reach():
    # both rules are linear in the columns of their own; "few" has its own 14 to learn
    rng = np.random.default_rng(0)
    few, x = rng.random(1600) < 0.15, rng.normal(size=(1600, 14))
    x[:, 0] += np.where(few, 0, 2 * np.sign(x[:, 0]))
    y = np.where(few, x[:, 1] > 0, x[:, 0] > 0)
    X = np.column_stack([x * ~few[:, None], x * few[:, None], few])
    model = LogisticRegression(C=10, max_iter=500)
    found = diagnose(model, X, y, np.where(few, "few", "most"), n_repeats=3)
    assert found.errors["validation"]["most"] == 0
    assert found.verdict["verdict"].to_dict() == {"few": "lacks rows", "most": "fine"}
    assert found.rows_needed["target"].item() == pytest.approx(0.02)
    assert 50 < found.rows_needed["extra"].item() < 2000  # 945 rows have 0.7 % in fresh data


@pytest.mark.parametrize("n_positive", [0, 20, 1000])
def test_a_group_without_errors_is_fine(n_positive):
    # as good as a constant where labels are alike, and never worse than tol where one is rare
    rng = np.random.default_rng(0)
    y = np.arange(2000) < n_positive
    X, group = 50.0 * y + rng.normal(size=2000), np.where(rng.random(2000) < 0.5, "f", "m")
    y[-1] = True  # the model needs two classes
    X[-1] = 50
    model = LogisticRegression(C=100)
    cv = [(np.arange(2000), np.arange(2000))] * 2
    found = diagnose(model, X[:, None], y, group, cv=cv, train_sizes=())
    assert (found.errors["validation"] == 0).all()
    assert (found.verdict["verdict"] == "fine").all()


def test_lucky_rows_hide_no_weak_group():
    rng = np.random.default_rng(0)
    X, group = rng.normal(size=(1302, 2)), np.repeat(["A", "B", "C"], [1000, 300, 2])
    X[-2:] = [[3, 0], [-3, 0]]
    y = (X[:, 0] > 0) ^ ((group == "B") & (rng.random(1302) < 0.3))
    found = diagnose(LogisticRegression(), X, y, group, n_repeats=2)
    assert found.errors["validation"]["C"] == 0
    assert found.verdict["verdict"].to_dict() == {"A": "fine", "B": "underfits", "C": "can't tell"}
    assert "above group 'A'" in found.verdict["reason"]["B"]
    assert found.rows_needed.index.tolist() == ["B"]


def tables(losses, groups, *, weights=None, regressor=False, y=None):
    """Tables of a model whose losses are given."""
    losses = np.asarray(losses, dtype=float)
    y = np.zeros(losses.shape[-1]) if y is None else y
    estimator = DummyRegressor() if regressor else DummyClassifier()
    target = Target.read(np.r_[y] if regressor else y.astype(int), "auto", None, estimator)
    rows = LabelledRows.read(np.zeros((len(y), 1)), y, Groups.read(groups), weights)
    predictions = np.sqrt(losses) + y if regressor else np.where(losses > 0, 1 - y, y)
    return FitTables(rows, target, np.stack([predictions] * 2), losses, 0.95)


@pytest.mark.slow
@pytest.mark.parametrize("n_groups", [2, 5, 20])
@pytest.mark.parametrize("regressor", [False, True])
def test_few_of_many_diagnoses_of_equal_groups_call_any_weak(n_groups, regressor):
    rng, n_false = np.random.default_rng(0), 0
    groups = np.arange(60 * n_groups) % n_groups
    for _ in range(200):
        draws = rng.normal(size=len(groups)) ** 2 if regressor else rng.random(len(groups)) < 0.2
        _, apart = tables(draws, groups, regressor=regressor).compare()
        n_false += any(is_weaker(a, 0.02) for a in zip(*apart, strict=True))
    assert n_false <= 16  # 5 % of 200, and two standard errors


def test_groups_are_compared_by_limits_of_all_pairs():
    losses = np.r_[np.arange(100) < 5, np.arange(60) < 12, np.arange(2) < 0, np.arange(30) < 9]
    groups = np.repeat(["a", "b", "c", "d"], [100, 60, 2, 30])
    best, apart = tables(losses, groups).compare()
    assert best == 0
    assert apart.value == pytest.approx([0, 0.15, -0.05, 0.25])
    z = critical_value(0.95, contrasts=6)
    limits = Limits(np.array([0.05, 0.2]), *wilson_interval(*np.array([[0.05, 0.2], [100, 60]]), z))
    expected = difference_limits(*(Limits(*(end[k] for end in limits)) for k in (1, 0)))
    assert [end[1] for end in apart] == pytest.approx(list(expected))
    assert np.array([end[0] for end in apart]).tolist() == [0, 0, 0]


def test_constants_are_weighted():
    y = np.array([0, 0, 0, 1, 1, 0, 0, 1])
    groups = np.repeat(["f", "m"], [5, 3])
    weights = np.array([1.0, 1, 1, 3, 3, 1, 1, 1])
    losses = np.array([1.0, 0, 0, 0, 0, 0, 0, 1])
    error, gain = tables(losses, groups, y=y, weights=weights).constants()
    assert error == pytest.approx([3 / 9, 1 / 3])  # of "f", 1 has most of the weight
    assert gain.value == pytest.approx([2 / 9, 0])
    assert gain.low[0] < 2 / 9 < gain.high[0]
    number = np.array([0.0, 4.0, 4.0, 1.0])
    some = tables(np.zeros(4), ["f", "f", "f", "m"], y=number, weights=[2, 1, 1, 1], regressor=True)
    assert some.constants()[0] == pytest.approx([4, 0])


def test_weights_weigh_the_rows_needed():
    X, y, group = planted(n=2000, share=0.1, noise=0.0)
    weights = np.where(X[:, 2] > 0.5, 6.0, 1.0)
    found = diagnose(DecisionTreeClassifier(random_state=0), X, y, group, sample_weight=weights)
    curve = found.learning_curve.query("group == 'few' and thinned == 'own rows'")
    law = fit_power_law(curve["rows"].to_numpy(), curve["validation"].to_numpy())
    needed = found.rows_needed.loc["few"]
    expected = law.rows_for(needed["target"]).item() - needed["rows"]
    assert needed["extra"] == pytest.approx(expected, rel=1e-3)
    assert needed["extra_low"] < needed["extra"] < needed["extra_high"]


def test_regressors():
    rng = np.random.default_rng(0)
    few = rng.random(600) < 0.2
    x = np.column_stack([rng.normal(size=600), few])
    y = x[:, 0] + np.where(few, 3 * x[:, 0] ** 2, 0) + 0.3 * rng.normal(size=600)
    found = diagnose(LinearRegression(), x, y, np.where(few, "few", "most"))
    assert found.loss == "squared"
    assert found.verdict["verdict"].to_dict() == {"few": "underfits", "most": "fine"}
    small = diagnose(LinearRegression(), x, y / 1000, np.where(few, "few", "most"))
    assert small.verdict["verdict"].equals(found.verdict["verdict"])  # tol is in variances
    parts = found.decomposition
    assert parts["error"].to_numpy() == pytest.approx(
        (parts["bias"] + parts["variance"]).to_numpy()
    )
    assert parts["error"].to_numpy() == pytest.approx(found.errors["validation"].to_numpy())
    constant = diagnose(DummyRegressor(strategy="constant", constant=0), x, y, few)
    assert (constant.decomposition["variance"] == 0).all()
    tree = diagnose(DecisionTreeRegressor(random_state=0), x, y, np.repeat("all", 600))
    assert tree.verdict["verdict"].tolist() == ["overfits"]
    assert tree.errors["train"].item() == 0


def test_variance_of_a_mean_is_that_of_theory():
    # the mean of half the rows varies about that of all by sigma^2 / n
    rng = np.random.default_rng(0)
    y = rng.normal(size=400)

    class Mean(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            self.mean_ = y.mean()
            return self

        def predict(self, X):
            return np.full(len(X), self.mean_)

    found = diagnose(Mean(), y[:, None], y, np.repeat("all", 400), n_repeats=60, train_sizes=())
    assert found.decomposition["variance"].item() == pytest.approx(y.var() / 400, rel=0.35)


def test_rates_are_over_their_rows():
    X, y, group = planted()
    found = diagnose(
        LogisticRegression(),
        X,
        y,
        group,
        loss="false_negative_rate",
        pos_label="yes",
        train_sizes=(),
    )
    assert found.errors["n"].sum() == (y == "yes").sum()
    zeros = diagnose(
        LogisticRegression(),
        X,
        (y == "yes").astype(int),
        group,
        loss="false_negative_rate",
        train_sizes=(),
    )
    assert_same(found, zeros)
    other = diagnose(
        LogisticRegression(),
        X,
        y,
        group,
        loss="false_positive_rate",
        pos_label="no",
        train_sizes=(),
    )
    assert other.errors["n"].sum() == (y == "yes").sum()


def test_three_classes():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2))
    y = np.array(["a", "b", "c"])[np.argmax(np.c_[X, np.zeros(300)], axis=1)]
    found = diagnose(TREE, X, y, np.tile(["f", "m"], 150))
    parts = found.decomposition
    assert parts["error"].to_numpy() == pytest.approx(
        (parts["bias"] + parts["variance"]).to_numpy()
    )
    assert (found.verdict["verdict"] == "overfits").all()


def test_a_group_without_counted_rows():
    X, y, group = planted(n=200)
    y = np.where(group == "few", "no", y)
    with pytest.warns(
        UndefinedMetricWarning, match=r"false_negative_rate error of groups \['few'\]"
    ):
        found = diagnose(
            LogisticRegression(), X, y, group, loss="false_negative_rate", pos_label="yes"
        )
    assert found.verdict["verdict"]["few"] == "no rows"
    assert np.isnan(found.errors["validation"]["few"])


def test_missing_groups_are_a_group():
    X, y, group = planted(n=200)
    some = pd.Series(group).mask(np.arange(200) < 40)
    assert MISSING in diagnose(TREE, X, y, some, train_sizes=()).errors.index
    with pytest.raises(ValueError, match="missing values"):
        diagnose(TREE, X, y, some, missing="raise")


def test_kinds_of_tables_agree():
    X, y, group = planted(n=200)
    names = ["a", "b", "c", "d"]
    index = np.random.default_rng(0).permutation(200)
    plain = diagnose(TREE, X, y, group, train_sizes=())
    pandas = pd.DataFrame(X, columns=names, index=index)
    assert_same(plain, diagnose(TREE, pandas, pd.Series(y), group, train_sizes=()))
    assert_same(
        plain, diagnose(TREE, pl.DataFrame(X, schema=names), pl.Series(y), group, train_sizes=())
    )
    assert_same(plain, diagnose(TREE, X.tolist(), y.tolist(), group.tolist(), train_sizes=()))


def test_columns_name_the_groups():
    X, y, group = planted(n=200)
    table = pd.DataFrame(X, columns=["a", "b", "c", "is_few"])
    by_values = diagnose(TREE, table, y, {"is_few": table["is_few"]}, train_sizes=())
    for columns in ("is_few", ["is_few"], 3, lambda X: X[["is_few"]]):
        assert_same(by_values, diagnose(TREE, table, y, columns, train_sizes=()))
    both = diagnose(TREE, table, y, ["is_few", Bins("a", [0])], train_sizes=())
    assert both.verdict.index.names == ["is_few", "a"]
    assert len(str(both).splitlines()) == 4
    assert group.shape == (200,)


def test_groups_and_weights_stay_with_their_rows():
    X, y, group, weights = make_rows()
    found = diagnose(GroupRule(), X, y, group, sample_weight=weights)
    assert isinstance(found, FitDiagnosis)
    inner = WatchingMitigator(RowChecker(weights="known"), weights="known")
    diagnose(inner, X, y, group, sample_weight=weights)
    named = diagnose(GroupRule(sensitive_features="group"), X, y, "group", sample_weight=weights)
    assert named.errors["validation"].tolist() == found.errors["validation"].tolist()
    with pytest.raises(Misaligned):
        diagnose(GroupRule(), X, y, np.roll(group, 1))


def test_metadata_reach_fit_row_by_row():
    class Checks(DummyClassifier):
        __metadata_request__fit = {"ids": True}  # noqa: RUF012

        def fit(self, X, y, sample_weight=None, ids=None):
            assert np.array_equal(X[:, 0], ids)
            return super().fit(X, y)

    ids = np.arange(60)
    options = {"params": {"ids": ids}, "train_sizes": ()}
    diagnose(Checks(), ids[:, None], ids % 2, np.tile(["a", "b", "c"], 20), **options)


def test_rows_without_weight_are_no_rows():
    X, y, group = planted(n=300)
    weights = np.r_[np.full(200, 2.0), np.zeros(100)]
    some = diagnose(TREE, X, y, group, sample_weight=weights)
    fewer = diagnose(TREE, X[:200], y[:200], group[:200], sample_weight=weights[:200])
    assert_same(some, fewer)
    assert some.errors["n"].sum() == 200


def test_weights_weigh_the_errors():
    X, y, group = planted(n=300)
    weights = np.where(X[:, 0] > 0, 5.0, 1.0)
    splits = list(KFold(2, shuffle=True, random_state=0).split(X)) * 2
    found = diagnose(
        LogisticRegression(), X, y, group, sample_weight=weights, cv=splits, train_sizes=()
    )
    wrong = np.zeros(300)
    for train, test in splits:
        model = LogisticRegression().fit(X[train], y[train], weights[train])
        wrong[test] += (model.predict(X[test]) != y[test]) / 2
    few = group == "few"
    expected = np.average(wrong[few], weights=weights[few])
    assert found.errors["validation"]["few"] == pytest.approx(expected)
    assert found.decomposition["variance"]["few"] == 0  # the same fits twice


@pytest.mark.parametrize(
    "cv",
    [
        RepeatedStratifiedKFold(n_splits=2, n_repeats=3, random_state=0),
        ShuffleSplit(30, test_size=0.5, random_state=0),
    ],
)
def test_splitters(cv):
    X, y, group = planted(n=200)
    found = diagnose(TREE, X, y, group, cv=cv, train_sizes=())
    wrong, times = np.zeros(200), np.zeros(200)
    for train, test in cv.split(X, y):
        wrong[test] += clone(TREE).fit(X[train], y[train]).predict(X[test]) != y[test]
        times[test] += 1
    for label in ("few", "most"):
        mine = group == label
        expected = (wrong[mine] / times[mine]).mean()
        assert found.errors["validation"][label] == pytest.approx(expected)


def test_splits_that_overlap_have_curves_of_fits():
    cv = RepeatedStratifiedKFold(n_splits=2, n_repeats=3, random_state=0)
    X, y, group = planted(n=1200, share=0.1, noise=0.0)
    model = DecisionTreeClassifier(min_samples_leaf=3, random_state=0)
    folds = diagnose(model, X, y, group, cv=cv)
    halves = diagnose(model, X, y, group, cv=ShuffleSplit(16, test_size=0.5, random_state=0))
    for found in (folds, halves):
        assert found.verdict["verdict"]["few"] == "lacks rows"
        needed = found.rows_needed.loc["few"]
        assert 0 <= needed["extra_low"] <= needed["extra"] <= needed["extra_high"]
    tests = [test for _, test in cv.split(X, y)]
    assert find_repeats(tests, 1200) == [0, 0, 1, 1, 2, 2]
    assert find_repeats(tests[::2] + tests[1::2], 1200) == [0, 1, 2, 0, 1, 2]
    assert find_repeats([test[:-1] for test in tests[::2]], 1200) == [0, 1, 2]


def test_the_same_seed_gives_the_same_tables_for_any_number_of_jobs():
    X, y, group = planted(n=200)
    one = diagnose(TREE, X, y, group)
    with parallel_config("threading"):
        assert_same(one, diagnose(TREE, X, y, group, n_jobs=2))
    state = np.random.RandomState(0)
    drawn = diagnose(TREE, X, y, group, random_state=state)
    assert not drawn.errors.equals(one.errors)


def test_the_estimator_stays_as_it_is():
    X, y, group = planted(n=100)
    model = DecisionTreeClassifier(random_state=0)
    diagnose(model, X, y, group, train_sizes=())
    assert not hasattr(model, "tree_")


def test_plot():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    X, y, group = planted(n=300)
    found = diagnose(TREE, X, y, group)
    display = found.plot()
    assert len(display.axes_) == 3
    dots = display.axes_[0].lines[1].get_xdata()
    assert list(dots) == found.errors["validation"].tolist()
    without = diagnose(TREE, X, y, group, train_sizes=())
    _, ax = plt.subplots()
    assert len(without.plot(ax).axes_) == 2
    plt.close("all")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"n_repeats": 1}, "n_repeats must be an integer of at least 2"),
        ({"tol": -0.1}, "tol must be a number"),
        ({"confidence_level": 1}, "confidence_level must be between"),
        ({"train_sizes": [0.5, 1.0]}, "train_sizes must be between"),
        ({"train_sizes": [0.5]}, "at least two distinct"),
        ({"train_sizes": [0.5, 0.5]}, "at least two distinct"),
        ({"cv": 1}, "cv must be an integer"),
        ({"cv": KFold(3)}, "predicted by at least two fits"),
        ({"loss": "log"}, "loss must be one of"),
        ({"loss": "false_negative_rate"}, "pos_label"),
        ({"sample_weight": [1.0]}, "inconsistent numbers of samples"),
        ({"groups": ["a", "b"]}, "has no column|names"),
        ({"groups": None}, "needs sensitive features"),
        ({"groups": np.array(["a"] * 99)}, "inconsistent numbers of samples"),
    ],
)
def test_refused(options, match):
    X, y, group = planted(n=100)
    options = {"groups": group, **options}
    with pytest.raises(ValueError, match=match):
        diagnose(LogisticRegression(), X, y, options.pop("groups"), **options)


def test_a_frozen_estimator_is_refused():
    X, y, group = planted(n=100)
    with pytest.raises(ValueError, match="can't be fitted again"):
        diagnose(FrozenEstimator(TREE), X, y, group)
    with pytest.raises(TypeError, match="takes no sample_weight"):
        diagnose(Listed(), X, y, group, sample_weight=np.ones(100))
