from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import norm
from sklearn.calibration import calibration_curve
from sklearn.exceptions import UndefinedMetricWarning

from skfair.groups import MISSING
from skfair.metrics._calibration import calibration_by_group, calibration_gap

REPRODUCIBLE = settings(max_examples=25)
LARGE = ["calibration_in_the_large_low", "calibration_in_the_large_high"]
ERROR = ["calibration_error_low", "calibration_error_high"]
QUIET = pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")


def many_groups(truth, probability, *, n_groups, n, seed):
    """Labels, probabilities and names of many groups of n rows drawn from one model."""
    rng = np.random.default_rng(seed)
    p = probability(rng.random((n_groups, n)))
    y = rng.random(p.shape) < truth(p)
    groups = np.repeat(np.arange(n_groups), n).astype(str)
    return y.ravel(), p.ravel(), groups


def plain_ece(y, p, n_bins=10):
    share = np.histogram(p, np.linspace(0, 1, n_bins + 1))[0]
    label, mean = calibration_curve(y, p, n_bins=n_bins)
    return (share[share > 0] / len(p) * np.abs(label - mean)).sum()


def covered(table, columns, truth):
    return ((table[columns[0]] <= truth) & (truth <= table[columns[1]])).mean()


def test_table_by_hand():
    table = calibration_by_group(
        [0, 1, 1, 0, 1, 1],
        [0.25, 0.25, 0.5, 0.75, 0.75, 1.0],
        sensitive_features={"g": ["a"] * 6},
        n_bins=2,
        strategy="uniform",
    )
    row = table.loc["a"]
    assert table.index.name == "g"
    assert row["n"] == 6
    assert row["mean_label"] == pytest.approx(4 / 6)
    assert row["mean_probability"] == pytest.approx(3.5 / 6)
    assert row["calibration_in_the_large"] == pytest.approx(0.5 / 6)
    # residuals of the bins: -1/4, 3/4 and 1/2, -3/4, 1/4, 0
    pairs = np.array([-3 / 16, (0 - (1 / 4 + 9 / 16 + 1 / 16)) / 12])
    square = 2 / 6 * pairs[0] + 4 / 6 * pairs[1]
    assert square < 0
    assert row["calibration_error"] == pytest.approx(-((-square) ** 0.5))
    noise = [1 / 16, 0] - pairs
    share = np.array([2, 4]) / 6
    variance = (share**2 * 2 * noise**2).sum() + (share * (pairs - square) ** 2).sum() / 6
    margin = norm.ppf(0.975) * variance**0.5
    ends = [square - margin, square + margin]
    assert_allclose(row[ERROR], np.sign(ends) * np.abs(ends) ** 0.5)


def test_the_interval_in_the_large_is_wilsons_where_probabilities_are_equal():
    y = np.arange(50) < 3
    row = calibration_by_group(y, np.full(50, 0.25), sensitive_features=["a"] * 50).loc["a"]
    z, q, n = norm.ppf(0.975), 0.06, 50
    middle = (q + z**2 / 2 / n) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * (q * (1 - q) / n + (z / 2 / n) ** 2) ** 0.5
    wald = z * (q * (1 - q) / (n - 1)) ** 0.5
    assert row[LARGE[1]] == pytest.approx(middle + half - 0.25)
    assert row[LARGE[0]] == pytest.approx(max(min(middle - half, q - wald), 0) - 0.25)
    none = calibration_by_group(np.zeros(30), np.full(30, 0.05), sensitive_features=["a"] * 30)
    assert none.loc["a", LARGE[0]] == pytest.approx(-0.05)
    assert none.loc["a", LARGE[1]] == pytest.approx(z**2 / (30 + z**2) - 0.05)


def test_labels_that_are_all_alike_are_no_certainty():
    y, p = np.zeros(60), np.full(60, 0.05)
    row = calibration_by_group(y, p, sensitive_features=["a"] * 60, n_bins=3).loc["a"]
    assert row["calibration_error"] == pytest.approx(0.05)  # ties: all rows in one bin
    noise = 0.05 * 0.95 / 60
    margin = norm.ppf(0.975) * (2 * noise**2 + 4 * 0.05**2 * noise) ** 0.5
    assert_allclose(row[ERROR], [-((margin - 0.05**2) ** 0.5), (0.05**2 + margin) ** 0.5])


@pytest.mark.slow
def test_the_error_of_a_perfect_model_is_0_on_average_where_plain_ece_is_not():
    y, p, groups = many_groups(lambda p: p, lambda u: u, n_groups=1500, n=200, seed=0)
    plain = np.mean([plain_ece(*rows) for rows in zip(y.reshape(-1, 200), p.reshape(-1, 200))])  # noqa: B905
    assert 0.06 < plain < 0.08
    for strategy in ("quantile", "uniform"):
        table = calibration_by_group(y, p, sensitive_features=groups, strategy=strategy)
        error = table["calibration_error"]
        assert abs(error.mean()) < 0.015
        square = np.sign(error) * error**2
        assert abs(square.mean()) < 4 * square.std() / 1500**0.5
        assert square.std() < 0.005
        assert (error.clip(lower=0)).mean() < 0.03
        assert covered(table, ERROR, 0) >= 0.94


@pytest.mark.slow
@pytest.mark.parametrize("n", [200, 1000])
@pytest.mark.parametrize(
    ("truth", "error"),
    [
        # labels follow a flatter line: the mean square of (0.5 - p)(1 - 0.7) over ten bins
        (lambda p: 0.5 + 0.7 * (p - 0.5), 0.3 * (0.99 / 12) ** 0.5),
        (lambda p: 0.8 * p, 0.2 * (1 / 3 - 1 / 1200) ** 0.5),
    ],
)
def test_the_error_of_a_biased_model_is_near_the_truth_and_its_interval_covers(truth, error, n):
    y, p, groups = many_groups(truth, lambda u: u, n_groups=800, n=n, seed=1)
    table = calibration_by_group(y, p, sensitive_features=groups)
    found = table["calibration_error"]
    square = (np.sign(found) * found**2).mean()
    assert square == pytest.approx(error**2, rel=0.08)
    assert 0.92 <= covered(table, ERROR, error) <= 0.98


def test_weights_undo_a_biased_sample():
    rng = np.random.default_rng(2)
    p = rng.random((400, 2000))
    y = rng.random(p.shape) < 0.8 * p
    share = np.where(y, 0.3, 0.1)
    kept = rng.random(p.shape) < share
    groups = np.broadcast_to(np.arange(400).astype(str)[:, None], p.shape)[kept]
    options = {"sensitive_features": groups, "sample_weight": 1 / share[kept]}
    table = calibration_by_group(y[kept], p[kept], **options)
    error = table["calibration_error"]
    assert table["calibration_in_the_large"].mean() == pytest.approx(-0.1, abs=0.005)
    assert (error**2).mean() == pytest.approx(0.04 / 3, rel=0.1)
    assert 0.92 <= covered(table, LARGE, -0.1) <= 0.98


@pytest.mark.parametrize(
    ("probability", "truth", "mean", "low"),
    [
        (lambda u: u, lambda p: p, 0.0, 0.93),
        (lambda u: u, lambda p: p**2, 1 / 3 - 1 / 2, 0.93),
        (lambda u: 0.02 + 0 * u, lambda p: p, 0.0, 0.93),  # rare: 45 % have no positive
        (lambda u: np.where(u > 0.5, 0.98, 0.02), lambda p: np.clip(p, 0.2, 0.8), 0.0, 0.93),
    ],
)
@pytest.mark.parametrize("n", [40, 200])
def test_the_interval_in_the_large_covers(probability, truth, mean, low, n):
    y, p, groups = many_groups(truth, probability, n_groups=1000, n=n, seed=3)
    table = calibration_by_group(y, p, sensitive_features=groups)
    assert covered(table, LARGE, mean) >= low
    assert np.mean(table[LARGE[1]] - table[LARGE[0]]) < 4.6 * 0.5 / n**0.5


@QUIET
@REPRODUCIBLE
@given(
    rows=st.lists(
        st.tuples(st.booleans(), st.integers(0, 8), st.sampled_from("ab"), st.integers(1, 4)),
        min_size=1,
        max_size=25,
    ),
    random=st.randoms(use_true_random=False),
    strategy=st.sampled_from(["quantile", "uniform"]),
)
def test_the_table_ignores_order_and_scale_of_weights_and_stays_in_range(rows, random, strategy):
    def table_of(rows, scale=1.0):
        true, eighths, group, weight = zip(*rows, strict=True)
        return calibration_by_group(
            true,
            np.array(eighths) / 8,
            sensitive_features=group,
            sample_weight=scale * np.array(weight),
            n_bins=3,
            strategy=strategy,
        )

    table = table_of(rows)
    assert_allclose(table_of(random.sample(rows, len(rows))), table, atol=1e-7)
    assert_allclose(table_of(rows, 1e3), table, atol=1e-7)
    value = table["calibration_in_the_large"]
    assert (table[LARGE[0]] <= value + 1e-12).all()
    assert (value <= table[LARGE[1]] + 1e-12).all()
    assert (table[LARGE].abs() <= 1 + 1e-12).all(axis=None)
    error = table.dropna()["calibration_error"]
    assert (table.dropna()[ERROR[0]] <= error + 1e-7).all()
    assert (error <= table.dropna()[ERROR[1]] + 1e-7).all()


@QUIET
@REPRODUCIBLE
@given(
    st.lists(
        st.tuples(st.booleans(), st.integers(0, 8), st.sampled_from("ab"), st.integers(1, 4)),
        min_size=2,
        max_size=25,
    )
)
def test_the_gap_takes_weights_as_repeated_rows_and_is_the_tables(rows):
    def gap(rows, weighted):
        true, eighths, group, weight = zip(*rows, strict=True)
        return calibration_gap(
            true,
            np.array(eighths) / 8,
            sensitive_features=group,
            sample_weight=weight if weighted else None,
        )

    repeated = [row for row in rows for _ in range(row[3])]
    assert gap(repeated, False) == pytest.approx(gap(rows, True), abs=1e-12, nan_ok=True)
    true, eighths, group, _ = zip(*rows, strict=True)
    table = calibration_by_group(true, np.array(eighths) / 8, sensitive_features=group)
    value = table["calibration_in_the_large"]
    if len(value) == 2:
        assert gap(rows, False) == pytest.approx(abs(value["a"] - value["b"]), abs=1e-12)


def test_quantile_bins_hold_the_same_number_of_rows_of_each_group():
    rng = np.random.default_rng(4)
    p = np.r_[rng.random(1000) ** 4, rng.random(100)]
    y = rng.random(1100) < p
    groups = ["a"] * 1000 + ["b"] * 100
    table = calibration_by_group(y, p, sensitive_features=groups, n_bins=5)
    for g, rows in (("a", slice(1000)), ("b", slice(1000, None))):
        order = np.argsort(p[rows])
        residuals = (y[rows] - p[rows])[order].reshape(5, -1)
        n = residuals.shape[1]
        pairs = residuals.sum(axis=1) ** 2 - (residuals**2).sum(axis=1)
        square = np.mean(pairs / (n * (n - 1)))
        assert table.loc[g, "calibration_error"] == pytest.approx(
            np.sign(square) * abs(square) ** 0.5
        )


def test_bins_of_a_single_row_are_left_out():
    options = {"n_bins": 2, "strategy": "uniform"}
    y, p = [0, 1, 1], [0.125, 0.25, 0.875]
    table = calibration_by_group(y, p, sensitive_features=["a"] * 3, **options)
    alone = calibration_by_group(y[:2], p[:2], sensitive_features=["a"] * 2, **options)
    assert_allclose(
        table[["calibration_error", *ERROR]], alone[["calibration_error", *ERROR]], rtol=1e-12
    )
    assert table["calibration_error"].item() == pytest.approx(-((0.125 * 0.75) ** 0.5))


def test_undefined_groups_are_named():
    y, p, groups = [0, 1, 1, 1], [0.5, 0.5, 0.5, 0.25], ["a", "a", "b", None]
    with pytest.warns(UndefinedMetricWarning, match="group 'b'.*group '<missing>'") as caught:
        table = calibration_by_group(y, p, sensitive_features=groups, sample_weight=[1, 1, 0, 1])
    assert table.loc["b"].drop("n").isna().all()
    assert table.loc[MISSING, ["calibration_error", *ERROR]].isna().all()
    assert table.loc[MISSING, ["calibration_in_the_large", *LARGE]].notna().all()
    with pytest.warns(UndefinedMetricWarning, match="calibration_in_the_large of group 'b'") as gap:
        value = calibration_gap(y, p, sensitive_features=groups, sample_weight=[1, 1, 0, 1])
    assert value == 0.75
    assert [warning.filename for warning in (*caught, *gap)] == [__file__] * 2
    with pytest.warns(UndefinedMetricWarning, match=r"fewer than 2 rows are left out: \['b', '<m"):
        assert np.isnan(calibration_gap(y, p, sensitive_features=groups, min_group_size=2))
    with pytest.raises(ValueError, match="has 1 missing"):
        calibration_gap(y, p, sensitive_features=groups, missing="raise")


@pytest.mark.parametrize("kind", [list, pd.Series, pl.Series, pa.array])
def test_other_frames_and_string_labels(kind):
    options = {
        "sensitive_features": kind(["f", "f", "m", "m"]),
        "sample_weight": kind([1.0, 3.0, 1.0, 1.0]),
        "pos_label": "yes",
    }
    y, p = kind(["no", "yes", "yes", "no"]), kind([0.25, 0.75, 0.25, 0.25])
    table = calibration_by_group(y, p, n_bins=1, **options)
    assert table["mean_label"].to_dict() == {"f": 0.75, "m": 0.5}
    assert table["mean_probability"].to_dict() == {"f": 0.625, "m": 0.25}
    assert calibration_gap(y, p, **options) == 0.125


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"y_prob": [0.1, np.nan]}, "Input y_prob contains NaN"),
        ({"y_prob": [0.1, 1.1]}, r"y_prob has values outside \[0, 1\]"),
        ({"y_prob": [-0.1, 0.1]}, r"y_prob has values outside \[0, 1\]"),
        ({"y_prob": [[0.1, 0.9], [0.5, 0.5]]}, "y_prob should be a 1d array"),
        ({"y_true": ["no", "yes"]}, "pos_label is not specified"),
        ({"y_true": [0, 1, 1]}, "inconsistent numbers of samples"),
        ({"sensitive_features": ["a"]}, "inconsistent numbers of samples"),
    ],
)
@pytest.mark.parametrize("function", [calibration_by_group, calibration_gap])
def test_bad_input_is_refused(function, changed, message):
    good = {"y_true": [0, 1], "y_prob": [0.1, 0.9], "sensitive_features": ["a", "a"]}
    with pytest.raises(ValueError, match=message):
        function(**{**good, **changed})


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"n_bins": 0}, "n_bins must be an integer of at least 1"),
        ({"n_bins": 2.5}, "n_bins must be an integer"),
        ({"strategy": "kmeans"}, "strategy must be"),
        ({"confidence_level": 0.0}, "confidence_level must be"),
    ],
)
def test_bad_options_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        calibration_by_group([0, 1], [0.1, 0.9], sensitive_features=["a", "a"], **option)


@pytest.mark.parametrize("strategy", ["quantile", "uniform"])
def test_rows_without_weight_change_nothing(strategy):
    rng = np.random.default_rng(3)
    p = rng.random(60)
    y, group = rng.random(60) < p, np.repeat(["a", "b"], 30)
    options = {"n_bins": 4, "strategy": strategy}
    expected = calibration_by_group(
        y, p, sensitive_features=group, sample_weight=np.ones(60), **options
    )
    extra = rng.random(40) ** 3
    table = calibration_by_group(
        np.r_[y, np.zeros(40)],
        np.r_[p, extra],
        sensitive_features=np.r_[group, ["a"] * 40],
        sample_weight=np.r_[np.ones(60), np.zeros(40)],
        **options,
    )
    pd.testing.assert_frame_equal(table, expected)


def test_a_group_without_weight_has_no_bins_and_no_error():
    with pytest.warns(UndefinedMetricWarning, match="'b'"):
        table = calibration_by_group(
            [0, 1, 0, 1],
            [0.2, 0.8, 0.3, 0.6],
            sensitive_features=list("aabb"),
            n_bins=1,
            sample_weight=[1, 1, 0, 0],
        )
    assert table["calibration_error"].notna().tolist() == [True, False]
