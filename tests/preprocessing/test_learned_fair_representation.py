from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import approx_fprime
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfair.datasets import load_heart
from skfair.groups import Bins
from skfair.metrics import demographic_parity_difference, fairness_scorer
from skfair.preprocessing import LearnedFairRepresentation
from skfair.preprocessing._prototypes import (
    STAGES,
    Penalties,
    Prototypes,
    Rows,
    learn_prototypes,
    loss_of,
    memberships,
    smoothed_loss,
    starting_prototypes,
)

pytestmark = pytest.mark.filterwarnings("ignore:the search for prototypes stopped")


def random_rows(n=30, n_features=3, n_groups=3, seed=0, weighted=True):
    rng = np.random.default_rng(seed)
    codes = np.r_[np.arange(n_groups), rng.integers(0, n_groups, n - n_groups)]
    X = rng.normal(size=(n, n_features)) + codes[:, None] / 2
    y = (X[:, 0] + rng.normal(size=n) > 0.5).astype(float)
    weights = rng.exponential(size=n) if weighted else None
    return Rows.read(X, y, codes, weights)


def random_prototypes(n_prototypes=4, n_features=3, seed=1):
    rng = np.random.default_rng(seed)
    return Prototypes(
        rng.normal(size=(n_prototypes, n_features)),
        rng.uniform(0.1, 0.9, n_prototypes),
        rng.uniform(0.1, 1.0, n_features),
    )


# The loss


def test_memberships_by_hand():
    prototypes = Prototypes(
        np.array([[0.0, 0], [1, 2]]), np.array([0.2, 0.9]), np.array([3.0, 0.5])
    )
    # distances 3 * 1 + 0.5 * 1 to the first, 0 + 0.5 * 1 to the second
    odds = np.exp(-3.5) / (np.exp(-3.5) + np.exp(-0.5))
    assert_allclose(memberships(np.array([[1.0, 1.0]]), prototypes), [[odds, 1 - odds]])


def test_far_rows_have_memberships_that_are_numbers():
    far = memberships(np.array([[1e4], [-1e4]]), random_prototypes(n_features=1))
    assert np.isfinite(far).all()
    assert_allclose(far.sum(axis=1), 1)


def test_the_loss_is_the_published_one_row_by_row():
    rows, prototypes, penalties = random_rows(), random_prototypes(), Penalties(0.3, 0.7, 2.0, 0.1)
    centres, rates, relevance = prototypes
    groups = rows.by_group.toarray() > 0
    reconstruction = label = 0.0
    means = np.zeros((3, 4))
    for n, (x, y, weight) in enumerate(zip(rows.X, rows.y, rows.weights, strict=True)):
        closeness = [np.exp(-sum(relevance * (x - v) ** 2)) for v in centres]
        member = np.array(closeness) / sum(closeness)
        rebuilt = sum(m * v for m, v in zip(member, centres, strict=True))
        chance = sum(member * rates)
        reconstruction += weight * np.mean((x - rebuilt) ** 2)
        label -= weight * (y * np.log(chance) + (1 - y) * np.log(1 - chance))
        means[groups[:, n]] += weight * member
    sizes = groups @ rows.weights
    fairness = abs(means / sizes[:, None] - means.sum(axis=0)).sum()
    found = loss_of(rows, prototypes, penalties)
    middle = [np.mean(centres[:, i]) for i in range(3)]
    slopes = sum((2 * relevance[i] * (v[i] - middle[i])) ** 2 for v in centres for i in range(3))
    assert_allclose(found[1:], [reconstruction, label, fairness, slopes / 2])
    parts = 0.3 * reconstruction + 0.7 * label + 2.0 * fairness + 0.1 * slopes / 2
    assert found.total == pytest.approx(parts)


def test_for_two_groups_the_fairness_part_is_the_difference_of_mean_memberships():
    rows, prototypes = random_rows(n_groups=2), random_prototypes()
    first, second = rows.by_group @ memberships(rows.X, prototypes)
    found = loss_of(rows, prototypes, Penalties(1, 1, 1)).fairness
    assert found == pytest.approx(abs(first - second).sum())


@pytest.mark.parametrize("scale", STAGES)
@pytest.mark.parametrize(
    "penalties",
    [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0, 0, 0, 1), (0.5, 1, 20, 0.1)],
    ids=["x", "y", "z", "slopes", "all"],
)
def test_the_gradient_is_that_of_finite_differences(penalties, scale):
    rows, vector = random_rows(), random_prototypes().flat()
    args = (rows, Penalties(*penalties), scale)
    gradient = smoothed_loss(vector, *args)[1]
    numeric = approx_fprime(vector, lambda v: smoothed_loss(v, *args)[0], 1e-7)
    assert abs(gradient).max() > 1e-3
    assert_allclose(gradient, numeric, atol=2e-5 * max(penalties))


def test_smoothing_adds_no_more_than_its_scale_for_each_difference():
    rows, prototypes, penalties = random_rows(), random_prototypes(), Penalties(1.0, 1.0, 1.0)
    exact = loss_of(rows, prototypes, penalties).total
    for scale in STAGES:
        extra = smoothed_loss(prototypes.flat(), rows, penalties, scale)[0] - exact
        assert 0 < extra <= 12 * scale  # 3 groups, 4 prototypes


def test_the_search_only_descends_and_ends_where_smoothed_slopes_vanish():
    rows, penalties = random_rows(60), Penalties(0.1, 1.0, 1.0)
    start = starting_prototypes(rows, 3, np.random.default_rng(0))
    found = learn_prototypes(rows, start, penalties, max_iter=3000, tol=1e-9)
    assert found.converged
    assert found.loss.total < loss_of(rows, start, penalties).total - 0.05
    value, gradient = smoothed_loss(found.prototypes.flat(), rows, penalties, STAGES[-1])
    inside = (found.prototypes.rates > 1e-5) & (found.prototypes.rates < 1 - 1e-5)
    slopes = Prototypes.of(gradient, 3)
    assert abs(slopes.centres).max() < 1e-2
    assert abs(slopes.rates[inside]).max(initial=0) < 1e-2
    assert value == pytest.approx(found.loss.total, abs=9 * STAGES[-1])


def test_stages_reach_less_than_the_kinked_loss_at_once():
    rows, penalties = random_rows(200, n_features=5, n_groups=2), Penalties(0.1, 1.0, 10.0)
    start = starting_prototypes(rows, 5, np.random.default_rng(0))
    staged = learn_prototypes(rows, start, penalties, max_iter=300, tol=1e-9).loss.total
    from scipy.optimize import minimize

    bounds = [(None, None)] * 25 + [(1e-6, 1 - 1e-6)] * 5 + [(0, None)] * 5
    kinked = minimize(
        smoothed_loss,
        start.flat(),
        args=(rows, penalties, 1e-12),
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": 300},
    )
    assert staged < loss_of(rows, Prototypes.of(kinked.x, 5), penalties).total


# The estimator


def biased_rows(n=300, seed=0):
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    skill = rng.normal(size=n)
    proxy = 1.5 * (sex == "m") + rng.normal(size=n)
    y = np.where(skill + (sex == "m") + 0.5 * rng.normal(size=n) > 0.5, "hire", "reject")
    X = pd.DataFrame({"skill": skill, "sex": sex, "proxy": proxy})
    return X, y, rng.exponential(size=n)


def model(**options):
    return LearnedFairRepresentation(
        **{"sensitive_features": "sex", "n_prototypes": 4, "random_state": 0} | options
    )


def test_groups_from_a_column_and_as_values_give_the_same_model():
    X, y, weights = biased_rows()
    by_column = model().fit(X, y, sample_weight=weights)
    by_values = model(sensitive_features=None).fit(
        X.drop(columns="sex"), y, sensitive_features=X["sex"], sample_weight=weights
    )
    assert_array_equal(by_column.prototypes_, by_values.prototypes_)
    assert_array_equal(by_column.transform(X), by_values.transform(X[["skill", "proxy"]]))


def test_transform_reads_no_group():
    X, y, _ = biased_rows()
    fitted = model().fit(X, y)
    swapped = X.assign(sex=np.where(X["sex"] == "f", "m", "never seen"))
    assert_array_equal(fitted.transform(swapped), fitted.transform(X))
    assert not fitted.uses_group_at_predict


def test_memberships_add_up_and_reconstruct_and_predict():
    X, y, _ = biased_rows()
    fitted = model(reconstruction_weight=0.01).fit(X, y)
    shares = fitted.transform(X)
    assert shares.shape == (300, 4)
    assert_allclose(shares.sum(axis=1), 1)
    rebuilt = clone(fitted).set_params(output="reconstruction").fit(X, y).transform(X)
    assert_allclose(rebuilt, shares @ fitted.prototypes_)
    chances = fitted.predict_proba(X)
    assert_allclose(chances[:, 1], shares @ fitted.prototype_rates_)
    assert_allclose(chances.sum(axis=1), 1)
    assert_array_equal(fitted.classes_, ["hire", "reject"])
    assert_array_equal(fitted.predict(X), np.where(chances[:, 1] > 0.5, "reject", "hire"))
    assert fitted.score(X, y) > 0.7


def test_the_penalty_hides_the_group_from_memberships_and_predictions():
    X, y, _ = biased_rows(1000)
    gaps, losses = [], []
    for weight in (0.0, 10.0):
        fitted = model(fairness_weight=weight, reconstruction_weight=0.01)
        fitted.fit(X[:600], y[:600])
        options = {"sensitive_features": X["sex"][600:], "pos_label": "hire"}
        predicted = fitted.predict(X[600:])
        gaps.append(demographic_parity_difference(y[600:], predicted, **options))
        losses.append(fitted.loss_parts_["fairness"])
    assert losses[1] < losses[0] / 10
    assert gaps[0] > 0.15
    assert gaps[1] < gaps[0] / 2
    assert np.mean(predicted == y[600:]) > 0.65


def test_which_label_is_second_changes_nothing_but_the_columns():
    X, y, _ = biased_rows()
    fitted = model(max_iter=30).fit(X, y)
    mirrored = model(max_iter=30).fit(X, np.where(y == "hire", "z", "a"))
    first, second = (m.loss_ for m in (fitted, mirrored))
    assert second == pytest.approx(first, rel=0.05)  # other random rates at the start


def test_names_and_frames():
    X, y, _ = biased_rows()
    fitted = model(n_prototypes=2).fit(X, y)
    names = ["learnedfairrepresentation0", "learnedfairrepresentation1"]
    assert_array_equal(fitted.get_feature_names_out(), names)
    frame = fitted.set_output(transform="pandas").transform(X)
    assert list(frame.columns) == names
    assert frame.index.equals(X.index)
    fitted.set_params(output="reconstruction")
    assert list(fitted.transform(X).columns) == ["skill", "proxy"]
    assert_array_equal(fitted.feature_names_in_, X.columns)


def test_polars_numpy_and_lists_give_the_same_model():
    X, y, weights = biased_rows()
    expected = model().fit(X, y, sample_weight=weights).transform(X)
    frame = pl.from_pandas(X)
    assert_array_equal(
        model().fit(frame, pl.Series(y), sample_weight=weights).transform(frame), expected
    )
    odd = X.set_axis(np.arange(300)[::-1])
    assert_array_equal(
        model().fit(odd, pd.Series(y), sample_weight=weights).transform(odd), expected
    )
    rows, sex = X[["skill", "proxy"]].to_numpy(), X["sex"].tolist()
    for given in (rows, rows.tolist()):
        fitted = model(sensitive_features=None)
        fitted.fit(given, y.tolist(), sensitive_features=sex, sample_weight=weights.tolist())
        assert_array_equal(fitted.transform(given), expected)


def test_whole_weights_are_repeated_rows_and_rows_without_weight_are_absent():
    X, y, _ = biased_rows(80)
    times = np.random.default_rng(0).integers(0, 3, 80)
    options = {"max_iter": 20}
    weighted = model(**options).fit(X, y, sample_weight=times)
    repeated = model(**options).fit(X.loc[X.index.repeat(times)], np.repeat(y, times))
    assert_allclose(weighted.transform(X), repeated.transform(X), rtol=1e-6)
    y[times == 0] = "a third class"
    again = model(**options).fit(X, y, sample_weight=times)
    assert_array_equal(again.transform(X), weighted.transform(X))


def test_three_groups_missing_groups_intersections_and_bins():
    X, y, _ = biased_rows()
    X["race"] = np.random.default_rng(1).choice(["b", "w", None], 300)
    several = model(sensitive_features=["sex", "race"], fairness_weight=50.0).fit(X, y)
    assert several.prototypes_.shape == (4, 2)
    assert several.loss_parts_["fairness"] < 0.05
    groups = Rows.read(
        X[["skill", "proxy"]].to_numpy(),
        (y == "reject").astype(float),
        pd.factorize(X["sex"] + X["race"].fillna("<missing>"))[0],
    )
    learned = Prototypes(several.prototypes_, several.prototype_rates_, several.relevance_)
    found = loss_of(groups, learned, Penalties(1.0, 1.0, 50.0, 1 / 300))
    assert_allclose(found, [several.loss_, *several.loss_parts_.values()])
    with pytest.raises(ValueError, match=r"'race' has .* missing values"):
        model(sensitive_features=["sex", "race"], missing="raise").fit(X, y)
    cut = model(sensitive_features=Bins("proxy", [0.0])).fit(X[["skill", "proxy"]], y)
    assert cut.prototypes_.shape == (4, 1)


def test_more_starts_are_no_worse_and_random_state_repeats():
    X, y, _ = biased_rows()
    once, best = (model(n_init=n, max_iter=30, random_state=1).fit(X, y) for n in (1, 5))
    assert best.loss_ < once.loss_
    again = model(max_iter=30, random_state=1).fit(X, y)
    assert_array_equal(again.prototypes_, once.prototypes_)
    other = model(max_iter=30, random_state=2).fit(X, y)
    assert not np.array_equal(other.prototypes_, once.prototypes_)


def test_few_patients_are_not_learned_by_heart():
    X, y = load_heart(return_X_y=True)
    sex = X.pop("sex").to_numpy()
    codes = {name: str for name in X.columns if X[name].nunique() < 6}
    X = pd.get_dummies(X.astype(codes)).fillna(0).to_numpy(float)
    found = {}
    for C in (1.0, np.inf):
        told = []
        for train, test in StratifiedKFold(3, shuffle=True, random_state=0).split(X, y):
            scaler = StandardScaler().fit(X[train])
            fitted = model(C=C, n_prototypes=10, fairness_weight=1.0, sensitive_features=None)
            fitted.fit(scaler.transform(X[train]), y.iloc[train], sensitive_features=sex[train])
            rows = scaler.transform(X[test])
            shares = [
                fitted.transform(rows)[sex[test] == s].mean(axis=0) for s in ("female", "male")
            ]
            told.append([fitted.score(rows, y.iloc[test]), abs(shares[0] - shares[1]).sum()])
        found[C] = np.mean(told, axis=0)
    (shrunk, gap), (steep, wide) = found[1.0], found[np.inf]
    assert shrunk > steep + 0.02
    assert gap < 0.8 * wide


def test_an_infinite_c_leaves_the_published_loss():
    X, y, _ = biased_rows(100)
    fitted = model(C=np.inf, max_iter=20).fit(X, y)
    parts = fitted.loss_parts_
    published = parts["reconstruction"] + parts["label"] + 10.0 * parts["fairness"]
    assert fitted.loss_ == pytest.approx(published)
    shrunk = model(C=0.5, max_iter=20).fit(X, y)
    parts = shrunk.loss_parts_
    published = parts["reconstruction"] + parts["label"] + 10.0 * parts["fairness"]
    assert shrunk.loss_ == pytest.approx(published + parts["slopes"] / 50.0)


def test_pickle_and_clone():
    X, y, _ = biased_rows(100)
    fitted = model(max_iter=10).fit(X, y)
    assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(X), fitted.transform(X))
    with pytest.raises(NotFittedError):
        clone(fitted).predict(X)


@pytest.mark.parametrize("noise", [0.0, 1e-12])
def test_a_feature_that_is_all_but_constant_does_no_harm(noise):
    X, y, _ = biased_rows()
    more = X.assign(constant=0.1 + noise * np.arange(300))
    plain = model(reconstruction_weight=0.0).fit(X, y)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "columns .* have standard deviations")
        fitted = model(reconstruction_weight=0.0).fit(more, y)
    assert fitted.loss_ == pytest.approx(plain.loss_, rel=0.1)


def test_a_search_over_the_penalty_in_both_forms(routing):
    X, y, _ = biased_rows()
    scorer = fairness_scorer(
        "demographic_parity_difference", sensitive_features="sex", pos_label="hire"
    )
    grid = {"fairness_weight": [0.0, 20.0]}
    search = GridSearchCV(model(max_iter=100), grid, scoring=scorer, cv=3).fit(X, y)
    assert search.best_params_ == {"fairness_weight": 20.0}
    pipe = make_pipeline(
        StandardScaler(), model(sensitive_features=None, max_iter=100), LogisticRegression()
    )
    grid = {"learnedfairrepresentation__fairness_weight": [0.0, 20.0]}
    scorer = fairness_scorer("demographic_parity_difference", pos_label="hire")
    search = GridSearchCV(pipe, grid, scoring=scorer, cv=3, error_score="raise")
    search.fit(X[["skill", "proxy"]], y, sensitive_features=X["sex"].to_numpy())
    assert search.best_params_ == {"learnedfairrepresentation__fairness_weight": 20.0}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_prototypes": 0}, "n_prototypes must be an integer of at least 1"),
        ({"C": 0.0}, "C must be a number above 0"),
        ({"C": "1"}, "C must be a number above 0"),
        ({"C": np.nan}, "C must be a number above 0"),
        ({"C": 1e-320}, "C=1e-320 is too small"),
        ({"n_init": 1.5}, "n_init must be an integer"),
        ({"fairness_weight": -1}, "fairness_weight must be a number of at least 0"),
        ({"label_weight": "1"}, "label_weight must be a number"),
        ({"output": "both"}, "output must be"),
        ({"sensitive_features": "gender"}, "no column"),
        ({"sensitive_features": None}, "needs sensitive features"),
        ({"sensitive_features": ["sex", "skill", "proxy"]}, "all n_features=3 columns are sensi"),
    ],
)
def test_bad_parameters_are_refused(options, message):
    X, y, _ = biased_rows(30)
    with pytest.raises(ValueError, match=message):
        model(**options).fit(X, y)


def test_bad_data_are_refused():
    X, y, _ = biased_rows(30)
    with pytest.raises(ValueError, match=r"columns \['town'\] are not numeric"):
        model().fit(X.assign(town="x"), y)
    with pytest.raises(ValueError, match=r"Only binary classification.*multiclass"):
        model().fit(X, np.arange(30) % 3)
    with pytest.raises(ValueError, match="one class"):
        model().fit(X, np.zeros(30))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model().fit(X, y[:-1])
    with pytest.raises(ValueError, match="NaN"):
        model().fit(X.assign(skill=np.nan), y)
    with pytest.raises(ValueError, match="weights are zero"):
        model().fit(X, y, sample_weight=np.zeros(30))
    with pytest.raises(ValueError, match="Negative"):
        model().fit(X, y, sample_weight=-np.ones(30))


def test_unlike_scales_and_an_end_by_max_iter_warn():
    X, y, _ = biased_rows()
    with pytest.warns(UserWarning, match=r"columns \['skill'\] have .*put a StandardScaler before"):
        model(max_iter=5).fit(X.assign(skill=X["skill"] * 1e4), y)
    with pytest.warns(ConvergenceWarning, match="stopped at max_iter=1,"):
        fitted = model(max_iter=1).fit(X, y)
    assert fitted.n_iter_ == 1
    rare = X.assign(rare=(np.arange(len(X)) == 0) * 0.01)  # of two values
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "columns .* have standard deviations")
        model(max_iter=5).fit(rare, y)
