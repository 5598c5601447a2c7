"""Regression under a bound on each group's mean loss."""

import numpy as np
import pytest
from scipy.optimize import minimize
from sklearn.base import is_regressor
from sklearn.linear_model import LinearRegression, LogisticRegression, QuantileRegressor

from skfair.inprocessing import BoundedGroupLoss, ExponentiatedGradient

RNG = np.random.default_rng(0)
X = RNG.normal(size=(600, 1))
GROUP = np.repeat(["a", "b"], [500, 100])
Y = np.where(GROUP == "a", X[:, 0], -X[:, 0]) + RNG.normal(size=600) / 5


def losses(predicted, power=2):
    error = np.abs(Y - predicted) ** power
    return np.array([error[g == GROUP].mean() for g in "ab"])


def fit(bound, **params):
    model = ExponentiatedGradient(
        LinearRegression(), constraints=BoundedGroupLoss(upper_bound=bound), **params
    )
    return model.fit(X, Y, sensitive_features=GROUP)


def test_no_group_exceeds_the_bound():
    plain = losses(LinearRegression().fit(X, Y).predict(X))
    assert plain[1] > 2
    model = fit(1.5)
    assert losses(model.predict(X)).max() <= 1.5 + 1e-6
    assert is_regressor(model)
    assert not hasattr(model, "decision_probability")
    assert not hasattr(model, "rule_")


def test_it_is_the_best_line_within_the_bound():
    def mean_loss(line):
        return ((Y - line[0] * X[:, 0] - line[1]) ** 2).mean()

    def room(line):
        return 1.5 - losses(line[0] * X[:, 0] + line[1])[1]

    best = minimize(mean_loss, [0.5, 0.0], constraints={"type": "ineq", "fun": room})
    model = fit(1.5, solver_tol=1e-7)
    mixed = ((Y - model.predict(X)) ** 2).mean()
    assert mixed <= best.fun + 1e-4


def test_the_worst_group_is_served_as_well_as_can_be():
    model = fit(None)
    worst = losses(model.predict(X)).max()
    slopes = np.linspace(-1, 1, 2001)
    lines = [losses(s * X[:, 0]).max() for s in slopes]
    assert worst <= min(lines) + 1e-3


def test_absolute_errors_and_draws():
    model = ExponentiatedGradient(
        QuantileRegressor(alpha=0),
        constraints=BoundedGroupLoss("absolute_error", 1.0),
        randomized=True,
        random_state=0,
    ).fit(X, Y, sensitive_features=GROUP)
    assert model.criteria_.loc["bounded_group_loss", "mixture"] <= 1 + 1e-6
    drawn, found = model.predict(X), [member.predict(X) for member in model.predictors_]
    assert np.isclose(drawn, found).any(axis=0).all()


def test_a_bound_below_reach_warns():
    with pytest.warns(UserWarning, match="no mixture of the predictors"):
        model = fit(0.2)
    assert model.violation_["bounded_group_loss"] > 0.2


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="loss must be one of"):
        BoundedGroupLoss("square_error")
    with pytest.raises(ValueError, match="upper_bound"):
        BoundedGroupLoss(upper_bound=-1)
    with pytest.raises(TypeError, match="for regressors"):
        ExponentiatedGradient(LogisticRegression(), constraints=BoundedGroupLoss()).fit(
            X, Y > 0, sensitive_features=GROUP
        )
    with pytest.raises(ValueError, match="has no meaning"):
        fit(1.0, objective="recall")
    with pytest.raises(ValueError, match="no control_features"):
        ExponentiatedGradient(LinearRegression(), constraints=BoundedGroupLoss()).fit(
            X, Y, sensitive_features=GROUP, control_features=GROUP
        )


@pytest.mark.parametrize("scale", [1e-5, 1e-3, 1e6])
def test_the_scale_of_the_targets_does_not_matter(scale):
    bound = 1.5 * scale**2
    model = ExponentiatedGradient(
        LinearRegression(), constraints=BoundedGroupLoss(upper_bound=bound)
    ).fit(X, scale * Y, sensitive_features=GROUP)
    np.testing.assert_allclose(model.predict(X) / scale, fit(1.5).predict(X), atol=1e-3)
    assert model.n_oracle_calls_ == fit(1.5).n_oracle_calls_


def test_reported_losses_are_those_of_the_predictions():
    model = fit(1.5)
    np.testing.assert_allclose(model.group_losses_, losses(model.predict(X)))
    assert model.group_losses_.index.tolist() == ["a", "b"]
    assert model.violation_["bounded_group_loss"] == pytest.approx(losses(model.predict(X)).max())
    assert model.criteria_.loc["bounded_group_loss", "allowed"] == 1.5
    assert model.objective_["rule"] == pytest.approx(-((Y - model.predict(X)) ** 2).mean())
