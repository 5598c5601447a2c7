from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

torch = pytest.importorskip("torch")
pytest.importorskip("skorch")
pytest.importorskip("safetensors")

from networks import biased_rows  # noqa: E402
from torch import nn  # noqa: E402

from skfair.criteria import CRITERIA, RATES  # noqa: E402
from skfair.finetuning import (  # noqa: E402
    BiasGradientFineTuner,
    LastLayerRetrainer,
    LayerwiseDebiaser,
)
from skfair.finetuning._frames import frame_of, frame_parts  # noqa: E402
from skfair.groups import Bins  # noqa: E402
from skfair.nn.files import load_tensors, save_tensors  # noqa: E402

TABLE, LABELS, _ = biased_rows(300)
TABLE = TABLE.assign(skill=TABLE["skill"] / 100)
CHOICES = {"pos_label": "hire", "device": "cpu", "random_state": 0}


def a_net(width=4):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width), nn.Linear(width, 1))
    with torch.no_grad():
        net[0].weight.add_(1.0).neg_()  # "hire" is the first class, the output is of the last
        net[2].weight.fill_(0.5)
    return net


def fitted(kind=LastLayerRetrainer, net=None, **options):
    debiaser = kind(
        net or a_net(), **{"sensitive_features": "sex", "tol": 0.3, **CHOICES, **options}
    )
    return debiaser.fit(TABLE, LABELS)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (LastLayerRetrainer, {"Cs": (1.0, 0.5)}),
        (LayerwiseDebiaser, {"n_calls": 2}),
        (BiasGradientFineTuner, {"max_epochs": 2, "time_limit": 100}),
    ],
)
def test_what_is_loaded_is_what_was_saved(tmp_path, kind, options):
    debiaser = fitted(kind, **options)
    digest = debiaser.save(tmp_path / "net")
    loaded = kind.load(tmp_path / "net", a_net(), digest=digest)
    assert_array_equal(loaded.predict(TABLE), debiaser.predict(TABLE))
    assert_allclose(loaded.predict_proba(TABLE), debiaser.predict_proba(TABLE), atol=0)
    assert_array_equal(loaded.classes_, debiaser.classes_)
    assert loaded.classes_.dtype == debiaser.classes_.dtype
    for name in ("threshold_", "objective_", "bias_", "performance_", "group_labels_"):
        assert getattr(loaded, name) == getattr(debiaser, name)
    assert_array_equal(loaded.feature_names_in_, debiaser.feature_names_in_)
    pd.testing.assert_frame_equal(loaded.criteria_, debiaser.criteria_)
    pd.testing.assert_frame_equal(loaded.history_, debiaser.history_, check_dtype=False)
    known = debiaser.get_params(deep=False)
    again = loaded.get_params(deep=False)
    assert {k: v for k, v in again.items() if k != "net"} == {
        k: v for k, v in known.items() if k != "net"
    }


def test_the_network_given_to_load_stays_as_it_is(tmp_path):
    fitted().save(tmp_path / "net")
    net = a_net()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    LastLayerRetrainer.load(tmp_path / "net", net)
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())


@pytest.mark.filterwarnings("ignore:the network ranks", "ignore:within tol")
def test_a_threshold_beyond_all_scores_is_kept(tmp_path):
    net = a_net()
    nn.init.zeros_(net[2].weight)
    debiaser = fitted(LayerwiseDebiaser, net, n_calls=1, n_layers=1)
    debiaser._cut = -np.inf
    debiaser.save(tmp_path / "net")
    assert LayerwiseDebiaser.load(tmp_path / "net", a_net())._cut == -np.inf


def test_a_loaded_debiaser_can_go_on(tmp_path):
    fitted(BiasGradientFineTuner, max_epochs=2).save(tmp_path / "net")
    loaded = BiasGradientFineTuner.load(tmp_path / "net", a_net(), warm_start=True)
    steps = loaded.fit(TABLE, LABELS).history_["step"].tolist()
    assert steps[:5] == ["original", "epoch", "epoch", "original", "previous"]


@pytest.mark.filterwarnings("ignore:within tol")
def test_draws_go_on_where_they_were_saved(tmp_path):
    options = {"n_calls": 2, "n_layers": 1, "warm_start": True}
    debiaser = fitted(LayerwiseDebiaser, **options)
    debiaser.save(tmp_path / "net")
    loaded = LayerwiseDebiaser.load(tmp_path / "net", a_net())
    anew = LayerwiseDebiaser.load(tmp_path / "net", a_net(), random_state=0)
    found = [one.fit(TABLE, LABELS).history_["value"] for one in (debiaser, loaded, anew)]
    assert_array_equal(found[0], found[1])
    assert found[0].tolist() != found[2].tolist()


@pytest.mark.filterwarnings("ignore:within tol")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sensitive_features", ["sex"]),
        ("sensitive_features", ("sex",)),
        ("sensitive_features", np.array(["sex"])),
        ("sensitive_features", Bins("proxy", [0.0])),
        ("sensitive_features", [np.str_("sex"), Bins("proxy", (0.0, np.float64(1.0)))]),
        ("constraints", CRITERIA["demographic_parity"]),
        ("constraints", RATES["true_positive_rate"]),
        ("objective", {"fp": 1, "fn": 5}),
        ("objective", RATES["accuracy"]),
        ("tol", np.float64(0.4)),
        ("margin", np.float32(0.125)),
        ("pos_label", np.str_("hire")),
        ("n_subsets", np.int64(2)),
        ("Cs", [0.1, 1.0]),
        ("Cs", np.array([0.1, 1.0])),
        ("random_state", np.int64(3)),
        ("time_limit", 1e9),
        ("form", "penalized"),
        ("missing", "raise"),
        ("output", "logits"),
        ("warm_start", True),
        ("last_layer", "2"),
        ("validation_fraction", 0.25),
    ],
)
def test_every_parameter_comes_back(tmp_path, name, value):
    options = {"sensitive_features": "sex", "tol": 1.0, "n_subsets": 3, "Cs": (1.0,), **CHOICES}
    debiaser = LastLayerRetrainer(a_net(), **{**options, name: value})
    binned = isinstance(value, Bins) or (name == "sensitive_features" and len(value) == 2)
    if binned:  # the column that groups are read from is no input
        debiaser.set_params(net=nn.Linear(2 if isinstance(value, Bins) else 1, 1))
        nn.init.constant_(debiaser.net.weight, -1.0)
        table = TABLE.assign(sex=0.0) if isinstance(value, Bins) else TABLE
    else:
        table = TABLE
    debiaser.fit(table, LABELS).save(tmp_path / "net")
    loaded = LastLayerRetrainer.load(tmp_path / "net", debiaser.net)
    found = getattr(loaded, name)
    assert_array_equal(found, value) if isinstance(value, np.ndarray) else None
    assert isinstance(value, np.ndarray) or found == value
    assert isinstance(value, np.generic) or type(found) is type(value)
    assert_array_equal(loaded.predict(table), debiaser.predict(table))


def test_what_the_file_does_not_hold_must_be_given(tmp_path):
    def sex_of(table):
        return table["sex"]

    net = nn.Linear(2, 1)
    nn.init.constant_(net.weight, -1.0)
    numbers = TABLE[["skill", "proxy"]]
    debiaser = LastLayerRetrainer(
        net, sensitive_features=lambda _: TABLE["sex"], tol=0.3, **CHOICES
    )
    debiaser.fit(numbers, LABELS).save(tmp_path / "net")
    with pytest.raises(ValueError, match=r"doesn't hold \['sensitive_features'\]"):
        LastLayerRetrainer.load(tmp_path / "net", net)
    loaded = LastLayerRetrainer.load(tmp_path / "net", net, sensitive_features=sex_of)
    assert loaded.sensitive_features is sex_of
    assert_array_equal(loaded.predict(numbers), debiaser.predict(numbers))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "net"
    digest = fitted().save(path)
    with pytest.raises(ValueError, match="holds LastLayerRetrainer"):
        LayerwiseDebiaser.load(path, a_net())
    with pytest.raises(ValueError, match="doesn't fit the network"):
        LastLayerRetrainer.load(path, a_net(width=5))
    fitted(tol=0.25).save(path)
    with pytest.raises(ValueError, match="not as it was saved"):
        LastLayerRetrainer.load(path, a_net(), digest=digest)
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match="no file of skfair"):
        LastLayerRetrainer.load(path, a_net())
    from skfair.nn.files import save_tensors

    save_tensors(path, {"a": torch.ones(1)}, {"format": 99})
    with pytest.raises(ValueError, match="format"):
        LastLayerRetrainer.load(path, a_net())
    with pytest.raises(NotFittedError):
        LastLayerRetrainer(a_net()).save(path)


def tag_of(dtype, *values):
    return {"array": list(values), "dtype": dtype}


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("words", {"_sign": 7}, "no debiaser has: _sign=7"),
        ("words", {"_sign": True}, "no debiaser has: _sign=True"),
        ("words", {"_sign": 1}, "_sign=1, and that isn't pos_label='hire'"),
        ("words", {"output_": "scores"}, "output_='scores'"),
        ("words", {"_dropped": [5]}, r"_dropped=\[5\]"),
        ("words", {"_split_seed": "x"}, "_split_seed='x'"),
        ("words", {"n_features_in_": 0}, "n_features_in_=0"),
        ("words", {"group_labels_": {"tuple": ["f"]}}, "group_labels_="),
        ("words", {"group_labels_": {"tuple": [["f"], ["m"]]}}, "damaged"),
        ("words", {"predict": 1}, r"shouldn't have, \['predict'\]"),
        ("words", None, "damaged: KeyError\\('words'\\)"),
        ("labels", {"classes_": tag_of("<U4", "hire")}, "classes_="),
        ("labels", {"classes_": tag_of("<U4", "hire", "hire")}, "classes_="),
        ("labels", {"classes_": tag_of("M8[s]", 1, 2)}, "dtype datetime64"),
        ("labels", {"classes_": tag_of("V99", 1, 2)}, "dtype |V99"),
        ("labels", {"classes_": tag_of("?!", 1, 2)}, "damaged array"),
        ("labels", {"classes_": tag_of("i1", 1, 2**70)}, "damaged array"),
        ("labels", {"classes_": {"sesame": 1}}, "a value that skfair doesn't write"),
        ("labels", {"feature_names_in_": tag_of("O", "a")}, "feature_names_in_="),
        ("labels", {}, None),
        ("params", {"tol": "x"}, "tol must be"),
        ("params", {"tol": {"float": "9" * 20}}, "damaged float"),
        ("params", {"missing": "no"}, "missing must be"),
        ("params", {"constraints": {"criterion": "sesame"}}, "damaged criterion"),
        ("params", {"sesame": 1}, r"no parameters \['sesame'\]"),
        ("params", {"Cs": 3}, "damaged: TypeError"),
        ("params", None, "no parameters"),
        ("frames", {"history_": {}}, "damaged: KeyError"),
        ("draws", {"mapping": []}, "draws in the file are damaged"),
        ("format", {}, "this version"),
    ],
)
def test_files_that_were_rewritten_are_refused(tmp_path, part, change, message):
    path = tmp_path / "net"
    fitted(Cs=(0.1,), n_subsets=2).save(path)
    tensors, about = load_tensors(path)
    if change is None:
        del about[part]
    else:
        about[part] = {**about[part], **change} if part not in ("draws", "format") else change
    save_tensors(path, tensors, about)
    if message is None:  # rewritten as it was
        LastLayerRetrainer.load(path, a_net())
        return
    with pytest.raises(ValueError, match=message):
        LastLayerRetrainer.load(path, a_net())


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("_cut", torch.tensor(torch.nan, dtype=torch.float64), "_cut=nan"),
        ("_cut", torch.zeros(2), r"no single number for \['_cut'\]"),
        ("_cut", None, r"no single number for \['_cut'\]"),
        ("threshold_", torch.tensor(0.987), "threshold_=0.98"),
        ("history_.value", torch.zeros(9), "length"),
        ("history_.value", None, "damaged: KeyError"),
        ("module.2.bias", None, "doesn't fit the network"),
        ("module.2.bias", torch.zeros(1, dtype=torch.float64), "2.bias are of torch.float64, and"),
    ],
)
def test_numbers_that_were_rewritten_are_refused(tmp_path, name, value, message):
    path = tmp_path / "net"
    fitted(Cs=(0.1,), n_subsets=2).save(path)
    tensors, about = load_tensors(path)
    tensors = {**tensors, name: value}
    save_tensors(path, {n: v for n, v in tensors.items() if v is not None}, about)
    with pytest.raises(ValueError, match=message):
        LastLayerRetrainer.load(path, a_net())


def test_a_long_dtype_costs_no_memory(tmp_path):
    path = tmp_path / "net"
    debiaser = fitted(Cs=(0.1,), n_subsets=2)
    debiaser.save(path)
    tensors, about = load_tensors(path)
    about["labels"]["classes_"]["dtype"] = "<U20000000"
    save_tensors(path, tensors, about)
    assert LastLayerRetrainer.load(path, a_net()).classes_.dtype == debiaser.classes_.dtype


@pytest.mark.filterwarnings("ignore:within tol", "ignore:the network ranks")
def test_a_net_of_other_classes_is_refused(tmp_path):
    from sklearn.frozen import FrozenEstimator
    from skorch import NeuralNetClassifier

    numbers, y = TABLE[["skill", "proxy"]].to_numpy(np.float32), (LABELS == "hire").astype(int)

    def net_of(classes):
        net = NeuralNetClassifier(nn.Linear(2, 2), criterion=nn.CrossEntropyLoss, classes=classes)
        net.set_params(verbose=0, max_epochs=1, train_split=None)
        return FrozenEstimator(net.fit(numbers, y))

    debiaser = LastLayerRetrainer(net_of(None), tol=1.0, device="cpu", random_state=0)
    debiaser.fit(numbers, y, sensitive_features=TABLE["sex"]).save(tmp_path / "net")
    loaded = LastLayerRetrainer.load(tmp_path / "net", net_of(None))
    assert_array_equal(loaded.predict(numbers), debiaser.predict(numbers))
    with pytest.raises(ValueError, match=r"net was fitted to \[1, 2\]"):
        LastLayerRetrainer.load(tmp_path / "net", net_of([1, 2]))


def test_labels_of_groups_that_are_no_plain_values_are_refused(tmp_path):
    days = pd.to_datetime(["2020-01-01", "2020-01-02"])[(TABLE["sex"] == "m").astype(int)]
    debiaser = LastLayerRetrainer(a_net(), tol=0.3, **CHOICES)
    debiaser.fit(TABLE[["skill", "proxy"]], LABELS, sensitive_features=days)
    with pytest.raises(ValueError, match="can't be saved"):
        debiaser.save(tmp_path / "net")


def test_labels_of_intersections_are_tuples_again(tmp_path):
    both = TABLE[["sex"]].assign(old=TABLE["skill"] > 0)
    options = {**CHOICES, "tol": 1.0, "constraints": "demographic_parity"}
    debiaser = LastLayerRetrainer(a_net(), **options)
    debiaser.fit(TABLE[["skill", "proxy"]], LABELS, sensitive_features=both)
    debiaser.save(tmp_path / "net")
    loaded = LastLayerRetrainer.load(tmp_path / "net", a_net())
    assert loaded.group_labels_ == debiaser.group_labels_
    assert isinstance(loaded.group_labels_[0], tuple)


def test_frames_come_back_exactly():
    frame = pd.DataFrame(
        {"n": [1, 2], "x": [0.1, np.nan], "word": ["a", None], "good": [True, False]},
        index=["p", "q"],
    )
    numbers, words = frame_parts(frame)
    assert set(numbers) == {"n", "x", "good"}
    pd.testing.assert_frame_equal(frame_of(numbers, words), frame, check_dtype=False)
    assert frame_of(numbers, words)["n"].dtype == np.int64
