"""ExponentiatedGradient as its users meet it."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from reductions import GAP, NUMBERS, SEX, X, Y, make_frame
from scipy import sparse
from sklearn.base import clone, is_classifier
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skfair.criteria import Criterion, get_rate
from skfair.inprocessing import ExponentiatedGradient
from skfair.metrics import equalized_odds_difference, fairness_scorer


@pytest.mark.parametrize("constraints", ["demographic_parity", "equalized_odds", "accuracy"])
def test_draws_and_decisions_meet_the_constraint_on_the_training_rows(constraints):
    for randomized in (True, False):
        model = ExponentiatedGradient(
            LogisticRegression(), constraints=constraints, tol=0.03, randomized=randomized
        ).fit(NUMBERS, Y, sensitive_features=SEX)
        assert model.violation_[constraints] <= 0.03 + 1e-6
        assert model.criteria_.loc[constraints, "allowed"] == 0.03
    assert model.gap_ <= 1e-4


def test_reported_violations_are_those_of_the_predictions():
    model = ExponentiatedGradient(LogisticRegression(), constraints="equalized_odds", tol=0.05)
    model.fit(NUMBERS, Y, sensitive_features=SEX)
    gap = equalized_odds_difference(Y, model.predict(NUMBERS), sensitive_features=SEX)
    assert model.violation_["equalized_odds"] == pytest.approx(gap)
    votes = model.decision_probability(NUMBERS)
    rates = [[votes[(g == SEX) & (y == Y)].mean() for g in "fm"] for y in (0, 1)]
    mixed = max(abs(a - b) for a, b in rates)
    assert model.criteria_.loc["equalized_odds", "mixture"] == pytest.approx(mixed)


def test_it_costs_less_accuracy_than_the_constant_and_beats_nothing_in_fairness():
    plain = LogisticRegression().fit(NUMBERS, Y)
    model = ExponentiatedGradient(LogisticRegression(), tol=0.02)
    model.fit(NUMBERS, Y, sensitive_features=SEX)
    assert GAP(Y, plain.predict(NUMBERS), sensitive_features=SEX) > 0.15
    assert model.score(NUMBERS, Y) > max(Y.mean(), 1 - Y.mean()) + 0.1


def test_a_loose_tolerance_leaves_the_plain_estimator():
    model = ExponentiatedGradient(LogisticRegression(), tol=1.0)
    model.fit(NUMBERS, Y, sensitive_features=SEX)
    assert model.n_oracle_calls_ == 1
    plain = LogisticRegression().fit(NUMBERS, Y)
    np.testing.assert_allclose(model.predict_proba(NUMBERS), plain.predict_proba(NUMBERS))


def test_weights_count_as_repeated_rows():
    repeats = np.random.default_rng(0).integers(1, 4, len(Y))
    options = {"tol": 0.03, "constraints": "equalized_odds"}
    estimator = LogisticRegression(tol=1e-8, max_iter=1000)
    weighted = ExponentiatedGradient(estimator, **options)
    weighted.fit(NUMBERS, Y, sensitive_features=SEX, sample_weight=repeats)
    places = np.repeat(np.arange(len(Y)), repeats)
    repeated = ExponentiatedGradient(estimator, **options)
    repeated.fit(NUMBERS.iloc[places], Y[places], sensitive_features=SEX[places])
    np.testing.assert_allclose(
        weighted.decision_probability(NUMBERS),
        repeated.decision_probability(NUMBERS),
        atol=1e-4,
    )


def test_a_pipeline_of_raw_columns_and_a_column_of_groups():
    frame = X.assign(sex=SEX)
    pipe = make_pipeline(
        make_column_transformer((StandardScaler(), ["a", "b", "c"]), (OneHotEncoder(), ["site"])),
        LogisticRegression(),
    )
    model = ExponentiatedGradient(pipe, sensitive_features="sex", tol=0.03).fit(frame, Y)
    assert GAP(Y, model.predict(frame), sensitive_features=SEX) <= 0.03 + 1e-9
    assert model.feature_names_in_.tolist() == [*frame.columns]
    assert all(len(member.steps) == 2 for member in model.predictors_)
    whole = sum(
        p * member.predict(frame)
        for p, member in zip(model.weights_, model.predictors_, strict=True)
    )
    np.testing.assert_allclose(model.decision_probability(frame), whole)
    from_polars = ExponentiatedGradient(
        make_pipeline(
            make_column_transformer((StandardScaler(), ["a", "b", "c"])), LogisticRegression()
        ),
        sensitive_features="sex",
        tol=0.03,
    ).fit(pl.from_pandas(frame), Y)
    assert from_polars.violation_["demographic_parity"] <= 0.03 + 1e-6


@pytest.mark.parametrize(("pos_label", "sign"), [("yes", 1), ("no", -1)])
def test_string_labels(pos_label, sign):
    labels = np.where(Y == 1, "yes", "no")
    model = ExponentiatedGradient(
        LogisticRegression(), constraints="equal_opportunity", tol=0.03, pos_label=pos_label
    )
    model.fit(NUMBERS, labels, sensitive_features=SEX)
    assert model.classes_.tolist() == ["no", "yes"]
    assert set(model.predict(NUMBERS)) == {"no", "yes"}
    assert model.predict_proba(NUMBERS).shape == (len(Y), 2)
    votes, positive = model.decision_probability(NUMBERS), labels == pos_label
    assert np.corrcoef(votes, positive)[0, 1] > 0.3
    with pytest.raises(ValueError, match="pos_label"):
        ExponentiatedGradient(LogisticRegression()).fit(NUMBERS, labels, sensitive_features=SEX)


def test_ratio_several_constraints_and_several_groups():
    frame, y, group = make_frame(2000, 3, 4)
    numbers = frame[["a", "b", "c"]]
    model = ExponentiatedGradient(
        LogisticRegression(),
        constraints=["disparate_impact", "equal_opportunity"],
        tol=[0.2, 0.05],
        randomized=True,
        random_state=0,
    ).fit(numbers, y, sensitive_features=group)
    assert model.violation_["disparate_impact"] <= 0.2 + 1e-6
    assert model.violation_["equal_opportunity"] <= 0.05 + 1e-6
    mean = ExponentiatedGradient(
        LogisticRegression(), constraints="average_abs_odds", tol=0.03, randomized=True
    ).fit(numbers, y, sensitive_features=group)
    assert mean.violation_["average_abs_odds"] <= 0.03 + 1e-6


def test_control_features_hold_within_each_level():
    model = ExponentiatedGradient(LogisticRegression(), tol=0.04, control_features="site")
    pipe = make_pipeline(
        make_column_transformer((StandardScaler(), ["a", "b", "c"])), LogisticRegression()
    )
    model.set_params(estimator=pipe).fit(X, Y, sensitive_features=SEX)
    for site in "xy":
        rows = (X["site"] == site).to_numpy()
        predicted = model.predict(X[rows])
        assert GAP(Y[rows], predicted, sensitive_features=SEX[rows]) <= 0.04 + 1e-9
    beside = ExponentiatedGradient(pipe, tol=0.04)
    beside.fit(X, Y, sensitive_features=SEX, control_features=X["site"])
    np.testing.assert_array_equal(beside.predict(X), model.predict(X))
    with pytest.raises(ValueError, match="control features twice"):
        model.fit(X, Y, sensitive_features=SEX, control_features=X["site"])


def test_missing_groups_are_a_group():
    some = pd.Series(SEX, dtype=object).where(np.arange(len(Y)) % 5 > 0, None)
    model = ExponentiatedGradient(LogisticRegression(), tol=0.03).fit(
        NUMBERS, Y, sensitive_features=some
    )
    named = some.fillna("<missing>")
    assert GAP(Y, model.predict(NUMBERS), sensitive_features=named) <= 0.03 + 1e-9
    with pytest.raises(ValueError, match="missing"):
        ExponentiatedGradient(LogisticRegression(), missing="raise").fit(
            NUMBERS, Y, sensitive_features=some
        )


def test_draws_need_a_seed_and_decisions_none():
    model = ExponentiatedGradient(
        LogisticRegression(), tol=0.02, randomized=True, random_state=3
    ).fit(NUMBERS, Y, sensitive_features=SEX)
    first = model.predict(NUMBERS)
    assert (first == model.predict(NUMBERS)).all()
    assert (first != model.set_params(random_state=4).predict(NUMBERS)).any()
    many = np.mean([model.set_params(random_state=s).predict(NUMBERS) for s in range(300)], axis=0)
    np.testing.assert_allclose(many, model.decision_probability(NUMBERS), atol=0.13)


def test_a_classifier_without_probabilities():
    model = ExponentiatedGradient(LinearSVC(), tol=0.05).fit(NUMBERS, Y, sensitive_features=SEX)
    assert not hasattr(model, "predict_proba")
    assert set(model.predict(NUMBERS)) == {0, 1}


def test_it_looks_like_a_classifier_to_scikit_learn():
    model = ExponentiatedGradient(LogisticRegression(), tol=0.05)
    assert is_classifier(model)
    assert not hasattr(model, "decision_function")
    assert not model.uses_group_at_predict
    fitted = clone(model).fit(NUMBERS, Y, sensitive_features=SEX)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict(NUMBERS), fitted.predict(NUMBERS))
    np.testing.assert_allclose(
        fitted.predict_log_proba(NUMBERS), np.log(fitted.predict_proba(NUMBERS))
    )


def test_metadata_reach_fit_through_routing(routing):
    pipe = make_pipeline(StandardScaler(), ExponentiatedGradient(LogisticRegression(), tol=0.05))
    pipe.fit(NUMBERS, Y, sensitive_features=SEX)
    out = cross_val_predict(pipe, NUMBERS, Y, cv=3, params={"sensitive_features": SEX})
    assert out.shape == Y.shape
    scorer = fairness_scorer("demographic_parity_difference")
    assert -0.15 < scorer(pipe, NUMBERS, Y, sensitive_features=SEX) <= 0


def test_sparse_rows():
    model = ExponentiatedGradient(LogisticRegression(), tol=0.05)
    model.fit(sparse.csr_matrix(NUMBERS), Y, sensitive_features=SEX)
    dense = clone(model).fit(NUMBERS.to_numpy(), Y, sensitive_features=SEX)
    np.testing.assert_allclose(
        model.decision_probability(sparse.csr_matrix(NUMBERS)),
        dense.decision_probability(NUMBERS.to_numpy()),
        atol=0.02,
    )


def test_trees_and_history():
    model = ExponentiatedGradient(DecisionTreeClassifier(max_depth=3), tol=0.02)
    model.fit(NUMBERS, Y, sensitive_features=SEX)
    assert [*model.history_.columns] == ["n_oracle_calls", "objective", "excess", "gap"]
    assert model.history_["gap"].iloc[-1] == model.gap_
    assert model.n_oracle_calls_ >= len(model.history_)
    assert model.oracle_time_ > 0
    assert model.weights_.sum() == pytest.approx(1)


def test_a_constraint_that_a_rule_cannot_meet_warns_and_says_what_can():
    tiny = slice(100, 140)
    model = ExponentiatedGradient(
        HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2, max_leaf_nodes=3),
        constraints=["accuracy", "equalized_odds"],
        tol=0.0,
    )
    with pytest.warns(UserWarning, match="violate the constraints"):
        model.fit(NUMBERS[tiny], Y[tiny], sensitive_features=SEX[tiny])
    assert max(model.violation_.values()) > 0


@pytest.mark.filterwarnings("ignore:the predictions violate")
def test_too_few_rounds_warn():
    model = ExponentiatedGradient(
        LogisticRegression(), constraints="equalized_odds", tol=0.001, max_iter=1
    )
    with pytest.warns(UserWarning, match="max_iter=1 rounds"):
        model.fit(NUMBERS, Y, sensitive_features=SEX)


def test_a_group_without_positives_is_named_and_left_out_of_that_rate():
    group = np.where((Y == 0) & (np.arange(len(Y)) % 9 == 0), "z", SEX)
    model = ExponentiatedGradient(LogisticRegression(), constraints="equal_opportunity", tol=0.03)
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate of group 'z'"):
        model.fit(NUMBERS, Y, sensitive_features=group)
    assert model.violation_["equal_opportunity"] <= 0.03 + 1e-6


def test_one_group_warns_and_fits():
    with pytest.warns(UserWarning, match="nothing to compare"):
        model = ExponentiatedGradient(LogisticRegression()).fit(
            NUMBERS, Y, sensitive_features=["all"] * len(Y)
        )
    assert model.n_oracle_calls_ == 1


def test_a_progress_bar_tells_gap_and_excess(capsys):
    model = ExponentiatedGradient(LogisticRegression(), tol=0.02, verbose=1)
    model.fit(NUMBERS, Y, sensitive_features=SEX)
    err = capsys.readouterr().err
    assert "gap=" in err
    assert "excess=" in err


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"constraints": "predictive_parity"}, "isn't linear in decisions"),
        ({"constraints": "equalised_odds"}, "did you mean"),
        ({"objective": "f1_score"}, "isn't linear"),
        ({"tol": -0.1}, "tol must be"),
        ({"max_iter": 0}, "max_iter"),
        ({"solver_tol": -1}, "solver_tol"),
        ({"sensitive_features": "a"}, "twice"),
    ],
)
def test_bad_parameters_are_refused(params, message):
    model = ExponentiatedGradient(LogisticRegression(), **params)
    with pytest.raises(ValueError, match=message):
        model.fit(NUMBERS, Y, sensitive_features=SEX)


def test_bad_input_is_refused():
    model = ExponentiatedGradient(LogisticRegression())
    with pytest.raises(ValueError, match="needs sensitive features"):
        model.fit(NUMBERS, Y)
    with pytest.raises(ValueError, match=r"inconsistent|length|rows"):
        model.fit(NUMBERS, Y[:-1], sensitive_features=SEX)
    with pytest.raises(ValueError, match="two classes"):
        model.fit(NUMBERS, np.arange(len(Y)) % 3, sensitive_features=SEX)
    with pytest.raises(ValueError, match="one class only"):
        model.fit(NUMBERS, np.ones(len(Y)), sensitive_features=SEX)
    with pytest.raises(ValueError, match="are zero"):
        model.fit(NUMBERS, Y, sensitive_features=SEX, sample_weight=np.zeros(len(Y)))
    with pytest.raises(TypeError, match="no classifier"):
        ExponentiatedGradient(LinearRegression()).fit(NUMBERS, Y, sensitive_features=SEX)
    with pytest.raises(TypeError, match="takes no sample_weight"):
        ExponentiatedGradient(KNeighborsClassifier()).fit(NUMBERS, Y, sensitive_features=SEX)


def test_an_own_criterion_and_an_own_rate():
    own = Criterion("error", (get_rate("error_rate"),))
    model = ExponentiatedGradient(
        LogisticRegression(), constraints=own, tol=0.03, objective={"fp": 1, "fn": 3}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(NUMBERS, Y, sensitive_features=SEX)
    assert model.violation_["error"] <= 0.03 + 1e-6


def test_a_rate_that_cannot_be_compared_does_not_hide_the_other():
    rng = np.random.default_rng(0)
    group = np.repeat(["a", "b"], 1000)
    x = rng.normal(size=(2000, 1)) + (group == "b")[:, None]
    y = (x[:, 0] + rng.normal(size=2000) / 3 > 0) & (group == "a")
    model = ExponentiatedGradient(LogisticRegression(), constraints="equalized_odds", tol=0.02)
    with pytest.warns(UndefinedMetricWarning, match="true_positive_rate of group 'b'"):
        model.fit(x, y, sensitive_features=group, sample_weight=np.where(group == "b", 0.2, 1.0))
    predicted = model.predict(x)
    rates = [predicted[(group == g) & ~y].mean() for g in "ab"]
    assert model.violation_["equalized_odds"] == pytest.approx(abs(rates[0] - rates[1]))
    assert model.violation_["equalized_odds"] <= 0.02 + 1e-6


def test_rare_positives_that_nothing_tells():
    rng = np.random.default_rng(0)
    x, group = rng.normal(size=(2000, 3)), rng.choice(["f", "m"], 2000)
    y = (np.arange(2000) % 7 == 0).astype(int)
    model = ExponentiatedGradient(LogisticRegression(), tol=0.05)
    model.fit(x, y, sensitive_features=group)
    assert not model.predict(x).any()


def test_the_scale_of_costs_does_not_matter():
    fitted = [
        ExponentiatedGradient(
            LogisticRegression(), tol=0.05, objective={"fp": scale, "fn": 3 * scale}
        ).fit(NUMBERS, Y, sensitive_features=SEX)
        for scale in (1.0, 1e-6)
    ]
    np.testing.assert_array_equal(fitted[0].predict(NUMBERS), fitted[1].predict(NUMBERS))
    assert fitted[0].n_oracle_calls_ == fitted[1].n_oracle_calls_


def test_members_that_decide_nothing_are_not_kept():
    model = ExponentiatedGradient(LogisticRegression(), constraints="equalized_odds", tol=0.02)
    model.fit(NUMBERS, Y, sensitive_features=SEX)
    kept = model.weights_ > 0
    kept[[] if model.rule_.member is None else model.rule_.member] = True
    assert kept.all()
    assert len(model.predictors_) < model.n_oracle_calls_


def test_history_and_objective_end_with_the_mixture():
    model = ExponentiatedGradient(LogisticRegression(), constraints="equalized_odds", tol=0.02)
    model.fit(NUMBERS, Y, sensitive_features=SEX)
    votes = model.decision_probability(NUMBERS)
    mixed = np.where(Y == 1, votes, 1 - votes).mean()
    assert model.objective_["mixture"] == pytest.approx(mixed)
    assert model.history_["objective"].iloc[-1] == pytest.approx(mixed)
    assert model.objective_["rule"] == pytest.approx(model.score(NUMBERS, Y))


def test_steps_of_members_keep_their_names():
    pipe = make_pipeline(StandardScaler(), LogisticRegression())
    model = ExponentiatedGradient(pipe, tol=0.05).fit(NUMBERS, Y, sensitive_features=SEX)
    assert [*model.predictors_[0].named_steps] == ["standardscaler", "logisticregression"]


def test_a_transformer_that_asks_for_groups_gets_them_without_routing():
    from skfair.preprocessing import CorrelationRemover

    pipe = make_pipeline(CorrelationRemover(), LogisticRegression())
    model = ExponentiatedGradient(pipe, tol=0.1).fit(NUMBERS, Y, sensitive_features=SEX)
    predicted = model.predict(NUMBERS, sensitive_features=SEX)
    assert model.score(NUMBERS, Y, sensitive_features=SEX) == pytest.approx((predicted == Y).mean())
    with pytest.raises(TypeError, match="need no sensitive_features"):
        ExponentiatedGradient(LogisticRegression(), tol=0.5).fit(
            NUMBERS, Y, sensitive_features=SEX
        ).predict(NUMBERS, sensitive_features=SEX)


def test_other_logistic_regressions_and_class_weights():
    from sklearn.linear_model import LogisticRegressionCV

    model = ExponentiatedGradient(KeepsNoStart(), tol=0.1)
    model.fit(NUMBERS, Y, sensitive_features=SEX)
    assert issubclass(LogisticRegressionCV, LogisticRegression)
    heavy = ExponentiatedGradient(LogisticRegression(class_weight="balanced"), tol=0.5)
    with pytest.warns(UserWarning, match="class_weight changes"):
        heavy.fit(NUMBERS, Y, sensitive_features=SEX)


class KeepsNoStart(LogisticRegression):
    """A logistic regression that knows no warm start, as LogisticRegressionCV."""

    def __init__(self, C=1.0):
        super().__init__(C=C)


def test_nothing_to_compare_is_said():
    model = ExponentiatedGradient(LogisticRegression())
    with pytest.warns(UserWarning, match="no two groups can be compared"):
        model.fit(NUMBERS, Y, sensitive_features=SEX, control_features=SEX)
    with pytest.warns(UserWarning, match="no two groups can be compared"):
        model.fit(NUMBERS, Y, sensitive_features=SEX, sample_weight=(SEX == "m").astype(float))


def test_what_no_decision_changes_is_refused():
    for params in ({"constraints": "base_rate"}, {"objective": "base_rate"}):
        with pytest.raises(ValueError, match="no decision changes"):
            ExponentiatedGradient(LogisticRegression(), **params).fit(
                NUMBERS, Y, sensitive_features=SEX
            )
    both = (get_rate("true_positive_rate"), get_rate("selection_rate"))
    own = Criterion("x", both, gap="ratio", combination="mean")
    with pytest.raises(ValueError, match="a mean of ratios"):
        ExponentiatedGradient(LogisticRegression(), constraints=own).fit(
            NUMBERS, Y, sensitive_features=SEX
        )


def test_scores_and_requests_follow_the_protocol(routing):
    model = ExponentiatedGradient(LogisticRegression(), tol=0.05, control_features="site")
    request = model.get_metadata_routing()._self_request.fit.requests
    assert request["control_features"] is False
    model.set_params(control_features=None).fit(NUMBERS, Y, sensitive_features=SEX)
    weights = (model.predict(NUMBERS) == Y).astype(float)
    assert model.score(NUMBERS, Y, sample_weight=weights) == 1


def test_refits_leave_nothing_behind():
    from skfair.inprocessing import BoundedGroupLoss

    model = ExponentiatedGradient(LogisticRegression(), tol=0.05)
    model.fit(NUMBERS, Y, sensitive_features=SEX)
    model.set_params(estimator=LinearRegression(), constraints=BoundedGroupLoss())
    model.fit(NUMBERS, Y, sensitive_features=SEX)
    assert not hasattr(model, "rule_")
    assert not hasattr(model, "pos_label_")
    assert model.predict(NUMBERS).dtype == float


def seen_in_part(alike, n=3000, seed=0):
    """Rows of which few are positive; what tells them in the first group may be a thing apart."""
    rng = np.random.default_rng(seed)
    is_f = (rng.random(n) < 0.3).astype(float)
    x = rng.normal(size=(n, 3))
    apart = 0.0 if alike else 2.0
    y = (apart * x[:, 0] * is_f + x[:, 1] - 1.2 * is_f + rng.normal(size=n) > 0.8).astype(int)
    own = [] if alike else [x * is_f[:, None]]
    return np.column_stack([x, *own, is_f]), y, np.where(is_f, "f", "m")


def test_a_rule_within_is_a_cut_of_a_mean_where_no_cut_of_one_comes_near():
    x, y, group = seen_in_part(alike=True, seed=9)
    model = ExponentiatedGradient(LogisticRegression(), constraints="equalized_odds", tol=0.01)
    model.fit(x, y, sensitive_features=group)
    assert model.violation_["equalized_odds"] <= 0.01
    gap = equalized_odds_difference(y, model.predict(x), sensitive_features=group)
    assert model.violation_["equalized_odds"] == pytest.approx(gap)
    assert model.objective_["mixture"] - model.objective_["rule"] < 0.02
    members = zip(model.rule_.weights, model.predictors_, strict=True)
    scores = sum(weight * member.predict_proba(x)[:, 1] for weight, member in members)
    np.testing.assert_array_equal(model.predict(x), scores >= model.rule_.cut - 1e-9)
    mean = sum(
        p * member.predict_proba(x)
        for p, member in zip(model.weights_, model.predictors_, strict=True)
    )
    np.testing.assert_allclose(model.predict_proba(x), mean)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the predictions violate")
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("tol", [0.005, 0.01])
def test_a_tight_tolerance_does_not_end_in_a_nearly_constant_rule(tol, seed):
    x, y, group = seen_in_part(alike=False, seed=seed)
    model = ExponentiatedGradient(LogisticRegression(), constraints="equalized_odds", tol=tol)
    model.fit(x, y, sensitive_features=group)
    plain = LogisticRegression().fit(x, y)
    without = equalized_odds_difference(y, plain.predict(x), sensitive_features=group)
    assert model.violation_["equalized_odds"] < without / 4
    gained = model.objective_ - max(y.mean(), 1 - y.mean())
    assert gained["rule"] > 0.75 * gained["mixture"]


def test_a_compromise_tells_its_violation_and_objective():
    tiny = slice(100, 140)
    model = ExponentiatedGradient(
        HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=2, max_leaf_nodes=3),
        constraints=["accuracy", "equalized_odds"],
        tol=0.0,
    )
    told = r"equalized_odds 0\.\d+.*objective: mixture 0\.\d+, rule 0"
    with pytest.warns(UserWarning, match=told):
        model.fit(NUMBERS[tiny], Y[tiny], sensitive_features=SEX[tiny])
