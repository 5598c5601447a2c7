from __future__ import annotations

import warnings
from itertools import combinations, product

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import fisher_exact, ttest_ind
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import UndefinedMetricWarning

from skfair.criteria import group_intervals, pair_intervals
from skfair.datasets import load_adult
from skfair.detection import WeakSlices, find_weak_slices
from skfair.tally import Tally

ESTIMATES = ["share", "score", "mean_error", "rest_error", "difference"]


def brute_force(table, errors, weights, *, min_size, alpha, k, max_predicates=3):
    """All slices of the table, scored, each set of rows once; and the number of all slices."""
    n_rows, n_columns = table.shape
    total, mean = weights.sum(), (weights * errors).sum() / weights.sum()
    found, n_all = {}, 0
    for size in range(1, max_predicates + 1):
        for columns in combinations(range(n_columns), size):
            for codes in product(*(np.unique(table[:, c]) for c in columns)):
                inside = (table[:, columns] == codes).all(axis=1)
                n = int(inside.sum())
                if n < min_size or n == n_rows:
                    continue
                n_all += 1
                weight = weights[inside].sum()
                error = (weights * errors)[inside].sum() / weight
                score = alpha * (error / mean - 1) - (1 - alpha) * (total / weight - 1)
                if round(score, 10) > 0:
                    rank = (-round(score, 10), -n, size, columns, tuple(map(int, codes)))
                    key = inside.tobytes()
                    found[key] = min(rank, found.get(key, rank))
    best = sorted(found.values())[:k]
    return [list(zip(rank[3], rank[4], strict=True)) for rank in best], n_all


def as_frame(table):
    """The same table with columns a, b, ... of strings, whose order is that of the codes."""
    names = [chr(ord("a") + j) for j in range(table.shape[1])]
    return pd.DataFrame({name: table[:, j].astype(str) for j, name in enumerate(names)})


def predicates_of(found):
    return [
        [(ord(column) - ord("a"), int(label)) for column, label in pairs]
        for pairs in found.slices["predicates"]
    ]


@st.composite
def tables(draw):
    n_columns, n = draw(st.integers(1, 5)), draw(st.integers(4, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = rng.integers(1, 5, n_columns)
    table = np.stack([rng.integers(0, size, n) for size in sizes], axis=1)
    if n_columns > 2 and draw(st.booleans()):
        table[:, -1] = table[:, 0]  # the same rows under two names
    kind = draw(st.sampled_from(["binary", "count", "real"]))
    draws = {
        "binary": lambda: rng.integers(0, 2, n),
        "count": lambda: rng.poisson(1.0, n),
        "real": lambda: rng.exponential(size=n) ** 2,
    }
    errors = draws[kind]().astype(float)
    if not errors.any():
        errors[0] = 1.0
    weights = rng.integers(1, 4, n).astype(float) if draw(st.booleans()) else None
    return table, errors, weights


@settings(max_examples=100)
@given(
    tables(),
    st.sampled_from([0.6, 0.8, 0.98, 1.0]),
    st.integers(1, 12),
    st.integers(2, 6),
    st.integers(1, 3),
)
def test_the_search_is_as_good_as_trying_all(case, alpha, k, min_size, max_predicates):
    table, errors, weights = case
    ones = np.ones(len(errors)) if weights is None else weights
    options = {"alpha": alpha, "k": k, "min_size": min_size, "max_predicates": max_predicates}
    wanted, _ = brute_force(table, errors, ones, **options)
    with warnings.catch_warnings():  # a rest of one row can't be tested
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        found = find_weak_slices(as_frame(table), errors=errors, sample_weight=weights, **options)
    assert predicates_of(found) == wanted
    for i, pairs in enumerate(wanted):
        inside = np.all([table[:, column] == code for column, code in pairs], axis=0)
        assert_array_equal(found.mask(i), inside)


@pytest.mark.parametrize("seed", range(40))
def test_the_search_is_as_good_as_trying_all_where_it_passes_over_much(seed):
    rng = np.random.default_rng(seed)
    n, n_columns = 300, 6
    table = np.minimum(rng.geometric(0.5, (n, n_columns)) - 1, 2)
    weak = (table[:, [1, 3, 4]] == [0, 1, 0]).all(axis=1)
    errors = (rng.random(n) < np.where(weak, 0.7, 0.2)).astype(float)
    if seed % 2:
        errors *= rng.exponential(size=n)
    weights = rng.integers(1, 5, n) / 4 if seed % 4 > 1 else None
    options = {"min_size": 4, "alpha": [0.7, 0.9, 0.98, 1.0][seed % 4], "k": 1 + seed % 5}
    ones = np.ones(n) if weights is None else weights
    wanted, _ = brute_force(table, errors, ones, **options)
    found = find_weak_slices(as_frame(table), errors=errors, sample_weight=weights, **options)
    assert predicates_of(found) == wanted


def test_a_larger_slice_wins_a_tie_with_a_simpler_one_found_before():
    table = np.tile(list(product((0, 1), repeat=5)), (10, 1))
    X = as_frame(table).assign(rare="no")
    X.loc[np.flatnonzero((table[:, :3] == 0).all(axis=1))[:20], "rare"] = "yes"
    errors = (table[:, :3] == 1).all(axis=1) | (X["rare"] == "yes")
    for k in (1, 5):
        found = find_weak_slices(X, errors=errors, k=k, alpha=1.0, min_size=10)
        assert found.slices["slice"][0] == "a = '1' and b = '1' and c = '1'"
        assert found.slices["n"][0] == 40
    assert found.slices["slice"][1] == "rare = 'yes'"


def test_the_number_of_tests_of_a_full_factorial_is_exact():
    table = np.tile(list(product((0, 1), repeat=3)), (10, 1))
    errors = np.arange(80) % 7
    plain = find_weak_slices(as_frame(table), errors=errors, min_size=10)
    assert plain.n_tested == 6 + 12 + 8
    counts = [
        find_weak_slices(as_frame(table), errors=errors, min_size=m, max_predicates=p).n_tested
        for m, p in ((10, 1), (10, 2), (11, 3), (21, 3))
    ]
    assert counts == [6, 18, 22, 6]  # a pair of 20 rows has room for one of 11, as it seems
    # a column that says the same adds its own values, and no combination
    twin = find_weak_slices(as_frame(table[:, [0, 1, 2, 0]]), errors=errors, min_size=10)
    assert twin.n_tested == plain.n_tested + 2


@pytest.mark.parametrize("spread", [0.5, 1.0])
def test_weights_count_by_effective_rows_in_the_exact_test(spread):
    rng = np.random.default_rng(0)
    group = np.repeat(["a", "b"], [150, 250])
    errors = (rng.random(400) < np.where(group == "a", 0.4, 0.1)).astype(int)
    weights = rng.lognormal(0, spread, 400)
    row = find_weak_slices(
        pd.DataFrame({"g": group}), errors=errors, sample_weight=weights
    ).slices.iloc[0]
    tally = Tally.from_arrays([0] * 400, errors, group, sample_weight=weights)
    rates = group_intervals(tally, "selection_rate")
    n = np.floor(rates.effective_size).astype(int)
    assert (n < [150, 250]).all()
    high = int(np.floor(rates.rate[0] * n[0])), int(np.ceil(rates.rate[1] * n[1]))
    table = [[high[0], n[0] - high[0]], [high[1], n[1] - high[1]]]
    assert_allclose(row["pvalue"], fisher_exact(table, alternative="greater").pvalue, rtol=1e-9)


@settings(max_examples=25)
@given(tables(), st.integers(2, 6))
def test_the_number_of_tests_covers_all_distinct_slices(case, min_size):
    table, errors, _ = case
    sets = set()
    for size in (1, 2, 3):
        for columns in combinations(range(table.shape[1]), size):
            for codes in product(*(np.unique(table[:, c]) for c in columns)):
                inside = (table[:, columns] == codes).all(axis=1)
                if min_size <= inside.sum() < len(inside):
                    sets.add(inside.tobytes())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndefinedMetricWarning)
        counts = [
            find_weak_slices(as_frame(table), errors=e, min_size=min_size, k=k).n_tested
            for e, k in ((errors, 1), (errors, 9), (errors[::-1] + 1, 9))
        ]
    assert counts[0] >= len(sets)
    assert len(set(counts)) == 1  # neither errors nor k matter


def test_a_small_table_by_hand():
    # 4 x 2 cells of 10 rows; all of (a, x) and half of (b, x) are wrong: 15 of 80
    X = pd.DataFrame({"one": np.repeat(list("abcd"), 20), "two": list("x" * 10 + "y" * 10) * 4})
    errors = np.zeros(80)
    errors[:10] = 1
    errors[20:25] = 1
    found = find_weak_slices(X, errors=errors, min_size=10, alpha=0.9)
    assert found.slices["slice"].tolist()[0] == "one = 'a' and two = 'x'"
    best = found.slices.iloc[0]
    assert best["predicates"] == [("one", "a"), ("two", "x")]
    assert (best["n"], best["weight"], best["share"]) == (10, 10.0, 0.125)
    assert_allclose(best["score"], 0.9 * (80 / 15 - 1) - 0.1 * 7)
    assert_allclose(best[["mean_error", "rest_error", "difference"]].tolist(), [1, 5 / 70, 65 / 70])
    # 4 + 2 values, 8 pairs
    assert found.n_tested == 14
    p = fisher_exact([[10, 0], [5, 65]], alternative="greater").pvalue
    assert_allclose([best["pvalue"], best["adjusted_pvalue"]], [p, 14 * p], rtol=1e-9)
    assert found.mean_error == 15 / 80
    # the others that score above 0: x (15 of 40), a (10 of 20), (b, x) (5 of 10), b (5 of 20)
    scores = {
        "two = 'x'": 0.9 * 1 - 0.1 * 1,
        "one = 'a'": 0.9 * (0.5 * 80 / 15 - 1) - 0.1 * 3,
        "one = 'b' and two = 'x'": 0.9 * (0.5 * 80 / 15 - 1) - 0.1 * 7,
    }
    rest = found.slices.iloc[1:].set_index("slice")["score"]
    assert list(rest.index) == sorted(scores, key=scores.get, reverse=True)
    assert_allclose(rest, sorted(scores.values(), reverse=True))


def test_newcombes_interval_for_errors_of_two_values():
    X = pd.DataFrame({"g": ["a"] * 40 + ["b"] * 60})
    errors = np.array([1] * 20 + [0] * 20 + [1] * 6 + [0] * 54)
    tally = Tally.from_arrays([0] * 100, errors, X["g"])
    wanted = pair_intervals(tally, "selection_rate", confidence_level=0.9)
    for scale, offset in ((1, 0), (4, 1)):
        found = find_weak_slices(X, errors=offset + scale * errors, confidence_level=0.9)
        row = found.slices.iloc[0]
        assert_allclose(row["low"], scale * wanted.low.item())
        assert_allclose(row["high"], scale * wanted.high.item())
        assert_allclose(row["mean_error"], offset + scale * 0.5)


def test_welchs_test_and_interval_for_other_errors():
    rng = np.random.default_rng(3)
    errors = rng.exponential(size=100) + np.repeat([1.0, 0.0], [40, 60])
    found = find_weak_slices(pd.DataFrame({"g": ["a"] * 40 + ["b"] * 60}), errors=errors)
    row = found.slices.iloc[0]
    first, second = errors[:40], errors[40:]
    test = ttest_ind(first, second, equal_var=False, alternative="greater")
    assert_allclose(row["pvalue"], test.pvalue)
    assert found.n_tested == 2
    assert_allclose(row["adjusted_pvalue"], 2 * test.pvalue)
    both = ttest_ind(first, second, equal_var=False).confidence_interval(0.95)
    assert_allclose([row["low"], row["high"]], [both.low, both.high])


def test_significance_follows_the_level():
    X = pd.DataFrame({"g": ["a"] * 40 + ["b"] * 60})
    errors = np.array([1] * 12 + [0] * 28 + [1] * 6 + [0] * 54)
    p = 2 * fisher_exact([[12, 28], [6, 54]], alternative="greater").pvalue
    for level, expected in ((1 - p * 1.01, True), (1 - p * 0.99, False)):
        found = find_weak_slices(X, errors=errors, confidence_level=level)
        assert found.slices["is_significant"].tolist() == [expected]


def many_rows(seed=0, n=600):
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n),
            "age": rng.integers(18, 80, n),
            "job": rng.choice(["x", "y", "z", None], n),
        }
    )
    weak = ((X["sex"] == "f") & (X["job"] == "x")).to_numpy()
    return X, np.where(weak, rng.random(n) < 0.6, rng.random(n) < 0.1).astype(float)


def test_integer_weights_are_repeated_rows_in_the_estimates():
    X, errors = many_rows()
    X["age"] = X["age"] // 20
    weights = np.random.default_rng(1).integers(1, 4, len(X))
    repeated = np.repeat(np.arange(len(X)), weights)
    options = {"min_size": 20, "alpha": 0.9}
    weighted = find_weak_slices(X, errors=errors, sample_weight=weights, **options).slices
    again = find_weak_slices(X.iloc[repeated], errors=errors[repeated], **options).slices
    assert len(weighted) > 3
    again = again.set_index("slice").loc[weighted["slice"]].reset_index()
    assert_allclose(weighted[ESTIMATES].astype(float), again[ESTIMATES].astype(float))
    assert_allclose(weighted["weight"], again["n"])
    assert (weighted["n"] < again["n"]).all()
    assert (weighted["high"] - weighted["low"] > again["high"] - again["low"]).all()
    assert (weighted["pvalue"] > again["pvalue"]).all()


@pytest.mark.parametrize("real", [False, True])
def test_equal_weights_change_nothing_but_the_weight(real):
    X, errors = many_rows()
    errors = errors * (1 + np.random.default_rng(0).random(len(X))) if real else errors
    plain = find_weak_slices(X, errors=errors)
    found = find_weak_slices(X, errors=errors, sample_weight=np.full(len(X), 2.5))
    assert found.n_tested == plain.n_tested
    assert_allclose(found.slices["weight"], 2.5 * plain.slices["weight"])
    pd.testing.assert_frame_equal(
        found.slices.drop(columns="weight"), plain.slices.drop(columns="weight")
    )


def test_rows_without_weight_are_left_out_but_belong_to_the_mask():
    X, errors = many_rows()
    weights = (np.arange(len(X)) % 3).astype(float)
    kept = weights > 0
    found = find_weak_slices(X, errors=errors, sample_weight=weights, columns=["sex", "job"])
    subset = find_weak_slices(
        X[kept], errors=errors[kept], columns=["sex", "job"], sample_weight=weights[kept]
    )
    pd.testing.assert_frame_equal(found.slices, subset.slices)
    assert found.n_rows == kept.sum()
    assert_array_equal(found.mask(0), (X["sex"] == "f") & (X["job"] == "x"))


def test_a_missing_value_is_a_value():
    X = pd.DataFrame({"job": ["x"] * 60 + [None] * 40, "n": [1.0] * 50 + [np.nan] * 50})
    found = find_weak_slices(X, errors=[0] * 60 + [1] * 40)
    assert found.slices["slice"][0] == "job is missing"
    assert found.slices["predicates"][0] == [("job", "<missing>")]
    assert "n is missing" in found.slices["slice"].tolist()
    assert_array_equal(found.mask(0, pd.DataFrame({"job": ["x", None]})), [False, True])


def test_bins_are_named_by_their_ends_and_hold_on_other_rows():
    age = np.append(np.tile(np.arange(20.0, 60.0), 10), np.nan)
    X = pd.DataFrame({"age": age})
    found = find_weak_slices(X, errors=(age > 29) & (age <= 39), n_bins=4)
    assert found.slices["slice"].tolist() == ["29<age<=39"]
    new = pd.DataFrame({"other": [1] * 5, "age": [29.0, 29.01, 39.0, 39.01, np.nan]})
    assert_array_equal(found.mask(0, new), [False, True, True, False, False])
    ends = {}
    for name, wrong in (("age<=29", age <= 29), ("age>49", age > 49)):
        found = find_weak_slices(X, errors=wrong, n_bins=4)
        assert found.slices["slice"][0] == name
        ends[name] = found.mask(0, pd.DataFrame({"age": [-9.0, 29, 30, 49, 50, 999]}))
    assert_array_equal(ends["age<=29"], [True, True, False, False, False, False])
    assert_array_equal(ends["age>49"], [False, False, False, False, True, True])


@pytest.mark.parametrize("convert", [pl.from_pandas, lambda X: X.to_numpy(object), lambda X: X])
def test_every_kind_of_table_gives_the_same_slices(convert):
    X, errors = many_rows()
    wanted = find_weak_slices(X, errors=errors, min_size=20)
    table = convert(X.set_index(np.arange(len(X))[::-1] * 7) if convert(X) is X else X)
    found = find_weak_slices(table, errors=pl.Series(errors), min_size=20)
    assert_allclose(found.slices["score"], wanted.slices["score"])
    for i in range(len(wanted)):
        assert_array_equal(found.mask(i), wanted.mask(i))
        assert_array_equal(found.mask(i, table), wanted.mask(i))


def test_positions_and_numbers_without_names():
    X = [[0, 1.5]] * 40 + [[1, 2.5]] * 40
    found = find_weak_slices(X, errors=[0] * 40 + [1] * 40, columns=[1])
    assert found.slices["slice"].tolist() == ["x1 = 2.5"]
    assert_array_equal(found.mask(0, [[0, 2.5], [1, 1.5]]), [True, False])


def test_the_same_rows_are_reported_once_in_their_simplest_form():
    grade = np.repeat(["bachelor", "master", "none"], 100)
    X = pd.DataFrame(
        {
            "degree": np.where(grade == "none", "no", "yes"),  # a parent of every grade
            "education": grade,
            "education-num": np.repeat([13, 14, 9], 100),  # the same under another name
            "sex": ["f", "m"] * 150,
        }
    )
    errors = (grade == "master").astype(float)
    slices = find_weak_slices(X, errors=errors, k=50).slices
    texts = slices["slice"].tolist()
    assert texts[0] == "education = 'master'"
    assert not any("education-num" in text for text in texts)
    assert not any("degree" in text and "education" in text for text in texts)
    assert "education = 'master' and sex = 'f'" in texts


def test_a_triple_with_the_rows_of_a_pair_is_no_slice_of_its_own():
    # every row of (a, b) has c = 1, though neither a nor b implies it
    cells = [(1, 1, 1), (1, 0, 0), (1, 0, 1), (0, 1, 0), (0, 1, 1), (0, 0, 0)]
    X = pd.DataFrame(np.repeat(cells, 40, axis=0), columns=list("abc"))
    errors = (X["a"] == 1) & (X["b"] == 1)
    texts = find_weak_slices(X, errors=errors, k=100).slices["slice"].tolist()
    assert texts[0] == "a = 1 and b = 1"
    assert "a = 1 and b = 1 and c = 1" not in texts


def test_constant_columns_and_tables_of_them_hold_no_slice():
    errors = [0, 1] * 50
    X = pd.DataFrame({"const": ["k"] * 100, "sex": ["f", "m"] * 50})
    found = find_weak_slices(X, errors=errors)
    assert found.slices["slice"].tolist() == ["sex = 'm'"]
    assert found.n_tested == 2
    none = find_weak_slices(X[["const"]], errors=errors)
    assert (len(none), none.n_tested) == (0, 0)
    assert none.slices.columns.equals(found.slices.columns)


def test_a_table_of_refused_columns_holds_no_slice():
    X = pd.DataFrame({"id": [f"row {i}" for i in range(100)]})
    with pytest.warns(UserWarning, match="columns left out: 'id'") as record:
        found = find_weak_slices(X, errors=[0, 1] * 50)
    assert len(found) == 0
    assert record[0].filename == __file__


def test_no_error_at_all_is_a_warning():
    with pytest.warns(UndefinedMetricWarning, match="every error is 0") as record:
        found = find_weak_slices(pd.DataFrame({"sex": ["f", "m"] * 50}), errors=[0] * 100)
    assert (len(found), found.mean_error, found.n_tested) == (0, 0.0, 0)
    assert record[0].filename == __file__


@pytest.mark.parametrize("alpha", [0.6, 0.98, 1.0])
def test_equal_errors_hold_no_slice(alpha):
    X, errors = many_rows()
    found = find_weak_slices(X, errors=np.full(len(errors), 0.1), alpha=alpha)
    assert len(found) == 0
    assert found.n_tested > 10
    assert "0 weak slices" in repr(found)


def test_too_few_rows_in_the_rest_is_a_warning():
    X = pd.DataFrame({"g": ["a"] * 3 + ["b"]})
    with pytest.warns(UndefinedMetricWarning, match=r"too few rows: \[\"g = 'a'\"\]"):
        found = find_weak_slices(X, errors=[2.0, 1.0, 3.0, 0.5], min_size=2)
    assert found.slices["adjusted_pvalue"].isna().tolist() == [True]
    assert found.slices["is_significant"].tolist() == [False]


def test_the_default_size_is_one_percent_but_32_rows_at_least():
    for n, least in ((1000, 32), (5001, 51)):
        for size in (least - 1, least):
            X = pd.DataFrame({"g": ["a"] * size + ["b"] * (n - size)})
            found = find_weak_slices(X, errors=X["g"] == "a")
            assert len(found) == (size >= least)


def test_equal_scores_are_ordered_by_size_then_simplicity_then_columns():
    # errors of the same mean in a, b and (c, d); alpha = 1: size does not count
    X = pd.DataFrame({"b": [0] * 90 + [1] * 10, "a": [0] * 40 + [1] * 10 + [0] * 50})
    X["c"] = [1] * 20 + [0] * 80
    errors = np.zeros(100)
    errors[:20] = errors[40:50] = errors[90:] = 1
    found = find_weak_slices(X, errors=errors, alpha=1.0, min_size=10, max_predicates=1)
    assert found.slices["slice"].tolist()[:3] == ["c = 1", "b = 1", "a = 1"]


def test_the_misclassified_rows_of_a_classifier():
    X, y = load_iris(return_X_y=True, as_frame=True)
    names = np.array(["se", "ve", "vi"])[y]
    model = DummyClassifier(strategy="constant", constant="se").fit(X, names)
    by_model = find_weak_slices(X, names, estimator=model)
    by_errors = find_weak_slices(X, errors=names != "se")
    pd.testing.assert_frame_equal(by_model.slices, by_errors.slices)
    assert by_model.mean_error == pytest.approx(2 / 3)


def test_the_squared_errors_of_a_regressor():
    X, y = load_iris(return_X_y=True, as_frame=True)
    model = DummyRegressor(strategy="constant", constant=0.5).fit(X, y)
    by_model = find_weak_slices(X, y, estimator=model)
    by_errors = find_weak_slices(X, errors=(y - 0.5) ** 2)
    pd.testing.assert_frame_equal(by_model.slices, by_errors.slices)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "give either errors="),
        ({"errors": [1, 0], "estimator": DummyClassifier()}, "give either errors="),
        ({"y": [1, 0], "errors": [1, 0]}, "needs no y"),
        ({"estimator": DummyClassifier()}, "needs y"),
        ({"y": [1, 0], "estimator": KMeans()}, "KMeans is neither"),
        ({"errors": [1, -1]}, "at least 0"),
        ({"errors": [1, np.nan]}, "errors contains NaN"),
        ({"errors": [1, np.inf]}, "errors contains infinity"),
        ({"errors": [1, 0, 1]}, "inconsistent numbers of samples"),
        ({"errors": [1, 0], "sample_weight": [1, -1]}, "Negative values"),
        ({"errors": [1, 0], "sample_weight": [0, 0]}, "no row has a sample_weight"),
        ({"errors": [1, 0], "sample_weight": [1]}, "inconsistent numbers of samples"),
        ({"errors": [1, 0], "columns": ["age"]}, "no columns"),
        ({"errors": [1, 0], "n_bins": 1}, "n_bins must be"),
        ({"errors": [1, 0], "max_predicates": 4}, "max_predicates must be 1, 2 or 3"),
        ({"errors": [1, 0], "min_size": 1}, "min_size must be an integer of at least 2"),
        ({"errors": [1, 0], "min_size": 2.5}, "min_size must be an integer"),
        ({"errors": [1, 0], "k": 0}, "k must be an integer of at least 1"),
        ({"errors": [1, 0], "alpha": 0.5}, "alpha must be above 0.5"),
        ({"errors": [1, 0], "alpha": 1.1}, "alpha must be above 0.5"),
        ({"errors": [1, 0], "confidence_level": 1}, "confidence_level must be between"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        find_weak_slices(pd.DataFrame({"sex": ["f", "m"]}), **arguments)


def test_more_values_than_tables_can_hold_are_refused():
    X = pd.DataFrame({f"c{j}": [f"v{i}" for i in range(1700)] * 2 for j in range(3)})
    with pytest.raises(ValueError, match="raise min_size"):
        find_weak_slices(X, errors=np.arange(3400) % 2, min_size=2)


def test_the_result_reads_well_and_is_frozen():
    X, errors = many_rows()
    found = find_weak_slices(X, errors=errors)
    assert isinstance(found, WeakSlices)
    head, _, first, *_ = repr(found).splitlines()
    assert head.startswith(f"{len(found)} weak slices in 600 rows with mean error")
    assert "sex = 'f' and job = 'x'" in first
    with pytest.raises(AttributeError):
        found.n_tested = 1
    mask = found.mask(0)
    mask[:] = False
    assert found.mask(0).any()


def test_the_same_call_gives_the_same_answer():
    X, errors = many_rows()
    first, second = (find_weak_slices(X, errors=errors, min_size=10) for _ in range(2))
    pd.testing.assert_frame_equal(first.slices, second.slices)


def planted(seed, n_predicates, n=6000, lift=0.3):
    """A table, errors of 10 % (or ``lift`` in the planted slice), and the slice: 3 % of rows."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "sex": rng.choice(["f", "m"], n, p=[0.4, 0.6]),
            "race": rng.choice(list("abcde"), n, p=[0.5, 0.2, 0.15, 0.1, 0.05]),
            "age": rng.normal(40, 12, n).round(),
            "hours": rng.gamma(4, 10, n),
            "job": rng.choice([f"job {i}" for i in range(10)], n),
            "region": rng.choice(["n", "e", "s", "w"], n),
            "education": rng.choice(6, n),
        }
    )
    weak = (X["race"] == "b") & (X["education"] == 3)
    if n_predicates == 3:
        weak = (X["race"] == "a") & (X["education"] == 2) & (X["sex"] == "f")
    return X, (rng.random(n) < np.where(weak, lift, 0.1)).astype(float), weak.to_numpy()


def rank_of_planted(seed, n_predicates):
    X, errors, weak = planted(seed, n_predicates)
    found = find_weak_slices(X, errors=errors)
    same = [np.array_equal(found.mask(i), weak) for i in range(len(found))]
    return same.index(True) + 1 if any(same) else np.inf


@pytest.mark.parametrize("n_predicates", [2, 3])
def test_a_planted_slice_is_found(n_predicates):
    assert max(rank_of_planted(seed, n_predicates) for seed in range(3)) <= 3


@pytest.mark.slow
@pytest.mark.parametrize("n_predicates", [2, 3])
def test_a_planted_slice_is_among_the_first_three(n_predicates):
    ranks = np.array([rank_of_planted(seed, n_predicates) for seed in range(50)])
    assert (ranks <= 3).mean() >= 0.95


def share_of_false_alarms(kind, seeds):
    alarms = []
    for seed in seeds:
        X, errors, _ = planted(seed, 2, n=3000, lift=0.1)
        rng = np.random.default_rng(seed + 10_000)
        weights = rng.lognormal(0, 0.7, len(X)) if kind == "weighted" else None
        if kind == "squared":
            errors = rng.normal(size=len(X)) ** 2
        found = find_weak_slices(X, errors=errors, sample_weight=weights, k=50)
        alarms.append(found.slices["is_significant"].any())
    return np.mean(alarms)


@pytest.mark.slow
def test_few_false_alarms():
    assert share_of_false_alarms("binary", range(10)) <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["binary", "weighted", "squared"])
def test_false_alarms_keep_to_the_level(kind):
    # 5 % and two standard errors of 200 data sets
    assert share_of_false_alarms(kind, range(200)) <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)


def test_adult_beside_a_group_by():
    X, y = load_adult(return_X_y=True)
    X = X.drop(columns=["fnlwgt", "age", "hours-per-week", "capital-gain", "capital-loss"])
    errors = (y == ">50K").to_numpy().astype(float)
    found = find_weak_slices(X, errors=errors, columns=["education", "sex", "race"], min_size=500)
    sums = X.assign(e=errors).groupby(["education", "sex", "race"], observed=True)["e"]
    table = sums.agg(["size", "mean"]).query("size >= 500")
    triples = found.slices[found.slices["predicates"].map(len) == 3]
    assert len(triples) > 0
    for _, row in triples.iterrows():
        key = tuple(label for _, label in row["predicates"])
        assert_allclose([row["n"], row["mean_error"]], table.loc[key].tolist())


def test_bins_of_other_rows_end_where_their_labels_say():
    X = pd.DataFrame({"age": [18, 19, 21, 22] * 40})
    found = find_weak_slices(X, errors=X["age"] < 20, n_bins=2)
    assert found.slices["slice"].tolist() == ["age<=20"]
    others = pd.DataFrame({"age": [-5, 19.5, 20, 20.5, np.nan]})
    assert found.mask(0, others).tolist() == [True, True, True, False, False]


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_bins_are_those_of_rows_with_weight(kind):
    rng = np.random.default_rng(0)
    data = {"age": np.r_[rng.uniform(0, 100, 300), np.full(900, 5.0)], "job": ["x", "y"] * 600}
    errors = np.r_[np.r_[data["age"][:300] > 80], np.zeros(900)].astype(float)
    weights = np.r_[np.ones(300), np.zeros(900)]
    found = find_weak_slices(kind(data), errors=errors, sample_weight=weights)
    few = {name: column[:300] for name, column in data.items()}
    alone = find_weak_slices(kind(few), errors=errors[:300], sample_weight=weights[:300])
    pd.testing.assert_frame_equal(found.slices, alone.slices)
    assert_array_equal(found.mask(0)[:300], alone.mask(0))
    assert len(found.mask(0)) == 1200


def test_a_search_without_finds_has_columns_of_numbers():
    found = find_weak_slices(pd.DataFrame({"a": ["x"] * 100}), errors=[0, 1] * 50).slices
    assert len(found) == 0
    assert found.dtypes[["n", "score", "pvalue", "is_significant"]].tolist() == [
        *("int64", "float64", "float64", "bool")
    ]


def test_p_values_of_slices_are_never_0():
    X = pd.DataFrame({"a": ["x"] * 5000 + ["y"] * 5000})
    found = find_weak_slices(X, errors=X["a"] == "x").slices
    assert found["pvalue"].tolist() == [np.finfo(float).tiny]
    assert (found["adjusted_pvalue"] > 0).all()
