from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from doubles import GroupRule, Misaligned, RowChecker, WatchingMitigator, make_rows
from joblib import parallel_config
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import KFold, ShuffleSplit
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skfair.groups import MISSING, Groups
from skfair.model_selection import ActiveSampler
from skfair.model_selection._needs import allot, group_needs
from skfair.model_selection._uncertainty import chances_of, uncertainty_of


class Known(ClassifierMixin, BaseEstimator):
    """Says that the chance of "yes" is the first column."""

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.array(["no", "yes"])
        return self

    def predict_proba(self, X):
        chance = np.asarray(X)[:, 0].astype(float)
        return np.stack([1 - chance, chance], axis=1)

    def predict(self, X):
        return self.classes_[(np.asarray(X)[:, 0].astype(float) > 0.5).astype(int)]


# 40 labelled rows: the model is right about every "m" and about 4 of 10 "f"
CHANCE = np.r_[np.full(15, 0.1), np.full(15, 0.9), np.full(10, 0.9)]
Y = np.array(["no"] * 15 + ["yes"] * 15 + ["no"] * 6 + ["yes"] * 4)
SEX = np.array(["m"] * 30 + ["f"] * 10)
X = np.column_stack([CHANCE, np.arange(40.0)])

# a pool of 30 "m", very unsure, and 10 "f", sure
POOL_SEX = np.array(["m"] * 30 + ["f"] * 10)
POOL = np.column_stack([np.r_[np.full(30, 0.5), np.linspace(0.9, 0.99, 10)], np.arange(40.0)])


def fitted(**options):
    return ActiveSampler(Known(), random_state=0, **options).fit(X, Y, sensitive_features=SEX)


def planted(seed=0, n=600):
    rng = np.random.default_rng(seed)
    x, few = rng.normal(size=(n, 3)), rng.random(n) < 0.15
    y = np.where(few, x[:, 0] < 0, x[:, 0] > 0)
    return x, np.where(y, "yes", "no"), np.where(few, "few", "most")


def test_needs_by_hand():
    table = fitted(prior_rows=10).group_errors_
    assert table["n"].to_dict() == {"f": 10, "m": 30}
    assert table["error"].to_dict() == {"f": 0.6, "m": 0.0}
    pooled = 6.5 / 41
    shrunk = {"f": (6 + 10 * pooled) / 20, "m": 10 * pooled / 40}
    assert table["shrunk"].to_dict() == pytest.approx(shrunk)
    spread = np.sqrt(shrunk["f"] * (1 - shrunk["f"]) / 21)
    assert table["need"]["f"] == pytest.approx(shrunk["f"] + spread)


def test_weights_are_effective_rows():
    groups = Groups.read(["f", "f", "m"])
    weights = np.array([3.0, 1.0, 0.0])
    table = group_needs(np.array([1.0, 0.0, 1.0]), groups, weights, 1.0)
    assert table["n"].tolist() == [2, 0]
    assert table["error"]["f"] == 0.75
    assert np.isnan(table["error"]["m"])
    size = 16 / 10
    pooled = (0.75 * size + 0.5) / (size + 1)
    assert table["shrunk"].tolist() == pytest.approx([(0.75 * size + pooled) / (size + 1), pooled])
    assert table["need"]["m"] == pytest.approx(table.attrs["unseen"])


def test_a_scale_of_weights_changes_nothing():
    groups, wrong = Groups.read(SEX), np.arange(40) % 3 == 0
    one = group_needs(wrong.astype(float), groups, None, 10)
    many = group_needs(wrong.astype(float), groups, np.full(40, 7.0), 10)
    assert np.allclose(one.to_numpy(), many.to_numpy())


def test_a_group_that_few_rows_know_has_the_larger_need():
    groups = Groups.read(["few"] * 2 + ["many"] * 200)
    wrong = np.r_[[0.0, 1.0], np.repeat([0.0, 1.0], 100)]
    assert group_needs(wrong, groups, None, 10)["need"].idxmax() == "few"


def test_the_weak_group_gets_most_labels_though_the_model_is_sure_there():
    sampler = fitted(candidates=1)
    chosen = sampler.query(POOL, 10, sensitive_features=POOL_SEX)
    need = sampler.group_errors_["need"]
    assert (POOL_SEX[chosen] == "f").sum() == round(10 * need["f"] / need.sum())
    # within the group, the least sure ones
    of_f = np.sort(chosen[POOL_SEX[chosen] == "f"])
    assert of_f.tolist() == list(range(30, 30 + len(of_f)))


def test_shares_hold_from_the_start():
    chosen = fitted(focus=0).query(POOL, 10, sensitive_features=POOL_SEX)
    assert (POOL_SEX[chosen[:4]] == "f").sum() == 2
    assert (POOL_SEX[chosen] == "f").sum() == 5


@pytest.mark.parametrize(("focus", "n_f"), [(0, 5), (0.5, 7), (1, 9), (9, 10)])
def test_focus(focus, n_f):
    chosen = fitted(focus=focus).query(POOL, 10, sensitive_features=POOL_SEX)
    assert (POOL_SEX[chosen] == "f").sum() == n_f


def test_plain_uncertainty_ignores_the_groups():
    options = {"strategy": "uncertainty", "candidates": 1, "random_state": 0}
    sampler = ActiveSampler(Known(), **options).fit(X, Y)
    chosen = sampler.query(POOL, 10)
    assert set(POOL_SEX[chosen]) == {"m"}
    assert not hasattr(sampler, "group_errors_")
    again = sampler.query(POOL, 10, sensitive_features=POOL_SEX)
    assert again.tolist() == chosen.tolist()


def test_random_is_uniform_and_distinct():
    counts = np.zeros(8)
    for seed in range(200):
        sampler = ActiveSampler(Known(), strategy="random", random_state=seed).fit(X, Y)
        chosen = sampler.query(POOL[:8], 3)
        assert len(set(chosen.tolist())) == 3
        counts[chosen] += 1
    assert (abs(counts / 200 - 3 / 8) < 0.12).all()


def test_diversity_chooses_from_each_cluster():
    # ten rows that say the same are the least sure; three others are elsewhere
    pool = np.r_[np.tile([[0.5, 0.0]], (10, 1)), [[0.55, 100.0], [0.55, 200.0], [0.55, 300.0]]]
    options = {"strategy": "uncertainty", "random_state": 0}
    close = ActiveSampler(Known(), candidates=1, **options).fit(X, Y).query(pool, 4)
    assert (close < 10).all()
    spread = ActiveSampler(Known(), candidates=4, **options).fit(X, Y).query(pool, 4)
    assert sorted(pool[spread, 1].tolist()) == [0, 100, 200, 300]


def test_an_embedding_says_what_is_alike():
    pool = np.column_stack([np.full(12, 0.5), np.arange(12.0)])
    sampler = ActiveSampler(
        Known(),
        strategy="uncertainty",
        embedding=lambda X: (np.asarray(X)[:, 1:] % 3) * 10,
        random_state=0,
    )
    chosen = sampler.fit(X, Y).query(pool, 3)
    assert sorted((chosen % 3).tolist()) == [0, 1, 2]


def test_identical_rows_are_filled_up():
    pool = np.full((20, 2), 0.5)
    chosen = ActiveSampler(Known(), strategy="uncertainty", random_state=0).fit(X, Y).query(pool, 7)
    assert len(set(chosen.tolist())) == 7


def test_ties_are_broken_by_lot():
    pool = np.full((50, 2), 0.5)
    options = {"strategy": "uncertainty", "candidates": 1}
    found = {
        tuple(ActiveSampler(Known(), random_state=seed, **options).fit(X, Y).query(pool, 3))
        for seed in range(5)
    }
    assert len(found) == 5


def test_the_whole_pool_is_ordered():
    chosen = fitted().query(POOL, 1000, sensitive_features=POOL_SEX)
    assert sorted(chosen.tolist()) == list(range(40))
    assert chosen.dtype == np.intp


def test_a_new_group_in_the_pool_has_the_pooled_error():
    sampler = fitted(focus=1)
    groups = np.where(np.arange(40) % 2, "m", "new")
    with pytest.warns(UserWarning, match=r"hasn't seen: \['new'\]"):
        chosen = sampler.query(POOL, 10, sensitive_features=groups)
    need, unseen = sampler.group_errors_["need"]["m"], sampler.group_errors_.attrs["unseen"]
    assert (groups[chosen] == "new").sum() == round(10 * unseen / (need + unseen))


def test_unseen_labels_share_the_labels_of_one_group():
    groups = np.where(np.arange(40) < 30, "m", "f").astype(object)
    groups[:6] = [f"typo{k}" for k in range(6)]
    sampler = fitted(focus=0)
    with pytest.warns(UserWarning, match=r"\['typo0', 'typo1'.*one group"):
        chosen = sampler.query(POOL, 12, sensitive_features=groups)
    assert (chosen < 6).sum() == 4  # one group of three, and not six of eight


def test_a_pool_of_unseen_groups_alone_is_refused():
    with pytest.raises(ValueError, match=r"\['F', 'M'\], and no other; groups seen: \['f', 'm'\]"):
        fitted().query(POOL, 5, sensitive_features=np.char.upper(POOL_SEX))


@pytest.mark.parametrize(("n_unknown", "n_chosen"), [(1, 0), (20, 10), (40, 20)])
def test_unknown_rows_have_the_shares_of_the_groups_they_may_be_of(n_unknown, n_chosen):
    # labelled and pool rows lie in two places, and half of each group's are unknown
    x = np.column_stack([CHANCE, np.repeat([0.0, 100.0], [30, 10])])
    sampler = ActiveSampler(Known(), random_state=0).fit(x, Y, sensitive_features=SEX)
    pool = np.column_stack([np.full(80, 0.5), np.tile([0.0, 100.0], 40)])
    groups = np.tile(np.array(["m", "f"], dtype=object), 40)
    groups[:n_unknown] = None
    chosen = sampler.query(pool, 40, sensitive_features=groups)
    unknown = chosen[chosen < n_unknown]
    assert abs(len(unknown) - n_chosen) <= 1
    need = sampler.group_errors_["need"]
    expected = 40 * need["f"] / need.sum()
    assert abs((pool[chosen, 1] == 100).sum() - expected) <= 1 + n_unknown / 4


@pytest.mark.parametrize("focus", [400, 5000])
def test_a_huge_focus_gives_all_to_the_weakest(focus):
    sampler = fitted(focus=focus)
    assert set(POOL_SEX[sampler.query(POOL, 8, sensitive_features=POOL_SEX)]) == {"f"}
    chosen = sampler.query(POOL, 15, sensitive_features=POOL_SEX)
    assert (POOL_SEX[chosen] == "f").sum() == 10
    assert len(set(sampler.query(POOL, 15).tolist())) == 15  # groups unknown


def test_scores_of_pairs_of_classes_are_refused():
    x = np.random.default_rng(0).normal(size=(80, 2))
    y = np.digitize(x[:, 0], [-0.8, 0, 0.8])
    for shape in ("ovr", "ovo"):
        model = SVC(decision_function_shape=shape)
        sampler = ActiveSampler(model, strategy="uncertainty", random_state=0).fit(x, y)
        if shape == "ovr":
            assert len(sampler.query(x, 4)) == 4
            continue
        with pytest.raises(ValueError, match="each of the 4 classes, and returned 6"):
            sampler.query(x, 4)


def test_rows_of_unknown_group_have_the_need_of_their_neighbours():
    # the second column tells the groups apart; all rows are equally unsure
    pool = np.column_stack([np.full(40, 0.5), np.arange(40.0)])
    sampler = fitted(candidates=1)
    chosen = sampler.query(pool, 5)
    assert (chosen >= 30).all()
    partly = np.array(["m"] * 20 + [None] * 20, dtype=object)
    chosen = sampler.query(pool, 20, sensitive_features=partly)
    unknown = chosen[chosen >= 20]
    assert len(unknown) > 10
    assert (unknown[:5] >= 30).all()


def test_rows_of_unknown_group_are_no_group_that_is_labelled():
    # 3 of 3 labelled rows without a value are predicted wrongly, which makes no need of their own
    x, y = np.vstack([X, [[0.9, 0.0]] * 3]), np.append(Y, ["no"] * 3)
    sex = np.append(SEX, [None] * 3).astype(object)
    sampler = ActiveSampler(Known(), random_state=0, candidates=1).fit(x, y, sensitive_features=sex)
    table = sampler.group_errors_
    assert table.loc[MISSING, ["n", "error"]].tolist() == [3, 1.0]
    assert table["need"].isna().tolist() == [label == MISSING for label in table.index]
    # the rows of the pool that lack a value lie where labelled ones are "m"
    places = np.r_[np.arange(20.0), np.arange(5.0, 15.0), np.arange(100.0, 110.0)]
    pool = np.column_stack([np.full(40, 0.5), places])
    groups = np.array(["m"] * 20 + [None] * 10 + ["f"] * 10, dtype=object)
    chosen = sampler.query(pool, 12, sensitive_features=groups)
    need = table["need"]
    shares = {"f": 12 * need["f"], "m": 12 * need["m"] * 2 / 3, None: 12 * need["m"] / 3}
    for label, share in shares.items():
        expected = share / (need["f"] + need["m"])
        assert abs((groups[chosen] == label).sum() - expected) < 1


def test_rows_that_lack_one_of_two_values_are_of_unknown_group():
    sex = np.stack([SEX, np.where(np.arange(40) % 2, "x", "z")], axis=1).astype(object)
    sex[::8, 1] = None
    sampler = ActiveSampler(Known(), random_state=0).fit(X, Y, sensitive_features=sex)
    need = sampler.group_errors_["need"]
    assert [MISSING in label for label in need.index] == need.isna().tolist()
    assert need.isna().sum() == 2
    assert len(sampler.query(POOL, 10, sensitive_features=sex)) == 10


def test_where_no_group_is_known_those_rows_are_one():
    nobody = np.full(40, None)
    sampler = ActiveSampler(Known(), random_state=0).fit(X, Y, sensitive_features=nobody)
    assert sampler.group_errors_["need"].notna().all()
    assert len(sampler.query(POOL, 5, sensitive_features=nobody)) == 5
    with pytest.raises(ValueError, match=r"\['f', 'm'\], and no other"):
        sampler.query(POOL, 5, sensitive_features=POOL_SEX)


def test_missing_values_hide_no_misspelt_groups():
    sex, pool_sex = SEX.astype(object), np.char.upper(POOL_SEX).astype(object)
    sex[0] = pool_sex[0] = None
    sampler = ActiveSampler(Known(), random_state=0).fit(X, Y, sensitive_features=sex)
    with pytest.raises(ValueError, match=r"\['F', 'M'\], and no other; groups seen: \['f', 'm'\]"):
        sampler.query(POOL, 5, sensitive_features=pool_sex)
    assert len(sampler.query(POOL, 5, sensitive_features=np.full(40, None))) == 5


def test_missing_values_can_be_refused():
    sex = SEX.astype(object)
    sex[:10] = None
    strict = ActiveSampler(Known(), missing="raise")
    with pytest.raises(ValueError, match="missing values"):
        strict.fit(X, Y, sensitive_features=sex)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (LinearRegression(), "needs a classifier, got the regressor LinearRegression"),
        (LogisticRegression, "got the class LogisticRegression: give an instance"),
        (object(), "needs an estimator with fit and get_params, got object"),
    ],
)
def test_what_is_no_classifier_is_refused(estimator, message):
    with pytest.raises(TypeError, match=message):
        ActiveSampler(estimator).fit(X, Y, sensitive_features=SEX)


def test_bare_torch_modules_are_told_what_to_be_wrapped_in():
    torch = pytest.importorskip("torch")
    with pytest.raises(TypeError, match="got Linear: a torch module can be wrapped in skorch's"):
        ActiveSampler(torch.nn.Linear(2, 2)).fit(X, Y, sensitive_features=SEX)


@pytest.mark.parametrize("kind", ["pandas", "polars", "numpy", "list", "sparse"])
def test_kinds_of_tables_agree(kind):
    x, y, group = planted()
    tables = {
        "pandas": lambda a: pd.DataFrame(a, columns=list("abc"), index=np.arange(len(a))[::-1]),
        "polars": lambda a: pl.DataFrame(a, schema=list("abc")),
        "numpy": lambda a: a,
        "list": lambda a: a.tolist(),
        "sparse": sparse.csr_matrix,
    }
    make = tables[kind]
    sampler = ActiveSampler(LogisticRegression(), candidates=3, random_state=0)
    with config_context(assume_finite=False):
        sampler.fit(make(x[:200]), y[:200], sensitive_features=group[:200])
    chosen = sampler.query(make(x[200:]), 12, sensitive_features=group[200:])
    plain = ActiveSampler(LogisticRegression(), candidates=3, random_state=0)
    plain.fit(x[:200], y[:200], sensitive_features=group[:200])
    expected = plain.query(x[200:], 12, sensitive_features=group[200:])
    if kind == "sparse":  # scaled without centring, so clusters may differ
        assert (group[200:][chosen] == "few").sum() == (group[200:][expected] == "few").sum()
    else:
        assert chosen.tolist() == expected.tolist()


def test_columns_name_the_groups_and_mixed_tables_work():
    x, y, group = planted()
    table = pd.DataFrame(x, columns=list("abc")).assign(group=group)
    table.loc[::7, "a"] = np.nan
    table["b"] = table["b"].where(table["b"] > -1, 0.0)
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["group"]), ("passthrough", ["b", "c"])
        ),
        LogisticRegression(),
    )
    sampler = ActiveSampler(model, sensitive_features="group", random_state=0)
    chosen = sampler.fit(table[:300], y[:300]).query(table[300:], 20)
    values = ActiveSampler(model, random_state=0)
    values.fit(table[:300], y[:300], sensitive_features=group[:300])
    expected = values.query(table[300:], 20, sensitive_features=group[300:])
    assert chosen.tolist() == expected.tolist()
    without = values.query(table[300:], 20)
    assert len(set(without.tolist())) == 20
    with pytest.raises(ValueError, match="twice"):
        sampler.query(table[300:], 2, sensitive_features=group[300:])


def test_images_are_represented_by_probabilities():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(120, 1, 4, 4))
    y, group = (images.mean(axis=(1, 2, 3)) > 0).astype(int), np.repeat(["a", "b"], 60)

    class Flat(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            assert X.shape[1:] == (1, 4, 4)
            self.net_ = LogisticRegression().fit(X.reshape(len(X), -1), y)
            self.classes_ = self.net_.classes_
            return self

        def predict_proba(self, X):
            return self.net_.predict_proba(X.reshape(len(X), -1))

        def predict(self, X):
            return self.net_.predict(X.reshape(len(X), -1))

    sampler = ActiveSampler(Flat(), random_state=0).fit(images, y, sensitive_features=group)
    assert len(set(sampler.query(images, 15, sensitive_features=group))) == 15
    assert len(set(sampler.query(images, 15))) == 15


def test_three_classes_and_a_decision_function():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(150, 2))
    y = np.array(["a", "b", "c"])[np.argmax(np.c_[x, np.zeros(150)], axis=1)]
    group = np.repeat(["f", "m"], 75)
    for uncertainty in ("margin", "least_confidence", "entropy"):
        sampler = ActiveSampler(LinearSVC(random_state=0), uncertainty=uncertainty, random_state=0)
        sampler.fit(x, y, sensitive_features=group)
        assert sampler.classes_.tolist() == ["a", "b", "c"]
        assert len(sampler.query(x, 6, sensitive_features=group)) == 6


def test_uncertainty_by_hand():
    chances = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])
    assert uncertainty_of(chances, "margin") == pytest.approx([0.8, 0, 1])
    assert uncertainty_of(chances, "least_confidence") == pytest.approx([0.75, 0, 1])
    entropy = -(0.2 * np.log(0.2) + 0.3 * np.log(0.3) + 0.5 * np.log(0.5)) / np.log(3)
    assert uncertainty_of(chances, "entropy") == pytest.approx([entropy, 0, 1])
    assert uncertainty_of(np.ones((2, 1)), "margin").tolist() == [0, 0]
    table = chances_of([[0.0, np.log(3)]], "decision_function", 2)
    assert table == pytest.approx(np.array([[0.25, 0.75]]))


def test_allot_by_hand():
    assert allot(7, np.array([2.0, 1.0]), np.array([100, 100])).tolist() == [5, 2]
    assert allot(7, np.array([2.0, 1.0]), np.array([3, 100])).tolist() == [3, 4]
    assert allot(7, np.array([2.0, 1.0]), np.array([3, 4])).tolist() == [3, 4]
    assert allot(3, np.array([2.0, 1.0, 1.0]), np.array([0, 1, 9])).tolist() == [0, 1, 2]


def test_a_frozen_estimator_is_used_as_it_is():
    x, y, group = planted()
    model = LogisticRegression().fit(x[group == "most"], y[group == "most"])
    sampler = ActiveSampler(FrozenEstimator(model), random_state=0)
    sampler.fit(x, y, sensitive_features=group, sample_weight=np.ones(len(y)))
    right = model.predict(x) == y
    for label in ("few", "most"):
        error = 1 - right[group == label].mean()
        assert sampler.group_errors_["error"][label] == pytest.approx(error)
    assert sampler.estimator_.estimator is model


def test_errors_are_out_of_fold():
    x, y, group = planted()
    sampler = ActiveSampler(KNeighborsClassifier(1)).fit(x, y, sensitive_features=group)
    assert sampler.group_errors_["error"]["few"] > 0.3  # in-sample it would be 0


@pytest.mark.parametrize(
    "cv", [KFold(3), [(np.arange(20, 40), np.arange(20)), (np.arange(20), np.arange(20, 40))]]
)
def test_splitters_and_splits(cv):
    order = np.random.default_rng(0).permutation(40)
    sampler = ActiveSampler(Known(), cv=cv).fit(X[order], Y[order], sensitive_features=SEX[order])
    assert sampler.group_errors_["error"].to_dict() == {"f": 0.6, "m": 0.0}


def test_rows_without_weight_are_no_rows():
    x, y, group = planted(n=300)
    weights = np.r_[np.ones(200), np.zeros(100)]
    some = ActiveSampler(DecisionTreeClassifier(random_state=0), random_state=0)
    some.fit(x, y, sensitive_features=group, sample_weight=weights)
    fewer = ActiveSampler(DecisionTreeClassifier(random_state=0), random_state=0)
    fewer.fit(x[:200], y[:200], sensitive_features=group[:200], sample_weight=weights[:200])
    pd.testing.assert_frame_equal(some.group_errors_, fewer.group_errors_)


def test_groups_and_weights_stay_with_their_rows():
    x, y, group, weights = make_rows()
    of_some = {"sensitive_features": group[:90], "sample_weight": weights[:90]}
    sampler = ActiveSampler(GroupRule(), random_state=0).fit(x[:90], y[:90], **of_some)
    assert len(sampler.query(x[90:], 7, sensitive_features=group[90:])) == 7
    inner = WatchingMitigator(RowChecker(weights="known"), weights="known")
    ActiveSampler(inner, random_state=0).fit(x[:90], y[:90], **of_some)
    shifted = {**of_some, "sensitive_features": np.roll(group[:90], 1)}
    with pytest.raises(Misaligned):
        ActiveSampler(GroupRule(), random_state=0).fit(x[:90], y[:90], **shifted)
    with pytest.raises(Misaligned):
        sampler.query(x[90:], 7, sensitive_features=np.roll(group[90:], 1))


def test_it_is_an_estimator_of_scikit_learn():
    sampler = ActiveSampler(Known(), focus=3.0)
    assert clone(sampler).get_params()["focus"] == 3.0
    assert sampler.set_params(strategy="random").strategy == "random"
    request = ActiveSampler(Known()).get_metadata_routing()
    assert request.consumes("fit", ["sensitive_features"]) == {"sensitive_features"}
    named = ActiveSampler(Known(), sensitive_features=0).get_metadata_routing()
    assert named.consumes("fit", ["sensitive_features"]) == set()


def test_the_same_seed_gives_the_same_rows_for_any_number_of_jobs():
    x, y, group = planted()
    found = []
    for n_jobs in (1, 2):
        sampler = ActiveSampler(LogisticRegression(), random_state=3, n_jobs=n_jobs)
        with parallel_config("threading"):
            sampler.fit(x[:200], y[:200], sensitive_features=group[:200])
        found.append(sampler.query(x[200:], 15, sensitive_features=group[200:]).tolist())
        assert sampler.query(x[200:], 15, sensitive_features=group[200:]).tolist() == found[-1]
    assert found[0] == found[1]


def test_a_second_fit_forgets_the_first():
    sampler = fitted()
    sampler.set_params(strategy="random").fit(X, Y)
    assert not hasattr(sampler, "group_errors_")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"strategy": "best"}, "strategy must be one of"),
        ({"uncertainty": "bald"}, "uncertainty must be one of"),
        ({"focus": -1}, "focus must be a number"),
        ({"prior_rows": 0}, "prior_rows must be a number above 0"),
        ({"candidates": 0}, "candidates must be an integer"),
        ({"cv": 1}, "cv must be an integer"),
        ({"cv": "prefit"}, "cv must be a number of folds"),
        ({"cv": ShuffleSplit(1, random_state=0)}, "must hold each row"),
        ({"sensitive_features": 0}, "twice"),
    ],
)
def test_refused_parameters(options, match):
    with pytest.raises(ValueError, match=match):
        fitted(**options)


def test_refused_input():
    with pytest.raises(ValueError, match="needs sensitive features"):
        ActiveSampler(Known()).fit(X, Y)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        ActiveSampler(Known()).fit(X, Y[:-1], sensitive_features=SEX)
    with pytest.raises(ValueError, match="continuous"):
        ActiveSampler(Known()).fit(X, CHANCE, sensitive_features=SEX)
    with pytest.raises(ValueError, match="Negative values"):
        ActiveSampler(Known()).fit(X, Y, sensitive_features=SEX, sample_weight=-np.ones(40))
    with pytest.raises(ValueError, match="y is None"):
        ActiveSampler(Known()).fit(X, None, sensitive_features=SEX)
    one = np.array(["yes"] + ["no"] * 39)
    with pytest.raises(ValueError, match="one class only"):
        ActiveSampler(Known()).fit(X, one, sensitive_features=SEX)
    sampler = fitted()
    with pytest.raises(ValueError, match="nothing to choose"):
        sampler.query(POOL[:0], 1, sensitive_features=POOL_SEX[:0])
    with pytest.raises(ValueError, match="n must be an integer"):
        sampler.query(POOL, 0, sensitive_features=POOL_SEX)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        sampler.query(POOL, 5, sensitive_features=POOL_SEX[:-1])
    with pytest.raises(ValueError, match="embedding must be a function"):
        fitted(embedding="pca").query(POOL, 5, sensitive_features=POOL_SEX)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted(embedding=lambda X: X[1:]).query(POOL, 5, sensitive_features=POOL_SEX)
    with pytest.raises(ValueError, match="NaN or infinity"):
        sampler.query(np.full((4, 2), np.nan), 2, sensitive_features=["f"] * 4)


def test_an_estimator_without_scores_is_refused():
    class Blunt(ClassifierMixin, BaseEstimator):
        def fit(self, X, y):
            self.classes_ = np.unique(y)
            return self

        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    sampler = ActiveSampler(Blunt()).fit(X, Y, sensitive_features=SEX)
    with pytest.raises(TypeError, match="neither predict_proba nor"):
        sampler.query(POOL, 2, sensitive_features=POOL_SEX)


def test_a_column_that_changes_its_kind_is_refused():
    words = X.astype(object)
    words[:, 1] = "text"
    sampler = ActiveSampler(Known(), random_state=0).fit(words, Y, sensitive_features=SEX)
    with pytest.raises(ValueError, match="column 'x1' has numbers in the pool"):
        sampler.query(POOL, 2)
    mixed = POOL.astype(object)
    mixed[:, 1] = "text"
    assert len(sampler.query(mixed, 2)) == 2


def test_networks_and_images():
    networks = pytest.importorskip("networks")
    from skfair.inprocessing import FairNetClassifier

    images, y, group = networks.images(n=80)
    net = FairNetClassifier(
        module=networks.SmallCNN, pos_label=1, max_epochs=2, device="cpu", random_state=0
    )
    sampler = ActiveSampler(net, cv=2, random_state=0)
    sampler.fit(images[:40], y[:40], sensitive_features=group[:40])
    chosen = sampler.query(images[40:], 6, sensitive_features=group[40:])
    assert len(set(chosen.tolist())) == 6
    assert len(sampler.query(images[40:], 6)) == 6
