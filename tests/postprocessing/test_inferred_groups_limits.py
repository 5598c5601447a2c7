"""Guessed groups at the edges: other columns, no limits, no time, nothing that meets them."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from joblib import parallel_config
from numpy.testing import assert_allclose, assert_array_equal
from postprocessing.test_inferred_groups import (
    GUESS,
    SKILL,
    TREE,
    brute_force,
    people,
    rows,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from skfair.criteria import get_criterion
from skfair.groups import Groups
from skfair.postprocessing import ScoreCurves, ThresholdOptimizer, optimal_thresholds
from skfair.postprocessing import _guessed_search as search
from skfair.postprocessing import _programs as programs
from skfair.postprocessing._constraints import read_constraints
from skfair.postprocessing._group_guesser import GroupBoosting, guess_groups
from skfair.postprocessing._guessed import guessed_thresholds
from skfair.postprocessing._guessed_curves import GuessedCurves

CLASSIFY = {"cv": 3, "n_jobs": None}


def curves_of(*args, **options):
    return GuessedCurves.of_rows(*rows(*args, **options))


def two_people():
    """Groups with scores of their own, which nothing tells apart."""
    score = np.repeat([0.2, 0.8], 50)
    groups = Groups.read(np.repeat([0, 1], 50))
    positive = np.tile([True, False], 50)
    return GuessedCurves.of_rows(score, positive, groups, np.zeros(100, int), np.ones(100))


# Columns


def test_columns_in_another_order_are_found_by_name():
    X, y = people(600)
    sex, X = X["sex"], X[["skill", "hint"]]
    model = ThresholdOptimizer(SKILL, tol=0.02, shrinkage=None, cv=2, group_at_predict=False)
    model.fit(X, y, sensitive_features=sex)
    predicted = model.predict(X)
    assert_array_equal(model.predict(X[["hint", "skill"]]), predicted)
    assert_array_equal(model.predict(X.assign(more=1.0)[["more", "hint", "skill"]]), predicted)
    with pytest.raises(ValueError, match=r"no columns \['hint'\].*\nFeature names unseen.*\n- x"):
        model.predict(X.rename(columns={"hint": "x"}))


@pytest.mark.parametrize(("order", "place"), [([1, 2, 3], 2), ([0, 1, 2], 0)])
def test_numbers_that_name_columns_are_no_positions(order, place):
    X, y = people(600)
    code = (X["sex"] == "b").astype(float)
    own = [X["skill"], X["hint"]]
    own.insert(place, code)
    table = pd.DataFrame(dict(zip(order, own, strict=True)))
    model = ThresholdOptimizer(
        LogisticRegression(), sensitive_features=place, group_at_predict=False, tol=0.05,
        group_estimator=TREE,
    )  # fmt: skip
    model.fit(table, y)
    assert model.group_accuracy_ < 0.95
    guesser = model._guesser
    assert_array_equal(
        guesser.codes(table), guesser.codes(table.drop(columns=table.columns[place]))
    )


def test_frames_and_matrices_take_each_other_by_position():
    X, y = people(300)
    X, groups = X[["skill", "hint", "sex"]], Groups.from_columns(X, ["sex"])
    args = (y, groups, np.ones(300))
    _, guesser = guess_groups(TREE, X, *args, columns="sex", **CLASSIFY)
    matrix = X.assign(sex=0).to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a tree warns of names that are gone
        assert_array_equal(guesser.codes(matrix), guesser.codes(X))
        assert_array_equal(guesser.codes(matrix[:, :2]), guesser.codes(X))


def test_what_guesses_no_groups_is_refused():
    X, y = people(300, n_groups=3)
    model = ThresholdOptimizer(SKILL, sensitive_features="sex", group_at_predict=False)
    with pytest.raises(ValueError, match=r"must be a classifier .* got LinearRegression"):
        model.set_params(group_estimator=LinearRegression()).fit(X, y)

    class Off(DecisionTreeClassifier):
        def predict(self, X):
            return super().predict(X[["hint"]]) + self.max_depth / 2

        def fit(self, X, y, sample_weight=None):
            return super().fit(X[["hint"]], y, sample_weight)

    for depth in (1, 2):  # a fraction, and a code too large
        with pytest.raises(ValueError, match="one of the codes 0 to 2"):
            model.set_params(group_estimator=Off(max_depth=depth, random_state=0)).fit(X, y)


def test_a_column_is_of_one_kind_in_all_folds():
    X, y = people(300)
    mixed = np.arange(300).astype(object)
    mixed[7] = "zz"
    groups = Groups.from_columns(X, ["sex"])
    table = X[["skill"]].assign(mixed=mixed)
    codes, guesser = guess_groups(None, table, y, groups, np.ones(300), columns=None, **CLASSIFY)
    assert set(codes) <= {0, 1}
    assert guesser.model.categories == [False, True]
    plain = GroupBoosting().fit(X[["skill", "hint"]], groups.codes)
    with pytest.raises(ValueError, match="column 'hint' of X held numbers at fit"):
        plain.predict(X[["skill"]].assign(hint="a"))


def test_rows_guesses_are_not_kept_and_earlier_ones_go():
    X, y = people(300)
    model = ThresholdOptimizer(SKILL, sensitive_features="sex", shrinkage=None, cv=2, **GUESS).fit(
        X, y
    )
    assert not hasattr(model, "_guesses")
    assert len(pickle.dumps(model._guesser)) < 20_000
    model._guesses = np.zeros(300)
    model.set_params(group_at_predict=True).fit(X, y)
    assert not hasattr(model, "_guesses")


class Memory(DecisionTreeClassifier):
    """Keeps what it was fitted with."""

    seen: list = []  # noqa: RUF012

    def fit(self, X, y, sample_weight=None):
        self.seen.append((len(y), None if sample_weight is None else sample_weight.copy()))
        return super().fit(X, y, sample_weight)


def test_weights_reach_the_guesser_and_rows_of_weight_zero_do_not():
    X, y = people(300)
    weight = np.tile([0.0, 1.0, 3.0], 100)
    groups = Groups.from_columns(X, ["sex"])
    Memory.seen.clear()
    folds = np.arange(300) // 3 % 3
    splits = [(np.flatnonzero(folds != k), np.flatnonzero(folds == k)) for k in range(3)]
    options = {"columns": None, "cv": splits, "n_jobs": None}
    guess_groups(Memory(), X[["hint"]], y, groups, weight, **options)
    assert Memory.seen[0][0] == 200
    assert sum(n for n, _ in Memory.seen[1:]) == 400  # each row trains in two of three folds
    for _, own in Memory.seen:
        assert set(own) == {1.0, 3.0}


def test_jobs_and_weights_make_the_same_rule_as_one_job_and_repeated_rows_nearly():
    X, y = people(300)
    weight = np.random.default_rng(0).choice([0.0, 1.0, 2.0], 300)
    options = {"sensitive_features": "sex", "tol": 0.1, "cv": 2, **GUESS}
    one, two = (ThresholdOptimizer(SKILL, n_jobs=n, **options) for n in (None, 2))
    with warnings.catch_warnings(), parallel_config("threading"):
        warnings.simplefilter("ignore", UserWarning)
        one.fit(X, y, sample_weight=weight)
        two.fit(X, y, sample_weight=weight)
    assert_array_equal(one.predict(X), two.predict(X))
    assert_allclose(one.rule_.cells.sum(), weight.sum())
    alone = one.group_confusion_.to_numpy()
    rest = ThresholdOptimizer(SKILL, **options).fit(X, y)
    assert not np.allclose(rest.group_confusion_, alone)


# Limits


def test_without_limits_the_best_cuts_are_found():
    curves = curves_of(160, 2, 0)
    free = [
        guessed_thresholds(curves, None, randomized=True),
        guessed_thresholds(curves, "disparate_impact", tol=1.0, randomized=True),
        guessed_thresholds(curves, None),
    ]
    assert_allclose([rule.value for rule in free], brute_force(curves, None, "accuracy_score", 0.0))
    score, positive, groups, guess, weight = rows(40, 2, 0)
    same = GuessedCurves.of_rows(score * 0, positive, groups, guess * 0, weight)
    with pytest.warns(UserWarning, match="all or none .* no other cuts meet"):
        rule = guessed_thresholds(same, None)
    assert_allclose(rule.value, brute_force(same, None, "accuracy_score", 0.0))


def test_one_group_binds_nothing_and_says_so():
    score, positive, _, _, weight = rows(60, 2, 0)
    groups = Groups(np.arange(60) % 2, ("f", "m"), ("sex",))
    weight = weight * (np.arange(60) % 2)
    curves = GuessedCurves.of_rows(score, positive, groups, np.ones(60, int), weight)
    with pytest.warns(UserWarning, match=r"one group only, \['m'\]: \['demographic_") as caught:
        rule = guessed_thresholds(curves.about((1,)), "demographic_parity")
    assert len(caught) == 1
    assert rule.gap == 0
    X, y = people(300)
    X["sex"] = "a"
    model = ThresholdOptimizer(SKILL, sensitive_features="sex", cv=2, **GUESS)
    with pytest.warns(UserWarning, match="one group only") as caught:
        model.fit(X, y)
    assert not [w for w in caught if "guessed right" in str(w.message)]


def test_groups_without_weight_are_no_groups_to_guess():
    X, y = people(300)
    weight = (X["sex"] == "a").to_numpy(float)
    model = ThresholdOptimizer(SKILL, sensitive_features="sex", fallback="pooled", cv=2, **GUESS)
    with pytest.warns(UserWarning, match="one group only") as caught:
        model.fit(X, y, sample_weight=weight)
    told = " ".join(str(w.message) for w in caught)
    assert "guessed right" not in told
    assert "all or none" not in told


def by_hand(rates, tol, step):
    top = max(rates)
    return 1 - ((1 - tol) * (top - step) - step) / top


def test_what_is_allowed_of_a_ratio_goes_by_the_rates_reached():
    rng = np.random.default_rng(0)
    group = np.repeat(["a", "b"], 150)
    positive = rng.random(300) < 0.08
    score = rng.normal(0.5 * positive)
    curves = ScoreCurves.from_arrays(positive.astype(int), score, {"g": group})
    guessed = GuessedCurves.of_rows(
        score, positive, Groups.read(group), np.repeat([0, 1], 150), np.ones(300)
    )
    options = {"objective": {"fp": 1, "fn": 4}, "tol": 0.05}
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for rule in (
            optimal_thresholds(curves, "disparate_impact", **options),
            guessed_thresholds(guessed, "disparate_impact", **options),
        ):
            rates = rule.cells[:, [1, 3]].sum(axis=1) / 150
            allowed = rule.effective_tol["disparate_impact"]
            assert 1 - rates.min() / rates.max() <= allowed + 1e-9
            assert_allclose(allowed, by_hand(rates, 0.05, 0.5 / 150))
            seen.append(rates.max())
    assert max(seen) < 0.2  # so that half a row is much
    nobody = np.array([[5.0, 0, 5, 0]] * 2)
    asked = read_constraints("disparate_impact", 0.05)
    assert asked.allowed(np.full((2, 2), 5.0), np.full((2, 2), 5.0), nobody) == {
        "disparate_impact": 0.05
    }


# Nothing found


def test_what_no_rule_meets_is_told_with_what_would():
    curves = curves_of(200, 2, 0)
    bounds = {"true_positive_rate": (0.9, None), "false_positive_rate": (None, 0.01)}
    for randomized in (True, False):
        with pytest.raises(ValueError, match=r"one would with true_positive_rate >= 0\.") as error:
            guessed_thresholds(curves, None, rate_bounds=bounds, randomized=randomized)
        assert "randomized=True" not in str(error.value)
        assert ("no mixture of cuts does" in str(error.value)) is not randomized
        hint = float(str(error.value).split("true_positive_rate >= ")[1].split()[0])
    relaxed = bounds | {"true_positive_rate": (hint, None)}
    guessed_thresholds(curves, None, rate_bounds=relaxed, randomized=True)
    relaxed["true_positive_rate"] = (hint + 0.005, None)
    with pytest.raises(ValueError, match="no mixture of cuts does"):
        guessed_thresholds(curves, None, rate_bounds=relaxed)


def test_guesses_that_decide_alone_are_named():
    score = np.tile([0.2, 0.8], 50)
    guess = np.repeat([0, 1], 50)
    positive = np.where(guess == 0, score > 0.5, False)
    groups = Groups(np.tile([0, 0, 1, 1], 25), ("a", "b"), ("g",))
    curves = GuessedCurves.of_rows(score, positive, groups, guess, np.ones(100))
    with pytest.warns(UserWarning, match=r"nobody who is guessed to be of groups \['b'\]"):
        guessed_thresholds(curves, "demographic_parity", tol=0.5)
    curves = GuessedCurves.of_rows(score, positive | (guess == 1), groups, guess, np.ones(100))
    with pytest.warns(UserWarning, match=r"everybody who is guessed to be of groups \['b'\]"):
        guessed_thresholds(curves, "demographic_parity", tol=0.5)


# Nothing proved


@pytest.fixture
def local(monkeypatch):
    monkeypatch.setattr(search, "_ALL", 0)
    return monkeypatch


@pytest.mark.parametrize("n_groups", [1, 2, 3])
@pytest.mark.filterwarnings("ignore:all or none", "ignore:few cuts", "ignore:there is one")
@pytest.mark.filterwarnings("ignore:nobody", "ignore:everybody")
def test_the_local_search_is_within_its_bound_of_exhaustive_search(local, n_groups):
    for seed, constraints in enumerate(["demographic_parity", "equalized_odds", None]):
        curves = curves_of(80, n_groups, seed, levels=10)
        rule = guessed_thresholds(curves, constraints, tol=0.08)
        best = brute_force(curves, constraints, "accuracy_score", 0.08)
        assert best - rule.gap - 1e-9 <= rule.value <= best + 1e-9
        assert rule.value > best - 0.02


def test_a_local_search_that_finds_nothing_claims_nothing(local):
    curves = curves_of(120, 2, 0, levels=20)
    least = []

    def improve(self, start, values, own=search.Programme._improve):
        least.append(len(self.limits.most))
        return None if len(self.limits.most) == max(least) else own(self, start, values)

    local.setattr(search.Programme, "_improve", improve)
    bounds = {"selection_rate": (0.3, 0.7)}
    local.setattr("skfair.postprocessing._guessed._best_single", lambda *_: None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        guessed_thresholds(curves, None, rate_bounds=bounds)
    assert least.count(max(least)) == search._STARTS
    assert not [w for w in caught if "no other cuts meet" in str(w.message)]
    local.setattr(search.Programme, "_improve", lambda *_: None)
    with pytest.raises(ValueError, match=r"mix cuts .randomized=True., which can"):
        guessed_thresholds(curves, None, rate_bounds=bounds)


def test_a_constant_rule_that_is_merely_all_that_was_found_says_so(local):
    curves = curves_of(120, 2, 0, levels=20)
    calls = []

    def improve(self, start, values):
        calls.append(1)
        if len(calls) <= search._STARTS:
            return None
        return search.Found([np.array([0])] * 2, [np.ones(1)] * 2, 0.0, np.inf)

    local.setattr(search.Programme, "_improve", improve)
    local.setattr("skfair.postprocessing._guessed._best_single", lambda *_: None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        rule = guessed_thresholds(curves, "demographic_parity", tol=0.1)
    assert any("no other cuts were found that meet" in str(w.message) for w in caught)
    assert rule.gap > 0.1


def test_the_single_cut_is_taken_with_the_bound_where_nothing_else_is_found(local):
    curves = curves_of(300, 2, 0, levels=20)
    best = guessed_thresholds(curves, "demographic_parity", tol=0.3, randomized=True)
    local.setattr(search.Programme, "_improve", lambda *_: None)
    with pytest.warns(UserWarning, match="the search was cut short: .* better by up to"):
        rule = guessed_thresholds(curves, "demographic_parity", tol=0.3)
    assert rule.cuts[0] == rule.cuts[1]
    assert rule.gap > 0
    assert rule.value + rule.gap >= best.value - 1e-9


# No time


class Late:
    """What a solver of SciPy gives when time is up."""

    status, success = 1, False

    def __init__(self, x, bound=None):
        self.x, self.mip_dual_bound = x, bound


def test_no_time_is_told_and_leads_to_no_constant_rule(monkeypatch):
    monkeypatch.setattr(search, "linprog", lambda *_, **__: Late(None))
    monkeypatch.setattr("skfair.postprocessing._guessed._best_single", lambda *_: None)
    with pytest.raises(ValueError, match="within time_limit=-1 seconds"):
        guessed_thresholds(curves_of(200, 2, 0), "demographic_parity", time_limit=-1)
    monkeypatch.undo()
    with pytest.warns(UserWarning, match="cut short"):
        rule = guessed_thresholds(curves_of(2000, 2, 0), tol=0.3, time_limit=-1)
    assert rule.cuts[0] == rule.cuts[1]


def test_a_local_search_out_of_time_says_so_and_keeps_its_bound(local):
    curves = curves_of(400, 3, 1)
    whole = guessed_thresholds(curves, "equalized_odds", tol=0.05)
    mixed = guessed_thresholds(curves, "equalized_odds", tol=0.05, randomized=True)
    looks = iter([False] * 3)
    local.setattr(search.Programme, "_is_late", lambda _: next(looks, True))
    with pytest.warns(UserWarning, match="the search was cut short"):
        rule = guessed_thresholds(curves, "equalized_odds", tol=0.05)
    assert rule.value <= whole.value
    assert rule.value + rule.gap >= mixed.value - 1e-9


def test_an_integer_programme_out_of_time_keeps_its_bound(monkeypatch):
    curves = curves_of(120, 2, 0, levels=20)
    whole = guessed_thresholds(curves, "demographic_parity", tol=0.1)
    own = programs.milp

    def late(*args, **options):
        found = own(*args, **options)
        return Late(found.x, found.fun - 0.125)

    monkeypatch.setattr(programs, "milp", late)
    monkeypatch.setattr("skfair.postprocessing._guessed._best_single", lambda *_: None)
    with pytest.warns(UserWarning, match=r"cut short: .* better by up to 0\.125"):
        rule = guessed_thresholds(curves, "demographic_parity", tol=0.1)
    assert_allclose(rule.gap, 0.125)
    assert_allclose(rule.value, whole.value)
    monkeypatch.setattr(programs, "milp", lambda *_, **__: Late(None))
    with pytest.raises(ValueError, match="within time_limit"):
        guessed_thresholds(curves, "demographic_parity", tol=0.1)


def test_a_mixture_out_of_time_is_bound_by_the_prices_that_it_got(monkeypatch):
    curves = curves_of(2000, 3, 0)
    best = guessed_thresholds(curves, "equalized_odds", tol=0.02, randomized=True)
    own, solved = search.linprog, []

    def twice(*args, **options):
        assert "time_limit" in options["options"]
        found = own(*args, **options)
        is_elastic = bool(args[0][-1] == 1)
        solved.append(is_elastic)
        return found if is_elastic or solved.count(False) < 2 else Late(None)

    monkeypatch.setattr(search, "linprog", twice)
    with pytest.warns(UserWarning, match="the search was cut short"):
        rule = guessed_thresholds(curves, "equalized_odds", tol=0.02, randomized=True)
    assert 0 < rule.gap < 0.1
    assert rule.value <= best.value <= rule.value + rule.gap + 1e-9
    assert float(get_criterion("equalized_odds")(rule.cells)) <= 0.02 + 1e-6


def test_all_passes_share_one_deadline(monkeypatch):
    seen = []

    class Spy(search.Programme):
        def __init__(self, *args):
            seen.append(args[-1])
            super().__init__(*args)

    monkeypatch.setattr("skfair.postprocessing._guessed.Programme", Spy)
    with pytest.warns(UserWarning, match="no other cuts meet"):
        guessed_thresholds(two_people(), "demographic_parity")
    assert len(seen) == 2
    assert seen[0] == seen[1]


def test_a_floor_that_shrinkage_misses_is_told_however_little():
    X, y = people(400, n_groups=3)
    model = ThresholdOptimizer(
        SKILL, sensitive_features="sex", constraints=None,
        rate_bounds={"true_positive_rate": (0.79, None)}, shrinkage=0.85, cv=2,
    )  # fmt: skip
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    short = model.criteria_["violation"].iloc[0]
    assert 0 < short < 0.02
    assert any("doesn't meet true_positive_rate >= 0.79" in str(w.message) for w in caught)


def test_a_frontier_is_nan_where_no_rule_meets_a_tolerance():
    X, y = people(600)
    model = ThresholdOptimizer(
        SKILL, sensitive_features="sex", cv=2, shrinkage=None, tol=0.3,
        rate_bounds={"true_positive_rate": (0.9, None), "false_positive_rate": (None, 0.35)},
    )  # fmt: skip
    model.fit(X, y)
    table = model.frontier([0.01, 0.3])
    assert table.loc[0.01].isna().all()
    assert table.loc[0.3].notna().all()
    with pytest.raises(ValueError, match="no rule meets"):
        model.frontier([0.01])
    with pytest.raises(ValueError, match="tol"):
        model.frontier([0.3, 5])


def test_where_one_cut_would_meet_what_shrinkage_misses_it_is_told():
    X, y = people(300)
    model = ThresholdOptimizer(SKILL, sensitive_features="sex", cv=2, tol=0.05, shrinkage=0.3)
    with pytest.warns(UserWarning, match="doesn't meet") as caught:
        model.fit(X, y)
    assert "one cut for all would" not in str(caught[0].message)
    for constraints, single in (("demographic_parity", 0.01), ("disparate_impact", 0.99)):
        model.set_params(constraints=constraints)
        table = pd.DataFrame(
            {"violation": [0.3], "allowed": [0.05], "single_cut": [single]}, index=[constraints]
        )
        model.criteria_ = table
        with pytest.warns(UserWarning, match="one cut for all would"):
            model._warn_if_missed(())


def test_rows_too_few_for_the_tolerance_are_told():
    X, y = people(300)
    sex = np.where(np.arange(300) < 3, "few", "many")
    model = ThresholdOptimizer(SKILL, cv=2, tol=0.02, shrinkage=None)
    with pytest.warns(UserWarning, match=r"tol=0\.02 .* too few .* by 0\.18"):
        model.fit(X, y, sensitive_features=sex)
