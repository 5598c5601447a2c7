"""Data for classification with a bias that is planted, and therefore known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.utils import Bunch, check_random_state

PerGroup = float | Mapping[str, float]

_LAST_GROUP_FLIPS = 0.3


@dataclass(frozen=True)
class _Population:
    """The planted values; arrays hold one value per group."""

    names: list[str]
    shares: np.ndarray
    base_rates: np.ndarray
    flip_positives: np.ndarray
    flip_negatives: np.ndarray
    proxy_correlation: float
    class_separation: float

    @property
    def observed_rates(self) -> np.ndarray:
        kept = self.base_rates * (1.0 - self.flip_positives)
        return kept + (1.0 - self.base_rates) * self.flip_negatives

    @property
    def noise_rates(self) -> np.ndarray:
        lost = self.base_rates * self.flip_positives
        return lost + (1.0 - self.base_rates) * self.flip_negatives


def make_biased_classification(
    n_samples: int = 1000,
    *,
    n_features: int = 5,
    groups: Sequence[str] | Mapping[str, float] = ("a", "b"),
    base_rates: PerGroup = 0.5,
    flip_positives: PerGroup | None = None,
    flip_negatives: PerGroup = 0.0,
    proxy_correlation: float = 0.7,
    class_separation: float = 2.0,
    as_frame: bool = True,
    random_state: int | np.random.RandomState | None = None,
) -> Bunch:
    r"""Make a binary classification problem whose labels are biased by group.

    For a person of group :math:`g` the true label is :math:`T \sim` Bernoulli(base rate of
    :math:`g`). The recorded label :math:`Y` loses a positive with probability
    :math:`f^+_g` and gains one with probability :math:`f^-_g`, so that

    .. math:: P(Y=1 \mid g) = P(T=1 \mid g)\,(1 - f^+_g) + P(T=0 \mid g)\,f^-_g .

    All features but the last one are legitimate: normal with variance 1 around
    :math:`\pm\, d / (2 \sqrt{m})`, by the true label alone (:math:`m` of them, :math:`d` the
    ``class_separation``). Their sum is the best score there is for :math:`T`; its AUC is
    :math:`\Phi(d / \sqrt 2)` in every group. The last feature is a proxy, blind to the label:
    :math:`\rho z_g + \sqrt{1 - \rho^2}\,\varepsilon`, where :math:`z_g` is the group's
    position in ``groups``, standardised over the population, and :math:`\varepsilon` standard
    normal noise. So the proxy's correlation with the position is :math:`\rho`, and
    :math:`\rho^2` of its variance lies between groups.

    With the same ``random_state``, other base rates or flip probabilities leave the groups and
    the proxy as they are, and other flip probabilities change nothing but the recorded labels.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of rows.
    n_features : int, default=5
        Number of features, 2 or more: the proxy and ``n_features - 1`` legitimate ones.
    groups : sequence of str, or mapping of str to float, default=("a", "b")
        Names of two or more groups, with relative sizes in a mapping (``{"a": 3, "b": 1}``),
        of equal size in a sequence. Rows are shared out exactly, up to rounding, and shuffled.
    base_rates : float, or mapping of group to float, default=0.5
        Probability that the true label is positive, for all groups or for each.
    flip_positives : float, or mapping of group to float, default=None
        Probability that a true positive is recorded as negative. None plants 0.3 in the last
        group and 0 in the others.
    flip_negatives : float, or mapping of group to float, default=0.0
        Probability that a true negative is recorded as positive.
    proxy_correlation : float, default=0.7
        Correlation of the proxy with the group's position, in [-1, 1].
    class_separation : float, default=2.0
        Distance between the classes' means over all legitimate features together, in standard
        deviations.
    as_frame : bool, default=True
        Give pandas objects; otherwise numpy arrays.
    random_state : int, RandomState instance or None, default=None
        Give an int for the same data every time.

    Returns
    -------
    bunch : :class:`~sklearn.utils.Bunch`
        With these entries:

        data : DataFrame of shape (n_samples, n_features), or ndarray
            Columns ``legitimate_0``, ..., ``proxy``; the group is not among them.
        target : Series of shape (n_samples,), or ndarray
            Recorded labels, 0 or 1.
        true_target : Series of shape (n_samples,), or ndarray
            Labels before the bias.
        sensitive_features : Series of shape (n_samples,), or ndarray
            Names of the groups.
        frame : DataFrame of shape (n_samples, n_features + 2), or None
            Features, ``group`` and ``target``; None with ``as_frame=False``.
        feature_names : list of str
            Names of the features.
        truth : :class:`~sklearn.utils.Bunch`
            The planted values. One dict from group to float each: ``shares``, ``base_rates``,
            ``flip_positives``, ``flip_negatives``, ``observed_rates`` (the formula above),
            ``noise_rates`` (probability that recorded and true label differ). One float each:
            ``base_rate_difference`` and ``observed_rate_difference`` (largest less smallest
            rate over groups), ``proxy_correlation``, ``class_separation``, ``auc``.

    Raises
    ------
    ValueError
        If a number lies outside its range, a mapping doesn't name the groups exactly, or a
        group would get no row.

    References
    ----------
    .. [1] Blum, A. & Stangl, K. (2020). Recovering from biased data: can fairness constraints
       improve accuracy? FORC 2020. https://doi.org/10.4230/LIPIcs.FORC.2020.3

    Examples
    --------
    >>> from skfair.datasets import make_biased_classification
    >>> bunch = make_biased_classification(
    ...     groups={"a": 0.8, "b": 0.2}, flip_positives={"a": 0.0, "b": 0.5}, random_state=0
    ... )
    >>> bunch.truth.observed_rates
    {'a': 0.5, 'b': 0.25}
    >>> bunch.sensitive_features.value_counts().to_dict()
    {'a': 800, 'b': 200}
    """
    names, shares = _read_groups(groups)
    if flip_positives is None:
        flip_positives = dict.fromkeys(names[:-1], 0.0) | {names[-1]: _LAST_GROUP_FLIPS}
    population = _Population(
        names=names,
        shares=shares,
        base_rates=_read_probabilities("base_rates", base_rates, names),
        flip_positives=_read_probabilities("flip_positives", flip_positives, names),
        flip_negatives=_read_probabilities("flip_negatives", flip_negatives, names),
        proxy_correlation=_read_number("proxy_correlation", proxy_correlation, -1.0, 1.0),
        class_separation=_read_number("class_separation", class_separation, 0.0, math.inf),
    )
    n_samples = _read_count("n_samples", n_samples, minimum=len(names))
    n_features = _read_count("n_features", n_features, minimum=2)
    rng = check_random_state(random_state)
    # Every step draws as many numbers whatever the probabilities are: see "same random_state".
    codes = _draw_groups(rng, population, n_samples)
    true_labels = (rng.random_sample(n_samples) < population.base_rates[codes]).astype(np.int64)
    features = _draw_features(rng, population, codes, true_labels, n_features)
    labels = _record_labels(
        rng, true_labels, population.flip_positives[codes], population.flip_negatives[codes]
    )
    return _pack(population, codes, features, labels, true_labels, as_frame)


def _draw_groups(rng: np.random.RandomState, population: _Population, n_samples: int) -> np.ndarray:
    """Share rows out by largest remainder, and shuffle them."""
    exact = population.shares * n_samples
    sizes = np.floor(exact).astype(np.int64)
    largest_remainders = np.argsort(sizes - exact, kind="stable")
    sizes[largest_remainders[: n_samples - sizes.sum()]] += 1
    if (sizes == 0).any():
        empty = population.names[int(np.argmin(sizes))]
        raise ValueError(f"group {empty!r} would get none of the {n_samples} rows")
    return rng.permutation(np.repeat(np.arange(len(sizes)), sizes))


def _draw_features(
    rng: np.random.RandomState,
    population: _Population,
    codes: np.ndarray,
    true_labels: np.ndarray,
    n_features: int,
) -> np.ndarray:
    """Draw the legitimate features around the class means, and the proxy as last column."""
    features = rng.standard_normal((len(codes), n_features))
    shift = population.class_separation / math.sqrt(n_features - 1)
    features[:, :-1] += (true_labels[:, None] - 0.5) * shift

    position = np.arange(len(population.names))
    mean = population.shares @ position
    standardised = (position - mean) / math.sqrt(population.shares @ (position - mean) ** 2)
    rho = population.proxy_correlation
    features[:, -1] = rho * standardised[codes] + math.sqrt(1.0 - rho**2) * features[:, -1]
    return features


def _record_labels(
    rng: np.random.RandomState,
    true_labels: np.ndarray,
    flip_positives: np.ndarray,
    flip_negatives: np.ndarray,
) -> np.ndarray:
    """Flip each label with its own row's probability."""
    probability = np.where(true_labels == 1, flip_positives, flip_negatives)
    flipped = rng.random_sample(len(true_labels)) < probability
    return np.where(flipped, 1 - true_labels, true_labels)


def _pack(
    population: _Population,
    codes: np.ndarray,
    features: np.ndarray,
    labels: np.ndarray,
    true_labels: np.ndarray,
    as_frame: bool,
) -> Bunch:
    feature_names = [f"legitimate_{i}" for i in range(features.shape[1] - 1)] + ["proxy"]
    bunch = Bunch(
        data=features,
        target=labels,
        true_target=true_labels,
        sensitive_features=np.array(population.names, dtype=object)[codes],
        frame=None,
        feature_names=feature_names,
        truth=_describe(population),
    )
    if as_frame:
        bunch.data = pd.DataFrame(features, columns=feature_names)
        bunch.target = pd.Series(labels, name="target")
        bunch.true_target = pd.Series(true_labels, name="true_target")
        bunch.sensitive_features = pd.Series(bunch.sensitive_features, name="group")
        bunch.frame = bunch.data.assign(group=bunch.sensitive_features, target=bunch.target)
    return bunch


def _describe(population: _Population) -> Bunch:
    """Write the planted values down under the names of the groups."""
    per_group = (
        "shares",
        "base_rates",
        "flip_positives",
        "flip_negatives",
        "observed_rates",
        "noise_rates",
    )
    truth = Bunch(
        **{
            key: dict(zip(population.names, getattr(population, key).tolist(), strict=True))
            for key in per_group
        }
    )
    truth.base_rate_difference = float(np.ptp(population.base_rates))
    truth.observed_rate_difference = float(np.ptp(population.observed_rates))
    truth.proxy_correlation = population.proxy_correlation
    truth.class_separation = population.class_separation
    truth.auc = (1.0 + math.erf(population.class_separation / 2.0)) / 2.0
    return truth


def _read_groups(groups: Sequence[str] | Mapping[str, float]) -> tuple[list[str], np.ndarray]:
    names = list(groups)
    if isinstance(groups, str) or not all(isinstance(name, str) for name in names):
        raise ValueError("groups must be a sequence of names, or a mapping of names to sizes")
    if len(names) < 2 or len(set(names)) < len(names):
        raise ValueError(f"groups must hold two or more different names, got {names}")
    sizes = list(groups.values()) if isinstance(groups, Mapping) else [1.0] * len(names)
    weights = np.asarray(sizes, dtype=float)
    if not (np.isfinite(weights) & (weights > 0)).all():
        raise ValueError(f"sizes of groups must be positive and finite, got {sizes}")
    return names, weights / weights.sum()


def _read_probabilities(parameter: str, value: PerGroup, names: list[str]) -> np.ndarray:
    if not isinstance(value, Mapping):
        value = dict.fromkeys(names, value)
    if set(value) != set(names):
        raise ValueError(f"{parameter} must name the groups {names}, got {list(value)}")
    return np.array([_read_number(parameter, value[name], 0.0, 1.0) for name in names])


def _read_number(parameter: str, value: float, low: float, high: float) -> float:
    number = float(value)
    if not (math.isfinite(number) and low <= number <= high):
        raise ValueError(f"{parameter} must lie in [{low:g}, {high:g}], got {value!r}")
    return number


def _read_count(parameter: str, value: int, minimum: int) -> int:
    if isinstance(value, bool) or value != int(value) or value < minimum:
        raise ValueError(f"{parameter} must be an integer of at least {minimum}, got {value!r}")
    return int(value)
