from __future__ import annotations

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate

from skfair.groups import Bins
from skfair.metrics import fairness_scorer
from skfair.model_selection import GroupLabelStratifiedKFold

REPRODUCIBLE = settings(max_examples=80)

rows_of_cells = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), min_size=7, max_size=120)


def folds_of(y, groups, n_splits=5, **options):
    """The (train, test) rows of the folds, with the warnings about small cells left out."""
    splitter = GroupLabelStratifiedKFold(n_splits, **options)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "cells with fewer rows")
        return list(splitter.split(None, y, sensitive_features=groups))


def some_rows(n=200, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.choice(["no", "yes"], n, p=[0.7, 0.3])
    sex, race = rng.choice(["f", "m"], n), rng.choice(["b", "w"], n, p=[0.3, 0.7])
    return pd.DataFrame({"x": rng.normal(size=n), "sex": sex, "race": race}), y


def share_within_one(values, folds, n_splits):
    for value, count in zip(*np.unique(values, return_counts=True), strict=True):
        in_test = np.array([(values[test] == value).sum() for _, test in folds])
        if not (np.floor(count / n_splits) <= in_test).all():
            return False
        if not (in_test <= np.ceil(count / n_splits)).all():
            return False
    return True


# Balance


@REPRODUCIBLE
@given(rows_of_cells, st.integers(2, 7), st.booleans())
def test_each_cell_each_label_and_the_sizes_are_balanced_to_one_row(rows, n_splits, shuffle):
    y, groups = (np.array(column) for column in zip(*rows, strict=True))
    folds = folds_of(y, groups, n_splits, shuffle=shuffle, random_state=0 if shuffle else None)
    assert len(folds) == n_splits
    assert share_within_one(10 * y + groups, folds, n_splits)
    assert share_within_one(y, folds, n_splits)
    assert share_within_one(np.zeros(len(y)), folds, n_splits)


@REPRODUCIBLE
@given(rows_of_cells, st.integers(2, 7), st.booleans())
def test_the_folds_are_a_partition(rows, n_splits, shuffle):
    y, groups = zip(*rows, strict=True)
    folds = folds_of(y, groups, n_splits, shuffle=shuffle, random_state=0 if shuffle else None)
    everyone = np.arange(len(rows))
    assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), everyone)
    for train, test in folds:
        assert_array_equal(np.sort(np.concatenate([train, test])), everyone)
        assert (np.diff(train) > 0).all()
        assert (np.diff(test) > 0).all()


def test_plain_stratification_would_lose_what_this_one_keeps():
    y = np.array([0, 1] * 50)
    groups = np.where(np.isin(np.arange(100), [1, 3, 5, 7, 9, 0, 2, 4, 6, 8]), "rare", "common")
    for _, test in folds_of(y, groups):
        assert sorted(y[test][groups[test] == "rare"]) == [0, 1]


def test_rows_are_dealt_out_in_their_order():
    y = [0] * 6
    tests = [test.tolist() for _, test in folds_of(y, list("ababab"), 3)]
    assert tests == [[0, 1], [2, 3], [4, 5]]


# Shuffling


def same(folds, others):
    return all(
        np.array_equal(test, other) for (_, test), (_, other) in zip(folds, others, strict=True)
    )


def test_shuffling_is_reproducible_with_a_random_state():
    X, y = some_rows()
    options = {"shuffle": True, "random_state": 3}
    assert same(folds_of(y, X["sex"], **options), folds_of(y, X["sex"], **options))
    assert not same(
        folds_of(y, X["sex"], **options), folds_of(y, X["sex"], shuffle=True, random_state=4)
    )
    assert not same(folds_of(y, X["sex"], **options), folds_of(y, X["sex"]))
    splitter = GroupLabelStratifiedKFold(sensitive_features="sex", **options)
    assert same(list(splitter.split(X, y)), list(splitter.split(X, y)))


def test_shuffling_differs_from_call_to_call_without_a_random_state():
    X, y = some_rows()
    assert not same(folds_of(y, X["sex"], shuffle=True), folds_of(y, X["sex"], shuffle=True))
    state = np.random.RandomState(0)
    options = {"shuffle": True, "random_state": state}
    assert not same(folds_of(y, X["sex"], **options), folds_of(y, X["sex"], **options))


def test_without_shuffling_the_folds_are_the_same_each_time():
    X, y = some_rows()
    assert same(folds_of(y, X["sex"]), folds_of(y, X["sex"]))


def test_a_random_state_without_shuffling_is_refused():
    with pytest.raises(ValueError, match="no effect without shuffle"):
        folds_of([0, 1] * 10, ["f", "m"] * 10, random_state=1)


def test_a_continuous_y_is_refused():
    with pytest.raises(ValueError, match="continuous"):
        folds_of(np.linspace(0, 1, 20), ["f", "m"] * 10)


# Small cells


def test_small_cells_are_named_with_their_counts():
    y = ["no"] * 10 + ["yes"] * 5
    sex = list("ffffffffmm") + list("ffffm")
    splitter = GroupLabelStratifiedKFold(4)
    with pytest.warns(UserWarning, match="fewer rows than the 4 folds") as caught:
        list(splitter.split(None, y, sensitive_features=sex))
    (warning,) = caught
    assert str(warning.message).endswith("label 'no' of group 'm': 2; label 'yes' of group 'm': 1")


def test_empty_cells_are_small_cells():
    splitter = GroupLabelStratifiedKFold(2)
    with pytest.warns(UserWarning, match=r"label 1 of group 'b': 0$"):
        list(splitter.split(None, [0, 0, 1, 1, 0, 0], sensitive_features=list("aaaabb")))


def test_cells_as_large_as_the_folds_give_no_warning():
    y, sex = [0] * 6 + [1] * 6, list("fffmmm") * 2
    assert len(list(GroupLabelStratifiedKFold(3).split(None, y, sensitive_features=sex))) == 3


def test_the_warning_points_at_the_caller():
    splitter = GroupLabelStratifiedKFold(2)
    with pytest.warns(UserWarning, match="fewer rows") as caught:
        next(splitter.split(None, [0, 0, 1], sensitive_features=list("aaa")))
    assert caught[0].filename == __file__


# What groups and labels may be


@pytest.mark.parametrize("columns", ["sex", ["sex", "race"], ["sex", Bins("x", [0.0])], [1, 2]])
@pytest.mark.parametrize("make", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"])
def test_columns_of_X_and_values_beside_it_give_the_same_folds(columns, make):
    X, y = some_rows()
    listed = columns if isinstance(columns, list) else [columns]
    values = {
        str(column): X["x"] > 0 if isinstance(column, Bins) else X.loc[:, column]
        for column in ([X.columns[c] if isinstance(c, int) else c for c in listed])
    }
    splitter = GroupLabelStratifiedKFold(4, sensitive_features=columns)
    folds = list(splitter.split(make(X), y))
    assert same(folds, folds_of(y, values, 4))
    crossed = (
        X["sex"]
        if len(listed) == 1
        else ["".join(map(str, r)) for r in zip(*values.values(), strict=True)]
    )
    assert share_within_one(np.char.add(y.astype(str), np.asarray(crossed, str)), folds, 4)


@pytest.mark.parametrize(
    "given_labels",
    [np.asarray, list, pd.Series, pl.Series, lambda y: y == "yes", pd.Categorical],
    ids=["array", "list", "pandas", "polars", "booleans", "categorical"],
)
def test_labels_of_any_type_give_the_same_folds(given_labels):
    X, y = some_rows()
    assert same(folds_of(given_labels(y), X["sex"]), folds_of(y, X["sex"]))


def test_rows_without_a_group_are_a_group_or_refused():
    y, sex = [0, 1] * 8, ["f"] * 4 + [None] * 4 + ["m"] * 8
    unknown = np.array([s is None for s in sex])
    assert all(unknown[test].sum() == 2 for _, test in folds_of(y, sex, 2))
    with pytest.raises(ValueError, match="4 missing values"):
        folds_of(y, sex, 2, missing="raise")


# Errors


@pytest.mark.parametrize("n_splits", [1, 0, -2, 2.0, "3", None])
def test_the_number_of_folds_is_an_integer_of_at_least_two(n_splits):
    with pytest.raises(ValueError, match=f"n_splits must be an integer.*{n_splits}"):
        folds_of([0, 1, 0, 1], list("abab"), n_splits)


@pytest.mark.parametrize(
    ("y", "groups", "columns", "message"),
    [
        ([0, 1, 1], list("aab"), None, r"n_splits=5 greater than.*n_samples=3"),
        ([0, 1] * 5, list("ab") * 4, None, r"inconsistent numbers of samples"),
        ([0, 1] * 4, list("ab") * 5, None, r"inconsistent numbers of samples"),
        ([0, 1] * 5, None, None, r"GroupLabelStratifiedKFold needs sensitive features"),
        ([0, 1] * 5, list("ab") * 5, "sex", r"GroupLabelStratifiedKFold got sensitive .* twice"),
        ([0, 1] * 5, None, "gender", r"no column 'gender'; its columns are \['sex'\]"),
        (None, None, "sex", r"target y is None"),
        ([0, None] * 5, None, "sex", r"y contains NaN"),
    ],
)
def test_what_makes_no_sense_is_refused(y, groups, columns, message):
    X = pd.DataFrame({"sex": list("ab") * 5})[: 3 if y is not None and len(y) == 3 else 10]
    splitter = GroupLabelStratifiedKFold(5, sensitive_features=columns)
    with pytest.raises(ValueError, match=message):
        list(splitter.split(X, y, sensitive_features=groups))


# Within scikit-learn


def test_it_splits_in_cross_validate_from_a_column():
    X, y = some_rows()
    splitter = GroupLabelStratifiedKFold(4, sensitive_features=["sex", "race"])
    results = cross_validate(DummyClassifier(), X, y, cv=splitter, return_indices=True)
    expected = splitter.split(X, y)
    for found, (_, test) in zip(results["indices"]["test"], expected, strict=True):
        assert_array_equal(found, test)


def test_it_splits_in_cross_validate_from_metadata(routing):
    X, y = some_rows()
    sex = X.pop("sex")
    results = cross_validate(
        DummyClassifier(),
        X,
        y,
        cv=GroupLabelStratifiedKFold(4),
        params={"sensitive_features": sex},
        return_indices=True,
    )
    for found, (_, test) in zip(results["indices"]["test"], folds_of(y, sex, 4), strict=True):
        assert_array_equal(found, test)


def test_an_alias_is_honoured(routing):
    X, y = some_rows()
    splitter = GroupLabelStratifiedKFold(4).set_split_request(sensitive_features="sex")
    options = {"cv": splitter, "params": {"sex": X["sex"]}, "return_indices": True}
    results = cross_validate(DummyClassifier(), X, y, **options)
    for found, (_, test) in zip(results["indices"]["test"], folds_of(y, X["sex"], 4), strict=True):
        assert_array_equal(found, test)


def test_it_splits_in_a_search_in_either_form(routing):
    X, y = some_rows()
    grid = {"strategy": ["uniform", "prior"]}
    by_column, by_metadata = (
        GridSearchCV(
            DummyClassifier(random_state=0),
            grid,
            cv=GroupLabelStratifiedKFold(3, sensitive_features=columns),
            scoring=fairness_scorer(
                "demographic_parity_difference", sensitive_features=columns, pos_label="yes"
            ),
        )
        for columns in ("sex", None)
    )
    by_column.fit(X, y)
    by_metadata.fit(X, y, sensitive_features=X["sex"])
    for key in ("mean_test_score", "std_test_score"):
        assert_array_equal(by_column.cv_results_[key], by_metadata.cv_results_[key])
    assert by_column.n_splits_ == by_metadata.n_splits_ == 3


def test_it_needs_no_routing_where_it_reads_a_column():
    X, y = some_rows()
    splitter = GroupLabelStratifiedKFold(3, sensitive_features="sex")
    assert len(cross_val_score(DummyClassifier(), X, y, cv=splitter)) == 3


def test_X_may_be_left_out_where_no_column_is_read():
    X, y = some_rows()
    splitter = GroupLabelStratifiedKFold(3)
    folds = list(splitter.split(None, y, sensitive_features=X["sex"]))
    assert same(folds, list(splitter.split(X, y, sensitive_features=X["sex"])))
    with pytest.raises(ValueError, match="'sex' is named, but X is a NoneType"):
        next(GroupLabelStratifiedKFold(3, sensitive_features="sex").split(None, y))


def test_groups_of_scikit_learn_are_ignored():
    X, y = some_rows()
    splitter = GroupLabelStratifiedKFold(sensitive_features="sex")
    assert same(list(splitter.split(X, y)), list(splitter.split(X, y, np.arange(len(y)))))


def test_the_number_of_folds_is_known_without_data():
    X, y = some_rows()
    splitter = GroupLabelStratifiedKFold(7)
    assert splitter.get_n_splits() == 7
    assert splitter.get_n_splits(X, y, sensitive_features=X["sex"]) == 7


def test_copies_split_alike_and_the_text_shows_the_parameters():
    X, y = some_rows()
    splitter = GroupLabelStratifiedKFold(
        3, sensitive_features=Bins("x", [0.5]), shuffle=True, random_state=1, missing="raise"
    )
    for copy in (pickle.loads(pickle.dumps(splitter)), clone(splitter, safe=False)):
        assert copy is not splitter
        assert same(list(copy.split(X, y)), list(splitter.split(X, y)))
    text = repr(splitter)
    for part in ("GroupLabelStratifiedKFold(", "n_splits=3", "random_state=1", "shuffle=True"):
        assert part in text
    assert "sensitive_features=Bins(column='x', edges=[0.5])" in text


def test_splitting_does_not_touch_the_data():
    X, y = some_rows()
    before, labels = X.copy(), y.copy()
    list(GroupLabelStratifiedKFold(sensitive_features="sex", shuffle=True).split(X, y))
    pd.testing.assert_frame_equal(X, before)
    assert_array_equal(y, labels)
