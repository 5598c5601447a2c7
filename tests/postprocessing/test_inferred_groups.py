from __future__ import annotations

import itertools
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from skfair.criteria import get_criterion, read_objective
from skfair.groups import Groups
from skfair.metrics import fairness_scorer
from skfair.postprocessing import ThresholdOptimizer
from skfair.postprocessing._constraints import read_constraints
from skfair.postprocessing._group_guesser import GroupBoosting, guess_groups
from skfair.postprocessing._guessed import (
    GuessedThresholdRule,
    counted_on_guesses,
    guessed_thresholds,
)
from skfair.postprocessing._guessed_curves import GuessedCurves
from skfair.postprocessing._shrinkage import Shrunk
from skfair.postprocessing.optimal import single_threshold
from skfair.tally import Tally

MODEL = LogisticRegression()
TREE = DecisionTreeClassifier(max_depth=3, class_weight="balanced", random_state=0)
BY_HINT = make_pipeline(make_column_transformer(("passthrough", ["hint"])), TREE)


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr("skfair.postprocessing._group_guesser._TREES", 20)


GUESS = {"group_at_predict": False, "group_estimator": BY_HINT}


def rows(n, n_groups, seed, *, levels=None, right=0.7, weighted=False):
    """Scores, labels, true groups, guesses that are right for some, and weights."""
    rng = np.random.default_rng(seed)
    group = np.append(np.arange(n_groups), rng.integers(0, n_groups, n - n_groups))
    positive = rng.random(n) < 0.3 + 0.4 * group / max(n_groups - 1, 1)
    for g in range(n_groups):  # both classes everywhere
        positive[np.flatnonzero(group == g)[:2]] = [True, False][: (group == g).sum()]
    score = np.clip(rng.normal(0.35 + 0.2 * positive + 0.1 * group, 0.25), 0, 1)
    if levels:
        score = np.round(score * levels) / levels
    guess = np.where(rng.random(n) < right, group, rng.integers(0, n_groups, n))
    weight = rng.choice([0.5, 1.0, 2.0], n) if weighted else np.ones(n)
    return score, positive, Groups.read(group), guess, weight


def brute_force(curves, constraints, objective, tol, rate_bounds=None, budget=None):
    """Best value over all combinations of cuts, non-constant ones first, as the docs say."""
    asked = read_constraints(constraints, tol, rate_bounds, budget)
    goal = read_objective(objective, curves.totals.sum(axis=0))
    steps = [axis.steps(curves.totals, curves.squares) for axis in asked.coordinates]
    best = {False: -np.inf, True: -np.inf}
    for combo in itertools.product(*(range(len(c.cuts)) for c in curves.curves)):
        cells = sum(c.cells[k] for c, k in zip(curves.curves, combo, strict=True))
        fits, gaps = True, []
        for axis, step in zip(asked.coordinates, steps, strict=True):
            value = axis.values(cells)
            top, bottom = (value - step).max(), (value + step).min()
            gaps.append(max(top - bottom, 0))
            if axis.as_ratio:
                fits &= bottom >= (1 - axis.width) * max(top, 1e-4) - 1e-8
            elif not asked.bounds_a_mean:
                fits &= top - bottom <= axis.width + 1e-8
        if asked.bounds_a_mean:
            fits &= np.mean(gaps) <= asked.coordinates[0].width + 1e-8
        for rate, low, high in asked.rate_bounds:
            fits &= bool(((rate(cells) >= low - 1e-8) & (rate(cells) <= high + 1e-8)).all())
        selected = cells[:, 1] + cells[:, 3]
        if asked.budget is not None:
            fits &= selected.sum() <= asked.budget * cells.sum() + 1e-8
        if fits:
            constant = bool(((selected < 1e-9) | (selected > cells.sum(axis=1) - 1e-9)).any())
            best[constant] = max(best[constant], goal(cells.sum(axis=0)))
    return best[False] if np.isfinite(best[False]) else best[True]


CASES = [
    ("demographic_parity", "accuracy_score", 0.0371, {}),
    ("equalized_odds", "accuracy_score", 0.1137, {}),
    ("equal_opportunity", "f1_score", 0.0533, {}),
    ("disparate_impact", {"fp": 1, "fn": 2}, 0.1713, {}),
    ("average_abs_odds", "balanced_accuracy_score", 0.0617, {}),
    ("demographic_parity", "accuracy_score", 0.0371, {"budget": 0.313}),
    (None, "accuracy_score", 0.0, {"rate_bounds": {"true_positive_rate": (0.711, None)}}),
    (
        "accuracy",
        "selection_rate",
        0.0913,
        {"rate_bounds": {"positive_predictive_value": (0.4, None)}},
    ),
]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:all or none", "ignore:few cuts", "ignore:nobody")
@pytest.mark.filterwarnings("ignore:everybody")
@pytest.mark.parametrize(("constraints", "objective", "tol", "more"), CASES)
@pytest.mark.parametrize(("n_groups", "levels", "weighted"), [(2, 40, True), (3, 12, False)])
def test_deterministic_cuts_equal_exhaustive_search(
    constraints, objective, tol, more, n_groups, levels, weighted
):
    for seed in range(2):
        curves = GuessedCurves.of_rows(*rows(160, n_groups, seed, levels=levels, weighted=weighted))
        rule = guessed_thresholds(curves, constraints, objective, tol, **more)
        best = brute_force(curves, constraints, objective, tol, **more)
        assert_allclose(rule.value, best, atol=1e-9)
        assert rule.gap <= 1e-6 or constraints is None
        assert rule.is_deterministic


@pytest.mark.parametrize(
    "constraints", ["demographic_parity", "equalized_odds", "average_abs_odds"]
)
@pytest.mark.parametrize(("n_groups", "n"), [(2, 40), (3, 24)])
def test_mixtures_are_as_good_as_a_fine_grid_of_mixtures(constraints, n_groups, n):
    """All vertices of the programme mix few cuts: a programme over every rule bounds them."""
    from scipy.optimize import linprog

    for seed in range(3):
        curves = GuessedCurves.of_rows(*rows(n, n_groups, seed, levels=8))
        rule = guessed_thresholds(curves, constraints, tol=0.05, randomized=True)
        asked = read_constraints(constraints, 0.05)
        combos = itertools.product(*(range(len(c.cuts)) for c in curves.curves))
        cells = np.array(
            [sum(c.cells[k] for c, k in zip(curves.curves, combo, strict=True)) for combo in combos]
        )
        worth = cells[:, :, [0, 3]].sum(axis=(1, 2)) / n
        rates = np.stack([axis.values(cells) for axis in asked.coordinates])  # (K, combos, G)
        k, m = len(rates), len(cells)
        A, b = [], []
        for j, (g, h) in itertools.product(range(k), itertools.permutations(range(n_groups), 2)):
            gap = np.zeros(k)
            gap[j] = -1.0
            A.append(np.append(rates[j, :, g] - rates[j, :, h], gap))
            b.append(0.0)
        if asked.bounds_a_mean:
            A.append(np.append(np.zeros(m), np.full(k, 1 / k)))
            b.append(0.05)
        found = linprog(
            np.append(-worth, np.zeros(k)), A_ub=A, b_ub=b,
            A_eq=[np.append(np.ones(m), np.zeros(k))], b_eq=[1.0],
            bounds=[(0, 1)] * m + [(0, None if asked.bounds_a_mean else 0.05)] * k,
        )  # fmt: skip
        assert_allclose(rule.value, -found.fun, atol=1e-6)
        assert float(get_criterion(constraints)(rule.cells)) <= 0.05 + 1e-6
        assert all(np.isclose(p.sum(), 1) for p in rule.chances)


@pytest.mark.parametrize("n_groups", [2, 3])
def test_the_local_search_is_within_its_bound_and_the_tolerance(n_groups):
    for constraints in ("demographic_parity", "equalized_odds"):
        curves = GuessedCurves.of_rows(*rows(6000, n_groups, 1, right=0.8))
        rule = guessed_thresholds(curves, constraints, tol=0.03)
        mixed = guessed_thresholds(curves, constraints, tol=0.03, randomized=True)
        violation = float(get_criterion(constraints)(rule.cells))
        assert violation <= rule.effective_tol[constraints] + 1e-9
        assert 0 <= rule.gap < 0.005
        assert mixed.value - 0.005 < rule.value <= mixed.value + 0.001
        assert_allclose(rule.cells, curves.cells_of(list(rule.cuts), list(rule.chances)))


def test_one_cut_for_all_is_taken_where_nothing_is_better():
    score, positive, groups, guess, weight = rows(300, 2, 0)
    guess = np.random.default_rng(1).permutation(guess)
    curves = GuessedCurves.of_rows(score, positive, groups, guess * 0, weight)
    rule = guessed_thresholds(curves, "demographic_parity", tol=1.0)
    best = max(
        float((np.where(score >= c, positive, ~positive)).mean()) for c in np.append(score, np.inf)
    )
    assert_allclose(rule.value, best)
    assert rule.cuts[0] == rule.cuts[1]
    loose = guessed_thresholds(
        GuessedCurves.of_rows(score, positive, groups, guess, weight), "demographic_parity", tol=1.0
    )
    assert loose.value >= best


def test_groups_that_cannot_be_guessed_leave_constant_rules_and_a_warning():
    score = np.repeat([0.2, 0.8], 50)
    groups = Groups.read(np.repeat([0, 1], 50))
    positive = np.tile([True, False], 50)
    curves = GuessedCurves.of_rows(score, positive, groups, np.zeros(100, int), np.ones(100))
    with pytest.warns(UserWarning, match="all or none of the rows of groups"):
        rule = guessed_thresholds(curves, "demographic_parity", tol=0.01)
    selected = rule.cells[:, [1, 3]].sum(axis=1)
    assert selected.tolist() in ([0, 0], [50, 50])
    with pytest.raises(ValueError, match=r"no rule by guessed groups .* \(randomized=True\)"):
        guessed_thresholds(
            curves, "demographic_parity", tol=0.01, rate_bounds={"selection_rate": (0.2, 0.9)}
        )
    mixed = guessed_thresholds(
        curves, "demographic_parity", tol=0.01, randomized=True,
        rate_bounds={"selection_rate": (0.2, 0.9)},
    )  # fmt: skip
    assert 0.2 - 1e-6 <= mixed.cells[0, [1, 3]].sum() / 50 <= 0.9 + 1e-6


@pytest.mark.filterwarnings("ignore:nobody who is guessed")
def test_constant_rules_are_taken_only_where_nothing_else_lies_within():
    score, positive, *others = rows(160, 2, 0)
    curves = GuessedCurves.of_rows(score, ~positive, *others)  # the best scores are negatives
    rule = guessed_thresholds(curves, "demographic_parity", {"fp": 9, "fn": 1}, tol=0.05)
    selected = rule.cells[:, [1, 3]].sum(axis=1)
    assert (selected > 0).all()  # though to select nobody would cost less
    assert rule.value < -rule.cells[:, 2:].sum() / 160 + 1e-9


def test_rates_that_hang_on_decisions_below_the_line_are_refused():
    curves = GuessedCurves.of_rows(*rows(100, 2, 0))
    with pytest.raises(ValueError, match=r"aren't linear in the decisions.*group_at_predict"):
        guessed_thresholds(curves, "predictive_parity")


def test_curves_count_the_true_groups_of_each_guess_by_weight():
    groups = Groups.read(list("abab"))
    curves = GuessedCurves.of_rows(
        np.array([0.9, 0.5, 0.5, 0.1]),
        np.array([True, False, True, True]),
        groups,
        np.array([0, 0, 1, 0]),
        np.array([1.0, 2.0, 3.0, 0.0]),  # the last is no row
    )
    first, second = curves.curves
    assert_allclose(first.cuts, [np.inf, 0.7, 0.5])
    assert_allclose(first.cells[1], [[0, 0, 0, 1], [2, 0, 0, 0]])
    assert_allclose(second.cells, [[[0, 0, 3, 0], [0] * 4], [[0, 0, 0, 3], [0] * 4]])
    assert_allclose(curves.totals, [[0, 4], [2, 0]])
    assert_allclose(curves.squares, [[0, 10], [4, 0]])
    cuts, places = curves.single_cuts()
    assert_allclose(cuts, [np.inf, 0.7, 0.5])
    assert [p.tolist() for p in places] == [[0, 1, 2], [0, 0, 1]]


def test_rates_are_drawn_together_by_what_is_kept():
    curves = GuessedCurves.of_rows(*rows(400, 2, 3))
    from skfair.postprocessing._curves import ScoreCurves
    from skfair.postprocessing._shrinkage import shrink

    score, positive, groups, _, weight = rows(400, 2, 3)
    own = ScoreCurves.of_rows(score, positive, groups, weight)
    for amount in (0.0, 0.4):
        drawn = curves.drawn_together(shrink(own, amount))
        rule = guessed_thresholds(curves, "equalized_odds", tol=0.3)
        before = curves.cells_of(list(rule.cuts), list(rule.chances))
        after = drawn.cells_of(list(rule.cuts), list(rule.chances))
        gap = get_criterion("equalized_odds")
        assert_allclose(gap(after), amount * gap(before), atol=1e-9)
        assert_allclose(after.sum(), 400)
    kept = pd.DataFrame(np.ones((2, 3)), columns=["base_rate", "negatives", "positives"])
    same = curves.drawn_together(Shrunk(own, kept))
    assert_allclose(same.curves[1].cells, curves.curves[1].cells)


def test_any_rule_can_be_counted_on_guesses():
    score, positive, groups, guess, weight = rows(200, 2, 0)
    from skfair.postprocessing._curves import ScoreCurves

    own = ScoreCurves.of_rows(score, positive, groups, weight)
    curves = GuessedCurves.of_rows(score, positive, groups, guess, weight)
    single = single_threshold(own)
    rule = counted_on_guesses(single, curves, "accuracy_score")
    assert isinstance(rule, GuessedThresholdRule)
    assert_allclose(rule.cells, single.cells)
    assert_allclose(rule.value, single.value)


# The estimator


def people(n=3000, seed=0, n_groups=2, noise=0.5):
    """A frame in which ``hint`` tells the group roughly, and text and booleans are columns."""
    rng = np.random.default_rng(seed)
    code = rng.integers(0, n_groups, n)
    names = np.array(list("abcd"))
    skill = rng.normal(0.8 * code, 1)
    y = (skill + rng.normal(0, 0.7, n) > 0.5).astype(int)
    X = pd.DataFrame(
        {
            "skill": skill,
            "hint": code + rng.normal(0, noise, n),
            "town": np.where(rng.random(n) < 0.7, names[code], "z"),
            "flag": rng.random(n) < 0.5,
            "sex": names[code],
        },
        index=rng.permutation(n) * 3,
    )
    return X, y


SKILL = make_pipeline(
    make_column_transformer(("passthrough", ["skill"]), remainder="drop"), LogisticRegression()
)


def violation(model, X, y, sex, criterion="demographic_parity"):
    tally = Tally.from_arrays(y, model.predict(X), {"sex": sex})
    return float(get_criterion(criterion)(tally.cells()))


@pytest.mark.parametrize("criterion", ["demographic_parity", "equalized_odds"])
def test_the_gap_closes_for_new_people_without_their_group(criterion):
    X, y = people(4000)
    train, test = slice(0, 2000), slice(2000, 4000)
    model = ThresholdOptimizer(
        SKILL,
        sensitive_features="sex",
        constraints=criterion,
        tol=0.02,
        cv=2,
        group_at_predict=False,
    ).fit(X[train], y[train])
    new = X[test].drop(columns="sex")
    plain = clone(SKILL).fit(X[train], y[train])
    assert violation(plain, X[test], y[test], X["sex"][test], criterion) > 0.14
    assert violation(model, new, y[test], X["sex"][test], criterion) < 0.09
    assert model.criteria_.loc[criterion, "violation"] <= 0.03
    assert model.criteria_.loc[criterion, "single_cut"] > 0.14
    assert model.criteria_.loc[criterion, "low"] <= model.criteria_.loc[criterion, "estimate"]
    assert_array_equal(model.predict(new), model.predict(X[test]))
    assert not model.uses_group_at_predict
    assert model.infers_group
    assert 0.8 < model.group_accuracy_ < 0.99
    assert_allclose(model.group_confusion_.sum(axis=1), 1)
    assert_allclose(np.diag(model.group_confusion_).mean(), model.group_accuracy_)
    assert isinstance(model.group_estimator_, GroupBoosting)


def test_with_the_group_the_attributes_say_so():
    model = ThresholdOptimizer(MODEL)
    assert model.uses_group_at_predict
    assert not model.infers_group


def test_metadata_reach_fit_and_are_not_asked_for_at_predict():
    X, y = people(900)
    sex, X = X["sex"].to_numpy(), X.drop(columns="sex")
    with sklearn.config_context(enable_metadata_routing=True):
        model = ThresholdOptimizer(SKILL, shrinkage=None, **GUESS)
        request = model.get_metadata_routing()
        assert "sensitive_features" in request.consumes("fit", ["sensitive_features"])
        for method in ("predict", "predict_proba", "score"):
            assert not request.consumes(method, ["sensitive_features"])
        search = GridSearchCV(
            model.set_params(cv=2), {"tol": [0.02, 0.3]}, cv=2,
            scoring=fairness_scorer("demographic_parity_difference"),
        )  # fmt: skip
        search.fit(X, y, sensitive_features=sex)
        assert search.best_params_ == {"tol": 0.02}
        assert search.predict(X).shape == (900,)
    fitted = clone(model).fit(X, y, sensitive_features=sex)
    with pytest.raises(ValueError, match="predict takes no sensitive_features"):
        fitted.predict(X, sensitive_features=sex)
    assert fitted.score(X, y) > 0.5
    assert fitted.predict_proba(X).shape == (900, 2)


def test_guesses_are_out_of_fold():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"noise": rng.normal(size=600), "score": rng.random(600)})
    sex = rng.choice(list("ab"), 600)
    y = (rng.random(600) < X["score"]).astype(int)
    overfit = DecisionTreeClassifier(random_state=0)  # knows every row that it has seen
    model = ThresholdOptimizer(
        MODEL, tol=0.3, group_at_predict=False, group_estimator=overfit, shrinkage=None
    ).fit(X, y, sensitive_features=sex)
    assert abs(model.group_accuracy_ - 0.5) < 0.1


def test_a_column_that_tells_the_group_is_pointed_at():
    X, y = people(600)
    own = X["sex"].to_numpy()
    model = ThresholdOptimizer(SKILL, group_at_predict=False, group_estimator=TREE)
    with pytest.warns(UserWarning, match="a column of X tells it"):
        model.fit(X.assign(code=(own == "b").astype(int))[["skill", "code"]], y,
                  sensitive_features=own)  # fmt: skip


def test_only_named_columns_are_kept_from_the_classifier():
    X, y = people(400)
    groups = Groups.from_columns(X, ["sex"])
    options = {"cv": 5, "n_jobs": None}
    seen = []

    class Spy(DecisionTreeClassifier):
        def fit(self, X, y, **params):
            seen.append(list(X.columns))
            return super().fit(X[["hint"]], y, **params)

        def predict(self, X):
            return super().predict(X[["hint"]])

    codes, guesser = guess_groups(Spy(), X, y, groups, np.ones(400), columns="sex", **options)
    assert {tuple(names) for names in seen} == {("skill", "hint", "town", "flag")}
    assert_array_equal(guesser.codes(X), guesser.codes(X[["town", "hint", "flag", "skill"]]))
    with pytest.raises(ValueError, match="X has no columns"):
        guesser.codes(X[["skill"]])
    with pytest.raises(ValueError, match="no columns but the sensitive ones"):
        guess_groups(None, X[["sex"]], y, groups, np.ones(400), columns="sex", **options)
    matrix = np.column_stack([np.asarray(X["hint"]), groups.codes])
    codes, guesser = guess_groups(TREE, matrix, y, groups, np.ones(400), columns=1, **options)
    assert (codes == groups.codes).mean() < 0.99
    assert_array_equal(guesser.codes(matrix), guesser.codes(matrix[:, :1]))


def test_boosting_reads_text_booleans_missing_and_unseen_values():
    X, _ = people(800)
    sex = Groups.read(X.pop("sex")).codes
    X.iloc[::10, 2] = None
    model = GroupBoosting().fit(X, sex)
    assert (model.predict(X) == sex).mean() > 0.85
    assert_array_equal(model.encoders_[2].categories_[0][:-1], ["a", "b", "z"])
    new = X.head(3).assign(town=["nowhere", None, "a"], hint=[np.nan, np.inf, 0.0])
    assert set(model.predict(new)) <= {0, 1}
    with pytest.raises(ValueError, match="2 features"):
        model.predict(X[["skill", "hint"]])
    with pytest.raises(ValueError, match="held numbers at fit"):
        model.predict(X.assign(skill="much"))


def test_boosting_counts_small_groups_alike():
    rng = np.random.default_rng(0)
    small = rng.random(2000) < 0.1
    X = pd.DataFrame({"x": rng.normal(1.0 * small)})
    guesses = GroupBoosting().fit(X, small).predict(X)
    assert guesses[small].mean() > 0.5


def test_a_frozen_classifier_of_groups_is_used_as_it_is():
    X, y = people(900)
    sex = X["sex"].to_numpy()
    X = X[["skill", "hint"]]
    known = DecisionTreeClassifier(max_depth=2, random_state=0).fit(X[:300], sex[:300])
    model = ThresholdOptimizer(
        SKILL, group_at_predict=False, group_estimator=FrozenEstimator(known), shrinkage=None
    ).fit(X[300:], y[300:], sensitive_features=sex[300:])
    right = np.mean([(known.predict(X[300:][sex[300:] == s]) == s).mean() for s in "ab"])
    assert_allclose(model.group_accuracy_, right)
    cut = dict(zip("ab", model.thresholds_["threshold"], strict=True))
    score = model.estimator_.predict_proba(X)[:, 1]
    expected = score >= np.array([cut[s] for s in known.predict(X)])
    assert_array_equal(model.predict(X), expected.astype(int))


@pytest.mark.filterwarnings("ignore:the rule doesn't meet", "ignore:few cuts")
@pytest.mark.parametrize(
    "options",
    [
        {"randomized": True, "random_state": 0},
        {"margin": "confidence", "tol": 0.2, "cv": 2},
        {"budget": 0.3, "constraints": None},
        {"rate_bounds": {"selection_rate": (0.4, None)}, "constraints": None, "shrinkage": None},
        {"constraints": ["demographic_parity", "equal_opportunity"], "tol": [0.1, 0.2]},
        {"objective": "f1_score", "constraints": "equalized_odds", "tol": 0.1},
        {"cv": "prefit"},
        {"shrinkage": 0.5},
    ],
)
def test_options_go_together_with_guesses(options):
    n = 400 if options.get("margin") else 900
    X, y = people(n, n_groups=3 if n == 900 else 2)
    estimator = clone(SKILL)
    if options.get("cv") == "prefit":
        estimator.fit(X, y)
    model = ThresholdOptimizer(estimator, sensitive_features="sex", **GUESS, **options).fit(X, y)
    new = X.drop(columns="sex")
    chance = model.decision_probability(new)
    assert_array_equal(pickle.loads(pickle.dumps(model)).decision_probability(new), chance)
    assert set(np.unique(chance)) <= {0.0, 1.0} or model.randomized
    assert list(model.thresholds_.index.unique()) == list("abc")[: len(model.group_confusion_)]
    table = model.criteria_
    if model.shrinkage != 0.5:
        assert (table["violation"] <= table["allowed"] + 0.021).all()
    if model.margin:
        assert table["high"].iloc[0] <= 0.2
    if model.budget:
        assert table.loc["budget", "estimate"] <= 0.3
    if model.rate_bounds:
        assert table["estimate"].iloc[0] >= 0.4 - 1e-9
    # what was reached is what the decisions on the out-of-fold rows would give
    cells = model.rule_.cells
    assert_allclose(cells.sum(), n)
    for criterion, _ in read_constraints(model.constraints, 0.1).criteria:
        assert_allclose(table.loc[criterion.name, "estimate"], criterion(cells), atol=1e-12)


def test_weights_count_as_repeated_rows_in_the_search():
    score, positive, groups, guess, _ = rows(150, 2, 5, levels=20)
    weight = np.random.default_rng(0).integers(0, 3, 150)
    twice = np.repeat(np.arange(150), weight)
    a = GuessedCurves.of_rows(score, positive, groups, guess, weight.astype(float))
    b = GuessedCurves.of_rows(
        score[twice], positive[twice], Groups(groups.codes[twice], groups.labels, groups.names),
        guess[twice], np.ones(len(twice)),
    )  # fmt: skip
    assert_allclose(
        guessed_thresholds(a, tol=0.05, randomized=True).cells,
        guessed_thresholds(b, tol=0.05, randomized=True).cells,
    )


def test_everybody_gets_one_cut_where_groups_cannot_be_told_apart():
    rng = np.random.default_rng(3)
    X = pd.DataFrame({"skill": rng.normal(size=300), "hint": rng.normal(size=300)})
    y = (X["skill"] + rng.normal(size=300) > 0).astype(int)
    sex = rng.choice(list("ab"), 300)
    model = ThresholdOptimizer(SKILL, tol=0.5, **GUESS).fit(X, y, sensitive_features=sex)
    assert (model.shrinkage_ == 0).all(axis=None)
    assert model.thresholds_["threshold"].nunique() == 1
    assert_allclose(model.criteria_["estimate"], model.criteria_["single_cut"])
    assert isinstance(model.rule_, GuessedThresholdRule)


def test_groups_of_one_class_and_guesses_that_nobody_has():
    X, y = people(900, n_groups=3)
    few = np.flatnonzero(X["sex"] == "c")[:-5]
    X, y = X.drop(index=X.index[few]), np.delete(y, few)
    y[(X["sex"] == "c").to_numpy()] = 0
    model = ThresholdOptimizer(
        SKILL, sensitive_features="sex", constraints="equal_opportunity", tol=0.1,
        group_at_predict=False, shrinkage=None,
        group_estimator=make_pipeline(BY_HINT[0], DecisionTreeClassifier(max_depth=1)),
    )  # fmt: skip
    with pytest.raises(ValueError, match="fallback"):
        model.fit(X, y)
    model.set_params(fallback="pooled").fit(X, y)
    assert (model.group_confusion_["c"] == 0).all()
    assert model.criteria_.loc["equal_opportunity", "violation"] <= 0.11
    cut = model.thresholds_.loc["c", "threshold"]
    assert np.isfinite(cut)
    assert_allclose(cut, single_threshold(model.curves_).fallback_cut)


def test_frontier_and_plot_are_about_the_true_groups():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    X, y = people(600)
    options = {"sensitive_features": "sex", "shrinkage": None, "cv": 2}
    model = ThresholdOptimizer(SKILL, **options, **GUESS).fit(X, y)
    table = model.frontier([0.02, 0.4])
    assert (table["demographic_parity"] <= np.array([0.025, 0.405])).all()
    assert table["objective"].is_monotonic_increasing
    display = model.plot()
    points = [line for line in display.ax_.lines if len(line.get_xdata()) == 1]
    tn, fp, fn, tp = model.rule_.cells.T
    assert_allclose([p.get_xdata()[0] for p in points], fp / (fp + tn))
    assert_allclose([p.get_ydata()[0] for p in points], tp / (tp + fn))
    plt.close("all")


def test_where_no_group_is_given_the_error_tells_the_way():
    X, y = people(600)
    column = ThresholdOptimizer(SKILL, sensitive_features="sex", tol=0.1).fit(X, y)
    with pytest.raises(ValueError, match=r"no columns \['sex'\].*group_at_predict=False"):
        column.predict(X.drop(columns="sex"))
    beside = ThresholdOptimizer(SKILL, tol=0.1).fit(X, y, sensitive_features=X["sex"])
    with pytest.raises(ValueError, match=r"needs sensitive features.*group_at_predict=False"):
        beside.predict(X)
    model = ThresholdOptimizer(SKILL, **GUESS)
    with pytest.raises(ValueError, match="needs sensitive features"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="group_at_predict must be True or False"):
        ThresholdOptimizer(SKILL, group_at_predict="no").fit(X, y, sensitive_features=X["sex"])
    fitted = beside.estimator_
    with pytest.raises(ValueError, match="from_rule"):
        ThresholdOptimizer.from_rule(fitted, beside.rule_, group_at_predict=False)
    guessed = model.set_params(tol=0.1).fit(X.drop(columns="sex"), y, sensitive_features=X["sex"])
    with pytest.raises(ValueError, match="from_rule"):
        ThresholdOptimizer.from_rule(fitted, guessed.rule_)


def test_tables_of_other_kinds_labels_and_crossed_groups():
    pl = pytest.importorskip("polars")
    X, y = people(450)
    words = np.where(y == 1, "yes", "no")
    old = np.where(np.arange(450) % 3 > 0, "old", "young")
    both = {"sex": X["sex"].to_numpy(), "age": old}
    X = X[["skill", "hint", "flag"]].astype(float).reset_index(drop=True)
    options = {"pos_label": "yes", "tol": 0.3, "shrinkage": None, "group_at_predict": False}
    options["cv"] = 2
    models = [
        ThresholdOptimizer(MODEL, group_estimator=TREE, **options).fit(
            table, words, sensitive_features=both
        )
        for table in (X, X.to_numpy(), pl.from_pandas(X))
    ]
    predicted = models[0].predict(X)
    assert set(predicted) == {"yes", "no"}
    assert_array_equal(models[1].predict(X.to_numpy()), predicted)
    assert_array_equal(models[2].predict(pl.from_pandas(X)), predicted)
    assert models[0].thresholds_.index.names == ["sex", "age"]
    boosted = ThresholdOptimizer(MODEL, **options).fit(
        pl.from_pandas(X), words, sensitive_features=both["sex"]
    )
    assert boosted.predict(pl.from_pandas(X)).shape == (450,)


def test_sparse_tables_need_a_classifier_that_takes_them():
    X, y = people(600)
    sex, X = X["sex"].to_numpy(), sparse.csr_array(X[["skill", "hint"]].to_numpy())
    with pytest.raises(TypeError, match="group_estimator"):
        ThresholdOptimizer(MODEL, group_at_predict=False).fit(X, y, sensitive_features=sex)
    balanced = LogisticRegression(class_weight="balanced")
    model = ThresholdOptimizer(MODEL, group_at_predict=False, group_estimator=balanced, tol=0.1)
    assert model.fit(X, y, sensitive_features=sex).predict(X).shape == (600,)


def test_fits_are_repeatable_and_forget_earlier_ones():
    X, y = people(300)
    sex, X = X["sex"].to_numpy(), X[["skill", "hint"]]
    model = ThresholdOptimizer(SKILL, group_at_predict=False, tol=0.05, cv=2, shrinkage=None)
    first = model.fit(X, y, sensitive_features=sex).predict(X)
    assert_array_equal(clone(model).fit(X, y, sensitive_features=sex).predict(X), first)
    model.set_params(group_at_predict=True).fit(X, y, sensitive_features=sex)
    assert not hasattr(model, "group_confusion_")
    assert not hasattr(model, "group_estimator_")
    assert len(model.frontier([0.1])) == 1


def test_splitters_and_split_lists_that_are_used_up_do():
    X, y = people(600)
    half = np.arange(600) % 2 == 0
    splits = [(np.flatnonzero(half), np.flatnonzero(~half)),
              (np.flatnonzero(~half), np.flatnonzero(half))]  # fmt: skip
    for cv in (splits, iter(splits)):
        model = ThresholdOptimizer(SKILL, sensitive_features="sex", tol=0.1, cv=cv, **GUESS)
        assert model.fit(X, y).group_accuracy_ > 0.6


def test_columns_hold_inside_cross_validation():
    X, y = people(900)
    model = ThresholdOptimizer(SKILL, sensitive_features="sex", tol=0.05, cv=2, **GUESS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        predicted = cross_val_predict(model, X, y, cv=2)
    tally = Tally.from_arrays(y, predicted, X[["sex"]])
    assert float(get_criterion("demographic_parity")(tally.cells())) < 0.15
