"""Cuts of a fitted classifier's probability, as members of a mixture."""

import pickle

import numpy as np
import pytest
from reductions import NUMBERS, SEX, X, Y, make_problem
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.utils.validation import check_is_fitted

from skfair.base import wants
from skfair.datasets import load_adult
from skfair.inprocessing import BoundedGroupLoss, ExponentiatedGradient, _saddle
from skfair.inprocessing._cuts import CutClassifier, candidate_cuts
from skfair.inprocessing._mixture import PredictorMixture
from skfair.inprocessing._oracle import Oracle
from skfair.inprocessing._programmes import solve_master
from skfair.inprocessing._rules import choose_rule
from skfair.inprocessing._saddle import Game, solve
from skfair.preprocessing import CorrelationRemover

FEW = np.array([[0.0], [1.0], [2.0], [3.0]])


class GivenScores(ClassifierMixin, BaseEstimator):
    """Tells the same probabilities whatever the weights: only its cuts can be chosen."""

    def __init__(self, scores=None, asked=None):
        self.scores = scores
        self.asked = asked

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        if self.asked is not None:
            self.asked.append(len(X))
        high = np.asarray(self.scores)[np.asarray(X)[:, 0].astype(int)]
        return np.column_stack([1 - high, high])

    def predict(self, X):
        return self.classes_[(self.predict_proba(X)[:, 1] >= 0.5).astype(int)]


class TellsProbability(LinearRegression):
    """A regressor that tells what no regressor can."""

    def predict_proba(self, X):
        raise AssertionError("nobody should ask")


def given(labels=(0, 1), asked=None):
    return GivenScores([0.1, 0.3, 0.6, 0.8], asked).fit(None, np.array(labels))


@pytest.mark.parametrize(
    ("cut", "decided"),
    [(0.05, "1111"), (0.3, "0111"), (0.3 + 1e-12, "0111"), (0.31, "0011"), (0.9, "0000")],
)
def test_it_decides_for_the_class_from_the_cut_on(cut, decided):
    found = CutClassifier(given(), cut, 1).predict(FEW)
    assert "".join(map(str, found)) == decided


def test_the_class_may_come_first_and_be_text():
    cut = CutClassifier(given(["good", "poor"]), 0.8, "good")
    assert cut.predict(FEW).tolist() == ["good", "poor", "poor", "poor"]
    assert cut.classes_.tolist() == ["good", "poor"]
    np.testing.assert_allclose(cut.predict_proba(FEW)[:, 0], [0.9, 0.7, 0.4, 0.2])


def test_it_stays_fitted_as_it_is():
    fitted = LogisticRegression().fit(NUMBERS, Y)
    cut = CutClassifier(fitted, 0.3, 1)
    check_is_fitted(cut)
    assert clone(cut) is cut
    assert cut.fit(NUMBERS, 1 - Y) is cut
    again = pickle.loads(pickle.dumps(cut))
    np.testing.assert_array_equal(
        again.predict(NUMBERS), fitted.predict_proba(NUMBERS)[:, 1] >= 0.3
    )
    assert again.feature_names_in_.tolist() == ["a", "b", "c"]
    assert (again.n_features_in_, hasattr(again, "coef_")) == (3, False)


def test_metadata_reach_what_is_cut():
    pipe = make_pipeline(CorrelationRemover(), LogisticRegression())
    model = ExponentiatedGradient(pipe, constraints="equalized_odds", tol=0.01, randomized=True)
    model.fit(NUMBERS, Y, sensitive_features=SEX)
    cuts = [member for member in model.predictors_ if isinstance(member, CutClassifier)]
    assert cuts
    votes = model.decision_probability(NUMBERS, sensitive_features=SEX)
    gap = np.ptp([votes[(g == SEX) & (Y == 1)].mean() for g in "fm"])
    assert gap - 1e-9 <= model.criteria_["mixture"].item() <= 0.01 + 1e-9
    with config_context(enable_metadata_routing=True):
        found = cuts[0].predict(NUMBERS, sensitive_features=SEX)
        own = cuts[0].estimator.predict_proba(NUMBERS, sensitive_features=SEX)[:, 1]
        np.testing.assert_array_equal(found, own >= cuts[0].cut - 1e-9)
        assert wants(cuts[0], "predict")
    assert not wants(CutClassifier(given(), 0.5, 1), "predict")


def test_what_several_members_cut_is_asked_once():
    asked = []
    fitted = given(asked=asked)
    members = [CutClassifier(fitted, cut, 1) for cut in (0.2, 0.5, 0.7)]
    mixture = PredictorMixture([*members, given()], np.array([0.2, 0.3, 0.4, 0.1]))
    np.testing.assert_allclose(mixture.votes(FEW, 1), [0, 0.2, 0.6, 1.0])
    assert asked == [4]
    np.testing.assert_allclose(mixture.predict_proba(FEW)[:, 1], [0.1, 0.3, 0.6, 0.8])
    assert mixture.draw(FEW, np.array([0.3, 0.1, 0.6, 0.95])).tolist() == [0, 1, 0, 1]


@pytest.mark.parametrize("constraints", ["demographic_parity", "equalized_odds"])
@pytest.mark.parametrize("tol", [0.0, 0.03, 0.1])
def test_the_best_mixture_of_all_cuts_is_found(constraints, tol):
    rng = np.random.default_rng(4)
    kind = rng.integers(10, size=600)
    group = (rng.random(600) < 0.1 + 0.08 * kind).astype(int)
    y = (rng.random(600) < 0.05 + 0.09 * kind + 0.1 * group).astype(int)
    weights = rng.uniform(0.5, 2, 600)
    problem = make_problem(y, group, constraints, tol, weights)
    scores, rows = np.linspace(0.05, 0.9, 10), kind[:, None].astype(float)
    game = Game(problem, Oracle(GivenScores(scores), rows, y, classes=[0, 1]))
    found = solve(game, max_iter=100, solver_tol=1e-9)
    every = np.array([problem.count((kind >= k).astype(np.int8)) for k in range(11)])
    best = solve_master(every, problem.loss, problem.requirements(), 1e4)
    assert -problem.value(found.mixed) == pytest.approx(best.value, abs=1e-8)
    assert problem.excess(found.mixed) <= 1e-8
    for member, own, sums in zip(found.members, found.predicted, found.sums, strict=True):
        np.testing.assert_array_equal(member.predict(rows), own)
        np.testing.assert_allclose(problem.describe(own), sums)


@pytest.mark.filterwarnings("ignore:undefined")
def test_cuts_make_up_for_an_oracle_that_errs(monkeypatch):
    X, y = load_adult(return_X_y=True)
    part = X.sample(2000, random_state=0)
    race, rich = part["race"].astype(str).to_numpy(), (y[part.index] == ">50K").to_numpy()
    features = StandardScaler().fit_transform(part.select_dtypes("number"))
    model = ExponentiatedGradient(
        LogisticRegression(), constraints="equalized_odds", tol=0.05, randomized=True
    )
    own = model.fit(features, rich, sensitive_features=race).objective_["mixture"]
    n_fits = model.n_oracle_calls_
    monkeypatch.setattr(_saddle, "tells_probabilities", lambda member: False)
    without = model.fit(features, rich, sensitive_features=race).objective_["mixture"]
    assert own > without + 0.01
    assert n_fits < 2 * model.n_oracle_calls_


@pytest.mark.parametrize("randomized", [True, False])
def test_steps_cut_the_last_one_and_decide_as_the_mixture_does(randomized):
    encode = make_column_transformer((OneHotEncoder(), ["site", "sex"]), remainder="passthrough")
    model = make_pipeline(encode, LogisticRegression())
    labels = np.array(["poor", "good"])[Y]
    frame = X.assign(sex=SEX)
    eg = ExponentiatedGradient(
        model,
        constraints="equalized_odds",
        sensitive_features="sex",
        tol=0.01,
        pos_label="poor",
        randomized=randomized,
    ).fit(frame, labels)
    cuts = [member[-1] for member in eg.predictors_ if isinstance(member[-1], CutClassifier)]
    assert cuts
    assert {cut.pos_label for cut in cuts} == {"poor"}
    votes = sum(
        p * (member.predict(frame) == "poor")
        for p, member in zip(eg.weights_, eg.predictors_, strict=True)
    )
    np.testing.assert_allclose(eg.decision_probability(frame), votes)
    gap = max(np.ptp([votes[(g == SEX) & (k == Y)].mean() for g in "fm"]) for k in (0, 1))
    assert eg.criteria_["mixture"].item() == pytest.approx(gap)


@pytest.mark.parametrize(("weight", "found"), [(0.0, False), (1.0, True)])
def test_rows_without_weight_give_no_cut(weight, found):
    rows, y, group = np.repeat(FEW, 60, axis=0), np.tile([0, 1, 1], 80), np.tile([0, 1], 120)
    weights = np.where(rows[:, 0] == 2, weight, 1.0)
    problem = make_problem(y, group, "demographic_parity", 0.0, weights)
    game = Game(problem, Oracle(GivenScores([0.1, 0.3, 0.6, 0.8]), rows, y, classes=[0, 1]))
    game.answer(problem.loss)
    assert (0.6 in game._cuts[0].values) is found
    assert {0.1, 0.3, 0.8} <= set(game._cuts[0].values)


def test_what_meets_the_requirements_is_left_as_it_is():
    rows = np.repeat(FEW, 60, axis=0)
    y, group = (rows[:, 0] >= 1).astype(int), np.tile([0, 1], 120)  # a cut at 0.3 were right
    problem = make_problem(y, group, "demographic_parity", 0.5)
    oracle = Oracle(GivenScores([0.1, 0.3, 0.6, 0.8]), rows, y, classes=[0, 1])
    found = solve(Game(problem, oracle), max_iter=10, solver_tol=1e-6)
    assert (len(found.members), problem.value(found.mixed)) == (1, 0.75)


@pytest.mark.parametrize(("n", "most"), [(30, 10), (440, 11), (800, 20), (9000, 200)])
def test_small_tables_are_cut_less_finely(n, most):
    rng = np.random.default_rng(0)
    rows, y = np.arange(n)[:, None], rng.integers(0, 2, n)
    game = Game(
        make_problem(y, rng.integers(0, 2, n), "demographic_parity", 0.0),
        Oracle(GivenScores(rng.random(n)), rows, y, classes=[0, 1]),
    )
    game.answer(game.problem.loss)
    assert len(game._cuts[0].values) == most


def test_there_are_no_cuts_without_probabilities_or_classes():
    fit = {"sensitive_features": SEX}
    svm = ExponentiatedGradient(LinearSVC(), tol=0.05, randomized=True).fit(NUMBERS, Y, **fit)
    assert not any(isinstance(member, CutClassifier) for member in svm.predictors_)
    assert not any(score == "probability" for score in [svm.rule_.score])
    bound = ExponentiatedGradient(
        make_pipeline(StandardScaler(), TellsProbability()), constraints=BoundedGroupLoss()
    ).fit(NUMBERS, NUMBERS["a"] + Y, **fit)
    assert not any(isinstance(member[-1], CutClassifier) for member in bound.predictors_)


def test_very_many_scores_are_cut_at_quantiles():
    scores = np.random.default_rng(0).random(5000) ** 3
    cuts = candidate_cuts(scores, 200)
    assert len(cuts) == 200
    assert np.isin(cuts, np.round(scores, 9)).all()
    assert np.diff(np.searchsorted(np.sort(scores), cuts)).max() <= 27


def test_probabilities_of_the_training_rows_are_those_of_the_mixture():
    problem = make_problem(Y, (SEX == "f").astype(int), "equalized_odds", 0.01)
    oracle = Oracle(LogisticRegression(), NUMBERS, Y, classes=[0, 1])
    found = solve(Game(problem, oracle), max_iter=20, solver_tol=1e-4)
    mixture = oracle.mixture(found.members[: len(found.chances)], found.chances)
    assert any(
        isinstance(m, CutClassifier) and p
        for m, p in zip(mixture.members, found.chances, strict=True)
    )
    np.testing.assert_allclose(found.probability(1), mixture.predict_proba(NUMBERS)[:, 1])
    np.testing.assert_allclose(found.votes(1), mixture.votes(NUMBERS, 1))


def test_means_of_fits_are_searched_without_the_constants_that_mix_best():
    y, codes = np.tile([0, 1, 1, 0], 50), np.repeat([0, 1], 100)
    problem = make_problem(y, codes, "equalized_odds", 0.0)
    rng = np.random.default_rng(0)
    tables = {k: 0.4 * y + 0.3 * (codes == k - 1) + 0.4 * rng.random(200) for k in (1, 2)}
    crude = [problem.count((own > 0.35).astype(np.int8)) for own in tables.values()]
    sums = [problem.count(np.zeros(200, dtype=np.int8)), *crude]
    scores = {("probability", k): own for k, own in tables.items()}
    rule, found = choose_rule(problem, sums, scores)
    assert rule.weights[0] == 0
    assert min(rule.weights[1:]) > 0.2
    assert problem.value(found) > 0.7
