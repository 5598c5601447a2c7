from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")

from torch import nn  # noqa: E402

from skfair.criteria import CRITERIA  # noqa: E402
from skfair.finetuning import LastLayerRetrainer, compare_debiasers  # noqa: E402
from skfair.finetuning import compare as module  # noqa: E402
from skfair.postprocessing import ThresholdOptimizer  # noqa: E402
from skfair.tally import Tally  # noqa: E402

RNG = np.random.default_rng(0)
SEX = RNG.choice(["f", "m"], 800)
X = (RNG.normal(size=(800, 2)) + [1.0, 0.0] * (SEX == "m")[:, None]).astype(np.float32)
Y = (X[:, 1] + 0.5 * RNG.normal(size=800) > 0).astype(int)
PARTS = (X[:400], Y[:400], X[400:], Y[400:])
GROUPS = {"sensitive_features_val": SEX[:400], "sensitive_features_test": SEX[400:]}


def a_net():
    net = nn.Linear(2, 1)
    with torch.no_grad():
        net.weight.fill_(1.0)
        net.bias.fill_(-0.5)
    return net


def a_debiaser(**options):
    return LastLayerRetrainer(a_net(), random_state=0, device="cpu", **options)


def test_the_table_tells_what_predictions_show():
    names = {"retrained": a_debiaser(), "nobody": DummyClassifier(strategy="constant", constant=0)}
    found = compare_debiasers(names, *PARTS, **GROUPS)
    row, retrained = found.table.loc["retrained"], found.estimators["retrained"]
    decided = retrained.predict(X[400:])
    assert row["performance"] == pytest.approx(balanced_accuracy_score(Y[400:], decided))
    gap = CRITERIA["average_odds"](Tally.from_arrays(Y[400:], decided, SEX[400:]).cells())
    assert row["bias"] == pytest.approx(float(gap))
    assert row["bias_low"] < row["bias"] < row["bias_high"]
    assert row["performance_low"] < row["performance"] < row["performance_high"]
    assert row["selection_rate"] == pytest.approx(decided.mean())
    assert row["validation_bias"] == pytest.approx(
        float(
            CRITERIA["average_odds"](
                Tally.from_arrays(Y[:400], retrained.predict(X[:400]), SEX[:400]).cells()
            )
        )
    )
    assert row["seconds"] > 0
    nobody = found.table.loc["nobody"]
    assert (nobody["objective"], nobody["bias"], nobody["selection_rate"]) == (0.5, 0, 0)
    tight = compare_debiasers({"a": retrained}, *PARTS, **GROUPS, tol=0.0, random_state=0)
    assert tight.table.loc["a", "objective"] == 0
    assert np.isnan(tight.table.loc["a", "seconds"])  # it came fitted


def test_competitors_of_every_kind():
    score = LogisticRegression()
    rule = ThresholdOptimizer(score, constraints="average_odds", tol=0.05, cv=2)
    unfair = LogisticRegression().fit(X[:400], (SEX[:400] == "m").astype(int))
    names = {"rule": rule, "logistic": score, "by sex": unfair}
    found = compare_debiasers(names, *PARTS, **GROUPS)
    assert list(found.table.index) == ["rule", "logistic", "by sex"]
    assert found.estimators["by sex"] is unfair
    assert not hasattr(score, "coef_")
    assert not hasattr(rule, "estimator_")
    assert found.table.loc["by sex", "bias"] > 0.3
    listed = compare_debiasers([score], *PARTS, **GROUPS)
    assert list(listed.table.index) == ["LogisticRegression"]
    with pytest.raises(ValueError, match="different names"):
        compare_debiasers([score, score], *PARTS, **GROUPS)
    with pytest.raises(ValueError, match="different names"):
        compare_debiasers({"a": score}, *PARTS, **GROUPS, also={"a": rule})


@pytest.mark.filterwarnings("ignore:.*within tol=.* decide nearly alike")
def test_a_network_runs_through_all_debiasers(monkeypatch):
    seen = []
    monkeypatch.setattr(module, "_KINDS", (LastLayerRetrainer,))
    real = module._fit

    def fit(estimator, *rest):
        seen.append(estimator.get_params(deep=False))
        return real(estimator, *rest)

    monkeypatch.setattr(module, "_fit", fit)
    options = {"constraints": "demographic_parity", "tol": 0.1, "random_state": 3}
    options |= {"device": "cpu", "time_limit": 50.0}
    net = a_net()
    before = net.weight.detach().clone()
    also = {"plain": LogisticRegression()}
    found = compare_debiasers(net, *PARTS, **GROUPS, **options, also=also)
    names = ["original", "threshold only", "LastLayerRetrainer", "plain"]
    assert list(found.table.index) == names
    assert torch.equal(net.weight, before)
    assert [params["tol"] for params in seen[:3]] == [1.0, 0.1, 0.1]
    assert seen[2]["constraints"] == "demographic_parity"
    assert (seen[2]["random_state"], seen[2]["device"], seen[2]["time_limit"]) == (3, "cpu", 50.0)
    assert found.table.loc["original", "validation_bias"] > 0.1
    assert found.table.loc["threshold only", "validation_bias"] <= 0.1
    assert len(found.estimators["threshold only"].history_) == 1
    assert torch.equal(found.estimators["threshold only"].module_.weight, before)


def test_all_debiasers_are_among_them():
    import skfair.finetuning as package

    names = {n for n in package.__all__ if n.endswith(("Debiaser", "FineTuner", "Retrainer"))}
    assert {kind.__name__ for kind in module._KINDS} == names


def test_groups_from_columns():
    table = pd.DataFrame(X, columns=["a", "b"]).assign(sex=SEX, region=np.tile(["x", "y"], 400))
    table.index = table.index[::-1]
    debiaser = LastLayerRetrainer(a_net(), sensitive_features=["sex", "region"])
    debiaser.set_params(random_state=0, device="cpu", tol=1.0)
    parts = (table[:400], Y[:400], table[400:], Y[400:])
    found = compare_debiasers({"a": debiaser}, *parts, sensitive_features=["sex", "region"])
    assert found.estimators["a"].group_labels_[0] == ("f", "x")
    with pytest.raises(ValueError, match="twice"):
        compare_debiasers({"a": debiaser}, *parts, sensitive_features="sex", **GROUPS)
    with pytest.raises(ValueError, match="groups of both parts"):
        compare_debiasers({"a": debiaser}, *parts)
    rule = ThresholdOptimizer(LogisticRegression(), cv=2, tol=0.3)
    numbers = table[["a", "b"]]
    values = table[["sex", "region"]]
    found = compare_debiasers(
        {"rule": rule},
        *(numbers[:400], Y[:400], numbers[400:], Y[400:]),
        sensitive_features_val=values[:400],
        sensitive_features_test=values[400:],
    )
    assert np.isfinite(found.table.loc["rule", "bias"])


def test_string_labels_ratios_and_costs():
    words = np.where(Y == 1, "yes", "no")
    parts = (X[:400], words[:400], X[400:], words[400:])
    options = {"constraints": "disparate_impact", "objective": {"fp": 1, "fn": 2}, "tol": 0.2}
    found = compare_debiasers(
        {"plain": LogisticRegression()}, *parts, **GROUPS, **options, pos_label="yes"
    )
    row = found.table.loc["plain"]
    assert 0 <= row["bias_low"] < row["bias"] < row["bias_high"] <= 1
    assert (found.criterion, found.performance) == ("disparate_impact", "performance")
    with pytest.raises(ValueError, match="pos_label"):
        compare_debiasers({"plain": LogisticRegression()}, *parts, **GROUPS)
    with pytest.raises(ValueError, match=r"y_val has the classes \[0, 1\], and y_test \[2, 1\]"):
        compare_debiasers({}, *PARTS[:3], np.where(Y[400:], 1, 2), **GROUPS, pos_label=1)
    with pytest.raises(TypeError, match="also must be a mapping"):
        compare_debiasers({"a": a_debiaser()}, *PARTS, **GROUPS, also=[a_debiaser()])
    with pytest.raises(ValueError, match="confidence_level"):
        compare_debiasers([LogisticRegression()], *PARTS, **GROUPS, confidence_level=1)


def test_runs_are_the_same_with_a_seed():
    names = {"a": LogisticRegression().fit(X, Y)}
    tables = [compare_debiasers(names, *PARTS, **GROUPS, random_state=s).table for s in (0, 0, 1)]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert tables[0].loc["a", "performance_low"] != tables[2].loc["a", "performance_low"]


def test_weights_are_those_of_a_row_repeated():
    rng = np.random.default_rng(1)
    counts = rng.integers(1, 4, size=800)
    repeated = [
        np.repeat(np.arange(400) + start, counts[start : start + 400]) for start in (0, 400)
    ]
    # fitted here, with the weights of the validation rows
    names = {"plain": LogisticRegression(), "rule": ThresholdOptimizer(LogisticRegression())}
    names["rule"].set_params(tol=0.3, cv=2, constraints="demographic_parity")
    weights = {"sample_weight_val": counts[:400], "sample_weight_test": counts[400:]}
    options = {"random_state": 0}
    found = compare_debiasers(names, *PARTS, **GROUPS, **weights, **options).table
    val, test = repeated
    again = compare_debiasers(
        {"plain": LogisticRegression()},
        *(X[val], Y[val], X[test], Y[test]),
        sensitive_features_val=SEX[val],
        sensitive_features_test=SEX[test],
        **options,
    ).table
    columns = ["objective", "performance", "bias", "selection_rate", "validation_bias"]
    expected = again.loc["plain", columns].to_numpy(float)
    np.testing.assert_allclose(found.loc["plain", columns].to_numpy(float), expected, atol=1e-6)
    bare = compare_debiasers(names, *PARTS, **GROUPS, **options).table
    assert found.loc["rule", "performance"] != bare.loc["rule", "performance"]
    with pytest.raises(TypeError, match="takes no sample_weight"):
        compare_debiasers([KNeighborsClassifier()], *PARTS, **GROUPS, **weights)
    with pytest.raises(ValueError, match="sample_weight"):
        compare_debiasers(names, *PARTS, **GROUPS, sample_weight_test=-counts[400:])


def test_groups_of_several_features_are_never_joined():
    first = np.where(RNG.random(800) < 0.5, "a", "a, b")
    second = np.where(first == "a", "b, c", "c")
    parts = np.column_stack([first, second])
    seen = []

    class Spy(LogisticRegression):
        def fit(self, X, y, sensitive_features=None):
            seen.append(sensitive_features)
            return super().fit(X, y)

    compare_debiasers(
        [Spy()],
        *PARTS,
        sensitive_features_val=parts[:400],
        sensitive_features_test=parts[400:],
    )
    assert seen[0].to_numpy().tolist() == parts[:400].tolist()
    table = pd.DataFrame({"x": X[:, 0], "sex": SEX, "part": first})
    rule = ThresholdOptimizer(
        LogisticRegression(), cv=2, tol=0.5, constraints="demographic_parity"
    ).fit(table[["x"]], Y, sensitive_features=table[["sex", "part"]])
    found = compare_debiasers(
        {"rule": rule},
        *(table[["x"]][:400], Y[:400], table[["x"]][400:], Y[400:]),
        sensitive_features_val=table[["sex", "part"]][:400],
        sensitive_features_test=table[["sex", "part"]][400:],
    )
    assert np.isfinite(found.table.loc["rule", "bias"])


def test_the_plot_shows_points_intervals_and_tolerance():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    names = {"a": LogisticRegression().fit(X, Y), "$b_": LogisticRegression(C=0.01).fit(X, Y)}
    found = compare_debiasers(names, *PARTS, **GROUPS, tol=0.07)
    ax = found.plot()
    assert ax.get_xlabel() == "average odds"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", r"\$b_"]
    points = [c.lines[0].get_xydata()[0] for c in ax.containers]
    assert points[0] == pytest.approx(found.table[["bias", "performance"]].iloc[0].to_numpy())
    assert any(list(line.get_xdata()) == [0.07, 0.07] for line in ax.lines)
    _, own = plt.subplots()
    assert found.plot(own) is own
    plt.close("all")
