from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skfair.criteria import RATES, difference
from skfair.tally import ScoreTally, Tally

Z = 5.0  # below 1 in a million per comparison; seeds are fixed besides
SELECTION = RATES["selection_rate"]


def sample(n=300, seed=0):
    rng = np.random.default_rng(seed)
    group = rng.choice(["a", "b"], size=n, p=[0.6, 0.4])
    y_true = rng.integers(2, size=n)
    y_pred = (rng.random(n) < np.where(group == "a", 0.6, 0.35)).astype(int)
    weight = rng.exponential(size=n) + 2.0 * y_pred * rng.random(n)
    return y_true, y_pred, group, weight


def unweighted():
    return Tally.from_arrays(*sample()[:3])


def weighted(n=300):
    *arrays, weight = sample(n)
    return Tally.from_arrays(*arrays, sample_weight=weight)


def test_unweighted_cells_have_the_moments_of_the_multinomial():
    n_replicates = 20_000
    tally = unweighted()
    n, p = tally.n_samples, tally.count.ravel() / tally.n_samples
    drawn = tally.resample(n_replicates, random_state=0).reshape(n_replicates, -1)
    covariance = n * (np.diag(p) - np.outer(p, p))
    variance = np.diag(covariance)
    error_of_mean = np.sqrt(variance / n_replicates)
    error_of_covariance = np.sqrt((np.outer(variance, variance) + covariance**2) / n_replicates)
    assert (np.abs(drawn.mean(axis=0) - n * p) <= Z * error_of_mean).all()
    assert (np.abs(np.cov(drawn.T) - covariance) <= Z * error_of_covariance).all()


def row_bootstrap(tally, n_replicates):
    """Cells of real bootstrap samples of the rows of ``sample``."""
    y_true, y_pred, group, weight = sample()
    cell = (group == "b") * 4 + y_true * 2 + y_pred
    onehot = np.eye(8)[cell] * weight[:, None]
    times = np.random.default_rng(1).multinomial(
        len(weight), np.full(len(weight), 1 / len(weight)), size=n_replicates
    )
    assert_allclose(onehot.sum(axis=0), tally.cells().ravel(), rtol=1e-12)
    return (times @ onehot).reshape(n_replicates, 2, 4)


def test_weighted_standard_errors_agree_with_a_bootstrap_of_rows():
    # 4,000 replicates know a standard error to 1.1 %, so 6 % is about 4 errors of the comparison
    n_replicates = 4_000
    tally = weighted()
    rates = SELECTION(tally.resampled_cells(n_replicates, random_state=0))
    real = SELECTION(row_bootstrap(tally, n_replicates))
    assert_allclose(rates.std(axis=0), real.std(axis=0), rtol=0.06)
    gaps, real_gaps = rates[:, 0] - rates[:, 1], real[:, 0] - real[:, 1]
    assert_allclose(gaps.std(), real_gaps.std(), rtol=0.06)
    assert_allclose(gaps.mean(), real_gaps.mean(), atol=5 * gaps.std() * np.sqrt(2 / n_replicates))


def test_weighted_cells_have_the_first_two_moments_of_a_bootstrap_of_rows():
    n_replicates = 20_000
    tally = weighted()
    n, w, w2 = tally.n_samples, tally.weight.ravel(), tally.weight2.ravel()
    drawn = tally.resample(n_replicates, random_state=2).reshape(n_replicates, -1)
    variance = w2 - w**2 / n  # of a sum over n draws of weight x membership
    assert (np.abs(drawn.mean(axis=0) - w) <= Z * np.sqrt(variance / n_replicates)).all()
    assert_allclose(drawn.var(axis=0), variance, rtol=0.1)


def test_equal_weights_scale_the_unweighted_draws():
    *arrays, _ = sample()
    halves = Tally.from_arrays(*arrays, sample_weight=np.full(300, 0.1))
    assert_allclose(
        halves.resample(50, random_state=3),
        0.1 * unweighted().resample(50, random_state=3),
        rtol=1e-12,
    )


def test_unweighted_replicates_have_as_many_rows_as_the_data():
    drawn = unweighted().resample(200, random_state=0)
    assert_array_equal(drawn.sum(axis=(1, 2, 3)), np.full(200, 300.0))
    assert_array_equal(drawn, np.round(drawn))


@pytest.mark.parametrize("make", [unweighted, weighted])
def test_replicates_are_nonnegative_and_empty_cells_stay_empty(make):
    tally = make() + Tally.from_arrays([1], [1], ["c"], sample_weight=[0.0])
    drawn = tally.resample(500, random_state=0)
    assert drawn.shape == (500, 3, 2, 2)
    assert np.isfinite(drawn).all()
    assert drawn.min() >= 0
    assert drawn[:, tally.weight == 0].max() == 0


@pytest.mark.parametrize("make", [unweighted, weighted])
def test_a_seed_fixes_the_draws(make):
    tally = make()
    first = tally.resample(20, random_state=7)
    assert_array_equal(tally.resample(20, random_state=7), first)
    assert_array_equal(tally.resample(20, random_state=np.random.default_rng(7)), first)
    assert (tally.resample(20, random_state=8) != first).any()
    states = [np.random.RandomState(7) for _ in range(2)]
    assert_array_equal(*(tally.resample(20, random_state=state) for state in states))


def test_resampled_cells_are_the_cells_of_resample():
    labels = np.array(["no", "yes"])
    y_true, y_pred, group, weight = sample()
    tally = Tally.from_arrays(labels[y_true], labels[y_pred], group, sample_weight=weight)
    table = tally.resample(10, random_state=0)
    cells = tally.resampled_cells(10, pos_label="yes", random_state=0)
    assert_allclose(cells, table.reshape(10, 2, 4), rtol=1e-12)
    assert_allclose(
        tally.resampled_cells(10, pos_label="no", random_state=0), cells[..., ::-1], rtol=1e-12
    )


def test_an_interval_of_a_gap_narrows_with_the_root_of_the_sample():
    def spread(n):
        cells = weighted(n).resampled_cells(2_000, random_state=0)
        return difference(SELECTION(cells)).std()

    assert spread(4_000) / spread(64_000) == pytest.approx(4, rel=0.15)


def test_score_tallies_resample_their_bins():
    y_true, _, group, weight = sample()
    score = np.random.default_rng(9).random(300)
    tally = ScoreTally.from_arrays(y_true, score, group, edges=10)
    drawn = tally.resample(100, random_state=0)
    assert drawn.shape == (100, 2, 2, 10)
    assert_array_equal(drawn.sum(axis=(1, 2, 3)), np.full(100, 300.0))
    heavy = ScoreTally.from_arrays(y_true, score, group, edges=10, sample_weight=weight)
    assert_allclose(heavy.resample(4_000, random_state=0).mean(axis=0), heavy.weight, atol=1.0)


def test_an_empty_tally_is_refused():
    empty = unweighted().drop_groups(["a", "b"])
    with pytest.raises(ValueError, match="nothing to resample"):
        empty.resample(10)
