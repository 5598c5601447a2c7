from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.metrics import cohen_kappa_score

from skfair.criteria import wilson_interval
from skfair.detection import annotator_agreement
from skfair.groups import MISSING

REPRODUCIBLE = settings(max_examples=60)
Z = 1.959963984540054
ROWS = st.lists(st.tuples(*[st.integers(0, 3)] * 3), min_size=2, max_size=30)
KINDS = [None, "linear", "quadratic"]

# Fleiss (1971): 10 subjects, 14 raters, 5 categories
FLEISS = np.array(
    [
        [0, 0, 0, 0, 14],
        [0, 2, 6, 4, 2],
        [0, 0, 3, 5, 6],
        [0, 3, 9, 2, 0],
        [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0],
        [2, 5, 3, 2, 2],
        [6, 5, 2, 1, 0],
        [0, 2, 2, 3, 7],
    ]
)
# Fleiss, Levin and Paik, table 18.1: joint shares of two raters' diagnoses of 100 subjects
PAIK = np.array([[75, 1, 4], [5, 4, 1], [0, 0, 10]])


def items_of_counts(counts):
    return [np.repeat(np.arange(len(row)), row).tolist() for row in counts]


def items_of_table(table):
    return np.repeat(list(np.ndindex(table.shape)), table.ravel(), axis=0)


def some_labels(n, n_annotators, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(3, size=(n, 1))
    return np.where(rng.random((n, n_annotators)) < 0.7, truth, rng.integers(3, size=(n, 1)))


def limits(observed, chance, variance):
    size = observed * (1 - observed) / (variance * (1 - chance) ** 2)
    ends = wilson_interval(np.array(observed), np.array(size), Z)
    return [(end - chance) / (1 - chance) for end in ends]


def fleiss_cohen_everitt(table, alike):
    """The variance in its original form, from the table of two raters."""
    p = table / table.sum()
    of_a, of_b = p.sum(axis=1), p.sum(axis=0)
    po, pe = (p * alike).sum(), (np.outer(of_a, of_b) * alike).sum()
    rows, columns = alike @ of_b, of_a @ alike
    inner = (1 - pe) * alike - (1 - po) * (rows[:, None] + columns)
    spread = (p * inner**2).sum() - (po * pe - 2 * pe + po) ** 2
    return po, pe, spread / (table.sum() * (1 - pe) ** 4)


def gwet(counts):
    """The variance of Fleiss' kappa in its original form, with n - 1."""
    n = len(counts)
    m = counts.sum(axis=1)
    shares = counts / m[:, None]
    pi = shares.mean(axis=0)
    po_i = (counts * (counts - 1)).sum(axis=1) / (m * (m - 1))
    po, pe = po_i.mean(), (pi**2).sum()
    kappa = (po - pe) / (1 - pe)
    star = (po_i - pe) / (1 - pe) - 2 * (1 - kappa) * (shares @ pi - pe) / (1 - pe)
    return po, pe, ((star - kappa) ** 2).sum() / (n * (n - 1))


def test_fleiss_1971():
    row = annotator_agreement(items_of_counts(FLEISS), kappa="fleiss").loc["all"]
    assert row["fleiss_kappa"] == pytest.approx(0.210, abs=5e-4)
    assert row["observed"] == pytest.approx(0.378, abs=5e-4)
    assert row["chance"] == pytest.approx(0.213, abs=5e-4)
    assert (row["n_items"], row["n_annotations"]) == (10, 140)
    assert_allclose(row[["low", "high"]].astype(float), limits(*gwet(FLEISS)))


def test_fleiss_levin_paik():
    row = annotator_agreement(items_of_table(PAIK)).loc["all"]
    po, pe, variance = fleiss_cohen_everitt(PAIK, np.eye(3))
    assert (row["observed"], row["chance"]) == pytest.approx((0.89, 0.66))
    assert row["cohen_kappa"] == pytest.approx(0.23 / 0.34)
    assert np.sqrt(variance) == pytest.approx(0.087, abs=1e-3)  # as printed there
    assert_allclose(row[["low", "high"]].astype(float), limits(po, pe, variance * 100 / 99))


@pytest.mark.parametrize("kind", KINDS[1:])
def test_variance_of_weighted_kappa(kind):
    row = annotator_agreement(items_of_table(PAIK), weights=kind).loc["all"]
    apart = np.abs(np.subtract.outer(range(3), range(3))) / 2
    po, pe, variance = fleiss_cohen_everitt(PAIK, 1 - (apart if kind == "linear" else apart**2))
    assert_allclose(row[["observed", "chance"]].astype(float), [po, pe])
    assert_allclose(row[["low", "high"]].astype(float), limits(po, pe, variance * 100 / 99))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_cohen_as_in_scikit_learn(kind, seed):
    labels = some_labels(60, 2, seed)
    found = annotator_agreement(labels, weights=kind)
    expected = cohen_kappa_score(*labels.T, weights=kind)
    assert found.loc["all", "cohen_kappa"] == pytest.approx(expected)


def test_light_is_the_mean_over_pairs():
    labels = some_labels(40, 4)
    row = annotator_agreement(labels).loc["all"]
    pairs = [cohen_kappa_score(labels[:, i], labels[:, j]) for i, j in combinations(range(4), 2)]
    assert row["light_kappa"] == pytest.approx(np.mean(pairs))
    assert row["low"] < row["light_kappa"] < row["high"]


def test_fleiss_of_two_is_scotts_pi_by_hand():
    """Shares of yes 3/8: p_e = (9 + 25) / 64, p_o = 3/4."""
    found = annotator_agreement([list("yy"), list("yn"), list("nn"), list("nn")], kappa="fleiss")
    assert found.loc["all", "chance"] == pytest.approx(34 / 64)
    assert found.loc["all", "fleiss_kappa"] == pytest.approx((48 - 34) / (64 - 34))


def test_by_group():
    labels = some_labels(60, 2)
    sex = pd.Series(["f", "m", None] * 20, name="sex", index=range(60, 0, -1))
    found = annotator_agreement(pd.DataFrame(labels), sensitive_features=sex)
    assert found.index.tolist() == ["f", "m", MISSING]
    assert found.index.name == "sex"
    assert found["n_items"].tolist() == [20, 20, 20]
    for i, label in enumerate(found.index):
        expected = cohen_kappa_score(*labels[i::3].T)
        assert found.loc[label, "cohen_kappa"] == pytest.approx(expected)
    with pytest.raises(ValueError, match="missing values"):
        annotator_agreement(labels, sensitive_features=sex, missing="raise")


def test_intersections():
    features = {"sex": list("fmfm") * 5, "race": list("aabb") * 5}
    found = annotator_agreement(some_labels(20, 2), sensitive_features=features)
    assert found.index.tolist() == [("f", "a"), ("f", "b"), ("m", "a"), ("m", "b")]


def test_missing_annotations_of_cohen():
    full = some_labels(30, 2)
    gaps = pd.DataFrame(full).astype(object)
    gaps.iloc[0, 0], gaps.iloc[5, 1], gaps.iloc[7, :] = None, np.nan, None
    row = annotator_agreement(gaps).loc["all"]
    kept = np.delete(full, [0, 5, 7], axis=0)
    assert (row["n_items"], row["n_annotations"]) == (27, 54)
    pd.testing.assert_series_equal(row, annotator_agreement(kept).loc["all"])


def test_missing_annotations_of_light():
    """Each pair has its own items; an item that one alone saw has none."""
    a, b, c = some_labels(30, 3).astype(float).T.copy()
    a[:10], b[5:15], c[28:] = np.nan, np.nan, np.nan
    found = annotator_agreement(np.c_[a, b, c]).loc["all"]
    pairs = [(a, b), (a, c), (b, c)]
    kappas = []
    for x, y in pairs:
        both = ~np.isnan(x) & ~np.isnan(y)
        kappas.append(cohen_kappa_score(x[both].astype(int), y[both].astype(int)))
    assert found["light_kappa"] == pytest.approx(np.mean(kappas))
    assert found["n_items"] == 25


def test_missing_annotations_of_fleiss():
    """Items with 3, 2 and 1 annotations: p_o = (1/3 + 1) / 2, p_yes = (2/3 + 0) / 2."""
    labels = [["y", "y", "n"], ["n", "n", None], [None, "y", None]]
    row = annotator_agreement(labels, kappa="fleiss").loc["all"]
    assert (row["n_items"], row["n_annotations"]) == (2, 5)
    assert row["observed"] == pytest.approx(2 / 3)
    assert row["chance"] == pytest.approx(1 / 9 + 4 / 9)
    assert row["fleiss_kappa"] == pytest.approx((6 / 9 - 5 / 9) / (4 / 9))


def test_variance_of_fleiss_with_gaps():
    counts = np.array([[3, 1], [0, 2], [4, 0], [1, 1], [0, 3], [2, 1]])
    width = counts.sum(axis=1).max()
    items = [row + [None] * (width - len(row)) for row in items_of_counts(counts)]
    row = annotator_agreement(items, kappa="fleiss").loc["all"]
    assert_allclose(row[["low", "high"]].astype(float), limits(*gwet(counts)))


@pytest.mark.parametrize("kappa", ["cohen", "fleiss"])
def test_one_label_is_undefined(kappa):
    labels = [["y", "y"], ["y", "y"], ["y", "n"], ["n", "n"]]
    with pytest.warns(UndefinedMetricWarning, match=rf"{kappa}_kappa .* group 'f' \(all .* one"):
        found = annotator_agreement(labels, sensitive_features=list("ffmm"), kappa=kappa)
    assert found.loc["f", [f"{kappa}_kappa", "low", "high"]].isna().all()
    assert found.loc["f", ["observed", "chance"]].tolist() == [1.0, 1.0]
    assert not np.isnan(found.loc["m", f"{kappa}_kappa"])


def test_no_common_item_is_undefined():
    labels = [["y", None], [None, "y"], ["y", "n"], ["n", "n"]]
    with pytest.warns(UndefinedMetricWarning, match=r"group 'f' \(no item has two"):
        found = annotator_agreement(labels, sensitive_features=list("ffmm"))
    assert found.loc["f", "n_items"] == 0
    assert found.loc["f"].isna().sum() == 5


def test_pairs_that_are_undefined_are_left_out_of_light():
    a, b = some_labels(20, 2).astype(float).T
    c = np.full(20, np.nan)
    c[0], a[0] = b[0], np.nan  # c shares one item with b, none with a
    with pytest.warns(UndefinedMetricWarning, match="2 of 3 pairs of annotators left out"):
        found = annotator_agreement(np.c_[a, b, c])
    expected = cohen_kappa_score(a[1:].astype(int), b[1:].astype(int))
    assert found.loc["all", "light_kappa"] == pytest.approx(expected)


def test_weights_of_items_repeat_them():
    labels = some_labels(30, 3)
    w = np.tile([1, 2, 3], 10)
    for kappa in ("cohen", "fleiss"):
        repeated = annotator_agreement(np.repeat(labels, w, axis=0), kappa=kappa)
        weighted = annotator_agreement(labels, kappa=kappa, sample_weight=w)
        columns = repeated.columns[2:5]
        assert_allclose(weighted[columns], repeated[columns])
        assert (weighted["high"] - weighted["low"] > repeated["high"] - repeated["low"]).all()
        scaled = annotator_agreement(labels, kappa=kappa, sample_weight=0.1 * w)
        assert_allclose(scaled, weighted)


def test_items_of_weight_0_are_none():
    labels = some_labels(30, 2)
    w = np.r_[np.ones(20), np.zeros(10)]
    weighted = annotator_agreement(labels, sample_weight=w)
    assert_allclose(weighted, annotator_agreement(labels[:20]))


def test_perfect_agreement_has_an_interval():
    """Wilson's of 10 out of 10, as p_o, with p_e = 1/2."""
    row = annotator_agreement([["y", "y"], ["n", "n"]] * 5).loc["all"]
    low = wilson_interval(np.array(1.0), np.array(10.0), Z)[0]
    assert row["cohen_kappa"] == 1
    assert row["high"] == 1
    assert row["low"] == pytest.approx((low - 0.5) / 0.5)


def test_one_item_says_little():
    row = annotator_agreement([["y", "n"]]).loc["all"]
    assert row["cohen_kappa"] == 0
    assert row["high"] > 0.5


@pytest.mark.slow
def test_coverage_of_few_items():
    rng = np.random.default_rng(0)
    truth, held = 2 * (0.95**2 + 0.05**2) - 1, 0
    for _ in range(200):
        true = rng.integers(2, size=(25, 1))
        row = annotator_agreement(true ^ (rng.random((25, 2)) < 0.05)).loc["all"]
        held += row["low"] <= truth <= row["high"]
    assert held >= 182  # 95 % less 2.6 standard errors


def test_level_of_the_interval():
    labels = some_labels(40, 2)
    wide, narrow = (
        annotator_agreement(labels, confidence_level=level).loc["all"] for level in (0.99, 0.8)
    )
    assert wide["low"] < narrow["low"] < narrow["high"] < wide["high"]


@REPRODUCIBLE
@given(ROWS, st.permutations(range(3)), st.permutations(range(4)), st.sampled_from(KINDS))
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_names_and_order_of_annotators_dont_matter(rows, annotators, names, kind):
    labels = np.array(rows)
    for kappa in ("cohen", "fleiss"):
        found = annotator_agreement(labels, kappa=kappa, weights=kind)
        renamed = np.array(list("abcd"))[np.array(names)][labels][:, list(annotators)]
        classes = list(np.array(list("abcd"))[np.array(names)])
        again = annotator_agreement(renamed, kappa=kappa, weights=kind, classes=classes)
        everything = annotator_agreement(labels, kappa=kappa, weights=kind, classes=range(4))
        assert_allclose(again, everything, atol=1e-9)
        if kind is None:
            assert_allclose(again, found, atol=1e-9)
        value = found.iloc[0, 4]
        assert np.isnan(value) or found["low"].iloc[0] <= value <= found["high"].iloc[0] + 1e-9
        assert np.isnan(value) or value <= 1 + 1e-9


@pytest.mark.parametrize(
    "make",
    [
        lambda v: v.tolist(),
        lambda v: pd.DataFrame(v, index=range(90, 60, -1)),
        lambda v: pl.DataFrame(v, schema=["a", "b"]),
        lambda v: {"a": v[:, 0], "b": v[:, 1]},
        lambda v: pd.DataFrame(v).map("abc".__getitem__),
        lambda v: pd.DataFrame(v).map("abc".__getitem__).astype("category"),
    ],
)
def test_containers_are_alike(make):
    labels = some_labels(30, 2)
    groups = np.array(["f", "m"] * 15)
    expected = annotator_agreement(labels, sensitive_features=groups)
    found = annotator_agreement(make(labels), sensitive_features=pl.Series("sex", groups))
    assert found.index.tolist() == ["f", "m"]
    assert_allclose(found, expected)


def test_order_of_strings():
    sizes = ["small", "medium", "large"]
    labels = some_labels(40, 2)
    frame = pd.DataFrame(labels).map(sizes.__getitem__)
    expected = annotator_agreement(labels, weights="linear")
    found = annotator_agreement(frame, weights="linear", classes=sizes)
    ordered = frame.astype(pd.CategoricalDtype(sizes, ordered=True))
    assert_allclose(found, expected)
    assert_allclose(annotator_agreement(ordered, weights="linear"), expected)
    for bad in (frame, frame.astype(pd.CategoricalDtype(sizes))):
        with pytest.raises(ValueError, match="order of the labels"):
            annotator_agreement(bad, weights="linear")


def test_an_unused_class_widens_the_scale():
    row = annotator_agreement([[0, 1], [0, 0], [1, 1]], weights="linear", classes=[0, 1, 2])
    assert row.loc["all", "observed"] == pytest.approx((0.5 + 1 + 1) / 3)
    assert row.loc["all", "cohen_kappa"] == pytest.approx(0.4)


def test_bad_input():
    labels = [["y", "n"], ["n", "n"]]
    with pytest.raises(ValueError, match="kappa must be"):
        annotator_agreement(labels, kappa="scott")
    with pytest.raises(ValueError, match="weights must be"):
        annotator_agreement([[0, 1]], weights="cubic")
    with pytest.raises(ValueError, match="at least two annotators"):
        annotator_agreement(["y", "n"])
    with pytest.raises(ValueError, match="at least two annotators"):
        annotator_agreement(pd.DataFrame({"a": [], "b": []}))
    with pytest.raises(ValueError, match="mix strings and numbers"):
        annotator_agreement([["y", 1], ["n", 0]])
    with pytest.raises(ValueError, match="classes"):
        annotator_agreement(labels, classes=["y"])
    with pytest.raises(ValueError, match="classes"):
        annotator_agreement(labels, classes=["y", "n", "n"])
    with pytest.raises(ValueError, match="inconsistent"):
        annotator_agreement(labels, sensitive_features=["f"])
    with pytest.raises(ValueError, match="inconsistent"):
        annotator_agreement(labels, sample_weight=[1.0])
    with pytest.raises(ValueError, match="Negative"):
        annotator_agreement(labels, sample_weight=[1.0, -1.0])
    with pytest.raises(ValueError, match="confidence_level"):
        annotator_agreement(labels, confidence_level=1.0)
