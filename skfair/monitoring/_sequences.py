"""Evidence that may be looked at after every window: scores, e-values, confidence sequences."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaln, gammaln, ndtri, xlog1py, xlogy

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

_SCALES = np.array([0.03, 0.1, 0.3])  # shifts in standard deviations that are looked for
_EXCESSES = np.array([0.01, 0.02, 0.05, 0.1, 0.2])  # above a bound
_FIRST_SHARE, _HALF_TIME = 0.4, 100.0
_BLOCK = 128


def window_scores(k: Counts, n: Counts, total: Counts, rows: Counts, lots: Floats) -> Floats:
    r"""Score k of a window's n rows against all rows so far: exactly standard normal by chance.

    If all rows are exchangeable, k given the total is hypergeometric with no parameter left, so

    .. math:: z = \Phi^{-1}\big(F(k - 1) + u\,(F(k) - F(k - 1))\big)

    is standard normal for a uniform lot u, and the scores of successive windows are independent:
    each is normal given the total so far, and what came before tells no more than that total. They
    are the conformal scores of an exchangeable sequence, taken a window at a time.

    Parameters
    ----------
    k, n : ndarray of int of shape (m,)
        Successes and rows of the window.
    total, rows : ndarray of int of shape (m,)
        Successes and rows of the reference and all windows up to and with this one.
    lots : ndarray of float of shape (m,)
        Uniform on (0, 1).

    Returns
    -------
    scores : ndarray of float of shape (m,)

    References
    ----------
    Vovk, V. (2021). Testing randomness online. Statistical Science 36(4).
    https://doi.org/10.1214/20-STS817

    Examples
    --------
    >>> one, ten = np.array([1]), np.array([10])
    >>> window_scores(one * 9, ten, one * 10, ten * 2, np.array([0.5])).round(2)
    array([3.45])
    """
    above = k / np.maximum(n, 1) > total / np.maximum(rows, 1)
    point, beyond = _tail(k, n, total, rows, above)
    chance = beyond + np.where(above, 1 - lots, lots) * point
    scores = ndtri(np.clip(chance, 1e-300, 1.0))
    return np.where(above, -scores, scores)


def _tail(
    k: Counts, n: Counts, total: Counts, rows: Counts, above: NDArray[np.bool_]
) -> tuple[Floats, Floats]:
    """Chance of k, and of all that lies further from the middle on its side.

    scipy's distribution function takes 0.3 ms a value where the rows are tens of thousands; walking
    from k outwards, by blocks of terms, serves all values together.
    """
    x, window, successes, everything = (v.astype(np.float64) for v in (k, n, total, rows))
    rest = everything - successes - window  # plus x: failures outside of the window
    point = np.exp(
        _log_choose(successes, x)
        + _log_choose(everything - successes, window - x)
        - _log_choose(everything, window)
    )
    beyond, term = np.zeros_like(point), point
    side = above[:, None]
    outwards = np.arange(min(_BLOCK, int(window.max(initial=0)) + 1))
    while (term > 1e-17 * (beyond + point)).any():
        y = x[:, None] + np.where(side, outwards, -outwards)
        a, b, c = successes[:, None] - y, window[:, None] - y, rest[:, None] + y
        factors = np.where(side, a * b, y * c) / np.where(
            side, (y + 1) * (c + 1), (a + 1) * (b + 1)
        )
        terms = term[:, None] * np.cumprod(factors, axis=1)
        beyond, term = beyond + terms.sum(axis=1), terms[:, -1]
        x = x + np.where(above, 1.0, -1.0) * len(outwards)
    return point, beyond


def _log_choose(n: Floats, k: Floats) -> Floats:
    return gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)


def score_steps(n: Counts, rows: Counts) -> Floats:
    """Give the step of each score: its mean is the step times the rows before a shift, per sd.

    Parameters
    ----------
    n : ndarray of int of shape (m,)
        Rows of the window.
    rows : ndarray of int of shape (m,)
        All rows up to and with it.

    Returns
    -------
    steps : ndarray of float of shape (m,)
        0 where nothing came before.

    Examples
    --------
    >>> score_steps(np.array([50, 50]), np.array([100, 50]))
    array([0.1, 0. ])
    """
    before = rows - n
    known = (before > 0) & (n > 0)
    pairs = rows.astype(np.float64) * before
    return np.sqrt(np.where(known, n, 0) / np.where(known, pairs, 1.0))


def start_weights(starts: NDArray[np.int64]) -> Floats:
    r"""Prior weight of a change at each start.

    Two fifths are on the first, when the model went live; the rest falls slowly over the windows,
    :math:`w_j = 0.6 \cdot 100 / ((99 + j)(100 + j))`, and adds up to 0.6.

    Examples
    --------
    >>> start_weights(np.arange(1_000_000)).sum().round(3).item()
    1.0
    """
    later = (1 - _FIRST_SHARE) * _HALF_TIME / ((_HALF_TIME - 1 + starts) * (_HALF_TIME + starts))
    return np.where(starts == 0, _FIRST_SHARE, later)


def change_evidence(
    drift: Floats, rows: Floats, drift_now: Floats, rows_now: Floats, weights: Floats
) -> Floats:
    r"""Weighted evidence for a change at each start, whose sum is an e-value at every look.

    After a change by :math:`\theta` standard deviations at start j, with :math:`N_j` rows before,
    the scores have the mean :math:`\theta N_j d_s` with known steps
    :math:`d_s = \sqrt{n_s / (N_s N_{s-1})}`. With :math:`A = N_j \sum_{s > j} d_s z_s` and
    :math:`V = N_j (N_t - N_j) / N_t`, which is all the information that two samples of these sizes
    have, the mixture over :math:`\theta \sim N(0, \tau^2)` is

    .. math:: \frac{1}{\sqrt{1 + \tau^2 V}} \exp \frac{\tau^2 A^2}{2 (1 + \tau^2 V)},

    a martingale that starts at 1 while nothing changes. It is averaged over three scales
    :math:`\tau`. Sums over starts with weights of at most 1 together stay below
    :math:`1 / \alpha` for ever with probability :math:`1 - \alpha` (Ville's inequality).

    Parameters
    ----------
    drift, rows : ndarray of float of shape (n_starts, m)
        Sum of steps times scores, and rows, at each start.
    drift_now, rows_now : ndarray of float of shape (m,)
        The same now.
    weights : ndarray of float of shape (n_starts,)

    Returns
    -------
    log_evidence : ndarray of float of shape (n_starts, m)

    References
    ----------
    Robbins, H. (1970). Statistical methods related to the law of the iterated logarithm. Annals of
    Mathematical Statistics 41(5). https://doi.org/10.1214/aoms/1177696786

    Shin, J., Ramdas, A. and Rinaldo, A. (2024). E-detectors: a nonparametric framework for
    sequential change detection. The New England Journal of Statistics in Data Science 2(2).
    https://doi.org/10.51387/23-NEJSDS51

    Examples
    --------
    >>> one = np.ones((1, 1))
    >>> change_evidence(0 * one, 100 * one, 0.3 * one[0], 200 * one[0], one[0]).round(2)
    array([[5.44]])
    """
    signal = (rows * (drift_now - drift)) ** 2 / 2
    information = rows * (rows_now - rows) / np.maximum(rows_now, 1.0)
    mixture = np.full(rows.shape, -np.inf)
    for scale in _SCALES**2:
        spread = 1 + scale * information
        mixture = np.logaddexp(mixture, scale * signal / spread - np.log(spread) / 2)
    return mixture + np.log(weights / len(_SCALES))[:, None]


def bound_factors(
    k: Counts, n: Counts, coefficients: Floats, limit: Floats, anchor: Floats
) -> Floats:
    r"""Log e-factors of one window against :math:`\sum_i a_i p_i \le c`, for some excesses.

    Each row bets on its outcome y, so that the window's factor is

    .. math:: e^{-\lambda (c - \sum_i a_i q_i)}
        \prod_i \prod_{y} \Big(1 + \frac{\lambda a_i}{n_i} (y - q_i)\Big).

    With true rates p its mean is at most :math:`\exp(\lambda (\sum_i a_i p_i - c)) \le 1`, since
    :math:`1 + x \le e^x`, whatever the anchors q are that were chosen before; so products over
    windows are e-values although rates may change from window to window. With the anchors on the
    boundary the bets are to second order those of Turner and Grünwald (2023).

    Parameters
    ----------
    k, n : ndarray of int of shape (m, n_terms)
        Successes and rows; each n is at least 1.
    coefficients : ndarray of float of shape (m, n_terms)
    limit : ndarray of float of shape (m,)
    anchor : ndarray of float of shape (m, n_terms)
        What the rates are thought to be, by what was seen before.

    Returns
    -------
    log_factors : ndarray of float of shape (m, n_excesses)

    References
    ----------
    Turner, R. J. and Grünwald, P. D. (2023). Exact anytime-valid confidence intervals for
    contingency tables and beyond. Statistics & Probability Letters 198.
    https://doi.org/10.1016/j.spl.2023.109835

    Examples
    --------
    >>> k, n = np.array([[60, 30]]), np.array([[100, 100]])
    >>> sides, limit = np.array([[1.0, -1.0]]), np.array([0.1])
    >>> bound_factors(k, n, sides, limit, np.array([[0.5, 0.4]])).round(1)
    array([[0.4, 0.8, 1.8, 3.1, 4.2]])
    """
    q = np.clip(anchor, 0.01, 0.99)
    variance = (coefficients**2 * q * (1 - q) / n).sum(axis=1)
    ceiling = 0.9 * (n / np.abs(coefficients)).min(axis=1)
    stake = np.minimum(_EXCESSES / variance[:, None], ceiling[:, None])
    bet = stake[:, None, :] * (coefficients / n)[:, :, None]
    hit, miss = np.log1p(bet * (1 - q[:, :, None])), np.log1p(-bet * q[:, :, None])
    won = (k[:, :, None] * hit + (n - k)[:, :, None] * miss).sum(axis=1)
    return won - stake * (limit - (coefficients * q).sum(axis=1))[:, None]


def on_boundary(rates: Floats, n: Counts, coefficients: Floats, limit: Floats) -> Floats:
    """Move rates to where a bound is just met, by the least that their variances weigh.

    Examples
    --------
    >>> rates, n = np.array([[0.6, 0.4]]), np.array([[100, 100]])
    >>> on_boundary(rates, n, np.array([[1.0, -1.0]]), np.array([0.1])).round(2)
    array([[0.55, 0.45]])
    """
    variance = np.maximum(rates * (1 - rates), 1e-4) / n
    pull = coefficients * variance
    excess = (coefficients * rates).sum(axis=1) - limit
    return rates - pull * (excess / (pull * coefficients).sum(axis=1))[:, None]


def rate_sequence(k: Floats, n: Floats, log_level: Floats | float) -> tuple[Floats, Floats]:
    r"""Confidence sequence of a rate: it holds at all sizes together.

    The rates p at which :math:`B(k + 1/2, n - k + 1/2) / B(1/2, 1/2)`, a mixture of likelihoods, is
    less than :math:`1 / \alpha` times the likelihood of p. Exact for rows that are independent with
    one rate.

    Parameters
    ----------
    k, n : ndarray of float of shape (m,)
        Successes and rows.
    log_level : float or ndarray of shape (m,)
        Logarithm of :math:`1 / \alpha`.

    Returns
    -------
    low, high : ndarray of float of shape (m,)

    References
    ----------
    Howard, S. R., Ramdas, A., McAuliffe, J. and Sekhon, J. (2021). Time-uniform, nonparametric,
    nonasymptotic confidence sequences. Annals of Statistics 49(2).
    https://doi.org/10.1214/20-AOS1991

    Examples
    --------
    >>> [x.round(3).item() for x in rate_sequence(np.array([80]), np.array([100]), np.log(20))]
    [0.648, 0.909]
    """
    k, n = np.asarray(k, dtype=np.float64), np.asarray(n, dtype=np.float64)
    needed = betaln(k + 0.5, n - k + 0.5) - betaln(0.5, 0.5) - log_level
    value = np.where(n > 0, k / np.maximum(n, 1), 0.5)
    return tuple(_solve(k, n, needed, value, end) for end in (0.0, 1.0))  # type: ignore[return-value]


def _solve(k: Floats, n: Floats, needed: Floats, inside: Floats, end: float) -> Floats:
    """Bisect for the rate between the estimate and an end at which the likelihood is too small."""
    near, far = inside.copy(), np.full_like(inside, end)
    for _ in range(50):
        middle = (near + far) / 2
        likely = xlogy(k, middle) + xlog1py(n - k, -middle) >= needed
        near, far = np.where(likely, middle, near), np.where(likely, far, middle)
    return far
